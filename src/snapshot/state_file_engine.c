/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_engine: the files that an engine keeps itself, as the task enters them. They are
 * copied by the io thread behind the state file (state_file_copies.c), under a name of this
 * checkpoint's and attempt's own, so that two checkpoints' files of the same engine name never
 * meet.
 */
#include "base/check.h"
#include "os/file.h"
#include "snapshot/manifest_format.h"
#include "snapshot/state_file_writer.h"

#include <string.h>

/* "<prefix><name>" */
static const char *
make_target(weir_block_writer *writer, const char *name)
{
    size_t prefix_size = strlen(writer->engine_prefix);
    size_t name_size = strlen(name) + 1;
    char *target = wr_arena_new(&writer->arena, prefix_size + name_size);
    if (target != NULL) {
        memcpy(target, writer->engine_prefix, prefix_size);
        memcpy(target + prefix_size, name, name_size);
    }
    return target;
}

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

weir_status
weir_block_writer_add_file(weir_block_writer *writer, const weir_snapshot_file *file)
{
    wr_assert(!writer->is_handed);
    if (file->size != sizeof *file || file->name == NULL || file->path == NULL ||
        !wr_is_plain_name(file->name) || strlen(file->name) > WR_ENGINE_NAME_MAX) {
        return WEIR_INVALID;
    }
    uint64_t memory_max = writer->output.memory_max;
    if (writer->engine_prefix == NULL || (memory_max != 0 && file->bytes > memory_max)) {
        return WEIR_UNSUPPORTED;
    }
    if (writer->failed != WEIR_OK) {
        return writer->failed;
    }
    struct wr_engine_entry *entry = wr_arena_new(&writer->arena, sizeof *entry);
    const char *name = wr_arena_copy_text(&writer->arena, file->name);
    const char *source = wr_arena_copy_text(&writer->arena, file->path);
    const char *target = make_target(writer, file->name);
    if (entry == NULL || name == NULL || source == NULL || target == NULL) {
        return WEIR_NOMEM; /* not entered; the snapshot itself is whole */
    }
    bool is_known = file->is_shared && writer->is_known != NULL &&
                    writer->is_known(writer->is_known_argument, file->name, file->bytes);
    *entry = (struct wr_engine_entry){
        .result = { .name = name,
                    .file = last_part(target),
                    .is_shared = file->is_shared,
                    .is_known = is_known,
                    .size = file->bytes },
        .source = source,
        .target = target,
    };
    wr_buffer_init(&entry->result.bytes, &writer->output.kept.alloc);
    if (writer->engine_last != NULL) {
        writer->engine_last->result.next = &entry->result;
    } else {
        writer->engine_first = entry;
    }
    writer->engine_last = entry;
    writer->engine_count++;
    return WEIR_OK;
}

size_t
wr_state_file_engine_count(const weir_block_writer *writer)
{
    return writer->engine_count;
}

struct wr_state_file_engine *
wr_state_file_engine_first(weir_block_writer *writer)
{
    return (struct wr_state_file_engine *)writer->engine_first;
}

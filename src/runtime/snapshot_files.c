/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_files: a checkpoint's files of one operator subtask.
 *
 *   full          | own |                               engine files, all its own
 *   incremental   | base | changes ... | own changes |  engine files: known ones are referred to
 *
 *   a savepoint   | own |                               engine files, all its own, none shared
 *
 * What is referred to was written in this life: the first snapshot after a restore is full, so that
 * no checkpoint ever needs a file of another job, or of one that may be dropped with its job. It is
 * what was complete when the snapshot began (`base`), whatever has completed since.
 *
 * Compaction. When the changes since the base pass half of it, or are CHAIN_MAX files, the next
 * snapshot is full. It is written from live memory in turns like any other, so it costs neither the
 * reading of the chain nor a stall, and no checkpoint writes more than a full one.
 */
#include "runtime/snapshot_files.h"

#include "base/fail.h"

#include <string.h>

enum {
    CHAIN_MAX = 100
};

bool
wr_snapshot_may_change(const struct wr_file_base *base)
{
    if (base == NULL) {
        return false;
    }
    const struct wr_file_list *completed = &base->files;
    uint32_t blocks = 0;
    for (uint32_t i = 0; i < completed->count; i++) {
        blocks += completed->entries[i].role == WR_FILE_BLOCKS;
    }
    uint64_t full = wr_file_list_blocks_bytes(completed, false);
    uint64_t changes = wr_file_list_blocks_bytes(completed, true);
    return completed->count != 0 && blocks < CHAIN_MAX && changes <= full / 2;
}

bool
wr_snapshot_file_is_known(void *argument, const char *name, uint64_t bytes)
{
    const struct wr_file_base *base = argument;
    return wr_file_list_find(&base->files, name, bytes) != NULL;
}

static void
copy_name(char *out, size_t room, const char *name)
{
    size_t size = strnlen(name, room - 1);
    memcpy(out, name, size);
    out[size] = '\0';
}

/* The state file of this checkpoint. */
static weir_status
add_own(const struct wr_written_part *part, struct wr_file_list *files)
{
    struct wr_state_file_result *result = part->result;
    struct wr_file_entry entry = { .role = WR_FILE_BLOCKS,
                                   .is_shared = part->may_be_shared && !result->is_inlined &&
                                                wr_state_file_engine_count(part->writer) == 0,
                                   .has_changes = result->has_changes,
                                   .is_inlined = result->is_inlined,
                                   .size = result->size,
                                   .crc = result->crc,
                                   .checkpoint_id = part->checkpoint_id,
                                   .bytes = result->bytes };
    copy_name(entry.file, sizeof entry.file, part->file);
    WR_TRY(wr_file_list_add(files, &entry));
    result->is_inlined = false; /* the bytes are the list's */
    return WEIR_OK;
}

static weir_status
add_engine_file(const struct wr_written_part *part, struct wr_state_file_engine *engine,
                struct wr_file_list *files)
{
    if (engine->is_known) {
        const struct wr_file_entry *known =
            wr_file_list_find(&part->base->files, engine->name, engine->size);
        return known == NULL ? WEIR_INVALID : wr_file_list_add(files, known);
    }
    struct wr_file_entry entry = { .role = WR_FILE_ENGINE,
                                   .is_shared = part->may_be_shared && engine->is_shared &&
                                                !engine->is_inlined,
                                   .is_inlined = engine->is_inlined,
                                   .size = engine->size,
                                   .crc = engine->crc,
                                   .checkpoint_id = part->checkpoint_id,
                                   .bytes = engine->bytes };
    copy_name(entry.file, sizeof entry.file, engine->file);
    copy_name(entry.name, sizeof entry.name, engine->name);
    WR_TRY(wr_file_list_add(files, &entry));
    if (engine->is_inlined) {
        wr_buffer_init(&engine->bytes, &entry.bytes.alloc);
    }
    return WEIR_OK;
}

weir_status
wr_snapshot_list_files(const struct wr_written_part *part, struct wr_file_list *out_files,
                       struct wr_file_list *out_next)
{
    if (part->result->has_changes) {
        WR_TRY(wr_file_list_add_shared(out_files, &part->base->files, WR_FILE_BLOCKS));
    }
    WR_TRY(add_own(part, out_files));
    struct wr_state_file_engine *engine = wr_state_file_engine_first(part->writer);
    for (; engine != NULL; engine = engine->next) {
        WR_TRY(add_engine_file(part, engine, out_files));
    }
    return out_next == NULL ? WEIR_OK : wr_file_list_add_shared(out_next, out_files, 0);
}

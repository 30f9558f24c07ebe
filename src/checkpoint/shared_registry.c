/* SPDX-License-Identifier: Apache-2.0 */
/* shared_registry: a table of names, and for each complete checkpoint the list of its files.
 *
 * Flink keeps for a file the last checkpoint that used it, and removes what none since the oldest
 * retained one did. That is the same where the oldest goes first; ours also holds where retention
 * drops in another order.
 */
#include "checkpoint/shared_registry.h"

#include "base/fail.h"
#include "base/memory.h"

#include <inttypes.h>
#include <string.h>

enum {
    BUCKETS = 512
};

/* A checkpoint and what it needs. */
struct holder {
    struct holder *next;
    uint64_t checkpoint_id;
    size_t room;
    size_t count;
    struct wr_shared_file *files[];
};

struct wr_shared_registry {
    weir_alloc alloc;
    size_t count;
    struct holder *holders;
    struct wr_shared_file *buckets[BUCKETS];
};

static size_t
bucket_of(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a: names are ours, nobody floods it */
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    }
    return hash % BUCKETS;
}

static struct wr_shared_file *
find(const struct wr_shared_registry *registry, const char *name)
{
    struct wr_shared_file *file = registry->buckets[bucket_of(name)];
    while (file != NULL && strcmp(file->name, name) != 0) {
        file = file->next;
    }
    return file;
}

static size_t
file_bytes(const struct wr_shared_file *file)
{
    return sizeof *file + strlen(file->name) + 1;
}

static size_t
holder_bytes(const struct holder *holder)
{
    return sizeof *holder + holder->room * sizeof holder->files[0];
}

static struct wr_shared_file *
enter(struct wr_shared_registry *registry, const char *name, const struct wr_manifest_file *from)
{
    size_t name_size = strlen(name) + 1;
    struct wr_shared_file *file = wr_memory_new(&registry->alloc, sizeof *file + name_size);
    if (file != NULL) {
        memcpy(file->name, name, name_size);
        file->size = from->size;
        file->crc = from->crc;
        size_t bucket = bucket_of(name);
        file->next = registry->buckets[bucket];
        registry->buckets[bucket] = file;
        registry->count++;
    }
    return file;
}

/* One use less of each; those without any are taken out and given back as a list. */
static struct wr_shared_file *
release(struct wr_shared_registry *registry, struct holder *holder)
{
    struct wr_shared_file *unused = NULL;
    for (size_t i = 0; i < holder->count; i++) {
        struct wr_shared_file *file = holder->files[i];
        if (--file->uses != 0) {
            continue;
        }
        struct wr_shared_file **at = &registry->buckets[bucket_of(file->name)];
        while (*at != file) {
            at = &(*at)->next;
        }
        *at = file->next;
        file->next = unused;
        unused = file;
        registry->count--;
    }
    wr_memory_free(&registry->alloc, holder, holder_bytes(holder));
    return unused;
}

static weir_status
add_file(struct wr_shared_registry *registry, struct holder *holder, uint64_t checkpoint_id,
         const struct wr_manifest_file *from, weir_error *err)
{
    const char *name = wr_manifest_shared_name(from);
    if (name == NULL) {
        return WEIR_OK;
    }
    struct wr_shared_file *file = find(registry, name);
    if (file == NULL) {
        file = enter(registry, name, from);
    }
    if (file == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to note the shared files of checkpoint %" PRIu64,
                       checkpoint_id);
    }
    file->uses++;
    holder->files[holder->count++] = file;
    if (file->size != from->size || file->crc != from->crc) {
        return wr_fail(err, WEIR_CORRUPT,
                       "checkpoint %" PRIu64 ": shared file %s is %" PRIu64
                       " bytes of CRC32C %08x for it, %" PRIu64 " of %08x for an earlier one",
                       checkpoint_id, name, from->size, from->crc, file->size, file->crc);
    }
    return WEIR_OK;
}

static weir_status
add_files(struct wr_shared_registry *registry, struct holder *holder,
          const struct wr_manifest *manifest, weir_error *err)
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            for (uint32_t k = 0; k < op->subtasks[j].file_count; k++) {
                WR_TRY(add_file(registry, holder, manifest->checkpoint_id,
                                &op->subtasks[j].files[k], err));
            }
        }
    }
    return WEIR_OK;
}

static size_t
count_shared(const struct wr_manifest *manifest)
{
    size_t count = 0;
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            for (uint32_t k = 0; k < op->subtasks[j].file_count; k++) {
                count += wr_manifest_shared_name(&op->subtasks[j].files[k]) != NULL;
            }
        }
    }
    return count;
}

weir_status
wr_shared_registry_create(const weir_alloc *alloc, struct wr_shared_registry **out_registry)
{
    struct wr_shared_registry *registry = wr_memory_new(alloc, sizeof *registry);
    if (registry == NULL) {
        return WEIR_NOMEM;
    }
    registry->alloc = *alloc;
    *out_registry = registry;
    return WEIR_OK;
}

void
wr_shared_registry_destroy(struct wr_shared_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    weir_alloc alloc = registry->alloc;
    while (registry->holders != NULL) {
        wr_shared_files_free(&alloc,
                             wr_shared_registry_drop(registry, registry->holders->checkpoint_id));
    }
    wr_memory_free(&alloc, registry, sizeof *registry);
}

weir_status
wr_shared_registry_add(struct wr_shared_registry *registry, const struct wr_manifest *manifest,
                       weir_error *err)
{
    size_t room = count_shared(manifest);
    if (room == 0) {
        return WEIR_OK;
    }
    struct holder *holder =
        wr_memory_new(&registry->alloc, sizeof *holder + room * sizeof holder->files[0]);
    if (holder == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to note the shared files of checkpoint %" PRIu64,
                       manifest->checkpoint_id);
    }
    holder->room = room;
    holder->checkpoint_id = manifest->checkpoint_id;
    weir_status status = add_files(registry, holder, manifest, err);
    if (status != WEIR_OK) {
        wr_shared_files_free(&registry->alloc, release(registry, holder));
        return status;
    }
    holder->next = registry->holders;
    registry->holders = holder;
    return WEIR_OK;
}

struct wr_shared_file *
wr_shared_registry_drop(struct wr_shared_registry *registry, uint64_t checkpoint_id)
{
    struct holder **at = &registry->holders;
    while (*at != NULL && (*at)->checkpoint_id != checkpoint_id) {
        at = &(*at)->next;
    }
    struct holder *holder = *at;
    if (holder == NULL) {
        return NULL;
    }
    *at = holder->next;
    return release(registry, holder);
}

void
wr_shared_files_free(const weir_alloc *alloc, struct wr_shared_file *files)
{
    while (files != NULL) {
        struct wr_shared_file *next = files->next;
        wr_memory_free(alloc, files, file_bytes(files));
        files = next;
    }
}

bool
wr_shared_registry_needs(const struct wr_shared_registry *registry, const char *name)
{
    return find(registry, name) != NULL;
}

size_t
wr_shared_registry_count(const struct wr_shared_registry *registry)
{
    return registry->count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* log: every change and every sync, in order, and from which prefix on each change is durable.
 *
 *   record        0 create a | 1 write a | 2 sync a | 3 rename a -> b | 4 sync /
 *   durable_at    5          | 3         |          | 5               |
 *
 * `pending` holds the numbers of the changes that no sync has covered yet, oldest first; a sync
 * filters it. A rename across directories waits for both.
 */
#include "support/common_os_sim_inner.h"

#include <stdlib.h>
#include <string.h>

static bool
sync_covers(struct os_sim *sim, const struct sim_record *sync, struct sim_record *record)
{
    switch (record->kind) {
    case SIM_RECORD_WRITE:
    case SIM_RECORD_TRUNCATE:
        return record->inode == sync->inode;
    case SIM_RECORD_CREATE:
    case SIM_RECORD_MKDIR:
    case SIM_RECORD_UNLINK:
        return record->directory == sync->inode;
    case SIM_RECORD_RENAME:
        sim->covered += !record->synced_from && record->directory == sync->inode;
        sim->covered += !record->synced_to && record->directory_to == sync->inode;
        record->synced_from = record->synced_from || record->directory == sync->inode;
        record->synced_to = record->synced_to || record->directory_to == sync->inode;
        return record->synced_from && record->synced_to;
    case SIM_RECORD_SYNC:
    default:
        return false;
    }
}

static void
pending_filter(struct os_sim *sim, const struct sim_record *sync)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim->pending_count; i++) {
        struct sim_record *record = &sim->log[sim->pending[i]];
        if (sync_covers(sim, sync, record)) {
            sim->covered++;
            record->durable_at = sim->log_count;
        } else {
            sim->pending[kept++] = sim->pending[i];
        }
    }
    sim->pending_count = kept;
}

static void
pending_add(struct os_sim *sim, size_t number)
{
    if (sim->pending_count == sim->pending_capacity) {
        sim->pending_capacity = sim->pending_capacity * 2 + 16;
        sim->pending = sim_grow(sim->pending, sim->pending_capacity * sizeof *sim->pending);
    }
    sim->pending[sim->pending_count++] = number;
}

static void
record_path(const struct os_sim *sim, const struct sim_record *record, char *out, size_t size)
{
    sim_image_path(&sim->image, record->inode, out, size);
    if (record->kind == SIM_RECORD_RENAME) {
        char to[300];
        sim_image_path(&sim->image, record->directory_to, to, sizeof to);
        size_t used = strlen(out);
        snprintf(out + used, size - used, " -> %s%s%s", to, strcmp(to, "/") == 0 ? "" : "/",
                 record->name);
    } else if (record->kind == SIM_RECORD_CREATE || record->kind == SIM_RECORD_MKDIR) {
        sim_image_path(&sim->image, record->directory, out, size);
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", strcmp(out, "/") == 0 ? "" : "/", record->name);
    }
}

static void
log_add(struct os_sim *sim, const struct sim_record *record, const char *path, bool durable)
{
    if (sim->log_count == sim->log_capacity) {
        sim->log_capacity = sim->log_capacity * 2 + 64;
        sim->log = sim_grow(sim->log, sim->log_capacity * sizeof *sim->log);
    }
    struct sim_record *added = &sim->log[sim->log_count++];
    *added = *record;
    added->path = sim_copy_text(path, strlen(path));
    added->name = record->name == NULL ? NULL : sim_copy_text(record->name, strlen(record->name));
    added->name_from = record->name_from == NULL
                           ? NULL
                           : sim_copy_text(record->name_from, strlen(record->name_from));
    added->data = NULL;
    if (record->data != NULL) {
        added->data = sim_new(record->size);
        memcpy(added->data, record->data, record->size);
    }
    added->durable_at = durable ? sim->log_count : SIZE_MAX;
    if (added->kind == SIM_RECORD_SYNC) {
        pending_filter(sim, added);
    } else if (!durable) {
        pending_add(sim, sim->log_count - 1);
    }
}

void
sim_commit(struct os_sim *sim, struct sim_record *record, bool durable)
{
    static const struct sim_fate keep = { .kind = SIM_KEEP };
    char path[600] = "";
    if (!sim->config.no_log) {
        record_path(sim, record, path, sizeof path);
    }
    record->at_ms = sim_wall_ms(sim);
    sim->moves += record->kind == SIM_RECORD_RENAME || record->kind == SIM_RECORD_UNLINK;
    sim_image_apply(&sim->image, record, &keep);
    if (!sim->config.no_log) {
        log_add(sim, record, path, durable);
    }
}

static void
log_clear(struct os_sim *sim)
{
    for (size_t i = 0; i < sim->log_count; i++) {
        free(sim->log[i].name);
        free(sim->log[i].name_from);
        free(sim->log[i].path);
        free(sim->log[i].data);
    }
    sim->log_count = 0;
    sim->pending_count = 0;
}

void
sim_log_fini(struct os_sim *sim)
{
    log_clear(sim);
    free(sim->log);
    free(sim->pending);
    sim->log = NULL;
    sim->pending = NULL;
    sim->log_capacity = sim->pending_capacity = 0;
}

void
sim_record_words(const struct sim_record *record, char *out, size_t size)
{
    static const char *const verbs[] = { "create", "mkdir",  "write", "truncate",
                                         "rename", "unlink", "sync" };
    if (record->kind == SIM_RECORD_WRITE) {
        snprintf(out, size, "write %s at %llu size %zu", record->path,
                 (unsigned long long)record->offset, record->size);
    } else if (record->kind == SIM_RECORD_TRUNCATE) {
        snprintf(out, size, "truncate %s to %zu", record->path, record->size);
    } else {
        snprintf(out, size, "%s %s", verbs[record->kind], record->path);
    }
}

uint64_t
os_sim_covered_count(const struct os_sim *sim)
{
    return sim->covered;
}

size_t
os_sim_log_count(const struct os_sim *sim)
{
    return sim->log_count;
}

void
os_sim_log_reset(struct os_sim *sim)
{
    log_clear(sim);
    sim_image_fini(&sim->base);
    sim_image_copy(&sim->base, &sim->image);
}

void
os_sim_log_print(const struct os_sim *sim, FILE *out)
{
    char words[700];
    for (size_t i = 0; i < sim->log_count; i++) {
        const struct sim_record *record = &sim->log[i];
        sim_record_words(record, words, sizeof words);
        bool open = record->kind != SIM_RECORD_SYNC && record->durable_at == SIZE_MAX;
        fprintf(out, "%5zu %s%s\n", i, words, open ? "  (not durable)" : "");
    }
}

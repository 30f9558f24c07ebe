/* SPDX-License-Identifier: Apache-2.0 */
/* store: the checkpoint directory, judged from outside any process. A checkpoint is read and
 * verified once, when it becomes visible; then only the places of its files are looked at. */
#include "sim/store.h"

#include "base/crc32c.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
store_wrong(struct store *store, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (store->lab->words[0] == '\0') {
        (void)vsnprintf(store->lab->words, sizeof store->lab->words, format, arguments);
    }
    va_end(arguments);
    return false;
}

void
store_init(struct store *store, struct lab *lab)
{
    memset(store, 0, sizeof *store);
    store->lab = lab;
}

void
store_begin_job(struct store *store, const char *job_id)
{
    store->may_vanish = false;
    if (strcmp(job_id, store->job_id) != 0) {
        snprintf(store->job_id, sizeof store->job_id, "%s", job_id);
        store->highest = 0;
        store->newest_told = 0;
    }
}

static void
forget(struct store *store, size_t at)
{
    free(store->checkpoints[at].files);
    store->checkpoints[at] = store->checkpoints[--store->count];
}

void
store_fini(struct store *store)
{
    while (store->count != 0) {
        forget(store, store->count - 1);
    }
    free(store->checkpoints);
    store_forget_saves(store);
}

const struct store_checkpoint *
store_find(const struct store *store, uint64_t id)
{
    for (size_t i = 0; i < store->count; i++) {
        if (store->checkpoints[i].id == id &&
            strcmp(store->checkpoints[i].job_id, store->job_id) == 0) {
            return &store->checkpoints[i];
        }
    }
    return NULL;
}

/* The first line of a mark in the job's directory; 0: there is no such mark. */
static uint64_t
marked_id(const struct store *store, const char *job_id, const char *name)
{
    char path[200];
    char text[24] = "";
    size_t size = 0;
    snprintf(path, sizeof path, LAB_CHECKPOINTS "/%s/%s", job_id, name);
    const uint8_t *bytes = os_sim_file_get(store->lab->sim, path, &size);
    if (bytes != NULL) {
        memcpy(text, bytes, size < sizeof text ? size : sizeof text - 1);
    }
    return strtoull(text, NULL, 10);
}

static bool
has_finished(const struct store *store, const char *job_id)
{
    return marked_id(store, job_id, "_finished") != 0;
}

bool
store_has_finished(const struct store *store)
{
    return has_finished(store, store->job_id);
}

uint64_t
store_finished_id(const struct store *store)
{
    return marked_id(store, store->job_id, "_finished");
}

uint64_t
store_marked_id(const struct store *store)
{
    return marked_id(store, store->job_id, "_savepoint");
}

/* --- one checkpoint becomes visible --- */

static bool
verify_file(struct store *store, const char *directory, const struct wr_manifest_file *file,
            struct store_checkpoint *out)
{
    char path[1200];
    size_t size = 0;
    if (file->path[0] == '\0') {
        return wr_crc32c(0, file->bytes.data, file->bytes.size) == file->crc ||
               store_wrong(store, "%s: bytes in the manifest fail their checksum", directory);
    }
    snprintf(path, sizeof path, "%s/%s", directory, file->path);
    struct os_sim_place place = os_sim_place_of(store->lab->sim, path);
    const uint8_t *data = os_sim_place_get(store->lab->sim, &place, &size);
    if (data == NULL || size != file->size || wr_crc32c(0, data, size) != file->crc) {
        return store_wrong(store, "%s is visible, but its file %s is %s", directory, file->path,
                           data == NULL ? "not there" : "not what it says");
    }
    out->files = realloc(out->files, (out->file_count + 1) * sizeof *out->files);
    out->files[out->file_count++] = place;
    return true;
}

static bool
verify_manifest(struct store *store, const char *directory, const struct wr_manifest *manifest,
                struct store_checkpoint *out)
{
    size_t finished = 0;
    size_t subtasks = 0;
    out->is_savepoint = wr_checkpoint_is_savepoint(manifest->kind);
    out->is_drained = manifest->kind == WR_SAVEPOINT_DRAIN;
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        out->parallelism = op->parallelism > out->parallelism ? op->parallelism : out->parallelism;
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &op->subtasks[j];
            subtasks++;
            finished += subtask->finished;
            for (uint32_t k = 0; k < subtask->file_count; k++) {
                if (!verify_file(store, directory, &subtask->files[k], out)) {
                    return false;
                }
            }
            for (uint32_t k = 0; k < subtask->list_count; k++) {
                const struct wr_manifest_state *state = &op->states[subtask->lists[k].state];
                out->has_in_flight =
                    out->has_in_flight ||
                    (strstr(state->name, "in_flight") != NULL && subtask->lists[k].count != 0);
            }
        }
    }
    store->partly_finished = store->partly_finished || (finished != 0 && finished != subtasks);
    return true;
}

bool
store_read(struct store *store, const char *directory, struct store_checkpoint *out)
{
    char path[1100];
    size_t size = 0;
    weir_alloc alloc = wr_memory_system();
    weir_error error = { .status = WEIR_OK };
    struct wr_manifest manifest;
    snprintf(path, sizeof path, "%s/_metadata", directory);
    const uint8_t *data = os_sim_file_get(store->lab->sim, path, &size);
    if (data == NULL) {
        return store_wrong(store, "%s is visible and has no _metadata", directory);
    }
    wr_manifest_init(&manifest, &alloc);
    bool good = wr_manifest_decode(&manifest, path, weir_bytes_of(data, size), &error) == WEIR_OK ||
                store_wrong(store, "%s: %s", directory, error.message);
    good = good && verify_manifest(store, directory, &manifest, out);
    if (good && out->id == 0) {
        out->id = manifest.checkpoint_id;
    } else if (good && manifest.checkpoint_id != out->id) {
        good = store_wrong(store, "%s is checkpoint %" PRIu64, directory, manifest.checkpoint_id);
    }
    wr_manifest_fini(&manifest);
    return good;
}

static bool
welcome(struct store *store, const char *job_id, uint64_t id, const struct os_sim_place *place)
{
    char directory[1000];
    struct store_checkpoint made = { .id = id, .directory = *place };
    snprintf(made.job_id, sizeof made.job_id, "%s", job_id);
    snprintf(directory, sizeof directory, LAB_CHECKPOINTS "/%s/chk-%" PRIu64, job_id, id);
    if (!store_read(store, directory, &made)) {
        free(made.files);
        return false;
    }
    if (store->count == store->room) {
        store->room = store->room * 2 + 8;
        store->checkpoints = realloc(store->checkpoints, store->room * sizeof *store->checkpoints);
    }
    store->checkpoints[store->count++] = made;
    if (store->is_fenced) {
        return store_wrong(store, "%s becomes visible by an attempt that was taken over",
                           directory);
    }
    if (store->is_after_cut && strcmp(job_id, store->job_id) != 0) {
        return true; /* of a job before, whose removal was not durable */
    }
    if (strcmp(job_id, store->job_id) != 0) {
        return store_wrong(store, "%s becomes visible, and the job that runs is %s", directory,
                           store->job_id);
    }
    if (id <= store->highest) {
        return store_wrong(store, "checkpoint %" PRIu64 " became complete after %" PRIu64, id,
                           store->highest);
    }
    store->highest = id;
    return true;
}

/* --- a look --- */

static bool
is_known(const struct store *store, const struct os_sim_place *place)
{
    for (size_t i = 0; i < store->count; i++) {
        if (store->checkpoints[i].directory.inode == place->inode) {
            return true;
        }
    }
    return false;
}

/* Ascending, so that two that became visible at once are seen in their order. */
static bool
look_at_job(struct store *store, const char *job_id, const struct os_sim_place *directory)
{
    for (;;) {
        struct os_sim_place place;
        struct os_sim_place next = { .inode = 0 };
        uint64_t next_id = UINT64_MAX;
        const char *name;
        for (size_t i = 0; (name = os_sim_name_at(store->lab->sim, directory, i, &place)) != NULL;
             i++) {
            if (strncmp(name, "chk-", 4) == 0 && !is_known(store, &place)) {
                uint64_t id = strtoull(name + 4, NULL, 10);
                next = id < next_id ? place : next;
                next_id = id < next_id ? id : next_id;
            }
        }
        if (next_id == UINT64_MAX) {
            return true;
        }
        if (!welcome(store, job_id, next_id, &next)) {
            return false;
        }
    }
}

static bool
look_at_known(struct store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct store_checkpoint *known = &store->checkpoints[i];
        if (!os_sim_place_holds(store->lab->sim, &known->directory)) {
            bool is_newest =
                known->id == store->highest && strcmp(known->job_id, store->job_id) == 0;
            bool is_told = known->id <= store->newest_told;
            if (is_newest && is_told && !store->may_vanish && !has_finished(store, known->job_id)) {
                return store_wrong(
                    store, "checkpoint %" PRIu64 ", the newest complete one, is gone", known->id);
            }
            if (is_newest && !is_told) { /* taken back: it could not be made durable */
                store->highest = store->newest_told;
            }
            forget(store, i--);
            continue;
        }
        for (size_t j = 0; j < known->file_count; j++) {
            if (!os_sim_place_holds(store->lab->sim, &known->files[j])) {
                return store_wrong(
                    store, "a file of checkpoint %" PRIu64 " is gone, or has changed", known->id);
            }
        }
    }
    return true;
}

static bool
look_at_output(struct store *store)
{
    uint64_t marked = store_marked_id(store);
    uint64_t complete =
        store->highest > store->highest_saved ? store->highest : store->highest_saved;
    complete = marked > complete ? marked : complete;
    for (; store->output_seen < store->lab->seen_count; store->output_seen++) {
        const struct lab_seen *seen = &store->lab->seen[store->output_seen];
        if (seen->checkpoint_id > complete) {
            return store_wrong(store,
                               "%s is committed, but the newest complete checkpoint was %" PRIu64,
                               seen->name, complete);
        }
    }
    return true;
}

bool
store_look(struct store *store)
{
    struct os_sim *sim = store->lab->sim;
    uint64_t moves = os_sim_move_count(sim) + 1;
    if (os_sim_power_is_off(sim) || moves == store->moves) {
        return true;
    }
    store->moves = moves;
    if (!look_at_known(store)) {
        return false;
    }
    struct os_sim_place root = os_sim_place_of(sim, LAB_CHECKPOINTS);
    struct os_sim_place place;
    const char *name;
    for (size_t i = 0; (name = os_sim_name_at(sim, &root, i, &place)) != NULL; i++) {
        if (name[0] != '.' && strlen(name) == WR_JOB_ID_SIZE - 1 &&
            !look_at_job(store, name, &place)) {
            return false;
        }
    }
    return store_look_at_saves(store) && lab_judge(store->lab, false) && look_at_output(store);
}

bool
store_after_cut(struct store *store)
{
    while (store->count != 0) {
        forget(store, store->count - 1);
    }
    /* What was not told yet may have been lost, and its id be given again. */
    store->moves = 0;
    store->highest = 0;
    store->is_after_cut = true;
    bool good = store_saves_after_cut(store) && store_look(store);
    store->is_after_cut = false;
    if (!good) {
        return false;
    }
    if (store->highest < store->newest_told && !store->may_vanish &&
        !has_finished(store, store->job_id)) {
        return store_wrong(store,
                           "checkpoint %" PRIu64 " was stored, after the power cut %" PRIu64
                           " is the newest",
                           store->newest_told, store->highest);
    }
    return true;
}

/* --- at the end --- */

static bool
is_needed(const struct store *store, const struct os_sim_place *place)
{
    for (size_t i = 0; i < store->count; i++) {
        for (size_t j = 0; j < store->checkpoints[i].file_count; j++) {
            if (store->checkpoints[i].files[j].inode == place->inode) {
                return true;
            }
        }
    }
    return false;
}

bool
store_at_end(struct store *store)
{
    char path[200];
    struct os_sim_place place;
    const char *name;
    snprintf(path, sizeof path, LAB_CHECKPOINTS "/%s/shared", store->job_id);
    struct os_sim_place shared = os_sim_place_of(store->lab->sim, path);
    for (size_t i = 0; (name = os_sim_name_at(store->lab->sim, &shared, i, &place)) != NULL; i++) {
        if (!is_needed(store, &place)) {
            return store_wrong(store, "%s/%s is left, and no checkpoint needs it", path, name);
        }
    }
    return true;
}

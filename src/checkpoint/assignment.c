/* SPDX-License-Identifier: Apache-2.0 */
/* assignment: deals a checkpoint's state out to the subtasks of a job, at any parallelism. Pure.
 *
 *   old subtasks, parallelism 2           new subtasks, parallelism 3
 *     0: groups 0-63    list a b c d        0: groups 0-42    file 0         a b c
 *     1: groups 64-127  list e f g h        1: groups 43-85   files 0 and 1  d e f
 *                                           2: groups 86-127  file 1         g h
 *
 * Keyed state is never cut here: a subtask gets every file, and every chain of files, whose range
 * of key groups meets its own, and the reader gives it the blocks of its groups. Lists are told as
 * [first, first + count) of the old subtask's own file, in the order of the old subtasks. The
 * rotation of OS1 goes over the operator's SPLIT states in the manifest's order (Flink's order is
 * its HashMap's, which says nothing).
 *
 * A union list goes to everyone, also at equal parallelism. A function that adds to it in each
 * life without clearing it first makes it grow by its parallelism at every restore: it is the
 * function that keeps its own part and drops the rest.
 *
 * Invariants, over all subtasks of an operator:
 *   (1) Each element of a SPLIT list is given once, of a UNION list once to each subtask.
 *   (2) A file is given as `keyed` to exactly the subtasks whose key groups it has.
 *   (3) Only what wr_shape_check passed is dealt.
 */
#include "checkpoint/assignment.h"

#include "base/fail.h"
#include "checkpoint/shape.h"
#include "types/key_group.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What becomes of one entry of the manifest's subtasks. */
struct use {
    bool is_read;
    bool is_keyed;
    uint32_t file; /* index of its own file into the restore's files, when it is read */
};

/* One assignment being made. `lists` NULL: they are only counted. */
struct deal {
    const struct wr_manifest_operator *old;
    uint32_t parallelism;
    uint32_t subtask;
    struct use *uses; /* old->subtask_count */
    struct wr_restore_list *lists;
    uint32_t list_count;
};

static uint64_t
element_count(const struct wr_manifest_subtask *subtask, uint32_t state)
{
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        if (subtask->lists[i].state == state) {
            return subtask->lists[i].count;
        }
    }
    return 0;
}

static bool
has_copy(const struct wr_manifest_subtask *subtask, uint32_t state)
{
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        if (subtask->lists[i].state == state) {
            return true;
        }
    }
    return false;
}

static uint64_t
element_total(const struct wr_manifest_operator *old, uint32_t state)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < old->subtask_count; i++) {
        total += element_count(&old->subtasks[i], state);
    }
    return total;
}

/* Gives the elements [first, first + count) of all old lists put end to end. */
static void
deal_elements(struct deal *deal, uint32_t state, uint64_t first, uint64_t count)
{
    uint64_t begin = 0; /* of the old subtask's elements among all */
    for (uint32_t i = 0; i < deal->old->subtask_count && count > 0; i++) {
        uint64_t here = element_count(&deal->old->subtasks[i], state);
        if (first < begin + here) {
            uint64_t skipped = first - begin;
            uint64_t taken = count < here - skipped ? count : here - skipped;
            deal->uses[i].is_read = true;
            if (deal->lists != NULL) {
                deal->lists[deal->list_count] =
                    (struct wr_restore_list){ .file = deal->uses[i].file,
                                              .state = &deal->old->states[state],
                                              .first = skipped,
                                              .count = taken };
            }
            deal->list_count++;
            first += taken;
            count -= taken;
        }
        begin += here;
    }
}

/* OS1: own list back, or consecutive shares from `*start` on; the next state's extra elements begin
 * behind the last that got one of these. */
static void
deal_split(struct deal *deal, uint32_t state, uint32_t *start)
{
    if (deal->parallelism == deal->old->parallelism) {
        uint64_t first = 0;
        for (uint32_t i = 0; i < deal->old->subtask_count; i++) {
            uint64_t here = element_count(&deal->old->subtasks[i], state);
            if (deal->old->subtasks[i].index == deal->subtask) {
                deal_elements(deal, state, first, here);
            }
            first += here;
        }
        return;
    }
    uint64_t total = element_total(deal->old, state);
    uint64_t base = total / deal->parallelism;
    uint64_t extra = total % deal->parallelism;
    uint64_t turn = (deal->subtask + deal->parallelism - *start) % deal->parallelism;
    deal_elements(deal, state, turn * base + (turn < extra ? turn : extra),
                  base + (turn < extra ? 1 : 0));
    *start = (uint32_t)((*start + extra) % deal->parallelism);
}

/* OS3: old subtask i modulo how many have reported a copy; its own where nothing changed. */
static void
deal_broadcast(struct deal *deal, uint32_t state)
{
    uint32_t reported = 0;
    for (uint32_t i = 0; i < deal->old->subtask_count; i++) {
        reported += has_copy(&deal->old->subtasks[i], state);
    }
    uint32_t turn = reported != 0 ? deal->subtask % reported : 0;
    uint64_t first = 0;
    for (uint32_t i = 0; i < deal->old->subtask_count; i++) {
        const struct wr_manifest_subtask *subtask = &deal->old->subtasks[i];
        uint64_t here = element_count(subtask, state);
        if (has_copy(subtask, state) && turn-- == 0) {
            deal_elements(deal, state, first, here);
            return;
        }
        first += here;
    }
}

static void
deal_lists(struct deal *deal)
{
    uint32_t start = 0;
    deal->list_count = 0;
    for (uint32_t state = 0; state < deal->old->state_count; state++) {
        if (deal->old->states[state].kind == WEIR_STATE_BROADCAST) {
            deal_broadcast(deal, state);
            continue;
        }
        switch (deal->old->states[state].list_mode) {
        case WEIR_LIST_SPLIT:
            deal_split(deal, state, &start);
            break;
        case WEIR_LIST_UNION:
            deal_elements(deal, state, 0, element_total(deal->old, state));
            break;
        case WEIR_LIST_NONE:
        default:
            break;
        }
    }
}

static const char *
join_path(struct wr_arena *arena, const char *directory, const char *file)
{
    size_t size = strlen(directory) + 1 + strlen(file) + 1;
    char *path = wr_arena_new(arena, size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", directory, file);
    }
    return path;
}

/* Keyed state: the files whose key groups meet the subtask's (KG3). */
static void
use_key_groups(struct deal *deal, uint32_t max_parallelism)
{
    uint32_t first = 0;
    uint32_t last = 0;
    wr_key_group_range(deal->subtask, deal->parallelism, max_parallelism, &first, &last);
    for (uint32_t i = 0; i < deal->old->subtask_count; i++) {
        const struct wr_manifest_subtask *subtask = &deal->old->subtasks[i];
        if (wr_shape_is_keyed(subtask) && subtask->key_group_first <= last &&
            subtask->key_group_last >= first) {
            deal->uses[i].is_read = true;
            deal->uses[i].is_keyed = true;
        }
    }
}

/* What is being made for one subtask of the new job. */
struct target {
    const uint8_t *operator_id;
    const char *directory;
    struct wr_arena *arena;
    struct wr_operator_restore *restore;
};

/* The engine's own files of an old subtask, put to its own state file. */
static weir_status
add_engine_files(const struct target *target, const struct wr_manifest_subtask *subtask,
                 struct wr_restore_file *file)
{
    file->engine_files =
        wr_arena_new(target->arena, subtask->file_count * sizeof *file->engine_files);
    if (file->engine_files == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        const struct wr_manifest_file *old = &subtask->files[i];
        if (old->role != WR_FILE_ENGINE) {
            continue;
        }
        const char *path = join_path(target->arena, target->directory, old->path);
        if (path == NULL) {
            return WEIR_NOMEM;
        }
        struct wr_restore_engine_file *added = &file->engine_files[file->engine_file_count++];
        *added = (struct wr_restore_engine_file){ .name = old->name,
                                                  .path = path,
                                                  .size = old->size,
                                                  .crc = old->crc,
                                                  .is_shared = old->is_shared,
                                                  .is_inlined = old->path[0] == '\0',
                                                  .bytes = old->bytes,
                                                  .checkpoint_id = old->checkpoint_id };
        memcpy(added->attempt, old->attempt, sizeof added->attempt);
    }
    return WEIR_OK;
}

static weir_status
add_file(const struct target *target, const struct wr_manifest_subtask *subtask,
         const struct wr_manifest_file *old, bool is_keyed)
{
    const char *path = join_path(target->arena, target->directory, old->path);
    if (path == NULL) {
        return WEIR_NOMEM;
    }
    struct wr_restore_file *file = &target->restore->files[target->restore->file_count++];
    *file = (struct wr_restore_file){
        .path = path,
        .identity = { .checkpoint_id = old->checkpoint_id, .subtask = subtask->index },
        .size = old->size,
        .crc = old->crc,
        .keyed = is_keyed,
        .has_changes = old->has_changes,
        .is_inlined = old->path[0] == '\0',
        .bytes = old->bytes,
        .key_group_first = subtask->key_group_first,
        .key_group_last = subtask->key_group_last,
    };
    memcpy(file->identity.attempt, old->attempt, sizeof file->identity.attempt);
    memcpy(file->identity.operator_id, target->operator_id, sizeof file->identity.operator_id);
    return is_keyed && old == wr_manifest_own_file(subtask)
               ? add_engine_files(target, subtask, file)
               : WEIR_OK;
}

/* All state files of a subtask whose key groups are wanted, in order; of one that only has lists
 * for us its own. */
static weir_status
make_files(struct deal *deal, const struct target *target)
{
    size_t most = 0;
    for (uint32_t i = 0; i < deal->old->subtask_count; i++) {
        most += deal->uses[i].is_read ? deal->old->subtasks[i].file_count : 0;
    }
    target->restore->files = wr_arena_new(target->arena, most * sizeof *target->restore->files);
    if (target->restore->files == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < deal->old->subtask_count; i++) {
        const struct wr_manifest_subtask *subtask = &deal->old->subtasks[i];
        const struct wr_manifest_file *own = wr_manifest_own_file(subtask);
        for (uint32_t j = 0; deal->uses[i].is_read && j < subtask->file_count; j++) {
            const struct wr_manifest_file *file = &subtask->files[j];
            bool is_wanted = deal->uses[i].is_keyed || file == own;
            if (file->role == WR_FILE_BLOCKS && is_wanted) {
                WR_TRY(add_file(target, subtask, file, deal->uses[i].is_keyed));
            }
            if (file == own) {
                deal->uses[i].file = target->restore->file_count - 1;
            }
        }
    }
    return WEIR_OK;
}

/* The lists are dealt twice: first to learn which files they need and how many parts there are. */
static weir_status
make_restore(struct deal *deal, bool is_keyed, const struct target *target)
{
    struct wr_operator_restore *restore = target->restore;
    deal->uses = wr_arena_new(target->arena, deal->old->subtask_count * sizeof *deal->uses);
    if (deal->uses == NULL) {
        return WEIR_NOMEM;
    }
    if (is_keyed) {
        use_key_groups(deal, deal->old->max_parallelism);
    }
    deal_lists(deal);
    WR_TRY(make_files(deal, target));
    if (deal->list_count == 0) {
        return WEIR_OK;
    }
    deal->lists = wr_arena_new(target->arena, deal->list_count * sizeof *deal->lists);
    if (deal->lists == NULL) {
        return WEIR_NOMEM;
    }
    deal_lists(deal);
    restore->lists = deal->lists;
    restore->list_count = deal->list_count;
    return WEIR_OK;
}

/* Its own word at equal parallelism, else that of all. */
static bool
had_finished(const struct wr_manifest_operator *old, uint32_t parallelism, uint32_t subtask)
{
    uint32_t finished = 0;
    bool is_own_finished = false;
    for (uint32_t i = 0; i < old->subtask_count; i++) {
        finished += old->subtasks[i].finished;
        is_own_finished |= old->subtasks[i].finished && old->subtasks[i].index == subtask;
    }
    return parallelism == old->parallelism ? is_own_finished : finished == old->parallelism;
}

weir_status
wr_assignment_make(const struct wr_manifest *manifest, const char *directory,
                   const struct wr_assignment_operator *operator_, uint32_t subtask,
                   struct wr_arena *arena, struct wr_operator_restore *out_restore, weir_error *err)
{
    struct wr_operator_restore restore = { .checkpoint_id = manifest->checkpoint_id };
    const struct wr_manifest_operator *old = wr_manifest_find(manifest, operator_->id);
    if (old == NULL) {
        *out_restore = restore;
        return WEIR_OK;
    }
    WR_TRY(wr_shape_check(manifest, old, err));
    bool is_keyed = operator_->key_type != NULL;
    if (subtask >= operator_->parallelism || (is_keyed && wr_shape_has_state(old) &&
                                              operator_->max_parallelism != old->max_parallelism)) {
        return wr_fail(err, WEIR_INVALID,
                       WR_SHAPE_WORDS "subtask %u of %u with maximum parallelism %u (snapshot: %u) "
                                      "was not checked against the snapshot",
                       manifest->checkpoint_id, old->name, old->uid, subtask,
                       operator_->parallelism, operator_->max_parallelism, old->max_parallelism);
    }
    restore.restored = true;
    restore.finished = had_finished(old, operator_->parallelism, subtask);
    struct deal deal = { .old = old, .parallelism = operator_->parallelism, .subtask = subtask };
    struct target target = {
        .operator_id = old->id, .directory = directory, .arena = arena, .restore = &restore
    };
    if (wr_shape_has_state(old) && make_restore(&deal, is_keyed, &target) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, WR_SHAPE_WORDS "no memory to plan its restore",
                       manifest->checkpoint_id, old->name, old->uid);
    }
    *out_restore = restore;
    return WEIR_OK;
}

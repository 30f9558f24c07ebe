/* SPDX-License-Identifier: Apache-2.0 */
/* shape: looks a manifest's operator over before its state is dealt out. The decoder vouches for
 * the bytes; this vouches for the sense, so that the arithmetic of the assignment needs no further
 * check: parallelism within Flink's bounds, subtasks ascending, changes behind what they change,
 * lists unique, element counts below 2^32 (no sum of 2^15 of them overflows).
 */
#include "checkpoint/shape.h"

#include "base/fail.h"
#include "snapshot/descriptor.h"
#include "types/key_group.h"

bool
wr_shape_has_state(const struct wr_manifest_operator *old)
{
    for (uint32_t i = 0; i < old->subtask_count; i++) {
        if (old->subtasks[i].file_count != 0) {
            return true;
        }
    }
    return false;
}

bool
wr_shape_is_keyed(const struct wr_manifest_subtask *subtask)
{
    return subtask->file_count != 0 && subtask->key_group_first <= subtask->key_group_last;
}

/* Lists of a subtask are few: all pairs. */
static bool
is_list_sane(const struct wr_manifest_operator *old, const struct wr_manifest_subtask *subtask,
             uint32_t at)
{
    const struct wr_manifest_list *list = &subtask->lists[at];
    for (uint32_t i = 0; i < at; i++) {
        if (subtask->lists[i].state == list->state) {
            return false;
        }
    }
    return list->state < old->state_count &&
           !wr_state_kind_is_keyed(old->states[list->state].kind,
                                   old->states[list->state].list_mode) &&
           list->count <= UINT32_MAX && (list->count == 0 || subtask->file_count != 0);
}

/* A chain begins with a whole file, and a subtask with files has one of its own. */
static bool
are_files_sane(const struct wr_manifest_subtask *subtask)
{
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        if (subtask->files[i].role == WR_FILE_BLOCKS) {
            return !subtask->files[i].has_changes;
        }
    }
    return subtask->file_count == 0;
}

static bool
are_lists_sane(const struct wr_manifest_operator *old, const struct wr_manifest_subtask *subtask)
{
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        if (!is_list_sane(old, subtask, i)) {
            return false;
        }
    }
    return true;
}

weir_status
wr_shape_check(const struct wr_manifest *manifest, const struct wr_manifest_operator *old,
               weir_error *err)
{
    if (old->parallelism == 0 || old->parallelism > old->max_parallelism ||
        old->max_parallelism > WR_MAX_PARALLELISM_LIMIT) {
        return wr_fail(
            err, WEIR_CORRUPT, WR_SHAPE_WORDS "parallelism %u of at most %u makes no sense",
            manifest->checkpoint_id, old->name, old->uid, old->parallelism, old->max_parallelism);
    }
    for (uint32_t i = 0; i < old->subtask_count; i++) {
        const struct wr_manifest_subtask *subtask = &old->subtasks[i];
        bool is_in_order =
            subtask->index < old->parallelism && (i == 0 || subtask->index > subtask[-1].index);
        if (!is_in_order || !are_lists_sane(old, subtask) || !are_files_sane(subtask) ||
            (wr_shape_is_keyed(subtask) && subtask->key_group_last >= old->max_parallelism)) {
            return wr_fail(err, WEIR_CORRUPT,
                           WR_SHAPE_WORDS "entry %u (subtask %u, key groups %u to %u) of %u "
                                          "subtasks makes no sense; restore an older checkpoint",
                           manifest->checkpoint_id, old->name, old->uid, i, subtask->index,
                           subtask->key_group_first, subtask->key_group_last, old->parallelism);
        }
    }
    return WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* engine_set: what a checkpoint keeps of a subtask. Files are counted, so that one that several
 * sets hold goes with the last of them. */
#include "support/engine_rig.h"

#include <stdlib.h>

struct engine_set *
engine_set_copy(const struct engine_set *set)
{
    struct engine_set *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        abort();
    }
    *copy = *set;
    for (size_t i = 0; i < copy->block_count; i++) {
        copy->blocks[i]->refs++;
    }
    for (size_t i = 0; i < copy->engine_count; i++) {
        copy->engine[i]->refs++;
    }
    return copy;
}

static void
release_file(struct engine_rig *rig, struct engine_file *file)
{
    if (--file->refs == 0) {
        rig->os->ops->unlink(rig->os, file->path);
        free(file);
    }
}

void
engine_set_release(struct engine_rig *rig, struct engine_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->block_count; i++) {
        release_file(rig, set->blocks[i]);
    }
    for (size_t i = 0; i < set->engine_count; i++) {
        release_file(rig, set->engine[i]);
    }
    free(set);
}

bool
engine_set_has_changes(const struct engine_set *set)
{
    return set->block_count > 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* local_copies: when a checkpoint's files get their second copies, and when those go.
 *
 *   WRITTEN --keyed, no savepoint, no records in flight--> copies begin     [begin]
 *           --complete--> older ones go               [settle]
 *           --aborted, given up--> they go themselves [settle]
 *
 * A copy is found by what the manifest says of its writer: attempt, operator, subtask, checkpoint.
 */
#include "runtime/local_copies.h"

#include "base/fail.h"
#include "storage/layout.h"
#include "storage/local_state.h"

#include <string.h>

static struct wr_local_owner
owner_of(const struct wr_snapshot_part *part)
{
    const struct wr_task_environment *environment = part->snapshot->parameters.environment;
    struct wr_local_owner owner = { .subtask = part->operator_->context.subtask };
    memcpy(owner.attempt, environment->attempt_bytes, sizeof owner.attempt);
    memcpy(owner.operator_id, part->operator_->plan->id, sizeof owner.operator_id);
    return owner;
}

/* The files that this checkpoint wrote; those of earlier ones were copied then. */
static weir_status
add_files(const struct wr_snapshot_part *part, struct wr_local_copy *copy)
{
    const struct wr_task_environment *environment = part->snapshot->parameters.environment;
    uint64_t checkpoint_id = part->snapshot->parameters.checkpoint_id;
    const struct wr_file_list *files = &part->result->files;
    for (uint32_t i = 0; i < files->count; i++) {
        const struct wr_file_entry *entry = &files->entries[i];
        char path[WR_PATH_MAX];
        if (entry->is_inlined || entry->checkpoint_id != checkpoint_id) {
            continue;
        }
        WR_TRY(environment->snapshot_path(environment->snapshot_path_argument, checkpoint_id,
                                          entry->file, path, NULL));
        WR_TRY(wr_local_copy_add(copy, path, NULL));
    }
    return WEIR_OK;
}

void
wr_local_copies_begin(struct wr_snapshot_part *part)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    const struct wr_task_environment *environment = parameters->environment;
    if (environment->local_state == NULL || !environment->keeps_local || !part->result->keyed ||
        parameters->sharing == WR_SHARING_NONE || part->has_in_flight ||
        environment->snapshot_path == NULL) {
        return;
    }
    struct wr_local_owner owner = owner_of(part);
    struct wr_local_copy *copy = NULL;
    if (wr_local_copy_create(environment->local_state, &owner, parameters->checkpoint_id, &copy,
                             NULL) != WEIR_OK) {
        return;
    }
    if (add_files(part, copy) != WEIR_OK) {
        wr_local_copy_destroy(copy);
        return;
    }
    part->has_local_copy = true;
    wr_local_copy_start(copy);
}

void
wr_local_copies_settle(struct wr_snapshot_part *part, bool completed)
{
    if (!part->has_local_copy) {
        return;
    }
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    const struct wr_local_state *local = parameters->environment->local_state;
    struct wr_local_owner owner = owner_of(part);
    part->has_local_copy = false;
    if (completed) {
        wr_local_state_retain(local, &owner, parameters->checkpoint_id,
                              part->next != NULL ? &part->next->files : NULL);
    } else {
        wr_local_state_drop(local, &owner, parameters->checkpoint_id);
    }
}

bool
wr_local_copies_find(const struct wr_operator *operator_, const char *path,
                     const struct wr_state_file_identity *identity, uint64_t size, char *out)
{
    const struct wr_task_environment *environment = operator_->context.environment;
    if (environment->local_state == NULL || !environment->restores_local) {
        return false;
    }
    struct wr_local_owner owner = { .subtask = identity->subtask };
    memcpy(owner.attempt, identity->attempt, sizeof owner.attempt);
    memcpy(owner.operator_id, identity->operator_id, sizeof owner.operator_id);
    return wr_local_state_path(environment->local_state, &owner, identity->checkpoint_id,
                               wr_path_last(path), out, NULL) == WEIR_OK &&
           wr_local_state_has(environment->local_state, out, size);
}

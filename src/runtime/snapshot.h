/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/snapshot.h: the task's side of one checkpoint, from begin to the io thread's last reply.
 *
 *   begin -> turn ... -> (replies) -> is_complete -> take_report -> settle -> destroy
 *                 abort or a failure -> (replies) -> destroy
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_SNAPSHOT_H
#define WR_RUNTIME_SNAPSHOT_H

#include "runtime/capture.h"
#include "runtime/operator.h"

struct wr_snapshot;

struct wr_snapshot_parameters {
    const struct wr_task_environment *environment;
    struct wr_operator *operators;
    uint32_t operator_count;
    uint64_t checkpoint_id;
    enum wr_sharing sharing;
    const char *directory;      /* where its files are made; lent for begin. NULL or "": where
                                   environment->snapshot_path says */
    struct wr_capture *capture; /* of what its barrier overtook; lent, the gate's. NULL: no gate */
    struct wr_mailbox *replies; /* the task's, for the io thread's */
    struct wr_parker *parker;   /* woken with a reply, and when a buffer is free again */
    uint64_t begun_ns;          /* when records were taken no more */
    uint64_t first_barrier_ns;  /* when the first barrier had come */
    struct wr_checkpoint_phases phases; /* before that */
};

/* Fixes the content: O(number of states). A failure leaves *out_snapshot set (where there was
 * memory for it): it has ended, and waits for its replies like an aborted one. Without storage it
 * is complete at once. */
weir_status wr_snapshot_begin(const struct wr_snapshot_parameters *parameters,
                              struct wr_snapshot **out_snapshot, weir_error *err);
/* Copies at most about budget_bytes. *out_moved: it did. A failure ends the snapshot. */
weir_status wr_snapshot_turn(struct wr_snapshot *snapshot, size_t budget_bytes, bool *out_moved,
                             weir_error *err);
/* Takes a reply from the mailbox. A failure ends the snapshot it belongs to. */
weir_status wr_snapshot_reply(struct wr_letter *letter, weir_error *err);
/* Ends it without result; nothing happens if it has ended. */
void wr_snapshot_abort(struct wr_snapshot *snapshot);
/* The coordinator has completed or aborted the checkpoint: ends what a complete snapshot holds
 * open. Later ones may build on it if it completed, unless a newer one has completed before. Twice
 * is as good as once. */
void wr_snapshot_settle(struct wr_snapshot *snapshot, bool completed);

uint64_t wr_snapshot_checkpoint(const struct wr_snapshot *snapshot);
/* Nothing builds on it, whatever becomes of it: a savepoint's. */
bool wr_snapshot_is_apart(const struct wr_snapshot *snapshot);
bool wr_snapshot_is_complete(const struct wr_snapshot *snapshot); /* all is durable */
bool wr_snapshot_has_ended(const struct wr_snapshot *snapshot);   /* complete, aborted or failed */
bool wr_snapshot_is_writing(const struct wr_snapshot *snapshot);  /* turns are left */
bool wr_snapshot_can_destroy(
    const struct wr_snapshot *snapshot); /* ended, settled, no reply is due */
/* Copies of live state are near their limit: no more records until turns have made room. */
bool wr_snapshot_is_pressed(const struct wr_snapshot *snapshot);
void wr_snapshot_destroy(struct wr_snapshot *snapshot);

/* The acknowledgement, of a complete one; taken, once. */
struct wr_task_report *wr_snapshot_take_report(struct wr_snapshot *snapshot);

/* In the task's list. */
struct wr_snapshot *wr_snapshot_next(const struct wr_snapshot *snapshot);
void wr_snapshot_set_next(struct wr_snapshot *snapshot, struct wr_snapshot *next);

#endif /* WR_RUNTIME_SNAPSHOT_H */

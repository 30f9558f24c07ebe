/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/task_state.h: what a task is made of, and what its files ask of each other. For task*.c
 * alone.
 *
 *   task.c             making, stepping, the work at rest, the end
 *   task_letters.c     what letters make it do
 *   task_checkpoint.c  barriers and snapshots
 *   task_report.c      reports and counters
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_TASK_STATE_H
#define WR_RUNTIME_TASK_STATE_H

#include "runtime/chain.h"
#include "runtime/snapshot.h"

#include <stdatomic.h>

enum wr_task_state {
    TASK_CREATED,
    TASK_READY,
    TASK_RUNNING,
    TASK_FINISHING,
    TASK_DRAINED,
    TASK_CLOSING,
    TASK_ENDED
};

struct wr_task {
    struct wr_task_parameters parameters;
    const struct wr_task_environment *environment;
    enum wr_task_state state;
    struct wr_mailbox letters;
    struct wr_mailbox replies; /* of the io thread */
    struct wr_failure failure;
    struct wr_operator *operators;
    uint32_t operator_count; /* initialised ones */
    struct wr_gate *gate;
    struct wr_outputs *outputs;
    struct wr_chain chain;
    /* source */
    bool stopped; /* the barrier of a STOP or FINAL checkpoint is out */
    uint64_t source_wake_at_ns;
    /* checkpoints */
    enum wr_gate_event_kind event; /* BARRIER or CANCEL that waits to go out; NOTHING: none */
    uint64_t event_id;
    enum wr_checkpoint_kind event_kind;
    uint64_t settled;
    struct wr_snapshot *open_snapshot;
    struct wr_snapshot *ended_snapshots;
    size_t turn_bytes;
    /* finishing */
    uint32_t finish_next;
    /* reports that must be possible without memory */
    struct wr_task_report *failed_report;
    struct wr_task_report *ended_report;
    /* counters: written by the task, read by any; relaxed, each stands alone */
    uint32_t steps;
    _Atomic uint64_t records_in;
    _Atomic uint64_t records_out;
    _Atomic uint64_t state_bytes;
    _Atomic uint64_t state_entries;
};

static inline bool
wr_task_is_source(const struct wr_task *task)
{
    return task->parameters.input_count == 0;
}

static inline uint64_t
wr_task_now_ns(const struct wr_task *task)
{
    struct wr_os *os = task->environment->os;
    return os->ops->monotonic_ns(os);
}

/* --- task.c --- */

/* The source has nothing more: it finishes. */
void wr_task_end_source(struct wr_task *task);

/* --- task_letters.c --- */

/* Does what the letters say; true: there were some. */
bool wr_task_take_letters(struct wr_task *task);

/* --- task_checkpoint.c --- */

enum {
    WR_TURN_BYTES_FIRST = 64 << 10
};

/* The event that waits goes out, if every channel takes it. True: it did. */
bool wr_task_pass_event(struct wr_task *task);
/* One turn of the open snapshot; true: it moved on. */
bool wr_task_turn_snapshot(struct wr_task *task);
/* Every engine is asked at the next turn whether it has something to do by and by. */
void wr_task_note_idle_work(struct wr_task *task);
/* One turn of that, and of what aborted snapshots left to do; true: more is left. */
bool wr_task_turn_idle_work(struct wr_task *task);
/* What the io thread has answered; true: something. */
bool wr_task_take_replies(struct wr_task *task);
/* Ends the open snapshot, if there is one, without a report. */
void wr_task_abort_snapshot(struct wr_task *task);
void wr_task_destroy_ended_snapshots(struct wr_task *task);
/* The checkpoint is decided: what its snapshot holds open is let go of. */
void wr_task_settle_snapshots(struct wr_task *task, uint64_t checkpoint_id, bool completed);

/* --- task_report.c --- */

void wr_task_send_report(struct wr_task *task, struct wr_task_report *report);
/* Makes and sends one; without memory the task fails. err: NULL, or the words. */
void wr_task_report(struct wr_task *task, enum wr_task_report_kind kind, uint64_t checkpoint_id,
                    const weir_error *err);
/* A failure that belongs to no operator. */
void wr_task_fail(struct wr_task *task, weir_status status, const char *words);
void wr_task_count_state(struct wr_task *task);
void wr_task_count_records_in(struct wr_task *task, uint64_t more);

#endif /* WR_RUNTIME_TASK_STATE_H */

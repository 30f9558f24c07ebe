/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/task_state.h: what a task is made of, and what its files ask of each other. For task*.c
 * alone.
 *
 *   task.c             making, stepping, the work at rest, the end
 *   task_letters.c     what letters make it do
 *   task_plans.c       the checkpoints that it has been told of
 *   task_checkpoint.c  barriers and snapshots
 *   task_overtake.c    barriers that do not wait
 *   task_report.c      reports
 *   task_measure.c     what others see of it
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_TASK_STATE_H
#define WR_RUNTIME_TASK_STATE_H

#include "runtime/chain.h"
#include "runtime/meter.h"
#include "runtime/snapshot.h"

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
    bool stopped;     /* the barrier of a last checkpoint is out */
    bool drain_asked; /* its input ends as soon as it runs on */
    uint64_t source_wake_at_ns;
    /* checkpoints */
    enum wr_gate_event_kind event; /* BARRIER or CANCEL that waits to go out; NOTHING: none */
    uint64_t event_id;
    enum wr_checkpoint_kind event_kind;
    bool is_overtaking;      /* of a BARRIER: it left the gate before records that came before it */
    uint64_t aligning;       /* the newest checkpoint that a barrier was seen of; 0: none */
    uint64_t aligning_ns;    /* when the first was */
    uint64_t aligning_bytes; /* taken by then */
    struct wr_task_letter *plans;       /* TRIGGERs of checkpoints that are not decided, by id */
    uint64_t told;                      /* the newest id that a TRIGGER or an ABORT has named */
    uint64_t passed;                    /* the newest id whose barrier is out */
    struct wr_snapshot *open_snapshots; /* being written, the oldest first */
    struct wr_snapshot *ended_snapshots;
    size_t turn_bytes;
    uint64_t turn_at_ns;  /* the next, if more records wait */
    uint32_t turn_rested; /* steps since the last */
    uint64_t fullest;     /* of the batches of late, in 1/256 records */
    bool is_behind;       /* the last one was about as full: more records wait, most likely */
    /* finishing */
    uint32_t finish_next;
    /* reports that must be possible without memory */
    struct wr_task_report *failed_report;
    struct wr_task_report *ended_report;
    /* what others see */
    uint32_t steps;
    bool is_changed;           /* since it was measured */
    bool has_opened;           /* its states can be measured, until they are closed */
    enum wr_activity activity; /* why the last step did nothing, if it did not */
    struct wr_meter meter;
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

/* --- task_plans.c --- */

/* Takes a TRIGGER until its checkpoint is decided; ids come in their order. */
void wr_task_keep_plan(struct wr_task *task, struct wr_task_letter *trigger);
/* NULL: it was not told of, or is decided. */
struct wr_task_letter *wr_task_find_plan(const struct wr_task *task, uint64_t checkpoint_id);
/* What it says of the checkpoint; NULL: nothing. Lent until it is decided. */
const struct wr_checkpoint_plan *wr_task_plan(const struct wr_task *task, uint64_t checkpoint_id);
void wr_task_forget_plan(struct wr_task *task, uint64_t checkpoint_id);
void wr_task_forget_plans(struct wr_task *task); /* all */
/* A source's next barrier waits to go out, unless an event does already. */
void wr_task_await_barrier(struct wr_task *task);
/* The barrier is out: a source emits no more behind that of a last checkpoint. */
void wr_task_note_passed(struct wr_task *task, uint64_t checkpoint_id,
                         enum wr_checkpoint_kind kind);
/* A source that was told to drain ends, if it could emit now and owes no barrier: what was
 * triggered before goes out before, since its checkpoint is of a job that goes on. */
void wr_task_end_if_asked(struct wr_task *task);
/* A last checkpoint may have been aborted: whether the source still has to stand still. */
void wr_task_judge_stop(struct wr_task *task);

/* --- task_checkpoint.c --- */

enum {
    WR_TURN_BYTES_FIRST = 64 << 10
};

/* A barrier of this checkpoint was seen. */
void wr_task_note_barrier(struct wr_task *task, uint64_t checkpoint_id, uint64_t now_ns);
/* The event that waits goes out, if every channel takes it. True: it did. */
bool wr_task_pass_event(struct wr_task *task);
/* Whether it is time for a turn: no more records wait, or those were served for long enough. */
bool wr_task_is_turn_due(const struct wr_task *task);
/* One turn of the oldest open snapshot that can move; true: one did. */
bool wr_task_turn_snapshots(struct wr_task *task);
/* Copies for one of them are near their limit: no more records until turns have made room. */
bool wr_task_is_pressed(const struct wr_task *task);
/* Every engine is asked at the next turn whether it has something to do by and by. */
void wr_task_note_idle_work(struct wr_task *task);
/* One turn of that, and of what aborted snapshots left to do; true: more is left. */
bool wr_task_turn_idle_work(struct wr_task *task);
/* What the io thread has answered; true: something. */
bool wr_task_take_replies(struct wr_task *task);
/* End all open snapshots without a report. */
void wr_task_abort_snapshots(struct wr_task *task);
void wr_task_destroy_ended_snapshots(struct wr_task *task);
/* The checkpoint is decided: what its snapshot holds open is let go of. */
void wr_task_settle_snapshot(struct wr_task *task, uint64_t checkpoint_id, bool completed);
/* Those of older checkpoints that are no savepoints: they will not complete any more. */
void wr_task_give_up_older(struct wr_task *task, uint64_t checkpoint_id);

/* --- task_overtake.c --- */

/* A barrier that needs not wait any more becomes the event that waits to go out, and the chain
 * hurries. */
void wr_task_overtake(struct wr_task *task, uint64_t now_ns);
/* When one will be like that, if nothing else happens; UINT64_MAX: never. */
uint64_t wr_task_overtake_at(const struct wr_task *task, uint64_t now_ns);

/* --- task_report.c --- */

void wr_task_send_report(struct wr_task *task, struct wr_task_report *report);
/* Makes and sends one; without memory the task fails. err: NULL, or the words. */
void wr_task_report(struct wr_task *task, enum wr_task_report_kind kind, uint64_t checkpoint_id,
                    const weir_error *err);
/* A failure that belongs to no operator. */
void wr_task_fail(struct wr_task *task, weir_status status, const char *words);
/* Measures what is shown but not counted as it comes. */
void wr_task_measure(struct wr_task *task);

#endif /* WR_RUNTIME_TASK_STATE_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* weir/events.h: what has happened to a job, in order. For servers and tools.
 *
 *   1, 2, 3 ... n    the last WEIR_EVENTS_KEPT are kept; who asks for older ones is told how many
 *                    it has missed
 *
 * Numbers only grow, over all attempts of the job in this process. Nothing depends on an event: one
 * for which there is no memory is missed as well.
 * Thread: any. Neither the job's records nor its coordinator wait for who reads.
 */
#ifndef WEIR_EVENTS_H
#define WEIR_EVENTS_H

#include "weir/job.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum {
    WEIR_EVENTS_KEPT = 1000
};

typedef enum weir_event_kind {
    WEIR_EVENT_STATE = 1,                /* the job has entered `state` */
    WEIR_EVENT_STARTED = 2,              /* from checkpoint_id at `text`; 0: STARTED EMPTY */
    WEIR_EVENT_RESTORED = 3,             /* every subtask has its state, after duration_ms */
    WEIR_EVENT_CHECKPOINT_TRIGGERED = 4, /* or a savepoint, as below */
    WEIR_EVENT_CHECKPOINT_COMPLETED = 5, /* at `text`; "": in memory, or nowhere */
    WEIR_EVENT_CHECKPOINT_FAILED = 6,    /* for the reason in `text` */
    WEIR_EVENT_RESTARTING = 7            /* for the failure in `text`, in duration_ms */
} weir_event_kind;

typedef struct weir_event {
    uint64_t id;
    weir_event_kind kind;
    int64_t time_ms;      /* wall clock */
    weir_job_state state; /* the job's, then */
    uint64_t checkpoint_id;
    bool is_savepoint;
    uint64_t duration_ms;
    uint64_t bytes;   /* COMPLETED: written for it */
    const char *text; /* never NULL; 1,000 bytes at most */
} weir_event;

/* A copy, freed whole. */
typedef struct weir_events_view {
    const weir_event *events; /* oldest first */
    uint32_t count;
    uint64_t missed;    /* newer than what was asked for, and not kept: before and between these */
    uint64_t newest_id; /* that there is; 0: none yet */
} weir_events_view;

const char *weir_event_kind_name(weir_event_kind kind); /* "checkpoint-triggered" */
uint64_t weir_job_newest_event(const weir_job *job);    /* 0: none yet. An atomic load */
/* Those with an id above `after`, `most` of them at most. WEIR_NOMEM. */
weir_status weir_job_events(weir_job *job, uint64_t after, uint32_t most,
                            const weir_events_view **out_view, weir_error *err);
void weir_events_view_free(const weir_events_view *view); /* NULL: nothing */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_EVENTS_H */

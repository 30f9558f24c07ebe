/* SPDX-License-Identifier: Apache-2.0 */
/* state/timers.h: the timer service of one operator subtask: two queues, by event time and by
 * processing time, each a set of (timestamp, key, namespace). For the runtime.
 *
 * A timer is keyed state: an entry of the state `_timer_state/event_<service>` or
 * `_timer_state/processing_<service>` (kind TIMERS), so snapshots and restores hold it without
 * more. What is kept here is only the order in which they come due. Of one timestamp the order is
 * not specified. A call that fails has changed nothing. Thread: task.
 */
#ifndef WR_STATE_TIMERS_H
#define WR_STATE_TIMERS_H

#include "weir/backend.h"
#include "weir/function.h"

struct wr_timers;

/* A timer that has come due; lent until the next call on the timers. */
struct wr_timer {
    int64_t timestamp;
    weir_key key;          /* to be bound: without timestamp and namespace */
    weir_bytes namespace_; /* size 0: void */
};

/* Makes both states and takes over the timers that were restored into them: after the backend's
 * restore. namespace_type NULL: void. WEIR_VERSION: restored with another namespace type. */
weir_status wr_timers_create(weir_backend *backend, const char *service,
                             const weir_type *namespace_type, struct wr_timers **out_timers,
                             weir_error *err);
/* Before the backend is closed; the timers stay in its states. NULL: nothing. */
void wr_timers_destroy(struct wr_timers *timers);

/* Lent: for descriptors (weir_state_descriptor_of) and words. */
weir_state *wr_timers_state(const struct wr_timers *timers, weir_time_domain domain);

/* One that is there already: nothing happens. WEIR_INVALID: no key, or no such namespace. */
weir_status wr_timers_register(struct wr_timers *timers, weir_time_domain time, const weir_key *key,
                               weir_bytes namespace_, int64_t timestamp);
/* One that is not there: nothing happens. */
weir_status wr_timers_delete(struct wr_timers *timers, weir_time_domain time, const weir_key *key,
                             weir_bytes namespace_, int64_t timestamp);

/* When the earliest is due. WEIR_NOT_FOUND: there is none. */
weir_status wr_timers_next_due(struct wr_timers *timers, weir_time_domain time,
                               int64_t *out_timestamp);
/* Takes the earliest out if it is due at `up_to` or before: it is gone, from the state too, when
 * this returns. WEIR_NOT_FOUND: none is due. */
weir_status wr_timers_pop_due(struct wr_timers *timers, weir_time_domain time, int64_t up_to,
                              struct wr_timer *out_timer);
/* How many there are; of engines that keep them in order themselves an estimate. */
uint64_t wr_timers_count(const struct wr_timers *timers, weir_time_domain time);

#endif /* WR_STATE_TIMERS_H */

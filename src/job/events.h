/* SPDX-License-Identifier: Apache-2.0 */
/* job/events.h: the last events of a job (weir/events.h). Part of struct weir_job (running.h). */
#ifndef WR_JOB_EVENTS_H
#define WR_JOB_EVENTS_H

#include "os/mutex.h"
#include "weir/events.h"

enum {
    WR_EVENT_TEXT_MAX = 1000
};

struct wr_kept_event;

struct wr_events {
    weir_alloc alloc;
    struct wr_mutex mutex;
    /* guarded by it: event `id` stands in slot id % WEIR_EVENTS_KEPT; NULL: no memory for it */
    struct wr_kept_event *kept[WEIR_EVENTS_KEPT];
    _Atomic uint64_t newest_id; /* written under it */
};

void wr_events_init(struct wr_events *events, struct wr_os *os, const weir_alloc *alloc);
void wr_events_fini(struct wr_events *events); /* zeroed is as good as init */
/* Copies it, with its text (NULL: ""), and gives it the next id. Thread: any. */
void wr_events_add(struct wr_events *events, const weir_event *event);

#endif /* WR_JOB_EVENTS_H */

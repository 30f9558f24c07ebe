/* SPDX-License-Identifier: Apache-2.0 */
/* events: a ring of the last ones, each a block of its own with its text behind it.
 *
 * A lock, and no letter: who reads may be any thread, also when the coordinator has ended, and may
 * ask once a second for the whole life of a job; the coordinator is not to be woken for that.
 *
 * Invariants:
 *   (1) An id is given once, also where there is no memory for the event.
 *   (2) Behind the lock nothing is called that waits, allocates or frees.
 */
#include "job/events.h"

#include "base/fail.h"
#include "base/memory.h"
#include "job/running.h"

#include <string.h>

struct wr_kept_event {
    weir_event event;
    size_t size; /* of the block */
    char text[];
};

struct whole_view {
    weir_alloc alloc;
    size_t size;
    weir_events_view view;
    /* then the events, then their texts */
};

void
wr_events_init(struct wr_events *events, struct wr_os *os, const weir_alloc *alloc)
{
    events->alloc = *alloc;
    wr_mutex_init(&events->mutex, os);
}

static void
free_kept(struct wr_events *events, struct wr_kept_event *kept)
{
    if (kept != NULL) {
        wr_memory_free(&events->alloc, kept, kept->size);
    }
}

void
wr_events_fini(struct wr_events *events)
{
    for (size_t i = 0; i < WEIR_EVENTS_KEPT; i++) {
        free_kept(events, events->kept[i]);
        events->kept[i] = NULL;
    }
}

/* --- adding --- */

static struct wr_kept_event *
copy(struct wr_events *events, const weir_event *event)
{
    const char *text = event->text != NULL ? event->text : "";
    size_t text_size = strnlen(text, WR_EVENT_TEXT_MAX);
    size_t size = sizeof(struct wr_kept_event) + text_size + 1;
    struct wr_kept_event *kept = wr_memory_new(&events->alloc, size);
    if (kept != NULL) {
        kept->event = *event;
        kept->size = size;
        memcpy(kept->text, text, text_size);
        kept->event.text = kept->text;
    }
    return kept;
}

void
wr_events_add(struct wr_events *events, const weir_event *event)
{
    struct wr_kept_event *kept = copy(events, event);
    wr_mutex_lock(&events->mutex);
    uint64_t id = atomic_load_explicit(&events->newest_id, memory_order_relaxed) + 1;
    struct wr_kept_event **slot = &events->kept[id % WEIR_EVENTS_KEPT];
    struct wr_kept_event *oldest = *slot;
    if (kept != NULL) {
        kept->event.id = id;
    }
    *slot = kept;
    /* relaxed: who reads the events takes the lock */
    atomic_store_explicit(&events->newest_id, id, memory_order_relaxed);
    wr_mutex_unlock(&events->mutex);
    free_kept(events, oldest);
}

/* --- reading --- */

/* The first id above `after` that may still be there. */
static uint64_t
first_kept(const struct wr_events *events, uint64_t after)
{
    uint64_t newest = atomic_load_explicit(&events->newest_id, memory_order_relaxed);
    uint64_t oldest = newest > WEIR_EVENTS_KEPT ? newest - WEIR_EVENTS_KEPT + 1 : 1;
    return after + 1 > oldest ? after + 1 : oldest;
}

/* Bytes that the texts of `most` events above `after` need. */
static size_t
measure(struct wr_events *events, uint64_t after, uint32_t most, uint32_t *out_count)
{
    size_t bytes = 0;
    uint32_t count = 0;
    wr_mutex_lock(&events->mutex);
    uint64_t newest = atomic_load_explicit(&events->newest_id, memory_order_relaxed);
    for (uint64_t id = first_kept(events, after); id <= newest && count < most; id++) {
        const struct wr_kept_event *kept = events->kept[id % WEIR_EVENTS_KEPT];
        if (kept != NULL) {
            bytes += strlen(kept->text) + 1;
            count++;
        }
    }
    wr_mutex_unlock(&events->mutex);
    *out_count = count;
    return bytes;
}

/* What was measured, or what has come in its place since, as far as it finds room. */
static void
fill(struct wr_events *events, uint64_t after, struct whole_view *whole, weir_event *out,
     uint32_t room)
{
    char *text = (char *)(out + room);
    const char *end = (const char *)whole + whole->size;
    uint32_t count = 0;
    uint64_t passed = after;
    wr_mutex_lock(&events->mutex);
    uint64_t newest = atomic_load_explicit(&events->newest_id, memory_order_relaxed);
    for (uint64_t id = first_kept(events, after); id <= newest; id++) {
        const struct wr_kept_event *kept = events->kept[id % WEIR_EVENTS_KEPT];
        size_t size = kept != NULL ? strlen(kept->text) + 1 : 0;
        if (kept != NULL && (count == room || size > (size_t)(end - text))) {
            break;
        }
        if (kept != NULL) {
            out[count] = kept->event;
            out[count].text = memcpy(text, kept->text, size);
            text += size;
            count++;
        }
        passed = id;
    }
    wr_mutex_unlock(&events->mutex);
    whole->view = (weir_events_view){
        .events = out, .count = count, .missed = passed - after - count, .newest_id = newest
    };
}

weir_status
weir_job_events(weir_job *job, uint64_t after, uint32_t most, const weir_events_view **out_view,
                weir_error *err)
{
    if (job == NULL || out_view == NULL || most == 0) {
        return WEIR_INVALID;
    }
    uint32_t count = 0;
    size_t size = measure(&job->events, after, most, &count);
    size += sizeof(struct whole_view) + count * sizeof(weir_event);
    struct whole_view *whole = wr_memory_new(&job->alloc, size);
    if (whole == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for %u events of job '%s'", count, job->name);
    }
    whole->alloc = job->alloc;
    whole->size = size;
    fill(&job->events, after, whole, (weir_event *)(whole + 1), count);
    *out_view = &whole->view;
    return WEIR_OK;
}

void
weir_events_view_free(const weir_events_view *view)
{
    if (view != NULL) {
        /* cppcheck-suppress cstyleCast ; the view stands in its whole, which is ours */
        struct whole_view *whole =
            (struct whole_view *)(uintptr_t)((const char *)view -
                                             offsetof(struct whole_view, view));
        weir_alloc alloc = whole->alloc;
        wr_memory_free(&alloc, whole, whole->size);
    }
}

uint64_t
weir_job_newest_event(const weir_job *job)
{
    return job != NULL ? atomic_load_explicit(&job->events.newest_id, memory_order_relaxed) : 0;
}

const char *
weir_event_kind_name(weir_event_kind kind)
{
    static const char *const names[] = {
        "?",
        "state",
        "started",
        "restored",
        "checkpoint-triggered",
        "checkpoint-completed",
        "checkpoint-failed",
        "restarting",
    };
    return kind >= WEIR_EVENT_STATE && kind <= WEIR_EVENT_RESTARTING ? names[kind] : names[0];
}

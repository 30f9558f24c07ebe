/* SPDX-License-Identifier: Apache-2.0 */
/* wake_job: row 16: one subtask of a source emits a record, and waits until the others must have
 * gone to sleep; how long until the operator that it goes to, in another thread, has it.
 *
 * Then records as fast as they go, for a second: how often does that operator's thread sleep?
 *
 *     weir run -p 2 -D execution.buffer-timeout.interval=0ms wake_job.so COUNT PAUSE_US
 */
#define _GNU_SOURCE
#include "mix.h"

#include <weir/connectors.h>
#include <weir/job.h>

#include <stdlib.h>
#include <sys/resource.h>

enum {
    WAITS_MOST = 100000
};

#define SECOND_NS UINT64_C(1000000000)

struct plan {
    uint64_t count;
    uint64_t pause_us;
};

struct event {
    int64_t key;
    uint64_t sent_ns; /* 0: under load */
};

struct source {
    uint64_t sent;
    uint64_t due_ns;
    uint64_t load_until_ns;
};

struct meter {
    uint64_t *waits;
    size_t count;
    uint64_t loaded;
    long slept_before;
    long slept;
};

static weir_status
emit(weir_collector *out, uint64_t key, uint64_t sent_ns)
{
    struct event event = { (int64_t)mix(key), sent_ns };
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static weir_status
load(struct source *source, uint64_t now_ns, weir_collector *out, size_t max_records,
     weir_poll *out_poll)
{
    source->load_until_ns = source->load_until_ns != 0 ? source->load_until_ns : now_ns + SECOND_NS;
    *out_poll = now_ns < source->load_until_ns ? WEIR_POLL_MORE : WEIR_POLL_END;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < max_records && status == WEIR_OK; i++) {
        status = emit(out, source->sent++, 0);
    }
    return status;
}

static weir_status
poll_events(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    const struct plan *plan = weir_context_argument(context);
    struct source *source = self;
    uint64_t now_ns = weir_context_monotonic_ns(context);
    if (weir_context_subtask(context) != 0) {
        *out_poll = WEIR_POLL_END;
        return WEIR_OK;
    }
    if (source->sent >= plan->count) {
        return load(source, now_ns, out, max_records, out_poll);
    }
    *out_poll = WEIR_POLL_IDLE;
    weir_status status = WEIR_OK;
    if (now_ns >= source->due_ns) {
        status = source->due_ns != 0 ? emit(out, source->sent++, now_ns) : WEIR_OK;
        source->due_ns = now_ns + plan->pause_us * 1000U;
    }
    weir_context_wake_at(context, source->due_ns);
    return status;
}

static weir_status
open_meter(weir_context *context, void *self)
{
    (void)context;
    struct meter *meter = self;
    meter->waits = calloc(WAITS_MOST, sizeof *meter->waits);
    return meter->waits != NULL ? WEIR_OK : WEIR_NOMEM;
}

static long
sleeps(void)
{
    struct rusage usage = { 0 };
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* Subtask 0 shares its thread with the source: it was awake. */
static weir_status
take_event(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)out;
    struct meter *meter = self;
    const struct event *event = record;
    if (weir_context_subtask(context) == 0) {
        return WEIR_OK;
    }
    if (event->sent_ns == 0) {
        meter->slept_before = meter->loaded++ == 0 ? sleeps() : meter->slept_before;
        meter->slept = meter->loaded % 1024 == 0 ? sleeps() : meter->slept;
    } else if (meter->count < WAITS_MOST) {
        meter->waits[meter->count++] = weir_context_monotonic_ns(context) - event->sent_ns;
    }
    return WEIR_OK;
}

static int
compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static weir_status
say(weir_context *context, void *self, weir_collector *out)
{
    (void)out;
    struct meter *meter = self;
    if (weir_context_subtask(context) == 0 || meter->count == 0) {
        return WEIR_OK;
    }
    qsort(meter->waits, meter->count, sizeof *meter->waits, compare);
    weir_context_log(context, 'i',
                     "%llu records waited, %llu ns p50 wait, %llu ns p99 wait, %llu records under "
                     "load, %ld sleeps under load",
                     (unsigned long long)meter->count,
                     (unsigned long long)meter->waits[meter->count / 2],
                     (unsigned long long)meter->waits[meter->count * 99 / 100],
                     (unsigned long long)meter->loaded,
                     meter->slept > meter->slept_before ? meter->slept - meter->slept_before : 0);
    return WEIR_OK;
}

static void
close_meter(weir_context *context, void *self)
{
    (void)context;
    struct meter *meter = self;
    free(meter->waits);
}

static const weir_function events_function = { .size = sizeof events_function,
                                               .name = "events",
                                               .instance_size = sizeof(struct source),
                                               .poll = poll_events };
static const weir_function meter_function = { .size = sizeof meter_function,
                                              .name = "meter",
                                              .instance_size = sizeof(struct meter),
                                              .open = open_meter,
                                              .process = take_event,
                                              .finish = say,
                                              .close = close_meter };

static weir_status
wake_job(weir_environment *environment, int argc, char **argv)
{
    struct plan plan = { 0 };
    if (argc == 3) {
        plan.count = strtoull(argv[1], NULL, 10);
        plan.pause_us = strtoull(argv[2], NULL, 10);
    }
    if (plan.count == 0) {
        return weir_environment_fail(environment, WEIR_INVALID, "usage: wake_job COUNT PAUSE_US");
    }
    const weir_field fields[] = { WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, sent_ns, U64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 2);
    weir_environment_name_job(environment, "wake_job");
    weir_stream *events =
        weir_environment_source(environment, "events", &events_function, &plan, sizeof plan, type);
    weir_stream *meters = weir_stream_process(weir_stream_key_by(events, "key"), "meter",
                                              &meter_function, NULL, 0, type);
    weir_discard_sink(weir_stream_uid(meters, "meters"));
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(wake_job)

/* SPDX-License-Identifier: Apache-2.0 */
/* latency_job: row 12: numbered keys at a steady rate -> keyed -> a count per key, and how long
 * each record waited: from when it was due until its count stands. Apart from each other: while a
 * checkpoint runs (from the operator's snapshot to the notification) and while none does.
 *
 * All keys once, as fast as it goes; after WARM_UP_SECONDS it is measured for SECONDS. Checkpoints
 * run in both: the first of all keys meets memory that the process has never had, once in its life.
 * RATE 0: as fast as it goes; then only the records per second are of interest.
 *
 *     weir run latency_job.so KEYS RATE SECONDS
 */
#include "mix.h"

#include <weir/connectors.h>
#include <weir/job.h>

#include <stdlib.h>

enum {
    STEPS = 64, /* of the histogram, between a power of two and the next */
    BUCKETS = (64 - 6) * STEPS + STEPS,
    BATCH_MOST = 256,
    WARM_UP_SECONDS = 5
};

#define SECOND_NS UINT64_C(1000000000)

struct plan {
    uint64_t keys;
    uint64_t rate;
    uint64_t seconds;
};

struct event {
    int64_t key;
    uint64_t due_ns; /* 0: to be counted only */
};

struct source {
    uint64_t loaded;
    uint64_t start_ns;
    uint64_t sent;
};

struct phase {
    uint64_t records;
    uint64_t elapsed_ns;
    uint64_t waited[BUCKETS];
};

struct counter {
    weir_state *state;
    uint64_t measured_from_ns;
    uint64_t phase_from_ns;
    uint64_t last_ns;
    uint64_t counted; /* in all */
    bool in_checkpoint;
    struct phase phases[2]; /* [1]: while a checkpoint runs */
};

/* --- source --- */

static weir_status
emit(weir_collector *out, uint64_t key, uint64_t due_ns)
{
    struct event *event = weir_collector_emit(out, sizeof *event);
    if (event == NULL) {
        return WEIR_LIMIT;
    }
    *event = (struct event){ (int64_t)key, due_ns };
    return WEIR_OK;
}

static uint64_t
due_of(const struct plan *plan, const struct source *source, uint64_t now_ns)
{
    __extension__ unsigned __int128 after = (unsigned __int128)source->sent * SECOND_NS;
    return plan->rate == 0 ? now_ns : source->start_ns + (uint64_t)(after / plan->rate);
}

static weir_status
poll_events(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    const struct plan *plan = weir_context_argument(context);
    struct source *source = self;
    weir_status status = WEIR_OK;
    size_t most = max_records < BATCH_MOST ? max_records : BATCH_MOST;
    *out_poll = WEIR_POLL_MORE;
    if (source->loaded < plan->keys) {
        for (size_t i = 0; i < max_records && source->loaded < plan->keys && status == WEIR_OK;
             i++) {
            status = emit(out, source->loaded++, 0);
        }
        return status;
    }
    uint64_t now_ns = weir_context_monotonic_ns(context);
    source->start_ns = source->start_ns != 0 ? source->start_ns : now_ns;
    if (now_ns - source->start_ns >= (plan->seconds + WARM_UP_SECONDS) * SECOND_NS) {
        *out_poll = WEIR_POLL_END;
        return WEIR_OK;
    }
    uint64_t due_ns;
    for (size_t i = 0; i < most && status == WEIR_OK; i++, source->sent++) {
        due_ns = due_of(plan, source, now_ns);
        if (due_ns > now_ns) {
            break;
        }
        status = emit(out, mix(source->sent) % plan->keys, due_ns);
    }
    return status;
}

/* --- operator --- */

static size_t
bucket_of(uint64_t waited_ns)
{
    if (waited_ns < STEPS) {
        return (size_t)waited_ns;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(waited_ns) - 6U;
    return (size_t)(shift + 1) * STEPS + (size_t)(waited_ns >> shift) - STEPS;
}

static uint64_t
bucket_ns(size_t bucket)
{
    if (bucket < STEPS) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / STEPS) - 1;
    return (uint64_t)(bucket % STEPS + STEPS) << shift;
}

static weir_status
open_state(weir_context *context, void *self)
{
    struct counter *counter = self;
    return weir_context_value_state(context, "count", weir_type_of_kind(WEIR_I64), &counter->state);
}

static weir_status
count_event(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)out;
    struct counter *counter = self;
    const struct event *event = record;
    void *count;
    weir_status status = weir_value_upsert(counter->state, &count, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    *(int64_t *)count += 1;
    counter->counted++;
    if (event->due_ns == 0) {
        return WEIR_OK;
    }
    uint64_t now_ns = weir_context_monotonic_ns(context);
    if (counter->measured_from_ns == 0) {
        counter->measured_from_ns = now_ns + WARM_UP_SECONDS * SECOND_NS;
    }
    if (now_ns < counter->measured_from_ns) {
        return WEIR_OK;
    }
    counter->phase_from_ns = counter->phase_from_ns != 0 ? counter->phase_from_ns : now_ns;
    counter->last_ns = now_ns;
    struct phase *phase = &counter->phases[counter->in_checkpoint];
    phase->records++;
    phase->waited[bucket_of(now_ns - event->due_ns)]++;
    return WEIR_OK;
}

static void
change_phase(weir_context *context, struct counter *counter, bool in_checkpoint)
{
    if (counter->phase_from_ns != 0) {
        uint64_t now_ns = weir_context_monotonic_ns(context);
        counter->phases[counter->in_checkpoint].elapsed_ns += now_ns - counter->phase_from_ns;
        counter->phase_from_ns = now_ns;
    }
    counter->in_checkpoint = in_checkpoint;
}

static weir_status
begin_checkpoint(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)checkpoint_id;
    change_phase(context, self, true);
    return WEIR_OK;
}

static weir_status
end_checkpoint(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)checkpoint_id;
    change_phase(context, self, false);
    return WEIR_OK;
}

/* The wait that all but one of 1000 stay at or below, and the like. */
static unsigned long long
quantile(const struct phase *phase, uint64_t of_1000)
{
    uint64_t rest = phase->records - phase->records * of_1000 / 1000;
    size_t bucket = BUCKETS;
    for (uint64_t above = 0; bucket-- > 1;) {
        above += phase->waited[bucket];
        if (above > rest) {
            break;
        }
    }
    return bucket_ns(bucket);
}

static weir_status
say(weir_context *context, void *self, weir_collector *out)
{
    (void)out;
    static const char *const names[] = { "idle", "checkpoint" };
    struct counter *counter = self;
    change_phase(context, counter, counter->in_checkpoint);
    for (size_t i = 0; i < 2; i++) {
        const struct phase *phase = &counter->phases[i];
        double seconds = (double)phase->elapsed_ns / (double)SECOND_NS;
        weir_context_log(context, 'i',
                         "%llu ns p50 %s, %llu ns p99 %s, %llu ns p99.9 %s, %llu records/s %s, "
                         "%llu records %s",
                         quantile(phase, 500), names[i], quantile(phase, 990), names[i],
                         quantile(phase, 999), names[i],
                         (unsigned long long)(seconds > 0 ? (double)phase->records / seconds : 0),
                         names[i], (unsigned long long)phase->records, names[i]);
    }
    weir_context_log(context, 'i', "%llu records counted", (unsigned long long)counter->counted);
    return WEIR_OK;
}

static const weir_function events_function = { .size = sizeof events_function,
                                               .name = "events",
                                               .instance_size = sizeof(struct source),
                                               .poll = poll_events };
static const weir_function count_function = { .size = sizeof count_function,
                                              .name = "count",
                                              .instance_size = sizeof(struct counter),
                                              .initialize_state = open_state,
                                              .process = count_event,
                                              .snapshot_state = begin_checkpoint,
                                              .notify_checkpoint_complete = end_checkpoint,
                                              .notify_checkpoint_aborted = end_checkpoint,
                                              .finish = say };

static weir_status
latency_job(weir_environment *environment, int argc, char **argv)
{
    struct plan plan = { 0 };
    if (argc == 4) {
        plan.keys = strtoull(argv[1], NULL, 10);
        plan.rate = strtoull(argv[2], NULL, 10);
        plan.seconds = strtoull(argv[3], NULL, 10);
    }
    if (plan.keys == 0 || plan.seconds == 0) {
        return weir_environment_fail(environment, WEIR_INVALID,
                                     "usage: latency_job KEYS RATE SECONDS");
    }
    const weir_field fields[] = { WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, due_ns, U64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 2);
    weir_environment_name_job(environment, "latency_job");
    weir_stream *events =
        weir_environment_source(environment, "events", &events_function, &plan, sizeof plan, type);
    weir_stream *counts = weir_stream_process(weir_stream_key_by(events, "key"), "count",
                                              &count_function, NULL, 0, type);
    weir_discard_sink(weir_stream_uid(counts, "counts"));
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(latency_job)

/* SPDX-License-Identifier: Apache-2.0 */
/* value_job: row 1c as a user writes it: 64-bit keys -> a process function that gets a value, adds
 * one, and puts it back. Every key once, then UPDATES of keys drawn uniformly: of these it says how
 * many had a value to add to, and how many it did a second.
 *
 *     weir run value_job.so KEYS UPDATES
 */
#include "mix.h"

#include <weir/connectors.h>
#include <weir/job.h>

#include <stdlib.h>

struct plan {
    uint64_t keys;
    uint64_t updates;
};

struct source {
    uint64_t next;
};

struct counter {
    weir_state *state;
    uint64_t seen;
    uint64_t found; /* among the updates */
    uint64_t start_ns;
};

static weir_status
poll_keys(weir_context *context, void *self, weir_collector *out, size_t max_records,
          weir_poll *out_poll)
{
    const struct plan *plan = weir_context_argument(context);
    struct source *source = self;
    uint64_t end = plan->keys + plan->updates;
    for (size_t i = 0; i < max_records && source->next < end; i++, source->next++) {
        int64_t *key = weir_collector_emit(out, sizeof *key);
        if (key == NULL) {
            return WEIR_LIMIT;
        }
        *key =
            (int64_t)(source->next < plan->keys ? source->next
                                                : mix(source->next - plan->keys + 1) % plan->keys);
    }
    *out_poll = source->next < end ? WEIR_POLL_MORE : WEIR_POLL_END;
    return WEIR_OK;
}

static weir_status
open_state(weir_context *context, void *self)
{
    struct counter *counter = self;
    return weir_context_value_state(context, "count", weir_type_of_kind(WEIR_I64), &counter->state);
}

static weir_status
count_key(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)record, (void)out;
    struct counter *counter = self;
    const struct plan *plan = weir_context_argument(context);
    if (counter->seen++ == plan->keys) {
        counter->start_ns = weir_context_monotonic_ns(context);
    }
    weir_bytes value;
    int64_t count = 0;
    weir_status status = weir_value_get(counter->state, &value);
    if (status == WEIR_OK) {
        count = *(const int64_t *)value.data;
        counter->found += counter->seen > plan->keys;
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    count++;
    return weir_value_put(counter->state, weir_bytes_of(&count, sizeof count));
}

static weir_status
say_rate(weir_context *context, void *self, weir_collector *out)
{
    (void)out;
    const struct counter *counter = self;
    const struct plan *plan = weir_context_argument(context);
    double elapsed_ns = (double)(weir_context_monotonic_ns(context) - counter->start_ns);
    weir_context_log(context, 'i', "%llu updates found, %llu updates/s",
                     (unsigned long long)counter->found,
                     (unsigned long long)((double)plan->updates / elapsed_ns * 1e9));
    return WEIR_OK;
}

static const weir_function keys_function = { .size = sizeof keys_function,
                                             .name = "keys",
                                             .instance_size = sizeof(struct source),
                                             .poll = poll_keys };
static const weir_function count_function = { .size = sizeof count_function,
                                              .name = "count",
                                              .instance_size = sizeof(struct counter),
                                              .initialize_state = open_state,
                                              .process = count_key,
                                              .finish = say_rate };

static weir_status
value_job(weir_environment *environment, int argc, char **argv)
{
    struct plan plan = { 0 };
    if (argc == 3) {
        plan.keys = strtoull(argv[1], NULL, 10);
        plan.updates = strtoull(argv[2], NULL, 10);
    }
    if (plan.keys == 0) {
        return weir_environment_fail(environment, WEIR_INVALID, "usage: value_job KEYS UPDATES");
    }
    const weir_field fields[] = { { "key", WEIR_I64, 0, sizeof(int64_t), NULL, NULL } };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(int64_t), fields, 1);
    weir_environment_name_job(environment, "value_job");
    weir_stream *keys =
        weir_environment_source(environment, "keys", &keys_function, &plan, sizeof plan, type);
    weir_stream *counts = weir_stream_process(weir_stream_key_by(keys, "key"), "count",
                                              &count_function, &plan, sizeof plan, type);
    weir_discard_sink(weir_stream_uid(counts, "counts"));
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(value_job)

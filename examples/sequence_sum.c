/* SPDX-License-Identifier: Apache-2.0 */
/* sequence_sum: numbered events, keyed -> running sum per key -> one line "index key sum" an event.
 * With r = the first number of splitmix64 from the state seed + index, event `index` has
 * key = r mod keys and value = 1 + (r div 2^32) mod 1000. */
#include <weir/connectors.h>
#include <weir/job.h>

#include <stdlib.h>
#include <string.h>

struct event {
    int64_t index;
    int64_t key;
    int64_t value; /* the running sum, behind the process function */
};

struct plan {
    uint64_t seed;
    uint64_t keys;
};

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    const struct plan *plan = weir_context_argument(context);
    uint64_t r = plan->seed + index + 0x9e3779b97f4a7c15u;
    r = (r ^ (r >> 30)) * 0xbf58476d1ce4e5b9u;
    r = (r ^ (r >> 27)) * 0x94d049bb133111ebu;
    r ^= r >> 31;
    struct event event = { (int64_t)index, (int64_t)(r % plan->keys),
                           1 + (int64_t)(r >> 32) % 1000 };
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static weir_status
open_sum(weir_context *context, void *self)
{
    return weir_context_value_state(context, "sum", weir_type_of_kind(WEIR_I64), self);
}

static weir_status
add(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    struct event event = *(const struct event *)record;
    void *sum;
    weir_status status = weir_value_upsert(*(weir_state **)self, &sum, NULL);
    if (status == WEIR_OK) {
        event.value = *(int64_t *)sum += event.value;
        status = weir_collector_emit_copy(out, &event, sizeof event);
    }
    return status;
}

static const weir_function sum_function = { .size = sizeof(weir_function),
                                            .instance_size = sizeof(weir_state *),
                                            .initialize_state = open_sum,
                                            .process = add };

static weir_status
sequence_sum(weir_environment *environment, int argc, char **argv)
{
    const char *count = "100000", *seed = "1", *keys = "100", *rate = "0", *directory = NULL;
    const char **const values[] = { &count, &seed, &keys, &rate, &directory };
    const char *const names[] = { "--events", "--seed", "--keys", "--rate", "--output" };
    for (int i = 1; i < argc; i += 2) {
        size_t at = 0;
        while (at < 5 && strcmp(argv[i], names[at]) != 0) {
            at++;
        }
        if (at == 5 || i + 1 == argc || (at == 2 && strtoull(argv[i + 1], NULL, 10) == 0)) {
            return weir_environment_fail(environment, WEIR_INVALID,
                                         "usage: sequence_sum [--events N] [--seed S] [--keys K]"
                                         " [--rate EVENTS_A_SECOND] [--output DIR]");
        }
        *values[at] = argv[i + 1];
    }
    struct plan plan = { strtoull(seed, NULL, 10), strtoull(keys, NULL, 10) };
    weir_generator_source_options events = { .size = sizeof events, .generate = generate };
    events.count = strtoull(count, NULL, 10);
    events.records_per_second = strtod(rate, NULL);
    events.argument = &plan, events.argument_size = sizeof plan;
    weir_file_sink_options output = { sizeof output, directory, WEIR_FORMAT_SPACES };
    const weir_field fields[] = { WEIR_FIELD(struct event, index, I64),
                                  WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 3);
    weir_environment_name_job(environment, "sequence_sum");
    weir_stream *source = weir_generator_source(environment, "events", &events, type);
    weir_stream *keyed = weir_stream_key_by(weir_stream_uid(source, "events"), "key");
    weir_stream *sums = weir_stream_process(keyed, "sum", &sum_function, NULL, 0, type);
    weir_stream_uid(sums, "sums");
    weir_stream_uid(directory != NULL ? weir_file_sink(sums, &output) : weir_print_sink(sums),
                    "sink");
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(sequence_sum)

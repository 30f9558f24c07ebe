/* SPDX-License-Identifier: Apache-2.0 */
/* sequence_sum: numbered events -> keyed -> running sum per key -> one line "index key sum" an
 * event.
 *
 * With r(x) = splitmix64's output for the state x, all 64-bit and wrapping: event `index` has
 * key = r(seed + index) mod keys and value = 1 + r(seed + index) / 2^32 mod 1000.
 */
#include <weir/connectors.h>
#include <weir/job.h>

#include <stdio.h>
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
                           (int64_t)(1 + (r >> 32) % 1000) };
    return weir_collector_emit_copy(out, &event, sizeof event);
}

struct summing {
    weir_state *sum;
};

static weir_status
open_sum(weir_context *context, void *self)
{
    struct summing *summing = self;
    return weir_context_value_state(context, "sum", weir_type_of_kind(WEIR_I64), &summing->sum);
}

static weir_status
add(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    struct summing *summing = self;
    struct event event = *(const struct event *)record;
    void *sum;
    weir_status status = weir_value_upsert(summing->sum, &sum, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    *(int64_t *)sum += event.value;
    event.value = *(int64_t *)sum;
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static const weir_function summing_function = { .size = sizeof summing_function,
                                                .instance_size = sizeof(struct summing),
                                                .initialize_state = open_sum,
                                                .process = add };

static const char usage[] =
    "sequence_sum [--events N] [--seed S] [--keys K] [--rate EVENTS_PER_SECOND]"
    " [--output DIR]";

static weir_status
sequence_sum(weir_environment *environment, int argc, char **argv)
{
    struct plan plan = { .seed = 1, .keys = 100 };
    weir_generator_source_options events = { .size = sizeof events,
                                             .generate = generate,
                                             .count = 100000,
                                             .argument = &plan,
                                             .argument_size = sizeof plan };
    weir_file_sink_options output = { .size = sizeof output, .format = WEIR_FORMAT_SPACES };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("usage: %s\n", usage);
            return WEIR_CANCELLED; /* not a job to be run */
        } else if (i + 1 < argc && strcmp(argv[i], "--events") == 0) {
            events.count = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            plan.seed = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--keys") == 0) {
            plan.keys = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--rate") == 0) {
            events.records_per_second = strtod(argv[++i], NULL);
        } else if (i + 1 < argc && strcmp(argv[i], "--output") == 0) {
            output.directory = argv[++i];
        } else {
            return weir_environment_fail(environment, WEIR_INVALID, "%s: not understood\nusage: %s",
                                         argv[i], usage);
        }
    }
    if (plan.keys == 0) {
        return weir_environment_fail(environment, WEIR_INVALID, "--keys must be above 0");
    }
    const weir_field fields[] = { WEIR_FIELD(struct event, index, I64),
                                  WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 3);
    weir_environment_name_job(environment, "sequence_sum");
    weir_stream *source = weir_generator_source(environment, "events", &events, type);
    weir_stream *keyed = weir_stream_key_by(weir_stream_uid(source, "events"), "key");
    weir_stream *sums = weir_stream_process(keyed, "sum", &summing_function, NULL, 0, type);
    sums = weir_stream_uid(sums, "sums");
    weir_stream_uid(
        output.directory != NULL ? weir_file_sink(sums, &output) : weir_print_sink(sums), "sink");
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(sequence_sum)

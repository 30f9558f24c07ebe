/* SPDX-License-Identifier: Apache-2.0 */
/* align_bench: how long checkpoints take under backpressure: two sources as fast as they may, an
 * exchange, two operators that need some microseconds a record, so that every channel is full.
 *
 *   aligned          a barrier waits behind all records that lie before it
 *   unaligned        it overtakes them; they are part of the checkpoint
 *   aligned-timeout  it waits for so long, then it overtakes them
 *
 * One after the other, as fast as they complete, each in a job of its own. A checkpoint's time is
 * from its trigger to its completion.
 *
 * Envelope: a channel holds 4 batches of 256 records, so with 20 us a record and two channels to
 * each operator a barrier waits some 40 ms; overtaking writes 50 KB instead: 2-4 ms, the fsyncs.
 *
 *     align_bench [--data DIR] [--checkpoints N] [--record-us N] [--timeout MS]
 */
#include "harness.h"

#include <weir/connectors.h>
#include <weir/job.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_ROOM = 4096,
    CHECKPOINTS = 200,
    RECORD_US = 20,
    TIMEOUT_MS = 20,
    POLL_US = 300
};

enum mode {
    ALIGNED,
    UNALIGNED,
    ALIGNED_TIMEOUT,
    MODES
};

static struct bench_figure figures[MODES] = {
    [ALIGNED] = { .name = "aligned" },
    [UNALIGNED] = { .name = "unaligned" },
    [ALIGNED_TIMEOUT] = { .name = "aligned-timeout" },
};

struct event {
    int64_t key;
    int64_t value;
};

/* What the functions and the host share. */
struct load {
    uint64_t record_us;
    atomic_bool is_over;
};

struct source {
    uint64_t next;
};

static weir_status
poll_events(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    struct source *source = self;
    struct load *load = *(struct load *const *)weir_context_argument(context);
    for (size_t i = 0; i < max_records; i++) {
        struct event event = { (int64_t)bench_mix(source->next++), 1 };
        weir_status status = weir_collector_emit_copy(out, &event, sizeof event);
        if (status != WEIR_OK) {
            return status;
        }
    }
    *out_poll = atomic_load(&load->is_over) ? WEIR_POLL_END : WEIR_POLL_MORE;
    return WEIR_OK;
}

static weir_status
take_slowly(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self, (void)record, (void)out;
    struct load *load = *(struct load *const *)weir_context_argument(context);
    uint64_t until_ns = weir_context_monotonic_ns(context) + load->record_us * 1000;
    while (!atomic_load(&load->is_over) && weir_context_monotonic_ns(context) < until_ns) {
    }
    return WEIR_OK;
}

static const weir_function events = { .size = sizeof events,
                                      .name = "events",
                                      .instance_size = sizeof(struct source),
                                      .poll = poll_events };
static const weir_function slow = { .size = sizeof slow, .name = "slow", .process = take_slowly };

static void
log_line(void *argument, char level, const char *text)
{
    (void)argument;
    if (level != 'i') {
        fprintf(stderr, "align_bench: %s\n", text);
    }
}

static void
set(weir_options *options, const char *key, const char *value)
{
    weir_error error = { 0 };
    if (weir_options_set(options, key, value, WEIR_LEVEL_COMMAND, "bench", &error) != WEIR_OK) {
        bench_die("%s", error.message);
    }
}

static weir_options *
make_options(enum mode mode, const char *directory, uint64_t timeout_ms)
{
    weir_options *options = NULL;
    char timeout[32];
    snprintf(timeout, sizeof timeout, "%llu ms", (unsigned long long)timeout_ms);
    if (weir_options_create(NULL, &options) != WEIR_OK) {
        bench_die("no memory");
    }
    set(options, "parallelism.default", "2");
    set(options, "weir.network.batch-size", "256");
    set(options, "execution.checkpointing.interval", "10 ms");
    set(options, "execution.checkpointing.dir", directory);
    set(options, "execution.checkpointing.unaligned.enabled", mode == ALIGNED ? "false" : "true");
    if (mode == ALIGNED_TIMEOUT) {
        set(options, "execution.checkpointing.aligned-checkpoint-timeout", timeout);
    }
    return options;
}

static weir_environment *
make_graph(const weir_options *options, struct load *load)
{
    weir_environment *environment = NULL;
    weir_error error = { 0 };
    if (weir_environment_create(NULL, options, &environment) != WEIR_OK) {
        bench_die("no memory");
    }
    const weir_field fields[] = { WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 2);
    weir_environment_name_job(environment, "align_bench");
    weir_stream *stream =
        weir_environment_source(environment, "events", &events, &load, sizeof load, type);
    stream = weir_stream_process(weir_stream_key_by(stream, "key"), "slow", &slow, &load,
                                 sizeof load, type);
    weir_discard_sink(weir_stream_uid(stream, "slow"));
    if (weir_environment_status(environment, &error) != WEIR_OK) {
        bench_die("%s", error.message);
    }
    return environment;
}

/* Looks on until so many have completed. More than one between two looks count as the last. */
static void
watch(weir_job *job, size_t checkpoints, struct bench_figure *figure)
{
    uint64_t seen = 2; /* those before the channels were full */
    while (figure->count < checkpoints) {
        weir_job_report report = { .size = sizeof report };
        weir_job_look(job, &report);
        if (report.state != WEIR_JOB_RUNNING && report.state != WEIR_JOB_INITIALIZING) {
            weir_error error = { 0 };
            (void)weir_job_failure(job, &error);
            bench_die("the job is %s: %s", weir_job_state_name(report.state), error.message);
        }
        if (report.checkpoints_completed > seen) {
            seen = report.checkpoints_completed;
            bench_add(figure, (double)report.last_checkpoint_duration_ms);
            figure->n = report.last_checkpoint_bytes;
        }
        usleep(POLL_US);
    }
}

static void
measure(enum mode mode, const char *directory, struct load *load, size_t checkpoints,
        uint64_t timeout_ms)
{
    bench_remove_tree(directory);
    atomic_store(&load->is_over, false);
    weir_options *options = make_options(mode, directory, timeout_ms);
    weir_environment *environment = make_graph(options, load);
    weir_job_parameters parameters = { .size = sizeof parameters, .log = log_line };
    weir_job *job = NULL;
    weir_error error = { 0 };
    if (weir_job_create(environment, &parameters, &job, &error) != WEIR_OK ||
        weir_job_start(job, &error) != WEIR_OK) {
        bench_die("%s", error.message);
    }
    watch(job, checkpoints, &figures[mode]);
    atomic_store(&load->is_over, true);
    while (!weir_job_wait(job, 1000)) {
    }
    weir_job_destroy(job);
    weir_environment_destroy(environment);
    weir_options_destroy(options);
    bench_remove_tree(directory);
}

int
main(int argc, char **argv)
{
    static struct load load;
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    size_t checkpoints = bench_option(argc, argv, "--checkpoints", CHECKPOINTS);
    uint64_t timeout_ms = bench_option(argc, argv, "--timeout", TIMEOUT_MS);
    load.record_us = bench_option(argc, argv, "--record-us", RECORD_US);
    char directory[PATH_ROOM];
    snprintf(directory, sizeof directory, "%.4000s/align-checkpoints", data);
    bench_make_directory(data);
    double p50_ms[MODES];
    double p999_ms[MODES];
    for (enum mode mode = ALIGNED; mode < MODES; mode++) {
        struct bench_figure *figure = &figures[mode];
        figure->bench = "align";
        figure->engine = "hashmap";
        figure->unit = "ms";
        measure(mode, directory, &load, checkpoints, timeout_ms);
        p50_ms[mode] = bench_median(figure);
        p999_ms[mode] = bench_quantile(figure, 0.999);
        fprintf(stderr, "align_bench: %-16s p50 %5.0f ms, p99 %5.0f, p99.9 %5.0f\n", figure->name,
                p50_ms[mode], bench_quantile(figure, 0.99), p999_ms[mode]);
        bench_print(figure, p50_ms[ALIGNED] > 0 ? p50_ms[mode] / p50_ms[ALIGNED] : 0);
    }
    const struct bench_gate gate = {
        "CP5", "unaligned p99.9 under load", "of aligned", 1, 0.2, true
    };
    return bench_judge(&gate, p999_ms[UNALIGNED] / p999_ms[ALIGNED]) ? 0 : 1;
}

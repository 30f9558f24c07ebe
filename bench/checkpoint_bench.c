/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_bench: row 7, how fast a full checkpoint gets to the disk: a whole job with a running
 * sum per 64-bit key, N keys loaded and then at rest, a checkpoint each interval; in the quiet
 * between two of them the O_DIRECT writer writes as many bytes to the same directory.
 *
 * A checkpoint's time is from its trigger to its completion: barrier, image, checksums, fdatasync,
 * manifest, rename and the fsyncs of the directories.
 *
 * Envelope: the task copies at some 5 GB/s, the io thread checksums at 16 GB/s and the disk takes
 * 2: only the disk should be seen, and 1-2 ms of fsyncs; expect 0.9.
 *
 *     checkpoint_bench [--keys N] [--data DIR] [--repetitions N] [--interval MS]
 */
#include "harness.h"
#include "limit.h"

#include <weir/connectors.h>
#include <weir/job.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_ROOM = 4096,
    INTERVAL_MS = 1500,
    POLL_US = 1000
};

struct event {
    int64_t key;
    int64_t value;
};

/* What the source and the host share. */
struct progress {
    uint64_t key_count;
    atomic_bool is_over;
};

struct source {
    uint64_t next;
};

/* Every key once, then nothing until the host says that it is over. */
static weir_status
poll_events(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    struct source *source = self;
    struct progress *progress = *(struct progress *const *)weir_context_argument(context);
    for (size_t i = 0; i < max_records && source->next < progress->key_count; i++) {
        struct event event = { (int64_t)source->next++, 1 };
        weir_status status = weir_collector_emit_copy(out, &event, sizeof event);
        if (status != WEIR_OK) {
            return status;
        }
    }
    *out_poll = source->next < progress->key_count ? WEIR_POLL_MORE
                : atomic_load(&progress->is_over)  ? WEIR_POLL_END
                                                   : WEIR_POLL_IDLE;
    return WEIR_OK;
}

static const weir_function events = { .size = sizeof events,
                                      .name = "events",
                                      .instance_size = sizeof(struct source),
                                      .poll = poll_events };

static void
log_line(void *argument, char level, const char *text)
{
    (void)argument;
    if (level != 'i') {
        fprintf(stderr, "checkpoint_bench: %s\n", text);
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

static weir_environment *
make_graph(const weir_options *options, struct progress *progress)
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
    weir_environment_name_job(environment, "checkpoint_bench");
    weir_stream *stream =
        weir_environment_source(environment, "events", &events, &progress, sizeof progress, type);
    stream = weir_stream_sum(weir_stream_key_by(stream, "key"), "value");
    weir_discard_sink(weir_stream_uid(stream, "sums"));
    if (weir_environment_status(environment, &error) != WEIR_OK) {
        bench_die("%s", error.message);
    }
    return environment;
}

/* Waits for the next completed checkpoint that holds all keys. */
static weir_job_report
next_checkpoint(weir_job *job, uint64_t key_count, uint64_t after)
{
    weir_job_report report = { .size = sizeof report };
    for (;;) {
        weir_job_look(job, &report);
        if (report.state != WEIR_JOB_RUNNING && report.state != WEIR_JOB_INITIALIZING) {
            weir_error error = { 0 };
            (void)weir_job_failure(job, &error);
            bench_die("the job is %s: %s", weir_job_state_name(report.state), error.message);
        }
        if (report.checkpoints_completed > after && report.state_entries == key_count &&
            report.last_checkpoint_bytes >= key_count * sizeof(struct event)) {
            return report;
        }
        usleep(POLL_US);
    }
}

static void
measure(weir_job *job, uint64_t key_count, const char *data, int repetitions,
        struct bench_figure *disk, struct bench_figure *checkpoint)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%.4000s/limit.dat", data);
    /* The first one may still have records between its bytes. */
    weir_job_report report = next_checkpoint(job, key_count, 0);
    for (int i = 0; i < repetitions; i++) {
        report = next_checkpoint(job, key_count, report.checkpoints_completed);
        double duration_s = (double)report.last_checkpoint_duration_ms * 1e-3;
        bench_add(checkpoint, (double)report.last_checkpoint_bytes / duration_s);
        bool direct = false;
        size_t size = (size_t)(report.last_checkpoint_bytes >> 20) << 20;
        bench_add(disk, limit_disk_run(path, size, &direct));
        disk->engine = direct ? "O_DIRECT" : "buffered";
        disk->n = checkpoint->n = report.last_checkpoint_bytes;
    }
}

int
main(int argc, char **argv)
{
    static struct bench_figure disk = { .bench = "checkpoint", .name = "limit", .unit = "bytes/s" };
    static struct bench_figure checkpoint = {
        .bench = "checkpoint", .name = "full", .engine = "hashmap", .unit = "bytes/s"
    };
    struct progress progress = { .key_count = bench_option(argc, argv, "--keys", 10000000) };
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS + 2);
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    char directory[PATH_ROOM];
    char interval[32];
    snprintf(directory, sizeof directory, "%.4000s/checkpoints", data);
    snprintf(interval, sizeof interval, "%llu ms",
             (unsigned long long)bench_option(argc, argv, "--interval", INTERVAL_MS));
    bench_make_directory(data);
    bench_remove_tree(directory);

    weir_options *options = NULL;
    weir_error error = { 0 };
    if (weir_options_create(NULL, &options) != WEIR_OK) {
        bench_die("no memory");
    }
    set(options, "execution.checkpointing.interval", interval);
    set(options, "execution.checkpointing.min-pause", interval);
    set(options, "execution.checkpointing.dir", directory);
    weir_environment *environment = make_graph(options, &progress);
    weir_job_parameters parameters = { .size = sizeof parameters, .log = log_line };
    weir_job *job = NULL;
    if (weir_job_create(environment, &parameters, &job, &error) != WEIR_OK ||
        weir_job_start(job, &error) != WEIR_OK) {
        bench_die("%s", error.message);
    }
    measure(job, progress.key_count, data, repetitions, &disk, &checkpoint);
    atomic_store(&progress.is_over, true);
    while (!weir_job_wait(job, 1000)) {
    }
    weir_job_destroy(job);
    weir_environment_destroy(environment);
    weir_options_destroy(options);
    bench_remove_tree(directory);

    double ratio = bench_median(&checkpoint) / bench_median(&disk);
    bench_print(&disk, 1);
    bench_print(&checkpoint, ratio);
    const struct bench_gate gate = { "7", "checkpoint bandwidth", "of writer", 0.7, 0.9, false };
    return bench_judge(&gate, ratio) ? 0 : 1;
}

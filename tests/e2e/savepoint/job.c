/* SPDX-License-Identifier: Apache-2.0 */
/* job: events 0 .. EVENTS-1, their key is the index modulo KEYS, their value the index; the line of
 * index i ends in the sum of all indexes up to i of the same key, which the judge knows by itself.
 *
 * With one subtask of each operator the lines of one key come in the order of their indexes, so
 * that any prefix of a right run has its right sums.
 */
#include "job.h"

#include <weir/connectors.h>

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS = 12000,
    KEYS = 37
};

struct event {
    int64_t index;
    int64_t key;
    int64_t value;
};

void
say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void
expect(bool holds, const char *what)
{
    if (!holds) {
        say("not so: %s", what);
        exit(1);
    }
}

void
expect_ok(weir_status status, const weir_error *error)
{
    if (status != WEIR_OK) {
        say("%s: %s", weir_status_name(status), error->message);
        exit(1);
    }
}

/* --- places --- */

static char place_now[400];

const char *
place(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", place_now, name);
    return path;
}

static int
remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

void
remove_tree(const char *path)
{
    expect(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT,
           "a directory of the test can be removed");
}

void
use_place(const char *directory)
{
    snprintf(place_now, sizeof place_now, "%s", directory);
    remove_tree(directory);
    expect(mkdir(directory, 0777) == 0, "the directory of the test can be made");
}

bool
exists(const char *directory, const char *name)
{
    char path[1200];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &found) == 0;
}

/* --- the job --- */

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    (void)context;
    struct event event = { (int64_t)index, (int64_t)(index % KEYS), (int64_t)index };
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

/* Passes on, and has counted. */
static weir_status
count(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    void *counted;
    weir_status status = weir_value_upsert(*(weir_state **)self, &counted, NULL);
    if (status == WEIR_OK) {
        ++*(int64_t *)counted;
        status = weir_collector_emit_copy(out, record, sizeof(struct event));
    }
    return status;
}

static const weir_function sum_function = { .size = sizeof(weir_function),
                                            .instance_size = sizeof(weir_state *),
                                            .initialize_state = open_sum,
                                            .process = add };
static const weir_function count_function = { .size = sizeof(weir_function),
                                              .instance_size = sizeof(weir_state *),
                                              .initialize_state = open_sum,
                                              .process = count };

static weir_status
build(weir_environment *environment, const struct plan *plan, weir_error *err)
{
    weir_generator_source_options events = { .size = sizeof events,
                                             .generate = generate,
                                             .count = EVENTS,
                                             .records_per_second = plan->rate };
    weir_file_sink_options output = { sizeof output, place("out"), WEIR_FORMAT_SPACES };
    const weir_field fields[] = { WEIR_FIELD(struct event, index, I64),
                                  WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 3);
    weir_environment_name_job(environment, "saved");
    weir_stream *stream = weir_generator_source(environment, "events", &events, type);
    weir_stream_uid(stream, "events");
    if (plan->with_extra) {
        stream = weir_stream_process(weir_stream_key_by(stream, "key"), "count", &count_function,
                                     NULL, 0, type);
        weir_stream_uid(stream, "extra");
    }
    stream =
        weir_stream_process(weir_stream_key_by(stream, "key"), "sum", &sum_function, NULL, 0, type);
    weir_stream_uid(stream, "sums");
    weir_stream_uid(weir_file_sink(stream, &output), "sink");
    return weir_environment_status(environment, err);
}

/* --- lives --- */

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[65536];
static weir_job_report last_report;

static void
note(void *argument, char level, const char *text)
{
    (void)argument;
    pthread_mutex_lock(&said_lock);
    size_t at = strlen(said);
    snprintf(said + at, sizeof said - at, "%c %s\n", level, text);
    pthread_mutex_unlock(&said_lock);
}

bool
was_said(const char *words)
{
    pthread_mutex_lock(&said_lock);
    bool found = strstr(said, words) != NULL;
    pthread_mutex_unlock(&said_lock);
    return found;
}

static void
set(struct life *life, const char *key, const char *value)
{
    weir_error error;
    expect_ok(weir_options_set(life->options, key, value, WEIR_LEVEL_COMMAND, "test", &error),
              &error);
}

static void
close_life(struct life *life)
{
    weir_job_destroy(life->job);
    weir_environment_destroy(life->environment);
    weir_options_destroy(life->options);
    memset(life, 0, sizeof *life);
}

weir_status
try_life(struct life *life, const struct plan *plan, weir_error *err)
{
    memset(life, 0, sizeof *life);
    expect(weir_options_create(NULL, &life->options) == WEIR_OK, "there is memory");
    set(life, "execution.checkpointing.dir", place("state"));
    set(life, "execution.checkpointing.interval", "20 ms");
    set(life, "execution.checkpointing.data-inline-threshold", "0");
    set(life, "taskmanager.memory.managed.size", "64 mb");
    expect(weir_environment_create(NULL, life->options, &life->environment) == WEIR_OK,
           "there is memory");
    weir_job_parameters parameters = { .size = sizeof parameters,
                                       .restore = plan->restore,
                                       .allow_non_restored_state = plan->allow_non_restored,
                                       .claim_mode = plan->claim,
                                       .log = note };
    weir_status status = build(life->environment, plan, err);
    if (status == WEIR_OK) {
        status = weir_job_create(life->environment, &parameters, &life->job, err);
    }
    if (status == WEIR_OK) {
        status = weir_job_start(life->job, err);
    }
    if (status != WEIR_OK) {
        close_life(life);
    }
    return status;
}

void
begin_life(struct life *life, const struct plan *plan)
{
    weir_error error;
    expect_ok(try_life(life, plan, &error), &error);
}

weir_job_report
look(struct life *life)
{
    weir_job_report report = { .size = sizeof report };
    weir_job_look(life->job, &report);
    return report;
}

const weir_job_report *
look_last(void)
{
    return &last_report;
}

void
run_until(struct life *life, uint64_t records_in)
{
    while (look(life).records_in < records_in) {
        expect(!weir_job_wait(life->job, 1), "the job runs for as long as it is to");
    }
}

weir_job_state
end_life(struct life *life)
{
    weir_error error;
    for (int i = 0; i < 60000 && !weir_job_wait(life->job, 1); i++) {
    }
    last_report = look(life);
    if (weir_job_failure(life->job, &error) != WEIR_OK) {
        say("the job failed: %s", error.message);
    }
    close_life(life);
    return last_report.state;
}

/* --- the judge --- */

static unsigned char times[EVENTS];
static uint64_t lines;

/* The sum of all indexes up to this one that have its key. */
static int64_t
sum_up_to(int64_t index)
{
    int64_t sum = 0;
    for (int64_t i = index % KEYS; i <= index; i += KEYS) {
        sum += i;
    }
    return sum;
}

static void
read_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[128];
    expect(file != NULL, "a committed file can be read");
    while (fgets(line, sizeof line, file) != NULL) {
        char *end = NULL;
        int64_t index = strtoll(line, &end, 10);
        int64_t key = strtoll(end, &end, 10);
        int64_t sum = strtoll(end, &end, 10);
        if (index < 0 || index >= EVENTS || key != index % KEYS || sum != sum_up_to(index)) {
            say("%s: wrong line: %s", path, line);
            exit(1);
        }
        times[index]++;
        lines++;
    }
    fclose(file);
}

static void
read_all(void)
{
    DIR *directory = opendir(place("out"));
    memset(times, 0, sizeof times);
    lines = 0;
    expect(directory != NULL, "there is output");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, "part-", 5) == 0) {
            char path[800];
            snprintf(path, sizeof path, "%s/%s", place("out"), entry->d_name);
            read_lines(path);
        }
    }
    closedir(directory);
}

uint64_t
committed_lines(void)
{
    read_all();
    return lines;
}

bool
lines_are_right(bool all)
{
    read_all();
    for (uint64_t i = 0; i < EVENTS; i++) {
        bool is_wanted = all || i < lines;
        if (times[i] != (is_wanted ? 1 : 0)) {
            say("line %llu is there %u times, of %llu lines", (unsigned long long)i, times[i],
                (unsigned long long)lines);
            return false;
        }
    }
    return true;
}

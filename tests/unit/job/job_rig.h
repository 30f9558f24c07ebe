/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/job/job_rig.h: one small job on a simulated or the real system, with whatever a test
 * wants changed or broken.
 *
 *   numbers 0 .. count-1  --keyed by key-->  running sum per key  -->  sink in the test's memory
 *   uid "numbers"                            uid "sums"                no state
 *
 * The sink keeps how often it saw each index and the highest sum of each key. Values are positive,
 * so the highest sum after the end is the sum of all values iff the state counted each index once,
 * however often the job was restored in between.
 */
#ifndef WEIR_TESTS_JOB_RIG_H
#define WEIR_TESTS_JOB_RIG_H

#include "support/common_os_sim.h"
#include "support/test.h"

#include "base/memory.h"
#include "job/running.h"
#include "job_steps.h"
#include "weir/connectors.h"
#include "weir/job.h"

#include <stdio.h>
#include <string.h>

enum {
    RIG_NUMBERS_MAX = 20000,
    RIG_KEYS_MAX = 512
};

#define RIG_DIRECTORY "/var/state"

/* Where the sum function, the source or the sink answers a failure. */
enum rig_failure {
    RIG_WELL,
    RIG_FAIL_INITIALIZE,
    RIG_FAIL_OPEN,
    RIG_FAIL_PROCESS,
    RIG_FAIL_SNAPSHOT,
    RIG_FAIL_COMPLETE,
    RIG_FAIL_FINISH,
    RIG_FAIL_AGAIN, /* process, at each `fails_every`-th of its records over all, `fails_left` times
                     */
    RIG_FAIL_QUIETLY /* process fails the context and answers OK */
};

struct rig {
    struct wr_os *os;        /* NULL: the simulated one */
    const weir_alloc *alloc; /* the environment's; NULL: the system's */
    struct os_sim *sim;
    weir_options *options;
    weir_environment *environment;
    weir_job *job;
    weir_error error;
    weir_job_parameters parameters;

    const char *name; /* of the job; NULL: "numbers" */
    uint64_t count;
    uint64_t keys;      /* at most RIG_KEYS_MAX */
    uint64_t hot_every; /* each so many-th number is of keys 0 to 3 in turn; 0: as any other */
    double rate;
    bool with_extra;   /* a second keyed operator, uid "extra" */
    bool without_sums; /* the sum has another uid */
    enum rig_failure failure;

    uint64_t snapshot_takes_ns; /* the sum's hook, of simulated time */
    uint64_t process_takes_ns;  /* each of its records */
    uint64_t fails_every;
    _Atomic uint64_t processed;
    _Atomic uint32_t fails_left;

    int64_t seen[RIG_NUMBERS_MAX];
    int64_t highest[RIG_KEYS_MAX]; /* 0: the key never came */
    char log[16384];
    uint64_t completed_before; /* what an until-function notes */
    uint64_t freed_ns;
};

struct rig_number {
    int64_t index;
    int64_t key;
    int64_t value; /* behind the sum: the running sum */
};

static inline struct rig *
rig_of(weir_context *context)
{
    struct rig *rig;
    memcpy(&rig, weir_context_argument(context), sizeof rig);
    return rig;
}

static inline int64_t
rig_value(int64_t index)
{
    return index % 97 + 1;
}

/* --- its functions --- */

static inline int64_t
rig_key(const struct rig *rig, uint64_t index)
{
    bool is_hot = rig->hot_every != 0 && index % rig->hot_every == 0;
    return (int64_t)(is_hot ? index / rig->hot_every % 4 : index * 7 % rig->keys);
}

static inline weir_status
rig_generate(weir_context *context, uint64_t index, weir_collector *out)
{
    struct rig_number number = { .index = (int64_t)index,
                                 .key = rig_key(rig_of(context), index),
                                 .value = rig_value((int64_t)index) };
    return weir_collector_emit_copy(out, &number, sizeof number);
}

static inline weir_status
rig_fail_at(weir_context *context, enum rig_failure here)
{
    return rig_of(context)->failure == here
               ? weir_context_fail(context, WEIR_USER, "broken on purpose")
               : WEIR_OK;
}

static inline weir_status
rig_fail_again(weir_context *context)
{
    struct rig *rig = rig_of(context);
    if (rig->failure != RIG_FAIL_AGAIN ||
        (atomic_fetch_add(&rig->processed, 1) + 1) % rig->fails_every != 0) {
        return WEIR_OK;
    }
    uint32_t left = atomic_load(&rig->fails_left);
    while (left != 0 && !atomic_compare_exchange_weak(&rig->fails_left, &left, left - 1)) {
    }
    return left != 0 ? weir_context_fail(context, WEIR_USER, "broken on purpose") : WEIR_OK;
}

struct rig_sum {
    weir_state *sum;
};

static inline weir_status
rig_sum_initialize(weir_context *context, void *self)
{
    struct rig_sum *sum = self;
    weir_status status =
        weir_context_value_state(context, "sum", weir_type_of_kind(WEIR_I64), &sum->sum);
    return status != WEIR_OK ? status : rig_fail_at(context, RIG_FAIL_INITIALIZE);
}

static inline weir_status
rig_sum_open(weir_context *context, void *self)
{
    (void)self;
    return rig_fail_at(context, RIG_FAIL_OPEN);
}

static inline weir_status
rig_sum_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct rig_sum *sum = self;
    struct rig_number number = *(const struct rig_number *)record;
    void *value;
    if (rig_of(context)->failure == RIG_FAIL_QUIETLY) {
        (void)rig_fail_at(context, RIG_FAIL_QUIETLY);
        return WEIR_OK;
    }
    if (rig_of(context)->process_takes_ns != 0) {
        os_sim_advance_ns(rig_of(context)->sim, rig_of(context)->process_takes_ns);
    }
    weir_status status = rig_fail_at(context, RIG_FAIL_PROCESS);
    if (status == WEIR_OK) {
        status = rig_fail_again(context);
    }
    if (status == WEIR_OK) {
        status = weir_value_upsert(sum->sum, &value, NULL);
    }
    if (status != WEIR_OK) {
        return status;
    }
    *(int64_t *)value += number.value;
    number.value = *(int64_t *)value;
    return weir_collector_emit_copy(out, &number, sizeof number);
}

static inline weir_status
rig_sum_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    (void)checkpoint_id;
    if (rig_of(context)->snapshot_takes_ns != 0) {
        os_sim_advance_ns(rig_of(context)->sim, rig_of(context)->snapshot_takes_ns);
    }
    return rig_fail_at(context, RIG_FAIL_SNAPSHOT);
}

static inline weir_status
rig_sum_complete(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    (void)checkpoint_id;
    return rig_fail_at(context, RIG_FAIL_COMPLETE);
}

static inline weir_status
rig_sum_finish(weir_context *context, void *self, weir_collector *out)
{
    (void)self;
    (void)out;
    return rig_fail_at(context, RIG_FAIL_FINISH);
}

static const weir_function rig_sum_function = { .size = sizeof(weir_function),
                                                .instance_size = sizeof(struct rig_sum),
                                                .initialize_state = rig_sum_initialize,
                                                .open = rig_sum_open,
                                                .process = rig_sum_process,
                                                .snapshot_state = rig_sum_snapshot,
                                                .notify_checkpoint_complete = rig_sum_complete,
                                                .finish = rig_sum_finish };

/* Passes on, and counts per key in a state of its own. */
static inline weir_status
rig_extra_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    struct rig_sum *extra = self;
    void *value;
    weir_status status = weir_value_upsert(extra->sum, &value, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    ++*(int64_t *)value;
    return weir_collector_emit_copy(out, record, sizeof(struct rig_number));
}

static inline weir_status
rig_extra_initialize(weir_context *context, void *self)
{
    struct rig_sum *extra = self;
    return weir_context_value_state(context, "count", weir_type_of_kind(WEIR_I64), &extra->sum);
}

static const weir_function rig_extra_function = { .size = sizeof(weir_function),
                                                  .instance_size = sizeof(struct rig_sum),
                                                  .initialize_state = rig_extra_initialize,
                                                  .process = rig_extra_process };

static inline weir_status
rig_sink_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self;
    (void)out;
    struct rig *rig = rig_of(context);
    const struct rig_number *number = record;
    rig->seen[number->index]++;
    if (number->value > rig->highest[number->key]) {
        rig->highest[number->key] = number->value;
    }
    return WEIR_OK;
}

static const weir_function rig_sink_function = { .size = sizeof(weir_function),
                                                 .process = rig_sink_process };

/* --- life --- */

static inline void
rig_log(void *argument, char level, const char *text)
{
    struct rig *rig = argument;
    if (rig->os != NULL) {
        return; /* real threads */
    }
    size_t at = strlen(rig->log);
    snprintf(rig->log + at, sizeof rig->log - at, "%c %s\n", level, text);
}

static inline void
rig_set(struct rig *rig, const char *key, const char *value)
{
    assert_ok(weir_options_set(rig->options, key, value, WEIR_LEVEL_COMMAND, "test", &rig->error),
              &rig->error);
}

static inline void
rig_set_number(struct rig *rig, const char *key, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    rig_set(rig, key, text);
}

/* 2,000 numbers in 200 ms of simulated time, a checkpoint each 10 ms. */
static inline void
rig_init_with_clock(struct rig *rig, uint64_t clock_step_ns)
{
    memset(rig, 0, sizeof *rig);
    struct os_sim_config config = { .seed = 7, .clock_step_ns = clock_step_ns, .cpu_count = 2 };
    rig->sim = os_sim_create(&config);
    os_sim_directory_put(rig->sim, "/var");
    rig->count = 2000;
    rig->keys = 16;
    rig->rate = 10000;
    rig->parameters = (weir_job_parameters){ .size = sizeof rig->parameters,
                                             .log = rig_log,
                                             .log_argument = rig };
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig->options));
    rig_set(rig, "execution.checkpointing.dir", RIG_DIRECTORY);
    rig_set(rig, "execution.checkpointing.interval", "10 ms");
    rig_set(rig, "execution.checkpointing.data-inline-threshold", "0"); /* state in files */
    rig_set(rig, "taskmanager.memory.managed.size", "64 mb");
    rig_set(rig, "restart-strategy.type", "none"); /* a failure is told at once */
    rig_set(rig, "weir.network.batch-size", "8");
}

static inline void
rig_init(struct rig *rig)
{
    rig_init_with_clock(rig, 3000);
}

static inline void
rig_forget_job(struct rig *rig)
{
    weir_job_destroy(rig->job);
    weir_environment_destroy(rig->environment);
    rig->job = NULL;
    rig->environment = NULL;
}

static inline void
rig_fini(struct rig *rig)
{
    rig_forget_job(rig);
    weir_options_destroy(rig->options);
    os_sim_destroy(rig->sim);
}

static inline void
rig_build(struct rig *rig)
{
    assert_int_equal(WEIR_OK, weir_environment_create(rig->alloc, rig->options, &rig->environment));
    weir_environment *environment = rig->environment;
    const weir_field fields[] = { WEIR_FIELD(struct rig_number, index, I64),
                                  WEIR_FIELD(struct rig_number, key, I64),
                                  WEIR_FIELD(struct rig_number, value, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "number", sizeof(struct rig_number), fields, 3);
    weir_generator_source_options source = { .size = sizeof source,
                                             .generate = rig_generate,
                                             .count = rig->count,
                                             .records_per_second = rig->rate,
                                             .argument = &rig,
                                             .argument_size = sizeof rig };
    weir_environment_name_job(environment, rig->name != NULL ? rig->name : "numbers");
    weir_stream *stream = weir_generator_source(environment, "numbers", &source, type);
    weir_stream_uid(stream, "numbers");
    stream = weir_stream_process(weir_stream_key_by(stream, "key"), "sum", &rig_sum_function, &rig,
                                 sizeof rig, type);
    weir_stream_uid(stream, rig->without_sums ? "other" : "sums");
    if (rig->with_extra) {
        stream = weir_stream_process(weir_stream_key_by(stream, "key"), "extra",
                                     &rig_extra_function, NULL, 0, type);
        weir_stream_uid(stream, "extra");
    }
    weir_stream_sink(stream, "memory", &rig_sink_function, &rig, sizeof rig);
    assert_ok(weir_environment_status(environment, &rig->error), &rig->error);
}

/* From options and parameters to a job; what wr_job_create_on answers. */
static inline weir_status
rig_create(struct rig *rig)
{
    rig_forget_job(rig);
    memset(&rig->error, 0, sizeof rig->error);
    rig_build(rig);
    struct wr_os *os = rig->os != NULL ? rig->os : os_sim_os(rig->sim);
    return wr_job_create_on(os, rig->environment, &rig->parameters, &rig->job, &rig->error);
}

static inline weir_job_report
rig_look(const struct rig *rig)
{
    weir_job_report report = { .size = sizeof report };
    weir_job_look(rig->job, &report);
    return report;
}

/* Steps every actor in turn until the job has ended or `until` says so. Time passes when nobody
 * has anything to do. */
static inline void
rig_step_until(struct rig *rig, bool (*until)(struct rig *rig))
{
    unsigned quiet = 0;
    for (uint64_t rounds = 0; !wr_job_has_ended(rig->job); rounds++) {
        uint64_t first = UINT64_MAX;
        assert_true(rounds < 3000000);
        bool progress = job_step_all(rig->job, &first);
        if (until != NULL && until(rig)) {
            return;
        }
        job_pass_time(rig->job, rig->sim, progress, first, &quiet);
    }
}

/* Creates, begins and steps. */
static inline weir_job_state
rig_run(struct rig *rig, bool (*until)(struct rig *rig))
{
    assert_ok(rig_create(rig), &rig->error);
    assert_non_null(rig->job);
    assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
    rig_step_until(rig, until);
    (void)!weir_job_failure(rig->job, &rig->error);
    return rig_look(rig).state;
}

/* --- what a test waits for --- */

static inline bool
rig_has_three_checkpoints(struct rig *rig)
{
    return rig_look(rig).checkpoints_completed >= 3;
}

static inline bool
rig_stops_after_three(struct rig *rig)
{
    if (rig_has_three_checkpoints(rig)) {
        weir_job_stop(rig->job);
    }
    return false;
}

static inline bool
rig_cancels_after_three(struct rig *rig)
{
    if (rig_has_three_checkpoints(rig)) {
        weir_job_cancel(rig->job);
    }
    return false;
}

static inline bool
rig_breaks_after_three(struct rig *rig)
{
    if (rig_has_three_checkpoints(rig)) {
        rig->failure = RIG_FAIL_PROCESS;
    }
    return false;
}

/* --- what it left --- */

/* Names below `path` that begin with `prefix`, hidden ones only if asked for by name. */
static inline size_t
rig_count_names(const struct rig *rig, const char *path, const char *prefix)
{
    struct wr_os *os = rig->os != NULL ? rig->os : os_sim_process_create(rig->sim);
    struct wr_os_list *list;
    size_t count = 0;
    if (os->ops->list_open(os, path, &list) != 0) {
        return 0;
    }
    char name[WR_OS_NAME_MAX];
    while (os->ops->list_next(os, list, name) == 0) {
        bool relevant = strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
        count += relevant && strncmp(name, prefix, strlen(prefix)) == 0;
    }
    os->ops->list_close(os, list);
    return count;
}

static inline void
rig_job_directory(const struct rig *rig, char out[256])
{
    snprintf(out, 256, RIG_DIRECTORY "/%s", rig_look(rig).job_id);
}

static inline size_t
rig_count_checkpoints(const struct rig *rig)
{
    char path[256];
    rig_job_directory(rig, path);
    return rig_count_names(rig, path, "chk-");
}

static inline int64_t
rig_total(const struct rig *rig, int64_t key)
{
    int64_t total = 0;
    for (uint64_t i = 0; i < rig->count; i++) {
        total += rig_key(rig, i) == key ? rig_value((int64_t)i) : 0;
    }
    return total;
}

/* After the end: the state counted each number once. */
static inline void
rig_assert_exactly_once(const struct rig *rig)
{
    for (uint64_t i = 0; i < rig->count; i++) {
        assert_true(rig->seen[i] >= 1);
    }
    for (int64_t key = 0; key < (int64_t)rig->keys; key++) {
        assert_int_equal(rig_total(rig, key), rig->highest[key]);
    }
}

/* The message, or what is missing from it. */
static inline void
rig_assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, text);
        fail();
    }
}

#endif /* WEIR_TESTS_JOB_RIG_H */

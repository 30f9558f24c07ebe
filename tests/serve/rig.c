/* SPDX-License-Identifier: Apache-2.0 */
/* rig: the life of the job, and what a test waits for. The asking stands in rig_ask.c. */
#include "rig.h"

#include "rig_job.h"

#include "os/file.h"
#include "weir/connectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WAIT_ROUNDS = 60000 /* of a millisecond */
};

struct number {
    int64_t index;
    int64_t key;
    int64_t value;
};

/* --- its functions --- */

static struct rig *
rig_of(weir_context *context)
{
    struct rig *rig;
    memcpy(&rig, weir_context_argument(context), sizeof rig);
    return rig;
}

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    (void)context;
    struct number number = { (int64_t)index, (int64_t)(index % RIG_KEYS), 1 };
    return weir_collector_emit_copy(out, &number, sizeof number);
}

struct sum {
    weir_state *sum;
};

static weir_status
sum_initialize(weir_context *context, void *self)
{
    struct sum *sum = self;
    return weir_context_value_state(context, "sum", weir_type_of_kind(WEIR_I64), &sum->sum);
}

static weir_status
sum_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct sum *sum = self;
    struct rig *rig = rig_of(context);
    struct number number = *(const struct number *)record;
    void *value;
    bool fails = true;
    rig->processed++;
    if (atomic_compare_exchange_strong(&rig->fails, &fails, false)) {
        return weir_context_fail(context, WEIR_USER, "broken on purpose");
    }
    weir_status status = weir_value_upsert(sum->sum, &value, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    *(int64_t *)value += number.value;
    number.value = *(int64_t *)value;
    return weir_collector_emit_copy(out, &number, sizeof number);
}

static weir_status
sum_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct rig *rig = rig_of(context);
    (void)self;
    (void)checkpoint_id;
    while (rig->holds) {
        usleep(1000);
    }
    return WEIR_OK;
}

static const weir_function sum_function = { .size = sizeof(weir_function),
                                            .instance_size = sizeof(struct sum),
                                            .initialize_state = sum_initialize,
                                            .process = sum_process,
                                            .snapshot_state = sum_snapshot };

/* --- life --- */

void
rig_set(struct rig *rig, const char *key, const char *value)
{
    assert_ok(weir_options_set(rig->options, key, value, WEIR_LEVEL_COMMAND, "test", &rig->error),
              &rig->error);
}

static void
set_directory(struct rig *rig, const char *key, const char *name)
{
    char path[sizeof rig->directory + 32];
    snprintf(path, sizeof path, "%s/%s", rig->directory, name);
    if (key != NULL) {
        rig_set(rig, key, path);
    } else {
        setenv("WEIR_RUNTIME_DIR", path, 1);
    }
}

void
rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig->count = UINT64_MAX;
    rig->rate = 2000;
    rig->parameters.size = sizeof rig->parameters;
    snprintf(rig->directory, sizeof rig->directory, "/tmp/weir-serve-test-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig->options));
    set_directory(rig, NULL, "runtime");
    set_directory(rig, "execution.checkpointing.dir", "checkpoints");
    set_directory(rig, "execution.checkpointing.savepoint-dir", "savepoints");
    rig_set(rig, "execution.checkpointing.data-inline-threshold", "0"); /* state in files */
    rig_set(rig, "taskmanager.memory.managed.size", "64 mb");
    rig_set(rig, "restart-strategy.type", "none");
    rig_set(rig, "parallelism.default", "2");
    rig_set(rig, "weir.workers", "2");
}

static void
build(struct rig *rig)
{
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, rig->options, &rig->environment));
    weir_environment *environment = rig->environment;
    const weir_field fields[] = { WEIR_FIELD(struct number, index, I64),
                                  WEIR_FIELD(struct number, key, I64),
                                  WEIR_FIELD(struct number, value, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "number", sizeof(struct number), fields, 3);
    weir_generator_source_options source = { .size = sizeof source,
                                             .generate = generate,
                                             .count = rig->count,
                                             .records_per_second = rig->rate };
    weir_environment_name_job(environment, rig->name != NULL ? rig->name : "numbers");
    weir_stream *stream = weir_generator_source(environment, "numbers", &source, type);
    weir_stream_uid(stream, "numbers");
    stream = weir_stream_process(weir_stream_key_by(stream, "key"), "sum", &sum_function, &rig,
                                 sizeof rig, type);
    weir_stream_uid(stream, "sums");
    weir_stream_uid(weir_discard_sink(stream), "dropped");
    assert_ok(weir_environment_status(environment, &rig->error), &rig->error);
}

static void
forget_job(struct rig *rig)
{
    rig->holds = false;
    wr_server_destroy(rig->server);
    weir_job_destroy(rig->job);
    weir_environment_destroy(rig->environment);
    rig->server = NULL;
    rig->job = NULL;
    rig->environment = NULL;
}

void
rig_make_job(struct rig *rig)
{
    forget_job(rig);
    build(rig);
    assert_ok(rig_create_job(rig->os, rig->environment, &rig->parameters, &rig->job, &rig->error),
              &rig->error);
    assert_non_null(rig->job);
}

void
rig_create(struct rig *rig)
{
    rig_make_job(rig);
    assert_ok(wr_server_create(rig->job, NULL, &rig->server, &rig->error), &rig->error);
}

void
rig_start(struct rig *rig)
{
    rig_create(rig);
    assert_ok(weir_job_start(rig->job, &rig->error), &rig->error);
}

void
rig_fini(struct rig *rig)
{
    weir_error error;
    forget_job(rig);
    while (rig->answers != NULL) {
        struct rig_answer *answer = rig->answers;
        rig->answers = answer->next;
        json_decref(answer->json);
        wr_answer_free(&answer->raw);
        free(answer);
    }
    weir_options_destroy(rig->options);
    assert_ok(wr_directory_remove_all(wr_os_posix(), rig->directory, &error), &error);
}

/* --- what a test waits for --- */

const weir_job_view *
rig_view(struct rig *rig)
{
    const weir_job_view *view = NULL;
    assert_ok(weir_job_inspect(rig->job, &view, &rig->error), &rig->error);
    return view;
}

static void
wait_until(struct rig *rig, bool (*is_so)(const weir_job_view *view, uint64_t number),
           uint64_t number)
{
    for (int i = 0; i < WAIT_ROUNDS; i++) {
        const weir_job_view *view = rig_view(rig);
        bool so = is_so(view, number);
        weir_job_view_free(view);
        if (so) {
            return;
        }
        usleep(1000);
    }
    fail_msg("waited for too long");
}

static bool
state_is(const weir_job_view *view, uint64_t state)
{
    return view->state == (weir_job_state)state;
}

static bool
restarted(const weir_job_view *view, uint64_t count)
{
    return view->restarts >= count;
}

static bool
completed(const weir_job_view *view, uint64_t count)
{
    return view->checkpoints.completed_count >= count;
}

static bool
failed(const weir_job_view *view, uint64_t count)
{
    return view->checkpoints.failed_count >= count;
}

static bool
in_progress(const weir_job_view *view, uint64_t count)
{
    return view->checkpoints.in_progress_count >= count;
}

void
rig_wait_state(struct rig *rig, weir_job_state state)
{
    wait_until(rig, state_is, (uint64_t)state);
}

void
rig_wait_completed(struct rig *rig, uint64_t count)
{
    wait_until(rig, completed, count);
}

void
rig_wait_failed(struct rig *rig, uint64_t count)
{
    wait_until(rig, failed, count);
}

void
rig_wait_in_progress(struct rig *rig, uint64_t count)
{
    wait_until(rig, in_progress, count);
}

void
rig_wait_restarts(struct rig *rig, uint64_t count)
{
    wait_until(rig, restarted, count);
}

void
rig_wait_processed(struct rig *rig, uint64_t count)
{
    for (int i = 0; rig->processed < count; i++) {
        assert_true(i < WAIT_ROUNDS);
        usleep(1000);
    }
}

static uint64_t
await_request(struct rig *rig, uint64_t request)
{
    weir_request_report report = { .size = sizeof report };
    assert_int_equal(WEIR_OK, weir_job_request_wait(rig->job, request, 60000, &report));
    if (report.state == WEIR_REQUEST_FAILED) {
        fail_msg("%s", report.error.message);
    }
    assert_int_equal(WEIR_REQUEST_COMPLETED, report.state);
    return report.checkpoint_id;
}

uint64_t
rig_checkpoint(struct rig *rig)
{
    uint64_t request = 0;
    rig_wait_state(rig, WEIR_JOB_RUNNING);
    assert_ok(
        weir_job_trigger_checkpoint(rig->job, WEIR_CHECKPOINT_CONFIGURED, &request, &rig->error),
        &rig->error);
    return await_request(rig, request);
}

uint64_t
rig_savepoint(struct rig *rig)
{
    weir_savepoint_parameters parameters = { .size = sizeof parameters };
    uint64_t request = 0;
    rig_wait_state(rig, WEIR_JOB_RUNNING);
    assert_ok(weir_job_trigger_savepoint(rig->job, &parameters, &request, &rig->error),
              &rig->error);
    return await_request(rig, request);
}

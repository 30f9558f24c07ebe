/* SPDX-License-Identifier: Apache-2.0 */
/* What a job looks like from outside, in each state of its life, in one thread and from others. */
#include "job/running.h"
#include "weir/connectors.h"
#include "weir/inspect.h"

#include "support/lab.h"
#include "support/test.h"

#include <string.h>

static const weir_job_view *
view_of(weir_job *job)
{
    const weir_job_view *view = NULL;
    weir_error error;
    assert_int_equal(weir_job_inspect(job, &view, &error), WEIR_OK);
    assert_non_null(view);
    return view;
}

TEST(a_running_job_shows_its_plan_its_tasks_and_its_checkpoints)
{
    struct lab lab;
    struct lab_outcome outcome;
    lab_init(&lab, 77, LAB_SEQUENCE_SUM, 3000, 23);
    struct lab_attempt attempt = { .parallelism = 2, .interval_ms = 20, .rate = 3000 };
    struct lab_life *life = lab_open(&lab, &attempt, &outcome);
    assert_non_null(life);
    const weir_job_view *first = view_of(lab_job_of(life));
    assert_int_equal(first->state, WEIR_JOB_INITIALIZING);
    assert_string_equal(first->name, "sequence_sum");
    weir_job_view_free(first);
    uint64_t completed = 0;
    while (lab_turn(life) && completed < 3) {
        weir_job_report report = { .size = sizeof report };
        weir_job_look(lab_job_of(life), &report);
        completed = report.checkpoints_completed;
    }
    const weir_job_view *view = view_of(lab_job_of(life));
    assert_int_equal(view->state, WEIR_JOB_RUNNING);
    assert_true(view->entered_ms[WEIR_JOB_RUNNING] >= view->start_ms);
    assert_int_equal(view->vertex_count, 2);
    assert_int_equal(view->edge_count, 1);
    assert_string_equal(view->edges[0].ship, "HASH");
    assert_true(view->vertices[0].is_source && !view->vertices[0].is_sink);
    assert_true(view->vertices[1].is_sink && !view->vertices[1].is_source);
    assert_string_equal(view->vertices[0].name, "Source: events");
    assert_int_equal(view->vertices[1].operator_count, 2);
    assert_string_equal(view->vertices[1].operators[0].uid, "sums");
    assert_int_equal(strlen(view->vertices[1].id), 32);
    uint64_t in = 0;
    for (uint32_t i = 0; i < view->vertices[1].parallelism; i++) {
        assert_int_equal(view->vertices[1].subtasks[i].state, WEIR_TASK_RUNNING);
        in += view->vertices[1].subtasks[i].records_in;
    }
    assert_true(in > 0);
    assert_true(view->checkpoints.completed_count >= 3);
    assert_non_null(view->checkpoints.latest_completed);
    assert_int_equal(view->checkpoints.latest_completed->acknowledged_count, view->task_count);
    assert_true(view->checkpoints.latest_completed->checkpointed_bytes > 0);
    assert_non_null(strstr(view->checkpoints.latest_completed->path, "/chk-"));
    assert_true(view->checkpoints.history_count >= 3);
    assert_true(view->checkpoints.history[view->checkpoints.history_count - 1].is_discarded);
    lab_close(life, &outcome);
    assert_int_equal(view->vertices[1].parallelism, 2); /* it outlives the job */
    weir_job_view_free(view);
    lab_fini(&lab);
}

static weir_status
fail_at_five_hundred(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self;
    (void)out;
    return *(const int64_t *)record == 500
               ? weir_context_fail(context, WEIR_INVALID, "five hundred is too much")
               : WEIR_OK;
}

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    (void)context;
    int64_t record = (int64_t)index;
    return weir_collector_emit_copy(out, &record, sizeof record);
}

/* A job with threads that fails. */
static weir_job *
start_failing(weir_environment **out_environment)
{
    static const weir_function function = { .size = sizeof function,
                                            .process = fail_at_five_hundred };
    weir_generator_source_options source = { .size = sizeof source,
                                             .count = 1000,
                                             .generate = generate };
    weir_error error;
    weir_job *job = NULL;
    assert_int_equal(weir_environment_create(NULL, NULL, out_environment), WEIR_OK);
    const weir_type *type = weir_type_of_kind(WEIR_I64);
    weir_stream *numbers = weir_generator_source(*out_environment, "numbers", &source, type);
    weir_stream_uid(numbers, "numbers");
    weir_stream *checked =
        weir_stream_process(weir_stream_rebalance(numbers), "check", &function, NULL, 0, type);
    weir_stream_uid(checked, "check");
    weir_discard_sink(checked);
    weir_status status = weir_job_create(*out_environment, NULL, &job, &error);
    assert_string_equal(status == WEIR_OK ? "" : error.message, "");
    assert_int_equal(weir_job_start(job, &error), WEIR_OK);
    return job;
}

TEST(a_job_that_failed_says_which_task_and_why)
{
    weir_environment *environment = NULL;
    weir_job *job = start_failing(&environment);
    bool has_ended = false;
    while (!has_ended) { /* from this thread, while the others run, and across the end */
        has_ended = weir_job_wait(job, 0);
        weir_job_view_free(view_of(job));
    }
    const weir_job_view *view = view_of(job);
    assert_int_equal(view->state, WEIR_JOB_FAILED);
    assert_true(view->end_ms >= view->start_ms);
    assert_int_equal(view->failure_count, 1);
    assert_string_equal(view->failures[0].task, "check (1/1)");
    assert_int_equal(view->failures[0].status, WEIR_INVALID);
    assert_non_null(strstr(view->failures[0].message, "five hundred is too much"));
    assert_int_equal(view->vertices[0].subtasks[0].state, WEIR_TASK_CANCELED);
    assert_int_equal(view->vertices[1].subtasks[0].state, WEIR_TASK_FAILED);
    assert_string_equal(weir_task_state_name(WEIR_TASK_FAILED), "FAILED");
    weir_job_view_free(view);
    weir_job_destroy(job);
    weir_environment_destroy(environment);
}

/* Every allocation of a view refused once: an error with words, and nothing is lost. */
TEST(a_view_that_finds_no_memory_is_an_error)
{
    struct alloc_fault fault;
    struct lab lab;
    struct lab_outcome outcome;
    alloc_fault_init(&fault, 0, false);
    lab_init(&lab, 78, LAB_SEQUENCE_SUM, 300, 23);
    struct lab_attempt attempt = { .parallelism = 1, .interval_ms = 20, .alloc = &fault };
    struct lab_life *life = lab_open(&lab, &attempt, &outcome);
    assert_non_null(life);
    size_t live = fault.live_count;
    bool refused = true;
    unsigned refusals = 0;
    for (uint64_t nth = 1; refused; nth++) {
        const weir_job_view *view = NULL;
        weir_error error;
        fault.fail_at = fault.requests + nth;
        refused = weir_job_inspect(lab_job_of(life), &view, &error) != WEIR_OK;
        fault.fail_at = 0;
        refusals += refused;
        weir_job_view_free(view);
        assert_int_equal(fault.live_count, live);
    }
    assert_true(refusals >= 2);
    lab_close(life, &outcome);
    lab_fini(&lab);
}

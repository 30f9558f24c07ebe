/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what Flink's clients read of a job and its vertices, held against the job's own view in
 * every phase. The shapes of answers are held against docs/reference/openapi.yaml by
 * openapi_test.c. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char nobody[] = "00000000000000000000000000000000";

static struct rig_answer *
get_well(struct rig *rig, const char *rest)
{
    struct rig_answer *answer = rig_get(rig, "%s", rig_path(rig, rest));
    assert_int_equal(200, answer->code);
    return answer;
}

static const char *
state_of(struct rig *rig)
{
    return rig_text_at(get_well(rig, "/status")->json, "status");
}

static struct rig_answer *
get_vertex(struct rig *rig, uint32_t index, const char *rest)
{
    const weir_job_view *view = rig_view(rig);
    struct rig_answer *answer =
        rig_get(rig, "/jobs/%s/vertices/%s%s", view->id, view->vertices[index].id, rest);
    weir_job_view_free(view);
    assert_int_equal(200, answer->code);
    return answer;
}

TEST(a_running_job_is_told_as_it_is)
{
    struct rig rig;
    rig_init(&rig);
    rig.name = "words & <numbers>";
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig_wait_processed(&rig, 10);
    const json_t *details = get_well(&rig, "")->json;
    const json_t *overview = rig_get(&rig, "/jobs/overview")->json;
    const weir_job_view *view = rig_view(&rig);
    assert_string_equal("RUNNING", rig_text_at(details, "state"));
    assert_string_equal("RUNNING", state_of(&rig));
    assert_string_equal(view->id, rig_text_at(details, "jid"));
    assert_string_equal("words & <numbers>", rig_text_at(details, "name"));
    assert_int_equal(view->start_ms, rig_number_at(details, "start-time"));
    assert_int_equal(-1, rig_number_at(details, "end-time"));
    assert_int_equal(-1, rig_number_at(details, "maxParallelism"));
    assert_int_equal(rig_number_at(details, "now") - view->start_ms,
                     rig_number_at(details, "duration"));
    assert_int_equal(view->entered_ms[WEIR_JOB_RUNNING],
                     rig_number_at(details, "timestamps.RUNNING"));
    assert_int_equal(0, rig_number_at(details, "timestamps.FAILED"));
    assert_int_equal(2, json_array_size(rig_at(details, "vertices")));
    assert_string_equal(view->vertices[1].id, rig_text_at(details, "vertices.1.id"));
    assert_string_equal(view->vertices[1].name, rig_text_at(details, "vertices.1.name"));
    assert_int_equal(2, rig_number_at(details, "vertices.1.tasks.RUNNING"));
    assert_string_equal("RUNNING", rig_text_at(details, "vertices.1.status"));
    assert_true(rig_number_at(details, "vertices.1.metrics.read-records") > 0);
    assert_int_equal(2, rig_number_at(details, "status-counts.RUNNING"));
    assert_string_equal(view->id, rig_text_at(overview, "jobs.0.jid"));
    assert_string_equal("RUNNING", rig_text_at(overview, "jobs.0.state"));
    assert_int_equal(4, rig_number_at(overview, "jobs.0.tasks.running"));
    assert_int_equal(4, rig_number_at(overview, "jobs.0.tasks.total"));
    assert_int_equal(1, rig_number_at(rig_get(&rig, "/overview")->json, "jobs-running"));
    assert_int_equal(2, rig_number_at(rig_get(&rig, "/overview")->json, "slots-total"));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_job_that_was_not_started_is_initializing)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    assert_string_equal("INITIALIZING", state_of(&rig));
    const json_t *details = get_well(&rig, "")->json;
    assert_string_equal("CREATED", rig_text_at(details, "vertices.0.status"));
    assert_int_equal(-1, rig_number_at(details, "vertices.0.start-time"));
    assert_int_equal(-1, rig_number_at(details, "vertices.0.duration"));
    assert_string_equal("IN_PROGRESS",
                        rig_text_at(get_well(&rig, "/execution-result")->json, "status.id"));
    rig_fini(&rig);
}

TEST(a_job_that_finished_has_a_result)
{
    struct rig rig;
    rig_init(&rig);
    rig.count = 100;
    rig.rate = 0;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    const json_t *details = get_well(&rig, "")->json;
    const json_t *result = get_well(&rig, "/execution-result")->json;
    const weir_job_view *view = rig_view(&rig);
    assert_string_equal("FINISHED", rig_text_at(details, "state"));
    assert_int_equal(view->end_ms, rig_number_at(details, "end-time"));
    assert_int_equal(view->end_ms - view->start_ms, rig_number_at(details, "duration"));
    assert_string_equal("FINISHED", rig_text_at(details, "vertices.0.status"));
    assert_int_equal(100, rig_number_at(details, "vertices.1.metrics.read-records"));
    assert_string_equal("COMPLETED", rig_text_at(result, "status.id"));
    assert_string_equal("SUCCEEDED",
                        rig_text_at(result, "job-execution-result.application-status"));
    assert_int_equal(view->end_ms - view->start_ms,
                     rig_number_at(result, "job-execution-result.net-runtime"));
    assert_int_equal(1, rig_number_at(rig_get(&rig, "/overview")->json, "jobs-finished"));
    assert_int_equal(2, rig_number_at(rig_get(&rig, "/overview")->json, "slots-available"));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_job_that_was_stopped_or_cancelled_is_told_in_flinks_words)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    weir_job_stop(rig.job);
    rig_wait_state(&rig, WEIR_JOB_STOPPED);
    assert_string_equal("FINISHED", state_of(&rig));
    assert_true(rig_number_at(get_well(&rig, "")->json, "timestamps.FINISHED") > 0);
    rig.parameters.fresh = true;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    weir_job_cancel(rig.job);
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    assert_string_equal("CANCELED", state_of(&rig));
    assert_string_equal("CANCELED", rig_text_at(get_well(&rig, "/execution-result")->json,
                                                "job-execution-result.application-status"));
    rig_fini(&rig);
}

TEST(a_job_that_failed_says_why)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    assert_true(json_is_null(rig_at(get_well(&rig, "/exceptions")->json, "root-exception")));
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_FAILED);
    const json_t *exceptions = get_well(&rig, "/exceptions")->json;
    const json_t *result = get_well(&rig, "/execution-result")->json;
    const weir_job_view *view = rig_view(&rig);
    assert_int_equal(1, view->failure_count);
    assert_non_null(strstr(rig_text_at(exceptions, "root-exception"), "broken on purpose"));
    assert_int_equal(view->failures[0].ms, rig_number_at(exceptions, "timestamp"));
    assert_string_equal("USER",
                        rig_text_at(exceptions, "exceptionHistory.entries.0.exceptionName"));
    assert_string_equal(view->failures[0].task,
                        rig_text_at(exceptions, "exceptionHistory.entries.0.taskName"));
    assert_string_equal(view->failures[0].task, rig_text_at(exceptions, "all-exceptions.0.task"));
    assert_string_equal("FAILED", rig_text_at(result, "job-execution-result.application-status"));
    assert_non_null(
        strstr(rig_text_at(result, "job-execution-result.failure-cause.stack-trace"), "broken"));
    assert_string_equal("FAILED", rig_text_at(get_well(&rig, "")->json, "vertices.1.status"));
    assert_string_equal("CANCELED", rig_text_at(get_well(&rig, "")->json, "vertices.0.status"));
    exceptions = get_well(&rig, "/exceptions?maxExceptions=0")->json;
    assert_int_equal(0, json_array_size(rig_at(exceptions, "exceptionHistory.entries")));
    assert_true(json_is_true(rig_at(exceptions, "exceptionHistory.truncated")));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_job_that_restarts_keeps_its_history)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.attempts", "1");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 h");
    rig_start(&rig);
    rig_checkpoint(&rig);
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_RESTARTING);
    assert_string_equal("RESTARTING", state_of(&rig));
    const json_t *metrics =
        get_well(&rig, "/metrics?get=uptime,downtime,lastCompletedCheckpointId")->json;
    assert_string_equal("0", rig_text_at(metrics, "0.value"));
    assert_true(json_array_size(metrics) == 3);
    assert_string_equal("1", rig_text_at(metrics, "2.value"));
    assert_true(rig_number_at(get_well(&rig, "")->json, "timestamps.RESTARTING") > 0);
    rig_fini(&rig);
}

TEST(an_attempt_has_its_number_and_no_failure_of_the_one_before)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "0 ms");
    rig_start(&rig);
    rig_checkpoint(&rig);
    rig.fails = true;
    rig_wait_restarts(&rig, 1);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    const json_t *vertex = get_vertex(&rig, 1, "")->json;
    const json_t *exceptions = get_well(&rig, "/exceptions")->json;
    assert_int_equal(1, rig_number_at(vertex, "subtasks.0.attempt"));
    assert_int_equal(0, json_array_size(rig_at(exceptions, "all-exceptions")));
    assert_int_equal(1, json_array_size(rig_at(exceptions, "exceptionHistory.entries")));
    assert_true(json_is_false(rig_at(exceptions, "exceptionHistory.truncated")));
    assert_string_equal("1",
                        rig_text_at(get_well(&rig, "/metrics?get=numRestarts")->json, "0.value"));
    rig_fini(&rig);
}

/* --- vertices --- */

TEST(a_vertex_tells_of_its_subtasks)
{
    struct rig rig;
    rig_init(&rig);
    rig.count = 1000;
    rig.rate = 0;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    const weir_job_view *view = rig_view(&rig);
    const weir_subtask_view *subtasks = view->vertices[1].subtasks;
    const json_t *vertex = get_vertex(&rig, 1, "")->json;
    const json_t *times = get_vertex(&rig, 1, "/subtasktimes")->json;
    assert_string_equal(view->vertices[1].name, rig_text_at(vertex, "name"));
    assert_int_equal(2, rig_number_at(vertex, "parallelism"));
    assert_int_equal(view->vertices[1].max_parallelism, rig_number_at(vertex, "maxParallelism"));
    for (uint32_t i = 0; i < 2; i++) {
        const json_t *one = json_array_get(rig_at(vertex, "subtasks"), i);
        const json_t *time = json_array_get(rig_at(times, "subtasks"), i);
        assert_int_equal(i, rig_number_at(one, "subtask"));
        assert_string_equal("FINISHED", rig_text_at(one, "status"));
        assert_int_equal(subtasks[i].records_in, rig_number_at(one, "metrics.read-records"));
        assert_int_equal(subtasks[i].start_ms, rig_number_at(one, "start-time"));
        assert_int_equal(subtasks[i].end_ms, rig_number_at(one, "end-time"));
        assert_int_equal(subtasks[i].end_ms - subtasks[i].running_ms,
                         rig_number_at(one, "status-duration.RUNNING"));
        assert_int_equal(subtasks[i].start_ms, rig_number_at(time, "timestamps.INITIALIZING"));
        assert_int_equal(subtasks[i].running_ms, rig_number_at(time, "timestamps.RUNNING"));
        assert_int_equal(subtasks[i].end_ms, rig_number_at(time, "timestamps.FINISHED"));
    }
    assert_int_equal(1000, rig_number_at(vertex, "aggregated.metrics.read-records.sum"));
    assert_int_equal(500, rig_number_at(vertex, "aggregated.metrics.read-records.avg"));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(figures_of_a_vertex_are_given_by_name)
{
    struct rig rig;
    char expected[32];
    rig_init(&rig);
    rig.count = 1000;
    rig.rate = 0;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    const weir_job_view *view = rig_view(&rig);
    const json_t *names = get_vertex(&rig, 1, "/metrics")->json;
    assert_true(json_array_size(names) >= 8);
    assert_null(json_object_get(json_array_get(names, 0), "value"));
    const json_t *figures =
        get_vertex(&rig, 1, "/metrics?get=1.numRecordsIn,numRecordsIn,2.numRecordsIn")->json;
    snprintf(expected, sizeof expected, "%llu",
             (unsigned long long)view->vertices[1].subtasks[1].records_in);
    assert_int_equal(1, json_array_size(figures));
    assert_string_equal("1.numRecordsIn", rig_text_at(figures, "0.id"));
    assert_string_equal(expected, rig_text_at(figures, "0.value"));
    const json_t *watermarks = get_vertex(&rig, 1, "/watermarks")->json;
    assert_int_equal(2, json_array_size(watermarks));
    snprintf(expected, sizeof expected, "%lld",
             (long long)view->vertices[1].subtasks[1].input_watermark_ms);
    assert_string_equal("1.currentInputWatermark", rig_text_at(watermarks, "1.id"));
    assert_string_equal(expected, rig_text_at(watermarks, "1.value"));
    assert_int_equal(0, json_array_size(get_vertex(&rig, 0, "/watermarks")->json));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(times_a_second_are_given_by_name)
{
    struct rig rig;
    rig_init(&rig);
    rig.count = 1000;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    const json_t *figures = get_vertex(&rig, 1,
                                       "/metrics?get=0.busyTimeMsPerSecond,0.idleTimeMsPerSecond,"
                                       "0.backPressuredTimeMsPerSecond")
                                ->json;
    long sum = 0;
    assert_int_equal(3, json_array_size(figures));
    for (size_t i = 0; i < 3; i++) {
        sum += strtol(rig_text_at(json_array_get(figures, i), "value"), NULL, 10);
    }
    assert_in_range(sum, 998, 1000); /* each is cut */
    rig_fini(&rig);
}

TEST(backpressure_is_parts_of_the_time)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_processed(&rig, 10);
    for (int look = 0; look < 3; look++) {
        const json_t *pressure = get_vertex(&rig, 1, "/backpressure")->json;
        assert_string_equal("ok", rig_text_at(pressure, "status"));
        assert_int_equal(2, json_array_size(rig_at(pressure, "subtasks")));
        for (size_t i = 0; i < 2; i++) {
            const json_t *one = json_array_get(rig_at(pressure, "subtasks"), i);
            double sum = json_real_value(rig_at(one, "ratio")) +
                         json_real_value(rig_at(one, "idleRatio")) +
                         json_real_value(rig_at(one, "busyRatio"));
            assert_true(sum == 0 || (sum > 0.999 && sum < 1.001));
            assert_string_equal(rig_text_at(one, "backpressureLevel"),
                                rig_text_at(one, "backpressure-level"));
        }
    }
    rig_fini(&rig);
}

/* --- the plan and options --- */

TEST(a_plan_has_every_vertex_and_what_feeds_it)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    const weir_job_view *view = rig_view(&rig);
    const json_t *plan = rig_at(get_well(&rig, "/plan")->json, "plan");
    assert_string_equal(view->id, rig_text_at(plan, "jid"));
    assert_int_equal(2, json_array_size(rig_at(plan, "nodes")));
    assert_string_equal("Source: numbers<br/>", rig_text_at(plan, "nodes.0.description"));
    assert_null(json_object_get(rig_at(plan, "nodes.0"), "inputs"));
    assert_string_equal(view->vertices[1].id, rig_text_at(plan, "nodes.1.id"));
    assert_non_null(strstr(rig_text_at(plan, "nodes.1.description"), "sum<br/>+- "));
    assert_string_equal(view->vertices[0].id, rig_text_at(plan, "nodes.1.inputs.0.id"));
    assert_string_equal("HASH", rig_text_at(plan, "nodes.1.inputs.0.ship_strategy"));
    assert_true(json_equal(rig_at(get_well(&rig, "")->json, "plan"), plan));
    weir_job_view_free(view);
    rig_fini(&rig);
}

static const char *
value_of(const json_t *list, const char *key)
{
    size_t index;
    json_t *one;
    json_array_foreach(list, index, one)
    {
        if (strcmp(rig_text_at(one, "key"), key) == 0) {
            return rig_text_at(one, "value");
        }
    }
    return "";
}

TEST(options_are_shown_but_not_secrets)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.timeout", "3 min");
    rig_set(&rig, "weir.rest.tls.key", "/nowhere/key.pem");
    rig_create(&rig);
    const json_t *options = rig_get(&rig, "/jobmanager/config")->json;
    assert_string_equal("180000 ms", value_of(options, "execution.checkpointing.timeout"));
    assert_string_equal("2", value_of(options, "parallelism.default"));
    assert_string_equal("******", value_of(options, "weir.rest.tls.key"));
    assert_string_equal("", value_of(options, "rest.port"));
    const json_t *config = get_well(&rig, "/config")->json;
    assert_int_equal(2, rig_number_at(config, "execution-config.job-parallelism"));
    rig_fini(&rig);
}

/* --- what is not there --- */

static void
expect(struct rig *rig, unsigned code, const char *words, const char *path)
{
    struct rig_answer *answer = rig_get(rig, "%s", path);
    const char *said = rig_text_at(answer->json, "errors.0");
    if (answer->code != code || strstr(said, words) == NULL) {
        fail_msg("%s: %u %s", path, answer->code, said);
    }
}

TEST(what_is_not_there_is_said_in_flinks_words)
{
    static const char *const of_job[] = { "",
                                          "/status",
                                          "/config",
                                          "/plan",
                                          "/metrics",
                                          "/execution-result",
                                          "/exceptions",
                                          "/accumulators",
                                          "/checkpoints",
                                          "/checkpoints/config" };
    static const char *const of_vertex[] = {
        "", "/metrics", "/backpressure", "/watermarks", "/subtasktimes", "/accumulators"
    };
    struct rig rig;
    char path[256];
    char words[128];
    rig_init(&rig);
    rig_create(&rig);
    for (size_t i = 0; i < sizeof of_job / sizeof of_job[0]; i++) {
        snprintf(path, sizeof path, "/jobs/%s%s", nobody, of_job[i]);
        snprintf(words, sizeof words, "Job %s not found", nobody);
        expect(&rig, 404, words, path);
        snprintf(path, sizeof path, "/jobs/zz%s", of_job[i]);
        expect(&rig, 400, "Cannot resolve path parameter (jobid) from value \"zz\"", path);
    }
    for (size_t i = 0; i < sizeof of_vertex / sizeof of_vertex[0]; i++) {
        snprintf(path, sizeof path, "/vertices/%s%s", nobody, of_vertex[i]);
        expect(&rig, 404, "JobVertex 00000000000000000000000000000000 not found",
               rig_path(&rig, path));
        snprintf(path, sizeof path, "/vertices/zz%s", of_vertex[i]);
        expect(&rig, 400, "Cannot resolve path parameter (vertexid)", rig_path(&rig, path));
    }
    expect(&rig, 400, "(maxExceptions) from value \"x\"",
           rig_path(&rig, "/exceptions?maxExceptions=x"));
    expect(&rig, 404, "checkpoint 7.", rig_path(&rig, "/checkpoints/details/7"));
    expect(&rig, 400, "(checkpointid) from value \"zz\"",
           rig_path(&rig, "/checkpoints/details/zz"));
    expect(&rig, 400, "(checkpointid)",
           rig_path(&rig, "/checkpoints/details/99999999999999999999999999"));
    rig_fini(&rig);
}

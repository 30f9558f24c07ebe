/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what Flink's clients read of a job's checkpoints: under way, completed, failed,
 * savepoints, discarded, restored; held against the job's own view. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

static const json_t *
get_checkpoints(struct rig *rig, const char *rest)
{
    char path[256];
    snprintf(path, sizeof path, "/checkpoints%s", rest);
    struct rig_answer *answer = rig_get(rig, "%s", rig_path(rig, path));
    assert_int_equal(200, answer->code);
    return answer->json;
}

static const json_t *
get_part(struct rig *rig, uint64_t id, uint32_t vertex)
{
    char rest[128];
    const weir_job_view *view = rig_view(rig);
    snprintf(rest, sizeof rest, "/details/%llu/subtasks/%s", (unsigned long long)id,
             view->vertices[vertex].id);
    weir_job_view_free(view);
    return get_checkpoints(rig, rest);
}

TEST(without_a_checkpoint_all_is_nothing)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    const json_t *all = get_checkpoints(&rig, "");
    assert_int_equal(0, rig_number_at(all, "counts.total"));
    assert_true(json_is_null(rig_at(all, "latest.completed")));
    assert_true(json_is_null(rig_at(all, "latest.restored")));
    assert_int_equal(0, json_array_size(rig_at(all, "history")));
    assert_int_equal(0, rig_number_at(all, "summary.state_size.avg"));
    assert_string_equal("NaN", rig_text_at(all, "summary.state_size.p99"));
    rig_fini(&rig);
}

TEST(a_completed_checkpoint_has_the_figures_of_its_view)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_processed(&rig, 50);
    uint64_t id = rig_checkpoint(&rig);
    const json_t *details = get_checkpoints(&rig, "/details/1");
    const json_t *part = get_part(&rig, id, 1);
    const weir_job_view *view = rig_view(&rig);
    const weir_checkpoint_view *checkpoint = view->checkpoints.latest_completed;
    const weir_checkpoint_task_view *task = &checkpoint->tasks[view->vertices[1].first_task];
    assert_int_equal(1, id);
    assert_string_equal("completed", rig_text_at(details, "className"));
    assert_string_equal("COMPLETED", rig_text_at(details, "status"));
    assert_string_equal("CHECKPOINT", rig_text_at(details, "checkpoint_type"));
    assert_int_equal(checkpoint->triggered_ms, rig_number_at(details, "trigger_timestamp"));
    assert_int_equal(checkpoint->latest_acknowledged_ms,
                     rig_number_at(details, "latest_ack_timestamp"));
    assert_int_equal(checkpoint->state_bytes, rig_number_at(details, "state_size"));
    assert_int_equal(checkpoint->checkpointed_bytes, rig_number_at(details, "checkpointed_size"));
    assert_int_equal(checkpoint->duration_ms, rig_number_at(details, "end_to_end_duration"));
    assert_int_equal(4, rig_number_at(details, "num_acknowledged_subtasks"));
    assert_string_equal(checkpoint->path, rig_text_at(details, "external_path"));
    assert_true(json_is_false(rig_at(details, "discarded")));
    assert_true(json_is_null(rig_at(details, "savepointFormat")));
    assert_int_equal(2, json_object_size(rig_at(details, "tasks")));
    assert_int_equal(task[0].state_bytes + task[1].state_bytes, rig_number_at(part, "state_size"));
    assert_int_equal(task[1].state_bytes, rig_number_at(part, "subtasks.1.state_size"));
    assert_int_equal(task[1].async_ms, rig_number_at(part, "subtasks.1.checkpoint.async"));
    assert_int_equal(task[1].start_delay_ms, rig_number_at(part, "subtasks.1.start_delay"));
    assert_int_equal(task[1].acknowledged_ms - checkpoint->triggered_ms,
                     rig_number_at(part, "subtasks.1.end_to_end_duration"));
    assert_int_equal((task[0].state_bytes + task[1].state_bytes) / 2,
                     rig_number_at(part, "summary.state_size.avg"));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_checkpoint_under_way_says_who_has_acknowledged)
{
    struct rig rig;
    uint64_t request;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig.holds = true;
    assert_ok(weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_FULL, &request, &rig.error),
              &rig.error);
    rig_wait_in_progress(&rig, 1);
    const json_t *all = get_checkpoints(&rig, "");
    const json_t *details = get_checkpoints(&rig, "/details/1");
    const json_t *part = get_part(&rig, 1, 1);
    assert_int_equal(1, rig_number_at(all, "counts.in_progress"));
    assert_string_equal("in_progress", rig_text_at(all, "history.0.className"));
    assert_string_equal("IN_PROGRESS", rig_text_at(details, "status"));
    assert_null(json_object_get(details, "external_path"));
    assert_null(json_object_get(details, "failure_message"));
    assert_string_equal("IN_PROGRESS", rig_text_at(part, "status"));
    assert_int_equal(-1, rig_number_at(part, "latest_ack_timestamp"));
    assert_int_equal(-1, rig_number_at(part, "end_to_end_duration"));
    assert_int_equal(0, rig_number_at(part, "num_acknowledged_subtasks"));
    assert_string_equal("pending_or_failed", rig_text_at(part, "subtasks.0.status"));
    assert_string_equal("NaN", rig_text_at(part, "summary.state_size.p50"));
    rig.holds = false;
    rig_wait_completed(&rig, 1);
    assert_int_equal(0, rig_number_at(get_checkpoints(&rig, ""), "counts.in_progress"));
    rig_fini(&rig);
}

TEST(a_failed_checkpoint_says_why)
{
    struct rig rig;
    uint64_t request;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.timeout", "10 ms");
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "1000");
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig.holds = true;
    assert_ok(weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_FULL, &request, &rig.error),
              &rig.error);
    rig_wait_failed(&rig, 1);
    const json_t *all = get_checkpoints(&rig, "");
    const json_t *details = get_checkpoints(&rig, "/details/1");
    const weir_job_view *view = rig_view(&rig);
    const weir_checkpoint_view *failed = view->checkpoints.latest_failed;
    assert_int_equal(1, rig_number_at(all, "counts.failed"));
    assert_int_equal(1, rig_number_at(all, "latest.failed.id"));
    assert_string_equal("FAILED", rig_text_at(details, "status"));
    assert_string_equal("failed", rig_text_at(details, "className"));
    assert_string_equal(failed->failure, rig_text_at(details, "failure_message"));
    assert_int_equal(failed->failed_ms, rig_number_at(details, "failure_timestamp"));
    assert_string_equal("FAILED", rig_text_at(get_part(&rig, 1, 1), "status"));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_savepoint_stands_in_the_history_as_one)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    uint64_t checkpoint = rig_checkpoint(&rig);
    uint64_t savepoint = rig_savepoint(&rig);
    const json_t *all = get_checkpoints(&rig, "");
    assert_int_equal(checkpoint, rig_number_at(all, "latest.completed.id"));
    assert_int_equal(savepoint, rig_number_at(all, "latest.savepoint.id"));
    assert_true(json_is_true(rig_at(all, "latest.savepoint.is_savepoint")));
    assert_string_equal("NATIVE", rig_text_at(all, "latest.savepoint.savepointFormat"));
    assert_string_equal("SAVEPOINT", rig_text_at(all, "history.0.checkpoint_type"));
    assert_non_null(strstr(rig_text_at(all, "history.0.external_path"), "/savepoint-"));
    assert_int_equal(2, rig_number_at(all, "counts.completed"));
    assert_int_equal(2, json_array_size(rig_at(all, "history")));
    rig_fini(&rig);
}

TEST(the_latest_of_the_metrics_is_a_savepoint_too)
{
    struct rig rig;
    char id[32];
    rig_init(&rig);
    rig_start(&rig);
    rig_checkpoint(&rig);
    snprintf(id, sizeof id, "%llu", (unsigned long long)rig_savepoint(&rig));
    const json_t *all = get_checkpoints(&rig, "");
    const json_t *metrics = rig_get(&rig, "%s",
                                    rig_path(&rig, "/metrics?get=lastCompletedCheckpointId,"
                                                   "lastCheckpointExternalPath,"
                                                   "numberOfCompletedCheckpoints"))
                                ->json;
    assert_string_equal(id, rig_text_at(metrics, "0.value"));
    assert_string_equal("lastCheckpointExternalPath", rig_text_at(metrics, "1.id"));
    assert_string_equal(rig_text_at(all, "latest.savepoint.external_path"),
                        rig_text_at(metrics, "1.value"));
    assert_string_equal("2", rig_text_at(metrics, "2.value"));
    rig_fini(&rig);
}

static const json_t *
get_parts_by_name(struct rig *rig, uint32_t vertex)
{
    const weir_job_view *view = rig_view(rig);
    struct rig_answer *answer = rig_get(rig,
                                        "/jobs/%s/vertices/%s/metrics?get="
                                        "1.checkpointStartDelayNanos,1.checkpointAlignmentTime",
                                        view->id, view->vertices[vertex].id);
    weir_job_view_free(view);
    assert_int_equal(200, answer->code);
    return answer->json;
}

TEST(a_subtasks_part_in_the_latest_checkpoint_is_among_its_figures)
{
    struct rig rig;
    char expected[32];
    rig_init(&rig);
    rig_start(&rig);
    assert_int_equal(0, json_array_size(get_parts_by_name(&rig, 1)));
    rig_checkpoint(&rig);
    const json_t *figures = get_parts_by_name(&rig, 1);
    const weir_job_view *view = rig_view(&rig);
    const weir_checkpoint_task_view *part =
        &view->checkpoints.latest_completed->tasks[view->vertices[1].first_task + 1];
    assert_int_equal(2, json_array_size(figures));
    snprintf(expected, sizeof expected, "%llu",
             (unsigned long long)part->start_delay_ms * 1000000U);
    assert_string_equal(expected, rig_text_at(figures, "0.value"));
    snprintf(expected, sizeof expected, "%llu", (unsigned long long)part->alignment_ms * 1000000U);
    assert_string_equal(expected, rig_text_at(figures, "1.value"));
    /* a source has nothing to align */
    assert_int_equal(1, json_array_size(get_parts_by_name(&rig, 0)));
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(what_was_dropped_is_discarded)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_checkpoint(&rig);
    rig_checkpoint(&rig);
    for (int i = 0; json_is_false(rig_at(get_checkpoints(&rig, "/details/1"), "discarded")); i++) {
        assert_true(i < 10000);
        rig_wait_processed(&rig, rig.processed + 1);
    }
    assert_true(json_is_false(rig_at(get_checkpoints(&rig, "/details/2"), "discarded")));
    rig_fini(&rig);
}

TEST(a_restore_is_told_with_where_it_came_from)
{
    struct rig rig;
    char path[1024];
    rig_init(&rig);
    rig_start(&rig);
    uint64_t id = rig_savepoint(&rig);
    snprintf(path, sizeof path, "%s",
             rig_text_at(get_checkpoints(&rig, ""), "latest.savepoint.external_path"));
    weir_job_cancel(rig.job);
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    rig.parameters.restore = path;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    const json_t *all = get_checkpoints(&rig, "");
    assert_int_equal(1, rig_number_at(all, "counts.restored"));
    assert_int_equal(id, rig_number_at(all, "latest.restored.id"));
    assert_true(json_is_true(rig_at(all, "latest.restored.is_savepoint")));
    assert_non_null(strstr(rig_text_at(all, "latest.restored.external_path"), "/savepoint-"));
    rig_fini(&rig);
}

TEST(a_checkpoint_that_left_the_history_is_not_found)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "web.checkpoints.history", "2");
    rig_start(&rig);
    for (int i = 0; i < 4; i++) {
        rig_checkpoint(&rig);
    }
    struct rig_answer *answer = rig_get(&rig, "%s", rig_path(&rig, "/checkpoints/details/1"));
    assert_int_equal(404, answer->code);
    assert_string_equal("Could not find checkpointing statistics for checkpoint 1.",
                        rig_text_at(answer->json, "errors.0"));
    assert_int_equal(4, rig_number_at(get_checkpoints(&rig, ""), "counts.completed"));
    assert_int_equal(2, json_array_size(rig_at(get_checkpoints(&rig, ""), "history")));
    rig_fini(&rig);
}

TEST(the_way_of_making_checkpoints_is_told)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.interval", "90 s");
    rig_set(&rig, "execution.checkpointing.mode", "AT_LEAST_ONCE");
    rig_set(&rig, "execution.checkpointing.timeout", "7 min");
    rig_set(&rig, "execution.checkpointing.min-pause", "3 s");
    rig_set(&rig, "execution.checkpointing.max-concurrent-checkpoints", "2");
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "5");
    rig_set(&rig, "execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION");
    rig_create(&rig);
    const json_t *config = get_checkpoints(&rig, "/config");
    assert_string_equal("at_least_once", rig_text_at(config, "mode"));
    assert_int_equal(90000, rig_number_at(config, "interval"));
    assert_int_equal(420000, rig_number_at(config, "timeout"));
    assert_int_equal(3000, rig_number_at(config, "min_pause"));
    assert_int_equal(2, rig_number_at(config, "max_concurrent"));
    assert_int_equal(5, rig_number_at(config, "tolerable_failed_checkpoints"));
    assert_true(json_is_true(rig_at(config, "externalization.enabled")));
    assert_true(json_is_false(rig_at(config, "externalization.delete_on_cancellation")));
    assert_string_equal("HashMapStateBackend", rig_text_at(config, "state_backend"));
    assert_string_equal("FileSystemCheckpointStorage", rig_text_at(config, "checkpoint_storage"));
    rig_set(&rig, "execution.checkpointing.interval", "");
    rig_set(&rig, "execution.checkpointing.dir", "");
    rig_set(&rig, "execution.checkpointing.mode", "");
    rig_create(&rig);
    config = get_checkpoints(&rig, "/config");
    assert_int_equal(INT64_MAX, rig_number_at(config, "interval"));
    assert_string_equal("exactly_once", rig_text_at(config, "mode"));
    assert_string_equal("JobManagerCheckpointStorage", rig_text_at(config, "checkpoint_storage"));
    rig_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What /metrics shows of a job, held against the job's own view. That the page is OpenMetrics, and
 * that it is what docs/reference/metrics.md says, is looked at by metrics_check.py. */
#include "rig.h"

#include "serve/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
page_of(struct rig *rig)
{
    struct rig_answer *answer = rig_get(rig, "/metrics");
    assert_int_equal(200, answer->code);
    assert_string_equal(WR_METRICS_CONTENT_TYPE, answer->raw.content_type);
    return answer->text;
}

/* The sum of all samples of that name whose labels hold the words; *out_count of them. */
static double
sum_of(const char *page, const char *name, const char *labels, unsigned *out_count)
{
    double sum = 0;
    *out_count = 0;
    size_t size = strlen(name);
    for (const char *line = page; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t length = strcspn(line, "\n");
        char text[2048];
        if (strncmp(line, name, size) != 0 || (line[size] != '{' && line[size] != ' ')) {
            continue;
        }
        assert_true(length < sizeof text);
        memcpy(text, line, length);
        text[length] = '\0';
        if (strstr(text, labels) != NULL) {
            sum += strtod(strrchr(text, ' ') + 1, NULL);
            ++*out_count;
        }
    }
    return sum;
}

/* Of exactly one sample. */
static double
value_of(const char *page, const char *name, const char *labels)
{
    unsigned count;
    double value = sum_of(page, name, labels, &count);
    if (count != 1) {
        fail_msg("%u samples of %s with %s", count, name, labels);
    }
    return value;
}

TEST(every_family_is_there_once_and_in_order_and_the_page_has_an_end)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig); /* nothing runs yet */
    const char *page = page_of(&rig);
    const char *at = page;
    for (const struct wr_metric *metric = wr_metrics; metric->name != NULL; metric++) {
        char head[160];
        snprintf(head, sizeof head, "# TYPE %s %s\n", metric->name, metric->type);
        const char *found = strstr(at, head);
        assert_non_null(found);
        at = found + 1;
        assert_null(strstr(at, head));
        size_t unit = strlen(metric->unit);
        assert_true(strlen(metric->name) > unit);
        assert_string_equal(metric->name + strlen(metric->name) - unit, metric->unit);
    }
    assert_string_equal("\n# EOF\n", page + strlen(page) - 7);
    assert_int_equal(404, rig_get(&rig, "/v1/metrics")->code);
    rig_fini(&rig);
}

TEST(a_running_jobs_figures_are_those_of_its_view)
{
    struct rig rig;
    rig_init(&rig);
    rig.count = 500; /* it ends, and nothing changes any more */
    rig.rate = 100000;
    rig_set(&rig, "execution.checkpointing.checkpoints-after-tasks-finish", "true");
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    const char *page = page_of(&rig);
    unsigned count;
    assert_true(sum_of(page, "weir_records_in_total", "operator=\"numbers\"", &count) == 500);
    assert_int_equal(2, count);
    assert_true(value_of(page, "weir_job_state", "weir_job_state=\"FINISHED\"") == 1);
    assert_true(sum_of(page, "weir_job_state", "", &count) == 1);
    const weir_job_view *view = rig_view(&rig);
    assert_true(value_of(page, "weir_checkpoints_total", "result=\"completed\"") ==
                (double)view->checkpoints.completed_count);
    assert_true(value_of(page, "weir_checkpoint_duration_seconds_count", "phase=\"whole\"") ==
                (double)view->checkpoints.phases[WEIR_PHASE_WHOLE].count);
    char id[64];
    snprintf(id, sizeof id, "job_id=\"%s\"", view->id);
    assert_true(value_of(page, "weir_job_info", id) == 1);
    assert_true(value_of(page, "weir_operator_info", "uid=\"sums\"") == 1);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(checkpoints_state_and_memory_are_measured)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_processed(&rig, 100);
    unsigned count;
    (void)sum_of(page_of(&rig), "weir_checkpoint_last_success_timestamp_seconds", "", &count);
    assert_int_equal(0, count); /* there is none yet */
    (void)rig_checkpoint(&rig);
    (void)rig_savepoint(&rig);
    const weir_job_view *view = rig_view(&rig);
    const char *page = page_of(&rig);
    const weir_checkpoint_view *latest = view->checkpoints.latest_completed;
    assert_true(value_of(page, "weir_checkpoints_total", "result=\"completed\"") == 2);
    assert_true(value_of(page, "weir_checkpoints_total", "result=\"failed\"") == 0);
    assert_true(value_of(page, "weir_checkpoint_size_bytes", "type=\"full\"") ==
                (double)latest->state_bytes);
    assert_true(value_of(page, "weir_checkpoint_size_bytes", "type=\"incremental\"") ==
                (double)latest->checkpointed_bytes);
    double last = value_of(page, "weir_checkpoint_last_success_timestamp_seconds", "");
    assert_true(fabs(last * 1000 - (double)latest->triggered_ms - (double)latest->duration_ms) < 1);
    assert_true(sum_of(page, "weir_state_entries", "state=\"sum\"", &count) == 16);
    assert_int_equal(2, count);
    assert_true(sum_of(page, "weir_state_bytes", "state=\"sum\"", &count) > 0);
    assert_int_equal(4, count); /* two subtasks, two tiers */
    assert_true(value_of(page, "weir_memory_used_bytes", "pool=\"state\"") > 0);
    assert_true(value_of(page, "weir_memory_budget_bytes", "pool=\"state\"") > 0);
    assert_true(sum_of(page, "weir_sink_pending_transactions", "", &count) == 0);
    assert_int_equal(2, count); /* of the sink's subtasks alone */
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* Buckets only grow, and the last is all of them. */
static void
check_histogram(const char *page, const char *name, const char *labels)
{
    char bucket[128];
    char both[128];
    double before = 0;
    snprintf(bucket, sizeof bucket, "%s_bucket", name);
    for (uint32_t i = 0; i < WEIR_HISTOGRAM_BOUNDS; i++) {
        snprintf(both, sizeof both, "%s,le=\"%g%s\"", labels,
                 (double)weir_histogram_bound_ms(i) / 1000,
                 weir_histogram_bound_ms(i) % 1000 == 0 ? ".0" : "");
        double now = value_of(page, bucket, both);
        assert_true(now >= before);
        before = now;
    }
    snprintf(both, sizeof both, "%s,le=\"+Inf\"", labels);
    double all = value_of(page, bucket, both);
    assert_true(all >= before);
    snprintf(bucket, sizeof bucket, "%s_count", name);
    assert_true(value_of(page, bucket, labels) == all);
    snprintf(bucket, sizeof bucket, "%s_sum", name);
    assert_true(value_of(page, bucket, labels) >= 0);
}

TEST(restarts_and_restores_are_counted_over_the_life_of_the_process)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 ms");
    rig_start(&rig);
    rig_wait_processed(&rig, 1);
    uint64_t id = rig_checkpoint(&rig);
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_RESTARTING);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    const char *page = page_of(&rig);
    assert_true(value_of(page, "weir_restarts_total", "") == 1);
    assert_true(value_of(page, "weir_restored_checkpoint", "") == (double)id);
    assert_true(value_of(page, "weir_restore_duration_seconds_count", "") == 1);
    assert_true(value_of(page, "weir_restore_size_bytes", "") > 0);
    assert_true(value_of(page, "weir_restore_read_bytes", "") ==
                value_of(page, "weir_restore_size_bytes", ""));
    assert_true(value_of(page, "weir_checkpoints_total", "result=\"completed\"") == 1);
    check_histogram(page, "weir_checkpoint_duration_seconds", "phase=\"whole\"");
    check_histogram(page, "weir_checkpoint_duration_seconds", "phase=\"align\"");
    check_histogram(page, "weir_restore_duration_seconds", "job=\"numbers\"");
    rig_fini(&rig);
}

TEST(a_jobs_name_cannot_forge_a_sample)
{
    struct rig rig;
    rig_init(&rig);
    rig.name = "x\"} 1 # \\";
    rig_create(&rig);
    assert_true(value_of(page_of(&rig), "weir_restarts_total", "{job=\"x\\\"} 1 # \\\\\"}") == 0);
    rig_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/job/savepoint_rig.h: asking a running rig for savepoints, and looking at the answers.
 */
#ifndef WEIR_TESTS_SAVEPOINT_RIG_H
#define WEIR_TESTS_SAVEPOINT_RIG_H

#include "job_rig.h"

#define RIG_SAVEPOINTS "/var/savepoints"

/* What is asked for once `after` checkpoints are complete, and its number. */
static weir_savepoint_parameters rig_wish;
static uint64_t rig_after;
static uint64_t rig_request; /* 0: not asked yet */
static bool rig_was_stopping;

static inline void
rig_wish_for(uint64_t after, weir_savepoint_parameters wish)
{
    rig_wish = wish;
    rig_wish.size = sizeof rig_wish;
    rig_after = after;
    rig_request = 0;
    rig_was_stopping = false;
}

static inline bool
rig_asks(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    rig_was_stopping = rig_was_stopping || report.state == WEIR_JOB_STOPPING;
    if (rig_request == 0 && report.state == WEIR_JOB_RUNNING &&
        report.checkpoints_completed >= rig_after) {
        assert_ok(weir_job_trigger_savepoint(rig->job, &rig_wish, &rig_request, &rig->error),
                  &rig->error);
        assert_true(rig_request != 0);
    }
    return false;
}

static inline weir_request_report
rig_answer(const struct rig *rig, uint64_t request)
{
    weir_request_report report = { .size = sizeof report };
    assert_int_equal(WEIR_OK, weir_job_request_wait(rig->job, request, 0, &report));
    return report;
}

/* The one that was asked for: complete, where it was to be, under the name that it was to have. */
static inline weir_request_report
rig_saved(const struct rig *rig)
{
    weir_request_report report = rig_answer(rig, rig_request);
    char prefix[128];
    if (report.state != WEIR_REQUEST_COMPLETED) {
        print_error("the savepoint failed: %s\n", report.error.message);
        fail();
    }
    snprintf(prefix, sizeof prefix, RIG_SAVEPOINTS "/savepoint-%.6s-", rig_look(rig).job_id);
    assert_int_equal(0, strncmp(prefix, report.path, strlen(prefix)));
    assert_int_equal(strlen(prefix) + 12, strlen(report.path));
    return report;
}

/* It failed, and the words begin with the reason. */
static inline void
rig_assert_failed(const struct rig *rig, uint64_t request, const char *reason)
{
    weir_request_report report = rig_answer(rig, request);
    assert_int_equal(WEIR_REQUEST_FAILED, report.state);
    assert_true(report.error.status != WEIR_OK);
    assert_string_equal("", report.path);
    if (strncmp(report.error.message, reason, strlen(reason)) != 0) {
        print_error("'%s' does not begin: %s\n", reason, report.error.message);
        fail();
    }
}

static inline void
rig_remove_all(const struct rig *rig, const char *path)
{
    weir_error error;
    assert_ok(wr_directory_remove_all(os_sim_os(rig->sim), path, &error), &error);
}

/* Goes on from a path, as a new job, to the end; what was seen before counts. */
static inline void
rig_goes_on_from(struct rig *rig, const char *path)
{
    char from[1100];
    snprintf(from, sizeof from, "%s", path);
    rig_forget_job(rig);
    rig->parameters.restore = from;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(rig, NULL));
    rig->parameters.restore = NULL;
    rig_assert_exactly_once(rig);
}

#endif /* WEIR_TESTS_SAVEPOINT_RIG_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* What a job says, as records: about what, by which module, at which level. */
#include "job_rig.h"

enum {
    RECORDS_MAX = 512
};

/* Copies of what a run has said. */
static struct said {
    weir_log_level level;
    char module[16];
    char message[256];
    char job_id[33];
    char operator_name[32];
    int32_t subtask;
    weir_status status;
    uint64_t checkpoint_id;
} said[RECORDS_MAX];
static size_t said_count;

static void
keep(void *argument, const weir_log_record *record)
{
    (void)argument;
    assert_int_equal(record->size, sizeof *record);
    assert_true(said_count < RECORDS_MAX);
    struct said *to = &said[said_count++];
    *to = (struct said){ .level = record->level,
                         .subtask = record->subtask,
                         .status = record->status,
                         .checkpoint_id = record->checkpoint_id };
    snprintf(to->module, sizeof to->module, "%s", record->module);
    snprintf(to->message, sizeof to->message, "%s", record->message);
    snprintf(to->job_id, sizeof to->job_id, "%s", record->job_id);
    snprintf(to->operator_name, sizeof to->operator_name, "%s",
             record->operator_name != NULL ? record->operator_name : "");
}

/* The first record with these words; NULL: none. */
static const struct said *
find(const char *words)
{
    for (size_t i = 0; i < said_count; i++) {
        if (strstr(said[i].message, words) != NULL) {
            return &said[i];
        }
    }
    return NULL;
}

static void
set_up(struct rig *rig)
{
    rig_init(rig);
    said_count = 0;
    rig->parameters.log_record = keep;
    rig_set(rig, "execution.checkpointing.dir", RIG_DIRECTORY);
    rig_set(rig, "execution.checkpointing.interval", "10 ms");
}

TEST(a_run_tells_its_start_its_checkpoints_and_its_stop)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    const struct said *start = find("STARTED EMPTY: job 'numbers'");
    assert_non_null(start);
    assert_int_equal(start->level, WEIR_LOG_INFO);
    assert_string_equal(start->module, "restore");
    assert_string_equal(start->job_id, rig_look(&rig).job_id);
    assert_int_equal(start->subtask, -1);
    const struct said *checkpoint = find("checkpoint 2 is complete: " RIG_DIRECTORY);
    assert_non_null(checkpoint);
    assert_int_equal(checkpoint->level, WEIR_LOG_INFO);
    assert_string_equal(checkpoint->module, "checkpoint");
    assert_int_equal(checkpoint->checkpoint_id, 2);
    assert_non_null(strstr(checkpoint->message, " bytes in "));
    assert_non_null(find("stopping with a final checkpoint"));
    assert_null(find("is triggered")); /* DEBUG */
    for (size_t i = 0; i < said_count; i++) {
        assert_int_equal(said[i].status, WEIR_OK);
    }
    rig_fini(&rig);
}

TEST(a_failure_and_the_restart_after_it_say_why)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.attempts", "1");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, rig_breaks_after_three));
    const struct said *restart = find("restarting in ");
    assert_non_null(restart);
    assert_int_equal(restart->level, WEIR_LOG_WARN);
    assert_string_equal(restart->module, "restart");
    assert_int_equal(restart->status, WEIR_USER);
    const struct said *restored = find("restored from checkpoint ");
    assert_non_null(restored);
    assert_string_equal(restored->module, "restore");
    assert_int_equal(restored->checkpoint_id, 3);
    assert_non_null(find("fixed-delay allows no more restarts"));
    rig_fini(&rig);
}

TEST(options_set_the_level_of_all_modules_and_of_some)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "weir.log.level", "WARN");
    rig_set(&rig, "weir.log.levels", "checkpoint=DEBUG,job=OFF");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_null(find("STARTED EMPTY"));
    assert_null(find("stopping with"));
    const struct said *triggered = find("checkpoint 1 is triggered");
    assert_non_null(triggered);
    assert_int_equal(triggered->level, WEIR_LOG_DEBUG);
    assert_int_equal(weir_job_log_level(rig.job, "restore"), WEIR_LOG_WARN);
    assert_int_equal(weir_job_log_level(rig.job, "job"), WEIR_LOG_OFF);
    assert_int_equal(weir_job_log_level(rig.job, "no such"), WEIR_LOG_OFF);
    rig_fini(&rig);
}

TEST(levels_that_do_not_parse_end_the_start_with_words)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "weir.log.levels", "checkpont=DEBUG");
    assert_int_equal(rig_create(&rig), WEIR_INVALID);
    rig_assert_says(rig.error.message,
                    "weir.log.levels: 'checkpont' is no module: job, checkpoint");
    rig_fini(&rig);
}

static bool
grows_quiet_after_three(struct rig *rig)
{
    if (rig_has_three_checkpoints(rig)) {
        assert_int_equal(weir_job_set_log_level(rig->job, "checkpoint", WEIR_LOG_WARN), WEIR_OK);
    }
    return rig_look(rig).checkpoints_completed >= 6;
}

TEST(a_level_may_change_while_the_job_runs)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, grows_quiet_after_three));
    assert_non_null(find("checkpoint 3 is complete"));
    assert_null(find("checkpoint 5 is complete"));
    assert_int_equal(weir_job_set_log_level(rig.job, NULL, WEIR_LOG_ERROR), WEIR_OK);
    assert_int_equal(weir_job_log_level(rig.job, "server"), WEIR_LOG_ERROR);
    assert_int_equal(weir_job_set_log_level(rig.job, "nothing", WEIR_LOG_ERROR), WEIR_NOT_FOUND);
    assert_int_equal(weir_job_set_log_level(rig.job, "job", (weir_log_level)9), WEIR_INVALID);
    assert_int_equal(weir_job_set_log_level(NULL, "job", WEIR_LOG_ERROR), WEIR_INVALID);
    rig_fini(&rig);
}

TEST(a_hosts_own_records_pass_like_the_jobs)
{
    struct rig rig;
    set_up(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    weir_log_record record = { .size = sizeof record,
                               .level = WEIR_LOG_INFO,
                               .module = "server",
                               .message = "listening",
                               .subtask = -1 };
    said_count = 0;
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_OK);
    assert_int_equal(said_count, 1);
    assert_string_equal(said[0].job_id, rig.job->job_id); /* filled in */
    record.level = WEIR_LOG_DEBUG;
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_OK);
    assert_int_equal(said_count, 1); /* kept back */
    record.module = "somewhere";
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_NOT_FOUND);
    record.module = "server";
    record.level = WEIR_LOG_OFF;
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_INVALID);
    record.level = WEIR_LOG_ERROR;
    record.message = NULL;
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_INVALID);
    assert_int_equal(weir_job_log(rig.job, NULL), WEIR_INVALID);
    record.message = "of another size";
    record.size = sizeof record + 1;
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_INVALID);
    record.size = 0;
    assert_int_equal(weir_job_log(rig.job, &record), WEIR_INVALID);
    assert_int_equal(said_count, 1);
    rig_fini(&rig);
}

TEST(text_and_record_callbacks_hear_the_same)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    const char *at = rig.log;
    for (size_t i = 0; i < said_count; i++) {
        assert_int_equal(*at, " ewid"[said[i].level]);
        assert_memory_equal(at + 2, said[i].message, strlen(said[i].message));
        at = strchr(at, '\n') + 1;
    }
    assert_string_equal(at, "");
    rig_fini(&rig);
}

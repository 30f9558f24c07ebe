/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/create: what is refused before anything runs, with which words, and that a refusal
 * leaves nothing behind.
 */
#include "job_rig.h"

/* Created with this status and these words; nothing was written but what was there. */
static void
assert_refused(struct rig *rig, weir_status status, const char *words)
{
    uint64_t before = os_sim_image_hash(rig->sim);
    assert_int_equal(status, rig_create(rig));
    assert_null(rig->job);
    assert_int_equal(status, rig->error.status);
    rig_assert_says(rig->error.message, words);
    assert_int_equal(before, os_sim_image_hash(rig->sim));
    assert_int_equal(0, os_sim_open_count(rig->sim));
}

static void
unset(struct rig *rig, const char *key)
{
    rig_set(rig, key, "");
}

TEST(filesystem_storage_without_a_directory_is_refused_with_the_option_to_add)
{
    struct rig rig;
    rig_init(&rig);
    unset(&rig, "execution.checkpointing.dir");
    rig_set(&rig, "execution.checkpointing.storage", "filesystem");
    assert_refused(&rig, WEIR_INVALID,
                   "execution.checkpointing.storage is filesystem storage without a directory");
    rig_assert_says(rig.error.message, "-D execution.checkpointing.dir=DIR");
    unset(&rig, "execution.checkpointing.storage");
    rig_set(&rig, "state.backend", "filesystem");
    assert_refused(&rig, WEIR_INVALID, "state.backend.type is filesystem storage without");
    rig_fini(&rig);
}

TEST(what_is_not_there_is_refused_by_name)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "state.backend.type", "leveldb");
    assert_refused(&rig, WEIR_INVALID, "there is no engine 'leveldb'");
    rig_set(&rig, "state.backend.type", "/nowhere/engine.so");
    assert_refused(&rig, WEIR_NOT_FOUND, "there is no file /nowhere/engine.so");
    rig_set(&rig, "state.backend.type", "rocksdb"); /* the simulated system has no modules */
    assert_refused(&rig, WEIR_NOT_FOUND, "libweir-rocksdb.so");
    rig_set(&rig, "state.backend.type", "hashmap");
    rig_set(&rig, "execution.checkpointing.dir", "s3://bucket/state");
    assert_refused(&rig, WEIR_UNSUPPORTED, "s3://bucket/state");
    rig_assert_says(rig.error.message, "'s3'");
    rig_fini(&rig);
}

TEST(a_file_url_is_a_directory)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.dir", "file://" RIG_DIRECTORY);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_int_equal(1, rig_count_checkpoints(&rig));
    rig_fini(&rig);
}

TEST(beside_a_complete_checkpoint_a_plain_start_is_refused_with_both_lines)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    weir_job_report left = rig_look(&rig);
    rig_forget_job(&rig);
    assert_refused(&rig, WEIR_INVALID, "a complete checkpoint of job 'numbers' is there: ");
    rig_assert_says(rig.error.message, left.last_checkpoint_path);
    rig_assert_says(rig.error.message, "-s latest:" RIG_DIRECTORY "\n");
    rig_assert_says(rig.error.message, "--fresh");
    rig.name = "another"; /* does not share its fate */
    assert_ok(rig_create(&rig), &rig.error);
    rig_assert_says(rig.log, "STARTED EMPTY: job 'another'");
    rig_fini(&rig);
}

TEST(fresh_starts_empty_and_leaves_what_was_there)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    char before[256];
    rig_job_directory(&rig, before);
    memset(rig.seen, 0, sizeof rig.seen);
    memset(rig.highest, 0, sizeof rig.highest);
    rig.parameters.fresh = true;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_false(rig_look(&rig).restored);
    rig_assert_exactly_once(&rig);
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_int_equal(1, rig.seen[i]);
    }
    assert_int_equal(1, rig_count_names(&rig, before, "chk-"));
    rig_fini(&rig);
}

TEST(a_job_id_is_32_lower_case_hex_digits)
{
    static const char *const wrong[] = { "", "0123456789abcdef", "0123456789abcdef0123456789abcdeF",
                                         "0123456789abcdef0123456789abcdefa",
                                         "0123456789abcdef0123456789abcde/" };
    struct rig rig;
    rig_init(&rig);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        rig.parameters.job_id = wrong[i];
        assert_refused(&rig, WEIR_INVALID, "32 lower-case hex digits are wanted");
        rig_assert_says(rig.error.message, wrong[i]);
    }
    rig.parameters.job_id = "0123456789abcdef0123456789abcdef";
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_string_equal("0123456789abcdef0123456789abcdef", rig_look(&rig).job_id);
    assert_true(
        os_sim_directory_is_there(rig.sim, RIG_DIRECTORY "/0123456789abcdef0123456789abcdef"));
    rig_fini(&rig);
}

TEST(each_start_draws_a_job_id_and_an_attempt_of_its_own)
{
    struct rig rig;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    char job_id[WR_JOB_ID_SIZE];
    char attempt[WR_ATTEMPT_SIZE];
    memcpy(job_id, rig.job->job_id, sizeof job_id);
    memcpy(attempt, rig.job->attempt, sizeof attempt);
    assert_ok(rig_create(&rig), &rig.error);
    assert_string_not_equal(job_id, rig.job->job_id);
    assert_string_not_equal(attempt, rig.job->attempt);
    rig_fini(&rig);
}

TEST(the_number_of_retained_checkpoints_is_bounded_with_words)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.num-retained", "64");
    assert_ok(rig_create(&rig), &rig.error);
    weir_error error = { .status = WEIR_OK };
    assert_int_equal(WEIR_INVALID,
                     weir_options_set(rig.options, "execution.checkpointing.num-retained", "0",
                                      WEIR_LEVEL_COMMAND, "test", &error));
    rig_fini(&rig);
}

TEST(a_second_process_of_the_job_is_refused_and_another_job_is_not)
{
    struct rig rig;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    weir_job *second = NULL;
    weir_error error = { .status = WEIR_OK };
    weir_job_parameters parameters = rig.parameters;
    parameters.fresh = true;
    struct wr_os *other = os_sim_process_create(rig.sim);
    assert_int_equal(WEIR_BUSY,
                     wr_job_create_on(other, rig.environment, &parameters, &second, &error));
    assert_null(second);
    char pid[32];
    snprintf(pid, sizeof pid, "%lld",
             (long long)os_sim_os(rig.sim)->ops->process_id(os_sim_os(rig.sim)));
    rig_assert_says(error.message, pid);
    weir_environment *environment = rig.environment;
    rig.environment = NULL;
    weir_job *first = rig.job;
    rig.job = NULL;
    rig.name = "another";
    rig_build(&rig);
    assert_ok(wr_job_create_on(other, rig.environment, &parameters, &second, &error), &error);
    weir_job_destroy(second);
    weir_job_destroy(first);
    weir_environment_destroy(environment);
    rig_fini(&rig);
}

TEST(no_such_snapshot_is_said_as_flink_says_it)
{
    struct rig rig;
    rig_init(&rig);
    rig.parameters.restore = "/var/none/chk-1";
    assert_refused(&rig, WEIR_NOT_FOUND,
                   "Cannot find checkpoint or savepoint file/directory "
                   "'/var/none/chk-1'");
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_refused(&rig, WEIR_NOT_FOUND, "Cannot find checkpoint or savepoint file/directory");
    rig_fini(&rig);
}

TEST(the_snapshot_may_come_from_the_configuration_and_the_parameter_wins)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    rig_set(&rig, "execution.state-recovery.path", "latest:" RIG_DIRECTORY);
    assert_ok(rig_create(&rig), &rig.error);
    assert_true(rig_look(&rig).restored);
    rig.parameters.restore = "/var/none";
    assert_int_equal(WEIR_NOT_FOUND, rig_create(&rig));
    rig_fini(&rig);
}

TEST(a_stateful_job_without_checkpoints_is_warned_of_once)
{
    struct rig rig;
    rig_init(&rig);
    unset(&rig, "execution.checkpointing.dir");
    unset(&rig, "execution.checkpointing.interval");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_says(rig.log, "w this job keeps state and takes no checkpoints");
    assert_null(strstr(strstr(rig.log, "takes no checkpoints") + 1, "takes no checkpoints"));
    assert_false(os_sim_directory_is_there(rig.sim, RIG_DIRECTORY));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(parameters_without_a_size_are_refused)
{
    struct rig rig;
    rig_init(&rig);
    rig_build(&rig);
    weir_job_parameters parameters = { .size = 0 };
    assert_int_equal(WEIR_INVALID,
                     weir_job_create(rig.environment, &parameters, &rig.job, &rig.error));
    rig_assert_says(rig.error.message, "weir_job_parameters.size is not set");
    assert_int_equal(WEIR_INVALID, weir_job_create(NULL, NULL, &rig.job, &rig.error));
    assert_int_equal(WEIR_INVALID, weir_job_create(rig.environment, NULL, NULL, &rig.error));
    assert_null(rig.job);
    rig_fini(&rig);
}

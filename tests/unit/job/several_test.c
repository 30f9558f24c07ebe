/* SPDX-License-Identifier: Apache-2.0 */
/* Several checkpoints under way in one job, with io or tasks that lag behind; checkpoints asked for
 * by hand; and which options go together.
 */
#include "savepoint_rig.h"

#include "snapshot/manifest.h"

static uint32_t
count_pending(const struct rig *rig)
{
    uint32_t count = 0;
    for (const struct wr_pending_checkpoint *at = rig->job->pending; at != NULL; at = at->next) {
        assert_true(at->next == NULL || at->id < at->next->id);
        count++;
    }
    return count;
}

/* Steps all actors but `held` for so long; answers the most that were under way. */
static uint32_t
step_without(struct rig *rig, size_t held, uint64_t ns)
{
    uint64_t until = os_sim_now_ns(rig->sim) + ns;
    uint32_t most = 0;
    while (os_sim_now_ns(rig->sim) < until) {
        uint64_t wake_at;
        for (size_t i = 0; i < wr_job_actor_count(rig->job); i++) {
            (void)(i != held && wr_job_step(rig->job, i, &wake_at));
        }
        uint32_t now = count_pending(rig);
        most = now > most ? now : most;
        os_sim_advance_ns(rig->sim, 100000);
    }
    return most;
}

static void
set_up(struct rig *rig, const char *concurrent)
{
    rig_init(rig);
    rig_set(rig, "execution.checkpointing.max-concurrent-checkpoints", concurrent);
    assert_ok(rig_create(rig), &rig->error);
    assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
    rig_step_until(rig, rig_has_three_checkpoints);
}

static void
assert_ends_well(struct rig *rig)
{
    rig_step_until(rig, NULL);
    if (rig_look(rig).state != WEIR_JOB_FINISHED) {
        (void)!weir_job_failure(rig->job, &rig->error);
        print_error("%s\n", rig->error.message);
        fail();
    }
    rig_assert_exactly_once(rig);
}

TEST(as_many_checkpoints_are_under_way_as_may_be_while_io_lags_and_no_more)
{
    static const char *const limits[] = { "1", "2", "3", "4" };
    for (uint32_t i = 0; i < 4; i++) {
        struct rig rig;
        set_up(&rig, limits[i]);
        uint64_t before = rig_look(&rig).checkpoints_completed;
        assert_int_equal(i + 1, step_without(&rig, 1, 80000000U));
        assert_true(rig_look(&rig).checkpoints_completed <= before + 1);
        assert_ends_well(&rig);
        assert_int_equal(0, rig_look(&rig).checkpoints_failed);
        assert_int_equal(0, rig_count_checkpoints(&rig));
        rig_fini(&rig);
    }
}

TEST(incremental_checkpoints_that_overlap_can_each_be_restored)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.incremental", "true");
    rig_set(&rig, "execution.checkpointing.num-retained", "3");
    rig_set(&rig, "execution.checkpointing.max-concurrent-checkpoints", "3");
    rig_set(&rig, "pipeline.max-parallelism", "4");
    rig.keys = RIG_KEYS_MAX;
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    assert_int_equal(3, step_without(&rig, 1, 50000000U));
    uint64_t target = rig_look(&rig).checkpoints_completed + 3;
    while (rig_look(&rig).checkpoints_completed < target) {
        (void)step_without(&rig, SIZE_MAX, 1000000U);
    }
    weir_job_stop(rig.job);
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_STOPPED, rig_look(&rig).state);
    char last[1024];
    snprintf(last, sizeof last, "%s", rig_look(&rig).last_checkpoint_path);
    unsigned left = 3;
    assert_int_equal(left, rig_count_checkpoints(&rig));
    for (uint64_t at = rig_look(&rig).last_checkpoint_id; left > 0; at--) {
        char path[1100];
        snprintf(path, sizeof path, "%.*s/chk-%llu", (int)(strrchr(last, '/') - last), last,
                 (unsigned long long)at);
        if (!os_sim_directory_is_there(rig.sim, path)) {
            assert_true(at > 1); /* one that was aborted has no place */
            continue;
        }
        left--;
        memset(rig.highest, 0, sizeof rig.highest);
        memset(rig.seen, 1, sizeof rig.seen); /* what came before it is not looked at */
        rig_goes_on_from(&rig, path);
    }
    rig_fini(&rig);
}

TEST(an_attempt_that_expires_leaves_the_others_alone_and_its_late_answers_find_nobody)
{
    struct rig rig;
    set_up(&rig, "3");
    rig_forget_job(&rig);
    rig_set(&rig, "execution.checkpointing.timeout", "25 ms");
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "100");
    rig.parameters.fresh = true;
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    (void)step_without(&rig, 1, 60000000U); /* no file is written: none is acknowledged */
    assert_true(rig_look(&rig).checkpoints_failed >= 2);
    rig_assert_says(rig.log, "expired before completing");
    assert_ends_well(&rig);
    assert_true(rig_look(&rig).checkpoints_completed > 5);
    rig_fini(&rig);
}

TEST(a_savepoint_beside_checkpoints_that_lag_is_made_at_once)
{
    struct rig rig;
    set_up(&rig, "2");
    (void)step_without(&rig, 1, 40000000U);
    assert_int_equal(2, count_pending(&rig));
    rig_wish_for(0, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS });
    (void)rig_asks(&rig);
    assert_int_equal(3, step_without(&rig, 1, 1000000U));
    assert_ends_well(&rig);
    (void)rig_saved(&rig);
    rig_fini(&rig);
}

/* Else a sink could be ahead of what the job goes on from. */
TEST(no_checkpoint_begins_behind_a_savepoint_that_ends_the_job)
{
    for (int stop = 0; stop < 2; stop++) {
        struct rig rig;
        set_up(&rig, "3");
        assert_int_equal(3, step_without(&rig, 1, 40000000U));
        rig_wish_for(0, (weir_savepoint_parameters){
                            .directory = RIG_SAVEPOINTS, .stop = stop == 1, .cancel = stop == 0 });
        (void)rig_asks(&rig);
        uint64_t first;
        (void)job_step_all(rig.job, &first); /* what was under way is given up */
        (void)step_without(&rig, 1, 40000000U);
        assert_int_equal(1, count_pending(&rig));
        rig_step_until(&rig, NULL);
        assert_int_equal(stop == 1 ? WEIR_JOB_FINISHED : WEIR_JOB_CANCELED, rig_look(&rig).state);
        rig_goes_on_from(&rig, rig_saved(&rig).path);
        rig_fini(&rig);
    }
}

TEST(unaligned_checkpoints_do_not_go_together_with_several_nor_with_at_least_once)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.unaligned.enabled", "true");
    rig_set(&rig, "execution.checkpointing.max-concurrent-checkpoints", "2");
    assert_int_equal(WEIR_INVALID, rig_create(&rig));
    rig_assert_says(rig.error.message,
                    "maxConcurrentCheckpoints can't be > 1 if UnalignedCheckpoints enabled");
    assert_int_equal(0, os_sim_open_count(rig.sim));
    rig_set(&rig, "execution.checkpointing.mode", "AT_LEAST_ONCE");
    assert_ok(rig_create(&rig), &rig.error); /* as in Flink: warned of, and not heeded */
    rig_assert_says(rig.log, "w Unaligned checkpoints can only be used with checkpointing mode "
                             "EXACTLY_ONCE");
    rig_fini(&rig);
}

/* --- by hand --- */

/* The most state files that one subtask has in the checkpoint. */
static uint32_t
longest_chain(const struct rig *rig, const char *directory)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_manifest manifest;
    weir_error error;
    char path[1100];
    uint32_t longest = 0;
    snprintf(path, sizeof path, "%s/_metadata", directory);
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_manifest_read(&manifest, os_sim_os(rig->sim), path, &error), &error);
    assert_int_equal(WR_CHECKPOINT_MANUAL, manifest.kind);
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        uint32_t count = manifest.operators[i].subtasks[0].file_count;
        longest = count > longest ? count : longest;
    }
    wr_manifest_fini(&manifest);
    return longest;
}

static uint32_t
chain_of(struct rig *rig, weir_checkpoint_type type)
{
    uint64_t request;
    assert_ok(weir_job_trigger_checkpoint(rig->job, type, &request, &rig->error), &rig->error);
    while (rig_answer(rig, request).state == WEIR_REQUEST_IN_PROGRESS) {
        (void)step_without(rig, SIZE_MAX, 100000U);
    }
    weir_request_report report = rig_answer(rig, request);
    assert_int_equal(WEIR_REQUEST_COMPLETED, report.state);
    assert_string_equal(rig_look(rig).last_checkpoint_path, report.path);
    assert_int_equal(rig_look(rig).last_checkpoint_id, report.checkpoint_id);
    return longest_chain(rig, report.path);
}

TEST(a_full_checkpoint_asked_for_needs_no_older_file_and_an_incremental_one_builds_on_it)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.incremental", "true");
    rig_set(&rig, "execution.checkpointing.interval", "10 min"); /* only those by hand */
    rig_set(&rig, "execution.checkpointing.min-pause", "10 min");
    rig_set(&rig, "pipeline.max-parallelism", "4");
    rig.keys = RIG_KEYS_MAX;
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    while (rig_look(&rig).records_in < RIG_KEYS_MAX) {
        (void)step_without(&rig, SIZE_MAX, 100000U);
    }
    assert_int_equal(1, chain_of(&rig, WEIR_CHECKPOINT_INCREMENTAL)); /* the first of a life */
    assert_int_equal(2, chain_of(&rig, WEIR_CHECKPOINT_INCREMENTAL));
    assert_int_equal(3, chain_of(&rig, WEIR_CHECKPOINT_CONFIGURED));
    assert_int_equal(1, chain_of(&rig, WEIR_CHECKPOINT_FULL));
    assert_int_equal(2, chain_of(&rig, WEIR_CHECKPOINT_CONFIGURED));
    assert_ends_well(&rig);
    rig_fini(&rig);
}

TEST(a_job_that_keeps_its_checkpoints_in_memory_answers_without_a_path_and_makes_savepoints)
{
    struct rig rig;
    rig_init(&rig);
    weir_options_destroy(rig.options);
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig.options));
    rig_set(&rig, "execution.checkpointing.interval", "10 ms");
    rig_set(&rig, "taskmanager.memory.managed.size", "64 mb");
    rig_set(&rig, "execution.checkpointing.data-inline-threshold", "0");
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    uint64_t request;
    assert_ok(
        weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_CONFIGURED, &request, &rig.error),
        &rig.error);
    rig_wish_for(0, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS, .stop = true });
    (void)rig_asks(&rig);
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    weir_request_report report = rig_answer(&rig, request);
    assert_true(report.state == WEIR_REQUEST_COMPLETED || report.state == WEIR_REQUEST_FAILED);
    assert_string_equal("", report.path);
    rig_goes_on_from(&rig, rig_saved(&rig).path);
    rig_fini(&rig);
}

TEST(a_job_without_checkpoints_can_be_saved_and_no_checkpoint_of_it_be_asked_for)
{
    struct rig rig;
    rig_init(&rig);
    weir_options_destroy(rig.options);
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig.options));
    rig_set(&rig, "taskmanager.memory.managed.size", "64 mb");
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    while (rig_look(&rig).records_in < 300) {
        (void)step_without(&rig, SIZE_MAX, 100000U);
    }
    uint64_t request;
    assert_int_equal(
        WEIR_UNSUPPORTED,
        weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_CONFIGURED, &request, &rig.error));
    rig_assert_says(rig.error.message, "execution.checkpointing.dir");
    rig_wish_for(0, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS, .stop = true });
    (void)rig_asks(&rig);
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    assert_true(rig_look(&rig).records_in < rig.count);
    rig_goes_on_from(&rig, rig_saved(&rig).path);
    rig_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of restoring: which snapshot fits which job, what starts empty, and that ids are never used
 * twice.
 */
#include "job_rig.h"

#include "snapshot/manifest.h"

#include <inttypes.h>

/* Stopped after three checkpoints; the next create restores from there. */
static void
leave_a_checkpoint(struct rig *rig)
{
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(rig, rig_stops_after_three));
    rig_forget_job(rig);
    rig->parameters.restore = "latest:" RIG_DIRECTORY;
}

static void
assert_refused(struct rig *rig, weir_status status, const char *words)
{
    uint64_t before = os_sim_image_hash(rig->sim);
    assert_int_equal(status, rig_create(rig));
    assert_null(rig->job);
    rig_assert_says(rig->error.message, words);
    rig_assert_says(rig->error.message, RIG_DIRECTORY);
    assert_int_equal(before, os_sim_image_hash(rig->sim));
    assert_int_equal(0, os_sim_open_count(rig->sim));
}

TEST(an_operator_that_the_snapshot_does_not_know_starts_empty_and_that_is_said)
{
    struct rig rig;
    rig_init(&rig);
    leave_a_checkpoint(&rig);
    rig.with_extra = true;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_says(rig.log, "w operator 'extra' (uid 'extra') is not in the snapshot: it starts "
                             "empty");
    assert_null(strstr(rig.log, "operator 'sum' (uid 'sums') is not in the snapshot"));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(an_operator_that_is_gone_is_refused_by_name_unless_allowed)
{
    struct rig rig;
    rig_init(&rig);
    rig.with_extra = true;
    leave_a_checkpoint(&rig);
    rig.with_extra = false;
    assert_refused(&rig, WEIR_VERSION, "'extra'");
    rig.parameters.allow_non_restored_state = true;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(an_operator_that_is_gone_may_be_allowed_by_configuration)
{
    struct rig rig;
    rig_init(&rig);
    rig.with_extra = true;
    leave_a_checkpoint(&rig);
    rig.with_extra = false;
    rig_set(&rig, "execution.state-recovery.ignore-unclaimed-state", "true");
    assert_ok(rig_create(&rig), &rig.error);
    rig_fini(&rig);
}

TEST(an_operator_with_another_uid_is_not_taken_for_the_old_one)
{
    struct rig rig;
    rig_init(&rig);
    leave_a_checkpoint(&rig);
    rig.without_sums = true;
    assert_refused(&rig, WEIR_VERSION, "'sums'");
    rig_fini(&rig);
}

TEST(latest_of_another_job_is_refused_with_both_names)
{
    struct rig rig;
    rig_init(&rig);
    leave_a_checkpoint(&rig);
    rig.name = "another";
    assert_refused(&rig, WEIR_VERSION,
                   "there is no checkpoint of job 'another', but of job "
                   "'numbers'");
    rig_fini(&rig);
}

TEST(more_subtasks_than_the_snapshots_max_parallelism_are_refused)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "pipeline.max-parallelism", "4");
    rig_set(&rig, "parallelism.default", "2");
    leave_a_checkpoint(&rig);
    rig_set(&rig, "pipeline.max-parallelism", "-1");
    rig_set(&rig, "parallelism.default", "5");
    assert_refused(&rig, WEIR_VERSION,
                   "the maximum parallelism (4) of the restored state is lower "
                   "than the configured parallelism (5)");
    rig_set(&rig, "parallelism.default", "4");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_max_parallelism_that_was_set_to_something_else_is_refused_and_a_derived_one_gives_way)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "pipeline.max-parallelism", "4");
    leave_a_checkpoint(&rig);
    rig_set(&rig, "pipeline.max-parallelism", "8");
    assert_refused(&rig, WEIR_VERSION,
                   "the maximum parallelism (4) of the restored state differs "
                   "from the configured one (8)");
    rig_set(&rig, "pipeline.max-parallelism", "-1"); /* derived: 128, but the snapshot's 4 wins */
    assert_ok(rig_create(&rig), &rig.error);
    assert_int_equal(4, rig.job->plan->operators[1].max_parallelism);
    rig_fini(&rig);
}

TEST(a_path_starts_a_new_job_id_and_never_touches_what_it_read)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    weir_job_report stopped = rig_look(&rig);
    size_t size = 0;
    char metadata[1100];
    snprintf(metadata, sizeof metadata, "%s/_metadata", stopped.last_checkpoint_path);
    rig.parameters.restore = metadata;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    weir_job_report report = rig_look(&rig);
    assert_string_not_equal(stopped.job_id, report.job_id);
    assert_true(report.last_checkpoint_id > stopped.last_checkpoint_id);
    assert_non_null(os_sim_file_get(rig.sim, metadata, &size));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

static bool
is_running(struct rig *rig)
{
    return rig_look(rig).state == WEIR_JOB_RUNNING;
}

/* Notes the first id that the attempt completes. */
static bool
has_completed_one(struct rig *rig)
{
    return rig_look(rig).checkpoints_completed >= 1;
}

TEST(ids_go_on_behind_the_restored_one_and_behind_whatever_is_there)
{
    struct rig rig;
    rig_init(&rig);
    rig.parameters.job_id = "0123456789abcdef0123456789abcdef";
    rig_set(&rig, "execution.checkpointing.num-retained", "3");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    uint64_t last = rig_look(&rig).last_checkpoint_id;
    assert_int_equal(4, last);
    char older[256]; /* the oldest retained one, by path, into the same job id */
    snprintf(older, sizeof older, RIG_DIRECTORY "/%s/chk-2", rig.parameters.job_id);
    rig.parameters.restore = older;
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_completed_one));
    assert_int_equal(2, rig_look(&rig).restored_checkpoint_id);
    assert_int_equal(last + 1, rig_look(&rig).last_checkpoint_id);
    rig_fini(&rig);
}

/* A directory that was made is an id that was given. */
TEST(the_id_of_an_attempt_that_never_completed_is_not_used_again)
{
    struct rig rig;
    rig_init(&rig);
    leave_a_checkpoint(&rig);
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_completed_one));
    uint64_t last = rig_look(&rig).last_checkpoint_id;
    char path[512];
    rig_job_directory(&rig, path);
    size_t at = strlen(path);
    snprintf(path + at, sizeof path - at, "/.%s/chk-%llu", rig.job->attempt,
             (unsigned long long)last + 7);
    os_sim_directory_put(rig.sim, path); /* as if the process had died while building it */
    os_sim_kill(rig.sim);
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_completed_one));
    assert_int_equal(last, rig_look(&rig).restored_checkpoint_id);
    assert_int_equal(last + 8, rig_look(&rig).last_checkpoint_id);
    rig_fini(&rig);
}

TEST(a_damaged_newest_checkpoint_stops_the_start_and_the_older_one_is_named)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.num-retained", "2");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    weir_job_report stopped = rig_look(&rig);
    char metadata[1100];
    snprintf(metadata, sizeof metadata, "%s/_metadata", stopped.last_checkpoint_path);
    size_t size = 0;
    const uint8_t *bytes = os_sim_file_get(rig.sim, metadata, &size);
    uint8_t copy[16384];
    assert_true(size > 100 && size <= sizeof copy);
    memcpy(copy, bytes, size);
    copy[size / 2] ^= 1;
    os_sim_file_put(rig.sim, metadata, copy, size);
    rig_forget_job(&rig);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_refused(&rig, WEIR_CORRUPT, "cannot be used");
    char older[64];
    snprintf(older, sizeof older, "/chk-%llu restores that",
             (unsigned long long)stopped.last_checkpoint_id - 1);
    rig_assert_says(rig.error.message, older);
    rig_fini(&rig);
}

/* The restore itself must notice: what `weir run -s` reads, in the order in which it reads it. */
static void
assert_damage_is_noticed(struct rig *rig, const char *path, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (uint8_t)(1U << (at % 8));
        os_sim_file_put(rig->sim, path, bytes, size);
        bytes[at] ^= (uint8_t)(1U << (at % 8));
        weir_status status = rig_create(rig);
        if (status == WEIR_OK) {
            assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
            rig_step_until(rig, is_running);
            status = weir_job_failure(rig->job, &rig->error);
        }
        if (status != WEIR_CORRUPT) {
            print_error("%s with byte %zu of %zu changed: %s\n", path, at, size,
                        weir_status_name(status));
            fail();
        }
        rig_assert_says(rig->error.message, path);
        rig_forget_job(rig);
    }
    os_sim_file_put(rig->sim, path, bytes, size);
}

TEST(a_restore_notices_a_flipped_bit_in_any_byte_of_a_checkpoint)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    char directory[1024];
    snprintf(directory, sizeof directory, "%s", rig_look(&rig).last_checkpoint_path);
    rig_forget_job(&rig);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    struct wr_os *os = os_sim_process_create(rig.sim);
    struct wr_os_list *list;
    char name[WR_OS_NAME_MAX];
    size_t files = 0;
    uint8_t bytes[16384];
    assert_int_equal(0, os->ops->list_open(os, directory, &list));
    while (os->ops->list_next(os, list, name) == 0) {
        char path[1400];
        size_t size = 0;
        snprintf(path, sizeof path, "%s/%s", directory, name);
        const uint8_t *content = os_sim_file_get(rig.sim, path, &size);
        if (content != NULL) {
            assert_true(size <= sizeof bytes);
            memcpy(bytes, content, size);
            assert_damage_is_noticed(&rig, path, bytes, size);
            files++;
        }
    }
    os->ops->list_close(os, list);
    assert_int_equal(3, files); /* the manifest, the source's file, the sum's */
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL)); /* it was the damage */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(all_subtasks_hash_with_the_snapshots_seed)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    uint64_t seed = rig.job->hash_seed;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(&rig), &rig.error);
    assert_true(seed == rig.job->hash_seed);
    rig.parameters.restore = NULL;
    rig.parameters.fresh = true;
    assert_ok(rig_create(&rig), &rig.error);
    assert_true(seed != rig.job->hash_seed);
    rig_fini(&rig);
}

/* --- I8: what lies in the directory is what is referenced --- */

/* A checkpoint has its manifest, the files that it names, and nothing else. */
static size_t
count_files_named(struct rig *rig, const char *directory)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_manifest manifest;
    char path[512];
    snprintf(path, sizeof path, "%s/_metadata", directory);
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_manifest_read(&manifest, os_sim_os(rig->sim), path, &rig->error), &rig->error);
    size_t count = 1;
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        for (uint32_t j = 0; j < manifest.operators[i].subtask_count; j++) {
            count += manifest.operators[i].subtasks[j].file_count;
        }
    }
    wr_manifest_fini(&manifest);
    return count;
}

static void
assert_holds_exactly(struct rig *rig, uint64_t first, uint64_t last)
{
    char job[256];
    rig_job_directory(rig, job);
    assert_int_equal(last - first + 1, rig_count_names(rig, job, "chk-"));
    for (uint64_t id = first; id <= last; id++) {
        char path[300];
        snprintf(path, sizeof path, "%s/chk-%llu", job, (unsigned long long)id);
        assert_int_equal(count_files_named(rig, path), rig_count_names(rig, path, ""));
    }
}

TEST(after_many_checkpoints_the_directory_holds_the_retained_ones_and_nothing_else)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.num-retained", "3");
    rig_set(&rig, "parallelism.default", "3");
    rig.rate = 4000;
    rig.count = 6000; /* one and a half seconds, for a hundred checkpoints */
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    uint64_t seen = 0;
    while (!wr_job_has_ended(rig.job)) {
        rig_step_until(&rig, has_completed_one);
        seen = rig_look(&rig).checkpoints_completed;
        assert_true(rig_count_checkpoints(&rig) <= 3 + 1); /* the oldest goes when all are told */
        if (seen > 100) {
            weir_job_stop(rig.job);
        }
    }
    uint64_t last = rig_look(&rig).last_checkpoint_id;
    assert_true(seen > 100);
    assert_holds_exactly(&rig, last - 2, last);
    weir_job_destroy(rig.job);
    rig.job = NULL;
    char job[256];
    assert_int_equal(2, rig_count_names(&rig, RIG_DIRECTORY, ".numbers.lock")); /* and its guard */
    assert_int_equal(3, rig_count_names(&rig, RIG_DIRECTORY, ""));
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(&rig), &rig.error);
    rig_job_directory(&rig, job);
    rig_forget_job(&rig);
    assert_int_equal(3 + 2, rig_count_names(&rig, job, "")); /* shared, taskowned; no attempt's */
    rig_fini(&rig);
}

/* --- taken over --- */

#define ASIDE "/aside"

static struct wr_os_ops racing_ops;
static const struct wr_os_ops *racing_inner;
static char racing_path[512];

/* The last holder's rename, seen when the look for the newest is over. */
static int
lock_behind_a_completion(struct wr_os *os, int file)
{
    (void)racing_inner->rename(os, ASIDE, racing_path, false);
    return racing_inner->lock(os, file);
}

TEST(what_the_last_holder_completes_while_it_is_taken_over_is_gone_on_from)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.num-retained", "2");
    leave_a_checkpoint(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    uint64_t newest = rig_look(&rig).restored_checkpoint_id;
    char directory[256];
    rig_job_directory(&rig, directory);
    snprintf(racing_path, sizeof racing_path, "%s/chk-%" PRIu64, directory, newest);
    rig_forget_job(&rig);
    struct wr_os *os = os_sim_os(rig.sim);
    assert_int_equal(0, os->ops->rename(os, racing_path, ASIDE, false));
    assert_ok(rig_create(&rig), &rig.error);
    assert_true(rig_look(&rig).restored_checkpoint_id < newest);
    rig_forget_job(&rig);
    racing_inner = os->ops;
    racing_ops = *os->ops;
    racing_ops.lock = lock_behind_a_completion;
    os->ops = &racing_ops;
    assert_ok(rig_create(&rig), &rig.error);
    os->ops = racing_inner;
    assert_int_equal(newest, rig_look(&rig).restored_checkpoint_id);
    rig_assert_says(rig.log, racing_path);
    rig_fini(&rig);
}

TEST(a_first_checkpoint_that_is_completed_while_the_job_is_taken_over_is_not_passed_over)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    struct wr_os *os = os_sim_os(rig.sim);
    rig_job_directory(&rig, racing_path);
    rig_forget_job(&rig);
    assert_int_equal(0, os->ops->rename(os, racing_path, ASIDE, false));
    rig.parameters.take_over = true;
    racing_inner = os->ops;
    racing_ops = *os->ops;
    racing_ops.lock = lock_behind_a_completion;
    os->ops = &racing_ops;
    assert_int_equal(WEIR_BUSY, rig_create(&rig));
    os->ops = racing_inner;
    rig_assert_says(rig.error.message, racing_path);
    rig_assert_says(rig.error.message, "start again");
    assert_int_equal(0, os_sim_open_count(rig.sim));
    rig.parameters.resume = true;
    assert_ok(rig_create(&rig), &rig.error);
    assert_true(rig_look(&rig).restored);
    rig_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where checkpoints are kept: in the manifest, in memory, in files; who decides; and the limits. */
#include "job_rig.h"

#include "runtime/task_state.h"

static void
unset(struct rig *rig, const char *key)
{
    rig_set(rig, key, "");
}

/* How often `words` stand in the log. */
static size_t
said(const struct rig *rig, const char *words)
{
    size_t count = 0;
    for (const char *at = strstr(rig->log, words); at != NULL; at = strstr(at + 1, words)) {
        count++;
    }
    return count;
}

/* Nothing but _metadata stands in the last checkpoint's directory. */
static void
assert_all_inlined(struct rig *rig)
{
    const char *path = rig_look(rig).last_checkpoint_path;
    assert_int_equal(1, rig_count_names(rig, path, ""));
    assert_int_equal(1, rig_count_names(rig, path, "_metadata"));
}

static void
assert_goes_on(struct rig *rig)
{
    rig_forget_job(rig);
    rig->parameters.restore = "latest:" RIG_DIRECTORY;
    rig_set(rig, "parallelism.default", "3");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(rig, NULL));
    assert_true(rig_look(rig).restored);
    rig_assert_exactly_once(rig);
}

TEST(small_state_stands_in_the_manifest_and_is_restored_from_it)
{
    struct rig rig;
    rig_init(&rig);
    unset(&rig, "execution.checkpointing.data-inline-threshold"); /* 20 kb */
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_all_inlined(&rig);
    assert_goes_on(&rig);
    rig_fini(&rig);
}

TEST(a_threshold_above_one_mebibyte_is_refused)
{
    struct rig rig;
    rig_init(&rig);
    const char *key = "state.storage.fs.memory-threshold";
    assert_int_equal(WEIR_OK, weir_options_set(rig.options, key, "1048576b", WEIR_LEVEL_COMMAND,
                                               "test", &rig.error));
    assert_int_equal(WEIR_INVALID, weir_options_set(rig.options, key, "1048577b",
                                                    WEIR_LEVEL_COMMAND, "test", &rig.error));
    rig_fini(&rig);
}

TEST(jobmanager_storage_with_a_directory_inlines_everything)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.storage", "jobmanager");
    rig_set(&rig, "execution.checkpointing.incremental", "true"); /* full all the same */
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_all_inlined(&rig);
    assert_int_equal(0, said(&rig, "stay in this process's memory"));
    assert_goes_on(&rig);
    rig_fini(&rig);
}

TEST(without_a_directory_checkpoints_stay_in_memory_and_that_is_said_once)
{
    struct rig rig;
    rig_init(&rig);
    unset(&rig, "execution.checkpointing.dir");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    uint64_t last = rig_look(&rig).last_checkpoint_id;
    assert_true(last >= 4);
    assert_string_equal("", rig_look(&rig).last_checkpoint_path);
    assert_int_equal(1, said(&rig, "stay in this process's memory"));
    assert_int_equal(last, wr_memory_storage_newest(rig.job->memory_storage));
    weir_alloc alloc = wr_memory_system();
    struct wr_manifest manifest;
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_memory_storage_read(rig.job->memory_storage, last, &manifest, &rig.error),
              &rig.error);
    assert_int_equal(2, manifest.operator_count);
    wr_manifest_fini(&manifest);
    assert_int_equal(WEIR_NOT_FOUND, wr_memory_storage_read(rig.job->memory_storage, last - 1,
                                                            &manifest, &rig.error)); /* dropped */
    wr_manifest_fini(&manifest);
    rig_fini(&rig);
}

TEST(a_job_without_interval_and_directory_keeps_no_checkpoints)
{
    struct rig rig;
    rig_init(&rig);
    unset(&rig, "execution.checkpointing.dir");
    unset(&rig, "execution.checkpointing.interval");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_null(rig.job->memory_storage);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(state_over_the_limit_of_jobmanager_storage_is_refused_with_the_way_out)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.storage", "jobmanager");
    rig_set(&rig, "weir.jobmanager-storage.max-state-size", "300b");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, NULL));
    assert_int_equal(WEIR_LIMIT, rig.error.status);
    rig_assert_says(rig.error.message, "Size of the state is larger than the maximum permitted "
                                       "memory-backed state. Size=");
    rig_assert_says(rig.error.message, "maxSize=300");
    rig_assert_says(rig.error.message, "execution.checkpointing.storage: filesystem");
    rig_fini(&rig);
}

TEST(an_acknowledgement_over_the_frame_size_is_refused_by_both_names)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.storage", "jobmanager");
    rig_set(&rig, "akka.framesize", "1024b");
    rig.keys = 300;
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, NULL));
    assert_int_equal(WEIR_LIMIT, rig.error.status);
    rig_assert_says(rig.error.message, "pekko.framesize allows 1024");
    rig_fini(&rig);
}

TEST(a_legacy_engine_name_brings_its_storage_which_wins)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "state.backend", "jobmanager");
    rig_set(&rig, "state.checkpoint-storage", "filesystem");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_all_inlined(&rig);
    assert_int_equal(1, said(&rig, "brings jobmanager storage, which wins over"));
    rig_fini(&rig);
    rig_init(&rig);
    rig_set(&rig, "state.backend",
            "org.apache.flink.runtime.state.filesystem.FsStateBackendFactory");
    rig_set(&rig, "state.checkpoint-storage",
            "org.apache.flink.runtime.state.storage.JobManagerCheckpointStorage");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    assert_int_equal(3, rig_count_names(&rig, rig_look(&rig).last_checkpoint_path, ""));
    assert_int_equal(1, said(&rig, "brings filesystem storage, which wins over"));
    rig_fini(&rig);
}

TEST(the_jobs_code_wins_over_the_configuration_file)
{
    struct rig rig;
    rig_init(&rig);
    weir_options *options = rig.options;
    assert_int_equal(WEIR_OK, weir_options_set(options, "state.backend.type", "leveldb",
                                               WEIR_LEVEL_FILE, "weir.yaml:1:1", &rig.error));
    assert_int_equal(WEIR_INVALID, rig_create(&rig));
    rig_assert_says(rig.error.message, "leveldb");
    assert_int_equal(WEIR_OK, weir_options_set(options, "state.backend.type", "hashmap",
                                               WEIR_LEVEL_JOB, "code", &rig.error));
    assert_ok(rig_create(&rig), &rig.error);
    rig_fini(&rig);
}

/* --- state.backend.async --- */

static unsigned records_while_writing;
static const struct wr_snapshot *open_before;
static uint64_t records_before;

/* Notes whether the task of the sum took records between two looks at one open snapshot. */
static bool
watches_records(struct rig *rig)
{
    const struct wr_task *task = rig->job->tasks[1];
    struct wr_task_counters counters;
    wr_task_count(task, 0, &counters);
    if (task->open_snapshots != NULL && task->open_snapshots == open_before) {
        records_while_writing += counters.records_in != records_before;
    }
    open_before = task->open_snapshots;
    records_before = counters.records_in;
    return false;
}

static unsigned
count_records_while_writing(const char *is_async)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "state.backend.async", is_async);
    rig_set(&rig, "pipeline.operator-chaining.enabled", "false");
    rig.rate = 0;
    rig.count = RIG_NUMBERS_MAX;
    rig.keys = 300;
    records_while_writing = 0;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, watches_records));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
    return records_while_writing;
}

TEST(a_synchronous_snapshot_holds_the_records_up)
{
    assert_int_equal(0, count_records_while_writing("false"));
    assert_true(count_records_while_writing("true") > 0);
}

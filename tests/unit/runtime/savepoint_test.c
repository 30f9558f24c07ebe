/* SPDX-License-Identifier: Apache-2.0 */
/* How a task takes a savepoint: as its plan says, whole by itself, and nothing builds on it. */
#include "rig_restore.h"

#include "weir/engine.h"

static const weir_function *const fused[] = { &source_function, &sum_function, &sink_function,
                                              NULL };

enum {
    FIRST = 1024,
    STEP = 20
};

static const struct wr_checkpoint_plan in_sp = { .sharing = WR_SHARING_NONE,
                                                 .unaligned_at_ns = UINT64_MAX,
                                                 .directory = "/sp" };

static void
open_rig(struct rig *rig)
{
    weir_alloc alloc = wr_memory_system();
    rig_init(rig);
    assert_ok(weir_options_create(&alloc, &rig->options), NULL);
    assert_ok(weir_options_set(rig->options, "execution.checkpointing.incremental", "true",
                               WEIR_LEVEL_JOB, NULL, NULL),
              NULL);
    rig->environment.options = rig->options;
    rig->environment.incremental = true;
    rig->plan.keys = RIG_KEYS;
    rig->plan.pause_at = FIRST;
    os_sim_directory_put(rig->sim, "/sp");
}

static void
start(struct rig *rig)
{
    (void)rig_vertex(rig, 1, fused);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
    rig_run(rig);
}

static void
send(struct rig *rig, enum wr_task_letter_kind kind, uint64_t id)
{
    assert_true(rig_send_all(rig, kind, id));
    rig_run(rig);
}

/* Triggers and runs until it is acknowledged; then STEP more records. */
static void
take(struct rig *rig, uint64_t id, enum wr_checkpoint_kind kind,
     const struct wr_checkpoint_plan *plan)
{
    rig_trigger_as(rig, id, kind, plan);
    rig_run(rig);
    assert_int_equal(rig->acknowledged_of[id], rig->task_count);
    rig->plan.pause_at += STEP;
    rig_run(rig);
}

/* The files of the sum's state, as last acknowledged. */
static const struct wr_file_list *
files_of(const struct rig *rig)
{
    return &rig->acks[0]->snapshots[1].files;
}

static void
expect_restored(struct rig *rig, uint64_t position, const char *directory)
{
    struct rig_restore *restore = rig_note_from(rig, directory);
    rig_end(rig, WR_TASK_CANCEL);
    rig_tear_down(rig);
    assert_ok(wr_directory_remove_all(rig->os, directory == NULL ? "/sp" : "/ck", &rig->error),
              &rig->error);
    rig->plan.row_count = 0;
    rig->plan.pause_at = UINT64_MAX;
    (void)rig_vertex(rig, 1, fused);
    rig_apply(rig, restore);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
    rig_run(rig);
    assert_string_equal(rig->failure.message, "");
    assert_int_equal(rig->plan.row_count, rig->plan.count - position);
    rig_check_sums(rig);
    rig_end(rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(rig);
}

/* 1, 2, savepoint 3, 4: the chain of 4 is that of 2 and its own changes, since 2. */
static void
take_four(struct rig *rig)
{
    open_rig(rig);
    start(rig);
    take(rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    send(rig, WR_TASK_COMPLETE, 1);
    take(rig, 2, WR_CHECKPOINT_PERIODIC, NULL);
    send(rig, WR_TASK_COMPLETE, 2);
    take(rig, 3, WR_SAVEPOINT, &in_sp);
    send(rig, WR_TASK_RELEASE, 3);
}

TEST(a_savepoint_between_two_incremental_checkpoints_changes_nothing_of_the_chain)
{
    struct rig rig;
    take_four(&rig);
    take(&rig, 4, WR_CHECKPOINT_PERIODIC, NULL);
    const struct wr_file_list *files = files_of(&rig);
    assert_int_equal(files->count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        static const uint64_t ids[] = { 1, 2, 4 };
        assert_int_equal(files->entries[i].checkpoint_id, ids[i]);
        assert_int_equal(files->entries[i].has_changes, i > 0);
        assert_true(files->entries[i].is_shared);
    }
    expect_restored(&rig, FIRST + 3 * STEP, NULL);
}

TEST(a_savepoint_restores_when_every_checkpoint_is_gone)
{
    struct rig rig;
    take_four(&rig);
    const struct wr_file_list *files = files_of(&rig);
    assert_int_equal(files->count, 1);
    assert_false(files->entries[0].is_shared || files->entries[0].has_changes);
    assert_int_equal(files->entries[0].checkpoint_id, 3);
    expect_restored(&rig, FIRST + 2 * STEP, "/sp");
}

TEST(a_savepoint_calls_no_function_when_it_is_complete)
{
    struct rig rig;
    take_four(&rig);
    assert_int_equal(rig.plan.completed, 2);
    assert_int_equal(rig.notified_of[3], 0);
    assert_int_equal(rig.plan.snapshots, 3 * 3);
    struct wr_checkpoint_plan other = in_sp;
    memcpy(other.directory, "/other", sizeof "/other");
    os_sim_directory_put(rig.sim, other.directory);
    take(&rig, 4, WR_SAVEPOINT, &other);
    send(&rig, WR_TASK_ABORT, 4);
    assert_int_equal(rig.plan.aborted, 4);
    rig.plan.pause_at = UINT64_MAX; /* it was no last one: records go on */
    rig_run(&rig);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

/* It is being written while two checkpoints begin and complete. */
TEST(a_savepoint_stays_open_while_newer_checkpoints_complete)
{
    struct rig rig;
    open_rig(&rig);
    start(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_COMPLETE, 1);
    rig.io_stopped = true;
    rig_trigger_as(&rig, 2, WR_SAVEPOINT, &in_sp);
    rig_run(&rig);
    rig_trigger_as(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    rig.plan.pause_at += STEP;
    rig_run(&rig);
    send(&rig, WR_TASK_COMPLETE, 3); /* gives up older checkpoints, this is none */
    rig.note_id = 2;
    rig.io_stopped = false;
    rig_run(&rig);
    assert_int_equal(rig.acknowledged_of[2], 1);
    take(&rig, 4, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_COMPLETE, 4);
    send(&rig, WR_TASK_RELEASE, 2);
    expect_restored(&rig, FIRST + STEP, "/sp");
}

/* Written savepoints that nobody has decided take none of the engine's few places. */
TEST(many_savepoints_may_wait_for_their_completion)
{
    struct rig rig;
    open_rig(&rig);
    start(&rig);
    for (uint64_t id = 1; id <= 20; id++) {
        struct wr_checkpoint_plan plan = in_sp;
        (void)snprintf(plan.directory, sizeof plan.directory, "/sp/%d", (int)id);
        os_sim_directory_put(rig.sim, plan.directory);
        take(&rig, id, WR_SAVEPOINT, &plan);
    }
    assert_int_equal(rig.declined, 0);
    for (uint64_t id = 1; id <= 20; id++) {
        send(&rig, id % 2 == 0 ? WR_TASK_RELEASE : WR_TASK_ABORT, id);
    }
    take(&rig, 21, WR_CHECKPOINT_PERIODIC, NULL);
    expect_restored(&rig, FIRST + 20 * STEP, NULL);
}

/* SAVEPOINT_STOP is told by COMPLETE, and commits; even then nothing builds on it. */
TEST(a_savepoint_that_is_told_as_complete_is_no_base)
{
    struct rig rig;
    open_rig(&rig);
    start(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_COMPLETE, 1);
    take(&rig, 2, WR_SAVEPOINT, &in_sp);
    send(&rig, WR_TASK_COMPLETE, 2);
    assert_int_equal(rig.plan.completed, 2);
    take(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    assert_int_equal(files_of(&rig)->count, 2);
    assert_int_equal(files_of(&rig)->entries[0].checkpoint_id, 1);
    expect_restored(&rig, FIRST + 2 * STEP, NULL);
}

TEST(a_full_checkpoint_needs_nothing_and_the_next_one_builds_on_it)
{
    struct rig rig;
    const struct wr_checkpoint_plan full = { .sharing = WR_SHARING_FORWARD,
                                             .unaligned_at_ns = UINT64_MAX };
    open_rig(&rig);
    start(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_COMPLETE, 1);
    take(&rig, 2, WR_CHECKPOINT_MANUAL, &full);
    assert_int_equal(files_of(&rig)->count, 1);
    assert_true(files_of(&rig)->entries[0].is_shared);
    send(&rig, WR_TASK_COMPLETE, 2);
    take(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    assert_int_equal(files_of(&rig)->count, 2);
    assert_int_equal(files_of(&rig)->entries[0].checkpoint_id, 2);
    expect_restored(&rig, FIRST + 2 * STEP, NULL);
}

/* Storage in memory has no place for a savepoint, which has one of its own; and its limit does not
 * hold there. */
TEST(a_savepoint_of_a_job_that_keeps_checkpoints_in_memory_writes_files)
{
    struct rig rig;
    open_rig(&rig);
    rig.environment.incremental = false;
    rig.environment.memory_max = 1000;
    start(&rig);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    assert_int_equal(rig.declined_of[1], 1);
    assert_int_equal(rig.decline.status, WEIR_LIMIT);
    send(&rig, WR_TASK_ABORT, 1);
    take(&rig, 2, WR_SAVEPOINT, &in_sp);
    assert_false(files_of(&rig)->entries[0].is_inlined);
    expect_restored(&rig, FIRST, "/sp");
}

TEST(a_savepoint_is_written_where_checkpoints_have_no_storage_at_all)
{
    struct rig rig;
    open_rig(&rig);
    rig.environment.snapshot_path = NULL;
    start(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    assert_int_equal(files_of(&rig)->count, 0);
    take(&rig, 2, WR_SAVEPOINT, &in_sp);
    assert_int_equal(files_of(&rig)->count, 1);
    expect_restored(&rig, FIRST + STEP, "/sp");
}

TEST(a_savepoint_whose_directory_is_missing_or_too_long_is_declined_and_the_job_goes_on)
{
    struct rig rig;
    open_rig(&rig);
    start(&rig);
    struct wr_checkpoint_plan plan = in_sp;
    memcpy(plan.directory, "/nowhere", sizeof "/nowhere");
    rig_trigger_as(&rig, 1, WR_SAVEPOINT, &plan);
    rig_run(&rig);
    assert_int_equal(rig.declined_of[1], 1);
    assert_non_null(strstr(rig.decline.message, "/nowhere/"));
    send(&rig, WR_TASK_ABORT, 1);
    memset(plan.directory, '/', sizeof plan.directory - 1);
    rig_trigger_as(&rig, 2, WR_SAVEPOINT, &plan);
    rig_run(&rig);
    assert_int_equal(rig.declined_of[2], 1);
    send(&rig, WR_TASK_ABORT, 2);
    take(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    expect_restored(&rig, FIRST, NULL);
}

/* --- an engine with files of its own --- */

static weir_backend_ops filing_ops; /* hashmap's, but for what is below */
static const weir_backend_ops *inner_ops;
static struct os_sim *filing_sim;

static weir_status
filing_begin(weir_backend *self, const weir_snapshot_parameters *parameters,
             weir_snapshot **out_snapshot, weir_error *err)
{
    static const char *const names[] = { "000001.sst", "CURRENT" };
    weir_snapshot_parameters whole = *parameters;
    whole.incremental = false; /* of blocks */
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/engine-files/%s", names[i]);
        os_sim_file_put(filing_sim, path, names[i], strlen(names[i]));
        weir_snapshot_file file = { .size = sizeof file,
                                    .name = names[i],
                                    .path = path,
                                    .bytes = strlen(names[i]),
                                    .is_shared = i == 0 };
        assert_ok(weir_block_writer_add_file(parameters->writer, &file), NULL);
    }
    return inner_ops->snapshot_begin(self, &whole, out_snapshot, err);
}

static weir_status
filing_open(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    weir_status status = weir_backend_factory_hashmap()->open(parameters, out_backend, err);
    if (status == WEIR_OK) {
        inner_ops = (*out_backend)->ops;
        filing_ops = *inner_ops;
        filing_ops.snapshot_begin = filing_begin;
        (*out_backend)->ops = &filing_ops;
    }
    return status;
}

static const weir_backend_factory filing_factory = { .size = sizeof filing_factory,
                                                     .name = "filing",
                                                     .open = filing_open };

static const struct wr_file_entry *
engine_file(const struct rig *rig, const char *name)
{
    const struct wr_file_list *files = files_of(rig);
    for (uint32_t i = 0; i < files->count; i++) {
        if (strcmp(files->entries[i].name, name) == 0) {
            return &files->entries[i];
        }
    }
    return NULL;
}

/* The copy of the engine's file stands below the directory, under the name that was reported. */
static void
expect_copy(const struct rig *rig, const char *directory, const char *name)
{
    const struct wr_file_entry *entry = engine_file(rig, name);
    char path[WR_PATH_MAX];
    size_t size = 0;
    assert_non_null(entry);
    (void)snprintf(path, sizeof path, "%s/%s", directory, entry->file);
    const uint8_t *bytes = os_sim_file_get(rig->sim, path, &size);
    assert_non_null(bytes);
    assert_int_equal(size, strlen(name));
    assert_memory_equal(bytes, name, size);
}

TEST(a_savepoint_has_copies_of_its_own_of_the_engines_files)
{
    struct rig rig;
    open_rig(&rig);
    filing_sim = rig.sim;
    os_sim_directory_put(rig.sim, "/engine-files");
    rig.environment.backend_factory = &filing_factory;
    start(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    assert_true(engine_file(&rig, "000001.sst")->is_shared);
    send(&rig, WR_TASK_COMPLETE, 1);
    take(&rig, 2, WR_SAVEPOINT, &in_sp);
    assert_false(engine_file(&rig, "000001.sst")->is_shared);
    expect_copy(&rig, "/sp", "000001.sst");
    expect_copy(&rig, "/sp", "CURRENT");
    send(&rig, WR_TASK_RELEASE, 2);
    take(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    assert_int_equal(engine_file(&rig, "000001.sst")->checkpoint_id, 1); /* not copied again */
    assert_true(engine_file(&rig, "000001.sst")->is_shared);
    assert_int_equal(engine_file(&rig, "CURRENT")->checkpoint_id, 3);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_fini(&rig);
}

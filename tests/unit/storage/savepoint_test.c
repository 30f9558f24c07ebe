/* SPDX-License-Identifier: Apache-2.0 */
/* Savepoints: their names, what they refuse, power cuts, failed calls, and what kills leave. */
#include "savepoint.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>
#include <fnmatch.h>

#define DIGITS_12                                      \
    "[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]" \
    "[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]"

static weir_status
count_one(void *argument, const char *name)
{
    (void)name;
    ++*(size_t *)argument;
    return WEIR_OK;
}

/* How many names stand in the target. */
static size_t
targets(struct scene *scene)
{
    size_t count = 0;
    weir_status status =
        wr_directory_each(scene->os, &scene->alloc, TARGET, count_one, &count, &scene->err);
    assert_true(status == WEIR_OK || status == WEIR_NOT_FOUND);
    return count;
}

TEST(a_savepoint_has_flinks_name_and_is_read_also_where_it_was_moved)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_savepoint *savepoint = NULL;
    size_t before = os_sim_log_count(scene.sim);
    assert_ok(savepoint_create(&scene, "file://" TARGET "/", &savepoint), &scene.err);
    assert_int_equal(os_sim_log_count(scene.sim), before); /* no file was touched */
    assert_int_equal(
        fnmatch(TARGET "/savepoint-000000-" DIGITS_12, wr_savepoint_path(savepoint), 0), 0);
    assert_int_equal(fnmatch(TARGET "/.savepoint-000000-" DIGITS_12 "." FIRST,
                             wr_savepoint_building(savepoint), 0),
                     0);
    assert_ok(savepoint_make(&scene, savepoint, WR_SAVEPOINT, 7), &scene.err);
    assert_int_equal(savepoint_read(&scene, wr_savepoint_path(savepoint)), 7);
    assert_false(os_sim_directory_is_there(scene.sim, wr_savepoint_building(savepoint)));
    assert_ok(
        wr_path_rename(scene.os, wr_savepoint_path(savepoint), "/elsewhere", false, &scene.err),
        &scene.err);
    assert_int_equal(savepoint_read(&scene, "/elsewhere"), 7);
    assert_int_equal(savepoint_read(&scene, "/elsewhere/_metadata"), 7);
    wr_savepoint_destroy(savepoint);
    wr_savepoint_destroy(NULL);
    scene_fini(&scene);
}

TEST(an_abandoned_savepoint_leaves_nothing)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_savepoint *savepoint = NULL;
    assert_ok(savepoint_create(&scene, TARGET, &savepoint), &scene.err);
    assert_ok(wr_savepoint_abandon(savepoint, &scene.err), &scene.err); /* never begun */
    assert_ok(wr_savepoint_begin(savepoint, &scene.err), &scene.err);
    assert_int_equal(targets(&scene), 1);
    assert_ok(wr_savepoint_abandon(savepoint, &scene.err), &scene.err);
    assert_int_equal(targets(&scene), 0);
    wr_savepoint_destroy(savepoint);
    scene_fini(&scene);
}

TEST(a_savepoint_is_refused_for_another_job_or_attempt_or_with_files_outside)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_savepoint *savepoint = NULL;
    assert_ok(savepoint_create(&scene, TARGET, &savepoint), &scene.err);
    assert_ok(wr_savepoint_begin(savepoint, &scene.err), &scene.err);
    struct store_set set;
    store_set_init(&set, &scene, 7, JOB_A, FIRST);
    assert_int_equal(wr_savepoint_complete(savepoint, &set.manifest, &scene.err), WEIR_INVALID);
    set.manifest.kind = WR_SAVEPOINT;
    memcpy(set.manifest.job_id, JOB_B, WR_JOB_ID_SIZE);
    assert_int_equal(wr_savepoint_complete(savepoint, &set.manifest, &scene.err), WEIR_INVALID);
    memcpy(set.manifest.job_id, JOB_A, WR_JOB_ID_SIZE);
    memcpy(set.manifest.attempt, SECOND, WR_ATTEMPT_SIZE);
    assert_int_equal(wr_savepoint_complete(savepoint, &set.manifest, &scene.err), WEIR_INVALID);
    memcpy(set.manifest.attempt, FIRST, WR_ATTEMPT_SIZE);
    set.files[1].path = "../shared/state-1";
    set.files[1].is_shared = true;
    assert_int_equal(wr_savepoint_complete(savepoint, &set.manifest, &scene.err), WEIR_INVALID);
    assert_non_null(strstr(scene.err.message, "../shared/state-1"));
    store_set_fini(&set);
    assert_ok(wr_savepoint_abandon(savepoint, &scene.err), &scene.err);
    wr_savepoint_destroy(savepoint);
    assert_int_equal(savepoint_create(&scene, "s3://bucket/a", &savepoint), WEIR_UNSUPPORTED);
    struct wr_savepoint_parameters parameters = {
        .os = scene.os, .alloc = scene.alloc, .directory = TARGET, .job_id = "0", .attempt = FIRST
    };
    assert_int_equal(wr_savepoint_create(&parameters, &savepoint, &scene.err), WEIR_INVALID);
    scene_fini(&scene);
}

/* --- names that are taken --- */

/* A system whose randomness is a counter of which the low `low` bits stay 0. */
static uint64_t drawn;
static struct wr_os_ops counting_ops;
static unsigned same_draws;

static int
counting_random(struct wr_os *os, void *buffer, size_t size)
{
    (void)os;
    uint64_t value = drawn++ / same_draws;
    memset(buffer, 0, size);
    memcpy(buffer, &value, size < sizeof value ? size : sizeof value);
    return 0;
}

static void
draw_same(struct scene *scene, unsigned times)
{
    counting_ops = *scene->os->ops;
    counting_ops.random = counting_random;
    scene->os->ops = &counting_ops;
    drawn = 0;
    same_draws = times;
}

TEST(a_taken_name_is_never_replaced_and_another_is_drawn_ten_times_at_most)
{
    struct scene scene;
    scene_init(&scene, NULL);
    const struct wr_os_ops *ops = scene.os->ops;
    os_sim_directory_put(scene.sim, TARGET "/savepoint-000000-000000000000");
    draw_same(&scene, 10); /* ten draws give the taken name, the eleventh another */
    char path[WR_PATH_MAX];
    assert_int_equal(savepoint_take(&scene, 7, path), WEIR_BUSY);
    assert_int_equal(targets(&scene), 1); /* what was built is gone, what stood there stands */
    draw_same(&scene, 9);
    assert_ok(savepoint_take(&scene, 7, path), &scene.err);
    assert_string_equal(path, TARGET "/savepoint-000000-010000000000");
    assert_int_equal(savepoint_read(&scene, path), 7);
    scene.os->ops = ops;
    scene_fini(&scene);
}

/* --- power cuts --- */

static void
check_state(const struct os_sim_crash *crash, const char *path, size_t complete_at)
{
    struct scene scene;
    scene_init(&scene, NULL);
    os_sim_destroy(scene.sim);
    scene.sim = os_sim_crash_materialize(crash);
    scene.os = os_sim_os(scene.sim);
    uint64_t id = 0;
    weir_status status = store_read(&scene, path, &id, &scene.err);
    bool is_right = status == WEIR_OK
                        ? id == 7
                        : status == WEIR_NOT_FOUND && os_sim_crash_prefix(crash) < complete_at &&
                              !os_sim_directory_is_there(scene.sim, path);
    if (!is_right) {
        print_error("%s: %s\n", os_sim_crash_words((struct os_sim_crash *)(uintptr_t)crash),
                    status != WEIR_OK ? scene.err.message : "another one");
        fail();
    }
    scene_fini(&scene);
}

TEST(after_any_power_cut_a_savepoint_is_whole_or_not_there)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    assert_ok(savepoint_take(&scene, 7, path), &scene.err);
    size_t complete_at = os_sim_log_count(scene.sim);
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 5 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene.sim, &options);
    unsigned states = 0;
    while (os_sim_crash_next(crash)) {
        check_state(crash, path, complete_at);
        states++;
    }
    os_sim_crash_end(crash);
    print_message("%u states\n", states);
    assert_true(states > 150);
    scene_fini(&scene);
}

/* A system that leaves the n-th sync out and says that it was done. Those that find everything
 * durable are not counted: they are for what a killed process may have left. */
static unsigned syncs;
static unsigned left_out;
static bool was_idle[64]; /* of all syncs, as found when none was left out */
static unsigned all_syncs;
static struct os_sim *forgetful_sim;
static const struct wr_os_ops *forgetful_inner;

static int
forgetful_sync(struct wr_os *os, int file, bool data_only)
{
    bool *idle = &was_idle[all_syncs++ % 64];
    if (left_out != 0) {
        syncs += !*idle;
        return !*idle && syncs == left_out ? 0 : forgetful_inner->sync(os, file, data_only);
    }
    uint64_t covered = os_sim_covered_count(forgetful_sim);
    int sys_errno = forgetful_inner->sync(os, file, data_only);
    *idle = os_sim_covered_count(forgetful_sim) == covered;
    syncs += !*idle;
    return sys_errno;
}

/* Whether some power cut leaves less than a whole savepoint. */
static bool
some_state_is_broken(struct scene *scene, const char *path, size_t complete_at)
{
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 2 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene->sim, &options);
    bool is_broken = false;
    while (!is_broken && os_sim_crash_next(crash)) {
        struct scene after;
        scene_init(&after, NULL);
        os_sim_destroy(after.sim);
        after.sim = os_sim_crash_materialize(crash);
        after.os = os_sim_os(after.sim);
        uint64_t id = 0;
        weir_status status = store_read(&after, path, &id, &after.err);
        is_broken = status == WEIR_NOT_FOUND ? os_sim_crash_prefix(crash) >= complete_at ||
                                                   os_sim_directory_is_there(after.sim, path)
                                             : status != WEIR_OK;
        scene_fini(&after);
    }
    os_sim_crash_end(crash);
    return is_broken;
}

TEST(every_sync_of_a_savepoints_completion_is_needed)
{
    unsigned count = 0;
    for (left_out = 0; left_out <= count; left_out++) {
        struct scene scene;
        scene_init(&scene, NULL);
        os_sim_directory_put(scene.sim, TARGET); /* its own names are not the question */
        os_sim_log_reset(scene.sim);
        struct wr_os_ops ops = *scene.os->ops;
        forgetful_inner = scene.os->ops;
        forgetful_sim = scene.sim;
        all_syncs = 0;
        ops.sync = forgetful_sync;
        scene.os->ops = &ops;
        syncs = 0;
        char path[WR_PATH_MAX];
        assert_ok(savepoint_take(&scene, 7, path), &scene.err);
        scene.os->ops = forgetful_inner;
        bool is_broken = some_state_is_broken(&scene, path, os_sim_log_count(scene.sim));
        if (left_out == 0) {
            count = syncs;
            assert_false(is_broken);
        } else if (!is_broken) {
            print_error("sync %u of %u may be left out\n", left_out, count);
            fail();
        }
        scene_fini(&scene);
    }
    assert_int_equal(count, 2 + 1 + 1 + 1); /* data, _metadata, directory, target */
}

/* --- failed calls --- */

/* One savepoint with the plan's fault; false: the fault was past the end. */
static bool
run_point(const struct os_fault_plan *plan)
{
    struct scene scene;
    struct os_fault fault;
    scene_init(&scene, NULL);
    struct scene faulty;
    os_fault_init(&fault, scene.os, plan);
    scene_behind(&faulty, &scene, &fault.os);
    faulty.err = (weir_error){ .message = "" };
    struct wr_savepoint *savepoint = NULL;
    weir_status status = savepoint_create(&faulty, TARGET, &savepoint);
    weir_status abandoned = WEIR_OK;
    if (status == WEIR_OK) {
        status = savepoint_make(&faulty, savepoint, WR_SAVEPOINT, 7);
        if (status != WEIR_OK) {
            weir_error err;
            abandoned = wr_savepoint_abandon(savepoint, &err);
        }
    }
    assert_true(status == WEIR_OK || faulty.err.message[0] != '\0');
    if (status == WEIR_OK) {
        assert_int_equal(savepoint_read(&scene, wr_savepoint_path(savepoint)), 7);
    } else if (abandoned == WEIR_OK && !plan->sticky) {
        assert_int_equal(targets(&scene), 0);
    } else if (savepoint != NULL &&
               os_sim_directory_is_there(scene.sim, wr_savepoint_path(savepoint))) {
        /* it may stand there all the same, but then whole, and abandoning said that it failed */
        assert_int_not_equal(abandoned, WEIR_OK);
        assert_int_equal(savepoint_read(&scene, wr_savepoint_path(savepoint)), 7);
    }
    wr_savepoint_destroy(savepoint);
    scene_fini(&scene);
    return fault.hit;
}

TEST(a_savepoint_survives_every_failed_call_or_is_gone)
{
    unsigned points = os_fault_every_point(run_point);
    print_message("%u points\n", points);
    assert_true(points > 200);
}

TEST(a_savepoint_survives_every_failed_allocation)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        struct scene faulty;
        alloc_fault_init(&fault, fail_at, fail_at % 3 == 0);
        scene_behind(&faulty, &scene, scene.os);
        faulty.alloc = alloc_fault_alloc(&fault);
        char path[WR_PATH_MAX];
        weir_status status = savepoint_take(&faulty, 7, path);
        assert_true(status == (fault.refused > 0 ? WEIR_NOMEM : WEIR_OK));
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        assert_int_equal(targets(&scene), status == WEIR_OK ? 1 : 0);
        scene_fini(&scene);
        if (fault.refused == 0) {
            assert_true(fail_at > 5);
            break;
        }
    }
}

/* --- what kills leave --- */

TEST(the_next_attempt_sweeps_what_its_fenced_ones_were_saving_and_nothing_else)
{
    static const char *const left[] = {
        TARGET "/.savepoint-000000-0123456789ab." FIRST "x", /* no attempt's name */
        TARGET "/.savepoint-000000-0123456789a." FIRST,      /* 11 digits */
        TARGET "/.savepoint-000001-0123456789ab." FIRST,     /* another job's */
        TARGET "/.savepoint-000000-0123456789ab." THIRD,     /* of who was not fenced */
        TARGET "/savepoint-000000-0123456789ab",             /* complete */
        TARGET "/.other",
    };
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    struct wr_savepoint *savepoint = NULL;
    assert_ok(savepoint_create(&scene, TARGET, &savepoint), &scene.err);
    assert_ok(wr_savepoint_begin(savepoint, &scene.err), &scene.err);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        os_sim_directory_put(scene.sim, left[i]);
    }
    assert_ok(wr_checkpoint_storage_sweep_savepoints(storage, TARGET, &scene.err), &scene.err);
    assert_true(os_sim_directory_is_there(scene.sim, wr_savepoint_building(savepoint)));
    os_sim_kill(scene.sim);
    wr_checkpoint_storage_close(storage);
    scene.os = os_sim_os(scene.sim);
    storage = store_open(&scene, JOB_A, SECOND);
    assert_ok(wr_checkpoint_storage_sweep_savepoints(storage, TARGET, &scene.err), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, wr_savepoint_building(savepoint)));
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        assert_true(os_sim_directory_is_there(scene.sim, left[i]));
    }
    assert_ok(wr_checkpoint_storage_sweep_savepoints(storage, "/nowhere", &scene.err), &scene.err);
    wr_checkpoint_storage_close(storage);
    wr_savepoint_destroy(savepoint);
    scene_fini(&scene);
}

TEST(a_fenced_attempt_completes_no_savepoint)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    struct wr_savepoint_parameters parameters = { .os = scene.os,
                                                  .alloc = scene.alloc,
                                                  .directory = TARGET,
                                                  .job_id = JOB_A,
                                                  .attempt = FIRST,
                                                  .storage = storage };
    struct wr_savepoint *savepoint = NULL;
    assert_ok(wr_savepoint_create(&parameters, &savepoint, &scene.err), &scene.err);
    assert_ok(savepoint_make(&scene, savepoint, WR_SAVEPOINT, 7), &scene.err);
    wr_savepoint_destroy(savepoint);
    assert_ok(wr_savepoint_create(&parameters, &savepoint, &scene.err), &scene.err);
    assert_ok(wr_checkpoint_storage_renew(storage, SECOND, &scene.err), &scene.err);
    assert_int_equal(savepoint_make(&scene, savepoint, WR_SAVEPOINT, 8), WEIR_CANCELLED);
    assert_non_null(strstr(scene.err.message, "fenced"));
    assert_false(os_sim_directory_is_there(scene.sim, wr_savepoint_path(savepoint)));
    assert_ok(wr_savepoint_abandon(savepoint, &scene.err), &scene.err);
    assert_int_equal(targets(&scene), 1);
    wr_savepoint_destroy(savepoint);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

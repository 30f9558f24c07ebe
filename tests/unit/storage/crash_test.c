/* SPDX-License-Identifier: Apache-2.0 */
/* A storage under power cuts, failed calls, failed allocations, and damage to every bit. */
#include "store.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>

/* --- power cuts --- */

/* Where in the log of changes each thing was known to be done. */
struct milestones {
    size_t complete[4]; /* by checkpoint id */
    size_t dropped[4];
    size_t finished;
};

static struct milestones
run_job(struct scene *scene)
{
    struct milestones at = { .finished = SIZE_MAX };
    struct wr_checkpoint_storage *storage = store_open(scene, JOB_A, FIRST);
    for (uint64_t id = 1; id <= 3; id++) {
        store_take(scene, storage, id, FIRST);
        at.complete[id] = os_sim_log_count(scene->sim);
        if (id > 1) {
            assert_ok(wr_checkpoint_storage_drop(storage, id - 1, &scene->err), &scene->err);
            at.dropped[id - 1] = os_sim_log_count(scene->sim);
        }
    }
    assert_ok(wr_checkpoint_storage_finish(storage, 3, &scene->err), &scene->err);
    at.finished = os_sim_log_count(scene->sim);
    wr_checkpoint_storage_close(storage);
    return at;
}

/* The newest checkpoint known to be complete in a prefix. */
static uint64_t
newest_at(const struct milestones *at, size_t prefix)
{
    uint64_t newest = 0;
    for (uint64_t id = 1; id <= 3; id++) {
        newest = at->complete[id] <= prefix ? id : newest;
    }
    return newest;
}

/* One crash state: what latest: finds is whole, and no older than what was known to be complete. */
static void
check_state(struct os_sim_crash *crash, const struct milestones *at)
{
    struct scene scene;
    scene_init(&scene, NULL);
    os_sim_destroy(scene.sim);
    scene.sim = os_sim_crash_materialize(crash);
    scene.os = os_sim_os(scene.sim);
    size_t prefix = os_sim_crash_prefix(crash);
    uint64_t newest = newest_at(at, prefix);
    uint64_t found = 0;
    weir_status status = store_read(&scene, "latest:" ROOT, &found, &scene.err);
    bool is_finished = status == WEIR_OK && found == 0;
    bool is_right = status == WEIR_NOT_FOUND ? newest == 0
                    : is_finished            ? newest == 3
                                  : status == WEIR_OK && found >= newest && found <= newest + 1;
    if (at->finished <= prefix) {
        is_right = is_finished;
    }
    if (!is_right) {
        print_error("%s: newest %d, found %d, %s\n", os_sim_crash_words(crash), (int)newest,
                    (int)found, status != WEIR_OK ? scene.err.message : "");
        fail();
    }
    /* whatever is visible is whole, also what was just being dropped */
    static const char *const visible[] = { CHK(1), CHK(2), CHK(3) };
    for (size_t i = 0; i < sizeof visible / sizeof visible[0]; i++) {
        status = store_read(&scene, visible[i], &found, &scene.err);
        if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
            print_error("%s: %s\n", os_sim_crash_words(crash), scene.err.message);
            fail();
        }
    }
    /* the job can go on, and gets ids that were never used */
    if (!is_finished && prefix % 7 == 0) {
        struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, SECOND);
        uint64_t highest = 0;
        assert_ok(wr_checkpoint_storage_highest(storage, &highest, &scene.err), &scene.err);
        assert_true(highest >= newest);
        store_take(&scene, storage, highest + 1, SECOND);
        wr_checkpoint_storage_close(storage);
        assert_latest(&scene, highest + 1);
    }
    scene_fini(&scene);
}

TEST(after_any_power_cut_the_newest_complete_checkpoint_is_there_and_whole)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct milestones at = run_job(&scene);
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 3 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene.sim, &options);
    unsigned states = 0;
    while (os_sim_crash_next(crash)) {
        check_state(crash, &at);
        states++;
    }
    os_sim_crash_end(crash);
    print_message("%u states\n", states);
    assert_true(states > 500);
    scene_fini(&scene);
}

/* --- failed calls --- */

struct outcome {
    uint64_t completed; /* the newest that complete answered OK for */
    weir_status status; /* the first failure */
};

/* Three checkpoints, each kept until the next is complete; a failure of one is like that of a job
 * that goes on with the next. */
static struct outcome
run_faulty(struct scene *scene)
{
    struct outcome outcome = { .status = WEIR_OK };
    struct wr_storage_parameters parameters = store_parameters(scene, JOB_A, FIRST);
    struct wr_checkpoint_storage *storage = NULL;
    weir_error err = { .message = "" };
    outcome.status = wr_checkpoint_storage_open(&parameters, &storage, &err);
    assert_true(outcome.status == WEIR_OK || err.message[0] != '\0');
    for (uint64_t id = 1; id <= 3 && storage != NULL; id++) {
        uint64_t before = outcome.completed;
        scene->err.message[0] = '\0';
        weir_status status = store_checkpoint(scene, storage, id, JOB_A, FIRST);
        assert_true(status == WEIR_OK || status == WEIR_NOMEM || scene->err.message[0] != '\0');
        if (status == WEIR_OK) {
            outcome.completed = id;
            if (before != 0) {
                status = wr_checkpoint_storage_drop(storage, before, &scene->err);
            }
        }
        outcome.status = outcome.status != WEIR_OK ? outcome.status : status;
    }
    wr_checkpoint_storage_close(storage);
    return outcome;
}

/* With the faults gone: what was complete is found whole, and the job goes on. */
static void
check_after_faults(struct scene *scene, const struct outcome *outcome)
{
    uint64_t found = 0;
    weir_status status = store_read(scene, "latest:" ROOT, &found, &scene->err);
    assert_true(status == WEIR_OK || (status == WEIR_NOT_FOUND && outcome->completed == 0));
    assert_true(found >= outcome->completed);
    struct wr_checkpoint_storage *storage = store_open(scene, JOB_A, SECOND);
    uint64_t highest = 0;
    assert_ok(wr_checkpoint_storage_highest(storage, &highest, &scene->err), &scene->err);
    store_take(scene, storage, highest + 1, SECOND);
    wr_checkpoint_storage_close(storage);
    assert_latest(scene, highest + 1);
}

static bool
run_point(const struct os_fault_plan *plan)
{
    struct scene scene;
    struct os_fault fault;
    scene_init(&scene, NULL);
    struct scene faulty;
    os_fault_init(&fault, scene.os, plan);
    scene_behind(&faulty, &scene, &fault.os);
    struct outcome outcome = run_faulty(&faulty);
    assert_true(fault.hit || outcome.status == WEIR_OK);
    check_after_faults(&scene, &outcome);
    scene_fini(&scene);
    return fault.hit;
}

TEST(every_failed_call_is_reported_and_loses_no_complete_checkpoint)
{
    unsigned points = os_fault_every_point(run_point);
    print_message("%u points\n", points);
    assert_true(points > 1000);
}

TEST(every_failed_allocation_is_reported_and_loses_no_complete_checkpoint)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        struct scene faulty;
        alloc_fault_init(&fault, fail_at, fail_at % 3 == 0);
        scene_behind(&faulty, &scene, scene.os);
        faulty.alloc = alloc_fault_alloc(&fault);
        struct outcome outcome = run_faulty(&faulty);
        uint64_t found = 0;
        weir_error err;
        weir_status status = store_read(&faulty, "latest:" ROOT, &found, &err);
        assert_true(status == WEIR_OK || status == WEIR_NOMEM || status == WEIR_NOT_FOUND);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        check_after_faults(&scene, &outcome);
        scene_fini(&scene);
        if (fault.refused == 0) {
            assert_true(fail_at > 100);
            break;
        }
    }
}

/* --- damage --- */

static const char *const set_files[] = { CHK(2) "/_metadata", CHK(2) "/state-0",
                                         CHK(2) "/state-1" };
enum {
    SET_FILES = sizeof set_files / sizeof set_files[0]
};

static uint8_t *
copy_of(struct scene *scene, const char *path, size_t *out_size)
{
    const uint8_t *data = os_sim_file_get(scene->sim, path, out_size);
    assert_non_null(data);
    uint8_t *copy = test_malloc(*out_size + 1);
    memcpy(copy, data, *out_size);
    return copy;
}

/* The set must be refused, with the words naming its directory. */
static void
assert_damaged(struct scene *scene)
{
    uint64_t id = 0;
    scene->err.message[0] = '\0';
    weir_status status = store_read(scene, CHK(2), &id, &scene->err);
    assert_true(status == WEIR_CORRUPT || status == WEIR_VERSION || status == WEIR_UNSUPPORTED);
    assert_non_null(strstr(scene->err.message, CHK(2)));
}

static void
set_up_damage(struct scene *scene)
{
    struct os_sim_config config = { .no_log = true };
    scene_init(scene, &config);
    struct wr_checkpoint_storage *storage = store_open(scene, JOB_A, FIRST);
    store_take(scene, storage, 1, FIRST);
    store_take(scene, storage, 2, FIRST);
    wr_checkpoint_storage_close(storage);
}

TEST(every_bit_and_every_truncation_of_a_checkpoint_is_noticed)
{
    struct scene scene;
    set_up_damage(&scene);
    size_t bits = 0;
    for (size_t i = 0; i < SET_FILES; i++) {
        size_t size = 0;
        uint8_t *data = copy_of(&scene, set_files[i], &size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            os_sim_file_put(scene.sim, set_files[i], data, size);
            assert_damaged(&scene);
            data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        bits += size * 8;
        for (size_t cut = 0; cut < size; cut++) {
            os_sim_file_put(scene.sim, set_files[i], data, cut);
            assert_damaged(&scene);
        }
        data[size] = 0;
        os_sim_file_put(scene.sim, set_files[i], data, size + 1);
        assert_damaged(&scene);
        os_sim_file_put(scene.sim, set_files[i], data, size);
        test_free(data);
    }
    assert_latest(&scene, 2);
    print_message("%zu bits\n", bits);
    scene_fini(&scene);
}

TEST(swapped_and_stale_files_of_a_checkpoint_are_noticed)
{
    struct scene scene;
    set_up_damage(&scene);
    size_t size[4];
    uint8_t *data[4] = { copy_of(&scene, CHK(2) "/state-0", &size[0]),
                         copy_of(&scene, CHK(2) "/state-1", &size[1]),
                         copy_of(&scene, CHK(1) "/state-0", &size[2]),
                         copy_of(&scene, CHK(1) "/_metadata", &size[3]) };
    os_sim_file_put(scene.sim, CHK(2) "/state-0", data[1], size[1]);
    os_sim_file_put(scene.sim, CHK(2) "/state-1", data[0], size[0]);
    assert_damaged(&scene);
    os_sim_file_put(scene.sim, CHK(2) "/state-1", data[1], size[1]);
    os_sim_file_put(scene.sim, CHK(2) "/state-0", data[2], size[2]); /* of checkpoint 1 */
    assert_damaged(&scene);
    os_sim_file_put(scene.sim, CHK(2) "/state-0", data[0], size[0]);
    assert_latest(&scene, 2);
    os_sim_file_put(scene.sim, CHK(2) "/_metadata", data[3], size[3]); /* of checkpoint 1 */
    assert_damaged(&scene);
    uint64_t id = 0;
    assert_int_equal(store_read(&scene, "latest:" ROOT, &id, &scene.err), WEIR_CORRUPT);
    for (size_t i = 0; i < 4; i++) {
        test_free(data[i]);
    }
    scene_fini(&scene);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A job that goes on in its process under another attempt: the last one is fenced as if it were
 * another process's, and whoever takes the job over always finds the right one to fence. */
#include "store.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"
#include "watch.h"

#include <errno.h>

#define HIDDEN(attempt) ROOT "/" JOB_A "/." attempt

static struct scene
second_process(struct scene *scene)
{
    struct scene second = *scene;
    second.os = os_sim_process_create(scene->sim);
    return second;
}

TEST(a_renewed_attempt_removes_what_the_last_one_was_building_and_goes_on)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    assert_ok(wr_checkpoint_storage_begin(storage, 2, &scene.err), &scene.err);
    char late[WR_PATH_MAX];
    assert_ok(wr_checkpoint_storage_path(storage, 2, "state-0", late, &scene.err), &scene.err);
    assert_ok(wr_checkpoint_storage_renew(storage, SECOND, &scene.err), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, HIDDEN(FIRST)));
    assert_true(os_sim_directory_is_there(scene.sim, HIDDEN(SECOND)));
    int file = -1; /* an io thread that is late makes nothing any more */
    assert_int_equal(
        wr_file_open(scene.os, late, WR_OPEN_WRITE | WR_OPEN_CREATE, &file, &scene.err),
        WEIR_NOT_FOUND);
    uint64_t highest = 0;
    assert_ok(wr_checkpoint_storage_highest(storage, &highest, &scene.err), &scene.err);
    assert_int_equal(highest, 2); /* a number is never used again */
    store_take(&scene, storage, 3, SECOND);
    assert_latest(&scene, 3);
    assert_int_equal(store_checkpoint(&scene, storage, 4, JOB_A, FIRST), WEIR_INVALID);
    assert_ok(wr_checkpoint_storage_drop(storage, 1, &scene.err), &scene.err); /* of the first */
    assert_int_equal(wr_checkpoint_storage_renew(storage, SECOND, &scene.err), WEIR_INVALID);
    assert_int_equal(wr_checkpoint_storage_renew(storage, "x", &scene.err), WEIR_INVALID);
    wr_checkpoint_storage_close(storage);
    assert_false(os_sim_directory_is_there(scene.sim, HIDDEN(SECOND)));
    scene_fini(&scene);
}

TEST(a_renewed_attempt_holds_the_lock_and_is_the_one_to_fence)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(wr_checkpoint_storage_renew(storage, SECOND, &scene.err), &scene.err);
    assert_int_equal(os_sim_open_count(scene.sim), 1); /* the lock's file alone */
    struct scene other = second_process(&scene);
    struct wr_storage_parameters parameters = store_parameters(&other, JOB_A, THIRD);
    struct wr_checkpoint_storage *taken = NULL;
    assert_int_equal(wr_checkpoint_storage_open(&parameters, &taken, &other.err), WEIR_BUSY);
    parameters.take_over = true;
    assert_ok(wr_checkpoint_storage_open(&parameters, &taken, &other.err), &other.err);
    assert_false(os_sim_directory_is_there(scene.sim, HIDDEN(SECOND)));
    assert_int_equal(store_checkpoint(&scene, storage, 1, JOB_A, SECOND), WEIR_CANCELLED);
    /* who was taken over starts nothing again here, and takes nothing away from the successor */
    assert_int_equal(wr_checkpoint_storage_renew(storage, FIRST, &scene.err), WEIR_CANCELLED);
    assert_true(os_sim_directory_is_there(scene.sim, HIDDEN(THIRD)));
    store_take(&other, taken, 1, THIRD);
    wr_checkpoint_storage_close(storage);
    wr_checkpoint_storage_close(taken);
    scene_fini(&scene);
}

/* --- at every moment somebody may take over, or the process be killed --- */

struct taking {
    struct scene *scene;
    struct scene second;
    struct wr_checkpoint_storage *storage;
    bool finishes; /* the one who comes is at its end at once */
    bool is_done;
};

static void
take_over(void *argument)
{
    struct taking *taking = argument;
    taking->second = second_process(taking->scene);

    struct wr_storage_parameters parameters = store_parameters(&taking->second, JOB_A, THIRD);
    parameters.take_over = true;
    weir_status status =
        wr_checkpoint_storage_open(&parameters, &taking->storage, &taking->second.err);
    /* while the guard is held it waits, and then gives up; a real one gets in afterwards */
    assert_true(status == WEIR_OK || status == WEIR_BUSY);
    taking->is_done = status == WEIR_OK;
    if (taking->is_done && taking->finishes) {
        assert_ok(wr_checkpoint_storage_finish(taking->storage, 1, &taking->second.err),
                  &taking->second.err);
    }
}

static void
be_killed(void *argument)
{
    struct taking *taking = argument;
    os_sim_kill(taking->scene->sim);
    taking->is_done = true;
}

/* Renews with somebody coming before the n-th change; false: there were fewer. */
static bool
run_moment(unsigned n, bool is_kill)
{
    struct scene scene;
    struct watch watch;
    scene_init(&scene, NULL);
    struct scene inner = scene;
    watch_scene(&watch, &scene);
    struct taking taking = { .scene = &inner };
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    assert_ok(wr_checkpoint_storage_begin(storage, 2, &scene.err), &scene.err);
    watch.calls = 0;
    watch.stop_at = n;
    watch.stopped = is_kill ? be_killed : take_over;
    watch.argument = &taking;
    weir_status status = wr_checkpoint_storage_renew(storage, SECOND, &scene.err);
    bool is_reached = watch.calls >= n;
    watch.stop_at = 0;
    if (is_kill && is_reached) {
        fprintf(stderr, "n %u calls %u\n%s\n", n, watch.calls, watch.text);
        assert_int_not_equal(status, WEIR_OK);
        inner.os = os_sim_os(inner.sim);
        taking.second = inner;
        taking.storage = store_open(&inner, JOB_A, THIRD);
    } else if (taking.is_done) {
        /* before the guard was taken, or after the renewal: there is one holder, and it is not us
         */
        fprintf(stderr, "status %d n %u\n%s", status, n, watch.text);
        status = store_checkpoint(&scene, storage, 3, JOB_A, status == WEIR_OK ? SECOND : FIRST);
        assert_int_not_equal(status, WEIR_OK);
    } else {
        assert_ok(status, &scene.err);
        store_take(&scene, storage, 3, SECOND);
    }
    if (taking.storage != NULL) {
        assert_false(os_sim_directory_is_there(scene.sim, HIDDEN(FIRST)));
        assert_false(os_sim_directory_is_there(scene.sim, HIDDEN(SECOND)));
        store_take(&taking.second, taking.storage, 4, THIRD);
        assert_latest(&taking.second, 4);
    }
    wr_checkpoint_storage_close(storage);
    wr_checkpoint_storage_close(taking.storage);
    scene_fini(&inner);
    return is_reached;
}

TEST(whoever_comes_while_an_attempt_is_renewed_there_is_one_holder)
{
    unsigned moments = 0;
    for (int is_kill = 0; is_kill < 2; is_kill++) {
        for (unsigned n = 1; run_moment(n, is_kill != 0); n++) {
            moments++;
        }
    }
    print_message("%u moments\n", moments);
    assert_true(moments > 10);
}

/* Starts with somebody taking over before the n-th change; false: there were fewer. */
static bool
run_start(unsigned n)
{
    struct scene scene;
    struct watch watch;
    scene_init(&scene, NULL);
    struct scene inner = scene;
    watch_scene(&watch, &scene);
    struct taking taking = { .scene = &inner, .finishes = true };
    watch.stop_at = n;
    watch.stopped = take_over;
    watch.argument = &taking;
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, FIRST);
    struct wr_checkpoint_storage *storage = NULL;
    weir_status status = wr_checkpoint_storage_open(&parameters, &storage, &scene.err);
    bool is_reached = watch.calls >= n;
    watch.stop_at = 0;
    if (status == WEIR_OK) { /* it is shut out if the other one has come in */
        status = store_checkpoint(&scene, storage, 1, JOB_A, FIRST);
        assert_int_equal(status, taking.is_done ? WEIR_CANCELLED : WEIR_OK);
    }
    assert_true(status == WEIR_OK || taking.is_done);
    if (taking.is_done) {
        store_take(&taking.second, taking.storage, 1, THIRD);
        size_t size = 0;
        assert_non_null(os_sim_file_get(scene.sim, ROOT "/" JOB_A "/_finished", &size));
    }
    wr_checkpoint_storage_close(storage);
    wr_checkpoint_storage_close(taking.storage);
    scene_fini(&inner);
    return is_reached;
}

TEST(whoever_comes_while_a_process_starts_there_is_one_holder)
{
    unsigned n = 1;
    while (run_start(n)) {
        n++;
    }
    assert_true(n > 10);
}

/* --- failed calls --- */

/* Renewing fails once, and is called again; false: the fault was past the end. */
static bool
run_point(const struct os_fault_plan *plan)
{
    struct scene scene;
    struct os_fault fault;
    scene_init(&scene, NULL);
    struct scene faulty;
    struct os_fault_plan none = { 0 };
    os_fault_init(&fault, scene.os, &none);
    scene_behind(&faulty, &scene, &fault.os);
    struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
    store_take(&faulty, storage, 1, FIRST);
    assert_ok(wr_checkpoint_storage_begin(storage, 2, &faulty.err), &faulty.err);
    os_fault_init(&fault, scene.os, plan);
    faulty.err = (weir_error){ .message = "" };
    const char *attempt = SECOND;
    weir_status status = wr_checkpoint_storage_renew(storage, SECOND, &faulty.err);
    bool is_hit = fault.hit;
    os_fault_init(&fault, scene.os, &none);
    if (status != WEIR_OK) {
        assert_true(faulty.err.message[0] != '\0');
        attempt = THIRD;
        status = wr_checkpoint_storage_renew(storage, THIRD, &faulty.err);
    }
    if (status == WEIR_OK) {
        store_take(&faulty, storage, 3, attempt);
    } else {
        /* a rename that was done and failed: another attempt's name stands in the lock, so it is
         * taken for a successor's, and the job ends here */
        assert_true(plan->after && status == WEIR_CANCELLED);
    }
    wr_checkpoint_storage_close(storage);
    assert_latest(&scene, status == WEIR_OK ? 3 : 1);
    storage = store_open(&scene, JOB_A, "f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4"); /* nobody holds it */
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
    return is_hit;
}

TEST(a_renewal_that_failed_is_done_again)
{
    unsigned points = os_fault_every_point(run_point);
    assert_true(points > 50);
}

TEST(a_renewal_survives_every_failed_allocation)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        struct scene faulty;
        alloc_fault_init(&fault, 0, false);
        scene_behind(&faulty, &scene, scene.os);
        faulty.alloc = alloc_fault_alloc(&fault);
        struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
        assert_ok(wr_checkpoint_storage_begin(storage, 2, &faulty.err), &faulty.err);
        fault.fail_at = fault.requests + fail_at;
        weir_status status = wr_checkpoint_storage_renew(storage, SECOND, &faulty.err);
        bool is_refused = fault.refused > 0;
        fault.fail_at = 0;
        assert_int_equal(status, is_refused ? WEIR_NOMEM : WEIR_OK);
        if (status != WEIR_OK) {
            assert_ok(wr_checkpoint_storage_renew(storage, SECOND, &faulty.err), &faulty.err);
        }
        store_take(&scene, storage, 3, SECOND);
        wr_checkpoint_storage_close(storage);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        scene_fini(&scene);
        if (!is_refused) {
            assert_true(fail_at > 1);
            break;
        }
    }
}

/* A completion that fails behind its rename, and cannot be taken back at once, must not be found
 * complete after the job has gone on from an older one. */
TEST(a_checkpoint_whose_completion_failed_is_taken_back_before_the_job_goes_on)
{
    struct scene scene;
    struct os_fault fault;
    scene_init(&scene, NULL);
    struct scene faulty;
    struct os_fault_plan none = { 0 };
    os_fault_init(&fault, scene.os, &none);
    scene_behind(&faulty, &scene, &fault.os);
    struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
    store_take(&faulty, storage, 1, FIRST);
    unsigned unsure = 0;
    for (uint64_t fail_at = 1; fail_at < 200 && unsure == 0; fail_at++) {
        struct os_fault_plan plan = { .fail_at = fail_at, .error = EIO, .sticky = true };
        os_fault_init(&fault, scene.os, &plan);
        uint64_t id = 1 + fail_at;
        weir_status status = store_checkpoint(&faulty, storage, id, JOB_A, FIRST);
        os_fault_init(&fault, scene.os, &none);
        char path[WR_PATH_MAX];
        assert_ok(wr_checkpoint_storage_complete_path(storage, id, path, &scene.err), &scene.err);
        bool is_visible = os_sim_directory_is_there(scene.sim, path);
        if (status != WEIR_OK && is_visible) {
            unsure++;
            assert_ok(wr_checkpoint_storage_renew(storage, SECOND, &scene.err), &scene.err);
            assert_false(os_sim_directory_is_there(scene.sim, path));
        }
    }
    assert_int_equal(unsure, 1);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One running process a job: who is refused, who takes over, and what a process that was stopped
 * meanwhile can still do, namely nothing. */
#include "store.h"
#include "watch.h"

#include <stdio.h>

/* A second process on the scene's files. */
static struct scene
second_process(struct scene *scene)
{
    struct scene second = *scene;
    second.os = os_sim_process_create(scene->sim);
    return second;
}

TEST(a_second_process_is_refused_with_the_holders_pid)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    struct scene second = second_process(&scene);
    struct wr_storage_parameters parameters = store_parameters(&second, JOB_B, SECOND);
    struct wr_checkpoint_storage *other = NULL;
    assert_int_equal(wr_checkpoint_storage_open(&parameters, &other, &second.err), WEIR_BUSY);
    char pid[40];
    snprintf(pid, sizeof pid, "process %d ", scene.os->ops->process_id(scene.os));
    assert_non_null(strstr(second.err.message, pid));
    assert_non_null(strstr(second.err.message, "--take-over"));
    store_take(&scene, storage, 1, FIRST); /* the holder is not disturbed */

    parameters.job_name = "another job";
    assert_ok(wr_checkpoint_storage_open(&parameters, &other, &second.err), &second.err);
    wr_checkpoint_storage_close(other);
    wr_checkpoint_storage_close(storage);
    parameters.job_name = "word count";
    assert_ok(wr_checkpoint_storage_open(&parameters, &other, &second.err), &second.err);
    wr_checkpoint_storage_close(other);
    scene_fini(&scene);
}

TEST(a_dead_holders_lock_is_taken_and_what_it_was_building_is_removed)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    assert_ok(wr_checkpoint_storage_begin(storage, 2, &scene.err), &scene.err);
    os_sim_kill(scene.sim);
    wr_checkpoint_storage_close(storage);
    scene.os = os_sim_os(scene.sim);
    /* under another job id too: the lock is the job's, not the id's */
    storage = store_open(&scene, JOB_B, SECOND);
    assert_false(os_sim_directory_is_there(scene.sim, ROOT "/" JOB_A "/." FIRST));
    assert_true(os_sim_directory_is_there(scene.sim, CHK(1)));
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(a_name_that_is_no_file_name_has_a_lock_all_the_same)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char *name = test_malloc(3001);
    memset(name, '/', 3000);
    name[3000] = '\0';
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, FIRST);
    parameters.job_name = name;
    struct wr_checkpoint_storage *storage = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene.err), &scene.err);
    struct scene second = second_process(&scene);
    struct wr_checkpoint_storage *other = NULL;
    parameters = store_parameters(&second, JOB_A, SECOND);
    parameters.job_name = name;
    assert_int_equal(wr_checkpoint_storage_open(&parameters, &other, &second.err), WEIR_BUSY);
    parameters.job_name = name + 1; /* another one, by its hash */
    parameters.job_id = JOB_B;
    assert_ok(wr_checkpoint_storage_open(&parameters, &other, &second.err), &second.err);
    wr_checkpoint_storage_close(other);
    wr_checkpoint_storage_close(storage);
    test_free(name);
    scene_fini(&scene);
}

/* --- a process is stopped before its n-th call, another takes over, and the first goes on --- */

struct takeover {
    struct scene *scene;
    struct scene second;
    const char *job_id;
    struct wr_checkpoint_storage *storage; /* the successor's */
    uint64_t found;                        /* what it would restore from; 0: nothing */
};

static void
take_over(void *argument)
{
    struct takeover *takeover = argument;
    takeover->second = second_process(takeover->scene);
    takeover->second.os = os_sim_process_create(takeover->scene->sim);
    struct wr_storage_parameters parameters =
        store_parameters(&takeover->second, takeover->job_id, SECOND);
    parameters.take_over = true;
    assert_ok(wr_checkpoint_storage_open(&parameters, &takeover->storage, &takeover->second.err),
              &takeover->second.err);
    weir_status status =
        store_read(&takeover->second, "latest:" ROOT, &takeover->found, &takeover->second.err);
    assert_true(status == WEIR_OK || status == WEIR_NOT_FOUND);
}

/* The first process's work; the first failure. */
static weir_status
work(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t *out_completed)
{
    for (uint64_t id = 1; id <= 3; id++) {
        WR_TRY(store_checkpoint(scene, storage, id, JOB_A, FIRST));
        *out_completed = id;
        if (id > 1) {
            WR_TRY(wr_checkpoint_storage_drop(storage, id - 1, &scene->err));
        }
    }
    return wr_checkpoint_storage_finish(storage, 3, &scene->err);
}

/* Stops before call `stop_at` of the work; false: there were fewer calls. */
static bool
run_zombie(unsigned stop_at, const char *successor_job_id)
{
    struct scene scene;
    struct watch *watch = test_malloc(sizeof *watch);
    scene_init(&scene, NULL);
    struct takeover takeover = { .job_id = successor_job_id };
    struct scene plain = scene;
    takeover.scene = &plain;
    watch_scene(watch, &scene);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    watch->calls = 0;
    watch->stop_at = stop_at;
    watch->stopped = take_over;
    watch->argument = &takeover;
    uint64_t completed = 0;
    weir_status status = work(&scene, storage, &completed);
    watch->stop_at = 0;
    bool was_stopped = takeover.storage != NULL;
    if (was_stopped) {
        /* nothing is complete for the zombie that the successor has not seen */
        bool was_last = watch->calls == stop_at; /* all was done, and visible, before */
        assert_true(status == WEIR_CANCELLED || (status == WEIR_OK && was_last));
        assert_true(status == WEIR_OK || strstr(scene.err.message, "fenced") != NULL);
        assert_true(completed <= takeover.found);
        uint64_t found = 0;
        status = store_read(&plain, "latest:" ROOT, &found, &plain.err);
        assert_int_equal(found, takeover.found);
        /* its successor is not disturbed, by its end neither */
        uint64_t highest = 0;
        wr_checkpoint_storage_close(storage);
        assert_ok(wr_checkpoint_storage_highest(takeover.storage, &highest, &plain.err),
                  &plain.err);
        assert_true(highest >= found);
        assert_ok(store_checkpoint(&takeover.second, takeover.storage, highest + 1,
                                   successor_job_id, SECOND),
                  &takeover.second.err);
        struct wr_storage_parameters third = store_parameters(&plain, JOB_B, THIRD);
        struct wr_checkpoint_storage *none = NULL;
        assert_int_equal(wr_checkpoint_storage_open(&third, &none, &plain.err), WEIR_BUSY);
        wr_checkpoint_storage_close(takeover.storage);
    } else {
        assert_ok(status, &scene.err);
        wr_checkpoint_storage_close(storage);
    }
    scene_fini(&scene);
    test_free(watch);
    return was_stopped;
}

TEST(a_process_that_was_taken_over_at_any_step_completes_and_drops_nothing)
{
    unsigned stop_at = 1;
    while (run_zombie(stop_at, JOB_A)) {
        stop_at++;
    }
    print_message("stopped at %u calls\n", stop_at - 1);
    assert_true(stop_at > 50);
}

TEST(a_successor_under_another_job_id_fences_as_well)
{
    /* latest: then knows two jobs; what counts here is that the first one is out */
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    struct takeover takeover = { .scene = &scene, .job_id = JOB_B };
    take_over(&takeover);
    assert_int_equal(store_checkpoint(&scene, storage, 2, JOB_A, FIRST), WEIR_CANCELLED);
    assert_non_null(strstr(scene.err.message, "fenced"));
    assert_int_equal(wr_checkpoint_storage_drop(storage, 1, &scene.err), WEIR_CANCELLED);
    assert_int_equal(wr_checkpoint_storage_abandon(storage, 2, &scene.err), WEIR_CANCELLED);
    assert_int_equal(wr_checkpoint_storage_finish(storage, 1, &scene.err), WEIR_CANCELLED);
    assert_true(os_sim_directory_is_there(scene.sim, CHK(1)));
    wr_checkpoint_storage_close(storage);
    wr_checkpoint_storage_close(takeover.storage);
    scene_fini(&scene);
}

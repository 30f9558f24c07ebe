/* SPDX-License-Identifier: Apache-2.0 */
/* start: the first letters, the one-thread run, and the end of a job's life.
 *
 * wr_job_step makes one actor take one step; whoever schedules the actors, threads or a seed, runs
 * the same code. The host's thread destroys: by then no other thread is left.
 */
#include "base/check.h"
#include "base/fail.h"
#include "job/running.h"

void
wr_job_give_up(weir_job *job)
{
    /* pairs with the acquire in take_wishes */
    atomic_store_explicit(&job->give_up_requested, 1, memory_order_release);
    wr_parker_wake(&job->parker);
}

weir_status
wr_job_begin(weir_job *job, weir_error *err)
{
    wr_assert(job->phase == WR_PHASE_CREATED || job->phase == WR_PHASE_RESTARTING);
    wr_role_enter_coordinator(); /* nobody else is it yet */
    struct wr_task_letter letter = { .kind = WR_TASK_INITIALIZE };
    if (wr_job_send(job, &letter, NULL, false) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a letter to a task");
    }
    job->phase = WR_PHASE_INITIALIZING;
    wr_job_watch_attempt(job);
    return WEIR_OK;
}

size_t
wr_job_actor_count(const weir_job *job)
{
    return 2 + (size_t)job->plan->task_count;
}

bool
wr_job_step(weir_job *job, size_t actor, uint64_t *out_wake_at_ns)
{
    *out_wake_at_ns = UINT64_MAX;
    if (actor == 0) {
        wr_role_enter_coordinator();
        return wr_job_coordinate(job, out_wake_at_ns);
    }
    if (actor == 1) {
        wr_role_enter_io();
        return wr_executor_step(&job->io);
    }
    if (job->tasks[actor - 2] == NULL) {
        return false; /* between two attempts */
    }
    wr_role_enter_task();
    return wr_task_step(job->tasks[actor - 2], out_wake_at_ns) == WR_STEP_PROGRESS;
}

bool
wr_job_has_ended(const weir_job *job)
{
    /* pairs with the release in step_end: what the coordinator left is final */
    return atomic_load_explicit(&job->ended, memory_order_acquire) != 0;
}

/* Steps everything that has no thread of its own until the job has ended. */
static void
run_to_end(weir_job *job)
{
    size_t actors = wr_job_actor_count(job);
    while (!wr_job_has_ended(job)) {
        for (size_t i = 0; i < actors; i++) {
            uint64_t wake_at;
            (void)wr_job_step(job, i, &wake_at);
        }
    }
}

void
weir_job_destroy(weir_job *job)
{
    if (job == NULL) {
        return;
    }
    if (!job->threads_started && job->phase != WR_PHASE_CREATED && !wr_job_has_ended(job)) {
        wr_job_give_up(job);
        run_to_end(job);
    }
    if (job->threads_started) {
        if (!wr_job_has_ended(job)) {
            wr_job_give_up(job);
        }
        wr_job_join(job);
    }
    while (wr_executor_step(&job->io)) {
    }
    wr_role_enter_coordinator(); /* the last thread plays every part */
    wr_job_forget_pending(job);
    wr_job_forget_inquiries(job);
    wr_watch_fini(&job->watch);
    wr_job_unwire(job);
    wr_job_restart_fini(job);
    wr_coordinator_destroy(job->coordinator);
    wr_checkpoint_storage_close(job->storage);
    wr_memory_storage_destroy(job->memory_storage);
    wr_shared_registry_destroy(job->registry);
    wr_host_requests_fini(&job->requests);
    wr_events_fini(&job->events);
    wr_job_close_local_state(job);
    wr_job_remove_work_directory(job);
    wr_found_snapshot_fini(&job->found);
    wr_plan_destroy(job->plan);
    wr_arena_fini(&job->arena);
    weir_alloc alloc = job->alloc;
    wr_memory_free(&alloc, job, sizeof *job);
}

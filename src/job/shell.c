/* SPDX-License-Identifier: Apache-2.0 */
/* shell: the threads of a job, and the one place where each of them sleeps.
 *
 *   coordinator   wr_job_coordinate until the job has ended
 *   io            the executor's queue until it is empty and the job has ended
 *   worker i      wr_task_step of its tasks in turn until all of them have ended
 *
 * A worker spins for weir.worker.spin before it sleeps: a wake through the system costs 12-50 us.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>

/* Sleeps until woken or the time; a step between prepare and sleep found nothing. */
static void
sleep_until(struct wr_os *os, struct wr_parker *parker, uint32_t ticket, uint64_t wake_at_ns)
{
    if (wake_at_ns == UINT64_MAX) {
        wr_parker_sleep(parker, ticket, UINT64_MAX);
        return;
    }
    uint64_t now = os->ops->monotonic_ns(os);
    if (wake_at_ns <= now) {
        wr_parker_cancel(parker);
        return;
    }
    wr_parker_sleep(parker, ticket, wake_at_ns - now);
}

static void
run_coordinator(void *argument)
{
    weir_job *job = argument;
    wr_role_enter_coordinator();
    while (!wr_job_has_ended(job)) {
        uint64_t wake_at;
        if (wr_job_coordinate(job, &wake_at)) {
            continue;
        }
        uint32_t ticket = wr_parker_prepare(&job->parker);
        if (wr_job_coordinate(job, &wake_at) || wr_job_has_ended(job)) {
            wr_parker_cancel(&job->parker);
            continue;
        }
        sleep_until(job->os, &job->parker, ticket, wake_at);
    }
}

static void
run_io(void *argument)
{
    weir_job *job = argument;
    wr_role_enter_io();
    for (;;) {
        if (wr_executor_step(&job->io)) {
            continue;
        }
        uint32_t ticket = wr_parker_prepare(&job->io.parker);
        if (wr_executor_step(&job->io)) {
            wr_parker_cancel(&job->io.parker);
            continue;
        }
        /* pairs with the release in start_threads */
        bool is_dismissed = atomic_load_explicit(&job->is_io_dismissed, memory_order_acquire) != 0;
        if (is_dismissed || wr_job_has_ended(job)) {
            wr_parker_cancel(&job->io.parker);
            return;
        }
        wr_parker_sleep(&job->io.parker, ticket, UINT64_MAX);
    }
}

/* One step of every task that has not ended. */
static bool
step_worker(struct wr_worker *worker, uint64_t *out_wake_at_ns)
{
    bool progress = false;
    *out_wake_at_ns = UINT64_MAX;
    for (uint32_t i = 0; i < worker->task_count; i++) {
        if (worker->ended[i]) {
            continue;
        }
        uint64_t wake_at = UINT64_MAX;
        switch (wr_task_step(worker->tasks[i], &wake_at)) {
        case WR_STEP_PROGRESS:
            progress = true;
            break;
        case WR_STEP_IDLE:
            break;
        case WR_STEP_ENDED:
            worker->ended[i] = true;
            worker->ended_count++;
            break;
        }
        *out_wake_at_ns = wake_at < *out_wake_at_ns ? wake_at : *out_wake_at_ns;
    }
    return progress;
}

static bool
spin_worker(struct wr_worker *worker, uint64_t spin_ns)
{
    struct wr_os *os = worker->job->os;
    uint64_t wake_at;
    uint64_t until = os->ops->monotonic_ns(os) + spin_ns;
    do {
        if (step_worker(worker, &wake_at)) {
            return true;
        }
        __builtin_ia32_pause();
    } while (os->ops->monotonic_ns(os) < until);
    return false;
}

static bool
is_done(struct wr_worker *worker)
{
    /* pairs with the release in dismiss */
    return worker->ended_count == worker->task_count ||
           atomic_load_explicit(&worker->is_dismissed, memory_order_acquire) != 0;
}

static void
run_worker(void *argument)
{
    struct wr_worker *worker = argument;
    weir_job *job = worker->job;
    wr_role_enter_task();
    uint64_t spin_ns = (uint64_t)weir_options_int(job->options, "weir.worker.spin") * 1000U;
    while (!is_done(worker)) {
        uint64_t wake_at;
        if (step_worker(worker, &wake_at) || spin_worker(worker, spin_ns)) {
            continue;
        }
        uint32_t ticket = wr_parker_prepare(&worker->parker);
        if (step_worker(worker, &wake_at) || is_done(worker)) {
            wr_parker_cancel(&worker->parker);
            continue;
        }
        sleep_until(job->os, &worker->parker, ticket, wake_at);
    }
}

static weir_status
start_thread(weir_job *job, const char *name, void (*run)(void *), void *argument,
             struct wr_os_thread **out_thread, weir_error *err)
{
    int sys_errno = job->os->ops->thread_start(job->os, name, run, argument, out_thread);
    if (sys_errno != 0) {
        *out_thread = NULL;
        return wr_fail_errno(err, sys_errno, "thread '%s' could not be started", name);
    }
    return WEIR_OK;
}

static void
join(weir_job *job, struct wr_os_thread **thread)
{
    if (*thread != NULL) {
        job->os->ops->thread_join(job->os, *thread);
        *thread = NULL;
    }
}

void
wr_job_join_workers(weir_job *job)
{
    for (uint32_t i = 0; i < job->worker_count; i++) {
        join(job, &job->workers[i].thread);
    }
}

void
wr_job_dismiss_workers(weir_job *job)
{
    for (uint32_t i = 0; i < job->worker_count; i++) {
        struct wr_worker *worker = &job->workers[i];
        /* pairs with the acquire in is_done */
        atomic_store_explicit(&worker->is_dismissed, 1, memory_order_release);
        wr_parker_wake(&worker->parker);
        join(job, &worker->thread);
        atomic_store_explicit(&worker->is_dismissed, 0, memory_order_relaxed);
    }
}

weir_status
wr_job_start_workers(weir_job *job, weir_error *err)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < job->worker_count && job->has_workers && status == WEIR_OK; i++) {
        char name[16];
        snprintf(name, sizeof name, "weir-task-%u", i % 10000U);
        status =
            start_thread(job, name, run_worker, &job->workers[i], &job->workers[i].thread, err);
    }
    if (status != WEIR_OK) {
        wr_job_dismiss_workers(job);
    }
    return status;
}

/* The coordinator's is the last: from then on the threads are its own to end and start anew. */
static weir_status
start_threads(weir_job *job, weir_error *err)
{
    job->has_workers = true;
    WR_TRY(wr_job_start_workers(job, err));
    weir_status status = start_thread(job, "weir-io", run_io, job, &job->io_thread, err);
    if (status == WEIR_OK) {
        status =
            start_thread(job, "weir-coord", run_coordinator, job, &job->coordinator_thread, err);
    }
    if (status != WEIR_OK) {
        wr_job_dismiss_workers(job);
        /* pairs with the acquire in run_io */
        atomic_store_explicit(&job->is_io_dismissed, 1, memory_order_release);
        wr_parker_wake(&job->io.parker);
        join(job, &job->io_thread);
    }
    return status;
}

static weir_status
begin_and_start(weir_job *job, weir_error *err)
{
    if (job->threads_started || job->phase != WR_PHASE_CREATED) {
        return WEIR_INVALID;
    }
    WR_TRY(wr_job_begin(job, err));
    WR_TRY(start_threads(job, err)); /* else destroy steps all actors itself */
    job->threads_started = true;
    return WEIR_OK;
}

weir_status
weir_job_start(weir_job *job, weir_error *err)
{
    if (job == NULL) {
        return WEIR_INVALID;
    }
    wr_mutex_lock(&job->unstarted);
    weir_status status = begin_and_start(job, err);
    wr_mutex_unlock(&job->unstarted);
    return status;
}

void
wr_job_join(weir_job *job)
{
    join(job, &job->coordinator_thread); /* the first: it starts and joins workers */
    wr_job_join_workers(job);
    join(job, &job->io_thread);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* inspect: a view of the whole job, made by its coordinator between two steps.
 *
 *   any thread --inquiry--> coordinator --fills it--> `answered` --> the thread takes the view
 *
 * An inquiry is a letter like any other, so no lock is needed and what is seen is of one moment.
 * Once the job has ended nobody reads letters any more, but nothing changes any more either: then
 * the thread fills the view itself.
 *
 * Invariants:
 *   (1) `answered` is decided once: ANSWERED by the coordinator, or ABANDONED by the asking thread
 *       when the job has ended. Who abandons it leaves it in the mailbox, which is emptied when the
 *       job is destroyed.
 *   (2) The coordinator reads and writes an inquiry for the last time when it decides it: the wake
 *       behind that takes its address alone, which may be nobody's by then.
 */
#include "base/fail.h"
#include "job/view.h"

#include <stddef.h>

enum {
    WAITING = 0,
    ANSWERED = 1,
    ABANDONED = 2
};

#define LOOK_AGAIN_NS 20000000U /* an ended job wakes nobody who waits here */

struct wr_whole_view {
    struct wr_arena arena;
    weir_job_view view;
};

struct wr_inquiry {
    struct wr_letter letter;
    struct wr_whole_view *whole;
    weir_status status;
    _Atomic uint32_t answered;
};

static weir_status
fill(weir_job *job, struct wr_whole_view *whole)
{
    return wr_view_fill(job, &whole->arena, &whole->view);
}

/* --- asking --- */

static struct wr_whole_view *
new_view(const weir_alloc *alloc)
{
    struct wr_whole_view *whole = wr_memory_new(alloc, sizeof *whole);
    if (whole != NULL) {
        wr_arena_init(&whole->arena, alloc);
    }
    return whole;
}

static void
free_view(struct wr_whole_view *whole)
{
    weir_alloc alloc = whole->arena.alloc;
    wr_arena_fini(&whole->arena);
    wr_memory_free(&alloc, whole, sizeof *whole);
}

bool
wr_job_answer_inquiries(weir_job *job)
{
    struct wr_letter *letter;
    bool any = false;
    while ((letter = wr_mailbox_pop(&job->inquiries)) != NULL) {
        struct wr_inquiry *inquiry = (struct wr_inquiry *)letter;
        inquiry->status = fill(job, inquiry->whole);
        /* pairs with the acquire of who waits: the view is filled */
        atomic_store_explicit(&inquiry->answered, ANSWERED, memory_order_release);
        job->os->ops->wake(job->os, &inquiry->answered);
        any = true;
    }
    return any;
}

void
wr_job_forget_inquiries(weir_job *job)
{
    struct wr_letter *letter;
    while ((letter = wr_mailbox_pop(&job->inquiries)) != NULL) {
        wr_memory_free(&job->alloc, letter, sizeof(struct wr_inquiry));
    }
}

/* True: the coordinator has filled it. False: the job has ended, and the inquiry is its own now. */
static bool
await_answer(weir_job *job, struct wr_inquiry *inquiry)
{
    while (atomic_load_explicit(&inquiry->answered, memory_order_acquire) == WAITING) {
        uint32_t waiting = WAITING;
        if (wr_job_has_ended(job)) {
            return !atomic_compare_exchange_strong(&inquiry->answered, &waiting, ABANDONED);
        }
        job->os->ops->wait(job->os, &inquiry->answered, WAITING, LOOK_AGAIN_NS);
    }
    return true;
}

/* True: there is no coordinator yet, and the view was filled in its place. */
static bool
fill_unstarted(weir_job *job, struct wr_whole_view *whole, weir_status *out_status)
{
    wr_mutex_lock(&job->unstarted);
    bool is_unstarted = !job->threads_started;
    if (is_unstarted) {
        *out_status = fill(job, whole);
    }
    wr_mutex_unlock(&job->unstarted);
    return is_unstarted;
}

static weir_status
ask(weir_job *job, struct wr_whole_view *whole)
{
    weir_status unstarted = WEIR_OK;
    if (fill_unstarted(job, whole, &unstarted)) {
        return unstarted;
    }
    if (wr_job_has_ended(job)) {
        return fill(job, whole);
    }
    struct wr_inquiry *inquiry = wr_memory_new(&job->alloc, sizeof *inquiry);
    if (inquiry == NULL) {
        return WEIR_NOMEM;
    }
    inquiry->whole = whole;
    wr_mailbox_push(&job->inquiries, &inquiry->letter);
    wr_parker_wake(&job->parker);
    if (!await_answer(job, inquiry)) {
        return fill(job, whole);
    }
    weir_status status = inquiry->status;
    wr_memory_free(&job->alloc, inquiry, sizeof *inquiry);
    return status;
}

weir_status
weir_job_inspect(weir_job *job, const weir_job_view **out_view, weir_error *err)
{
    if (job == NULL || out_view == NULL) {
        return WEIR_INVALID;
    }
    struct wr_whole_view *whole = new_view(&job->alloc);
    weir_status status = whole != NULL ? ask(job, whole) : WEIR_NOMEM;
    if (status != WEIR_OK) {
        if (whole != NULL) {
            free_view(whole);
        }
        return wr_fail(err, status, "no memory for a view of job '%s'", job->name);
    }
    *out_view = &whole->view;
    return WEIR_OK;
}

void
weir_job_view_free(const weir_job_view *view)
{
    if (view != NULL) {
        /* cppcheck-suppress cstyleCast ; the view stands in its whole, which is ours */
        free_view((struct wr_whole_view *)(uintptr_t)((const char *)view -
                                                      offsetof(struct wr_whole_view, view)));
    }
}

const char *
weir_task_state_name(weir_task_state state)
{
    static const char *const names[] = { "?",        "CREATED",  "INITIALIZING", "RUNNING",
                                         "FINISHED", "CANCELED", "FAILED" };
    return state >= WEIR_TASK_CREATED && state <= WEIR_TASK_FAILED ? names[state] : names[0];
}

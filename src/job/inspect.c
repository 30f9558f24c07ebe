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
#include "job/running.h"

#include <stdio.h>
#include <string.h>

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

/* --- filling --- */

static void
put_id(char out[33], const uint8_t id[16])
{
    for (int i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", id[i]);
    }
}

static const char *
vertex_name(const weir_job *job, const struct wr_vertex *vertex, struct wr_arena *arena)
{
    struct wr_buffer text;
    weir_alloc alloc = wr_arena_as_alloc(arena);
    wr_buffer_init(&text, &alloc);
    for (uint32_t i = 0; i < vertex->chain_count; i++) {
        const struct wr_node *node = job->plan->operators[vertex->chain[i]].node;
        const char *before = i != 0 ? " -> " : "";
        const char *role = node->leg_count == 0        ? "Source: "
                           : node->output_type == NULL ? "Sink: "
                                                       : "";
        wr_buffer_print(&text, "%s%s%s", before, role, node->name);
    }
    wr_buffer_put(&text, "", 1);
    return text.refused ? NULL : (const char *)text.data;
}

static weir_status
fill_subtasks(weir_job *job, const struct wr_vertex *vertex, struct wr_arena *arena,
              const weir_subtask_view **out)
{
    weir_subtask_view *subtasks = wr_arena_new(arena, vertex->parallelism * sizeof *subtasks);
    if (subtasks == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        uint32_t task = vertex->first_task + i;
        const struct wr_watched_task *watched = &job->watch.tasks[task];
        subtasks[i] = (weir_subtask_view){ .index = i,
                                           .state = watched->state,
                                           .start_ms = watched->start_ms,
                                           .end_ms = watched->end_ms };
        if (job->tasks != NULL && job->tasks[task] != NULL) {
            struct wr_task_counters counters;
            wr_task_count(job->tasks[task], &counters);
            subtasks[i].records_in = counters.records_in;
            subtasks[i].records_out = counters.records_out;
            subtasks[i].state_bytes = counters.state_bytes;
            subtasks[i].state_entries = counters.state_entries;
        }
    }
    *out = subtasks;
    return WEIR_OK;
}

static weir_status
fill_operators(const weir_job *job, const struct wr_vertex *vertex, struct wr_arena *arena,
               const weir_operator_view **out)
{
    weir_operator_view *operators = wr_arena_new(arena, vertex->chain_count * sizeof *operators);
    if (operators == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < vertex->chain_count; i++) {
        const struct wr_plan_operator *from = &job->plan->operators[vertex->chain[i]];
        operators[i].name = wr_arena_copy_text(arena, from->node->name);
        operators[i].uid = wr_arena_copy_text(arena, from->node->uid);
        put_id(operators[i].id, from->id);
        if (operators[i].name == NULL || operators[i].uid == NULL) {
            return WEIR_NOMEM;
        }
    }
    *out = operators;
    return WEIR_OK;
}

static weir_status
fill_vertices(weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    const struct wr_plan *plan = job->plan;
    weir_vertex_view *vertices = wr_arena_new(arena, plan->vertex_count * sizeof *vertices);
    if (vertices == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < plan->vertex_count; i++) {
        const struct wr_vertex *from = &plan->vertices[i];
        const struct wr_plan_operator *head = &plan->operators[from->first_operator];
        const struct wr_plan_operator *tail = &plan->operators[from->chain[from->chain_count - 1]];
        weir_vertex_view *to = &vertices[i];
        put_id(to->id, head->id);
        to->name = vertex_name(job, from, arena);
        to->parallelism = from->parallelism;
        to->max_parallelism = head->max_parallelism;
        to->first_task = from->first_task;
        to->is_source = head->node->leg_count == 0;
        to->is_sink = tail->node->output_type == NULL;
        to->operator_count = from->chain_count;
        weir_status status = to->name != NULL ? WEIR_OK : WEIR_NOMEM;
        if (status == WEIR_OK) {
            status = fill_operators(job, from, arena, &to->operators);
        }
        if (status == WEIR_OK) {
            status = fill_subtasks(job, from, arena, &to->subtasks);
        }
        if (status != WEIR_OK) {
            return status;
        }
    }
    view->vertices = vertices;
    view->vertex_count = plan->vertex_count;
    return WEIR_OK;
}

/* Flink's words for an edge. */
static const char *
ship_name(enum wr_edge edge)
{
    switch (edge) {
    case WR_EDGE_FORWARD:
        return "FORWARD";
    case WR_EDGE_KEYED:
        return "HASH";
    case WR_EDGE_REBALANCE:
        return "REBALANCE";
    case WR_EDGE_BROADCAST:
        return "BROADCAST";
    }
    return "?";
}

static weir_status
fill_edges(const weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    uint32_t count = job->plan->edge_count;
    weir_edge_view *edges = wr_arena_new(arena, count * sizeof *edges);
    if (edges == NULL && count != 0) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct wr_plan_edge *from = &job->plan->edges[i];
        edges[i] = (weir_edge_view){ from->from, from->to, ship_name(from->edge) };
    }
    view->edges = edges;
    view->edge_count = count;
    return WEIR_OK;
}

static weir_status
fill_failures(const weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    const struct wr_watch *watch = &job->watch;
    uint32_t count =
        watch->failure_count < WR_FAILURES_KEPT ? (uint32_t)watch->failure_count : WR_FAILURES_KEPT;
    weir_failure_view *failures = wr_arena_new(arena, count * sizeof *failures);
    if (failures == NULL && count != 0) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = watch->failure_count - 1 - i;
        const struct wr_watched_failure *from = &watch->failures[number % WR_FAILURES_KEPT];
        failures[i].ms = from->ms;
        failures[i].status = from->error.status;
        failures[i].message = wr_arena_copy_text(arena, from->error.message);
        failures[i].task = from->task[0] != '\0' ? wr_arena_copy_text(arena, from->task) : NULL;
        if (failures[i].message == NULL || (from->task[0] != '\0' && failures[i].task == NULL)) {
            return WEIR_NOMEM;
        }
    }
    view->failures = failures;
    view->failure_count = count;
    return WEIR_OK;
}

static weir_status
fill(weir_job *job, struct wr_whole_view *whole)
{
    weir_job_view *view = &whole->view;
    struct wr_arena *arena = &whole->arena;
    memcpy(view->id, job->job_id, sizeof view->id);
    view->state = (weir_job_state)atomic_load_explicit(&job->state, memory_order_relaxed);
    view->now_ms = job->os->ops->wall_ms(job->os);
    view->start_ms = job->watch.start_ms;
    view->end_ms = job->watch.end_ms;
    memcpy(view->entered_ms, job->watch.entered_ms, sizeof view->entered_ms);
    view->max_parallelism =
        (uint32_t)(weir_options_int(job->options, "pipeline.max-parallelism") > 0
                       ? weir_options_int(job->options, "pipeline.max-parallelism")
                       : 0);
    view->task_count = job->plan->task_count;
    view->restarts = job->restarts;
    view->name = wr_arena_copy_text(arena, job->name);
    weir_status status = view->name != NULL ? WEIR_OK : WEIR_NOMEM;
    status = status == WEIR_OK ? fill_vertices(job, arena, view) : status;
    status = status == WEIR_OK ? fill_edges(job, arena, view) : status;
    status = status == WEIR_OK ? fill_failures(job, arena, view) : status;
    if (status == WEIR_OK) {
        status = wr_history_view(job->watch.history, arena, view->now_ms, &view->checkpoints);
    }
    return status;
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

static weir_status
ask(weir_job *job, struct wr_whole_view *whole)
{
    if (!job->threads_started || wr_job_has_ended(job)) {
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

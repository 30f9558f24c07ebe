/* SPDX-License-Identifier: Apache-2.0 */
/* view_state: how large the job's states are, and what memory it has.
 *
 *   task i:  operator 0 "sum"  operator 1 "rules" ...      what each subtask has measured
 *   task j:  operator 0 "sum"  ...
 *                 '----> one row of the view: the state, its sum, its part in each subtask
 *
 * A state is known by its operator, its name, and whether it belongs to a key. Subtasks list theirs
 * in any order, and a restored one may lack what the others have.
 */
#include "job/view.h"
#include "runtime/meter.h"

#include <string.h>

/* A row that grows; as long as the states of one vertex are collected. */
struct row {
    struct row *next;
    weir_state_view view;
    weir_state_size_view *subtasks;
    const struct wr_metered_state *first; /* the state where it was met first */
};

static const char *
kind_name(weir_state_kind kind)
{
    switch (kind) {
    case WEIR_STATE_VALUE:
        return "VALUE";
    case WEIR_STATE_LIST:
        return "LIST";
    case WEIR_STATE_MAP:
        return "MAP";
    case WEIR_STATE_REDUCING:
        return "REDUCING";
    case WEIR_STATE_AGGREGATING:
        return "AGGREGATING";
    case WEIR_STATE_TIMERS:
        return "TIMERS";
    case WEIR_STATE_BROADCAST:
        return "BROADCAST";
    }
    return "?";
}

static bool
is_same(const struct wr_metered_state *one, const struct wr_metered_state *other)
{
    return one->operator_ == other->operator_ && one->kind == other->kind &&
           strcmp(one->name, other->name) == 0 && strcmp(one->backend, other->backend) == 0;
}

static struct row *
new_row(struct wr_arena *arena, const weir_vertex_view *vertex,
        const struct wr_metered_state *state)
{
    struct row *row = wr_arena_new(arena, sizeof *row);
    if (row == NULL) {
        return NULL;
    }
    row->first = state;
    row->subtasks = wr_arena_new(arena, vertex->parallelism * sizeof *row->subtasks);
    row->view = (weir_state_view){ .operator_ = &vertex->operators[state->operator_],
                                   .name = wr_arena_copy_text(arena, state->name),
                                   .kind = kind_name(state->kind),
                                   .backend = wr_arena_copy_text(arena, state->backend),
                                   .is_exact = true,
                                   .subtasks = row->subtasks,
                                   .subtask_count = vertex->parallelism };
    bool is_whole = row->subtasks != NULL && row->view.name != NULL && row->view.backend != NULL;
    return is_whole ? row : NULL;
}

static void
add(struct row *row, uint32_t subtask, const struct wr_metered_state *state)
{
    weir_state_size size;
    wr_metered_state_size(state, &size);
    weir_state_view *view = &row->view;
    row->subtasks[subtask] = (weir_state_size_view){ .entries = size.entries,
                                                     .bytes = size.bytes,
                                                     .disk_bytes = size.disk_bytes };
    view->all.entries += size.entries;
    view->all.bytes += size.bytes;
    view->all.disk_bytes += size.disk_bytes;
    view->is_exact = view->is_exact && size.is_exact;
}

/* The rows stay in the order of operators; of one in that of its first subtask. */
static weir_status
take(struct row **rows, struct wr_arena *arena, const weir_vertex_view *vertex, uint32_t subtask,
     const struct wr_metered_state *state)
{
    struct row **at = rows;
    while (*at != NULL && (*at)->first->operator_ <= state->operator_ &&
           !is_same((*at)->first, state)) {
        at = &(*at)->next;
    }
    if (*at == NULL || !is_same((*at)->first, state)) {
        struct row *row = new_row(arena, vertex, state);
        if (row == NULL) {
            return WEIR_NOMEM;
        }
        row->next = *at;
        *at = row;
    }
    add(*at, subtask, state);
    return WEIR_OK;
}

/* *out_rows: those of the vertex. */
static weir_status
collect(const weir_job *job, struct wr_arena *arena, const weir_vertex_view *vertex,
        struct row **out_rows)
{
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        const struct wr_task *task = job->tasks[vertex->first_task + i];
        const struct wr_metered_state *state = NULL;
        while (task != NULL && (state = wr_task_next_state(task, state)) != NULL) {
            if (take(out_rows, arena, vertex, i, state) != WEIR_OK) {
                return WEIR_NOMEM;
            }
        }
    }
    return WEIR_OK;
}

weir_status
wr_view_fill_states(weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    struct row **rows = wr_arena_new(arena, view->vertex_count * sizeof *rows);
    if (rows == NULL) {
        return WEIR_NOMEM;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; job->tasks != NULL && i < view->vertex_count; i++) {
        if (collect(job, arena, &view->vertices[i], &rows[i]) != WEIR_OK) {
            return WEIR_NOMEM;
        }
        for (const struct row *row = rows[i]; row != NULL; row = row->next) {
            count++;
        }
    }
    if (count == 0) {
        return WEIR_OK;
    }
    weir_state_view *states = wr_arena_new(arena, count * sizeof *states);
    if (states == NULL) {
        return WEIR_NOMEM;
    }
    view->states = states;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (const struct row *row = rows[i]; row != NULL; row = row->next) {
            states[view->state_count] = row->view;
            states[view->state_count++].vertex = i;
        }
    }
    return WEIR_OK;
}

/* --- memory --- */

static weir_memory_view
pool_of(const char *name, const char *what, const struct wr_budget *budget, enum wr_pool pool)
{
    return (weir_memory_view){
        .name = name,
        .what = what,
        .used_bytes = atomic_load_explicit(&budget->used_by_pool[pool], memory_order_relaxed),
        .peak_bytes = atomic_load_explicit(&budget->peak_by_pool[pool], memory_order_relaxed),
        .budget_bytes = budget->limit_bytes
    };
}

/* What an engine has outside of the budget's allocators, and divides by itself. The peak is the sum
 * of the subtasks'. */
static weir_memory_view
engine_memory(const weir_job *job)
{
    weir_memory_view memory = { .name = job->task_environment.backend_factory->name,
                                .what = "memory of the engine's own: tables, caches",
                                .budget_bytes = job->budget.limit_bytes };
    for (uint32_t i = 0; job->tasks != NULL && i < job->plan->task_count; i++) {
        if (job->tasks[i] != NULL) {
            struct wr_task_counters counters;
            wr_task_count(job->tasks[i], 0, &counters);
            memory.used_bytes += counters.state_bytes;
            memory.peak_bytes += counters.state_bytes_peak;
        }
    }
    return memory;
}

weir_status
wr_view_fill_memory(weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    enum {
        POOLS_MAX = 5
    };
    weir_memory_view *memory = wr_arena_new(arena, POOLS_MAX * sizeof *memory);
    if (memory == NULL) {
        return WEIR_NOMEM;
    }
    uint32_t count = 0;
    memory[count++] = pool_of("state", "state by key, in memory", &job->budget, WR_POOL_STATE);
    memory[count++] = pool_of("lists", "state without a key", &job->budget, WR_POOL_LISTS);
    memory[count++] = pool_of("snapshot", "copies and buffers of checkpoints", &job->copy_budget,
                              WR_POOL_SNAPSHOT);
    memory[count++] =
        pool_of("network", "records between operators", &job->network_budget, WR_POOL_NETWORK);
    if (job->task_environment.backend_factory != weir_backend_factory_hashmap()) {
        memory[count] = engine_memory(job);
        memory[count].name = wr_arena_copy_text(arena, memory[count].name);
        if (memory[count++].name == NULL) {
            return WEIR_NOMEM;
        }
    }
    view->memory = memory;
    view->memory_count = count;
    return WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* wire: budgets, channels, tasks and workers of a job. What one attempt needs is cut from an arena
 * that goes with it; workers, their parkers and the arrays of tasks and channels live as long as
 * the job, since io and those who look may still hold them when an attempt is over.
 *
 *   edge between vertices of P and C subtasks: P x C channels, [producer * C + consumer]
 *   (forward: P channels, one to one)
 *
 * Subtask i of every vertex is stepped by worker i modulo the number of workers, so that a forward
 * edge never leaves its worker.
 */
#include "base/check.h"
#include "base/fail.h"
#include "job/running.h"
#include "state/operator_state.h"
#include "types/key_group.h"

#include <stdio.h>
#include <string.h>

/* --- memory --- */

static void
make_budgets(weir_job *job)
{
    const weir_options *options = job->options;
    uint64_t managed = weir_options_bytes(options, "taskmanager.memory.managed.size");
    if (!weir_options_is_set(options, "taskmanager.memory.managed.size")) {
        double fraction = weir_options_float(options, "taskmanager.memory.managed.fraction");
        managed = (uint64_t)(fraction * (double)job->os->ops->memory_bytes(job->os));
    }
    uint64_t copies = weir_options_is_set(options, "weir.snapshot.copy-memory")
                          ? weir_options_bytes(options, "weir.snapshot.copy-memory")
                          : managed / 3;
    uint64_t network = weir_options_bytes(options, "taskmanager.network.memory.size");
    struct wr_task_environment *shared = &job->task_environment;
    wr_budget_init(&job->budget, job->alloc, managed);
    shared->state_alloc = wr_budget_alloc(&job->state_pool, &job->budget, WR_POOL_STATE);
    shared->list_alloc = wr_budget_alloc(&job->list_pool, &job->budget, WR_POOL_LISTS);
    weir_alloc snapshot = wr_budget_alloc(&job->snapshot_pool, &job->budget, WR_POOL_SNAPSHOT);
    wr_budget_init(&job->copy_budget, snapshot, copies);
    shared->snapshot_alloc = wr_budget_alloc(&job->copy_pool, &job->copy_budget, WR_POOL_SNAPSHOT);
    wr_budget_init(&job->network_budget, job->alloc, network);
    shared->network_alloc =
        wr_budget_alloc(&job->network_pool, &job->network_budget, WR_POOL_NETWORK);
}

static void
fill_environment(weir_job *job, const weir_job_parameters *parameters)
{
    const weir_options *options = job->options;
    struct wr_task_environment *shared = &job->task_environment;
    shared->os = job->os;
    shared->io = &job->io;
    shared->alloc = job->alloc;
    shared->options = options;
    shared->hash_seed = job->hash_seed;
    shared->job_name = job->name;
    shared->job_id = job->job_id;
    shared->attempt = job->attempt;
    shared->exactly_once =
        strcmp(weir_options_text(options, "execution.checkpointing.mode"), "EXACTLY_ONCE") == 0;
    shared->checkpointing = job->settings.interval_ns != 0;
    shared->allow_rewind = parameters->allow_rewind;
    shared->take_over = parameters->take_over;
    int64_t dropped =
        weir_options_int(options, "execution.state-recovery.without-channel-state.checkpoint-id");
    shared->drop_in_flight_of = dropped > 0 ? (uint64_t)dropped : 0;
    shared->batch_count = (uint32_t)weir_options_int(options, "weir.network.batch-size");
    shared->buffer_timeout_ns =
        weir_options_duration_ms(options, "execution.buffer-timeout.interval") * 1000000U;
    shared->emit_limit_bytes = weir_options_bytes(options, "weir.task.emit-limit");
    shared->log = &job->log;
    shared->reports = &job->reports;
    shared->reports_parker = &job->parker;
}

/* --- workers and channels --- */

static weir_status
no_memory(weir_error *err)
{
    return wr_fail(err, WEIR_NOMEM, "no memory for the job's tasks");
}

static weir_status
make_workers(weir_job *job, weir_error *err)
{
    uint32_t wanted = (uint32_t)weir_options_int(job->options, "weir.workers");
    uint32_t cores = job->os->ops->cpu_count(job->os);
    uint32_t most = job->plan->parallelism_max;
    job->worker_count = wanted != 0 ? wanted : (cores != 0 ? cores : 1);
    if (job->worker_count > most) {
        job->worker_count = most;
    }
    job->workers = wr_arena_new(&job->arena, sizeof *job->workers * job->worker_count);
    if (job->workers == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < job->worker_count; i++) {
        struct wr_worker *worker = &job->workers[i];
        worker->job = job;
        worker->index = i;
        wr_parker_init(&worker->parker, job->os);
        worker->tasks = wr_arena_new(&job->arena, sizeof *worker->tasks * job->plan->task_count);
        worker->ended = wr_arena_new(&job->arena, sizeof *worker->ended * job->plan->task_count);
        if (worker->tasks == NULL || worker->ended == NULL) {
            return no_memory(err);
        }
    }
    return WEIR_OK;
}

static struct wr_worker *
worker_of(const weir_job *job, uint32_t subtask)
{
    return &job->workers[subtask % job->worker_count];
}

static uint32_t
edge_channel_count(const weir_job *job, const struct wr_plan_edge *edge)
{
    uint32_t producers = job->plan->vertices[edge->from].parallelism;
    uint32_t consumers = job->plan->vertices[edge->to].parallelism;
    return edge->edge == WR_EDGE_FORWARD ? producers : producers * consumers;
}

static weir_status
make_channel(weir_job *job, uint32_t producer, uint32_t consumer, bool timed, weir_error *err)
{
    struct wr_channel_parameters parameters = {
        .alloc = job->task_environment.network_alloc,
        .batches_max = (uint32_t)weir_options_int(job->options, "weir.network.batches-per-channel"),
        .batch_count = job->task_environment.batch_count,
        .timed = timed,
        .producer_parker = &worker_of(job, producer)->parker,
        .consumer_parker = &worker_of(job, consumer)->parker,
    };
    weir_status status = wr_channel_create(&parameters, &job->channels[job->channel_count]);
    if (status != WEIR_OK) {
        return wr_fail(err, status,
                       "no memory for channel %u: raise taskmanager.network.memory.size",
                       job->channel_count);
    }
    job->channel_count++;
    return WEIR_OK;
}

/* out_first[e]: the first channel of edge e. */
static weir_status
make_channels(weir_job *job, uint32_t **out_first, weir_error *err)
{
    uint32_t *first = wr_arena_new(&job->wiring, sizeof *first * (job->plan->edge_count + 1));
    if (first == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < job->plan->edge_count; i++) {
        const struct wr_plan_edge *edge = &job->plan->edges[i];
        first[i] = job->channel_count;
        uint32_t consumers = job->plan->vertices[edge->to].parallelism;
        uint32_t count = edge_channel_count(job, edge);
        for (uint32_t j = 0; j < count; j++) {
            bool forward = edge->edge == WR_EDGE_FORWARD;
            WR_TRY(make_channel(job, forward ? j : j / consumers, forward ? j : j % consumers,
                                edge->timed, err));
        }
    }
    *out_first = first;
    return WEIR_OK;
}

/* --- tasks --- */

static weir_status
fill_operator(weir_job *job, uint32_t index, uint32_t subtask, struct wr_task_operator *out,
              weir_error *err)
{
    const struct wr_plan_operator *plan_operator = &job->plan->operators[index];
    const struct wr_node *node = plan_operator->node;
    *out = (struct wr_task_operator){
        .function = &node->function,
        .argument = node->argument,
        .name = node->name,
        .uid = node->uid,
        .input_type = node->input_type,
        .output_type = node->output_type,
        .key_plan = plan_operator->key_plan,
        .other_type = node->other_type,
        .other_key_plan = plan_operator->other_key_plan,
        .other_is_broadcast = plan_operator->other_is_broadcast,
        .timed_input = plan_operator->timed_input,
        .timed = plan_operator->timed,
        .keep_watermark = plan_operator->timed_input && wr_plan_operator_is_stateful(plan_operator),
        .key_fields = node->legs[0].key_fields,
        .key_field_count = plan_operator->keyed ? node->legs[0].key_field_count : 0,
        .max_parallelism = plan_operator->max_parallelism,
    };
    memcpy(out->id, plan_operator->id, sizeof out->id);
    if (!job->restored) {
        return WEIR_OK;
    }
    WR_TRY(wr_assignment_make(&job->found.manifest, job->found.directory, &job->assigned[index],
                              subtask, &job->wiring, &out->restore, err));
    job->restore_bytes += wr_operator_restore_bytes(&out->restore);
    return WEIR_OK;
}

static weir_status
fill_inputs(weir_job *job, uint32_t vertex, uint32_t subtask, const uint32_t *first,
            struct wr_task_parameters *out, weir_error *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < job->plan->edge_count; i++) {
        const struct wr_plan_edge *edge = &job->plan->edges[i];
        if (edge->to == vertex) {
            count +=
                edge->edge == WR_EDGE_FORWARD ? 1 : job->plan->vertices[edge->from].parallelism;
        }
    }
    out->inputs = wr_arena_new(&job->wiring, sizeof *out->inputs * (count != 0 ? count : 1));
    uint8_t *sides = wr_arena_new(&job->wiring, count != 0 ? count : 1);
    if (out->inputs == NULL || sides == NULL) {
        return no_memory(err);
    }
    out->sides = sides;
    out->may_overtake = count != 0;
    for (uint32_t i = 0; i < job->plan->edge_count; i++) {
        const struct wr_plan_edge *edge = &job->plan->edges[i];
        if (edge->to != vertex) {
            continue;
        }
        out->may_overtake =
            out->may_overtake && (edge->edge == WR_EDGE_KEYED || edge->edge == WR_EDGE_REBALANCE);
        if (edge->edge == WR_EDGE_FORWARD) {
            sides[out->input_count] = edge->side;
            out->inputs[out->input_count++] = job->channels[first[i] + subtask];
            continue;
        }
        uint32_t consumers = job->plan->vertices[edge->to].parallelism;
        for (uint32_t j = 0; j < job->plan->vertices[edge->from].parallelism; j++) {
            sides[out->input_count] = edge->side;
            out->inputs[out->input_count++] = job->channels[first[i] + j * consumers + subtask];
        }
    }
    return WEIR_OK;
}

static weir_status
fill_outputs(weir_job *job, uint32_t vertex, uint32_t subtask, const uint32_t *first,
             struct wr_task_parameters *out, weir_error *err)
{
    out->outputs = wr_arena_new(&job->wiring, sizeof *out->outputs * (job->plan->edge_count + 1));
    if (out->outputs == NULL) {
        return no_memory(err);
    }
    wr_assert(first != NULL);
    for (uint32_t i = 0; i < job->plan->edge_count; i++) {
        const struct wr_plan_edge *edge = &job->plan->edges[i];
        if (edge->from != vertex) {
            continue;
        }
        const struct wr_vertex *consumer = &job->plan->vertices[edge->to];
        bool forward = edge->edge == WR_EDGE_FORWARD;
        out->outputs[out->output_count++] = (struct wr_task_output){
            .edge = edge->edge,
            .key_plan = edge->key_plan,
            .max_parallelism = job->plan->operators[consumer->first_operator].max_parallelism,
            .channels =
                job->channels + first[i] + (forward ? subtask : subtask * consumer->parallelism),
            .channel_count = forward ? 1 : consumer->parallelism,
        };
    }
    return WEIR_OK;
}

static weir_status
make_task(weir_job *job, uint32_t vertex_index, uint32_t subtask, const uint32_t *first,
          weir_error *err)
{
    const struct wr_vertex *vertex = &job->plan->vertices[vertex_index];
    struct wr_worker *worker = worker_of(job, subtask);
    struct wr_task_parameters parameters = {
        .environment = &job->task_environment,
        .task = vertex->first_task + subtask,
        .subtask = subtask,
        .parallelism = vertex->parallelism,
        .operator_count = vertex->chain_count,
        .parker = &worker->parker,
    };
    parameters.operators =
        wr_arena_new(&job->wiring, sizeof *parameters.operators * vertex->chain_count);
    if (parameters.operators == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < vertex->chain_count; i++) {
        WR_TRY(fill_operator(job, vertex->chain[i], subtask, &parameters.operators[i], err));
    }
    WR_TRY(fill_inputs(job, vertex_index, subtask, first, &parameters, err));
    WR_TRY(fill_outputs(job, vertex_index, subtask, first, &parameters, err));
    struct wr_task *task = NULL;
    WR_TRY(wr_task_create(&parameters, &task, err));
    wr_mutex_lock(&job->seen.mutex);
    job->tasks[parameters.task] = task;
    wr_mutex_unlock(&job->seen.mutex);
    worker->tasks[worker->task_count++] = task;
    return WEIR_OK;
}

static weir_status
make_letters(weir_job *job, weir_error *err)
{
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        job->last_letters[i] = wr_memory_new(&job->alloc, sizeof *job->last_letters[i]);
        if (job->last_letters[i] == NULL) {
            return no_memory(err);
        }
    }
    return WEIR_OK;
}

/* What lives as long as the job. */
static weir_status
make_places(weir_job *job, weir_error *err)
{
    uint32_t count = job->plan->task_count;
    uint32_t channels = 0;
    for (uint32_t i = 0; i < job->plan->edge_count; i++) {
        channels += edge_channel_count(job, &job->plan->edges[i]);
    }
    job->tasks = wr_arena_new(&job->arena, sizeof *job->tasks * count);
    job->last_letters = wr_arena_new(&job->arena, sizeof *job->last_letters * count);
    job->task_ended = wr_arena_new(&job->arena, sizeof *job->task_ended * count);
    job->channels =
        wr_arena_new(&job->arena, sizeof *job->channels * (channels != 0 ? channels : 1));
    if (job->tasks == NULL || job->last_letters == NULL || job->task_ended == NULL ||
        job->channels == NULL) {
        return no_memory(err);
    }
    return make_workers(job, err);
}

/* As if nothing of an earlier attempt had been. */
static void
reset(weir_job *job)
{
    job->restore_bytes = 0;
    job->initialised_count = 0;
    job->ended_count = 0;
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        job->task_ended[i] = false;
    }
    for (uint32_t i = 0; i < job->worker_count; i++) {
        struct wr_worker *worker = &job->workers[i];
        worker->task_count = 0;
        worker->ended_count = 0;
        memset(worker->ended, 0, sizeof *worker->ended * job->plan->task_count);
    }
}

weir_status
wr_job_wire_attempt(weir_job *job, weir_error *err)
{
    struct wr_task_environment *shared = &job->task_environment;
    memcpy(shared->attempt_bytes, job->attempt_bytes, sizeof shared->attempt_bytes);
    wr_job_fill_storage(job);
    wr_arena_init(&job->wiring, &job->alloc);
    reset(job);
    WR_TRY(make_letters(job, err));
    uint32_t *first = NULL;
    WR_TRY(make_channels(job, &first, err));
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        for (uint32_t j = 0; j < job->plan->vertices[i].parallelism; j++) {
            WR_TRY(make_task(job, i, j, first, err));
        }
    }
    return WEIR_OK;
}

weir_status
wr_job_wire(weir_job *job, const weir_job_parameters *parameters, weir_error *err)
{
    WR_TRY(make_places(job, err));
    make_budgets(job);
    fill_environment(job, parameters);
    return wr_job_wire_attempt(job, err);
}

/* The host counts the tasks that are there; what they have counted stays. */
static void
destroy_task(weir_job *job, const struct wr_vertex *vertex, uint32_t subtask)
{
    uint32_t index = vertex->first_task + subtask;
    wr_mutex_lock(&job->seen.mutex);
    struct wr_task *task = job->tasks[index];
    job->tasks[index] = NULL;
    if (task != NULL) {
        weir_job_report counts = { .size = sizeof counts };
        wr_job_count_task(job, vertex, task, &counts);
        job->seen.records_in += counts.records_in;
        job->seen.records_out += counts.records_out;
    }
    wr_mutex_unlock(&job->seen.mutex);
    wr_task_destroy(task);
}

void
wr_job_unwire(weir_job *job)
{
    for (uint32_t i = 0; job->tasks != NULL && i < job->plan->vertex_count; i++) {
        for (uint32_t j = 0; j < job->plan->vertices[i].parallelism; j++) {
            destroy_task(job, &job->plan->vertices[i], j);
        }
    }
    for (uint32_t i = 0; job->last_letters != NULL && i < job->plan->task_count; i++) {
        wr_memory_free(&job->alloc, job->last_letters[i], sizeof *job->last_letters[i]);
        job->last_letters[i] = NULL;
    }
    for (uint32_t i = 0; i < job->channel_count; i++) {
        wr_channel_destroy(job->channels[i]);
    }
    job->channel_count = 0;
    wr_arena_fini(&job->wiring);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/runtime/task_rig.h: small jobs wired by hand and stepped in one thread, on a simulated
 * system and an allocator that knows its leaks.
 *
 *   rig_init -> rig_vertex, rig_connect ... -> rig_create -> rig_run / rig_trigger ... -> rig_fini
 *
 * Records are pairs {key, value}. The source emits value i with key i % keys, its position is list
 * state; the sum keeps a running sum a key; the sink writes what it gets into the rig.
 */
#ifndef WEIR_TESTS_TASK_RIG_H
#define WEIR_TESTS_TASK_RIG_H

#include "support/common_alloc_fault.h"
#include "support/common_os_sim.h"
#include "support/test.h"

#include "rig_functions.h"

#include "base/memory.h"
#include "os/file.h"
#include "runtime/task.h"

#include <stdio.h>
#include <string.h>

enum {
    RIG_TASKS = 24,
    RIG_CHANNELS = 128,
    RIG_OPERATORS = 4,
    RIG_VERTICES = 4,
    RIG_KEYS = 512,
    RIG_IDS = 64 /* checkpoints that are counted one by one */
};

struct rig_vertex {
    struct wr_task_operator operators[RIG_OPERATORS];
    uint32_t operator_count;
    uint32_t parallelism;
    uint32_t first_task;
    struct wr_channel *inputs[RIG_TASKS][16]; /* by subtask */
    uint32_t input_count;
    bool may_not_overtake; /* an input is forward or broadcast */
    struct wr_task_output outputs[RIG_TASKS][2];
    uint32_t output_count;
    struct wr_channel *output_channels[RIG_TASKS][2][16];
};

struct rig {
    struct os_sim *sim;
    struct wr_os *os;
    struct wr_executor io;
    bool io_stopped;
    struct wr_parker parker;
    struct wr_parker reports_parker;
    struct wr_mailbox reports;
    struct alloc_fault fault;
    weir_alloc alloc; /* the faulty one */
    struct wr_task_environment environment;
    struct plan plan;
    weir_type *pair_type;
    struct wr_key_plan *key_plan;
    struct rig_vertex vertices[RIG_VERTICES];
    uint32_t vertex_count;
    struct wr_channel *channels[RIG_CHANNELS];
    uint32_t channel_count;
    uint32_t batches_max;
    struct wr_task *tasks[RIG_TASKS];
    struct wr_task_operator operators[RIG_TASKS][RIG_OPERATORS];
    uint32_t task_count;
    uint32_t max_parallelism;
    weir_options *options; /* owned; NULL: defaults */
    /* what the tasks reported */
    uint32_t initialized, drained, failed, ended, notified, declined, acknowledged;
    weir_error failure;
    weir_error decline;
    uint32_t acknowledged_of[RIG_IDS], declined_of[RIG_IDS], notified_of[RIG_IDS];
    uint64_t note_id; /* `acks` keeps those of this checkpoint alone; 0: of the newest */
    struct wr_task_report *acks[RIG_TASKS]; /* owned */
    weir_error error;
};

/* --- wiring --- */

static weir_status
rig_path(void *argument, uint64_t checkpoint_id, const char *name, char *out, weir_error *err)
{
    (void)argument;
    (void)err;
    (void)snprintf(out, WR_PATH_MAX, "/ck/%llu-%s", (unsigned long long)checkpoint_id, name);
    return WEIR_OK;
}

static RIG_UNUSED void
rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    struct os_sim_config config = { .seed = 11, .no_log = true, .clock_step_ns = 2000 };
    rig->sim = os_sim_create(&config);
    rig->os = os_sim_os(rig->sim);
    os_sim_directory_put(rig->sim, "/ck");
    alloc_fault_init(&rig->fault, 0, false);
    rig->alloc = alloc_fault_alloc(&rig->fault);
    wr_executor_init(&rig->io, rig->os);
    wr_parker_init(&rig->parker, rig->os);
    wr_parker_init(&rig->reports_parker, rig->os);
    wr_mailbox_init(&rig->reports);
    rig->batches_max = 4;
    rig->max_parallelism = 128;
    rig->plan = (struct plan){ .count = 10000, .keys = 100, .pause_at = UINT64_MAX, .explode = 1 };
    rig->plan.rows = test_malloc(RIG_ROWS * sizeof *rig->plan.rows);
    rig->environment =
        (struct wr_task_environment){ .os = rig->os,
                                      .io = &rig->io,
                                      .alloc = rig->alloc,
                                      .state_alloc = rig->alloc,
                                      .list_alloc = rig->alloc,
                                      .snapshot_alloc = rig->alloc,
                                      .network_alloc = rig->alloc,
                                      .backend_factory = weir_backend_factory_hashmap(),
                                      .hash_seed = 0x5eed,
                                      .job_name = "test",
                                      .job_id = "0123",
                                      .attempt = "4567",
                                      .attempt_bytes = { 4, 5, 6, 7 },
                                      .exactly_once = true,
                                      .checkpointing = true,
                                      .batch_count = 64,
                                      .buffer_timeout_ns = 100000000,
                                      .emit_limit_bytes = 64 << 20,
                                      .state_file_buffer_size = 4096,
                                      .snapshot_path = rig_path,
                                      .reports = &rig->reports,
                                      .reports_parker = &rig->reports_parker };
    const weir_field fields[] = { WEIR_FIELD(struct pair, key, I64),
                                  WEIR_FIELD(struct pair, value, I64) };
    weir_alloc plain = wr_memory_system();
    assert_ok(weir_type_create_struct(&plain, "pair", sizeof(struct pair), fields, 2,
                                      &rig->pair_type, &rig->error),
              &rig->error);
    const size_t key = 0;
    assert_ok(wr_key_plan_create(&plain, rig->pair_type, &key, 1, &rig->key_plan, &rig->error),
              &rig->error);
}

/* Functions in chain order; NULL ends. A source is known by its poll, the sum is keyed. */
static RIG_UNUSED uint32_t
rig_vertex(struct rig *rig, uint32_t parallelism, const weir_function *const *functions)
{
    static const size_t key_field = 0;
    struct rig_vertex *vertex = &rig->vertices[rig->vertex_count];
    struct plan **argument = test_malloc(sizeof *argument);
    *argument = &rig->plan;
    vertex->parallelism = parallelism;
    for (; functions[vertex->operator_count] != NULL; vertex->operator_count++) {
        const weir_function *function = functions[vertex->operator_count];
        bool keyed = function == &sum_function;
        vertex->operators[vertex->operator_count] = (struct wr_task_operator){
            .function = function,
            .argument = argument,
            .name = function->name,
            .uid = function->name,
            .id = { (uint8_t)(rig->vertex_count + 1), (uint8_t)(vertex->operator_count + 1) },
            .input_type = function->poll != NULL ? NULL : rig->pair_type,
            .output_type = function == &sink_function ? NULL : rig->pair_type,
            .key_plan = keyed ? rig->key_plan : NULL,
            .key_fields = &key_field,
            .key_field_count = 1,
            .max_parallelism = rig->max_parallelism
        };
    }
    return rig->vertex_count++;
}

static RIG_UNUSED void
rig_connect(struct rig *rig, uint32_t from_index, uint32_t to_index, enum wr_edge edge)
{
    struct rig_vertex *from = &rig->vertices[from_index];
    struct rig_vertex *to = &rig->vertices[to_index];
    struct wr_channel_parameters parameters = { .alloc = rig->environment.network_alloc,
                                                .batches_max = rig->batches_max,
                                                .batch_count = rig->environment.batch_count,
                                                .producer_parker = &rig->parker,
                                                .consumer_parker = &rig->parker };
    uint32_t number = from->output_count++;
    for (uint32_t f = 0; f < from->parallelism; f++) {
        uint32_t count = edge == WR_EDGE_FORWARD ? 1 : to->parallelism;
        struct wr_task_output *output = &from->outputs[f][number];
        *output = (struct wr_task_output){ .edge = edge,
                                           .key_plan = rig->key_plan,
                                           .max_parallelism = rig->max_parallelism,
                                           .channels = from->output_channels[f][number],
                                           .channel_count = count };
        for (uint32_t t = 0; t < count; t++) {
            struct wr_channel *channel = NULL;
            assert_ok(wr_channel_create(&parameters, &channel), NULL);
            rig->channels[rig->channel_count++] = channel;
            output->channels[t] = channel;
            uint32_t target = edge == WR_EDGE_FORWARD ? f : t;
            uint32_t input = edge == WR_EDGE_FORWARD ? to->input_count : to->input_count + f;
            to->inputs[target][input] = channel;
        }
    }
    to->input_count += edge == WR_EDGE_FORWARD ? 1 : from->parallelism;
    bool may = edge == WR_EDGE_KEYED || edge == WR_EDGE_REBALANCE;
    to->may_not_overtake = to->may_not_overtake || !may;
}

/* Makes the tasks; the first status that is not OK. */
static RIG_UNUSED weir_status
rig_create(struct rig *rig)
{
    for (uint32_t v = 0; v < rig->vertex_count; v++) {
        struct rig_vertex *vertex = &rig->vertices[v];
        vertex->first_task = rig->task_count;
        for (uint32_t s = 0; s < vertex->parallelism; s++) {
            uint32_t task = rig->task_count;
            for (uint32_t o = 0; o < vertex->operator_count; o++) {
                struct wr_operator_restore restore = rig->operators[task][o].restore;
                rig->operators[task][o] = vertex->operators[o];
                rig->operators[task][o].restore = restore;
            }
            struct wr_task_parameters parameters = { .environment = &rig->environment,
                                                     .task = task,
                                                     .subtask = s,
                                                     .parallelism = vertex->parallelism,
                                                     .operators = rig->operators[task],
                                                     .operator_count = vertex->operator_count,
                                                     .inputs = vertex->inputs[s],
                                                     .input_count = vertex->input_count,
                                                     .may_overtake = !vertex->may_not_overtake,
                                                     .outputs = vertex->outputs[s],
                                                     .output_count = vertex->output_count,
                                                     .parker = &rig->parker };
            weir_status status = wr_task_create(&parameters, &rig->tasks[task], &rig->error);
            if (status != WEIR_OK) {
                return status;
            }
            rig->task_count++;
        }
    }
    return WEIR_OK;
}

/* --- running --- */

static RIG_UNUSED bool
rig_send(struct rig *rig, uint32_t task, const struct wr_task_letter *content)
{
    struct wr_task_letter *letter = wr_memory_new(&rig->alloc, sizeof *letter);
    if (letter == NULL) {
        if (content->plan != NULL) {
            wr_memory_free(&rig->alloc, content->plan, sizeof *content->plan);
        }
        return false;
    }
    *letter = *content;
    wr_task_send(rig->tasks[task], letter);
    return true;
}

static RIG_UNUSED bool
rig_send_all(struct rig *rig, enum wr_task_letter_kind kind, uint64_t checkpoint_id)
{
    bool sent = true;
    struct wr_task_letter letter = { .kind = kind,
                                     .checkpoint_id = checkpoint_id,
                                     .checkpoint_kind = WR_CHECKPOINT_PERIODIC };
    for (uint32_t i = 0; i < rig->task_count; i++) {
        sent = rig_send(rig, i, &letter) && sent;
    }
    return sent;
}

/* plan: copied for each task; NULL: none. */
static RIG_UNUSED void
rig_trigger_as(struct rig *rig, uint64_t checkpoint_id, enum wr_checkpoint_kind kind,
               const struct wr_checkpoint_plan *plan)
{
    struct wr_task_letter letter = { .kind = WR_TASK_TRIGGER,
                                     .checkpoint_id = checkpoint_id,
                                     .checkpoint_kind = kind };
    for (uint32_t i = rig->task_count; i-- > 0;) { /* sources last */
        if (plan != NULL) {
            letter.plan = wr_memory_new(&rig->alloc, sizeof *letter.plan);
            if (letter.plan == NULL) {
                continue; /* the allocator is told to refuse */
            }
            *letter.plan = *plan;
            letter.plan->id = checkpoint_id;
            letter.plan->kind = kind;
        }
        (void)rig_send(rig, i, &letter);
    }
}

static RIG_UNUSED void
rig_trigger(struct rig *rig, uint64_t checkpoint_id, enum wr_checkpoint_kind kind)
{
    rig->acknowledged = rig->declined = rig->notified = 0;
    rig_trigger_as(rig, checkpoint_id, kind, NULL);
}

static void
rig_take_reports(struct rig *rig)
{
    struct wr_letter *letter = NULL;
    while ((letter = wr_mailbox_pop(&rig->reports)) != NULL) {
        struct wr_task_report *report = (struct wr_task_report *)letter;
        uint64_t id = report->checkpoint_id % RIG_IDS;
        switch (report->kind) {
        case WR_TASK_INITIALIZED:
            rig->initialized++;
            break;
        case WR_TASK_ACKNOWLEDGED:
            rig->acknowledged++;
            rig->acknowledged_of[id]++;
            if (rig->note_id != 0 && rig->note_id != report->checkpoint_id) {
                break;
            }
            wr_task_report_free(&rig->alloc, rig->acks[report->task_number]);
            rig->acks[report->task_number] = report;
            continue;
        case WR_TASK_DECLINED:
            rig->declined++;
            rig->declined_of[id]++;
            rig->decline = report->error;
            break;
        case WR_TASK_NOTIFIED:
            rig->notified++;
            rig->notified_of[id]++;
            break;
        case WR_TASK_DRAINED:
            rig->drained++;
            break;
        case WR_TASK_FAILED:
            rig->failed++;
            rig->failure = report->error;
            break;
        case WR_TASK_ENDED:
            rig->ended++;
            break;
        default:
            fail();
        }
        wr_task_report_free(&rig->alloc, report);
    }
}

/* One round: every task once, the io thread once. False: nobody had anything to do. */
static RIG_UNUSED bool
rig_round(struct rig *rig)
{
    bool any = false;
    for (uint32_t i = 0; i < rig->task_count; i++) {
        uint64_t wake_at = 0;
        any = wr_task_step(rig->tasks[i], &wake_at) == WR_STEP_PROGRESS || any;
    }
    if (!rig->io_stopped) {
        any = wr_executor_step(&rig->io) || any;
    }
    rig_take_reports(rig);
    return any;
}

/* Rounds until all is quiet. */
static RIG_UNUSED void
rig_run(struct rig *rig)
{
    for (uint32_t quiet = 0; quiet < 3;) {
        quiet = rig_round(rig) ? 0 : quiet + 1;
        os_sim_advance_ns(rig->sim, 2000000);
    }
}

static RIG_UNUSED void
rig_start(struct rig *rig)
{
    assert_true(rig_send_all(rig, WR_TASK_INITIALIZE, 0));
    rig_run(rig);
    if (rig->failed == 0) {
        assert_int_equal(rig->initialized, rig->task_count);
        assert_true(rig_send_all(rig, WR_TASK_START, 0));
    }
}

static RIG_UNUSED void
rig_end(struct rig *rig, enum wr_task_letter_kind kind)
{
    assert_true(rig_send_all(rig, kind, 0));
    rig_run(rig);
    assert_int_equal(rig->ended, rig->task_count);
}

/* Tasks and channels only: files stay for a restored job. */
static RIG_UNUSED void
rig_tear_down(struct rig *rig)
{
    rig_take_reports(rig);
    for (uint32_t i = 0; i < rig->task_count; i++) {
        wr_task_destroy(rig->tasks[i]);
    }
    for (uint32_t i = 0; i < rig->channel_count; i++) {
        wr_channel_destroy(rig->channels[i]);
    }
    for (uint32_t v = 0; v < rig->vertex_count; v++) {
        test_free((void *)(uintptr_t)rig->vertices[v].operators[0].argument);
    }
    memset(rig->vertices, 0, sizeof rig->vertices);
    rig->task_count = rig->channel_count = rig->vertex_count = 0;
    rig->initialized = rig->drained = rig->failed = rig->ended = rig->notified = rig->declined = 0;
}

static RIG_UNUSED void
rig_fini(struct rig *rig)
{
    rig_tear_down(rig);
    for (uint32_t i = 0; i < RIG_TASKS; i++) {
        wr_task_report_free(&rig->alloc, rig->acks[i]);
    }
    assert_int_equal(alloc_fault_leaks(&rig->fault, stderr), 0);
    assert_int_equal(os_sim_open_count(rig->sim), 0);
    os_sim_destroy(rig->sim);
    weir_options_destroy(rig->options);
    wr_key_plan_destroy(rig->key_plan);
    weir_type_destroy(rig->pair_type);
    test_free(rig->plan.rows);
}

/* --- judging --- */

/* The last value that the sink got of each key is the sum of all values with it. */
static RIG_UNUSED void
rig_check_sums(const struct rig *rig)
{
    static int64_t last[RIG_KEYS];
    memset(last, 0, sizeof last);
    for (size_t i = 0; i < rig->plan.row_count; i++) {
        const struct pair *pair = &rig->plan.rows[i].pair;
        assert_true(pair->value >= last[pair->key]);
        last[pair->key] = pair->value;
    }
    for (uint64_t key = 0; key < rig->plan.keys; key++) {
        int64_t expected = 0;
        for (uint64_t i = key; i < rig->plan.count; i += rig->plan.keys) {
            expected += (int64_t)i;
        }
        assert_int_equal(last[key], expected);
    }
}

#endif /* WEIR_TESTS_TASK_RIG_H */

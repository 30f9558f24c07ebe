/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of all subtasks: begun, turned, aborted, completed; what is restored from a completed
 * one, at whatever parallelism, must equal the oracle as it was. Sometimes the job goes on from
 * there, as after a failure, a rescale or a new version of the program. */
#include "model/world.h"

#include <stdlib.h>
#include <string.h>

static void
expect_ok(const struct world *world, weir_status status)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "%s\n", world->rig.error.message);
    }
    EXPECT(status == WEIR_OK);
}

static void
close_snapshot(struct world_snapshot *snapshot)
{
    snapshot->is_open = false;
    free(snapshot->oracle);
    snapshot->oracle = NULL;
}

static void
abort_snapshot(struct world *world, struct world_snapshot *snapshot, uint32_t parts)
{
    for (uint32_t i = 0; i < parts; i++) {
        engine_snapshot_abort(&world->rig, &snapshot->part[i]);
    }
    close_snapshot(snapshot);
    world->counts->aborted++;
}

void
snapshots_abort_all(struct world *world)
{
    for (size_t i = 0; i < OPEN_MOST; i++) {
        if (world->open[i].is_open) {
            abort_snapshot(world, &world->open[i], world->tasks.count);
        }
    }
}

static struct oracle *
copy_oracle(const struct oracle *oracle)
{
    struct oracle *copy = malloc(sizeof *copy);
    EXPECT(copy != NULL);
    if (copy != NULL) {
        *copy = *oracle;
    }
    return copy;
}

static bool
begin(struct world *world, const struct model_op *op)
{
    struct world_snapshot *snapshot = &world->open[op->a % OPEN_MOST];
    if (snapshot->is_open) {
        return true;
    }
    snapshot->is_open = true;
    snapshot->met_refusals = world->is_refusing;
    snapshot->order = world->begins++;
    snapshot->oracle = copy_oracle(world->oracle);
    for (uint32_t i = 0; i < world->tasks.count; i++) {
        weir_status status =
            engine_snapshot_begin(&world->rig, &world->tasks.task[i].task, &snapshot->part[i]);
        if (world_refused(world, status)) {
            abort_snapshot(world, snapshot, i);
            return true;
        }
    }
    return true;
}

static bool
turn(struct world *world, const struct model_op *op)
{
    struct world_snapshot *snapshot = &world->open[op->b % OPEN_MOST];
    if (!snapshot->is_open) {
        return true;
    }
    struct engine_snapshot *part = &snapshot->part[op->key % world->tasks.count];
    size_t budget = op->a % (1u << op->b / OPEN_MOST % 15);
    weir_status status = engine_snapshot_turn(&world->rig, part, budget);
    if (status == WEIR_NOMEM && snapshot->met_refusals) {
        abort_snapshot(world, snapshot, world->tasks.count);
    } else {
        expect_ok(world, status);
    }
    return true;
}

/* --- completed --- */

/* The oldest: engines see them completed in the order of their begins. */
static struct world_snapshot *
oldest(struct world *world)
{
    struct world_snapshot *found = NULL;
    for (size_t i = 0; i < OPEN_MOST; i++) {
        struct world_snapshot *snapshot = &world->open[i];
        if (snapshot->is_open && (found == NULL || snapshot->order < found->order)) {
            found = snapshot;
        }
    }
    return found;
}

static void
restore(struct world *world, struct engine_set *const *sets, uint32_t set_count,
        struct world_tasks *fresh, uint32_t parallelism)
{
    world_open(world, fresh, parallelism);
    for (uint32_t i = 0; i < fresh->count; i++) {
        struct engine_task *task = &fresh->task[i].task;
        for (uint32_t j = 0; j < set_count; j++) {
            const struct engine_file *file = sets[j]->blocks[0];
            if (file->first <= task->last && file->last >= task->first) {
                expect_ok(world, engine_task_restore(&world->rig, task, sets[j]));
            }
        }
    }
    world_make_states(world, fresh);
}

/* All of them, destroying: nobody goes on with these. */
static void
pop_all_timers(struct world *world, struct world_tasks *tasks, const struct oracle *oracle)
{
    uint64_t left[KEYS_MOST];
    for (uint32_t key = 0; key < world->key_count; key++) {
        left[key] = oracle->keys[key].timers;
    }
    for (uint32_t i = 0; i < tasks->count; i++) {
        struct wr_timer timer;
        int64_t before = INT64_MIN;
        while (wr_timers_pop_due(tasks->task[i].timers, WEIR_EVENT_TIME, INT64_MAX, &timer) ==
               WEIR_OK) {
            uint32_t key = shape_key_number(world, weir_bytes_of(timer.key.data, timer.key.size));
            EXPECT(key < world->key_count && timer.timestamp >= before);
            uint64_t bit = UINT64_C(1) << (uint64_t)(timer.timestamp / 10);
            EXPECT((left[key] & bit) != 0);
            left[key] &= ~bit;
            before = timer.timestamp;
        }
    }
    for (uint32_t key = 0; key < world->key_count; key++) {
        EXPECT(left[key] == 0);
    }
}

/* Restores, compares, and goes on or not. */
static void
try_sets(struct world *world, const struct model_op *op, struct world_snapshot *snapshot,
         struct engine_set *const *sets, uint32_t set_count)
{
    static const uint32_t parallelisms[] = { 1, 2, 3, 5 };
    uint64_t seed = world->rig.seed;
    bool had_ttl = world->has_ttl;
    struct oracle *oracle = copy_oracle(snapshot->oracle);
    struct world_tasks fresh;
    world->has_ttl = op->b / 2 % 4 == 0 ? !had_ttl : had_ttl;
    world->rig.seed += op->b / 8 % 4 == 0; /* images of another seed do not fit */
    restore(world, sets, set_count, &fresh, parallelisms[op->a % 4]);
    shapes_make_keys(world);
    if (world->has_ttl != had_ttl) {
        adopt_switch(world, &fresh, oracle);
        world->counts->switches++;
    }
    compare_all(world, &fresh, oracle);
    world->counts->restores++;
    world->counts->rescales += fresh.count != set_count;
    if (op->b / 32 % (world->rig.engine->is_incremental ? 12 : 3) == 0) {
        snapshots_abort_all(world);
        world_close(world, &world->tasks);
        world->tasks = fresh;
        free(world->oracle);
        world->oracle = oracle;
        return;
    }
    pop_all_timers(world, &fresh, oracle);
    world_close(world, &fresh);
    free(oracle);
    world->rig.seed = seed;
    world->has_ttl = had_ttl;
    shapes_make_keys(world);
}

/* False: it has failed for want of memory. */
static bool
finish_turns(struct world *world, struct world_snapshot *snapshot)
{
    for (uint32_t i = 0; i < world->tasks.count; i++) {
        while (!snapshot->part[i].is_done) {
            weir_status status = engine_snapshot_turn(&world->rig, &snapshot->part[i], 1 << 16);
            engine_rig_io(&world->rig);
            if (status == WEIR_NOMEM && snapshot->met_refusals) {
                return false;
            }
            expect_ok(world, status);
        }
    }
    return true;
}

static void
complete_now(struct world *world, const struct model_op *op, struct world_snapshot *snapshot)
{
    struct engine_set *sets[TASKS_MOST] = { NULL };
    uint32_t set_count = world->tasks.count;
    if (!finish_turns(world, snapshot)) {
        abort_snapshot(world, snapshot, world->tasks.count);
        return;
    }
    for (uint32_t i = 0; i < set_count; i++) {
        expect_ok(world, engine_snapshot_complete(&world->rig, &snapshot->part[i], &sets[i]));
        world->counts->chained += engine_set_has_changes(sets[i]);
    }
    struct oracle *oracle = snapshot->oracle;
    snapshot->is_open = false;
    world->counts->snapshots++;
    try_sets(world, op, snapshot, sets, set_count);
    free(oracle);
    snapshot->oracle = NULL;
    for (uint32_t i = 0; i < set_count; i++) {
        engine_set_release(&world->rig, sets[i]);
    }
}

static bool
complete(struct world *world, const struct model_op *op)
{
    struct world_snapshot *snapshot = oldest(world);
    bool is_done = snapshot != NULL;
    for (uint32_t i = 0; is_done && i < world->tasks.count; i++) {
        is_done = snapshot->part[i].is_done;
    }
    if (snapshot == NULL || (!is_done && op->b % 2 == 0)) {
        return true;
    }
    bool was_refusing = world->is_refusing; /* restoring is not what is being refused here */
    uint64_t state_fail = world->state_fault.fail_at;
    uint64_t copy_fail = world->copy_fault.fail_at;
    world->is_refusing = false;
    world->state_fault.fail_at = world->copy_fault.fail_at = 0;
    complete_now(world, op, snapshot);
    world->is_refusing = was_refusing;
    world->state_fault.fail_at = state_fail;
    world->copy_fault.fail_at = copy_fail;
    return true;
}

static bool
other(struct world *world, const struct model_op *op)
{
    struct world_snapshot *snapshot = &world->open[op->a % OPEN_MOST];
    if (op->kind == OP_IO) {
        engine_rig_io(&world->rig);
    } else if (op->kind == OP_IDLE) {
        weir_backend *backend = world->tasks.task[op->key % world->tasks.count].task.backend;
        weir_backend_idle_turn(backend, op->a % 5000);
        weir_backend_snapshot_pressed(backend);
    } else if (op->kind == OP_ABORT && snapshot->is_open) {
        abort_snapshot(world, snapshot, world->tasks.count);
    } else if (op->kind == OP_REFUSE && world->rig.engine->counts_memory) {
        world->is_refusing = op->a % 3 == 0;
        for (size_t i = 0; i < OPEN_MOST; i++) {
            world->open[i].met_refusals = world->open[i].met_refusals || world->is_refusing;
        }
        world->state_fault.fail_at = world->is_refusing ? 1 : 0;
        world->copy_fault.fail_at = world->is_refusing && op->b % 2 == 0 ? 1 : 0;
        world->state_fault.sticky = world->copy_fault.sticky = true;
    }
    return true;
}

bool
snapshot_operation(struct world *world, const struct model_op *op)
{
    if (op->kind == OP_BEGIN) {
        return begin(world, op);
    }
    if (op->kind == OP_TURN) {
        return turn(world, op);
    }
    return op->kind == OP_COMPLETE ? complete(world, op) : other(world, op);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on timers: at times 0, 10 .. 630 of event time. */
#include "model/world.h"

static int64_t
time_of(const struct model_op *op)
{
    return (int64_t)(op->a % TIMER_TIMES) * 10;
}

static bool
timer_set(struct world *world, const struct model_op *op)
{
    const weir_key *key = &world->keys[op->key];
    struct wr_timers *timers = world_task_of(&world->tasks, key)->timers;
    uint64_t bit = UINT64_C(1) << op->a % TIMER_TIMES;
    bool adds = op->kind == OP_TIMER_ADD;
    weir_bytes none = { NULL, 0 };
    weir_status status = adds ? wr_timers_register(timers, WEIR_EVENT_TIME, key, none, time_of(op))
                              : wr_timers_delete(timers, WEIR_EVENT_TIME, key, none, time_of(op));
    if (!world_refused(world, status)) {
        uint64_t *bits = &world->oracle->keys[op->key].timers;
        *bits = adds ? *bits | bit : *bits & ~bit;
    }
    return true;
}

/* The earliest of the subtask's keys; INT64_MAX: none. */
static int64_t
earliest(struct world *world, const struct world_task *task)
{
    int64_t first = INT64_MAX;
    for (uint32_t key = 0; key < world->key_count; key++) {
        uint64_t bits = world->oracle->keys[key].timers;
        if (bits != 0 && world_task_of(&world->tasks, &world->keys[key]) == task) {
            int64_t time = (int64_t)__builtin_ctzll(bits) * 10;
            first = time < first ? time : first;
        }
    }
    return first;
}

static bool
timer_pop(struct world *world, const struct model_op *op)
{
    struct world_task *task = world_task_of(&world->tasks, &world->keys[op->key]);
    struct wr_timer timer;
    int64_t first = earliest(world, task);
    int64_t due = INT64_MAX;
    weir_status status = wr_timers_next_due(task->timers, WEIR_EVENT_TIME, &due);
    if (world_refused(world, status)) {
        return true;
    }
    EXPECT((status == WEIR_OK) == (first != INT64_MAX));
    EXPECT(status != WEIR_OK || due == first);
    status = wr_timers_pop_due(task->timers, WEIR_EVENT_TIME, time_of(op), &timer);
    if (world_refused(world, status)) {
        return true;
    }
    EXPECT((status == WEIR_OK) == (first <= time_of(op)));
    if (status == WEIR_OK) {
        uint32_t key = shape_key_number(world, weir_bytes_of(timer.key.data, timer.key.size));
        EXPECT(timer.timestamp == first);
        EXPECT(key < world->key_count && first >= 0 && first < TIMER_TIMES * 10);
        EXPECT(timer.key.hash == world->keys[key].hash);
        EXPECT(timer.key.key_group == world->keys[key].key_group);
        uint64_t bit = UINT64_C(1) << (uint64_t)(first / 10 % TIMER_TIMES);
        EXPECT((world->oracle->keys[key].timers & bit) != 0);
        world->oracle->keys[key].timers &= ~bit;
    }
    return true;
}

bool
timer_operation(struct world *world, const struct model_op *op)
{
    if (op->kind == OP_TIMER_ADD || op->kind == OP_TIMER_DELETE) {
        return timer_set(world, op);
    }
    return op->kind == OP_TIMER_POP && timer_pop(world, op);
}

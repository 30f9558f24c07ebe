/* SPDX-License-Identifier: Apache-2.0 */
/* world: the subtasks and their states. */
#include "model/world.h"

#include <stdlib.h>
#include <string.h>

void
model_expect(bool fact, const char *what, const char *file, int line)
{
    if (!fact) {
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
        _Exit(1);
    }
}

/* --- what is folded --- */

static weir_status
sum_in_place(void *argument, void *accumulated, const void *value)
{
    (void)argument;
    *(int64_t *)accumulated += *(const int64_t *)value;
    return WEIR_OK;
}

static weir_status
average_add(void *argument, void *accumulator, weir_bytes value)
{
    (void)argument;
    int64_t *average = accumulator;
    average[0] += *(const int64_t *)value.data;
    average[1]++;
    return WEIR_OK;
}

static weir_status
average_merge(void *argument, void *accumulator, const void *other)
{
    (void)argument;
    int64_t *average = accumulator;
    const int64_t *from = other;
    average[0] += from[0];
    average[1] += from[1];
    return WEIR_OK;
}

static weir_status
average_result(void *argument, weir_bytes accumulator, weir_value_builder *out)
{
    (void)argument;
    const int64_t *average = accumulator.data;
    int64_t *result = weir_value_builder_reserve(out, sizeof *result);
    if (result == NULL) {
        return WEIR_NOMEM;
    }
    *result = average[0] * 100 / average[1];
    return WEIR_OK;
}

/* --- states --- */

struct plan {
    const char *name;
    weir_state_kind kind;
    bool has_namespace;
    bool is_pane;
    bool expires;
};

static const struct plan plans[STATES] = {
    [STATE_VALUE] = { "value", WEIR_STATE_VALUE, false, false, false },
    [STATE_LIST] = { "list", WEIR_STATE_LIST, false, false, false },
    [STATE_MAP] = { "map", WEIR_STATE_MAP, false, false, false },
    [STATE_SUM] = { "sum", WEIR_STATE_REDUCING, true, false, false },
    [STATE_AVERAGE] = { "average", WEIR_STATE_AGGREGATING, true, false, false },
    [STATE_WINDOW] = { "window", WEIR_STATE_LIST, true, false, false },
    [STATE_PANE] = { "pane", WEIR_STATE_VALUE, true, true, false },
    [STATE_TTL_VALUE] = { "ttl-value", WEIR_STATE_VALUE, false, false, true },
    [STATE_TTL_LIST] = { "ttl-list", WEIR_STATE_LIST, false, false, true },
    [STATE_TTL_MAP] = { "ttl-map", WEIR_STATE_MAP, false, false, true },
};

static const weir_type *
type_of(const struct world *world, enum state_index state)
{
    switch (state) {
    case STATE_VALUE:
    case STATE_TTL_VALUE:
        return world->value_type;
    case STATE_LIST:
    case STATE_MAP:
    case STATE_WINDOW:
    case STATE_TTL_LIST:
    case STATE_TTL_MAP:
        return world->element_type;
    case STATE_AVERAGE:
        return world->average_type;
    case STATE_SUM:
    case STATE_PANE:
    case STATES:
    default:
        return weir_type_of_kind(WEIR_I64);
    }
}

static void
make_state(struct world *world, struct world_task *task, enum state_index index)
{
    static const weir_reduce_function sum = { .size = sizeof sum, .reduce_in_place = sum_in_place };
    weir_aggregate_function average = { .size = sizeof average,
                                        .input_type = weir_type_of_kind(WEIR_I64),
                                        .result_type = weir_type_of_kind(WEIR_I64),
                                        .add_in_place = average_add,
                                        .merge_in_place = average_merge,
                                        .result = average_result };
    const struct plan *plan = &plans[index];
    bool expires = plan->expires && world->has_ttl;
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor,
        .kind = plan->kind,
        .name = plan->name,
        .type = type_of(world, index),
        .map_key_type = plan->kind == WEIR_STATE_MAP ? weir_type_of_kind(WEIR_I32) : NULL,
        .namespace_type = plan->has_namespace ? weir_type_of_kind(WEIR_I64) : NULL,
        .has_timestamps = expires,
        .namespace_is_pane = plan->is_pane,
        .ttl = expires ? &world->ttl : NULL,
        .reduce = plan->kind == WEIR_STATE_REDUCING ? &sum : NULL,
        .aggregate = plan->kind == WEIR_STATE_AGGREGATING ? &average : NULL,
    };
    weir_status status = weir_backend_create_state(task->task.backend, &descriptor,
                                                   &task->states[index], &world->rig.error);
    if (status != WEIR_OK) {
        fprintf(stderr, "state %s: %s\n", plan->name, world->rig.error.message);
    }
    EXPECT(status == WEIR_OK);
}

void
world_open(struct world *world, struct world_tasks *tasks, uint32_t count)
{
    memset(tasks, 0, sizeof *tasks);
    uint32_t groups = world->rig.max_parallelism;
    tasks->count = count < groups ? count : groups;
    for (uint32_t i = 0; i < tasks->count; i++) {
        uint32_t first = (i * groups + tasks->count - 1) / tasks->count;
        uint32_t last = ((i + 1) * groups - 1) / tasks->count;
        weir_status status = engine_task_open(&world->rig, &tasks->task[i].task, first, last);
        EXPECT(status == WEIR_OK);
        weir_backend_set_time(tasks->task[i].task.backend, world->now_ms);
    }
}

void
world_make_states(struct world *world, struct world_tasks *tasks)
{
    for (uint32_t i = 0; i < tasks->count; i++) {
        for (int state = 0; state < STATES; state++) {
            make_state(world, &tasks->task[i], (enum state_index)state);
        }
        EXPECT(wr_timers_create(tasks->task[i].task.backend, "model", NULL, &tasks->task[i].timers,
                                &world->rig.error) == WEIR_OK);
    }
}

void
world_close(struct world *world, struct world_tasks *tasks)
{
    for (uint32_t i = 0; i < tasks->count; i++) {
        wr_timers_destroy(tasks->task[i].timers);
        engine_task_close(&world->rig, &tasks->task[i].task);
    }
    tasks->count = 0;
}

struct world_task *
world_task_of(struct world_tasks *tasks, const weir_key *key)
{
    for (uint32_t i = 0; i < tasks->count; i++) {
        struct world_task *task = &tasks->task[i];
        if (key->key_group >= task->task.first && key->key_group <= task->task.last) {
            return task;
        }
    }
    abort();
}

weir_state *
world_bind(struct world *world, uint32_t key, enum state_index state)
{
    struct world_task *task = world_task_of(&world->tasks, &world->keys[key]);
    weir_state_bind(task->states[state], &world->keys[key]);
    return task->states[state];
}

weir_state *
world_bind_in(struct world *world, uint32_t key, enum state_index state, int64_t namespace_)
{
    weir_state *bound = world_bind(world, key, state);
    weir_status status = weir_state_set_namespace(bound, weir_bytes_of(&namespace_, 8));
    return world_refused(world, status) ? NULL : bound;
}

bool
world_refused(struct world *world, weir_status status)
{
    if (status == WEIR_NOMEM && world->is_refusing) {
        world->counts->refused++;
        return true;
    }
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        fprintf(stderr, "answered %s\n", weir_status_name(status));
    }
    EXPECT(status == WEIR_OK || status == WEIR_NOT_FOUND);
    return false;
}

bool
world_is_live(const struct world *world, const struct oracle_item *item)
{
    return item->number != 0 && (!world->has_ttl || item->written + TTL_MS > world->now_ms);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on state in namespaces: sums, averages, lists of windows, panes, and their merging. */
#include "model/world.h"

#include <string.h>

static int64_t
addend(const struct model_op *op)
{
    return (int64_t)(op->b % 2001) - 1000;
}

static bool
sum_add(struct world *world, const struct model_op *op)
{
    struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t window = op->a % WINDOWS;
    int64_t add = addend(op);
    weir_state *state = world_bind_in(world, op->key, STATE_SUM, window);
    if (state != NULL &&
        !world_refused(world, weir_reducing_add(state, weir_bytes_of(&add, sizeof add)))) {
        key->sum[window] = (key->has_sum[window] ? key->sum[window] : 0) + add;
        key->has_sum[window] = true;
    }
    return true;
}

static bool
sum_get(struct world *world, const struct model_op *op)
{
    const struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t window = op->a % WINDOWS;
    weir_bytes value = { NULL, 0 };
    weir_state *state = world_bind_in(world, op->key, STATE_SUM, window);
    weir_status status = state != NULL ? weir_reducing_get(state, &value) : WEIR_NOMEM;
    if (state != NULL && !world_refused(world, status)) {
        EXPECT((status == WEIR_OK) == key->has_sum[window]);
        EXPECT(status != WEIR_OK || memcmp(value.data, &key->sum[window], 8) == 0);
    }
    return true;
}

static bool
sum_clear(struct world *world, const struct model_op *op)
{
    uint32_t window = op->a % WINDOWS;
    weir_state *state = world_bind_in(world, op->key, STATE_SUM, window);
    if (state != NULL && !world_refused(world, weir_reducing_clear(state))) {
        world->oracle->keys[op->key].has_sum[window] = false;
    }
    return true;
}

static bool
average_add(struct world *world, const struct model_op *op)
{
    struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t window = op->a % WINDOWS;
    int64_t add = addend(op);
    weir_state *state = world_bind_in(world, op->key, STATE_AVERAGE, window);
    if (state != NULL &&
        !world_refused(world, weir_aggregating_add(state, weir_bytes_of(&add, sizeof add)))) {
        key->average_sum[window] += add;
        key->average_count[window]++;
    }
    return true;
}

static bool
average_get(struct world *world, const struct model_op *op)
{
    const struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t window = op->a % WINDOWS;
    weir_bytes value = { NULL, 0 };
    weir_state *state = world_bind_in(world, op->key, STATE_AVERAGE, window);
    weir_status status = state != NULL ? weir_aggregating_get(state, &value) : WEIR_NOMEM;
    if (state == NULL || world_refused(world, status)) {
        return true;
    }
    EXPECT((status == WEIR_OK) == (key->average_count[window] != 0));
    if (status == WEIR_OK) {
        int64_t expected = key->average_sum[window] * 100 / key->average_count[window];
        EXPECT(memcmp(value.data, &expected, 8) == 0);
    }
    return true;
}

static bool
window_read(struct world *world, const struct model_op *op)
{
    const struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t window = op->a % WINDOWS;
    if (!world->is_refusing) {
        compare_list(world_bind_in(world, op->key, STATE_WINDOW, window), world->element_shape,
                     key->window[window], key->window_count[window]);
    }
    return true;
}

static bool
window_add(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t window = op->a % WINDOWS;
    uint32_t number = 2 + op->b % (1u << 20);
    size_t size = shape_value(world->element_shape, number, bytes);
    weir_state *state = world_bind_in(world, op->key, STATE_WINDOW, window);
    if (state == NULL) {
        return true;
    }
    if (key->window_count[window] == WINDOW_LIST_MOST) {
        if (!world_refused(world, weir_list_clear(state))) {
            key->window_count[window] = 0;
        }
        return true;
    }
    if (!world_refused(world, weir_list_add(state, weir_bytes_of(bytes, size)))) {
        key->window[window][key->window_count[window]++] = number;
    }
    return true;
}

/* --- merging: two sources into a target, of which any may be empty --- */

struct merging {
    int64_t target;
    int64_t sources[2];
};

static weir_status
merge(struct world *world, const struct model_op *op, enum state_index index, struct merging *out)
{
    weir_state *state = world_bind(world, op->key, index);
    out->target = op->a % WINDOWS;
    out->sources[0] = (op->a + 1) % WINDOWS;
    out->sources[1] = (op->a + 2) % WINDOWS;
    weir_bytes sources[] = { weir_bytes_of(&out->sources[0], 8),
                             weir_bytes_of(&out->sources[1], 8) };
    return weir_state_merge_namespaces(state, weir_bytes_of(&out->target, 8), sources, 2);
}

static bool
sum_merge(struct world *world, const struct model_op *op)
{
    struct merging merging;
    struct oracle_key *key = &world->oracle->keys[op->key];
    if (world_refused(world, merge(world, op, STATE_SUM, &merging))) {
        return true;
    }
    for (int i = 0; i < 2; i++) {
        int64_t from = merging.sources[i];
        if (key->has_sum[from]) {
            key->sum[merging.target] =
                (key->has_sum[merging.target] ? key->sum[merging.target] : 0) + key->sum[from];
            key->has_sum[merging.target] = true;
            key->has_sum[from] = false;
        }
    }
    return true;
}

static bool
average_merge(struct world *world, const struct model_op *op)
{
    struct merging merging;
    struct oracle_key *key = &world->oracle->keys[op->key];
    if (world_refused(world, merge(world, op, STATE_AVERAGE, &merging))) {
        return true;
    }
    for (int i = 0; i < 2; i++) {
        int64_t from = merging.sources[i];
        key->average_sum[merging.target] += key->average_sum[from];
        key->average_count[merging.target] += key->average_count[from];
        key->average_sum[from] = key->average_count[from] = 0;
    }
    return true;
}

/* The target's elements come first, then those of the sources in their order. */
static bool
window_merge(struct world *world, const struct model_op *op)
{
    struct merging merging;
    struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t total = 0;
    for (uint32_t i = 0; i < 3; i++) {
        total += key->window_count[(op->a + i) % WINDOWS];
    }
    if (total > WINDOW_LIST_MOST ||
        world_refused(world, merge(world, op, STATE_WINDOW, &merging))) {
        return true;
    }
    uint32_t *count = &key->window_count[merging.target];
    for (int i = 0; i < 2; i++) {
        int64_t from = merging.sources[i];
        memcpy(key->window[merging.target] + *count, key->window[from],
               key->window_count[from] * sizeof key->window[0][0]);
        *count += key->window_count[from];
        key->window_count[from] = 0;
    }
    return true;
}

/* --- panes --- */

static bool
pane_upsert(struct world *world, const struct model_op *op)
{
    uint32_t *number = &world->oracle->keys[op->key].pane[op->a % PANES];
    weir_state *state = world_bind_in(world, op->key, STATE_PANE, op->a % PANES);
    void *value = NULL;
    bool created = false;
    if (state == NULL || world_refused(world, weir_value_upsert(state, &value, &created))) {
        return true;
    }
    EXPECT(created == (*number == 0));
    EXPECT(shape_is(VALUE_I64, created ? 1 : *number, weir_bytes_of(value, 8)));
    *number = 2 + op->b % (1u << 20);
    shape_value(VALUE_I64, *number, value);
    return true;
}

static bool
pane_get(struct world *world, const struct model_op *op)
{
    uint32_t number = world->oracle->keys[op->key].pane[op->a % PANES];
    weir_bytes value = { NULL, 0 };
    weir_state *state = world_bind_in(world, op->key, STATE_PANE, op->a % PANES);
    weir_status status = state != NULL ? weir_value_get(state, &value) : WEIR_NOMEM;
    if (state != NULL && !world_refused(world, status)) {
        EXPECT((status == WEIR_OK) == (number != 0));
        EXPECT(number == 0 || shape_is(VALUE_I64, number, value));
    }
    return true;
}

/* In all subtasks, as a window that has ended. */
static bool
pane_clear_all(struct world *world, const struct model_op *op)
{
    int64_t pane = op->a % PANES;
    for (uint32_t i = 0; i < world->tasks.count; i++) {
        struct world_task *task = &world->tasks.task[i];
        weir_status status =
            weir_state_clear_namespace(task->states[STATE_PANE], weir_bytes_of(&pane, 8));
        if (world_refused(world, status)) {
            continue;
        }
        for (uint32_t key = 0; key < world->key_count; key++) {
            if (world_task_of(&world->tasks, &world->keys[key]) == task) {
                world->oracle->keys[key].pane[pane] = 0;
            }
        }
    }
    return true;
}

bool
window_operation(struct world *world, const struct model_op *op)
{
    static bool (*const run[OP_KINDS])(struct world *, const struct model_op *) = {
        [OP_SUM_ADD] = sum_add,
        [OP_SUM_GET] = sum_get,
        [OP_SUM_CLEAR] = sum_clear,
        [OP_SUM_MERGE] = sum_merge,
        [OP_AVERAGE_ADD] = average_add,
        [OP_AVERAGE_GET] = average_get,
        [OP_AVERAGE_MERGE] = average_merge,
        [OP_WINDOW_ADD] = window_add,
        [OP_WINDOW_READ] = window_read,
        [OP_WINDOW_MERGE] = window_merge,
        [OP_PANE_UPSERT] = pane_upsert,
        [OP_PANE_GET] = pane_get,
        [OP_PANE_CLEAR_ALL] = pane_clear_all,
    };
    return run[op->kind] != NULL && run[op->kind](world, op);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on value and list state. */
#include "model/world.h"

#include <string.h>

enum {
    BATCH_MOST = 64
};

static uint32_t
number_of(uint32_t drawn)
{
    return 2 + drawn % (1u << 20);
}

/* --- value --- */

static bool
value_get(struct world *world, uint32_t key)
{
    weir_state *state = world_bind(world, key, STATE_VALUE);
    weir_bytes value = { NULL, 0 };
    weir_status status = weir_value_get(state, &value);
    uint32_t number = world->oracle->keys[key].value;
    if (!world_refused(world, status)) {
        EXPECT((status == WEIR_OK) == (number != 0));
        EXPECT(number == 0 || shape_is(world->value_shape, number, value));
    }
    return true;
}

static bool
value_put(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    weir_state *state = world_bind(world, op->key, STATE_VALUE);
    size_t size = shape_value(world->value_shape, number_of(op->a), bytes);
    if (world_refused(world, weir_value_put(state, weir_bytes_of(bytes, size)))) {
        return value_get(world, op->key);
    }
    world->oracle->keys[op->key].value = number_of(op->a);
    return true;
}

static bool
value_upsert(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    uint32_t *number = &world->oracle->keys[op->key].value;
    weir_state *state = world_bind(world, op->key, STATE_VALUE);
    void *value = NULL;
    bool created = false;
    weir_status status = weir_value_upsert(state, &value, &created);
    if (world->value_shape == VALUE_STRING) {
        EXPECT(status == WEIR_INVALID);
        return true;
    }
    if (world_refused(world, status)) {
        return value_get(world, op->key);
    }
    size_t size = weir_type_fixed_size(world->value_type);
    EXPECT(created == (*number == 0));
    EXPECT(shape_is(world->value_shape, created ? 1 : *number, weir_bytes_of(value, size)));
    *number = number_of(op->a);
    memcpy(value, bytes, shape_value(world->value_shape, *number, bytes));
    return true;
}

static bool
value_clear(struct world *world, uint32_t key)
{
    weir_state *state = world_bind(world, key, STATE_VALUE);
    if (!world_refused(world, weir_value_clear(state))) {
        world->oracle->keys[key].value = 0;
    }
    return true;
}

/* Entries that a refused batch has made stay, with defaults. */
static void
after_refused_batch(struct world *world, const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weir_bytes value;
        uint32_t *number = &world->oracle->keys[numbers[i]].value;
        weir_state *state = world_bind(world, numbers[i], STATE_VALUE);
        if (*number == 0 && weir_value_get(state, &value) == WEIR_OK) {
            *number = 1;
        }
        value_get(world, numbers[i]);
    }
}

/* Many keys of one subtask, some of them twice. */
static bool
value_many(struct world *world, const struct model_op *op)
{
    static uint32_t numbers[BATCH_MOST];
    static weir_key keys[BATCH_MOST];
    static void *values[BATCH_MOST];
    struct world_task *task = world_task_of(&world->tasks, &world->keys[op->key]);
    weir_state *state = task->states[STATE_VALUE];
    size_t count = 0;
    if (world->value_shape == VALUE_STRING) {
        return true;
    }
    for (uint32_t i = 0; i < op->a % BATCH_MOST; i++) {
        uint32_t key = (op->key + i * (1 + op->b % 5)) % world->key_count;
        if (world_task_of(&world->tasks, &world->keys[key]) == task) {
            numbers[count] = key;
            keys[count++] = world->keys[key];
        }
    }
    weir_state_prefetch(state, keys, count);
    if (world_refused(world, weir_state_upsert_many(state, keys, count, values))) {
        after_refused_batch(world, numbers, count);
        return true;
    }
    size_t size = weir_type_fixed_size(world->value_type);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[VALUE_SIZE_MOST];
        uint32_t *number = &world->oracle->keys[numbers[i]].value;
        EXPECT(shape_is(world->value_shape, *number != 0 ? *number : 1,
                        weir_bytes_of(values[i], size)));
        *number = number_of(op->b + (uint32_t)i);
        memcpy(values[i], bytes, shape_value(world->value_shape, *number, bytes));
    }
    for (size_t i = 0; i < count; i++) { /* all pointers are still good */
        EXPECT(shape_is(world->value_shape, world->oracle->keys[numbers[i]].value,
                        weir_bytes_of(values[i], size)));
    }
    return true;
}

static bool
delete_many(struct world *world, const struct model_op *op)
{
    for (uint32_t i = 0; i < op->a % world->key_count; i++) {
        value_clear(world, (op->key + i) % world->key_count);
    }
    return true;
}

bool
value_operation(struct world *world, const struct model_op *op)
{
    if (op->kind == OP_VALUE_PUT) {
        return value_put(world, op);
    }
    if (op->kind == OP_VALUE_UPSERT) {
        return value_upsert(world, op);
    }
    if (op->kind == OP_VALUE_GET) {
        return value_get(world, op->key);
    }
    if (op->kind == OP_VALUE_CLEAR) {
        return value_clear(world, op->key);
    }
    if (op->kind == OP_VALUE_MANY) {
        return value_many(world, op);
    }
    return op->kind == OP_DELETE_MANY && delete_many(world, op);
}

/* --- lists --- */

struct elements {
    uint8_t bytes[BATCH_MOST][VALUE_SIZE_MOST] __attribute__((aligned(8)));
    weir_bytes blocks[BATCH_MOST];
    uint32_t numbers[BATCH_MOST];
};

static void
make_elements(struct world *world, const struct model_op *op, size_t count, struct elements *out)
{
    for (uint32_t i = 0; i < count; i++) {
        out->numbers[i] = number_of(op->b + i * 7);
        size_t size = shape_value(world->element_shape, out->numbers[i], out->bytes[i]);
        out->blocks[i] = weir_bytes_of(out->bytes[i], size);
    }
}

static bool
list_read(struct world *world, uint32_t key)
{
    if (!world->is_refusing) { /* a read may need scratch memory */
        compare_list(world_bind(world, key, STATE_LIST), world->element_shape,
                     world->oracle->lists + key * world->list_room,
                     world->oracle->keys[key].list_count);
    }
    return true;
}

static bool
list_clear(struct world *world, uint32_t key)
{
    weir_state *state = world_bind(world, key, STATE_LIST);
    if (!world_refused(world, weir_list_clear(state))) {
        world->oracle->keys[key].list_count = 0;
    }
    return true;
}

static bool
list_add(struct world *world, const struct model_op *op, size_t count)
{
    static struct elements elements;
    struct oracle_key *key = &world->oracle->keys[op->key];
    weir_state *state = world_bind(world, op->key, STATE_LIST);
    if (key->list_count + count > world->list_room) {
        return list_clear(world, op->key);
    }
    make_elements(world, op, count, &elements);
    weir_status status = count == 1 ? weir_list_add(state, elements.blocks[0])
                                    : weir_list_add_all(state, elements.blocks, count);
    if (world_refused(world, status)) {
        return true;
    }
    if (world->is_planted && op->b % 97 == 0) {
        return true; /* the planted mistake */
    }
    for (size_t i = 0; i < count; i++) {
        world->oracle->lists[op->key * world->list_room + key->list_count++] = elements.numbers[i];
    }
    return true;
}

static bool
list_update(struct world *world, const struct model_op *op)
{
    static struct elements elements;
    size_t count = op->a % 9;
    weir_state *state = world_bind(world, op->key, STATE_LIST);
    count = count < world->list_room ? count : world->list_room;
    make_elements(world, op, count, &elements);
    if (!world_refused(world, weir_list_update(state, elements.blocks, count))) {
        world->oracle->keys[op->key].list_count = (uint32_t)count;
        memcpy(world->oracle->lists + op->key * world->list_room, elements.numbers,
               count * sizeof elements.numbers[0]);
    }
    return true;
}

bool
list_operation(struct world *world, const struct model_op *op)
{
    if (op->kind == OP_LIST_ADD) {
        return list_add(world, op, 1);
    }
    if (op->kind == OP_LIST_ADD_ALL) {
        return list_add(world, op, op->a % 24);
    }
    if (op->kind == OP_LIST_UPDATE) {
        return list_update(world, op);
    }
    if (op->kind == OP_LIST_READ) {
        return list_read(world, op->key);
    }
    return op->kind == OP_LIST_CLEAR && list_clear(world, op->key);
}

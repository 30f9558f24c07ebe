/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on map state: map keys are small numbers; 1 stands for null. */
#include "model/world.h"

#include <string.h>

static uint32_t *
cell_of(struct world *world, uint32_t key, uint32_t map_key)
{
    return &world->oracle->maps[key * world->map_room + map_key];
}

static uint32_t
map_key_of(const struct world *world, const struct model_op *op)
{
    return op->a % world->map_room;
}

static bool
map_put(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    uint32_t map_key = map_key_of(world, op);
    uint32_t number = op->kind == OP_MAP_PUT_NULL ? 1 : 2 + op->b % (1u << 20);
    weir_bytes value = { NULL, 0 };
    if (number != 1) {
        value = weir_bytes_of(bytes, shape_value(world->element_shape, number, bytes));
    }
    weir_state *state = world_bind(world, op->key, STATE_MAP);
    weir_status status = weir_map_put(state, weir_bytes_of(&map_key, 4), value);
    if (!world_refused(world, status)) {
        *cell_of(world, op->key, map_key) = number;
    }
    return true;
}

static bool
map_upsert(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    uint32_t map_key = map_key_of(world, op);
    uint32_t *cell = cell_of(world, op->key, map_key);
    weir_state *state = world_bind(world, op->key, STATE_MAP);
    void *value = NULL;
    bool created = false;
    weir_status status = weir_map_upsert(state, weir_bytes_of(&map_key, 4), &value, &created);
    if (world->element_shape == VALUE_STRING) {
        EXPECT(status == WEIR_INVALID);
        return true;
    }
    if (world_refused(world, status)) {
        return true;
    }
    EXPECT(created == (*cell <= 1)); /* of a null one too the defaults are made */
    EXPECT(shape_is(world->element_shape, *cell > 1 ? *cell : 1, weir_bytes_of(value, 8)));
    *cell = 2 + op->b % (1u << 20);
    memcpy(value, bytes, shape_value(world->element_shape, *cell, bytes));
    return true;
}

static bool
map_get(struct world *world, const struct model_op *op)
{
    uint32_t map_key = map_key_of(world, op);
    uint32_t number = *cell_of(world, op->key, map_key);
    weir_bytes value = { NULL, 0 };
    weir_state *state = world_bind(world, op->key, STATE_MAP);
    weir_status status = weir_map_get(state, weir_bytes_of(&map_key, 4), &value);
    if (world_refused(world, status)) {
        return true;
    }
    EXPECT((status == WEIR_OK) == (number != 0));
    EXPECT(number != 1 || (value.data == NULL && value.size == 0));
    EXPECT(number <= 1 || shape_is(world->element_shape, number, value));
    if (!world->is_refusing) {
        EXPECT(weir_map_contains(state, weir_bytes_of(&map_key, 4)) == (number != 0));
    }
    return true;
}

static bool
map_remove(struct world *world, const struct model_op *op)
{
    uint32_t map_key = map_key_of(world, op);
    weir_state *state = world_bind(world, op->key, STATE_MAP);
    if (!world_refused(world, weir_map_remove(state, weir_bytes_of(&map_key, 4)))) {
        *cell_of(world, op->key, map_key) = 0;
    }
    return true;
}

/* Removes or changes some of the entries on the way; each is given once. */
static bool
map_walk(struct world *world, const struct model_op *op)
{
    static bool seen[CELLS];
    weir_state *state = world_bind(world, op->key, STATE_MAP);
    weir_cursor cursor = { { 0 } };
    weir_bytes key;
    weir_bytes value;
    weir_status status;
    if (world->is_refusing) {
        return true;
    }
    memset(seen, 0, world->map_room);
    while ((status = weir_map_next(state, &cursor, &key, &value)) == WEIR_OK) {
        uint32_t map_key = UINT32_MAX;
        EXPECT(key.size == 4);
        memcpy(&map_key, key.data, 4);
        EXPECT(map_key < world->map_room && !seen[map_key]);
        seen[map_key] = true;
        uint32_t *cell = cell_of(world, op->key, map_key);
        EXPECT(*cell != 0);
        EXPECT(*cell == 1 ? value.data == NULL : shape_is(world->element_shape, *cell, value));
        if ((map_key + op->b) % 5 == 0) {
            EXPECT(weir_map_remove(state, weir_bytes_of(&map_key, 4)) == WEIR_OK);
            *cell = 0;
        } else if ((map_key + op->b) % 7 == 0) {
            uint8_t bytes[VALUE_SIZE_MOST];
            *cell = 2 + (op->b + map_key) % (1u << 20);
            size_t size = shape_value(world->element_shape, *cell, bytes);
            EXPECT(weir_map_put(state, weir_bytes_of(&map_key, 4), weir_bytes_of(bytes, size)) ==
                   WEIR_OK);
        }
    }
    EXPECT(status == WEIR_NOT_FOUND);
    bool is_empty = true;
    for (uint32_t i = 0; i < world->map_room; i++) {
        uint32_t number = *cell_of(world, op->key, i);
        EXPECT(number == 0 || seen[i]);
        is_empty = is_empty && number == 0;
    }
    EXPECT(weir_map_is_empty(state) == is_empty);
    return true;
}

static bool
map_clear(struct world *world, const struct model_op *op)
{
    weir_state *state = world_bind(world, op->key, STATE_MAP);
    if (!world_refused(world, weir_map_clear(state))) {
        memset(cell_of(world, op->key, 0), 0, world->map_room * sizeof(uint32_t));
    }
    return true;
}

bool
map_operation(struct world *world, const struct model_op *op)
{
    if (op->kind == OP_MAP_PUT || op->kind == OP_MAP_PUT_NULL) {
        return map_put(world, op);
    }
    if (op->kind == OP_MAP_UPSERT) {
        return map_upsert(world, op);
    }
    if (op->kind == OP_MAP_GET) {
        return map_get(world, op);
    }
    if (op->kind == OP_MAP_REMOVE) {
        return map_remove(world, op);
    }
    if (op->kind == OP_MAP_WALK) {
        return map_walk(world, op);
    }
    return op->kind == OP_MAP_CLEAR && map_clear(world, op);
}

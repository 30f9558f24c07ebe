/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on state that expires, while ttl is on; with it off the same without expiry. Times are
 * those of the oracle's clock. */
#include "model/world.h"

#include <string.h>

static void
write_item(const struct world *world, struct oracle_item *item, uint32_t number)
{
    item->number = number;
    item->written = world->now_ms;
}

static bool
value_put(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    uint32_t number = 2 + op->b % (1u << 20);
    weir_state *state = world_bind(world, op->key, STATE_TTL_VALUE);
    size_t size = shape_value(world->value_shape, number, bytes);
    if (!world_refused(world, weir_value_put(state, weir_bytes_of(bytes, size)))) {
        write_item(world, &world->oracle->keys[op->key].ttl_value, number);
    }
    return true;
}

static bool
value_upsert(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    struct oracle_item *item = &world->oracle->keys[op->key].ttl_value;
    weir_state *state = world_bind(world, op->key, STATE_TTL_VALUE);
    bool is_live = world_is_live(world, item);
    void *value = NULL;
    bool created = false;
    if (world->value_shape == VALUE_STRING ||
        world_refused(world, weir_value_upsert(state, &value, &created))) {
        return true;
    }
    EXPECT(created == !is_live);
    EXPECT(shape_is(world->value_shape, is_live ? item->number : 1,
                    weir_bytes_of(value, weir_type_fixed_size(world->value_type))));
    write_item(world, item, 2 + op->b % (1u << 20));
    memcpy(value, bytes, shape_value(world->value_shape, item->number, bytes));
    return true;
}

static bool
value_get(struct world *world, const struct model_op *op)
{
    weir_state *state = world_bind(world, op->key, STATE_TTL_VALUE);
    compare_ttl_value(world, state, &world->oracle->keys[op->key].ttl_value);
    return true;
}

static bool
list_add(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    struct oracle_key *key = &world->oracle->keys[op->key];
    uint32_t number = 2 + op->b % (1u << 20);
    size_t size = shape_value(world->element_shape, number, bytes);
    weir_bytes element = weir_bytes_of(bytes, size);
    weir_state *state = world_bind(world, op->key, STATE_TTL_LIST);
    bool is_full = key->ttl_list_count == TTL_LIST_MOST;
    weir_status status =
        is_full ? weir_list_update(state, &element, 1) : weir_list_add(state, element);
    if (!world_refused(world, status)) {
        key->ttl_list_count = is_full ? 0 : key->ttl_list_count;
        write_item(world, &key->ttl_list[key->ttl_list_count++], number);
    }
    return true;
}

static bool
list_read(struct world *world, const struct model_op *op)
{
    if (!world->is_refusing) {
        compare_ttl_list(world, world_bind(world, op->key, STATE_TTL_LIST),
                         &world->oracle->keys[op->key]);
    }
    return true;
}

static bool
map_put(struct world *world, const struct model_op *op)
{
    uint8_t bytes[VALUE_SIZE_MOST];
    uint32_t map_key = op->a % TTL_MAP_KEYS;
    uint32_t number = op->b % 11 == 0 ? 1 : 2 + op->b % (1u << 20);
    weir_bytes value = { NULL, 0 };
    if (number != 1) {
        value = weir_bytes_of(bytes, shape_value(world->element_shape, number, bytes));
    }
    weir_state *state = world_bind(world, op->key, STATE_TTL_MAP);
    if (!world_refused(world, weir_map_put(state, weir_bytes_of(&map_key, 4), value))) {
        write_item(world, &world->oracle->keys[op->key].ttl_map[map_key], number);
    }
    return true;
}

static bool
map_read(struct world *world, const struct model_op *op)
{
    weir_state *state = world_bind(world, op->key, STATE_TTL_MAP);
    uint32_t map_key = op->a % TTL_MAP_KEYS;
    compare_ttl_entry(world, state, map_key, &world->oracle->keys[op->key].ttl_map[map_key]);
    return true;
}

static bool
advance(struct world *world, const struct model_op *op)
{
    world->now_ms += op->a % 60;
    for (uint32_t i = 0; i < world->tasks.count; i++) {
        weir_backend_set_time(world->tasks.task[i].task.backend, world->now_ms);
    }
    return true;
}

bool
ttl_operation(struct world *world, const struct model_op *op)
{
    static bool (*const run[OP_KINDS])(struct world *, const struct model_op *) = {
        [OP_TTL_VALUE_PUT] = value_put, [OP_TTL_VALUE_UPSERT] = value_upsert,
        [OP_TTL_VALUE_GET] = value_get, [OP_TTL_LIST_ADD] = list_add,
        [OP_TTL_LIST_READ] = list_read, [OP_TTL_MAP_PUT] = map_put,
        [OP_TTL_MAP_READ] = map_read,   [OP_CLOCK] = advance,
    };
    return run[op->kind] != NULL && run[op->kind](world, op);
}

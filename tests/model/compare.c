/* SPDX-License-Identifier: Apache-2.0 */
/* compare: what the subtasks hold against what the oracle says. */
#include "model/world.h"

#include <string.h>

static weir_state *
state_of(struct world *world, struct world_tasks *tasks, uint32_t key, enum state_index index)
{
    struct world_task *task = world_task_of(tasks, &world->keys[key]);
    weir_state_bind(task->states[index], &world->keys[key]);
    return task->states[index];
}

static weir_state *
state_in(struct world *world, struct world_tasks *tasks, uint32_t key, enum state_index index,
         int64_t namespace_)
{
    weir_state *state = state_of(world, tasks, key, index);
    EXPECT(weir_state_set_namespace(state, weir_bytes_of(&namespace_, 8)) == WEIR_OK);
    return state;
}

void
compare_list(weir_state *state, enum value_shape shape, const uint32_t *numbers, uint32_t count)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    for (uint32_t i = 0; i < count; i++) {
        EXPECT(weir_list_next(state, &cursor, &element) == WEIR_OK);
        EXPECT(shape_is(shape, numbers[i], element));
    }
    EXPECT(weir_list_next(state, &cursor, &element) == WEIR_NOT_FOUND);
}

/* --- what expires --- */

static void
renew(const struct world *world, struct oracle_item *item)
{
    if (world->has_ttl && world->ttl.update == WEIR_TTL_ON_READ_AND_WRITE) {
        item->written = world->now_ms;
    }
}

void
compare_ttl_value(struct world *world, weir_state *state, struct oracle_item *item)
{
    weir_bytes value = { NULL, 0 };
    weir_status status = weir_value_get(state, &value);
    bool is_live = world_is_live(world, item);
    if (world_refused(world, status)) {
        return;
    }
    EXPECT((status == WEIR_OK) == is_live);
    EXPECT(!is_live || shape_is(world->value_shape, item->number, value));
    if (is_live) {
        renew(world, item);
    }
}

void
compare_ttl_entry(struct world *world, weir_state *state, uint32_t map_key,
                  struct oracle_item *item)
{
    weir_bytes value = { NULL, 0 };
    weir_status status = weir_map_get(state, weir_bytes_of(&map_key, 4), &value);
    bool is_live = world_is_live(world, item);
    if (world_refused(world, status)) {
        return;
    }
    EXPECT((status == WEIR_OK) == is_live);
    EXPECT(!is_live || (item->number == 1 ? value.data == NULL
                                          : shape_is(world->element_shape, item->number, value)));
    if (is_live) {
        renew(world, item);
    }
}

void
compare_ttl_list(struct world *world, weir_state *state, struct oracle_key *key)
{
    uint32_t numbers[TTL_LIST_MOST];
    uint32_t count = 0;
    for (uint32_t i = 0; i < key->ttl_list_count; i++) {
        if (world_is_live(world, &key->ttl_list[i])) {
            numbers[count++] = key->ttl_list[i].number;
            renew(world, &key->ttl_list[i]);
        }
    }
    compare_list(state, world->element_shape, numbers, count);
}

/* --- all --- */

static void
compare_map(struct world *world, weir_state *state, const uint32_t *cells)
{
    bool is_empty = true;
    for (uint32_t map_key = 0; map_key < world->map_room; map_key++) {
        weir_bytes value = { NULL, 0 };
        weir_status status = weir_map_get(state, weir_bytes_of(&map_key, 4), &value);
        uint32_t number = cells[map_key];
        EXPECT(status == (number == 0 ? WEIR_NOT_FOUND : WEIR_OK));
        EXPECT(number != 1 || value.data == NULL);
        EXPECT(number <= 1 || shape_is(world->element_shape, number, value));
        is_empty = is_empty && number == 0;
    }
    EXPECT(weir_map_is_empty(state) == is_empty);
}

static void
compare_windows(struct world *world, struct world_tasks *tasks, struct oracle *oracle, uint32_t key)
{
    struct oracle_key *expected = &oracle->keys[key];
    weir_bytes value = { NULL, 0 };
    for (uint32_t i = 0; i < WINDOWS; i++) {
        weir_status status = weir_reducing_get(state_in(world, tasks, key, STATE_SUM, i), &value);
        EXPECT(status == (expected->has_sum[i] ? WEIR_OK : WEIR_NOT_FOUND));
        EXPECT(status != WEIR_OK || memcmp(value.data, &expected->sum[i], 8) == 0);
        status = weir_aggregating_get(state_in(world, tasks, key, STATE_AVERAGE, i), &value);
        EXPECT(status == (expected->average_count[i] != 0 ? WEIR_OK : WEIR_NOT_FOUND));
        if (status == WEIR_OK) {
            int64_t average = expected->average_sum[i] * 100 / expected->average_count[i];
            EXPECT(memcmp(value.data, &average, 8) == 0);
        }
        compare_list(state_in(world, tasks, key, STATE_WINDOW, i), world->element_shape,
                     expected->window[i], expected->window_count[i]);
    }
    for (uint32_t i = 0; i < PANES; i++) {
        weir_status status = weir_value_get(state_in(world, tasks, key, STATE_PANE, i), &value);
        EXPECT(status == (expected->pane[i] == 0 ? WEIR_NOT_FOUND : WEIR_OK));
        EXPECT(status != WEIR_OK || shape_is(VALUE_I64, expected->pane[i], value));
    }
}

static weir_status
count_entry(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)argument;
    return WEIR_OK;
}

static uint64_t
count_entries(struct world_tasks *tasks, enum state_index index)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < tasks->count; i++) {
        EXPECT(weir_state_iterate(tasks->task[i].states[index], count_entry, &count) == WEIR_OK);
    }
    return count;
}

void
compare_all(struct world *world, struct world_tasks *tasks, struct oracle *oracle)
{
    uint64_t values = 0;
    uint64_t lists = 0;
    uint64_t panes = 0;
    for (uint32_t key = 0; key < world->key_count; key++) {
        struct oracle_key *expected = &oracle->keys[key];
        weir_bytes value = { NULL, 0 };
        weir_status status = weir_value_get(state_of(world, tasks, key, STATE_VALUE), &value);
        EXPECT(status == (expected->value == 0 ? WEIR_NOT_FOUND : WEIR_OK));
        EXPECT(status != WEIR_OK || shape_is(world->value_shape, expected->value, value));
        compare_list(state_of(world, tasks, key, STATE_LIST), world->element_shape,
                     oracle->lists + key * world->list_room, expected->list_count);
        compare_map(world, state_of(world, tasks, key, STATE_MAP),
                    oracle->maps + key * world->map_room);
        compare_windows(world, tasks, oracle, key);
        compare_ttl_value(world, state_of(world, tasks, key, STATE_TTL_VALUE),
                          &expected->ttl_value);
        compare_ttl_list(world, state_of(world, tasks, key, STATE_TTL_LIST), expected);
        for (uint32_t i = 0; i < TTL_MAP_KEYS; i++) {
            compare_ttl_entry(world, state_of(world, tasks, key, STATE_TTL_MAP), i,
                              &expected->ttl_map[i]);
        }
        values += expected->value != 0;
        lists += expected->list_count != 0;
        for (int i = 0; i < PANES; i++) {
            panes += expected->pane[i] != 0;
        }
    }
    EXPECT(count_entries(tasks, STATE_VALUE) == values);
    EXPECT(count_entries(tasks, STATE_LIST) == lists);
    EXPECT(count_entries(tasks, STATE_PANE) == panes);
}

/* --- iterate --- */

struct walk {
    struct world *world;
    bool seen[KEYS_MOST];
    uint64_t count;
    enum state_index index;
};

static bool
is_in_oracle(const struct world *world, uint32_t key, enum state_index index)
{
    const uint32_t *cells = world->oracle->maps + key * world->map_room;
    if (index != STATE_MAP) {
        return index == STATE_VALUE ? world->oracle->keys[key].value != 0
                                    : world->oracle->keys[key].list_count != 0;
    }
    for (uint32_t i = 0; i < world->map_room; i++) {
        if (cells[i] != 0) {
            return true;
        }
    }
    return false;
}

static weir_status
see(void *argument, const weir_key *key, weir_bytes value)
{
    struct walk *walk = argument;
    uint32_t number = shape_key_number(walk->world, weir_bytes_of(key->data, key->size));
    EXPECT(number < walk->world->key_count && !walk->seen[number]);
    walk->seen[number] = true;
    walk->count++;
    EXPECT(key->hash == walk->world->keys[number].hash);
    EXPECT(key->key_group == walk->world->keys[number].key_group);
    EXPECT(is_in_oracle(walk->world, number, walk->index));
    EXPECT(walk->index != STATE_VALUE ||
           shape_is(walk->world->value_shape, walk->world->oracle->keys[number].value, value));
    return WEIR_OK;
}

static weir_status
clear_some(void *argument, const weir_key *key)
{
    struct walk *walk = argument;
    struct world *world = walk->world;
    weir_status status =
        see(argument, key, weir_bytes_of(NULL, 0)); /* its index is not that of values */
    uint32_t number = shape_key_number(world, weir_bytes_of(key->data, key->size));
    if (status == WEIR_OK && number % 3 == 0) {
        struct world_task *task = world_task_of(&world->tasks, key);
        status = weir_list_clear(task->states[STATE_LIST]); /* the key is bound */
        world->oracle->keys[number].list_count = 0;
    }
    return status;
}

bool
iterate_operation(struct world *world, const struct model_op *op)
{
    static const enum state_index states[] = { STATE_VALUE, STATE_LIST, STATE_MAP };
    bool changes = op->kind == OP_FOR_EACH_KEY;
    if ((op->kind != OP_ITERATE && !changes) || world->is_refusing) {
        return op->kind == OP_ITERATE || changes;
    }
    struct walk walk = { .world = world, .index = changes ? STATE_LIST : states[op->a % 3] };
    uint64_t expected = 0;
    for (uint32_t key = 0; key < world->key_count; key++) {
        expected += is_in_oracle(world, key, walk.index);
    }
    for (uint32_t i = 0; i < world->tasks.count; i++) {
        weir_state *state = world->tasks.task[i].states[walk.index];
        EXPECT((changes ? weir_state_for_each_key(state, weir_bytes_of(NULL, 0), clear_some, &walk)
                        : weir_state_iterate(state, see, &walk)) == WEIR_OK);
    }
    EXPECT(walk.count == expected);
    return true;
}

/* --- ttl switched --- */

static bool
is_expired(const struct world *world, const struct oracle_item *item)
{
    return item->number != 0 && item->written + TTL_MS <= world->now_ms;
}

/* From the end, since what has expired is at the front. */
static void
adopt_list(struct world *world, weir_state *state, struct oracle_key *key)
{
    static uint8_t bytes[TTL_LIST_MOST][VALUE_SIZE_MOST];
    size_t sizes[TTL_LIST_MOST] = { 0 };
    uint32_t there = 0;
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    while (weir_list_next(state, &cursor, &element) == WEIR_OK) {
        EXPECT(there < key->ttl_list_count && element.size <= VALUE_SIZE_MOST);
        memcpy(bytes[there], element.data, element.size);
        sizes[there++] = element.size;
    }
    uint32_t kept = key->ttl_list_count;
    for (uint32_t i = key->ttl_list_count; i-- > 0;) {
        const struct oracle_item *item = &key->ttl_list[i];
        if (there != 0 && shape_is(world->element_shape, item->number,
                                   weir_bytes_of(bytes[there - 1], sizes[there - 1]))) {
            there--;
            key->ttl_list[--kept] = *item;
        } else {
            EXPECT(is_expired(world, item));
        }
    }
    EXPECT(there == 0);
    key->ttl_list_count -= kept;
    memmove(key->ttl_list, key->ttl_list + kept, key->ttl_list_count * sizeof key->ttl_list[0]);
}

static void
adopt_key(struct world *world, struct world_tasks *tasks, uint32_t number, struct oracle_key *key)
{
    weir_bytes value;
    weir_state *values = state_of(world, tasks, number, STATE_TTL_VALUE);
    weir_state *maps = state_of(world, tasks, number, STATE_TTL_MAP);
    if (is_expired(world, &key->ttl_value) && weir_value_get(values, &value) == WEIR_NOT_FOUND) {
        key->ttl_value.number = 0;
    }
    adopt_list(world, state_of(world, tasks, number, STATE_TTL_LIST), key);
    for (uint32_t i = 0; i < TTL_MAP_KEYS; i++) {
        if (is_expired(world, &key->ttl_map[i]) &&
            weir_map_get(maps, weir_bytes_of(&i, 4), &value) == WEIR_NOT_FOUND) {
            key->ttl_map[i].number = 0;
        }
    }
}

void
adopt_switch(struct world *world, struct world_tasks *tasks, struct oracle *oracle)
{
    for (uint32_t i = 0; i < world->key_count; i++) {
        struct oracle_key *key = &oracle->keys[i];
        if (!world->has_ttl) {
            adopt_key(world, tasks, i, key);
            continue;
        }
        key->ttl_value.written = world->now_ms;
        for (uint32_t j = 0; j < key->ttl_list_count; j++) {
            key->ttl_list[j].written = world->now_ms;
        }
        for (int j = 0; j < TTL_MAP_KEYS; j++) {
            key->ttl_map[j].written = world->now_ms;
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/state/heap_scene.h: the engine hashmap with a state of every kind, a plain model
 * beside it, and chains of snapshot files. For the tests of its snapshots.
 *
 * The engine's entries are called by themselves: items with timestamps are made here.
 */
#ifndef WEIR_TESTS_HEAP_SCENE_H
#define WEIR_TESTS_HEAP_SCENE_H

#include "state/heap/list.h"
#include "state/heap/map.h"
#include "state/key_hash.h"
#include "support/state_rig.h"

enum {
    SCENE_KEYS = 192,
    SCENE_ITEMS = 10, /* of a list or map in the model */
    SCENE_STATES = 14,
    SCENE_ITEM_BYTES = 4200,
    SCENE_CHAIN = 64
};

struct scene_spec {
    const char *name;
    weir_state_kind kind;
    weir_kind type; /* WEIR_STRUCT: 64 bytes wide */
    weir_kind map_key;
    weir_kind namespace_;
    bool has_timestamps;
    bool is_pane;
};

static const struct scene_spec scene_specs[SCENE_STATES] = {
    { "count", WEIR_STATE_VALUE, WEIR_I64, 0, 0, false, false },
    { "text", WEIR_STATE_VALUE, WEIR_STRING, 0, 0, false, false },
    { "wide", WEIR_STATE_VALUE, WEIR_STRUCT, 0, 0, false, false },
    { "sum", WEIR_STATE_REDUCING, WEIR_I64, 0, WEIR_I64, false, false },
    { "named", WEIR_STATE_AGGREGATING, WEIR_I32, 0, WEIR_STRING, false, false },
    { "list", WEIR_STATE_LIST, WEIR_I64, 0, 0, false, false },
    { "texts", WEIR_STATE_LIST, WEIR_STRING, 0, WEIR_I64, false, false },
    { "map", WEIR_STATE_MAP, WEIR_I64, WEIR_I64, 0, false, false },
    { "names", WEIR_STATE_MAP, WEIR_STRING, WEIR_STRING, 0, false, false },
    { "timers", WEIR_STATE_TIMERS, WEIR_BOOL, 0, 0, false, false },
    { "panes", WEIR_STATE_REDUCING, WEIR_I64, 0, WEIR_I64, false, true },
    { "aged", WEIR_STATE_VALUE, WEIR_I64, 0, 0, true, false },
    { "aged list", WEIR_STATE_LIST, WEIR_STRING, 0, 0, true, false },
    { "aged map", WEIR_STATE_MAP, WEIR_I64, WEIR_I64, 0, true, false },
};

struct scene_item {
    uint16_t map_key;
    bool is_null;
    uint16_t size; /* of a string */
    uint32_t seed;
};

struct scene_cell {
    uint32_t count; /* 0: no entry */
    struct scene_item items[SCENE_ITEMS];
};

struct scene_world {
    struct scene_cell cells[SCENE_STATES][SCENE_KEYS];
};

struct scene {
    struct rig rig;
    weir_type *wide;
    weir_backend *backend;
    weir_state *states[SCENE_STATES];
    struct scene_world world;
    struct wr_rng rng;
    uint64_t next_id;
};

/* The files that make up a checkpoint. */
struct scene_chain {
    struct rig_file files[SCENE_CHAIN];
    size_t count;
};

static RIG_UNUSED const weir_type *
scene_type(const struct scene *scene, weir_kind kind)
{
    return kind == 0 ? NULL : kind == WEIR_STRUCT ? scene->wide : weir_type_of_kind(kind);
}

static RIG_UNUSED weir_state_descriptor
scene_descriptor(const struct scene *scene, size_t state, bool has_timestamps)
{
    const struct scene_spec *spec = &scene_specs[state];
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = spec->kind,
                                    .name = spec->name,
                                    .type = scene_type(scene, spec->type),
                                    .map_key_type = scene_type(scene, spec->map_key),
                                    .namespace_type = scene_type(scene, spec->namespace_),
                                    .has_timestamps = has_timestamps,
                                    .namespace_is_pane = spec->is_pane };
}

static RIG_UNUSED void
scene_states(struct scene *scene, weir_backend *backend, weir_state **out_states)
{
    for (size_t i = 0; i < SCENE_STATES; i++) {
        weir_state_descriptor descriptor =
            scene_descriptor(scene, i, scene_specs[i].has_timestamps);
        assert_ok(
            backend->ops->create_state(backend, &descriptor, &out_states[i], &scene->rig.error),
            &scene->rig.error);
    }
}

static RIG_UNUSED void
scene_init(struct scene *scene, uint64_t seed)
{
    memset(scene, 0, sizeof *scene);
    rig_init(&scene->rig);
    scene->rig.max_parallelism = 4;
    weir_alloc alloc = wr_memory_system();
    static const char *const names[8] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    weir_field fields[8];
    for (uint32_t i = 0; i < 8; i++) {
        fields[i] = (weir_field){ names[i], WEIR_I64, i * 8, 8, NULL, NULL };
    }
    assert_ok(
        weir_type_create_struct(&alloc, "wide", 64, fields, 8, &scene->wide, &scene->rig.error),
        &scene->rig.error);
    wr_rng_init(&scene->rng, seed);
    scene->backend = rig_open(&scene->rig, weir_type_of_kind(WEIR_I64));
    scene_states(scene, scene->backend, scene->states);
    scene->next_id = 1;
}

static RIG_UNUSED void
scene_fini(struct scene *scene)
{
    weir_backend_close(scene->backend);
    weir_type_destroy(scene->wide);
    rig_fini(&scene->rig);
}

/* The engine's key of a number, in room of the caller. */
static RIG_UNUSED weir_key
scene_key(const struct scene *scene, size_t state, uint32_t number, uint8_t room[64])
{
    const struct scene_spec *spec = &scene_specs[state];
    int64_t key = (int64_t)(number / 3) * 7919; /* some keys have several namespaces or timers */
    if (spec->namespace_ == 0 && spec->kind != WEIR_STATE_TIMERS) {
        key = (int64_t)number * 7919;
    }
    size_t size = 8;
    memcpy(room, &key, 8);
    if (spec->kind == WEIR_STATE_TIMERS) {
        wr_put_u64(room + size, 1000 + number % 3);
        size += 8;
    }
    if (spec->namespace_ == WEIR_I64) {
        wr_put_u64(room + size, number % 3);
        size += 8;
    }
    if (spec->namespace_ == WEIR_STRING) {
        uint32_t length = 1 + number % 3 * 9;
        memset(room + size, 'n', length);
        wr_put_u32(room + size + length, length);
        size += length + 4;
    }
    weir_key made = rig_number(&scene->rig, &key);
    return (weir_key){ .data = room,
                       .size = (uint32_t)size,
                       .key_group = made.key_group,
                       .hash = wr_key_hash(room, size, scene->rig.seed) };
}

static RIG_UNUSED weir_bytes
scene_map_key(size_t state, uint32_t map_key, uint8_t room[64])
{
    if (scene_specs[state].map_key == WEIR_I64) {
        wr_put_u64(room, map_key);
        return weir_bytes_of(room, 8);
    }
    memset(room, 'a' + (int)map_key, 1 + map_key);
    return weir_bytes_of(room, 1 + map_key);
}

/* The item's bytes; its seed is its timestamp too. */
static RIG_UNUSED weir_bytes
scene_bytes(size_t state, const struct scene_item *item, bool has_timestamps, uint8_t *room)
{
    const struct scene_spec *spec = &scene_specs[state];
    size_t size = 0;
    if (item->is_null) {
        return weir_bytes_of(NULL, 0);
    }
    if (spec->kind == WEIR_STATE_TIMERS) {
        return weir_bytes_of(room, 0);
    }
    if (has_timestamps) {
        wr_put_u64(room, item->seed);
        size = 8;
    }
    if (spec->type == WEIR_STRING) {
        weir_string string = { .offset = 8, .size = item->size };
        memcpy(room + size, &string, sizeof string);
        memset(room + size + 8, 'a' + (int)(item->seed % 26), weir_round8(item->size));
        memset(room + size + 8 + item->size, 0, weir_round8(item->size) - item->size);
        return weir_bytes_of(room, size + 8 + weir_round8(item->size));
    }
    size_t width = spec->type == WEIR_STRUCT ? 64 : spec->type == WEIR_I32 ? 4 : 8;
    memset(room + size, (int)(item->seed & 0x7f), width);
    memcpy(room + size, &item->seed, 4);
    return weir_bytes_of(room, size + width);
}

/* --- writing: engine and model --- */

static RIG_UNUSED void
scene_remove(struct scene *scene, size_t state, uint32_t number)
{
    uint8_t room[64];
    weir_key key = scene_key(scene, state, number, room);
    assert_ok(wr_heap_remove(scene->states[state], &key), NULL);
    scene->world.cells[state][number].count = 0;
}

static RIG_UNUSED void
scene_write_map(struct scene *scene, size_t state, const weir_key *key, struct scene_cell *cell,
                const struct scene_item *item, weir_bytes bytes)
{
    uint8_t room[64];
    weir_bytes map_key = scene_map_key(state, item->map_key, room);
    assert_ok(wr_heap_map_put(scene->states[state], key, map_key, bytes), NULL);
    for (uint32_t i = 0; i < cell->count; i++) {
        if (cell->items[i].map_key == item->map_key) {
            cell->items[i] = *item;
            return;
        }
    }
    cell->items[cell->count++] = *item;
}

/* Puts, adds or maps one item. */
static RIG_UNUSED void
scene_write(struct scene *scene, size_t state, uint32_t number, struct scene_item item)
{
    const struct scene_spec *spec = &scene_specs[state];
    struct scene_cell *cell = &scene->world.cells[state][number];
    uint8_t room[64];
    uint8_t bytes_room[SCENE_ITEM_BYTES];
    weir_key key = scene_key(scene, state, number, room);
    item.map_key %= SCENE_ITEMS;
    item.is_null = item.is_null && spec->kind == WEIR_STATE_MAP && !spec->has_timestamps;
    weir_bytes bytes = scene_bytes(state, &item, spec->has_timestamps, bytes_room);
    if (spec->kind == WEIR_STATE_MAP) {
        scene_write_map(scene, state, &key, cell, &item, bytes);
    } else if (spec->kind == WEIR_STATE_LIST) {
        if (cell->count == SCENE_ITEMS) {
            scene_remove(scene, state, number);
        }
        assert_ok(wr_heap_list_add(scene->states[state], &key, &bytes, 1), NULL);
        cell->items[cell->count++] = item;
    } else {
        assert_ok(wr_heap_put(scene->states[state], &key, bytes), NULL);
        cell->items[0] = item;
        cell->count = 1;
    }
}

static RIG_UNUSED void
scene_unmap(struct scene *scene, size_t state, uint32_t number, uint32_t map_key)
{
    struct scene_cell *cell = &scene->world.cells[state][number];
    uint8_t room[64];
    uint8_t map_room[64];
    weir_key key = scene_key(scene, state, number, room);
    assert_ok(
        wr_heap_map_remove(scene->states[state], &key, scene_map_key(state, map_key, map_room)),
        NULL);
    for (uint32_t i = 0; i < cell->count; i++) {
        if (cell->items[i].map_key == map_key) {
            cell->items[i] = cell->items[--cell->count];
            return;
        }
    }
}

/* All that stands under one of the three namespaces. */
static RIG_UNUSED void
scene_clear_namespace(struct scene *scene, size_t state, uint32_t which)
{
    int64_t name = which;
    assert_ok(wr_heap_clear_namespace(scene->states[state], weir_bytes_of(&name, sizeof name)),
              NULL);
    for (uint32_t number = which; number < SCENE_KEYS; number += 3) {
        scene->world.cells[state][number].count = 0;
    }
}

/* A random change. */
static RIG_UNUSED void
scene_change(struct scene *scene, size_t state, uint32_t number)
{
    uint32_t roll = (uint32_t)wr_rng_below(&scene->rng, 100);
    if (roll < 12) {
        scene_remove(scene, state, number);
    } else if (roll < 22 && scene_specs[state].kind == WEIR_STATE_MAP) {
        scene_unmap(scene, state, number, (uint32_t)wr_rng_below(&scene->rng, SCENE_ITEMS));
    } else {
        uint16_t most = roll > 97 ? 4000 : 40;
        scene_write(scene, state, number,
                    (struct scene_item){ .map_key = (uint16_t)wr_rng_below(&scene->rng, 99),
                                         .is_null = roll < 35,
                                         .size = (uint16_t)wr_rng_below(&scene->rng, most),
                                         .seed = (uint32_t)wr_rng_below(&scene->rng, 1 << 20) });
    }
}

#endif /* WEIR_TESTS_HEAP_SCENE_H */

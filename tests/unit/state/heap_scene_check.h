/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/state/heap_scene_check.h: the scene's snapshots and restores, and whether a backend
 * holds what the model says. */
#ifndef WEIR_TESTS_HEAP_SCENE_CHECK_H
#define WEIR_TESTS_HEAP_SCENE_CHECK_H

#include "heap_scene.h"

#include <stdlib.h>

/* How items differ from the model's: timestamps since gained (at `now_ms`) or lost. */
struct scene_view {
    bool gained;
    bool lost;
    int64_t now_ms;
};

static RIG_UNUSED void
scene_same(const struct scene *scene, size_t state, const struct scene_item *item, weir_bytes found,
           const struct scene_view *view)
{
    uint8_t room[SCENE_ITEM_BYTES];
    bool has_timestamps = scene_specs[state].has_timestamps;
    (void)scene;
    if (view != NULL && view->gained) {
        if (item->is_null) {
            assert_true((wr_get_u64(found.data) & 1ULL << 62) != 0);
            assert_int_equal(wr_get_u64(found.data) & ~(1ULL << 62), view->now_ms);
            return;
        }
        assert_int_equal(wr_get_u64(found.data), view->now_ms);
        found = weir_bytes_of((const uint8_t *)found.data + 8, found.size - 8);
    }
    bool is_lost = view != NULL && view->lost;
    weir_bytes expected = scene_bytes(state, item, has_timestamps && !is_lost, room);
    assert_true((found.data == NULL) == (expected.data == NULL));
    assert_int_equal(found.size, expected.size);
    if (found.size != 0) {
        assert_memory_equal(found.data, expected.data, found.size);
    }
}

static RIG_UNUSED void
scene_same_collection(const struct scene *scene, weir_state *found, size_t state,
                      const weir_key *key, const struct scene_cell *cell,
                      const struct scene_view *view)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    if (scene_specs[state].kind == WEIR_STATE_LIST) {
        for (uint32_t i = 0; i < cell->count; i++) {
            assert_ok(wr_heap_list_next(found, key, &cursor, &item), NULL);
            scene_same(scene, state, &cell->items[i], item, view);
        }
        assert_int_equal(wr_heap_list_next(found, key, &cursor, &item), WEIR_NOT_FOUND);
        return;
    }
    uint32_t count = 0;
    weir_bytes map_key;
    while (wr_heap_map_next(found, key, &cursor, &map_key, &item) == WEIR_OK) {
        count++;
    }
    assert_int_equal(count, cell->count);
    for (uint32_t i = 0; i < cell->count; i++) {
        uint8_t room[64];
        map_key = scene_map_key(state, cell->items[i].map_key, room);
        assert_ok(wr_heap_map_find(found, key, map_key, &item), NULL);
        scene_same(scene, state, &cell->items[i], item, view);
    }
}

/* One state of a backend is as the model. */
static RIG_UNUSED void
scene_check_state(const struct scene *scene, weir_state *found, const struct scene_world *world,
                  size_t state, const struct scene_view *view)
{
    weir_state_kind kind = scene_specs[state].kind;
    uint64_t count = 0;
    for (uint32_t number = 0; number < SCENE_KEYS; number++) {
        const struct scene_cell *cell = &world->cells[state][number];
        uint8_t room[64];
        weir_key key = scene_key(scene, state, number, room);
        weir_bytes item;
        count += cell->count != 0;
        if (kind == WEIR_STATE_LIST || kind == WEIR_STATE_MAP) {
            scene_same_collection(scene, found, state, &key, cell, view);
            continue;
        }
        weir_status status = wr_heap_find(found, &key, &item);
        assert_int_equal(status, cell->count != 0 ? WEIR_OK : WEIR_NOT_FOUND);
        if (cell->count != 0) {
            scene_same(scene, state, &cell->items[0], item, view);
        }
    }
    assert_int_equal(found->backend->ops->entry_count(found), count);
}

static RIG_UNUSED void
scene_check(struct scene *scene, weir_backend *backend, const struct scene_world *world)
{
    weir_state *states[SCENE_STATES];
    scene_states(scene, backend, states);
    for (size_t i = 0; i < SCENE_STATES; i++) {
        scene_check_state(scene, states[i], world, i, NULL);
    }
}

/* --- snapshots --- */

struct scene_taken {
    struct rig_file file;
    weir_snapshot *snapshot;
    bool is_open;
    bool is_done;
    struct scene_world world; /* when it began */
};

static RIG_UNUSED void
scene_file_begin(struct scene *scene, struct rig_file *file, bool incremental)
{
    char path[64];
    *file = (struct rig_file){ .id = scene->next_id++ };
    rig_path(file->id, path);
    struct wr_state_file_parameters parameters = { .os = scene->rig.os,
                                                   .executor = &scene->rig.executor,
                                                   .alloc = wr_memory_system(),
                                                   .path = path,
                                                   .identity = rig_identity(file->id),
                                                   .buffer_size = 4096,
                                                   .buffer_count = 3,
                                                   .may_change = incremental,
                                                   .reply_to = &scene->rig.replies,
                                                   .reply_parker = &scene->rig.parker };
    assert_ok(wr_state_file_create(&parameters, &file->writer, &scene->rig.error),
              &scene->rig.error);
}

static RIG_UNUSED void
scene_begin(struct scene *scene, struct scene_taken *taken, bool incremental)
{
    taken->is_open = true;
    taken->is_done = false;
    scene_file_begin(scene, &taken->file, incremental);
    weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                            .checkpoint_id = taken->file.id,
                                            .writer = taken->file.writer,
                                            .incremental = incremental };
    assert_ok(weir_backend_snapshot_begin(scene->backend, &parameters, &taken->snapshot,
                                          &scene->rig.error),
              &scene->rig.error);
    taken->world = scene->world;
}

static RIG_UNUSED void
scene_turn(struct scene *scene, struct scene_taken *taken, size_t budget_bytes)
{
    if (!taken->is_done) {
        assert_ok(weir_backend_snapshot_turn(scene->backend, taken->snapshot, budget_bytes,
                                             &taken->is_done, &scene->rig.error),
                  &scene->rig.error);
        rig_io(&scene->rig);
    }
}

static RIG_UNUSED void
scene_abandon(struct scene *scene, struct scene_taken *taken)
{
    rig_file_abort(&scene->rig, &taken->file);
    weir_backend_snapshot_end(scene->backend, taken->snapshot, false);
    taken->is_open = false;
}

/* Ends it and puts it at the end of the chain, or makes it a chain of its own. True: it holds
 * changes. */
static RIG_UNUSED bool
scene_complete(struct scene *scene, struct scene_taken *taken, struct scene_chain *chain)
{
    while (!taken->is_done) {
        scene_turn(scene, taken, 4096);
    }
    rig_file_finish(&scene->rig, &taken->file);
    weir_backend_snapshot_end(scene->backend, taken->snapshot, true);
    taken->is_open = false;
    bool has_changes = taken->file.result.has_changes;
    if (!has_changes) {
        for (size_t i = 0; i < chain->count; i++) {
            rig_file_drop(&scene->rig, &chain->files[i]);
        }
        chain->count = 0;
    }
    assert_true(chain->count < SCENE_CHAIN);
    assert_true(!has_changes || chain->count > 0);
    chain->files[chain->count++] = taken->file;
    return has_changes;
}

/* A whole snapshot at once. */
static RIG_UNUSED bool
scene_snapshot(struct scene *scene, struct scene_chain *chain, bool incremental)
{
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    scene_begin(scene, taken, incremental);
    bool has_changes = scene_complete(scene, taken, chain);
    free(taken);
    return has_changes;
}

/* A backend of these key groups with what the chain holds. */
static RIG_UNUSED weir_backend *
scene_restore(struct scene *scene, const struct scene_chain *chain, uint32_t first, uint32_t last)
{
    weir_backend *backend = rig_open_range(&scene->rig, weir_type_of_kind(WEIR_I64), first, last);
    for (size_t i = 0; i < chain->count; i++) {
        weir_block_reader *reader = rig_file_read(&scene->rig, &chain->files[i], first, last);
        assert_ok(weir_backend_restore(backend, reader, &scene->rig.error), &scene->rig.error);
        wr_state_file_close(reader);
    }
    return backend;
}

/* The chain holds this. */
static RIG_UNUSED void
scene_check_chain(struct scene *scene, const struct scene_chain *chain,
                  const struct scene_world *world)
{
    weir_backend *restored = scene_restore(scene, chain, 0, scene->rig.max_parallelism - 1);
    scene_check(scene, restored, world);
    weir_backend_close(restored);
}

#endif /* WEIR_TESTS_HEAP_SCENE_CHECK_H */

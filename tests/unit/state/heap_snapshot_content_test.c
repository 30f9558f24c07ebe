/* SPDX-License-Identifier: Apache-2.0 */
/* what goes into a snapshot: lists and maps of any size, and nothing that has expired where the
 * program says so; and what becomes of items whose state gains or loses timestamps. */
#include "heap_scene_check.h"

#include "support/common_alloc_fault.h"

#include <stdlib.h>

static struct scene scene;
static struct scene_chain chain;

enum {
    LIST = 5,
    TEXTS = 6,
    NAMES = 8,
    ITEMS = 1500,
    ITEM_TEXT = 100
};

/* A string item of some letter. */
static weir_bytes
text(uint8_t *room, size_t size, uint32_t letter)
{
    weir_string string = { .offset = 8, .size = (uint32_t)size };
    memset(room, 0, 8 + weir_round8(size));
    memcpy(room, &string, sizeof string);
    memset(room + 8, 'a' + (int)(letter % 26), size);
    return weir_bytes_of(room, 8 + weir_round8(size));
}

static void
add_text(weir_state *texts, const weir_key *key, size_t size, uint32_t letter)
{
    uint8_t *room = malloc(size + 64);
    assert_non_null(room);
    weir_bytes item = text(room, size, letter);
    assert_ok(wr_heap_list_add(texts, key, &item, 1), NULL);
    free(room);
}

static void
check_large_list(weir_state *texts, const weir_key *key)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    uint32_t count = 0;
    while (wr_heap_list_next(texts, key, &cursor, &item) == WEIR_OK) {
        weir_string string;
        memcpy(&string, item.data, sizeof string);
        assert_int_equal(string.size, count == ITEMS / 2 ? 100000 : ITEM_TEXT);
        assert_int_equal(((const char *)item.data)[8], 'a' + (int)(count % 26));
        count++;
    }
    assert_int_equal(count, ITEMS);
}

static weir_bytes
number_name(uint32_t number, char room[16])
{
    return weir_bytes_of(room, (size_t)snprintf(room, 16, "name %u", number));
}

static void
check_large_map(weir_state *names, const weir_key *key)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        char room[16];
        uint8_t expected[256];
        weir_bytes item;
        assert_ok(wr_heap_map_find(names, key, number_name(i, room), &item), NULL);
        if (i % 7 == 0) {
            assert_null(item.data);
            continue;
        }
        weir_bytes wanted = text(expected, i % 90, i);
        assert_int_equal(item.size, wanted.size);
        assert_memory_equal(item.data, wanted.data, wanted.size);
    }
}

static void
make_large(const weir_key *list_key, const weir_key *map_key)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        char name[16];
        uint8_t room[256];
        add_text(scene.states[TEXTS], list_key, i == ITEMS / 2 ? 100000 : ITEM_TEXT, i);
        weir_bytes item = i % 7 == 0 ? weir_bytes_of(NULL, 0) : text(room, i % 90, i);
        assert_ok(wr_heap_map_put(scene.states[NAMES], map_key, number_name(i, name), item), NULL);
    }
}

TEST(a_list_and_a_map_larger_than_every_buffer_are_written_over_many_turns)
{
    uint8_t rooms[2][64];
    scene_init(&scene, 1);
    weir_key list_key = scene_key(&scene, TEXTS, 0, rooms[0]);
    weir_key map_key = scene_key(&scene, NAMES, 0, rooms[1]);
    make_large(&list_key, &map_key);
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    scene_begin(&scene, taken, false);
    uint32_t turns = 0;
    uint64_t before = 0;
    for (; !taken->is_done; turns++) { /* added to, changed, removed and made anew meanwhile */
        scene_turn(&scene, taken, 900);
        uint64_t wrote = taken->snapshot->bytes - before;
        before = taken->snapshot->bytes;
        assert_true(wrote < 2000 || wrote > 100000); /* a turn is bounded, by its last item */
        add_text(scene.states[TEXTS], &list_key, 30, turns);
        char name[16];
        assert_ok(wr_heap_map_remove(scene.states[NAMES], &map_key, number_name(turns, name)),
                  NULL);
        if (turns == 150 || turns == 250) {
            assert_ok(wr_heap_remove(scene.states[TEXTS], &list_key), NULL);
            assert_ok(wr_heap_remove(scene.states[NAMES], &map_key), NULL);
        }
    }
    assert_true(turns > 200);
    scene_complete(&scene, taken, &chain);
    weir_backend *restored = scene_restore(&scene, &chain, 0, scene.rig.max_parallelism - 1);
    weir_state *states[SCENE_STATES];
    scene_states(&scene, restored, states);
    check_large_list(states[TEXTS], &list_key);
    check_large_map(states[NAMES], &map_key);
    weir_backend_close(restored);
    free(taken);
    scene_fini(&scene);
}

/* --- what has expired --- */

enum {
    AGED_FIRST = 11, /* the states with timestamps: the last three */
    TTL_MS = 1000
};

/* Leaves out what is expired at that time. */
static void
expire_in_model(struct scene_world *world, int64_t now_ms)
{
    for (size_t kind = AGED_FIRST; kind < SCENE_STATES; kind++) {
        for (uint32_t number = 0; number < SCENE_KEYS; number++) {
            struct scene_cell *cell = &world->cells[kind][number];
            uint32_t kept = 0;
            for (uint32_t i = 0; i < cell->count; i++) {
                if ((int64_t)cell->items[i].seed + TTL_MS > now_ms) {
                    cell->items[kept++] = cell->items[i];
                }
            }
            cell->count = kept;
        }
    }
}

static void
give_ttl(bool cleanup_full_snapshot)
{
    weir_ttl ttl = { .size = sizeof ttl,
                     .ttl_ms = TTL_MS,
                     .cleanup_full_snapshot = cleanup_full_snapshot };
    for (size_t kind = AGED_FIRST; kind < SCENE_STATES; kind++) {
        weir_state_descriptor descriptor = scene_descriptor(&scene, kind, true);
        descriptor.ttl = &ttl;
        assert_ok(scene.backend->ops->create_state(scene.backend, &descriptor, &scene.states[kind],
                                                   &scene.rig.error),
                  &scene.rig.error);
    }
}

static void
write_aged(void)
{
    for (uint32_t i = 0; i < 8000; i++) {
        scene_write(&scene, AGED_FIRST + i % 3, (uint32_t)wr_rng_below(&scene.rng, SCENE_KEYS),
                    (struct scene_item){ .map_key = (uint16_t)i,
                                         .size = (uint16_t)(i % 50),
                                         .seed = (uint32_t)wr_rng_below(&scene.rng, 4000) });
    }
}

TEST(expired_items_are_left_out_of_full_snapshots_alone)
{
    scene_init(&scene, 3);
    write_aged();
    for (int64_t now_ms = 2000; now_ms <= 6000; now_ms += 2000) { /* some, most, all */
        scene.backend->now_ms = now_ms;
        give_ttl(true);
        struct scene_taken *taken = calloc(1, sizeof *taken);
        assert_non_null(taken);
        scene_begin(&scene, taken, true);
        scene.backend->now_ms = 100; /* the time is that of the begin */
        while (!taken->is_done) {
            scene_turn(&scene, taken, 200);
        }
        assert_false(scene_complete(&scene, taken, &chain));
        expire_in_model(&taken->world, now_ms);
        scene_check_chain(&scene, &chain, &taken->world);
        free(taken);
        scene_check(&scene, scene.backend, &scene.world); /* nothing was removed */
        write_aged();
    }
    give_ttl(false);
    scene.backend->now_ms = 6000;
    assert_false(scene_snapshot(&scene, &chain, false));
    scene_check_chain(&scene, &chain, &scene.world);
    give_ttl(true);
    scene_write(&scene, AGED_FIRST, 1, (struct scene_item){ .seed = 1 });
    assert_true(scene_snapshot(&scene, &chain, true)); /* changes hold what they hold */
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
}

/* --- timestamps gained and lost --- */

static void
write_all(void)
{
    for (uint32_t i = 0; i < 5000; i++) {
        scene_change(&scene, i % SCENE_STATES, (uint32_t)wr_rng_below(&scene.rng, SCENE_KEYS));
    }
}

static weir_status
toggle(weir_backend *backend, size_t kind, weir_state **out_state)
{
    bool has_timestamps = !scene_specs[kind].has_timestamps;
    weir_state_descriptor descriptor = scene_descriptor(&scene, kind, has_timestamps);
    return backend->ops->create_state(backend, &descriptor, out_state, &scene.rig.error);
}

static struct scene_view
toggled_view(size_t kind, int64_t now_ms)
{
    return (struct scene_view){ .gained = !scene_specs[kind].has_timestamps,
                                .lost = scene_specs[kind].has_timestamps,
                                .now_ms = now_ms };
}

static bool
can_be_toggled(size_t kind)
{
    return scene_specs[kind].kind != WEIR_STATE_TIMERS;
}

TEST(restored_items_gain_and_lose_their_timestamps)
{
    scene_init(&scene, 4);
    write_all();
    scene_snapshot(&scene, &chain, false);
    weir_backend *restored = scene_restore(&scene, &chain, 0, scene.rig.max_parallelism - 1);
    restored->now_ms = 777;
    for (size_t kind = 0; kind < SCENE_STATES; kind++) {
        weir_state *found = NULL;
        if (can_be_toggled(kind)) {
            struct scene_view view = toggled_view(kind, 777);
            assert_ok(toggle(restored, kind, &found), &scene.rig.error);
            scene_check_state(&scene, found, &scene.world, kind, &view);
        }
    }
    scene_snapshot(&scene, &chain, false);
    weir_backend_close(restored);
    scene_fini(&scene);
}

TEST(a_conversion_makes_the_next_snapshot_full_and_waits_for_open_ones)
{
    scene_init(&scene, 5);
    write_all();
    scene_snapshot(&scene, &chain, true);
    weir_state *found = NULL;
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    scene_begin(&scene, taken, true);
    scene_turn(&scene, taken, 2000);
    assert_int_equal(toggle(scene.backend, LIST, &found), WEIR_BUSY);
    scene_abandon(&scene, taken); /* its walk goes on, over tables that go now */
    assert_ok(toggle(scene.backend, LIST, &found), &scene.rig.error);
    assert_int_equal(((struct wr_heap *)scene.backend)->snapshot_count, 0);
    struct scene_view view = toggled_view(LIST, 0);
    scene_check_state(&scene, found, &scene.world, LIST, &view);
    assert_false(scene_snapshot(&scene, &chain, true));
    assert_true(scene_snapshot(&scene, &chain, true));
    free(taken);
    scene_fini(&scene);
}

TEST(a_conversion_without_memory_leaves_the_state_as_it_was)
{
    scene_init(&scene, 6);
    write_all();
    struct alloc_fault states;
    alloc_fault_init(&states, 0, false);
    scene_snapshot(&scene, &chain, false);
    scene.rig.alloc = alloc_fault_alloc(&states);
    for (size_t kind = 0; kind < SCENE_STATES; kind++) {
        if (!can_be_toggled(kind)) {
            continue;
        }
        weir_backend *restored = scene_restore(&scene, &chain, 0, scene.rig.max_parallelism - 1);
        weir_status status = WEIR_NOMEM;
        weir_state *found = NULL;
        uint64_t refused = 0;
        for (; status == WEIR_NOMEM; refused++) {
            struct scene_view none = { 0 };
            states.fail_at = states.requests + refused + 1;
            status = toggle(restored, kind, &found);
            states.fail_at = 0;
            if (status == WEIR_NOMEM) {
                weir_state_descriptor descriptor =
                    scene_descriptor(&scene, kind, scene_specs[kind].has_timestamps);
                assert_non_null(strstr(scene.rig.error.message, descriptor.name));
                assert_ok(restored->ops->create_state(restored, &descriptor, &found, NULL), NULL);
                scene_check_state(&scene, found, &scene.world, kind, &none);
            }
        }
        struct scene_view view = toggled_view(kind, 0);
        assert_ok(status, &scene.rig.error);
        assert_true(refused > 3);
        scene_check_state(&scene, found, &scene.world, kind, &view);
        weir_backend_close(restored);
    }
    assert_int_equal(alloc_fault_leaks(&states, stdout), 0);
    scene.rig.alloc = wr_memory_system();
    scene_fini(&scene);
}

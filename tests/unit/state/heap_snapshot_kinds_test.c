/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots of every kind of state: full ones, chains of changes, and what expires. */
#include "heap_scene_check.h"

#include <stdlib.h>

static struct scene scene;
static struct scene_chain chain;

static uint32_t
below(uint64_t bound)
{
    return (uint32_t)wr_rng_below(&scene.rng, bound);
}

static void
change_some(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        scene_change(&scene, below(SCENE_STATES), below(SCENE_KEYS));
    }
}

TEST(a_full_snapshot_restores_every_kind_as_it_was_when_it_began)
{
    scene_init(&scene, 1);
    change_some(6000);
    struct scene_taken *taken = calloc(1, sizeof *taken);
    scene_begin(&scene, taken, false);
    while (!taken->is_done) {
        scene_turn(&scene, taken, 1 + below(3000));
        change_some(8);
    }
    assert_false(scene_complete(&scene, taken, &chain));
    scene_check_chain(&scene, &chain, &taken->world);
    scene_check(&scene, scene.backend, &scene.world);
    free(taken);
    scene_fini(&scene);
}

TEST(a_snapshot_of_every_kind_goes_to_the_subtasks_that_ask_for_key_groups)
{
    scene_init(&scene, 2);
    change_some(6000);
    scene_snapshot(&scene, &chain, false);
    uint64_t counts[SCENE_STATES] = { 0 };
    for (uint32_t group = 0; group < scene.rig.max_parallelism; group++) {
        weir_backend *part = scene_restore(&scene, &chain, group, group);
        weir_state *states[SCENE_STATES];
        scene_states(&scene, part, states);
        for (size_t i = 0; i < SCENE_STATES; i++) {
            counts[i] += part->ops->entry_count(states[i]);
        }
        weir_backend_close(part);
    }
    for (size_t i = 0; i < SCENE_STATES; i++) {
        assert_int_equal(counts[i], scene.backend->ops->entry_count(scene.states[i]));
        assert_true(counts[i] > 50);
    }
    scene_fini(&scene);
}

TEST(a_chain_of_every_kind_is_read_under_another_seed)
{
    scene_init(&scene, 3);
    change_some(6000);
    scene_snapshot(&scene, &chain, true);
    for (uint32_t i = 0; i < SCENE_STATES; i++) {
        scene_change(&scene, i, 5);
        scene_remove(&scene, i, 7);
    }
    assert_true(scene_snapshot(&scene, &chain, true));
    scene.rig.seed++;
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
}

/* --- a random row of snapshots --- */

enum {
    OPEN_MOST = 3
};

struct row {
    struct scene_taken *open[OPEN_MOST]; /* oldest first */
    size_t open_count;
    uint32_t completed;
    uint32_t changes;
    uint32_t aborted;
    uint32_t checked;
};

static void
row_drop(struct row *row, size_t index)
{
    free(row->open[index]);
    row->open_count--;
    for (size_t i = index; i < row->open_count; i++) {
        row->open[i] = row->open[i + 1];
    }
}

static void
row_begin(struct row *row, bool incremental)
{
    if (row->open_count == OPEN_MOST) {
        return;
    }
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    scene_begin(&scene, taken, incremental);
    row->open[row->open_count++] = taken;
}

static void
row_complete(struct row *row)
{
    if (row->open_count == 0) {
        return;
    }
    struct scene_taken *oldest = row->open[0];
    row->changes += scene_complete(&scene, oldest, &chain);
    row->completed++;
    if (below(3) == 0) {
        scene_check_chain(&scene, &chain, &oldest->world);
        row->checked++;
    }
    row_drop(row, 0);
}

static void
row_abort(struct row *row)
{
    if (row->open_count > 0) {
        size_t index = below(row->open_count);
        scene_abandon(&scene, row->open[index]);
        row_drop(row, index);
        row->aborted++;
    }
}

static void
row_step(struct row *row, bool is_incremental)
{
    uint32_t roll = below(100);
    if (roll < 40) { /* a few keys again and again, so that most stay as they were */
        for (uint32_t i = 0; i < 12; i++) {
            scene_change(&scene, below(SCENE_STATES), below(24) * 8);
        }
    } else if (roll < 44) {
        change_some(300);
    } else if (roll < 46) { /* one state goes, and comes again */
        size_t state = below(SCENE_STATES);
        for (uint32_t number = 0; number < SCENE_KEYS; number++) {
            if (number % 16 != 0) {
                scene_remove(&scene, state, number);
            }
        }
    } else if (roll < 48) { /* as if too much had been removed from it */
        wr_changes_lose((struct wr_heap_state *)scene.states[below(SCENE_STATES)]);
    } else if (roll < 50) {
        static const size_t named[] = { 3, 6, 10 };
        scene_clear_namespace(&scene, named[below(3)], below(3));
    } else if (roll < 60) {
        row_begin(row, is_incremental && below(8) != 0);
    } else if (roll < 80) {
        for (size_t i = 0; i < row->open_count; i++) {
            scene_turn(&scene, row->open[i], 1 + below(9000));
        }
    } else if (roll < 92) {
        row_complete(row);
    } else if (roll < 95) {
        row_abort(row);
    } else {
        weir_backend_idle_turn(scene.backend, below(4000));
    }
}

static void
run_row(uint64_t seed, bool is_incremental)
{
    struct row row = { 0 };
    printf("seed %llu\n", (unsigned long long)seed);
    scene_init(&scene, seed);
    chain.count = 0;
    change_some(4000);
    for (int i = 0; i < 1500; i++) {
        row_step(&row, is_incremental);
    }
    while (row.open_count > 0) {
        row_complete(&row);
    }
    scene_check(&scene, scene.backend, &scene.world);
    while (weir_backend_idle_turn(scene.backend, 4096)) {
    }
    assert_int_equal(((struct wr_heap *)scene.backend)->copies.in_use, 0);
    assert_true(row.completed > 60 && row.aborted > 10 && row.checked > 15);
    assert_true(is_incremental ? row.changes > 20 : row.changes == 0);
    scene_fini(&scene);
}

TEST(random_rows_of_snapshots_restore_what_each_began_with)
{
    for (uint64_t seed = 1; seed <= 16; seed++) {
        run_row(seed, true);
    }
}

TEST(random_rows_of_full_snapshots_restore_what_each_began_with)
{
    for (uint64_t seed = 21; seed <= 26; seed++) {
        run_row(seed, false);
    }
}

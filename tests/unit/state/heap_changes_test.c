/* SPDX-License-Identifier: Apache-2.0 */
/* incremental snapshots: what they hold, how large they are, and when they are full ones. */
#include "heap_scene_check.h"

#include "support/common_alloc_fault.h"

#include <stdlib.h>

static struct scene scene;
static struct scene_chain chain;

static void
put(size_t state, uint32_t number, uint32_t seed)
{
    scene_write(&scene, state, number, (struct scene_item){ .seed = seed, .size = 20 });
}

static void
fill(void)
{
    for (size_t kind = 0; kind < SCENE_STATES; kind++) {
        for (uint32_t number = 0; number < SCENE_KEYS; number++) {
            put(kind, number, number + 1);
        }
    }
}

/* A scene with entries, and a full snapshot from which removals are logged. */
static void
begin_scene(void)
{
    chain.count = 0;
    scene_init(&scene, 1);
    fill();
    assert_false(scene_snapshot(&scene, &chain, true));
}

TEST(the_first_incremental_snapshot_is_full_and_the_next_holds_changes)
{
    begin_scene();
    uint64_t full_bytes = chain.files[0].result.size;
    put(0, 5, 99);
    put(5, 7, 98);
    scene_remove(&scene, 7, 3);
    assert_true(scene_snapshot(&scene, &chain, true));
    assert_true(chain.files[1].result.size < full_bytes / 8);
    scene_check_chain(&scene, &chain, &scene.world);
    assert_true(scene_snapshot(&scene, &chain, true)); /* nothing changed: not even a block */
    assert_true(chain.files[2].result.size < chain.files[1].result.size);
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
}

TEST(a_snapshot_that_may_not_be_incremental_is_full)
{
    begin_scene();
    put(0, 5, 99);
    assert_false(scene_snapshot(&scene, &chain, false));
    scene_check_chain(&scene, &chain, &scene.world);
    put(0, 6, 99); /* it is a base all the same */
    assert_true(scene_snapshot(&scene, &chain, true));
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
}

TEST(what_an_aborted_attempt_took_counts_in_the_next)
{
    begin_scene();
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    for (uint32_t turns = 0; turns < 8; turns++) {
        for (size_t kind = 0; kind < SCENE_STATES; kind++) {
            put(kind, turns, 1000 + turns);
            scene_remove(&scene, kind, 100 + turns);
        }
        scene_begin(&scene, taken, true);
        for (uint32_t i = 0; i < turns * 3; i++) {
            scene_turn(&scene, taken, 300);
        }
        if (turns == 7) {
            while (!taken->is_done) {
                scene_turn(&scene, taken, 4096);
            }
        }
        scene_abandon(&scene, taken);
        put(0, 50 + turns, 7);
    }
    assert_true(scene_snapshot(&scene, &chain, true));
    scene_check_chain(&scene, &chain, &scene.world);
    free(taken);
    scene_fini(&scene);
}

TEST(a_key_removed_and_made_again_is_there_whichever_snapshot_completes)
{
    begin_scene();
    struct scene_taken *first = calloc(1, sizeof *first);
    struct scene_taken *second = calloc(1, sizeof *second);
    assert_true(first != NULL && second != NULL);
    scene_remove(&scene, 0, 1);
    scene_remove(&scene, 0, 2);
    scene_begin(&scene, first, true);
    put(0, 1, 500); /* made again between the two */
    scene_begin(&scene, second, true);
    put(0, 2, 600);
    scene_remove(&scene, 0, 3);
    assert_true(scene_complete(&scene, first, &chain));
    scene_check_chain(&scene, &chain, &first->world);
    assert_true(scene_complete(&scene, second, &chain));
    scene_check_chain(&scene, &chain, &second->world);
    assert_true(scene_snapshot(&scene, &chain, true));
    scene_check_chain(&scene, &chain, &scene.world);
    free(first);
    free(second);
    scene_fini(&scene);
}

TEST(when_a_third_has_changed_the_snapshot_is_full)
{
    begin_scene();
    for (size_t kind = 0; kind < SCENE_STATES; kind++) {
        for (uint32_t number = 0; number < SCENE_KEYS / 2; number++) {
            put(kind, number, 7);
        }
    }
    assert_false(scene_snapshot(&scene, &chain, true));
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
}

TEST(changes_are_full_again_when_they_have_grown_to_half_of_the_base)
{
    begin_scene();
    uint64_t bytes = chain.files[0].result.size;
    uint64_t sum = 0;
    uint32_t most = 0;
    for (uint32_t i = 0; i < 40; i++) {
        for (size_t kind = 0; kind < SCENE_STATES; kind++) {
            for (uint32_t j = 0; j < 12; j++) {
                put(kind, (i * 12 + j) % SCENE_KEYS, i);
            }
        }
        bool is_full = !scene_snapshot(&scene, &chain, true);
        sum = is_full ? 0 : sum + chain.files[chain.count - 1].result.size;
        assert_true(sum < bytes);
        most = chain.count > most ? (uint32_t)chain.count : most;
    }
    assert_true(most >= 3);
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
}

TEST(a_removal_that_finds_no_memory_makes_the_next_snapshot_full)
{
    chain.count = 0;
    struct alloc_fault states;
    alloc_fault_init(&states, 0, false);
    scene_init(&scene, 1);
    weir_backend_close(scene.backend);
    scene.rig.alloc = alloc_fault_alloc(&states);
    scene.backend = rig_open(&scene.rig, weir_type_of_kind(WEIR_I64));
    scene_states(&scene, scene.backend, scene.states);
    fill();
    scene_snapshot(&scene, &chain, true);
    states.fail_at = states.requests + 1;
    states.sticky = true;
    for (uint32_t number = 0; number < 20; number++) {
        for (size_t kind = 0; kind < SCENE_STATES; kind++) {
            scene_remove(&scene, kind, number);
        }
    }
    bool had_to_ask = states.requests >= states.fail_at;
    states.fail_at = 0;
    states.sticky = false;
    bool is_full = !scene_snapshot(&scene, &chain, true);
    assert_true(is_full || !had_to_ask);
    assert_true(had_to_ask);
    scene_check_chain(&scene, &chain, &scene.world);
    put(0, 4, 4);
    assert_true(scene_snapshot(&scene, &chain, true)); /* and the one behind it is not */
    scene_check_chain(&scene, &chain, &scene.world);
    scene_fini(&scene);
    assert_int_equal(alloc_fault_leaks(&states, stdout), 0);
}

/* --- a larger state of numbers alone --- */

struct numbers {
    struct scene scene;
    weir_state *counts;
};

static void
numbers_init(struct numbers *numbers, int64_t count, uint32_t max_parallelism)
{
    struct rig *rig = &numbers->scene.rig;
    memset(numbers, 0, sizeof *numbers);
    chain.count = 0;
    rig_init(rig);
    rig->max_parallelism = max_parallelism;
    numbers->scene.next_id = 1;
    numbers->scene.backend = rig_open(rig, weir_type_of_kind(WEIR_I64));
    numbers->counts = rig_state(rig, numbers->scene.backend, "counts", weir_type_of_kind(WEIR_I64));
    for (int64_t i = 0; i < count; i++) {
        rig_add(rig, numbers->counts, i, i);
    }
    assert_false(scene_snapshot(&numbers->scene, &chain, true));
}

static void
numbers_fini(struct numbers *numbers)
{
    weir_backend_close(numbers->scene.backend);
    rig_fini(&numbers->scene.rig);
}

/* The chain holds `count` numbers; those below `changed` that `step` divides have 1 more. */
static void
numbers_check(struct numbers *numbers, int64_t count, int64_t step, int64_t changed)
{
    struct rig *rig = &numbers->scene.rig;
    weir_backend *restored = scene_restore(&numbers->scene, &chain, 0, rig->max_parallelism - 1);
    weir_state *counts = rig_state(rig, restored, "counts", weir_type_of_kind(WEIR_I64));
    assert_int_equal(weir_state_entry_count(counts), count);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(rig_look(rig, counts, i, -1), i + (i < changed && i % step == 0));
    }
    weir_backend_close(restored);
}

TEST(changes_take_at_most_1_3_times_the_bytes_of_the_changed_records)
{
    enum {
        COUNT = 60000
    };
    static struct numbers numbers;
    for (int64_t step = 100; step >= 10; step -= 90) {
        numbers_init(&numbers, COUNT, 8);
        for (int64_t i = 0; i < COUNT; i += step) {
            rig_add(&numbers.scene.rig, numbers.counts, i, 1);
        }
        assert_true(scene_snapshot(&numbers.scene, &chain, true));
        uint64_t records = COUNT / (uint64_t)step * 16;
        printf("1 in %d: %llu bytes for %llu\n", (int)step,
               (unsigned long long)chain.files[1].result.size, (unsigned long long)records);
        assert_true(chain.files[1].result.size < records * 13 / 10);
        numbers_check(&numbers, COUNT, step, COUNT);
        numbers_fini(&numbers);
    }
}

TEST(growing_and_shrinking_change_no_entry)
{
    enum {
        COUNT = 20000,
        MORE = 2500
    };
    static struct numbers numbers;
    numbers_init(&numbers, COUNT, 8);
    for (int64_t i = COUNT; i < COUNT + MORE; i++) { /* tables grow, and everything moves */
        rig_add(&numbers.scene.rig, numbers.counts, i, i);
    }
    assert_true(scene_snapshot(&numbers.scene, &chain, true));
    uint64_t size = chain.files[1].result.size;
    assert_true(size < MORE * 16 * 13 / 10);
    numbers_check(&numbers, COUNT + MORE, 1, 0);
    numbers_fini(&numbers);
}

TEST(more_removals_than_the_log_takes_make_the_next_snapshot_full)
{
    enum {
        COUNT = 40000
    };
    static struct numbers numbers;
    numbers_init(&numbers, COUNT, 8);
    struct rig *rig = &numbers.scene.rig;
    for (int round = 0; round < 30; round++) {
        for (int64_t i = COUNT; i < COUNT + 1000; i++) {
            rig_add(rig, numbers.counts, i, i);
            rig_clear(rig, numbers.counts, i);
        }
    }
    const struct wr_heap *heap = (struct wr_heap *)numbers.scene.backend;
    assert_true(heap->states[0]->changes.lost_epoch != 0);
    assert_true(heap->states[0]->changes.bytes == 0);
    assert_false(scene_snapshot(&numbers.scene, &chain, true));
    numbers_check(&numbers, COUNT, 1, 0);
    rig_clear(rig, numbers.counts, COUNT - 1);
    assert_true(scene_snapshot(&numbers.scene, &chain, true));
    numbers_check(&numbers, COUNT - 1, 1, 0);
    while (weir_backend_idle_turn(numbers.scene.backend, 4096)) {
    }
    assert_null(heap->freeing_pages);
    numbers_fini(&numbers);
}

TEST(a_state_from_which_too_much_was_removed_is_written_whole_among_the_changes_of_others)
{
    enum {
        COUNT = 60000,
        HOT = 700
    };
    static struct numbers numbers;
    numbers_init(&numbers, COUNT, 8);
    struct rig *rig = &numbers.scene.rig;
    weir_state *hot = rig_state(rig, numbers.scene.backend, "hot", weir_type_of_kind(WEIR_STRING));
    uint8_t block[16] = { 8, 0, 0, 0, 3, 0, 0, 0, 'h', 'o', 't' };
    for (int64_t i = 0; i < 20 * HOT; i++) { /* the last HOT of them stay */
        weir_key key = rig_number(rig, &i);
        assert_ok(wr_heap_put(hot, &key, weir_bytes_of(block, sizeof block)), NULL);
        if (i == 3 * HOT) {
            assert_true(scene_snapshot(&numbers.scene, &chain, true));
        }
        if (i >= HOT) {
            int64_t old = i - HOT;
            key = rig_number(rig, &old);
            assert_ok(wr_heap_remove(hot, &key), NULL);
        }
    }
    assert_true(((struct wr_heap_state *)hot)->changes.lost_epoch != 0);
    rig_add(rig, numbers.counts, 0, 1);
    assert_true(scene_snapshot(&numbers.scene, &chain, true));
    assert_true(chain.files[chain.count - 1].result.size < HOT * 64);
    weir_backend *restored = scene_restore(&numbers.scene, &chain, 0, rig->max_parallelism - 1);
    hot = rig_state(rig, restored, "hot", weir_type_of_kind(WEIR_STRING));
    assert_int_equal(weir_state_entry_count(hot), HOT);
    for (int64_t i = 18 * HOT; i < 20 * HOT; i++) {
        weir_key key = rig_number(rig, &i);
        weir_bytes found;
        assert_int_equal(wr_heap_find(hot, &key, &found), i < 19 * HOT ? WEIR_NOT_FOUND : WEIR_OK);
    }
    weir_backend_close(restored);
    numbers_check(&numbers, COUNT, COUNT, 1);
    numbers_fini(&numbers);
}

TEST(removals_of_many_key_groups_are_told_apart)
{
    enum {
        COUNT = 60000,
        REMOVED = 1500
    };
    static struct numbers numbers;
    numbers_init(&numbers, COUNT, 32768);
    for (int64_t i = 0; i < REMOVED; i++) {
        rig_clear(&numbers.scene.rig, numbers.counts, COUNT - 1 - i);
    }
    assert_true(scene_snapshot(&numbers.scene, &chain, true));
    numbers_check(&numbers, COUNT - REMOVED, 1, 0);
    numbers_fini(&numbers);
}

TEST(the_options_begin_the_log_with_the_first_snapshot_of_all)
{
    weir_alloc alloc = wr_memory_system();
    weir_options *options = NULL;
    assert_ok(weir_options_create(&alloc, &options), NULL);
    assert_ok(weir_options_set(options, "state.backend.incremental", "true", WEIR_LEVEL_JOB,
                               "the test", NULL),
              NULL);
    static struct numbers numbers;
    numbers_init(&numbers, 1000, 8);
    weir_backend_close(numbers.scene.backend);
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = 8,
                                           .key_group_last = 7,
                                           .state_alloc = alloc,
                                           .snapshot_alloc = alloc,
                                           .key_type = weir_type_of_kind(WEIR_I64),
                                           .hash_seed = numbers.scene.rig.seed,
                                           .options = options };
    assert_ok(
        weir_backend_open(numbers.scene.rig.factory, &parameters, &numbers.scene.backend, NULL),
        NULL);
    numbers.counts =
        rig_state(&numbers.scene.rig, numbers.scene.backend, "counts", weir_type_of_kind(WEIR_I64));
    for (int64_t i = 0; i < 1000; i++) {
        rig_add(&numbers.scene.rig, numbers.counts, i, i);
    }
    assert_false(scene_snapshot(&numbers.scene, &chain, false));
    rig_clear(&numbers.scene.rig, numbers.counts, 999);
    assert_true(scene_snapshot(&numbers.scene, &chain, true));
    numbers_check(&numbers, 999, 1, 0);
    numbers_fini(&numbers);
    weir_options_destroy(options);
}

TEST(a_restored_state_begins_with_a_full_snapshot)
{
    static struct numbers numbers;
    numbers_init(&numbers, 3000, 8);
    rig_add(&numbers.scene.rig, numbers.counts, 0, 1);
    assert_true(scene_snapshot(&numbers.scene, &chain, true));
    weir_backend *restored =
        scene_restore(&numbers.scene, &chain, 0, numbers.scene.rig.max_parallelism - 1);
    weir_backend_close(numbers.scene.backend);
    numbers.scene.backend = restored;
    assert_false(scene_snapshot(&numbers.scene, &chain, true));
    numbers_check(&numbers, 3000, 3000, 1);
    numbers_fini(&numbers);
}

/* --- epochs --- */

TEST(epochs_wrap_over_70000_snapshots_and_changes_are_right)
{
    static struct numbers numbers;
    numbers_init(&numbers, 500, 8);
    struct rig *rig = &numbers.scene.rig;
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    int64_t changed = 0;
    uint32_t changes = 0;
    for (uint32_t id = 1; id <= 70000; id++) {
        bool is_checked = id % 6007 == 0;
        if (is_checked && changed < 500) {
            rig_add(rig, numbers.counts, changed++, 1);
        }
        scene_begin(&numbers.scene, taken, chain.count < SCENE_CHAIN - 1);
        /* long rows of aborted attempts, by which even the base becomes too old to compare */
        if (!is_checked && (id % 3 == 0 || (id > 20000 && id < 40000))) {
            scene_abandon(&numbers.scene, taken);
            if (id % 2 == 0) {
                weir_backend_idle_turn(numbers.scene.backend, 2000);
            }
            continue;
        }
        changes += scene_complete(&numbers.scene, taken, &chain);
        if (is_checked) {
            numbers_check(&numbers, 500, 1, changed);
        }
    }
    assert_true(changes > 20000);
    free(taken);
    numbers_fini(&numbers);
}

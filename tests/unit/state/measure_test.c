/* SPDX-License-Identifier: Apache-2.0 */
/* What a state says of its size: each state of a backend alone, through growth, snapshots, removal
 * and conversion; and state without a key.
 *
 * The oracle of the in-memory engine: a state that shares its backend with another is as large as
 * the same state in a backend of its own.
 */
#include "state/operator_state.h"

#include "verb_rig.h"

enum {
    STEPS = 6000,
    KEYS = 300,
    TEXT_MOST = 600
};

struct two {
    weir_state *values; /* of strings: blocks in the slab */
    weir_state *lists;
    weir_state *maps;
};

static void
make_states(struct verbs *verbs, struct two *two, bool with_values, bool with_collections)
{
    const weir_type *text = weir_type_of_kind(WEIR_STRING);
    memset(two, 0, sizeof *two);
    if (with_values) {
        two->values = verbs_state(
            verbs,
            (weir_state_descriptor){ .kind = WEIR_STATE_VALUE, .name = "values", .type = text });
    }
    if (with_collections) {
        two->lists = verbs_state(
            verbs,
            (weir_state_descriptor){ .kind = WEIR_STATE_LIST, .name = "lists", .type = text });
        two->maps = verbs_state(verbs, (weir_state_descriptor){ .kind = WEIR_STATE_MAP,
                                                                .name = "maps",
                                                                .type = text,
                                                                .map_key_type = text });
    }
}

/* A string's block, of so many bytes. */
static weir_bytes
text_of(uint8_t *block, size_t size, uint64_t seed)
{
    weir_string head = { 8, (uint32_t)size };
    memset(block, 0, 8 + weir_round8(size));
    memcpy(block, &head, sizeof head);
    memset(block + 8, (int)('a' + seed % 26), size);
    return weir_bytes_of(block, 8 + weir_round8(size));
}

/* One random step on each state that is there; the draws are the same whichever are. */
static void
step(struct verbs *verbs, const struct two *two, struct wr_rng *rng)
{
    uint8_t first[TEXT_MOST + 32];
    uint8_t second[TEXT_MOST + 32];
    int64_t key = (int64_t)wr_rng_below(rng, KEYS);
    uint64_t what = wr_rng_below(rng, 10);
    weir_bytes value = text_of(first, (size_t)wr_rng_below(rng, TEXT_MOST), what);
    weir_bytes map_key = text_of(second, (size_t)wr_rng_below(rng, 40), (uint64_t)key % 7);
    weir_state *const states[] = { two->values, two->lists, two->maps };
    for (size_t i = 0; i < 3; i++) {
        if (states[i] == NULL) {
            continue;
        }
        verbs_bind(verbs, states[i], key);
        const weir_backend_ops *engine = verbs->backend->ops;
        weir_status status = WEIR_OK;
        if (what < 3) {
            status = engine->remove(states[i], &verbs->key);
        } else if (i == 0) {
            status = engine->put(states[i], &verbs->key, value);
        } else if (i == 1) {
            status = engine->list_add(states[i], &verbs->key, &value, 1);
        } else if (what == 3) {
            status = engine->map_remove(states[i], &verbs->key, map_key);
        } else {
            status = engine->map_put(states[i], &verbs->key, map_key, value);
        }
        assert_int_equal(status, WEIR_OK);
    }
}

static void
drain(struct verbs *verbs)
{
    while (weir_backend_idle_turn(verbs->backend, 4096)) {
    }
}

static void
walk(struct verbs *verbs, const struct two *two)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 4711);
    for (int i = 0; i < STEPS; i++) {
        step(verbs, two, &rng);
    }
    drain(verbs);
}

/* The same with snapshots under way: how maps lie then depends on how far those are. */
static void
walk_with_snapshots(struct verbs *verbs, const struct two *two)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 4711);
    for (int turn = 0; turn < 4; turn++) {
        struct rig_file file;
        weir_snapshot *snapshot = NULL;
        bool done = false;
        rig_file_begin(&verbs->rig, &file, (uint64_t)turn + 1, 4096);
        assert_ok(full_snapshot_begin(verbs->backend, file.writer, &snapshot, &verbs->rig.error),
                  &verbs->rig.error);
        for (int i = 0; i < STEPS / 4; i++) {
            step(verbs, two, &rng);
            if (!done && i % 4 == 0) {
                assert_ok(weir_backend_snapshot_turn(verbs->backend, snapshot, 2000, &done,
                                                     &verbs->rig.error),
                          &verbs->rig.error);
                rig_io(&verbs->rig);
            }
        }
        while (!done) {
            assert_ok(weir_backend_snapshot_turn(verbs->backend, snapshot, 1 << 20, &done,
                                                 &verbs->rig.error),
                      &verbs->rig.error);
            rig_io(&verbs->rig);
        }
        rig_file_finish(&verbs->rig, &file);
        weir_backend_snapshot_end(verbs->backend, snapshot, true);
        drain(verbs);
    }
}

static weir_state_size
size_of(const weir_state *state)
{
    weir_state_size size;
    weir_state_measure(state, &size);
    assert_true(size.is_exact);
    assert_int_equal(size.disk_bytes, 0);
    return size;
}

static uint64_t
bytes_of_tables(const struct wr_heap_state *state_)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < state_->table_count; i++) {
        for (const struct wr_table *at = state_->tables[i]; at != NULL; at = at->older) {
            bytes += (uint64_t)at->bucket_count * state_->layout.bucket_bytes;
        }
    }
    return bytes;
}

/* When tables become smaller depends on all that the backend holds; what is in them does not. */
static void
assert_same_size(weir_state *one, weir_state *other)
{
    const struct wr_heap_state *inner = wr_heap_state_of(one);
    assert_int_equal(size_of(one).entries, size_of(other).entries);
    assert_int_equal(*inner->slab_bytes, *wr_heap_state_of(other)->slab_bytes);
    assert_true(*inner->slab_bytes > 0);
    assert_int_equal(size_of(one).bytes, *inner->slab_bytes + bytes_of_tables(inner));
}

TEST(a_state_is_as_large_beside_others_as_alone)
{
    struct verbs shared;
    struct verbs alone;
    struct two two;
    struct two one;
    verbs_open(&shared, weir_backend_factory_hashmap());
    make_states(&shared, &two, true, true);
    walk(&shared, &two);
    uint64_t sum = size_of(two.values).bytes + size_of(two.lists).bytes + size_of(two.maps).bytes;
    assert_true(sum > 0 && sum <= weir_backend_used_bytes(shared.backend));
    verbs_open(&alone, weir_backend_factory_hashmap());
    make_states(&alone, &one, true, false);
    walk(&alone, &one);
    assert_same_size(two.values, one.values);
    verbs_close(&alone);
    verbs_open(&alone, weir_backend_factory_hashmap());
    make_states(&alone, &one, false, true);
    walk(&alone, &one);
    assert_same_size(two.lists, one.lists);
    assert_same_size(two.maps, one.maps);
    verbs_close(&alone);
    verbs_close(&shared);
}

TEST(what_is_removed_is_not_counted_any_more_though_a_snapshot_reads_it)
{
    struct verbs verbs;
    struct two two;
    verbs_open(&verbs, weir_backend_factory_hashmap());
    make_states(&verbs, &two, true, true);
    walk_with_snapshots(&verbs, &two);
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&verbs.rig, &file, 99, 4096);
    assert_ok(full_snapshot_begin(verbs.backend, file.writer, &snapshot, &verbs.rig.error),
              &verbs.rig.error);
    uint64_t full = size_of(two.values).bytes;
    weir_state *const states[] = { two.values, two.lists, two.maps };
    for (size_t i = 0; i < 3; i++) {
        for (int64_t key = 0; key < KEYS; key++) {
            verbs_bind(&verbs, states[i], key);
            assert_ok(verbs.backend->ops->remove(states[i], &verbs.key), NULL);
        }
    }
    assert_int_equal(size_of(two.values).entries, 0);
    assert_true(size_of(two.values).bytes < full / 2); /* the tables stay, for a while */
    weir_backend_snapshot_end(verbs.backend, snapshot, false);
    rig_file_abort(&verbs.rig, &file);
    while (weir_backend_idle_turn(verbs.backend, 1 << 20)) {
    }
    for (size_t i = 0; i < 3; i++) { /* of the slab nothing is left */
        const struct wr_heap_state *one = wr_heap_state_of(states[i]);
        assert_int_equal(*one->slab_bytes, 0);
        assert_int_equal(size_of(states[i]).bytes, one->bucket_bytes);
    }
    verbs_close(&verbs);
}

/* The lists of the state as it was restored are dropped by and by, when that state is gone. */
TEST(a_state_that_was_converted_counts_its_own_blocks_alone)
{
    struct verbs verbs;
    verbs_open(&verbs, weir_backend_factory_hashmap());
    weir_state_descriptor plain = { .kind = WEIR_STATE_LIST,
                                    .name = "lists",
                                    .type = weir_type_of_kind(WEIR_I64) };
    weir_state *lists = verbs_state(&verbs, plain);
    for (int64_t i = 0; i < 60000; i++) {
        verbs_bind(&verbs, lists, i % 3);
        assert_ok(weir_list_add(lists, weir_bytes_of(&i, sizeof i)), NULL);
    }
    verbs_restore(&verbs);
    weir_ttl ttl = { .size = sizeof ttl,
                     .ttl_ms = 1000000,
                     .update = WEIR_TTL_ON_CREATE_AND_WRITE,
                     .visibility = WEIR_TTL_NEVER_RETURN_EXPIRED };
    weir_state_descriptor expiring = plain;
    expiring.ttl = &ttl;
    lists = verbs_state(&verbs, expiring);
    uint64_t before = size_of(lists).bytes;
    assert_int_equal(size_of(lists).entries, 3);
    assert_true(before >= 60000 * 16); /* a timestamp each */
    while (weir_backend_idle_turn(verbs.backend, 4096)) {
    }
    assert_int_equal(size_of(lists).bytes, before);
    for (int64_t key = 0; key < 3; key++) {
        verbs_bind(&verbs, lists, key);
        assert_ok(verbs.backend->ops->remove(lists, &verbs.key), NULL);
    }
    while (weir_backend_idle_turn(verbs.backend, 1 << 20)) {
    }
    assert_int_equal(*wr_heap_state_of(lists)->slab_bytes, 0);
    verbs_close(&verbs);
}

TEST(an_engine_that_does_not_measure_gives_its_count_as_an_estimate)
{
    struct verbs verbs;
    verbs_open(&verbs, plain_backend_factory());
    weir_state *sums =
        verbs_state(&verbs, (weir_state_descriptor){ .kind = WEIR_STATE_VALUE,
                                                     .name = "sums",
                                                     .type = weir_type_of_kind(WEIR_I64) });
    for (int64_t key = 0; key < 40; key++) {
        verbs_bind(&verbs, sums, key);
        assert_ok(weir_value_put(sums, weir_bytes_of(&key, sizeof key)), NULL);
    }
    weir_state_size size;
    weir_state_measure(sums, &size);
    assert_int_equal(size.entries, 40);
    assert_int_equal(size.bytes, 0);
    assert_false(size.is_exact);
    verbs_close(&verbs);
}

TEST(state_without_a_key_is_measured_by_its_elements)
{
    struct alloc_fault fault;
    weir_error error;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_operator_state *lists = NULL;
    assert_int_equal(wr_operator_state_create(&alloc, "source", &lists), WEIR_OK);
    weir_state_descriptor list = { .size = sizeof list,
                                   .kind = WEIR_STATE_LIST,
                                   .list_mode = WEIR_LIST_SPLIT,
                                   .name = "offsets",
                                   .type = weir_type_of_kind(WEIR_I64) };
    weir_state_descriptor map = { .size = sizeof map,
                                  .kind = WEIR_STATE_BROADCAST,
                                  .name = "rules",
                                  .type = weir_type_of_kind(WEIR_I64),
                                  .map_key_type = weir_type_of_kind(WEIR_I64) };
    weir_operator_list *offsets = NULL;
    assert_ok(wr_operator_state_list(lists, &list, &offsets, &error), &error);
    weir_state_size size;
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(weir_operator_list_add(offsets, weir_bytes_of(&i, sizeof i)), WEIR_OK);
    }
    for (int64_t i = 0; i < 7; i++) {
        assert_ok(wr_operator_state_restore_entry(lists, &map, weir_bytes_of(&i, sizeof i),
                                                  weir_bytes_of(&i, sizeof i), &error),
                  &error);
    }
    wr_operator_state_measure(lists, 0, &size);
    assert_int_equal(size.entries, 100);
    assert_true(size.is_exact && size.bytes >= 100 * (8 + 8)); /* an offset each */
    uint64_t held = size.bytes;
    wr_operator_state_measure(lists, 1, &size);
    assert_int_equal(size.entries, 7);
    assert_true(size.is_exact && size.bytes >= 7 * (8 + 8 + 8));
    assert_true(held + size.bytes <= fault.live_bytes);
    wr_operator_state_destroy(lists);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
}

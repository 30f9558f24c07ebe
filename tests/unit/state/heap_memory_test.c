/* SPDX-License-Identifier: Apache-2.0 */
/* memory of the in-memory engine: what little state takes, how it grows, what deletion gives back.
 */
#include "support/state_rig.h"

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

/* The system's allocator, counted. */
struct count {
    weir_alloc system;
    uint64_t used_bytes;
    uint64_t used_bytes_max;
};

static void *
counted(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct count *count = ctx;
    void *result = count->system.resize(count->system.ctx, ptr, old_size, new_size);
    if (result != NULL || new_size == 0) {
        count->used_bytes += new_size;
        count->used_bytes -= ptr != NULL ? old_size : 0;
    }
    if (count->used_bytes > count->used_bytes_max) {
        count->used_bytes_max = count->used_bytes;
    }
    return result;
}

static void
count_init(struct count *count, struct rig *rig)
{
    *count = (struct count){ .system = wr_memory_system() };
    rig_init(rig);
    rig->alloc = (weir_alloc){ counted, count };
}

TEST(many_key_groups_and_states_with_few_keys_are_small)
{
    struct rig rig;
    struct count count;
    count_init(&count, &rig);
    rig.max_parallelism = 32768;
    weir_backend *backend = rig_open(&rig, i64_type());
    for (int i = 0; i < 64; i++) {
        char name[32];
        snprintf(name, sizeof name, "state-%d", i);
        weir_state *counts = rig_state(&rig, backend, name, i64_type());
        for (int64_t number = 0; number < 1000; number++) {
            rig_add(&rig, counts, number, i);
        }
    }
    assert_true(count.used_bytes_max < UINT64_C(128) << 20);
    weir_backend_close(backend);
    assert_int_equal(count.used_bytes, 0);
    rig_fini(&rig);
}

TEST(growing_tenfold_peaks_below_1_6_times_the_end)
{
    struct rig rig;
    struct count count;
    count_init(&count, &rig);
    rig.max_parallelism = 128;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    for (int64_t number = 0; number < 200000; number++) {
        rig_add(&rig, counts, number, 1);
    }
    count.used_bytes_max = 0;
    for (int64_t number = 200000; number < 2000000; number++) {
        rig_add(&rig, counts, number, 1);
    }
    assert_true(count.used_bytes_max * 10 <= count.used_bytes * 16);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(deleting_nearly_all_gives_memory_back)
{
    struct rig rig;
    struct count count;
    count_init(&count, &rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    enum {
        KEYS = 400000
    };
    for (int64_t number = 0; number < KEYS; number++) {
        rig_add(&rig, counts, number, number);
    }
    uint64_t full = count.used_bytes;
    for (int64_t number = 0; number < KEYS; number++) {
        if (number % 1000 != 0) {
            rig_clear(&rig, counts, number);
        }
    }
    while (weir_backend_idle_turn(backend, 4096)) {
    }
    assert_true(count.used_bytes < full / 8);
    for (int64_t number = 0; number < KEYS; number += 1000) {
        assert_int_equal(rig_look(&rig, counts, number, -1), number);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* One item under each key: a value, an element, a map entry; of a size that follows from it. */
static void
add_item(const struct rig *rig, weir_state *state, weir_state_kind kind, int64_t number)
{
    static uint8_t bytes[4000];
    const weir_backend_ops *ops = state->backend->ops;
    weir_key key = rig_number(rig, &number);
    weir_bytes item =
        weir_bytes_of(bytes, (size_t)((number % 97 + 1) * 8 + (number % 50 == 0 ? 3000 : 0)));
    if (kind == WEIR_STATE_LIST) {
        assert_ok(ops->list_add(state, &key, &item, 1), NULL);
    } else if (kind == WEIR_STATE_MAP) {
        assert_ok(ops->map_put(state, &key, weir_bytes_of(&number, 8), item), NULL);
    } else {
        assert_ok(ops->put(state, &key, item), NULL);
    }
}

static void
check_blocks_given_back(weir_state_kind kind)
{
    struct rig rig;
    struct count count;
    count_init(&count, &rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = kind,
                                         .name = "blocks",
                                         .type = weir_type_of_kind(WEIR_STRING),
                                         .map_key_type =
                                             kind == WEIR_STATE_MAP ? i64_type() : NULL };
    weir_state *blocks = NULL;
    assert_ok(backend->ops->create_state(backend, &descriptor, &blocks, &rig.error), &rig.error);
    enum {
        KEYS = 60000
    };
    uint64_t full = 0;
    for (int round = 0; round < 3; round++) {
        for (int64_t number = 0; number < KEYS; number++) {
            add_item(&rig, blocks, kind, number);
        }
        assert_true(round == 0 || count.used_bytes < full + full / 4);
        full = count.used_bytes;
        for (int64_t number = 0; number < KEYS; number++) {
            if (number >= 1000) {
                weir_key key = rig_number(&rig, &number);
                assert_ok(backend->ops->remove(blocks, &key), NULL);
            }
        }
        while (weir_backend_idle_turn(backend, 4096)) {
        }
        assert_true(count.used_bytes < full / 4);
    }
    weir_backend_close(backend);
    assert_int_equal(count.used_bytes, 0);
    rig_fini(&rig);
}

TEST(deleting_blocks_of_any_kind_gives_memory_back)
{
    check_blocks_given_back(WEIR_STATE_VALUE);
    check_blocks_given_back(WEIR_STATE_LIST);
    check_blocks_given_back(WEIR_STATE_MAP);
}

TEST(a_large_list_or_map_goes_a_few_blocks_at_a_time)
{
    for (int kind = WEIR_STATE_LIST; kind <= WEIR_STATE_MAP; kind++) {
        struct rig rig;
        struct count count;
        count_init(&count, &rig);
        weir_backend *backend = rig_open(&rig, i64_type());
        weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                             .kind = (weir_state_kind)kind,
                                             .name = "large",
                                             .type = i64_type(),
                                             .map_key_type =
                                                 kind == WEIR_STATE_MAP ? i64_type() : NULL };
        weir_state *large = NULL;
        assert_ok(backend->ops->create_state(backend, &descriptor, &large, &rig.error), &rig.error);
        int64_t one = 1;
        weir_key key = rig_number(&rig, &one);
        for (int64_t i = 0; i < 200000; i++) {
            weir_bytes bytes = weir_bytes_of(&i, sizeof i);
            assert_ok(kind == WEIR_STATE_LIST ? backend->ops->list_add(large, &key, &bytes, 1)
                                              : backend->ops->map_put(large, &key, bytes, bytes),
                      NULL);
        }
        const struct wr_slab *slab = &wr_heap_of(backend)->slab;
        size_t full = slab->region->used_bytes;
        assert_ok(backend->ops->remove(large, &key), NULL);
        assert_int_equal(backend->ops->entry_count(large), 0);
        assert_true(slab->region->used_bytes > full / 10 * 9);
        int turns = 0;
        while (weir_backend_idle_turn(backend, 4096)) {
            turns++;
        }
        assert_true(turns > 5);
        assert_true(slab->region->used_bytes < full / 3);
        weir_backend_close(backend);
        assert_int_equal(count.used_bytes, 0);
        rig_fini(&rig);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* memory_test: the system allocator at its borders, budgets at their limit, arenas. */
#include "support/test.h"

#include "base/memory.h"
#include "base/rng.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static void
fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += 509) {
        data[i] = (uint8_t)(i * 131 >> 3);
    }
}

static void
assert_filled(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += 509) {
        assert_int_equal(data[i], (uint8_t)(i * 131 >> 3));
    }
}

TEST(memory_keeps_its_content_over_every_border)
{
    static const size_t sizes[] = { 1,        64,          4096,        2 * MIB - 1,
                                    2 * MIB,  2 * MIB + 1, 5 * MIB,     3 * MIB + 12345,
                                    64 * MIB, 6 * MIB,     2 * MIB - 1, 100 };
    weir_alloc alloc = wr_memory_system();
    size_t size = 1;
    uint8_t *data = wr_memory_new(&alloc, size);
    assert_non_null(data);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t kept = size < sizes[i] ? size : sizes[i];
        fill(data, size);
        data = wr_memory_resize(&alloc, data, size, sizes[i]);
        assert_non_null(data);
        size = sizes[i];
        assert_filled(data, kept);
        assert_int_equal((uintptr_t)data % (size >= 2 * MIB ? 2 * MIB : 16), 0);
    }
    wr_memory_free(&alloc, data, size);
    wr_memory_free(&alloc, NULL, 0);
}

TEST(memory_that_cannot_be_had_is_refused_and_the_old_stays)
{
    weir_alloc alloc = wr_memory_system();
    assert_null(wr_memory_resize(&alloc, NULL, 0, SIZE_MAX));
    assert_null(wr_memory_resize(&alloc, NULL, 0, SIZE_MAX / 2));
    uint8_t *data = wr_memory_new(&alloc, 4 * MIB);
    assert_non_null(data);
    fill(data, 4 * MIB);
    assert_null(wr_memory_resize(&alloc, data, 4 * MIB, SIZE_MAX / 4));
    assert_null(wr_memory_resize(&alloc, data, 4 * MIB, SIZE_MAX));
    assert_filled(data, 4 * MIB);
    wr_memory_free(&alloc, data, 4 * MIB);
}

TEST(memory_new_is_zeroed)
{
    weir_alloc alloc = wr_memory_system();
    uint8_t *data = wr_memory_new(&alloc, 3 * MIB);
    assert_non_null(data);
    for (size_t i = 0; i < 3 * MIB; i++) {
        if (data[i] != 0) {
            fail_msg("byte %zu is not zero", i);
        }
    }
    wr_memory_free(&alloc, data, 3 * MIB);
}

TEST(budget_gives_to_its_limit_and_not_one_byte_more)
{
    struct wr_budget budget;
    struct wr_pool_alloc state_pool;
    struct wr_pool_alloc network_pool;
    wr_budget_init(&budget, wr_memory_system(), 1000);
    weir_alloc live = wr_budget_alloc(&state_pool, &budget, WR_POOL_STATE);
    weir_alloc network = wr_budget_alloc(&network_pool, &budget, WR_POOL_NETWORK);

    uint8_t *one = wr_memory_new(&live, 600);
    assert_non_null(one);
    assert_null(wr_memory_new(&network, 401));
    uint8_t *two = wr_memory_new(&network, 400);
    assert_non_null(two);
    assert_int_equal(budget.used_bytes, 1000);
    assert_int_equal(budget.used_by_pool[WR_POOL_STATE], 600);
    assert_int_equal(budget.used_by_pool[WR_POOL_NETWORK], 400);
    assert_null(wr_memory_new(&live, 1));
    assert_null(wr_memory_resize(&live, one, 600, 601));

    one = wr_memory_resize(&live, one, 600, 500);
    assert_non_null(one);
    two = wr_memory_resize(&network, two, 400, 500);
    assert_non_null(two);
    assert_int_equal(budget.used_bytes, 1000);
    wr_memory_free(&live, one, 500);
    wr_memory_free(&network, two, 500);
    assert_int_equal(budget.used_bytes, 0);
    assert_int_equal(budget.used_by_pool[WR_POOL_STATE], 0);
    assert_int_equal(budget.used_by_pool[WR_POOL_NETWORK], 0);
}

static void *
refuse(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)ptr;
    (void)old_size;
    (void)new_size;
    return NULL;
}

TEST(a_budget_keeps_the_most_that_each_pool_had)
{
    struct wr_budget budget;
    struct wr_pool_alloc one_pool;
    struct wr_pool_alloc other_pool;
    wr_budget_init(&budget, wr_memory_system(), 1000);
    weir_alloc one = wr_budget_alloc(&one_pool, &budget, WR_POOL_STATE);
    weir_alloc other = wr_budget_alloc(&other_pool, &budget, WR_POOL_LISTS);
    void *first = wr_memory_new(&one, 300);
    void *second = wr_memory_new(&other, 200);
    first = wr_memory_resize(&one, first, 300, 500);
    assert_int_equal(budget.peak_by_pool[WR_POOL_STATE], 500);
    assert_null(wr_memory_new(&other, 301)); /* past the limit */
    first = wr_memory_resize(&one, first, 500, 100);
    wr_memory_free(&other, second, 200);
    assert_int_equal(budget.used_by_pool[WR_POOL_STATE], 100);
    assert_int_equal(budget.peak_by_pool[WR_POOL_STATE], 500);
    assert_int_equal(budget.used_by_pool[WR_POOL_LISTS], 0);
    assert_int_equal(budget.peak_by_pool[WR_POOL_LISTS], 200);
    wr_memory_free(&one, first, 100);
}

TEST(budget_counts_nothing_that_its_parent_refused)
{
    struct wr_budget budget;
    struct wr_pool_alloc pool;
    wr_budget_init(&budget, (weir_alloc){ .resize = refuse }, 0);
    weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
    assert_null(wr_memory_new(&alloc, 100));
    assert_int_equal(budget.used_bytes, 0);
    assert_int_equal(budget.used_by_pool[WR_POOL_OTHER], 0);
    assert_int_equal(budget.peak_by_pool[WR_POOL_OTHER], 0);
}

TEST(arena_serves_zeroed_aligned_memory_and_frees_it_all)
{
    struct wr_budget budget;
    struct wr_pool_alloc pool;
    wr_budget_init(&budget, wr_memory_system(), 0);
    weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
    struct wr_arena arena;
    wr_arena_init(&arena, &alloc);
    struct wr_rng rng;
    wr_rng_init(&rng, 3);
    uint8_t *places[1000];
    size_t sizes[1000];
    for (size_t i = 0; i < 1000; i++) {
        sizes[i] = wr_rng_below(&rng, i % 50 == 0 ? 100000 : 200);
        places[i] = wr_arena_new(&arena, sizes[i]);
        assert_non_null(places[i]);
        assert_int_equal((uintptr_t)places[i] % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(places[i][j], 0);
        }
        memset(places[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < 1000; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(places[i][j], i & 0xff);
        }
    }
    assert_string_equal(wr_arena_copy_text(&arena, "weir"), "weir");
    wr_arena_fini(&arena);
    assert_int_equal(budget.used_bytes, 0);
    assert_non_null(wr_arena_new(&arena, 1)); /* may be used again */
    wr_arena_fini(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

TEST(arena_says_when_memory_is_refused)
{
    struct wr_budget budget;
    struct wr_pool_alloc pool;
    wr_budget_init(&budget, wr_memory_system(), 2000);
    weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
    struct wr_arena arena;
    wr_arena_init(&arena, &alloc);
    assert_non_null(wr_arena_new(&arena, 100));
    assert_null(wr_arena_new(&arena, 2000));
    assert_null(wr_arena_new(&arena, SIZE_MAX));
    assert_non_null(wr_arena_new(&arena, 100));
    wr_arena_fini(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* buffer_test: what is put is what is read, and nothing is read past the end. */
#include "support/test.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <string.h>

TEST(cursor_reads_what_buffer_put)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer buffer;
    wr_buffer_init(&buffer, &alloc);
    wr_buffer_put_u8(&buffer, 0xab);
    wr_buffer_put_u16(&buffer, 0xabcd);
    wr_buffer_put_u32(&buffer, 0xabcdef01U);
    wr_buffer_put_u64(&buffer, 0xabcdef0123456789ULL);
    wr_buffer_put_text(&buffer, "weir");
    wr_buffer_put_text(&buffer, "");
    wr_buffer_put(&buffer, "xyz", 3);
    wr_buffer_print(&buffer, "%d-%s", 42, "end");
    assert_int_equal(wr_buffer_status(&buffer), WEIR_OK);
    assert_int_equal(buffer.data[1], 0xcd); /* little-endian */

    struct wr_cursor cursor;
    wr_cursor_init(&cursor, buffer.data, buffer.size);
    assert_int_equal(wr_cursor_u8(&cursor), 0xab);
    assert_int_equal(wr_cursor_u16(&cursor), 0xabcd);
    assert_int_equal(wr_cursor_u32(&cursor), 0xabcdef01U);
    assert_int_equal(wr_cursor_u64(&cursor), 0xabcdef0123456789ULL);
    weir_bytes text = wr_cursor_text(&cursor);
    assert_int_equal(text.size, 4);
    assert_memory_equal(text.data, "weir", 4);
    assert_int_equal(wr_cursor_text(&cursor).size, 0);
    assert_memory_equal(wr_cursor_bytes(&cursor, 3), "xyz", 3);
    assert_int_equal(wr_cursor_left(&cursor), 6);
    assert_memory_equal(wr_cursor_bytes(&cursor, 6), "42-end", 6);
    assert_false(cursor.failed);
    assert_non_null(wr_cursor_bytes(&cursor, 0));
    assert_false(cursor.failed);
    wr_buffer_fini(&buffer);
}

TEST(cursor_gives_zeros_past_the_end_and_stays_failed)
{
    static const uint8_t three[] = { 1, 2, 3 };
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, three, sizeof three);
    assert_int_equal(wr_cursor_u32(&cursor), 0);
    assert_true(cursor.failed);
    assert_int_equal(wr_cursor_u8(&cursor), 0); /* though there are three bytes */
    assert_null(wr_cursor_bytes(&cursor, 1));
    assert_int_equal(wr_cursor_left(&cursor), 0);
}

TEST(cursor_refuses_a_text_longer_than_what_is_left)
{
    static const uint8_t lying[] = { 0xff, 0xff, 0xff, 0xff, 'a', 'b' };
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, lying, sizeof lying);
    weir_bytes text = wr_cursor_text(&cursor);
    assert_null(text.data);
    assert_int_equal(text.size, 0);
    assert_true(cursor.failed);
}

TEST(cursor_over_nothing_fails_without_harm)
{
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, NULL, 0);
    assert_non_null(wr_cursor_bytes(&cursor, 0));
    assert_int_equal(wr_cursor_u64(&cursor), 0);
    assert_true(cursor.failed);
}

TEST(buffer_keeps_a_prefix_once_memory_is_refused)
{
    struct wr_budget budget;
    struct wr_pool_alloc pool;
    wr_budget_init(&budget, wr_memory_system(), 64);
    weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
    struct wr_buffer buffer;
    wr_buffer_init(&buffer, &alloc);
    for (uint64_t i = 0; i < 8; i++) {
        wr_buffer_put_u64(&buffer, i);
    }
    assert_int_equal(wr_buffer_status(&buffer), WEIR_OK);
    wr_buffer_put_u64(&buffer, 8);
    assert_int_equal(wr_buffer_status(&buffer), WEIR_NOMEM);
    wr_buffer_put(&buffer, "", 0);
    wr_buffer_put_u8(&buffer, 1);
    wr_buffer_print(&buffer, "no");
    assert_null(wr_buffer_extend(&buffer, 1));
    assert_int_equal(buffer.size, 64);
    wr_buffer_clear(&buffer);
    assert_int_equal(wr_buffer_status(&buffer), WEIR_OK);
    wr_buffer_put_u64(&buffer, 1);
    assert_int_equal(wr_buffer_status(&buffer), WEIR_OK);
    wr_buffer_fini(&buffer);
    assert_int_equal(budget.used_bytes, 0);
}

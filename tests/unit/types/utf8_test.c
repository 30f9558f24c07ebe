/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: the well-formed, the ill-formed, and what Java makes of it. */
#include "support.h"
#include "types/utf8.h"

#include "base/rng.h"

#define BYTES(literal) weir_bytes_of((literal), sizeof(literal) - 1)
#define R              "\xef\xbf\xbd"

TEST(well_formed_text_is_valid)
{
    static const char *const good[] = {
        "",
        "a",
        "hello, world: more than thirty-two bytes of plain old ASCII",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "plain then \xe6\x97\xa5\xe6\x9c\xac and \xf0\x9f\x98\x80 and plain again to the end",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(wr_utf8_valid(weir_bytes_of_text(good[i])));
        assert_true(wr_utf8_valid_java(weir_bytes_of_text(good[i])));
    }
    assert_true(wr_utf8_valid(weir_bytes_of("\0", 1)));
    assert_true(wr_utf8_valid(weir_bytes_of(NULL, 0)));
}

TEST(lone_surrogates_are_valid_for_java_alone)
{
    static const char *const lone[] = {
        "\xed\xa0\xbd",              /* high */
        "\xed\xb8\x80",              /* low */
        "\xed\xb8\x80\xed\xa0\xbd",  /* low before high: no pair */
        "\xed\xa0\xbd\xed\xa0\xbd",  /* two high */
        "\xed\xa0\xbd-\xed\xb8\x80", /* apart */
    };
    for (size_t i = 0; i < sizeof lone / sizeof lone[0]; i++) {
        assert_false(wr_utf8_valid(weir_bytes_of_text(lone[i])));
        assert_true(wr_utf8_valid_java(weir_bytes_of_text(lone[i])));
    }
    assert_false(wr_utf8_valid_java(BYTES("\xed\xa0\xbd\xed\xb8\x80")));
}

/* What Java 17's new String(bytes, UTF_8) gives for the same bytes. */
TEST(ill_formed_parts_are_replaced_as_java_replaces_them)
{
    const struct {
        weir_bytes from;
        weir_bytes to;
    } vectors[] = {
        { BYTES("\x80"), BYTES(R) },
        { BYTES("a\x80\xbf"
                "b"),
          BYTES("a" R R "b") },
        { BYTES("\xc0\x80"), BYTES(R R) },
        { BYTES("\xc1\xbf"), BYTES(R R) },
        { BYTES("\xc2"), BYTES(R) },
        { BYTES("\xc2x"), BYTES(R "x") },
        { BYTES("\xe0\x80\x80"), BYTES(R R R) },
        { BYTES("\xe0\x80"), BYTES(R R) },
        { BYTES("\xe0\xa0"), BYTES(R) },
        { BYTES("\xe0\xa0x"), BYTES(R "x") },
        { BYTES("\xe1"), BYTES(R) },
        { BYTES("\xe1x"), BYTES(R "x") },
        { BYTES("\xe1\x80"), BYTES(R) },
        { BYTES("\xe1\x80\xc3\xa9"), BYTES(R "\xc3\xa9") },
        { BYTES("\xed\xa0\x80"), BYTES(R) },
        { BYTES("\xed\xa0"), BYTES(R) },
        { BYTES("\xed\xa0x"), BYTES(R "x") },
        { BYTES("\xed\xa0\xbd\xed\xb8\x80"), BYTES(R R) },
        { BYTES("\xf0\x80\x80\x80"), BYTES(R R R R) },
        { BYTES("\xf0\x8f\xbf\xbf"), BYTES(R R R R) },
        { BYTES("\xf0\x9f"), BYTES(R) },
        { BYTES("\xf0\x9f\x98"), BYTES(R) },
        { BYTES("\xf0\x9f\x98x"), BYTES(R "x") },
        { BYTES("\xf0\x9fx"), BYTES(R "x") },
        { BYTES("\xf0x"), BYTES(R "x") },
        { BYTES("\xf0\x9f\x98\xf0\x9f\x98\x80"), BYTES(R "\xf0\x9f\x98\x80") },
        { BYTES("\xf4\x90\x80\x80"), BYTES(R R R R) },
        { BYTES("\xf4\x8f\xbf"), BYTES(R) },
        { BYTES("\xf5\x80\x80\x80"), BYTES(R R R R) },
        { BYTES("\xf8\x88\x80\x80\x80"), BYTES(R R R R R) },
        { BYTES("\xfe\xff"), BYTES(R R) },
        { BYTES("good \xe6\x97\xa5 text"), BYTES("good \xe6\x97\xa5 text") },
        { BYTES("0123456789abcdef0123456789abcdef\xff"
                "0123456789abcdef"),
          BYTES("0123456789abcdef0123456789abcdef" R "0123456789abcdef") },
    };
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer out;
    wr_buffer_init(&out, &alloc);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        wr_buffer_clear(&out);
        assert_int_equal(wr_utf8_repair(vectors[i].from, &out), WEIR_OK);
        if (out.size != vectors[i].to.size || memcmp(out.data, vectors[i].to.data, out.size) != 0) {
            fail_msg("vector %zu comes out as %.*s", i, (int)out.size, (const char *)out.data);
        }
    }
    wr_buffer_fini(&out);
}

/* The table of the standard, looked at byte by byte: the model that the fast one is held against.
 */
static bool
model_valid(const uint8_t *at, size_t size)
{
    while (size > 0) {
        uint32_t code = at[0];
        size_t length = code < 0x80 ? 1 : code < 0xc0 ? 0 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
        if (length == 0 || code > 0xf7 || length > size) {
            return false;
        }
        static const uint32_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        code &= masks[length];
        for (size_t i = 1; i < length; i++) {
            if ((at[i] & 0xc0) != 0x80) {
                return false;
            }
            code = code << 6 | (at[i] & 0x3f);
        }
        if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
            return false;
        }
        at += length;
        size -= length;
    }
    return true;
}

TEST(random_bytes_are_judged_as_the_standard_does_and_repair_makes_text)
{
    static const uint8_t alphabet[] = { 'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                        0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0,
                                        0xf1, 0xf4, 0xf5, 0xff, 'b',  'c',  'd',  'e' };
    struct wr_rng rng;
    wr_rng_init(&rng, 20);
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer out;
    wr_buffer_init(&out, &alloc);
    for (int round = 0; round < 200000; round++) {
        uint8_t text[80];
        size_t plain = wr_rng_below(&rng, 40);
        size_t size = plain + wr_rng_below(&rng, 8);
        memset(text, 'p', plain);
        for (size_t i = plain; i < size; i++) {
            text[i] = alphabet[wr_rng_below(&rng, sizeof alphabet)];
        }
        bool is_valid = model_valid(text, size);
        assert_int_equal(wr_utf8_valid(weir_bytes_of(text, size)), is_valid);
        wr_buffer_clear(&out);
        assert_int_equal(wr_utf8_repair(weir_bytes_of(text, size), &out), WEIR_OK);
        assert_true(model_valid(out.data, out.size));
        assert_true(out.size <= 3 * size);
        if (is_valid) {
            assert_int_equal(out.size, size);
            assert_memory_equal(out.data, text, size);
        }
    }
    wr_buffer_fini(&out);
}

TEST(a_stray_byte_is_found_at_every_place)
{
    uint8_t text[100];
    for (size_t size = 1; size < sizeof text; size++) {
        for (size_t place = 0; place < size; place++) {
            memset(text, 'x', size);
            text[place] = 0x80;
            assert_false(wr_utf8_valid(weir_bytes_of(text, size)));
        }
    }
}

TEST(a_string_is_repaired_in_the_callers_room_or_refused)
{
    assert_true(weir_string_valid(BYTES("word")));
    assert_false(weir_string_valid(BYTES("w\xff")));
    char room[8];
    memset(room, '#', sizeof room);
    assert_int_equal(weir_string_repair("w\377d", 3, room, 5), 5);
    assert_memory_equal(room, "w\357\277\275d###", 8);
    assert_int_equal(weir_string_repair("w\377d", 3, room, 4), SIZE_MAX);
    assert_int_equal(room[5], '#');
    assert_int_equal(weir_string_repair(NULL, 0, room, 0), 0);
}

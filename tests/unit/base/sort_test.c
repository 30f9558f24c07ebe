/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting, against counting: every count of small arrays, items of odd sizes, equal ones. */
#include "base/sort.h"

#include "base/rng.h"
#include "support/test.h"

#include <stdint.h>
#include <string.h>

static int
compare_bytes(const void *one, const void *other, void *argument)
{
    ++*(size_t *)argument;
    return (int)*(const uint8_t *)one - (int)*(const uint8_t *)other;
}

TEST(arrays_of_every_small_size_are_sorted)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 1);
    for (size_t count = 0; count < 70; count++) {
        uint8_t items[70];
        unsigned had[256] = { 0 };
        for (size_t i = 0; i < count; i++) {
            items[i] = (uint8_t)wr_rng_below(&rng, 16);
            had[items[i]]++;
        }
        size_t compared = 0;
        wr_sort(items, count, 1, compare_bytes, &compared);
        for (size_t i = 0; i < count; i++) {
            assert_true(i == 0 || items[i - 1] <= items[i]);
            had[items[i]]--;
        }
        for (size_t i = 0; i < 256; i++) {
            assert_int_equal(had[i], 0);
        }
        assert_true(compared <= 16 * count * 7);
    }
}

struct wide {
    uint8_t key;
    char text[12];
};

TEST(an_item_moves_whole)
{
    struct wide items[26];
    size_t compared = 0;
    for (size_t i = 0; i < 26; i++) {
        items[i].key = (uint8_t)(i * 7 % 26);
        memset(items[i].text, 'a' + (int)(i * 7 % 26), sizeof items[i].text);
    }
    wr_sort(items, 26, sizeof items[0], compare_bytes, &compared);
    for (size_t i = 0; i < 26; i++) {
        assert_int_equal(items[i].key, i);
        for (size_t j = 0; j < sizeof items[i].text; j++) {
            assert_int_equal(items[i].text[j], 'a' + (int)i);
        }
    }
}

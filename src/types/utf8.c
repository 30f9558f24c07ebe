/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: validates and repairs text.
 *
 * Most text is ASCII, so a run of ASCII is passed 32 bytes at a time, then 8; only where a byte is
 * above 0x7F a sequence is looked at, by the table of well-formed sequences of the Unicode
 * standard:
 *
 *     00..7F
 *     C2..DF 80..BF
 *     E0     A0..BF 80..BF      (no overlong)
 *     ED     80..9F 80..BF      (no surrogates; Java's strings may hold lone ones: ED
 * A0..BF 80..BF) E1..EF 80..BF 80..BF F0     90..BF 80..BF 80..BF F4     80..8F 80..BF 80..BF
 *     F1..F3 80..BF 80..BF 80..BF
 *
 * Repair replaces the longest part that could have begun a sequence by one U+FFFD (the standard's
 * practice, which Java's decoder follows), but Java takes a surrogate's three bytes as one part.
 */
#include "types/utf8.h"

#include "base/little.h"

#include <string.h>

static const uint64_t high_bits = 0x8080808080808080ULL;

static size_t
ascii_run(const uint8_t *at, size_t size)
{
    size_t i = 0;
    for (; size - i >= 32; i += 32) {
        uint64_t all = wr_get_u64(at + i) | wr_get_u64(at + i + 8) | wr_get_u64(at + i + 16) |
                       wr_get_u64(at + i + 24);
        if ((all & high_bits) != 0) {
            break;
        }
    }
    for (; size - i >= 8; i += 8) {
        uint64_t high = wr_get_u64(at + i) & high_bits;
        if (high != 0) {
            return i + (size_t)__builtin_ctzll(high) / 8;
        }
    }
    while (i < size && at[i] < 0x80) {
        i++;
    }
    return i;
}

static bool
is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Whether `second` may follow `first` (C2..F4); surrogates pass. */
static bool
is_second(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_tail(second);
    }
}

/* Bytes that a sequence with this first byte has; 0: it begins none. */
static size_t
length_by_first(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* How many of the bytes at `at` fit the sequence that the first one begins, and how many it has. */
static size_t
match(const uint8_t *at, size_t size, size_t *out_length)
{
    size_t length = length_by_first(at[0]);
    *out_length = length;
    if (length <= 1) {
        return length;
    }
    if (size < 2 || !is_second(at[0], at[1])) {
        return 1;
    }
    size_t fit = 2;
    while (fit < length && fit < size && is_tail(at[fit])) {
        fit++;
    }
    return fit;
}

static bool
is_surrogate(const uint8_t *at)
{
    return at[0] == 0xed && at[1] >= 0xa0;
}

/* A high surrogate directly before a low one, both in three bytes. `at` is the low one's. */
static bool
is_pair(const uint8_t *begin, const uint8_t *at)
{
    return at[1] >= 0xb0 && at - begin >= 3 && at[-3] == 0xed && at[-2] >= 0xa0 && at[-2] < 0xb0;
}

/* The size of the longest well-formed beginning. */
static size_t
valid_prefix(const uint8_t *begin, size_t size, bool is_java)
{
    size_t i = 0;
    for (;;) {
        i += ascii_run(begin + i, size - i);
        while (i < size && begin[i] >= 0x80) {
            size_t length;
            const uint8_t *at = begin + i;
            if (match(at, size - i, &length) != length || length == 0) {
                return i;
            }
            if (is_surrogate(at) && (!is_java || is_pair(begin, at))) {
                return i;
            }
            i += length;
        }
        if (i == size) {
            return i;
        }
    }
}

bool
wr_utf8_valid(weir_bytes bytes)
{
    return bytes.size == 0 || valid_prefix(bytes.data, bytes.size, false) == bytes.size;
}

bool
wr_utf8_valid_java(weir_bytes bytes)
{
    return bytes.size == 0 || valid_prefix(bytes.data, bytes.size, true) == bytes.size;
}

weir_status
wr_utf8_repair(weir_bytes bytes, struct wr_buffer *out)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    while (left > 0) {
        size_t good = valid_prefix(at, left, false);
        wr_buffer_put(out, at, good);
        at += good;
        left -= good;
        if (left > 0) {
            size_t length;
            size_t bad = match(at, left, &length);
            bad = bad > 0 ? bad : 1;
            wr_buffer_put(out, "\xef\xbf\xbd", 3);
            at += bad;
            left -= bad;
        }
    }
    return wr_buffer_status(out);
}

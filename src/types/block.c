/* SPDX-License-Identifier: Apache-2.0 */
/* block: the size of a block, and whether bytes are one.
 *
 *     0             fixed_size            end        size
 *     | fixed part  | string, bytes, ...  | zeros    |
 *
 * end is where the last part ends (fixed_size if there is none); size is end rounded up to 8, or,
 * for a type without variable parts, just fixed_size. Foreign bytes are checked with 64-bit sums,
 * so no offset can wrap. Parts may share bytes: reading them is safe, and a copy gives each its
 * own.
 */
#include "types/block.h"

#include "base/fail.h"
#include "types/type.h"
#include "types/utf8.h"

#include <inttypes.h>

static weir_string
string_at(const void *block, uint32_t offset)
{
    weir_string string;
    memcpy(&string, (const uint8_t *)block + offset, sizeof string);
    return string;
}

size_t
wr_block_size(const weir_type *type, const void *block)
{
    size_t end = type->fixed_size;
    for (size_t i = 0; i < type->part_count; i++) {
        weir_string string = string_at(block, type->parts[i].offset);
        size_t part_end = (size_t)string.offset + string.size;
        if (string.size != 0 && part_end > end) {
            end = part_end;
        }
    }
    return weir_round8(end);
}

static weir_status
check_part(const weir_type *type, const struct wr_leaf *part, weir_bytes block, uint64_t *end,
           weir_error *err)
{
    weir_string string = string_at(block.data, part->offset);
    if (string.size == 0) {
        return WEIR_OK;
    }
    uint64_t part_end = (uint64_t)string.offset + string.size;
    if (string.offset < type->fixed_size || part_end > block.size) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: the field at byte %" PRIu32 " points to bytes %" PRIu32 " to %" PRIu64
                       " of a block whose variable part is bytes %" PRIu32 " to %zu",
                       type->name, part->offset, string.offset, part_end, type->fixed_size,
                       block.size);
    }
    if (part->kind == WEIR_STRING && !wr_utf8_valid_java(weir_string_bytes(block.data, string))) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: the string at byte %" PRIu32 " of the block is not UTF-8", type->name,
                       string.offset);
    }
    *end = part_end > *end ? part_end : *end;
    return WEIR_OK;
}

static weir_status
check_bools(const weir_type *type, const uint8_t *block, weir_error *err)
{
    for (size_t i = 0; i < type->leaf_count; i++) {
        const struct wr_leaf *leaf = &type->leaves[i];
        if (leaf->kind == WEIR_BOOL && block[leaf->offset] > 1) {
            return wr_fail(err, WEIR_CORRUPT,
                           "%s: the bool at byte %" PRIu32 " is %d, neither 0 nor 1", type->name,
                           leaf->offset, block[leaf->offset]);
        }
    }
    return WEIR_OK;
}

weir_status
weir_type_check_block(const weir_type *type, const void *block, size_t size, weir_error *err)
{
    if (size < type->fixed_size || size > WEIR_VALUE_SIZE_MAX) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: a block of %zu bytes, it must have from %" PRIu32 " to %d", type->name,
                       size, type->fixed_size, WEIR_VALUE_SIZE_MAX);
    }
    const uint8_t *bytes = block;
    WR_TRY(check_bools(type, bytes, err));
    uint64_t end = type->fixed_size;
    for (size_t i = 0; i < type->part_count; i++) {
        WR_TRY(check_part(type, &type->parts[i], weir_bytes_of(block, size), &end, err));
    }
    bool is_bare = type->part_count == 0 && size == type->fixed_size;
    if (!is_bare && size != weir_round8((size_t)end)) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: a block of %zu bytes whose last part ends at %" PRIu64
                       ", it must have %zu",
                       type->name, size, end, weir_round8((size_t)end));
    }
    for (size_t i = (size_t)end; i < size; i++) {
        if (bytes[i] != 0) {
            return wr_fail(err, WEIR_CORRUPT,
                           "%s: byte %zu, behind the last part of the block, is not zero",
                           type->name, i);
        }
    }
    return WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gather: a small program of copies.
 *
 *     copies   runs of bytes of the fixed parts; neighbours that stay neighbours are one run, so a
 *              record less its key is one or two copies
 *     parts    strings and bytes: their place in the fixed part was copied as it was, then the
 * content is appended and the place set floats   places where a NaN may have to become the one NaN
 *
 * The size is summed first, so the buffer is extended once and nothing is written past it.
 */
#include "types/gather.h"

#include "base/check.h"
#include "base/memory.h"
#include "types/java_hash.h"
#include "types/type.h"

struct copy {
    uint32_t source;
    uint32_t from;
    uint32_t to;
    uint32_t size;
};

struct wr_gather {
    weir_alloc alloc;
    size_t memory_size;
    uint32_t fixed_size;
    uint32_t copy_count;
    uint32_t part_count;
    uint32_t float_count;
    uint32_t copies_max;
    uint32_t parts_max;
    struct copy *copies;
    struct copy *parts; /* size unused */
    struct wr_leaf *floats;
};

weir_status
wr_gather_create(const weir_alloc *alloc, const weir_type *type, bool one_nan,
                 struct wr_gather **out_gather)
{
    uint32_t copies_max = type->field_count > 0 ? type->field_count : 1;
    size_t copies_size = (copies_max + (size_t)type->part_count) * sizeof(struct copy);
    size_t floats_size = type->leaf_count * sizeof(struct wr_leaf);
    size_t memory_size = sizeof(struct wr_gather) + copies_size + floats_size;
    struct wr_gather *gather = wr_memory_new(alloc, memory_size);
    if (gather == NULL) {
        return WEIR_NOMEM;
    }
    gather->alloc = *alloc;
    gather->memory_size = memory_size;
    gather->fixed_size = type->fixed_size;
    gather->copies_max = copies_max;
    gather->parts_max = type->part_count;
    gather->copies = (struct copy *)(gather + 1);
    gather->parts = gather->copies + copies_max;
    gather->floats = (struct wr_leaf *)(gather->parts + type->part_count);
    for (size_t i = 0; one_nan && i < type->leaf_count; i++) {
        weir_kind kind = type->leaves[i].kind;
        if (kind == WEIR_F32 || kind == WEIR_F64) {
            gather->floats[gather->float_count++] = type->leaves[i];
        }
    }
    *out_gather = gather;
    return WEIR_OK;
}

void
wr_gather_destroy(struct wr_gather *gather)
{
    if (gather != NULL) {
        weir_alloc alloc = gather->alloc;
        wr_memory_free(&alloc, gather, gather->memory_size);
    }
}

static bool
is_next(const struct copy *last, unsigned source, uint32_t from, uint32_t to)
{
    return last->source == source && last->from + last->size == from && last->to + last->size == to;
}

void
wr_gather_add(struct wr_gather *gather, unsigned source, uint32_t from, uint32_t to,
              const weir_type *field_type)
{
    uint32_t count = gather->copy_count;
    if (count > 0 && is_next(&gather->copies[count - 1], source, from, to)) {
        gather->copies[count - 1].size += field_type->fixed_size;
    } else {
        wr_assert(count < gather->copies_max);
        gather->copies[count] = (struct copy){ source, from, to, field_type->fixed_size };
        gather->copy_count++;
    }
    for (size_t i = 0; i < field_type->part_count; i++) {
        uint32_t offset = field_type->parts[i].offset;
        wr_assert(gather->part_count < gather->parts_max);
        gather->parts[gather->part_count++] =
            (struct copy){ source, from + offset, to + offset, 0 };
    }
}

static weir_string
string_at(const uint8_t *at)
{
    weir_string string;
    memcpy(&string, at, sizeof string);
    return string;
}

static void
set_one_nan(const struct wr_gather *gather, uint8_t *block)
{
    for (size_t i = 0; i < gather->float_count; i++) {
        uint8_t *at = block + gather->floats[i].offset;
        if (gather->floats[i].kind == WEIR_F32) {
            wr_put_u32(at, wr_java_float_bits(wr_get_u32(at)));
        } else {
            wr_put_u64(at, wr_java_double_bits(wr_get_u64(at)));
        }
    }
}

void
wr_gather_run_fixed(const struct wr_gather *gather, const void *const sources[WR_GATHER_SOURCES],
                    void *out)
{
    uint8_t *block = out;
    for (size_t i = 0; i < gather->copy_count; i++) {
        const struct copy *copy = &gather->copies[i];
        const uint8_t *from = (const uint8_t *)sources[copy->source] + copy->from;
        if (copy->size == 8) { /* the usual counter: no call */
            memcpy(block + copy->to, from, 8);
        } else {
            memcpy(block + copy->to, from, copy->size);
        }
    }
    if (gather->float_count != 0) {
        set_one_nan(gather, block);
    }
}

size_t
wr_gather_size(const struct wr_gather *gather, const void *const sources[WR_GATHER_SOURCES])
{
    size_t size = gather->fixed_size;
    for (size_t i = 0; i < gather->part_count; i++) {
        const struct copy *part = &gather->parts[i];
        size += string_at((const uint8_t *)sources[part->source] + part->from).size;
    }
    return weir_round8(size);
}

void
wr_gather_write(const struct wr_gather *gather, const void *const sources[WR_GATHER_SOURCES],
                void *out)
{
    uint8_t *block = out;
    wr_gather_run_fixed(gather, sources, block);
    uint32_t end = gather->fixed_size;
    for (size_t i = 0; i < gather->part_count; i++) {
        const struct copy *part = &gather->parts[i];
        const uint8_t *source = sources[part->source];
        weir_string string = string_at(source + part->from);
        weir_bytes content = weir_string_bytes(source, string);
        end = weir_string_write(block, &string, end, content);
        memcpy(block + part->to, &string, sizeof string);
    }
    memset(block + end, 0, weir_round8(end) - end);
}

weir_status
wr_gather_run(const struct wr_gather *gather, const void *const sources[WR_GATHER_SOURCES],
              size_t size_max, struct wr_buffer *out)
{
    size_t size = wr_gather_size(gather, sources);
    if (size > size_max) {
        return WEIR_LIMIT;
    }
    uint8_t *block = wr_buffer_extend(out, size);
    if (block == NULL) {
        return WEIR_NOMEM;
    }
    wr_gather_write(gather, sources, block);
    return WEIR_OK;
}

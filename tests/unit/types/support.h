/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room share: an allocator that counts, and refuses from the n-th call on
 * where it is told to; makers of types and blocks. */
#ifndef WEIR_TESTS_UNIT_TYPES_SUPPORT_H
#define WEIR_TESTS_UNIT_TYPES_SUPPORT_H

#include "base/buffer.h"
#include "base/memory.h"
#include "support/test.h"
#include "weir/type.h"

struct counting {
    weir_alloc parent;
    size_t used_bytes;
    size_t calls;      /* that asked for memory */
    size_t refuse_at;  /* this call, counted from 1, is refused; 0: none */
    bool refuse_after; /* and all behind it */
};

static inline void *
counting_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct counting *counting = ctx;
    if (new_size > 0) {
        counting->calls++;
        bool is_past = counting->refuse_after && counting->calls > counting->refuse_at;
        if (counting->refuse_at != 0 && (counting->calls == counting->refuse_at || is_past)) {
            return NULL;
        }
    }
    void *result = counting->parent.resize(counting->parent.ctx, ptr, old_size, new_size);
    if (result != NULL || new_size == 0) {
        counting->used_bytes += new_size - old_size;
    }
    return result;
}

static inline weir_alloc
counting_alloc(struct counting *counting)
{
    counting->parent = wr_memory_system();
    return (weir_alloc){ counting_resize, counting };
}

struct word_count {
    weir_string word;
    int64_t count;
};

static const weir_field word_count_fields[] = {
    WEIR_FIELD(struct word_count, word, STRING),
    WEIR_FIELD(struct word_count, count, I64),
};

static inline weir_type *
make_struct(const char *name, size_t size, const weir_field *fields, size_t field_count)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_type *type = NULL;
    assert_ok(weir_type_create_struct(&alloc, name, size, fields, field_count, &type, &err), &err);
    return type;
}

#define MAKE_STRUCT(c_struct, name, fields) \
    make_struct((name), sizeof(c_struct), (fields), sizeof(fields) / sizeof((fields)[0]))

static inline weir_type *
make_word_count(void)
{
    return MAKE_STRUCT(struct word_count, "word_count", word_count_fields);
}

/* The block of a word count; returns its size. `room` bytes must be zero. */
static inline size_t
write_word_count(void *room, const char *word, int64_t count)
{
    struct word_count record = { .count = count };
    uint32_t end = weir_string_write(room, &record.word, sizeof record, weir_bytes_of_text(word));
    memcpy(room, &record, sizeof record);
    return weir_round8(end);
}

#endif /* WEIR_TESTS_UNIT_TYPES_SUPPORT_H */

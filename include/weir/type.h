/* SPDX-License-Identifier: Apache-2.0 */
/* weir/type.h: types of records, keys and state values. For those who write jobs, and engines.
 *
 * A value of a type is one contiguous block, little-endian, 8-byte aligned, without padding:
 *
 *     | fixed part: a C struct (or one scalar) | variable parts, each at its u32 offset from the
 * start |
 *
 * A string or bytes field stands in the fixed part as a weir_string {offset, size}; nested structs
 * are laid out in place, the offsets of their strings count from the start of the whole block. A
 * block's size is rounded up to 8 and the bytes behind the last part are zero, so blocks may be
 * compared, hashed and checksummed. A struct with gaps is refused when it is made, with the line
 * that closes them.
 *
 * A string is valid UTF-8 (lone surrogates that Flink wrote excepted). Types are immutable.
 * Thread: any.
 */
#ifndef WEIR_TYPE_H
#define WEIR_TYPE_H

#include "weir/alloc.h"
#include "weir/bytes.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* X(name, number in the snapshot format, fixed size in bytes (0: of its own), Flink's type) */
#define WEIR_KIND_MAP(X)       \
    X(BOOL, 1, 1, "Boolean")   \
    X(I8, 2, 1, "Byte")        \
    X(U8, 3, 1, "Short")       \
    X(I16, 4, 2, "Short")      \
    X(U16, 5, 2, "Integer")    \
    X(I32, 6, 4, "Integer")    \
    X(U32, 7, 4, "Long")       \
    X(I64, 8, 8, "Long")       \
    X(U64, 9, 8, "Long")       \
    X(F32, 10, 4, "Float")     \
    X(F64, 11, 8, "Double")    \
    X(STRING, 12, 8, "String") \
    X(BYTES, 13, 8, "byte[]")  \
    X(STRUCT, 14, 0, "Tuple or Row")

typedef enum weir_kind {
#define WEIR_KIND_ENUM(name, number, fixed_size, flink) WEIR_##name = (number),
    WEIR_KIND_MAP(WEIR_KIND_ENUM)
#undef WEIR_KIND_ENUM
} weir_kind;

/* A string or bytes field as it stands in the fixed part. The empty one may have any offset. */
typedef struct weir_string {
    uint32_t offset; /* from the block's start */
    uint32_t size;   /* in bytes */
} weir_string;

typedef struct weir_type weir_type;

/* One field of a struct, as the user writes it down; see WEIR_FIELD. */
typedef struct weir_field {
    const char *name; /* [A-Za-z_][A-Za-z0-9_]*, at most 255 bytes */
    weir_kind kind;
    uint32_t offset;           /* in the C struct */
    uint32_t size;             /* of the C field; checked against the kind */
    const weir_type *type;     /* of a STRUCT field, else NULL */
    const void *default_value; /* `size` bytes, or NULL: zero (a string: empty). Copied */
} weir_field;

/* WEIR_FIELD(struct word_count, word, STRING) */
#define WEIR_FIELD(c_struct, member, kind_name)                          \
    {                                                                    \
#member, WEIR_##kind_name, (uint32_t)offsetof(c_struct, member), \
            (uint32_t)sizeof(((c_struct *)0)->member), NULL, NULL        \
    }

enum {
    WEIR_FIELDS_MAX = 1024,       /* of one struct, nested ones counted flat */
    WEIR_NESTING_MAX = 16,        /* structs in structs */
    WEIR_KEY_SIZE_MAX = 65536,    /* a key, 64 KiB */
    WEIR_VALUE_SIZE_MAX = 1 << 24 /* a record or value, 16 MiB */
};

/* The type of one scalar, string or bytes: static, never destroyed. NULL for STRUCT or no kind. */
const weir_type *weir_type_of_kind(weir_kind kind);

/* Makes the type of a C struct of `size` bytes. Everything is copied, nested types are shared by
 * copy. Jobs call weir_environment_struct instead, which keeps the type for them. WEIR_INVALID:
 * gap, overlap, wrong size, bad or double name; the words carry the line that mends it. */
weir_status weir_type_create_struct(const weir_alloc *alloc, const char *name, size_t size,
                                    const weir_field *fields, size_t field_count,
                                    weir_type **out_type, weir_error *err);
void weir_type_destroy(weir_type *type); /* NULL and static types: nothing happens */

weir_kind weir_type_kind(const weir_type *type);
const char *weir_type_name(const weir_type *type); /* struct's name, or the kind's, e.g. "i64" */
size_t weir_type_fixed_size(const weir_type *type);
bool weir_type_is_fixed(const weir_type *type);      /* no string or bytes anywhere in it */
size_t weir_type_field_count(const weir_type *type); /* 0 unless STRUCT */
const weir_field *weir_type_field(const weir_type *type, size_t index); /* lent: the type's life */
/* WEIR_NOT_FOUND: no field of this name. */
weir_status weir_type_find_field(const weir_type *type, const char *name, size_t *out_index);
bool weir_type_equal(const weir_type *one,
                     const weir_type *other); /* names, kinds, order, layout */

/* --- blocks --- */

static inline size_t
weir_round8(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* The bytes of a string field; lent with the block. */
static inline weir_bytes
weir_string_bytes(const void *block, weir_string string)
{
    return weir_bytes_of((const char *)block + string.offset, string.size);
}

/* Writes a string field's bytes at `offset` of the block and points the field there; returns the
 * offset behind it. Room must be there; the first offset is sizeof the fixed part. */
static inline uint32_t
weir_string_write(void *block, weir_string *field, uint32_t offset, weir_bytes bytes)
{
    field->offset = offset;
    field->size = (uint32_t)bytes.size;
    if (bytes.size != 0) {
        memcpy((char *)block + offset, bytes.data, bytes.size);
    }
    return offset + (uint32_t)bytes.size;
}

/* Checks that `size` bytes are a well-formed block of this type: every string inside, sizes sane.
 * WEIR_CORRUPT with words otherwise. */
weir_status weir_type_check_block(const weir_type *type, const void *block, size_t size,
                                  weir_error *err);

/* Prints a value in Flink's form: 5, word, (word,1), nested ((a,1),2); bytes as Flink prints
 * byte[]'s content: [1, 2, 3]. Writes at most `room` bytes, no NUL; returns how many it needs. */
size_t weir_type_print(const weir_type *type, const void *block, char *out, size_t room);

/* --- strings made from input --- */

/* Well-formed UTF-8: what a string made from input must be. */
bool weir_string_valid(weir_bytes bytes);

/* Writes the bytes with each ill-formed part replaced by U+FFFD, cut as Java's decoder cuts them. A
 * room of 3 * size is always enough. Returns how many bytes it wrote; SIZE_MAX: the room is too
 * small. */
size_t weir_string_repair(const void *bytes, size_t size, void *out, size_t room);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_TYPE_H */

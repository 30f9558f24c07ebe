/* SPDX-License-Identifier: Apache-2.0 */
/* types/type.h: how a type stands in memory. For the rooms above that walk over fields.
 *
 *   fields   as the user wrote them, in declared order; a STRUCT field points to its own type
 *   leaves   every scalar, string and bytes field, nested ones flat, in declared order
 *   parts    those of the leaves that have a variable part (string, bytes)
 *
 * Offsets of leaves and parts count from the start of this type's fixed part.
 * A type is immutable and its memory is one arena. Thread: any.
 */
#ifndef WR_TYPES_TYPE_H
#define WR_TYPES_TYPE_H

#include "base/memory.h"
#include "weir/type.h"

enum {
    WR_TUPLE_FIELDS_MAX = 25, /* Flink's largest Tuple; a struct of more fields is a Row */
    WR_NAME_SIZE_MAX = 255
};

struct wr_leaf {
    uint32_t offset;
    weir_kind kind;
};

struct weir_type {
    weir_kind kind;
    uint32_t fixed_size;
    uint32_t depth; /* structs in structs: 0 for a scalar, 1 for a struct of scalars */
    uint32_t field_count;
    uint32_t leaf_count;
    uint32_t part_count;
    bool has_floats;
    bool is_owner; /* of `arena`, in which it stands itself; nested and static types are not */
    const char *name;
    const weir_field *fields;
    const struct wr_leaf *leaves;
    const struct wr_leaf *parts;
    struct wr_arena arena;
};

/* The type of one field: a static one, or the nested struct's. */
const weir_type *wr_field_type(const weir_field *field) __attribute__((noinline, returns_nonnull));

/* The kind's name as it is said in words ("i64"), and the C type that holds it ("int64_t"). Static;
 * NULL for a number that is no kind. */
const char *wr_kind_name(weir_kind kind);
const char *wr_kind_c_type(weir_kind kind);
/* Bytes of a kind in the fixed part; 0 for STRUCT and for what is no kind. */
uint32_t wr_kind_size(weir_kind kind);

/* A struct as it is asked for: what weir_type_create_struct takes, in one. */
struct wr_struct_plan {
    const char *name;
    size_t size;
    const weir_field *fields;
    size_t field_count;
};

/* Checks all that is asked of a struct (struct_check.c). WEIR_INVALID with the line that mends it.
 */
weir_status wr_struct_check(const struct wr_struct_plan *plan, weir_error *err);

/* Builds a checked struct in an arena, nested types copied into it. NULL: no memory. */
weir_type *wr_type_build(struct wr_arena *arena, const struct wr_struct_plan *plan);

/* A copy that shares nothing, of static types too; destroyed with weir_type_destroy. */
weir_status wr_type_copy(const weir_alloc *alloc, const weir_type *type, weir_type **out_type);

#endif /* WR_TYPES_TYPE_H */

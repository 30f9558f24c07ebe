/* SPDX-License-Identifier: Apache-2.0 */
/* type: makes types, and answers questions about them.
 *
 * A struct's type is built in an arena that it owns and in which it stands itself: type, names,
 * defaults, nested types and the flat lists live and die together, so destroying is one call.
 * Building is checked before (struct_check.c); here nothing can fail but memory.
 *
 * Building a struct copies its nested types, which are built the same way: a recursion that
 * WEIR_NESTING_MAX bounds, since every type that exists has passed the check.
 */
#include "types/type.h"

#include "base/check.h"
#include "base/fail.h"

/* One static type a kind, its single leaf at offset 0. */
#define STATIC_LEAF(name, number, size, flink) [number] = { 0, WEIR_##name },
static const struct wr_leaf static_leaves[] = { WEIR_KIND_MAP(STATIC_LEAF) };
#undef STATIC_LEAF

#define SCALAR(number, kind_name, size, words)                                    \
    [number] = { .kind = (kind_name),                                             \
                 .fixed_size = (size),                                            \
                 .leaf_count = 1,                                                 \
                 .part_count = (number) == WEIR_STRING || (number) == WEIR_BYTES, \
                 .has_floats = (number) == WEIR_F32 || (number) == WEIR_F64,      \
                 .name = (words),                                                 \
                 .leaves = &static_leaves[number],                                \
                 .parts = &static_leaves[number] }
static const weir_type static_types[] = {
    SCALAR(1, WEIR_BOOL, 1, "bool"),    SCALAR(2, WEIR_I8, 1, "i8"),
    SCALAR(3, WEIR_U8, 1, "u8"),        SCALAR(4, WEIR_I16, 2, "i16"),
    SCALAR(5, WEIR_U16, 2, "u16"),      SCALAR(6, WEIR_I32, 4, "i32"),
    SCALAR(7, WEIR_U32, 4, "u32"),      SCALAR(8, WEIR_I64, 8, "i64"),
    SCALAR(9, WEIR_U64, 8, "u64"),      SCALAR(10, WEIR_F32, 4, "f32"),
    SCALAR(11, WEIR_F64, 8, "f64"),     SCALAR(12, WEIR_STRING, 8, "string"),
    SCALAR(13, WEIR_BYTES, 8, "bytes"),
};
#undef SCALAR

static const char *const c_types[] = {
    [WEIR_BOOL] = "bool",         [WEIR_I8] = "int8_t",     [WEIR_U8] = "uint8_t",
    [WEIR_I16] = "int16_t",       [WEIR_U16] = "uint16_t",  [WEIR_I32] = "int32_t",
    [WEIR_U32] = "uint32_t",      [WEIR_I64] = "int64_t",   [WEIR_U64] = "uint64_t",
    [WEIR_F32] = "float",         [WEIR_F64] = "double",    [WEIR_STRING] = "weir_string",
    [WEIR_BYTES] = "weir_string", [WEIR_STRUCT] = "struct",
};

const char *
wr_kind_name(weir_kind kind)
{
    const weir_type *type = weir_type_of_kind(kind);
    if (type != NULL) {
        return type->name;
    }
    return kind == WEIR_STRUCT ? "struct" : NULL;
}

const char *
wr_kind_c_type(weir_kind kind)
{
    return wr_kind_name(kind) != NULL ? c_types[kind] : NULL;
}

uint32_t
wr_kind_size(weir_kind kind)
{
    const weir_type *type = weir_type_of_kind(kind);
    return type != NULL ? type->fixed_size : 0;
}

const weir_type *
wr_field_type(const weir_field *field)
{
    return field->kind == WEIR_STRUCT ? field->type : weir_type_of_kind(field->kind);
}

static void *
copy_bytes(struct wr_arena *arena, const void *from, size_t size)
{
    void *to = wr_arena_new(arena, size);
    if (to != NULL) {
        memcpy(to, from, size);
    }
    return to;
}

static weir_type *
copy_into(struct wr_arena *arena, const weir_type *type)
{
    if (type->kind == WEIR_STRUCT) {
        struct wr_struct_plan plan = { type->name, type->fixed_size, type->fields,
                                       type->field_count };
        return wr_type_build(arena, &plan);
    }
    return copy_bytes(arena, type, sizeof *type); /* its name and leaf are static */
}

static bool
copy_field(struct wr_arena *arena, const weir_field *from, weir_field *to)
{
    *to = *from;
    to->name = wr_arena_copy_text(arena, from->name);
    if (to->name == NULL) {
        return false;
    }
    if (from->default_value != NULL) {
        to->default_value = copy_bytes(arena, from->default_value, from->size);
        if (to->default_value == NULL) {
            return false;
        }
    }
    if (from->kind == WEIR_STRUCT) {
        to->type = copy_into(arena, from->type);
        return to->type != NULL;
    }
    return true;
}

/* Sums up what the fields bring; the lists themselves are filled by flatten. */
static void
measure(weir_type *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_type *field = wr_field_type(&type->fields[i]);
        type->leaf_count += field->leaf_count;
        type->part_count += field->part_count;
        type->has_floats |= field->has_floats;
        if (field->depth + 1 > type->depth) {
            type->depth = field->depth + 1;
        }
    }
}

static struct wr_leaf *
append_leaves(struct wr_leaf *to, const struct wr_leaf *from, size_t count, uint32_t base)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = (struct wr_leaf){ from[i].offset + base, from[i].kind };
    }
    return to + count;
}

static bool
flatten(struct wr_arena *arena, weir_type *type)
{
    size_t count = (size_t)type->leaf_count + type->part_count;
    struct wr_leaf *leaves = wr_arena_new(arena, count * sizeof *leaves);
    if (leaves == NULL) {
        return false;
    }
    struct wr_leaf *parts = leaves + type->leaf_count;
    type->leaves = leaves;
    type->parts = parts;
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_type *field = wr_field_type(&type->fields[i]);
        uint32_t base = type->fields[i].offset;
        leaves = append_leaves(leaves, field->leaves, field->leaf_count, base);
        parts = append_leaves(parts, field->parts, field->part_count, base);
    }
    return true;
}

weir_type *
wr_type_build(struct wr_arena *arena, const struct wr_struct_plan *plan)
{
    weir_type *type = wr_arena_new(arena, sizeof *type);
    weir_field *fields = wr_arena_new(arena, plan->field_count * sizeof *fields);
    char *name = wr_arena_copy_text(arena, plan->name);
    if (type == NULL || fields == NULL || name == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < plan->field_count; i++) {
        if (!copy_field(arena, &plan->fields[i], &fields[i])) {
            return NULL;
        }
    }
    type->kind = WEIR_STRUCT;
    type->fixed_size = (uint32_t)plan->size;
    type->field_count = (uint32_t)plan->field_count;
    type->name = name;
    type->fields = fields;
    measure(type);
    if (!flatten(arena, type)) {
        return NULL;
    }
    wr_assert(type->leaf_count <= WEIR_FIELDS_MAX && type->depth <= WEIR_NESTING_MAX);
    return type;
}

/* Hands the arena to the type that stands in it. */
static weir_status
own(struct wr_arena *arena, weir_type *type, weir_type **out_type)
{
    if (type == NULL) {
        wr_arena_fini(arena);
        return WEIR_NOMEM;
    }
    type->is_owner = true;
    type->arena = *arena;
    *out_type = type;
    return WEIR_OK;
}

weir_status
wr_type_copy(const weir_alloc *alloc, const weir_type *type, weir_type **out_type)
{
    struct wr_arena arena;
    wr_arena_init(&arena, alloc);
    return own(&arena, copy_into(&arena, type), out_type);
}

weir_status
weir_type_create_struct(const weir_alloc *alloc, const char *name, size_t size,
                        const weir_field *fields, size_t field_count, weir_type **out_type,
                        weir_error *err)
{
    if (alloc == NULL || alloc->resize == NULL || out_type == NULL) {
        return wr_fail(err, WEIR_INVALID, "a type needs an allocator and a place to be put");
    }
    struct wr_struct_plan plan = { name, size, fields, field_count };
    WR_TRY(wr_struct_check(&plan, err));
    struct wr_arena arena;
    wr_arena_init(&arena, alloc);
    if (own(&arena, wr_type_build(&arena, &plan), out_type) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the type of struct %s", name);
    }
    return WEIR_OK;
}

void
weir_type_destroy(weir_type *type)
{
    if (type != NULL && type->is_owner) {
        struct wr_arena arena = type->arena; /* the type goes with it */
        wr_arena_fini(&arena);
    }
}

const weir_type *
weir_type_of_kind(weir_kind kind)
{
    bool is_scalar = (unsigned)kind >= WEIR_BOOL && (unsigned)kind < WEIR_STRUCT;
    return is_scalar ? &static_types[kind] : NULL;
}

weir_kind
weir_type_kind(const weir_type *type)
{
    return type->kind;
}

const char *
weir_type_name(const weir_type *type)
{
    return type->name;
}

size_t
weir_type_fixed_size(const weir_type *type)
{
    return type->fixed_size;
}

bool
weir_type_is_fixed(const weir_type *type)
{
    return type->part_count == 0;
}

size_t
weir_type_field_count(const weir_type *type)
{
    return type->field_count;
}

const weir_field *
weir_type_field(const weir_type *type, size_t index)
{
    return index < type->field_count ? &type->fields[index] : NULL;
}

weir_status
weir_type_find_field(const weir_type *type, const char *name, size_t *out_index)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (strcmp(type->fields[i].name, name) == 0) {
            *out_index = i;
            return WEIR_OK;
        }
    }
    return WEIR_NOT_FOUND;
}

bool
weir_type_equal(const weir_type *one, const weir_type *other)
{
    if (one == other) {
        return true;
    }
    if (one->kind != other->kind || one->fixed_size != other->fixed_size ||
        one->field_count != other->field_count || one->leaf_count != other->leaf_count) {
        return false;
    }
    for (size_t i = 0; i < one->field_count; i++) {
        const weir_field *a = &one->fields[i];
        const weir_field *b = &other->fields[i];
        if (strcmp(a->name, b->name) != 0 || a->kind != b->kind || a->offset != b->offset ||
            !weir_type_equal(wr_field_type(a), wr_field_type(b))) {
            return false;
        }
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* struct_check: what a struct must be before it becomes a type.
 *
 * Blocks are compared, hashed and checksummed as bytes, so no byte of the fixed part may be
 * undefined: the fields must tile the struct from 0 to its size. C compilers put padding where
 * alignment asks for it; it is refused with the member and the WEIR_FIELD line that give the bytes
 * a name.
 *
 *     | i64 at 0 | i32 at 8 | (4 bytes)  |      size 16: "add `uint32_t pad0;` ..."
 *
 * Fields may be listed in another order than they stand in memory: the list's order is Flink's.
 * All loops over pairs of fields are bounded by WEIR_FIELDS_MAX.
 */
#include "base/fail.h"
#include "types/type.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static bool
is_name(const char *name)
{
    if (name == NULL || (name[0] >= '0' && name[0] <= '9')) {
        return false;
    }
    size_t size = 0;
    for (; name[size] != '\0'; size++) {
        char c = name[size];
        bool good =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!good || size >= WR_NAME_SIZE_MAX) {
            return false;
        }
    }
    return size > 0;
}

static weir_status
check_names(const struct wr_struct_plan *plan, weir_error *err)
{
    for (size_t i = 0; i < plan->field_count; i++) {
        const char *name = plan->fields[i].name;
        if (!is_name(name)) {
            return wr_fail(err, WEIR_INVALID,
                           "struct %s: the name of field %zu, '%.300s', is none: letters, digits "
                           "and _, no digit first, at most %d bytes",
                           plan->name, i, name != NULL ? name : "", WR_NAME_SIZE_MAX);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(plan->fields[j].name, name) == 0) {
                return wr_fail(err, WEIR_INVALID, "struct %s lists the field '%s' twice",
                               plan->name, name);
            }
        }
    }
    return WEIR_OK;
}

/* The kind that the same C size would suit, for "or list it as"; NULL: none. */
static const char *
kind_for_size(weir_kind kind, uint32_t size)
{
    static const weir_kind by_size[][3] = {
        { WEIR_I8, WEIR_U8, WEIR_BOOL },
        { WEIR_I16, WEIR_U16, WEIR_I16 },
        { WEIR_I32, WEIR_U32, WEIR_F32 },
        { WEIR_I64, WEIR_U64, WEIR_F64 },
    };
    static const char *const words[][3] = {
        { "I8", "U8", "BOOL" },
        { "I16", "U16", "I16" },
        { "I32", "U32", "F32" },
        { "I64", "U64", "F64" },
    };
    bool is_float = kind == WEIR_F32 || kind == WEIR_F64;
    bool is_unsigned = kind == WEIR_U8 || kind == WEIR_U16 || kind == WEIR_U32 || kind == WEIR_U64;
    for (size_t row = 0; row < sizeof by_size / sizeof by_size[0]; row++) {
        if (wr_kind_size(by_size[row][0]) == size) {
            return words[row][is_float ? 2 : is_unsigned ? 1 : 0];
        }
    }
    return NULL;
}

static weir_status
check_kind(const struct wr_struct_plan *plan, const weir_field *field, weir_error *err)
{
    if (wr_kind_name(field->kind) == NULL) {
        return wr_fail(err, WEIR_INVALID, "struct %s: field '%s' has no kind (%d)", plan->name,
                       field->name, (int)field->kind);
    }
    bool is_struct = field->kind == WEIR_STRUCT;
    if (is_struct != (field->type != NULL) || (is_struct && field->type->kind != WEIR_STRUCT)) {
        return wr_fail(err, WEIR_INVALID,
                       "struct %s: field '%s' is a %s and %s the type of a struct", plan->name,
                       field->name, wr_kind_name(field->kind), is_struct ? "needs" : "takes not");
    }
    uint32_t size = is_struct ? field->type->fixed_size : wr_kind_size(field->kind);
    if (field->size == size) {
        return WEIR_OK;
    }
    const char *better = kind_for_size(field->kind, field->size);
    return wr_fail(err, WEIR_INVALID,
                   "struct %s: field '%s' is %" PRIu32 " bytes in C, but %s takes %" PRIu32
                   ": declare it `%s%s%s %s;`%s%s",
                   plan->name, field->name, field->size, wr_kind_name(field->kind), size,
                   wr_kind_c_type(field->kind), is_struct ? " " : "",
                   is_struct ? field->type->name : "", field->name,
                   better != NULL ? " or list it as " : "", better != NULL ? better : "");
}

static weir_status
check_default(const struct wr_struct_plan *plan, const weir_field *field, weir_error *err)
{
    if (field->default_value == NULL) {
        return WEIR_OK;
    }
    const uint8_t *value = field->default_value;
    const weir_type *type = wr_field_type(field);
    for (size_t i = 0; i < type->part_count; i++) {
        weir_string string;
        memcpy(&string, value + type->parts[i].offset, sizeof string);
        if (string.size != 0) {
            return wr_fail(
                err, WEIR_INVALID,
                "struct %s: the default of field '%s' has text in it; a string's default "
                "is the empty one",
                plan->name, field->name);
        }
    }
    for (size_t i = 0; i < type->leaf_count; i++) {
        if (type->leaves[i].kind == WEIR_BOOL && value[type->leaves[i].offset] > 1) {
            return wr_fail(err, WEIR_INVALID,
                           "struct %s: the default of field '%s' holds a bool that is neither 0 "
                           "nor 1",
                           plan->name, field->name);
        }
    }
    return WEIR_OK;
}

static weir_status
check_place(const struct wr_struct_plan *plan, const weir_field *field, weir_error *err)
{
    uint64_t end = (uint64_t)field->offset + field->size;
    if (end > plan->size) {
        return wr_fail(err, WEIR_INVALID,
                       "struct %s: field '%s' ends at byte %" PRIu64
                       ", but the struct has %zu bytes: give sizeof(struct %s)",
                       plan->name, field->name, end, plan->size, plan->name);
    }
    for (const weir_field *other = plan->fields; other < field; other++) {
        if (field->offset < other->offset + other->size && other->offset < end) {
            return wr_fail(err, WEIR_INVALID,
                           "struct %s: fields '%s' and '%s' overlap; a union cannot be a field",
                           plan->name, other->name, field->name);
        }
    }
    return WEIR_OK;
}

static weir_status
check_fields(const struct wr_struct_plan *plan, weir_error *err)
{
    size_t leaf_count = 0;
    for (size_t i = 0; i < plan->field_count; i++) {
        const weir_field *field = &plan->fields[i];
        WR_TRY(check_kind(plan, field, err));
        WR_TRY(check_default(plan, field, err));
        WR_TRY(check_place(plan, field, err));
        const weir_type *type = wr_field_type(field);
        leaf_count += type->leaf_count;
        if (leaf_count > WEIR_FIELDS_MAX) {
            return wr_fail(err, WEIR_INVALID,
                           "struct %s has more than %d fields, those of nested structs counted",
                           plan->name, WEIR_FIELDS_MAX);
        }
        if (type->depth + 1 > WEIR_NESTING_MAX) {
            return wr_fail(err, WEIR_INVALID, "struct %s nests structs deeper than %d, at '%s'",
                           plan->name, WEIR_NESTING_MAX, field->name);
        }
    }
    return WEIR_OK;
}

/* Text that grows in a fixed room; what does not fit is left out. */
struct words {
    char text[256];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void
say(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof words->text - words->size;
    int written = vsnprintf(words->text + words->size, room, format, arguments);
    va_end(arguments);
    if (written > 0) {
        words->size += (size_t)written < room ? (size_t)written : room - 1;
    }
}

static bool
has_pad(const struct wr_struct_plan *plan, unsigned number)
{
    char name[16];
    snprintf(name, sizeof name, "pad%u", number);
    for (size_t i = 0; i < plan->field_count; i++) {
        if (strcmp(plan->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A gap that alignment made is closed by the largest aligned integers that fit. */
static weir_status
fail_gap(const struct wr_struct_plan *plan, size_t at, size_t size, const char *behind,
         weir_error *err)
{
    if (size >= 8) {
        return wr_fail(err, WEIR_INVALID,
                       "struct %s has a gap of %zu bytes behind '%s', more than alignment makes: "
                       "list the member that stands there with WEIR_FIELD",
                       plan->name, size, behind);
    }
    struct words members = { .size = 0 };
    struct words lines = { .size = 0 };
    unsigned number = 0;
    for (size_t end = at + size, from = at; from < end;) {
        size_t unit = 8;
        while (from % unit != 0 || unit > end - from) {
            unit /= 2;
        }
        while (has_pad(plan, number)) {
            number++;
        }
        say(&members, "%suint%zu_t pad%u;", from == at ? "" : " ", unit * 8, number);
        say(&lines, "%sWEIR_FIELD(struct %.40s, pad%u, U%zu)", from == at ? "" : ", ", plan->name,
            number, unit * 8);
        number++;
        from += unit;
    }
    return wr_fail(err, WEIR_INVALID,
                   "struct %s has a gap of %zu byte%s behind '%s': add `%s` and %s", plan->name,
                   size, size == 1 ? "" : "s", behind, members.text, lines.text);
}

/* Walks the fields in the order they stand in memory. They do not overlap and do not pass the end.
 */
static weir_status
check_gaps(const struct wr_struct_plan *plan, weir_error *err)
{
    size_t at = 0;
    const char *behind = "{";
    while (at < plan->size) {
        const weir_field *next = NULL;
        for (size_t i = 0; i < plan->field_count; i++) {
            const weir_field *field = &plan->fields[i];
            if (field->offset >= at && (next == NULL || field->offset < next->offset)) {
                next = field;
            }
        }
        size_t start = next != NULL ? next->offset : plan->size;
        if (start > at) {
            return fail_gap(plan, at, start - at, behind, err);
        }
        at = (size_t)next->offset + next->size;
        behind = next->name;
    }
    return WEIR_OK;
}

weir_status
wr_struct_check(const struct wr_struct_plan *plan, weir_error *err)
{
    if (!is_name(plan->name)) {
        return wr_fail(
            err, WEIR_INVALID,
            "'%.300s' names no struct: letters, digits and _, no digit first, at most %d "
            "bytes",
            plan->name != NULL ? plan->name : "", WR_NAME_SIZE_MAX);
    }
    if (plan->fields == NULL || plan->field_count == 0) {
        return wr_fail(err, WEIR_INVALID, "struct %s has no fields; a type needs one at least",
                       plan->name);
    }
    if (plan->field_count > WEIR_FIELDS_MAX) {
        return wr_fail(err, WEIR_INVALID, "struct %s has %zu fields, at most %d are possible",
                       plan->name, plan->field_count, WEIR_FIELDS_MAX);
    }
    if (plan->size > WEIR_VALUE_SIZE_MAX) {
        return wr_fail(err, WEIR_INVALID, "struct %s has %zu bytes, at most %d are possible",
                       plan->name, plan->size, WEIR_VALUE_SIZE_MAX);
    }
    WR_TRY(check_names(plan, err));
    WR_TRY(check_fields(plan, err));
    return check_gaps(plan, err);
}

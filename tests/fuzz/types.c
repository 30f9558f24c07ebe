/* SPDX-License-Identifier: Apache-2.0 */
/* types: the types that fuzz targets read blocks of: each kind alone, a struct of all kinds, one of
 * structs, and one of more fields than a tuple has. */
#include "fuzz/fuzz.h"

#include "base/memory.h"

#include <stddef.h>

enum {
    KINDS = 13, /* those that stand alone: BOOL to BYTES */
    WIDE_FIELDS = 30
};

struct all_kinds {
    int64_t i64;
    uint64_t u64;
    double f64;
    weir_string string;
    weir_string bytes;
    int32_t i32;
    uint32_t u32;
    float f32;
    int16_t i16;
    uint16_t u16;
    int8_t i8;
    uint8_t u8;
    uint8_t bool_;
    uint8_t flag;
    uint32_t rest;
};

struct nested {
    struct all_kinds first;
    struct all_kinds second;
    weir_string name;
};

static weir_type *
make(const char *name, size_t size, const weir_field *fields, size_t count)
{
    weir_type *type = NULL;
    weir_error error;
    weir_alloc alloc = wr_memory_system();
    if (weir_type_create_struct(&alloc, name, size, fields, count, &type, &error) != WEIR_OK) {
        fprintf(stderr, "%s: %s\n", name, error.message);
        abort();
    }
    return type;
}

static weir_type *
make_all_kinds(void)
{
    const weir_field fields[] = {
        WEIR_FIELD(struct all_kinds, i64, I64),     WEIR_FIELD(struct all_kinds, u64, U64),
        WEIR_FIELD(struct all_kinds, f64, F64),     WEIR_FIELD(struct all_kinds, string, STRING),
        WEIR_FIELD(struct all_kinds, bytes, BYTES), WEIR_FIELD(struct all_kinds, i32, I32),
        WEIR_FIELD(struct all_kinds, u32, U32),     WEIR_FIELD(struct all_kinds, f32, F32),
        WEIR_FIELD(struct all_kinds, i16, I16),     WEIR_FIELD(struct all_kinds, u16, U16),
        WEIR_FIELD(struct all_kinds, i8, I8),       WEIR_FIELD(struct all_kinds, u8, U8),
        WEIR_FIELD(struct all_kinds, bool_, BOOL),  WEIR_FIELD(struct all_kinds, flag, BOOL),
        WEIR_FIELD(struct all_kinds, rest, U32),
    };
    return make("all_kinds", sizeof(struct all_kinds), fields, sizeof fields / sizeof fields[0]);
}

static weir_type *
make_nested(const weir_type *inner)
{
    const weir_field fields[] = { { "first", WEIR_STRUCT, offsetof(struct nested, first),
                                    sizeof(struct all_kinds), inner, NULL },
                                  { "second", WEIR_STRUCT, offsetof(struct nested, second),
                                    sizeof(struct all_kinds), inner, NULL },
                                  WEIR_FIELD(struct nested, name, STRING) };
    return make("nested", sizeof(struct nested), fields, 3);
}

static weir_type *
make_wide(void)
{
    static char names[WIDE_FIELDS][8];
    weir_field fields[WIDE_FIELDS];
    for (uint32_t i = 0; i < WIDE_FIELDS; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i);
        fields[i] = (weir_field){ names[i], WEIR_I64, i * 8, 8, NULL, NULL };
    }
    fields[WIDE_FIELDS - 1].kind = WEIR_STRING;
    return make("wide", WIDE_FIELDS * 8, fields, WIDE_FIELDS);
}

static weir_type *
make_pair(void)
{
    const weir_field fields[] = { { "key", WEIR_STRING, 0, 8, NULL, NULL },
                                  { "value", WEIR_BYTES, 8, 8, NULL, NULL } };
    return make("pair", 16, fields, 2);
}

const weir_type *
fuzz_type(size_t index)
{
    static const weir_type *types[FUZZ_TYPES];
    if (types[0] == NULL) {
        for (int i = 0; i < KINDS; i++) {
            types[i] = weir_type_of_kind((weir_kind)(i + 1));
        }
        types[KINDS] = make_all_kinds();
        types[KINDS + 1] = make_nested(types[KINDS]);
        types[KINDS + 2] = make_wide();
        types[KINDS + 3] = make_pair();
    }
    return types[index % FUZZ_TYPES];
}

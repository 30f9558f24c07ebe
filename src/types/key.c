/* SPDX-License-Identifier: Apache-2.0 */
/* key: takes keys out of records, a batch at a time.
 *
 * What a key needs is decided once, when it is planned:
 *
 *     SCALAR    one number: lent from the record; a NaN that is not Java's is lent from a constant
 *     FIXED     one struct without strings and floats: lent from the record
 *     STRING    one string, or BYTES: the content is lent from the record
 *     COMPOSED  everything else: gathered in the scratch buffer
 *
 * The switch stands outside of the loops, so that a batch of words runs through one tight loop.
 * Composed keys are addressed after the batch is done: the scratch buffer may move while it grows.
 */
#include "types/key.h"

#include "base/fail.h"
#include "base/memory.h"
#include "types/block.h"
#include "types/gather.h"
#include "types/java_hash.h"
#include "types/packed.h"
#include "types/type.h"
#include "types/utf8.h"

enum form {
    FORM_SCALAR,
    FORM_FIXED,
    FORM_STRING,
    FORM_BYTES,
    FORM_COMPOSED,
};

struct wr_key_plan {
    weir_alloc alloc;
    enum form form;
    uint32_t offset; /* of the field, unless COMPOSED */
    const weir_type *type;
    weir_type *own_type; /* NULL: `type` is static */
    struct wr_gather *gather;
};

static const uint32_t one_nan_f32 = 0x7fc00000u;
static const uint64_t one_nan_f64 = 0x7ff8000000000000ULL;

static enum form
form_of(const weir_type *type, size_t field_count)
{
    if (field_count > 1) {
        return FORM_COMPOSED;
    }
    switch (type->kind) {
    case WEIR_STRING:
        return FORM_STRING;
    case WEIR_BYTES:
        return FORM_BYTES;
    case WEIR_STRUCT:
        return type->part_count == 0 && !type->has_floats ? FORM_FIXED : FORM_COMPOSED;
    case WEIR_BOOL:
    case WEIR_I8:
    case WEIR_U8:
    case WEIR_I16:
    case WEIR_U16:
    case WEIR_I32:
    case WEIR_U32:
    case WEIR_I64:
    case WEIR_U64:
    case WEIR_F32:
    case WEIR_F64:
    default:
        return FORM_SCALAR;
    }
}

static weir_status
plan_single(struct wr_key_plan *plan, const weir_type *record_type, size_t index)
{
    const weir_type *type = record_type;
    if (record_type->kind == WEIR_STRUCT) {
        const weir_field *field = &record_type->fields[index];
        type = wr_field_type(field);
        plan->offset = field->offset;
    }
    plan->type = weir_type_of_kind(type->kind);
    if (type->kind == WEIR_STRUCT) {
        WR_TRY(wr_type_copy(&plan->alloc, type, &plan->own_type));
        plan->type = plan->own_type;
    }
    plan->form = form_of(type, 1);
    if (plan->form == FORM_COMPOSED) {
        WR_TRY(wr_gather_create(&plan->alloc, plan->type, true, &plan->gather));
        wr_gather_add(plan->gather, 0, plan->offset, 0, plan->type);
    }
    return WEIR_OK;
}

static weir_status
plan_composed(struct wr_key_plan *plan, const weir_type *record_type, const size_t *field_indexes,
              size_t field_count)
{
    WR_TRY(wr_packed_type(&plan->alloc, "key", record_type, field_indexes, field_count,
                          &plan->own_type));
    plan->type = plan->own_type;
    plan->form = form_of(plan->type, field_count);
    WR_TRY(wr_gather_create(&plan->alloc, plan->type, true, &plan->gather));
    for (size_t i = 0; i < field_count; i++) {
        const weir_field *to = &plan->type->fields[i];
        wr_gather_add(plan->gather, 0, record_type->fields[field_indexes[i]].offset, to->offset,
                      wr_field_type(to));
    }
    return WEIR_OK;
}

weir_status
wr_key_plan_create(const weir_alloc *alloc, const weir_type *record_type,
                   const size_t *field_indexes, size_t field_count, struct wr_key_plan **out_plan,
                   weir_error *err)
{
    WR_TRY(wr_packed_check(record_type, field_indexes, field_count, "a key", err));
    struct wr_key_plan *plan = wr_memory_new(alloc, sizeof *plan);
    if (plan == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the key of %s", record_type->name);
    }
    plan->alloc = *alloc;
    weir_status status = field_count == 1
                             ? plan_single(plan, record_type, field_indexes[0])
                             : plan_composed(plan, record_type, field_indexes, field_count);
    if (status != WEIR_OK) {
        wr_key_plan_destroy(plan);
        return wr_fail(err, status, "no memory for the key of %s", record_type->name);
    }
    *out_plan = plan;
    return WEIR_OK;
}

void
wr_key_plan_destroy(struct wr_key_plan *plan)
{
    if (plan != NULL) {
        wr_gather_destroy(plan->gather);
        weir_type_destroy(plan->own_type);
        weir_alloc alloc = plan->alloc;
        wr_memory_free(&alloc, plan, sizeof *plan);
    }
}

const weir_type *
wr_key_plan_type(const struct wr_key_plan *plan)
{
    return plan->type;
}

/* Inlined with a constant kind: the loop then holds that kind's hash and nothing else. */
__attribute__((always_inline)) static inline void
lend_scalars(const struct wr_key_plan *plan, const void *const *records, size_t count,
             struct wr_extracted_key *out_keys, weir_kind kind)
{
    uint32_t size = plan->type->fixed_size;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = (const uint8_t *)records[i] + plan->offset;
        out_keys[i] = (struct wr_extracted_key){ at, size, wr_java_hash_scalar(kind, at) };
        if (kind == WEIR_F32 && wr_java_float_bits(wr_get_u32(at)) != wr_get_u32(at)) {
            out_keys[i].data = &one_nan_f32;
        }
        if (kind == WEIR_F64 && wr_java_double_bits(wr_get_u64(at)) != wr_get_u64(at)) {
            out_keys[i].data = &one_nan_f64;
        }
    }
}

static void
extract_scalars(const struct wr_key_plan *plan, const void *const *records, size_t count,
                struct wr_extracted_key *out_keys)
{
#define LEND(kind_name)                                                 \
    case WEIR_##kind_name:                                              \
        lend_scalars(plan, records, count, out_keys, WEIR_##kind_name); \
        return;
    switch (plan->type->kind) {
        LEND(BOOL)
        LEND(I8)
        LEND(U8)
        LEND(I16)
        LEND(U16)
        LEND(I32)
        LEND(U32)
        LEND(I64)
        LEND(U64)
        LEND(F32)
        LEND(F64)
    case WEIR_STRING:
    case WEIR_BYTES:
    case WEIR_STRUCT:
    default:
        return;
    }
#undef LEND
}

static void
extract_fixed(const struct wr_key_plan *plan, const void *const *records, size_t count,
              struct wr_extracted_key *out_keys)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = (const uint8_t *)records[i] + plan->offset;
        out_keys[i] = (struct wr_extracted_key){ at, plan->type->fixed_size,
                                                 wr_java_hash(plan->type, at, at) };
    }
}

__attribute__((always_inline)) static inline weir_status
lend_contents(const struct wr_key_plan *plan, const void *const *records, size_t count,
              struct wr_extracted_key *out_keys, bool is_text)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = records[i];
        weir_string string;
        memcpy(&string, record + plan->offset, sizeof string);
        if (string.size > WEIR_KEY_SIZE_MAX) {
            return WEIR_LIMIT;
        }
        const uint8_t *at = record + string.offset;
        out_keys[i] = (struct wr_extracted_key){ at, string.size,
                                                 is_text ? wr_java_hash_text(at, string.size)
                                                         : wr_java_hash_bytes(at, string.size) };
    }
    return WEIR_OK;
}

static weir_status
compose(const struct wr_key_plan *plan, const void *const *records, size_t count,
        struct wr_buffer *scratch, struct wr_extracted_key *out_keys)
{
    bool is_fixed = plan->type->part_count == 0;
    for (size_t i = 0; i < count; i++) {
        size_t start = scratch->size;
        const void *sources[WR_GATHER_SOURCES] = { records[i], NULL };
        WR_TRY(wr_gather_run(plan->gather, sources, WEIR_KEY_SIZE_MAX, scratch));
        const uint8_t *key = scratch->data + start;
        out_keys[i].size = is_fixed ? plan->type->fixed_size : (uint32_t)(scratch->size - start);
        out_keys[i].java_hash = wr_java_hash(plan->type, key, key);
    }
    const uint8_t *at = scratch->data;
    for (size_t i = 0; i < count; i++) {
        out_keys[i].data = at;
        at += weir_round8(out_keys[i].size);
    }
    return WEIR_OK;
}

bool
wr_key_plan_is_text(const struct wr_key_plan *plan, uint32_t *out_offset)
{
    *out_offset = plan->offset;
    return plan->form == FORM_STRING;
}

weir_status
wr_key_plan_extract_batch(const struct wr_key_plan *plan, const void *const *records, size_t count,
                          struct wr_buffer *scratch, struct wr_extracted_key *out_keys)
{
    switch (plan->form) {
    case FORM_SCALAR:
        extract_scalars(plan, records, count, out_keys);
        return WEIR_OK;
    case FORM_FIXED:
        extract_fixed(plan, records, count, out_keys);
        return WEIR_OK;
    case FORM_STRING:
        return lend_contents(plan, records, count, out_keys, true);
    case FORM_BYTES:
        return lend_contents(plan, records, count, out_keys, false);
    case FORM_COMPOSED:
    default:
        wr_buffer_clear(scratch);
        return compose(plan, records, count, scratch, out_keys);
    }
}

weir_status
wr_key_plan_extract(const struct wr_key_plan *plan, const void *record, struct wr_buffer *scratch,
                    weir_bytes *out_key, int32_t *out_java_hash)
{
    struct wr_extracted_key key = { .data = NULL };
    WR_TRY(wr_key_plan_extract_batch(plan, &record, 1, scratch, &key));
    *out_key = weir_bytes_of(key.data, key.size);
    *out_java_hash = key.java_hash;
    return WEIR_OK;
}

int32_t
wr_key_java_hash(const weir_type *key_type, weir_bytes key)
{
    if (key_type->kind == WEIR_STRING) {
        return wr_java_hash_string(key.data, key.size);
    }
    if (key_type->kind == WEIR_BYTES) {
        return wr_java_hash_bytes(key.data, key.size);
    }
    return wr_java_hash(key_type, key.data, key.data);
}

weir_status
wr_key_check(const weir_type *key_type, weir_bytes key, weir_error *err)
{
    if (key.size > WEIR_KEY_SIZE_MAX) {
        return wr_fail(err, WEIR_CORRUPT, "a key of %zu bytes, at most %d are possible", key.size,
                       WEIR_KEY_SIZE_MAX);
    }
    if (key_type->kind == WEIR_BYTES) {
        return WEIR_OK;
    }
    if (key_type->kind == WEIR_STRING) {
        return wr_utf8_valid_java(key) ? WEIR_OK
                                       : wr_fail(err, WEIR_CORRUPT, "a string key is not UTF-8");
    }
    if (key_type->part_count == 0 && key.size != key_type->fixed_size) {
        return wr_fail(err, WEIR_CORRUPT, "a key of %zu bytes, but %s has %u", key.size,
                       key_type->name, (unsigned)key_type->fixed_size);
    }
    return weir_type_check_block(key_type, key.data, key.size, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* packed: types that weir makes itself, for keys of several fields and for records less their key.
 *
 * No C struct has this layout, so alignment does not matter and there is nothing to pad: fields
 * stand one behind the other in the order of the choice.
 */
#include "types/packed.h"

#include "base/fail.h"
#include "types/type.h"

weir_status
wr_packed_check(const weir_type *record_type, const size_t *field_indexes, size_t field_count,
                const char *what, weir_error *err)
{
    if (field_count == 0) {
        return wr_fail(err, WEIR_INVALID, "%s of no field; name one at least", what);
    }
    size_t possible = record_type->kind == WEIR_STRUCT ? record_type->field_count : 1;
    for (size_t i = 0; i < field_count; i++) {
        if (field_indexes[i] >= possible) {
            return wr_fail(err, WEIR_INVALID, "%s of field %zu, but %s has %zu (from 0 on)", what,
                           field_indexes[i], record_type->name, possible);
        }
        for (size_t j = 0; j < i; j++) {
            if (field_indexes[j] == field_indexes[i]) {
                return wr_fail(err, WEIR_INVALID, "%s names field %zu of %s twice", what,
                               field_indexes[i], record_type->name);
            }
        }
    }
    return WEIR_OK;
}

weir_status
wr_packed_type(const weir_alloc *alloc, const char *name, const weir_type *record_type,
               const size_t *field_indexes, size_t field_count, weir_type **out_type)
{
    size_t memory_size = field_count * sizeof(weir_field);
    weir_field *fields = wr_memory_new(alloc, memory_size);
    if (fields == NULL) {
        return WEIR_NOMEM;
    }
    uint32_t at = 0;
    for (size_t i = 0; i < field_count; i++) {
        fields[i] = record_type->fields[field_indexes[i]];
        fields[i].offset = at;
        at += fields[i].size;
    }
    weir_status status =
        weir_type_create_struct(alloc, name, at, fields, field_count, out_type, NULL);
    wr_memory_free(alloc, fields, memory_size);
    return status;
}

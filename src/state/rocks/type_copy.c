/* SPDX-License-Identifier: Apache-2.0 */
/* type_copy: a struct's type is made anew from its own fields, which copies nested ones as well. */
#include "state/rocks/type_copy.h"

#include "base/fail.h"

weir_status
wr_rocks_type_copy(const weir_alloc *alloc, const weir_type *type, const weir_type **out_type)
{
    if (type == NULL || weir_type_kind(type) != WEIR_STRUCT) {
        *out_type = type == NULL ? NULL : weir_type_of_kind(weir_type_kind(type));
        return WEIR_OK;
    }
    weir_type *copy = NULL;
    WR_TRY(weir_type_create_struct(alloc, weir_type_name(type), weir_type_fixed_size(type),
                                   weir_type_field(type, 0), weir_type_field_count(type), &copy,
                                   NULL));
    *out_type = copy;
    return WEIR_OK;
}

void
wr_rocks_type_destroy(const weir_type *type)
{
    weir_type *own;
    memcpy(&own, &type, sizeof own); /* lent as const to everyone but its owner */
    weir_type_destroy(own);
}

void
wr_rocks_type_defaults(const weir_type *type, void *out)
{
    uint8_t *at = out;
    memset(at, 0, weir_type_fixed_size(type));
    for (size_t i = 0; i < weir_type_field_count(type); i++) {
        const weir_field *field = weir_type_field(type, i);
        if (field->default_value != NULL) {
            memcpy(at + field->offset, field->default_value, field->size);
        } else if (field->kind == WEIR_STRUCT) {
            wr_rocks_type_defaults(field->type, at + field->offset);
        }
    }
}

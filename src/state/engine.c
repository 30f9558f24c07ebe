/* SPDX-License-Identifier: Apache-2.0 */
/* engine: words for failures and copies of descriptors, for engines: those that are shared objects
 * see include/weir alone. */
#include "weir/engine_support.h"

#include "base/fail.h"
#include "base/memory.h"
#include "types/type.h"

#include <stdarg.h>

enum {
    STAMP_SIZE = 8
};

weir_status
weir_error_say(weir_error *err, weir_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    weir_status said = wr_fail_at_v(err, status, 0, "engine", 0, format, arguments);
    va_end(arguments);
    return said;
}

/* --- the copy of a descriptor --- */

struct copy {
    weir_state_descriptor descriptor; /* first: what the engine holds */
    weir_alloc alloc;
    size_t size;          /* of this piece of memory */
    size_t defaults_size; /* of a type of variable size: a block whose parts are empty */
    uint8_t bytes[];      /* a timestamp of 0, the type's defaults, the name */
};

static weir_status
copy_type(const weir_alloc *alloc, const weir_type *type, const weir_type **out_type)
{
    weir_type *copy = NULL;
    if (type != NULL) {
        WR_TRY(wr_type_copy(alloc, type, &copy));
    }
    *out_type = copy;
    return WEIR_OK;
}

/* Types are const in a descriptor: only the copy's owner may destroy them. */
static void
destroy_type(const weir_type *type)
{
    union {
        const weir_type *lent;
        weir_type *own;
    } copy = { .lent = type };
    weir_type_destroy(copy.own);
}

/* Structs in structs are at most WEIR_NESTING_MAX deep. */
static void
write_defaults(const weir_type *type, uint8_t *out)
{
    for (size_t i = 0; i < weir_type_field_count(type); i++) {
        const weir_field *field = weir_type_field(type, i);
        if (field->kind == WEIR_STRUCT) {
            write_defaults(field->type, out + field->offset);
        } else if (field->default_value != NULL) {
            memcpy(out + field->offset, field->default_value, field->size);
        }
    }
}

weir_status
weir_state_descriptor_copy(const weir_alloc *alloc, const weir_state_descriptor *descriptor,
                           weir_state_descriptor **out_copy)
{
    size_t name_size = strlen(descriptor->name) + 1;
    size_t fixed_size = weir_type_fixed_size(descriptor->type);
    size_t defaults_size =
        weir_type_is_fixed(descriptor->type) ? fixed_size : weir_round8(fixed_size);
    size_t size = sizeof(struct copy) + STAMP_SIZE + defaults_size + name_size;
    struct copy *copy = wr_memory_new(alloc, size);
    if (copy == NULL) {
        return WEIR_NOMEM;
    }
    uint8_t *name = copy->bytes + STAMP_SIZE + defaults_size;
    memcpy(name, descriptor->name, name_size);
    copy->alloc = *alloc;
    copy->size = size;
    copy->defaults_size = defaults_size;
    copy->descriptor =
        (weir_state_descriptor){ .size = sizeof copy->descriptor,
                                 .kind = descriptor->kind,
                                 .list_mode = descriptor->list_mode,
                                 .name = (const char *)name,
                                 .has_timestamps = descriptor->has_timestamps,
                                 .namespace_is_pane = descriptor->namespace_is_pane };
    weir_state_descriptor *own = &copy->descriptor;
    if (copy_type(alloc, descriptor->type, &own->type) != WEIR_OK ||
        copy_type(alloc, descriptor->map_key_type, &own->map_key_type) != WEIR_OK ||
        copy_type(alloc, descriptor->namespace_type, &own->namespace_type) != WEIR_OK) {
        weir_state_descriptor_destroy(own);
        return WEIR_NOMEM;
    }
    write_defaults(own->type, copy->bytes + STAMP_SIZE);
    *out_copy = own;
    return WEIR_OK;
}

void
weir_state_descriptor_destroy(weir_state_descriptor *copy)
{
    if (copy != NULL) {
        struct copy *own = (struct copy *)copy;
        weir_alloc alloc = own->alloc;
        destroy_type(copy->type);
        destroy_type(copy->map_key_type);
        destroy_type(copy->namespace_type);
        wr_memory_free(&alloc, own, own->size);
    }
}

weir_bytes
weir_state_item_defaults(const weir_state_descriptor *copy)
{
    const struct copy *own = (const struct copy *)copy;
    size_t from = copy->has_timestamps ? 0 : STAMP_SIZE;
    return weir_bytes_of(own->bytes + from, STAMP_SIZE - from + own->defaults_size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* descriptor: one encoding of a state's name, kind and types, for state files and manifests.
 *
 * What the writer refuses and the reader refuses is the same check: wr_descriptor_is_sound.
 */
#include "snapshot/descriptor.h"

#include "base/fail.h"
#include "base/memory.h"
#include "types/encode.h"

#include <string.h>

enum {
    FLAG_TIMESTAMPS = 1,
    FLAG_MAP_KEY = 2,
    FLAG_NAMESPACE = 4,
    FLAGS_ALL = 7
};

bool
wr_state_kind_is_keyed(weir_state_kind kind, weir_list_mode mode)
{
    return kind != WEIR_STATE_BROADCAST && (kind != WEIR_STATE_LIST || mode == WEIR_LIST_NONE);
}

/* That the kind is one, and has the list mode and map key type that it must have. */
static bool
is_kind_sound(const weir_state_descriptor *descriptor)
{
    bool has_map_key = descriptor->map_key_type != NULL;
    bool has_mode = descriptor->list_mode != WEIR_LIST_NONE;
    switch (descriptor->kind) {
    case WEIR_STATE_VALUE:
    case WEIR_STATE_REDUCING:
    case WEIR_STATE_AGGREGATING:
    case WEIR_STATE_TIMERS:
        return !has_map_key && !has_mode;
    case WEIR_STATE_LIST:
        return !has_map_key && descriptor->list_mode >= WEIR_LIST_NONE &&
               descriptor->list_mode <= WEIR_LIST_UNION;
    case WEIR_STATE_MAP:
    case WEIR_STATE_BROADCAST:
        return has_map_key && !has_mode;
    default:
        return false;
    }
}

bool
wr_descriptor_is_sound(const weir_state_descriptor *descriptor)
{
    bool is_keyed = wr_state_kind_is_keyed(descriptor->kind, descriptor->list_mode);
    return descriptor->name != NULL && descriptor->type != NULL &&
           strnlen(descriptor->name, WR_STATE_NAME_SIZE_MAX + 1) <= WR_STATE_NAME_SIZE_MAX &&
           is_kind_sound(descriptor) &&
           (is_keyed || (descriptor->namespace_type == NULL && !descriptor->has_timestamps));
}

void
wr_descriptor_encode(const weir_state_descriptor *descriptor, struct wr_buffer *out)
{
    unsigned flags = (descriptor->has_timestamps ? (unsigned)FLAG_TIMESTAMPS : 0) |
                     (descriptor->map_key_type != NULL ? (unsigned)FLAG_MAP_KEY : 0) |
                     (descriptor->namespace_type != NULL ? (unsigned)FLAG_NAMESPACE : 0);
    wr_buffer_put_u8(out, (uint8_t)descriptor->kind);
    wr_buffer_put_u8(out, (uint8_t)descriptor->list_mode);
    wr_buffer_put_u16(out, (uint16_t)flags);
    wr_buffer_put_text(out, descriptor->name);
    wr_type_encode(descriptor->type, out);
    if (descriptor->map_key_type != NULL) {
        wr_type_encode(descriptor->map_key_type, out);
    }
    if (descriptor->namespace_type != NULL) {
        wr_type_encode(descriptor->namespace_type, out);
    }
}

static weir_status
take_name(const weir_alloc *alloc, struct wr_cursor *cursor, const char **out_name, weir_error *err)
{
    weir_bytes name = wr_cursor_text(cursor);
    if (cursor->failed || name.size > WR_STATE_NAME_SIZE_MAX ||
        (name.size > 0 && memchr(name.data, 0, name.size) != NULL)) {
        return wr_fail(err, WEIR_CORRUPT,
                       "a state's name is cut off, over %d bytes or has a NUL in it",
                       WR_STATE_NAME_SIZE_MAX);
    }
    char *copy = wr_memory_new(alloc, name.size + 1);
    if (copy == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the name of a state");
    }
    if (name.size > 0) {
        memcpy(copy, name.data, name.size);
    }
    *out_name = copy;
    return WEIR_OK;
}

static weir_status
take_type(const weir_alloc *alloc, struct wr_cursor *cursor, const char *name, const char *what,
          const weir_type **out_type, weir_error *err)
{
    weir_type *type = NULL;
    weir_status status = wr_type_decode(alloc, cursor, &type, err);
    if (status != WEIR_OK) {
        return wr_fail_context(err, status, "%s of state '%s': ", what, name);
    }
    *out_type = type;
    return WEIR_OK;
}

weir_status
wr_descriptor_decode(const weir_alloc *alloc, struct wr_cursor *cursor, bool has_flags,
                     weir_state_descriptor *out_descriptor, weir_error *err)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor };
    descriptor.kind = (weir_state_kind)wr_cursor_u8(cursor);
    descriptor.list_mode = (weir_list_mode)wr_cursor_u8(cursor);
    unsigned flags = has_flags ? wr_cursor_u16(cursor) : 0;
    WR_TRY(take_name(alloc, cursor, &descriptor.name, err));
    WR_TRY(take_type(alloc, cursor, descriptor.name, "type", &descriptor.type, err));
    if ((flags & FLAG_MAP_KEY) != 0) {
        WR_TRY(take_type(alloc, cursor, descriptor.name, "map key type", &descriptor.map_key_type,
                         err));
    }
    if ((flags & FLAG_NAMESPACE) != 0) {
        WR_TRY(take_type(alloc, cursor, descriptor.name, "namespace type",
                         &descriptor.namespace_type, err));
    }
    descriptor.has_timestamps = (flags & FLAG_TIMESTAMPS) != 0;
    if (flags > FLAGS_ALL || !wr_descriptor_is_sound(&descriptor)) {
        return wr_fail(err, WEIR_CORRUPT, "state '%s' is of no known kind", descriptor.name);
    }
    *out_descriptor = descriptor;
    return WEIR_OK;
}

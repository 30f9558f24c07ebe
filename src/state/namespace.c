/* SPDX-License-Identifier: Apache-2.0 */
/* namespace: keys with a namespace, made and taken apart.
 *
 *   void namespace   | key |
 *   fixed size       | key | namespace |
 *   variable size    | key | namespace | u32 namespace size |
 *   TIMERS           | key | i64 timestamp | namespace | [u32 namespace size] |
 *
 * The size stands last, so that a key is taken apart from its end. The namespace that a state acts
 * in is kept as it stands in keys; the key with it is made anew at each access (the runtime binds a
 * key by pointer, and the bytes behind one pointer change from batch to batch).
 */
#include "state/common.h"

#include "base/fail.h"
#include "base/little.h"
#include "state/key_hash.h"
#include "types/key.h"
#include "types/type.h"

enum {
    SIZE_BYTES = 4,
    TIMESTAMP_BYTES = 8,
    PREFETCH_AT_ONCE = 16,
    PREFETCH_KEY_MOST = 64 /* longer keys are not asked for ahead */
};

/* A fixed-size type's bytes have its size; a string's and bytes' are the content; any other's the
 * block. */
static bool
has_own_size(const weir_type *type)
{
    return type->part_count != 0 || type->kind == WEIR_STRING || type->kind == WEIR_BYTES;
}

weir_status
weir_key_split(const weir_type *key_type, const weir_state_descriptor *descriptor, weir_bytes bytes,
               weir_key_parts *out_parts)
{
    const weir_type *namespace_type = descriptor->namespace_type;
    const uint8_t *data = bytes.data;
    size_t left = bytes.size;
    size_t namespace_size = 0;
    if (namespace_type != NULL && has_own_size(namespace_type)) {
        if (left < SIZE_BYTES) {
            return WEIR_CORRUPT;
        }
        left -= SIZE_BYTES;
        namespace_size = wr_get_u32(data + left);
    } else if (namespace_type != NULL) {
        namespace_size = namespace_type->fixed_size;
    }
    if (left < namespace_size) {
        return WEIR_CORRUPT;
    }
    left -= namespace_size;
    weir_key_parts parts = { .namespace_ = weir_bytes_of(data + left, namespace_size) };
    if (descriptor->kind == WEIR_STATE_TIMERS) {
        if (left < TIMESTAMP_BYTES) {
            return WEIR_CORRUPT;
        }
        left -= TIMESTAMP_BYTES;
        parts.timestamp = (int64_t)wr_get_u64(data + left);
    }
    if (has_own_size(key_type) ? left > WEIR_KEY_SIZE_MAX : left != key_type->fixed_size) {
        return WEIR_CORRUPT;
    }
    parts.key = weir_bytes_of(data, left);
    *out_parts = parts;
    return WEIR_OK;
}

weir_status
wr_namespace_check(const struct wr_state_common *common, weir_bytes namespace_)
{
    const weir_type *type = common->descriptor->namespace_type;
    if (type == NULL) {
        return namespace_.size == 0 ? WEIR_OK : WEIR_INVALID;
    }
    if (namespace_.data == NULL && namespace_.size != 0) {
        return WEIR_INVALID;
    }
    if (!has_own_size(type)) {
        return namespace_.size == type->fixed_size ? WEIR_OK : WEIR_INVALID;
    }
    if (namespace_.size > WEIR_KEY_SIZE_MAX) {
        return WEIR_LIMIT;
    }
    return wr_key_check(type, namespace_, NULL) == WEIR_OK ? WEIR_OK : WEIR_INVALID;
}

void
wr_namespace_put(const struct wr_state_common *common, weir_bytes namespace_, struct wr_buffer *out)
{
    const weir_type *type = common->descriptor->namespace_type;
    wr_buffer_put(out, namespace_.data, namespace_.size);
    if (type != NULL && has_own_size(type)) {
        wr_buffer_put_u32(out, (uint32_t)namespace_.size);
    }
}

static weir_key
composed_key(const struct wr_state_common *common, const weir_key *key,
             const struct wr_buffer *bytes)
{
    return (weir_key){ .data = bytes->data,
                       .size = (uint32_t)bytes->size,
                       .key_group = key->key_group,
                       .hash = wr_key_hash(bytes->data, bytes->size, common->backend->hash_seed) };
}

weir_status
wr_namespace_compose(const struct wr_state_common *common, const weir_key *key,
                     weir_bytes namespace_, struct wr_buffer *bytes, weir_key *out_key)
{
    WR_TRY(wr_namespace_check(common, namespace_));
    WR_TRY(wr_scratch_put(bytes, key->data, key->size));
    wr_namespace_put(common, namespace_, bytes);
    WR_TRY(wr_buffer_status(bytes));
    *out_key = composed_key(common, key, bytes);
    return WEIR_OK;
}

weir_status
wr_namespace_key(struct wr_state_common *common, const weir_key *key, const weir_key **out_key)
{
    if (!common->has_namespace_bound) {
        return WEIR_INVALID;
    }
    struct wr_buffer *bytes = &common->key_bytes;
    size_t tail = common->namespace_.size;
    wr_buffer_clear(bytes);
    uint8_t *at = wr_buffer_extend(bytes, key->size + tail);
    if (at == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(at, key->data, key->size);
    memcpy(at + key->size, common->namespace_.data, tail);
    common->key = composed_key(common, key, bytes);
    *out_key = &common->key;
    return WEIR_OK;
}

weir_status
weir_state_set_namespace(weir_state *state, weir_bytes namespace_)
{
    if (state == NULL || state->common->descriptor->namespace_type == NULL) {
        return wr_state_leave(state, WEIR_INVALID);
    }
    struct wr_state_common *common = state->common;
    weir_status status = wr_namespace_check(common, namespace_);
    if (status != WEIR_OK) {
        return wr_state_leave(state, status);
    }
    struct wr_buffer *bytes = &common->namespace_;
    wr_buffer_clear(bytes);
    wr_namespace_put(common, namespace_, bytes);
    common->namespace_size = (uint32_t)namespace_.size;
    common->has_namespace_bound = !bytes->refused;
    wr_state_end_walk(common);
    return wr_state_leave(state, wr_buffer_status(bytes));
}

/* Asks for up to PREFETCH_AT_ONCE keys with the bound namespace behind each. */
static void
prefetch_some(struct wr_state_common *common, const weir_key *keys, size_t count)
{
    uint8_t bytes[PREFETCH_AT_ONCE][PREFETCH_KEY_MOST];
    weir_key composed[PREFETCH_AT_ONCE];
    size_t tail = common->namespace_.size;
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = keys[i].size + tail;
        if (size > PREFETCH_KEY_MOST) {
            continue;
        }
        memcpy(bytes[made], keys[i].data, keys[i].size);
        memcpy(bytes[made] + keys[i].size, common->namespace_.data, tail);
        composed[made] =
            (weir_key){ .data = bytes[made],
                        .size = (uint32_t)size,
                        .key_group = keys[i].key_group,
                        .hash = wr_key_hash(bytes[made], size, common->backend->hash_seed) };
        made++;
    }
    common->ops->prefetch(common->state, composed, made);
}

void
weir_state_prefetch(weir_state *state, const weir_key *keys, size_t count)
{
    struct wr_state_common *common = state->common;
    if (common->ops->prefetch == NULL) {
        return;
    }
    if (common->descriptor->namespace_type == NULL) {
        common->ops->prefetch(state, keys, count);
        return;
    }
    for (size_t i = 0; common->has_namespace_bound && i < count; i += PREFETCH_AT_ONCE) {
        size_t left = count - i;
        prefetch_some(common, keys + i, left < PREFETCH_AT_ONCE ? left : PREFETCH_AT_ONCE);
    }
}

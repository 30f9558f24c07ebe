/* SPDX-License-Identifier: Apache-2.0 */
/* broadcast: a map that every subtask has a copy of, by ascending bytes of the key.
 *
 *   entries | u32 key size | u32 value size (UINT32_MAX: null) | key, up to 8 | value, up to 8 |
 * ... offsets | offset | offset | ...       where each begins, by ascending key: found by bisection
 *
 * A new value is a new entry behind the others; what it replaces is dead. When half of the bytes
 * are dead, the living move to a new buffer. A copy for a snapshot is two memcpys.
 *
 * cursor: word 0 is the index of the entry given last, plus 1; word 1 how many entries there were
 * then: one less, and it was removed.
 */
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "state/operator_parts.h"
#include "types/key.h"
#include "weir/engine_support.h"

enum {
    HEAD_BYTES = 8,
    OFFSET_BYTES = 8,
    DEAD_MOST = 4096 /* so many are not worth a move */
};

static const uint32_t null_size = UINT32_MAX;

struct weir_broadcast *
wr_broadcast_new(const weir_alloc *alloc, const weir_state_descriptor *descriptor)
{
    struct weir_broadcast *broadcast = wr_memory_new(alloc, sizeof *broadcast);
    if (broadcast == NULL) {
        return NULL;
    }
    wr_buffer_init(&broadcast->entries, alloc);
    wr_buffer_init(&broadcast->offsets, alloc);
    if (weir_state_descriptor_copy(alloc, descriptor, &broadcast->descriptor) != WEIR_OK) {
        wr_broadcast_destroy(alloc, broadcast);
        return NULL;
    }
    return broadcast;
}

void
wr_broadcast_destroy(const weir_alloc *alloc, struct weir_broadcast *broadcast)
{
    wr_buffer_fini(&broadcast->entries);
    wr_buffer_fini(&broadcast->offsets);
    weir_state_descriptor_destroy(broadcast->descriptor);
    wr_memory_free(alloc, broadcast, sizeof *broadcast);
}

bool
wr_broadcast_fill(struct weir_broadcast *broadcast, const struct weir_broadcast *from)
{
    wr_buffer_put(&broadcast->entries, from->entries.data, from->entries.size);
    wr_buffer_put(&broadcast->offsets, from->offsets.data, from->offsets.size);
    broadcast->count = from->count;
    broadcast->dead_bytes = from->dead_bytes;
    return !broadcast->entries.refused && !broadcast->offsets.refused;
}

/* --- entries --- */

static const uint8_t *
entry_at(const struct weir_broadcast *broadcast, size_t index)
{
    return broadcast->entries.data + wr_get_u64(broadcast->offsets.data + index * OFFSET_BYTES);
}

void
wr_broadcast_at(const struct weir_broadcast *broadcast, size_t index, weir_bytes *out_key,
                weir_bytes *out_value)
{
    const uint8_t *entry = entry_at(broadcast, index);
    uint32_t key_size = wr_get_u32(entry);
    uint32_t value_size = wr_get_u32(entry + 4);
    *out_key = weir_bytes_of(entry + HEAD_BYTES, key_size);
    *out_value = value_size == null_size
                     ? weir_bytes_of(NULL, 0)
                     : weir_bytes_of(entry + HEAD_BYTES + weir_round8(key_size), value_size);
}

static size_t
entry_bytes(size_t key_size, weir_bytes value)
{
    return HEAD_BYTES + weir_round8(key_size) + weir_round8(value.size);
}

static int
compare(weir_bytes one, weir_bytes other)
{
    size_t size = one.size < other.size ? one.size : other.size;
    int order = size != 0 ? memcmp(one.data, other.data, size) : 0;
    return order != 0 ? order : (one.size > other.size) - (one.size < other.size);
}

/* Whether the key is there; *out_index is where it is, or would be. */
static bool
search(const struct weir_broadcast *broadcast, weir_bytes key, size_t *out_index)
{
    size_t low = 0;
    size_t high = broadcast->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        weir_bytes found;
        weir_bytes value;
        wr_broadcast_at(broadcast, middle, &found, &value);
        int order = compare(found, key);
        if (order == 0) {
            *out_index = middle;
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *out_index = low;
    return false;
}

/* Leaves the dead behind, if they are many. A refusal changes nothing: they stay. */
static void
tidy(struct weir_broadcast *broadcast)
{
    if (broadcast->dead_bytes < DEAD_MOST || broadcast->dead_bytes < broadcast->entries.size / 2) {
        return;
    }
    struct wr_buffer living;
    wr_buffer_init(&living, &broadcast->entries.alloc);
    uint8_t *to = wr_buffer_extend(&living, broadcast->entries.size - broadcast->dead_bytes);
    if (to == NULL) {
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < broadcast->count; i++) {
        weir_bytes key;
        weir_bytes value;
        wr_broadcast_at(broadcast, i, &key, &value);
        size_t size = entry_bytes(key.size, value);
        memcpy(to + at, entry_at(broadcast, i), size);
        wr_put_u64(broadcast->offsets.data + i * OFFSET_BYTES, at);
        at += size;
    }
    wr_buffer_fini(&broadcast->entries);
    broadcast->entries = living;
    broadcast->dead_bytes = 0;
}

static weir_status
check(const struct weir_broadcast *broadcast, weir_bytes key, weir_bytes *value)
{
    const weir_type *type = broadcast->descriptor->type;
    size_t fixed_size = weir_type_fixed_size(type);
    if ((key.data == NULL && key.size != 0) || (value->data == NULL && value->size != 0)) {
        return WEIR_INVALID;
    }
    if (key.size > WEIR_KEY_SIZE_MAX || value->size > WEIR_VALUE_SIZE_MAX) {
        return WEIR_LIMIT;
    }
    if (wr_key_check(broadcast->descriptor->map_key_type, key, NULL) != WEIR_OK) {
        return WEIR_INVALID;
    }
    if (value->data == NULL) {
        return WEIR_OK;
    }
    if (weir_type_is_fixed(type) && value->size == weir_round8(fixed_size)) {
        value->size = fixed_size;
    }
    bool is_block =
        value->size >= fixed_size && (!weir_type_is_fixed(type) || value->size == fixed_size);
    return is_block ? WEIR_OK : WEIR_INVALID;
}

/* Where in the entries these bytes stand; SIZE_MAX: they are somebody else's. */
static size_t
offset_in(const struct wr_buffer *entries, const void *bytes)
{
    uintptr_t offset = (uintptr_t)bytes - (uintptr_t)entries->data;
    return bytes != NULL && entries->data != NULL && offset < entries->size ? offset : SIZE_MAX;
}

/* An entry behind the others; key and value may be lent from these. NULL: no memory. */
static const uint8_t *
append(struct wr_buffer *entries, weir_bytes key, weir_bytes value)
{
    size_t key_at = offset_in(entries, key.data);
    size_t value_at = offset_in(entries, value.data);
    bool key_is_own = key_at != SIZE_MAX;
    bool value_is_own = value_at != SIZE_MAX;
    size_t size = entry_bytes(key.size, value);
    uint8_t *entry = wr_buffer_extend(entries, size);
    if (entry == NULL) {
        entries->refused = false; /* ready for another try */
        return NULL;
    }
    memset(entry, 0, size);
    wr_put_u32(entry, (uint32_t)key.size);
    wr_put_u32(entry + 4, value.data == NULL ? null_size : (uint32_t)value.size);
    if (key.size != 0) {
        memcpy(entry + HEAD_BYTES, key_is_own ? entries->data + key_at : key.data, key.size);
    }
    if (value.size != 0) {
        memcpy(entry + HEAD_BYTES + weir_round8(key.size),
               value_is_own ? entries->data + value_at : value.data, value.size);
    }
    return entry;
}

weir_status
wr_broadcast_put(struct weir_broadcast *broadcast, weir_bytes key, weir_bytes value)
{
    WR_TRY(check(broadcast, key, &value));
    size_t index;
    bool is_there = search(broadcast, key, &index);
    struct wr_buffer *offsets = &broadcast->offsets;
    if (!is_there && wr_buffer_extend(offsets, OFFSET_BYTES) == NULL) {
        offsets->refused = false;
        return WEIR_NOMEM;
    }
    const uint8_t *entry = append(&broadcast->entries, key, value);
    if (entry == NULL) {
        offsets->size = broadcast->count * OFFSET_BYTES;
        return WEIR_NOMEM;
    }
    uint8_t *offset = offsets->data + index * OFFSET_BYTES;
    if (is_there) {
        weir_bytes old_key;
        weir_bytes old_value;
        wr_broadcast_at(broadcast, index, &old_key, &old_value);
        broadcast->dead_bytes += entry_bytes(old_key.size, old_value);
    } else {
        memmove(offset + OFFSET_BYTES, offset, (broadcast->count - index) * OFFSET_BYTES);
        broadcast->count++;
    }
    wr_put_u64(offset, (uint64_t)(entry - broadcast->entries.data));
    tidy(broadcast);
    return WEIR_OK;
}

/* --- weir/state.h --- */

size_t
weir_broadcast_count(const weir_broadcast *broadcast)
{
    return broadcast->count;
}

/* The first failure stays with the operator's state. */
static weir_status
leave(const struct weir_broadcast *broadcast, weir_status status)
{
    return wr_operator_state_leave(broadcast->owner, broadcast->descriptor, status);
}

weir_status
weir_broadcast_get(const weir_broadcast *broadcast, weir_bytes key, weir_bytes *out_value)
{
    size_t index;
    if (broadcast == NULL) {
        return WEIR_INVALID;
    }
    if (out_value == NULL || (key.data == NULL && key.size != 0)) {
        return leave(broadcast, WEIR_INVALID);
    }
    if (!search(broadcast, key, &index)) {
        return WEIR_NOT_FOUND;
    }
    weir_bytes found;
    wr_broadcast_at(broadcast, index, &found, out_value);
    return WEIR_OK;
}

weir_status
weir_broadcast_put(weir_broadcast *broadcast, weir_bytes key, weir_bytes value)
{
    if (broadcast == NULL) {
        return WEIR_INVALID;
    }
    return leave(broadcast,
                 broadcast->is_writable ? wr_broadcast_put(broadcast, key, value) : WEIR_INVALID);
}

weir_status
weir_broadcast_remove(weir_broadcast *broadcast, weir_bytes key)
{
    size_t index;
    if (broadcast == NULL) {
        return WEIR_INVALID;
    }
    if (!broadcast->is_writable || (key.data == NULL && key.size != 0)) {
        return leave(broadcast, WEIR_INVALID);
    }
    if (!search(broadcast, key, &index)) {
        return WEIR_OK;
    }
    weir_bytes found;
    weir_bytes value;
    wr_broadcast_at(broadcast, index, &found, &value);
    broadcast->dead_bytes += entry_bytes(found.size, value);
    uint8_t *offset = broadcast->offsets.data + index * OFFSET_BYTES;
    broadcast->count--;
    memmove(offset, offset + OFFSET_BYTES, (broadcast->count - index) * OFFSET_BYTES);
    broadcast->offsets.size -= OFFSET_BYTES;
    tidy(broadcast);
    return WEIR_OK;
}

void
weir_broadcast_clear(weir_broadcast *broadcast)
{
    if (broadcast != NULL && !broadcast->is_writable) {
        (void)!leave(broadcast, WEIR_INVALID);
    } else if (broadcast != NULL) {
        wr_buffer_clear(&broadcast->entries);
        wr_buffer_clear(&broadcast->offsets);
        broadcast->count = 0;
        broadcast->dead_bytes = 0;
    }
}

weir_status
weir_broadcast_next(const weir_broadcast *broadcast, weir_cursor *cursor, weir_bytes *out_key,
                    weir_bytes *out_value)
{
    if (broadcast == NULL) {
        return WEIR_INVALID;
    }
    if (cursor == NULL || out_key == NULL || out_value == NULL) {
        return leave(broadcast, WEIR_INVALID);
    }
    if (cursor->word[0] != 0 && broadcast->count + 1 == cursor->word[1]) {
        cursor->word[0]--;
    }
    if (cursor->word[0] >= broadcast->count) {
        return WEIR_NOT_FOUND;
    }
    wr_broadcast_at(broadcast, (size_t)cursor->word[0], out_key, out_value);
    cursor->word[0]++;
    cursor->word[1] = broadcast->count;
    return WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* map: map state.
 *
 * Entries expire one by one. One that is read and expired is removed at once, also in a walk: it is
 * the entry given last, which a walk allows. A null value is an item with data NULL; where items
 * have timestamps, one of zeros (ttl.c).
 *
 * weir_map_upsert asks an engine that cannot lend a value for change for a copy, makes sure that
 * there is an entry, and writes the copy back at the next call on the state or the next snapshot
 * (wr_state_flush).
 */
#include "base/fail.h"
#include "base/little.h"
#include "state/ttl.h"
#include "types/type.h"
#include "weir/state.h"

static weir_status
check_map_key(const struct wr_state_common *common, weir_bytes map_key)
{
    const weir_type *type = common->descriptor->map_key_type;
    if (map_key.data == NULL && map_key.size != 0) {
        return WEIR_INVALID;
    }
    if (map_key.size > WEIR_KEY_SIZE_MAX) {
        return WEIR_LIMIT;
    }
    if (type->kind == WEIR_STRING || type->kind == WEIR_BYTES) {
        return WEIR_OK;
    }
    bool is_one =
        type->part_count == 0 ? map_key.size == type->fixed_size : map_key.size >= type->fixed_size;
    return is_one ? WEIR_OK : WEIR_INVALID;
}

static weir_status
enter(weir_state *state, weir_bytes map_key, const weir_key **out_key)
{
    WR_TRY(wr_state_enter(state, WEIR_STATE_MAP, out_key));
    return check_map_key(state->common, map_key);
}

static bool
is_null(const struct wr_state_common *common, weir_bytes item)
{
    return item.data == NULL || (common->has_ttl && wr_ttl_is_null(item));
}

static weir_bytes
value_of(const struct wr_state_common *common, weir_bytes item)
{
    return is_null(common, item) ? weir_bytes_of(NULL, 0) : wr_state_block(common, item);
}

/* The item of null, or of a block. */
static weir_status
item_of(struct wr_state_common *common, weir_bytes value, weir_bytes *out_item)
{
    if (value.data != NULL) {
        WR_TRY(wr_state_check_block(common, &value));
        return wr_state_item(common, value, out_item);
    }
    if (value.size != 0) {
        return WEIR_INVALID;
    }
    if (!common->has_ttl) {
        *out_item = value;
        return WEIR_OK;
    }
    size_t size = common->is_fixed ? common->fixed_size : weir_round8(common->fixed_size);
    wr_buffer_clear(&common->item);
    uint8_t *item = wr_buffer_extend(&common->item, WR_ITEM_HEAD + size);
    if (item == NULL) {
        return WEIR_NOMEM;
    }
    memset(item, 0, WR_ITEM_HEAD + size);
    wr_ttl_put_null(item, common->state->backend->now_ms);
    *out_item = weir_bytes_of(item, WR_ITEM_HEAD + size);
    return WEIR_OK;
}

/* | map key, rounded up to 8 | item |, copied to common->lent unless they stand there: the engine's
 * own go with the change that follows. */
static weir_status
keep_entry(struct wr_state_common *common, weir_bytes *map_key, weir_bytes *item)
{
    struct wr_buffer *lent = &common->lent;
    if ((uintptr_t)item->data - (uintptr_t)lent->data < lent->size) {
        return WEIR_OK;
    }
    size_t item_at = weir_round8(map_key->size);
    wr_buffer_clear(lent);
    uint8_t *copy = wr_buffer_extend(lent, item_at + item->size);
    if (copy == NULL) {
        return WEIR_NOMEM;
    }
    if (map_key->size != 0) {
        memcpy(copy, map_key->data, map_key->size);
    }
    memcpy(copy + item_at, item->data, item->size);
    *map_key = weir_bytes_of(copy, map_key->size);
    *item = weir_bytes_of(copy + item_at, item->size);
    return WEIR_OK;
}

/* Of an item that stands in common->lent. */
static void
write_stamp(const struct wr_state_common *common, weir_bytes item)
{
    uint8_t *stamp = common->lent.data + ((const uint8_t *)item.data - common->lent.data);
    int64_t now_ms = common->state->backend->now_ms;
    if (wr_ttl_is_null(item)) {
        wr_ttl_put_null(stamp, now_ms);
    } else {
        wr_put_u64(stamp, (uint64_t)now_ms);
    }
}

/* What is to be done with an entry that was read. WEIR_OK: it is to be returned; WEIR_NOT_FOUND: it
 * is not. Key and item move to where they are lent from. */
static weir_status
judge_read(struct wr_state_common *common, const weir_key *key, bool may_change,
           weir_bytes *map_key, weir_bytes *item)
{
    enum wr_ttl_verdict verdict = wr_ttl_judge(common, *item);
    bool is_returned = verdict != WR_TTL_GONE;
    if (verdict == WR_TTL_LIVE || !may_change) {
        return is_returned ? WEIR_OK : WEIR_NOT_FOUND;
    }
    WR_TRY(keep_entry(common, map_key, item));
    if (verdict == WR_TTL_REFRESH) {
        write_stamp(common, *item);
        return common->ops->map_put(common->state, key, *map_key, *item);
    }
    WR_TRY(common->ops->map_remove(common->state, key, *map_key));
    return is_returned ? WEIR_OK : WEIR_NOT_FOUND;
}

static weir_status
get(weir_state *state, weir_bytes map_key, weir_bytes *out_value)
{
    const weir_key *key = NULL;
    WR_TRY(enter(state, map_key, &key));
    struct wr_state_common *common = state->common;
    if (out_value == NULL) {
        return WEIR_INVALID;
    }
    if (common->has_ttl) { /* it may be lent from where the item is going to be */
        WR_TRY(wr_scratch_put(&common->items, map_key.data, map_key.size));
        map_key.data = common->items.data;
    }
    weir_bytes item;
    WR_TRY(common->ops->map_find(state, key, map_key, &item));
    if (common->has_ttl) {
        WR_TRY(judge_read(common, key, !wr_state_is_walked(common), &map_key, &item));
    }
    *out_value = value_of(common, item);
    return WEIR_OK;
}

weir_status
weir_map_get(weir_state *state, weir_bytes key, weir_bytes *out_value)
{
    return wr_state_lend(state, get(state, key, out_value), out_value);
}

bool
weir_map_contains(weir_state *state, weir_bytes key)
{
    weir_bytes value;
    return wr_state_leave(state, get(state, key, &value)) == WEIR_OK;
}

static weir_status
put(weir_state *state, weir_bytes map_key, weir_bytes value)
{
    const weir_key *key = NULL;
    WR_TRY(enter(state, map_key, &key));
    weir_bytes item;
    WR_TRY(item_of(state->common, value, &item));
    return state->common->ops->map_put(state, key, map_key, item);
}

weir_status
weir_map_put(weir_state *state, weir_bytes key, weir_bytes value)
{
    return wr_state_leave(state, put(state, key, value));
}

/* The item as it stands, or with defaults, in a buffer of ours; an entry there is then. */
static weir_status
lend_copy(struct wr_state_common *common, const weir_key *key, weir_bytes map_key, void **out_item,
          bool *out_created)
{
    struct wr_write_back *pending = &common->pending;
    weir_bytes found = weir_bytes_of(NULL, 0);
    WR_TRY(wr_scratch_put(&pending->key, key->data, key->size));
    WR_TRY(wr_scratch_put(&pending->map_key, map_key.data, map_key.size));
    map_key.data = pending->map_key.data;
    weir_status status = common->ops->map_find(common->state, key, map_key, &found);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    size_t head = common->has_ttl ? WR_ITEM_HEAD : 0;
    size_t size = head + common->fixed_size;
    wr_buffer_clear(&pending->item);
    uint8_t *item = wr_buffer_extend(&pending->item, size);
    if (item == NULL) {
        return WEIR_NOMEM;
    }
    bool is_there = status == WEIR_OK && found.size == size;
    memset(item, 0, head);
    memcpy(item + head, common->defaults, common->fixed_size);
    if (is_there) {
        memcpy(item, found.data, size);
    } else {
        WR_TRY(common->ops->map_put(common->state, key, map_key, weir_bytes_of(item, size)));
    }
    pending->key_group = key->key_group;
    pending->hash = key->hash;
    pending->is_due = true;
    *out_item = item;
    *out_created = !is_there;
    return WEIR_OK;
}

static weir_status
upsert(weir_state *state, weir_bytes map_key, void **out_value, bool *out_created)
{
    const weir_key *key = NULL;
    WR_TRY(enter(state, map_key, &key));
    struct wr_state_common *common = state->common;
    if (out_value == NULL || !common->is_fixed) {
        return WEIR_INVALID;
    }
    void *place = NULL;
    WR_TRY(common->ops->map_upsert != NULL
               ? common->ops->map_upsert(state, key, map_key, &place, out_created)
               : lend_copy(common, key, map_key, &place, out_created));
    if (!common->has_ttl) {
        *out_value = place;
        return WEIR_OK;
    }
    uint8_t *item = place;
    weir_bytes bytes = weir_bytes_of(item, WR_ITEM_HEAD + common->fixed_size);
    if (!*out_created && (!wr_ttl_is_visible(common, bytes) || wr_ttl_is_null(bytes))) {
        memcpy(item + WR_ITEM_HEAD, common->defaults, common->fixed_size);
        *out_created = true;
    }
    wr_put_u64(item, (uint64_t)state->backend->now_ms);
    *out_value = item + WR_ITEM_HEAD;
    return WEIR_OK;
}

weir_status
weir_map_upsert(weir_state *state, weir_bytes key, void **out_value, bool *out_created)
{
    bool created = false;
    return wr_state_lend_place(
        state, upsert(state, key, out_value, out_created != NULL ? out_created : &created),
        out_value);
}

static weir_status
remove_entry(weir_state *state, weir_bytes map_key)
{
    const weir_key *key = NULL;
    WR_TRY(enter(state, map_key, &key));
    return state->common->ops->map_remove(state, key, map_key);
}

weir_status
weir_map_remove(weir_state *state, weir_bytes key)
{
    return wr_state_leave(state, remove_entry(state, key));
}

/* The next entry that is to be seen. */
static weir_status
walk(struct wr_state_common *common, const weir_key *key, weir_cursor *cursor,
     weir_bytes *out_map_key, weir_bytes *out_item)
{
    bool may_change = wr_state_is_walker(common, cursor);
    weir_status status;
    do {
        WR_TRY(common->ops->map_next(common->state, key, cursor, out_map_key, out_item));
        status =
            common->has_ttl ? judge_read(common, key, may_change, out_map_key, out_item) : WEIR_OK;
    } while (status == WEIR_NOT_FOUND);
    return status;
}

static weir_status
next(weir_state *state, weir_cursor *cursor, weir_bytes *out_key, weir_bytes *out_value)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_MAP, &key));
    if (cursor == NULL || out_key == NULL || out_value == NULL) {
        return WEIR_INVALID;
    }
    weir_bytes item;
    weir_status status = walk(state->common, key, cursor, out_key, &item);
    wr_state_mark_walk(state->common, cursor, status == WEIR_OK);
    WR_TRY(status);
    *out_value = value_of(state->common, item);
    return WEIR_OK;
}

weir_status
weir_map_next(weir_state *state, weir_cursor *cursor, weir_bytes *out_key, weir_bytes *out_value)
{
    weir_status status = next(state, cursor, out_key, out_value);
    if (wr_lends_copies && status == WEIR_OK) {
        wr_lent_entry(&state->common->loan, out_key, out_value);
    }
    return wr_state_leave(state, status);
}

/* By a walk that changes nothing: it may be asked in the middle of another. */
static weir_status
is_empty(weir_state *state)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_MAP, &key));
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes map_key;
    weir_bytes item;
    do {
        WR_TRY(state->common->ops->map_next(state, key, &cursor, &map_key, &item));
    } while (!wr_ttl_is_visible(state->common, item));
    return WEIR_OK;
}

bool
weir_map_is_empty(weir_state *state)
{
    return wr_state_leave(state, is_empty(state)) != WEIR_OK;
}

weir_status
weir_map_clear(weir_state *state)
{
    return wr_state_clear(state, WEIR_STATE_MAP);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* list: list state.
 *
 *   elements   ->  items: cut to their size, the timestamp before each where the list has ttl
 *                  (one buffer, 8 bytes aligned), in common->items
 *
 * Elements expire one by one. Expired ones that nobody is to see are passed over; when a walk has
 * met some and not one that lives, its list is removed at the walk's end (Flink's rule; single ones
 * go by the engine's look at what is expired). Where reading writes timestamps, the list is written
 * anew before a walk begins.
 */
#include "state/list.h"
#include "base/fail.h"
#include "base/little.h"
#include "state/ttl.h"
#include "weir/state.h"

static bool
is_at_begin(const weir_cursor *cursor)
{
    return (cursor->word[0] | cursor->word[1] | cursor->word[2] | cursor->word[3]) == 0;
}

/* --- items --- */

/* One more item, to be entered by its offset while the bytes may still move. */
static void
stage(struct wr_state_common *common, const void *stamp, weir_bytes block)
{
    size_t size = (stamp != NULL ? (size_t)WR_ITEM_HEAD : 0) + block.size;
    size_t at = weir_round8(common->item.size);
    uint8_t *room = wr_buffer_extend(&common->item, at - common->item.size + size);
    weir_bytes entry = weir_bytes_of(NULL, size);
    if (room == NULL) {
        return;
    }
    room = common->item.data + at;
    if (stamp != NULL) {
        memcpy(room, stamp, WR_ITEM_HEAD);
        room += WR_ITEM_HEAD;
    }
    if (block.size != 0) {
        memcpy(room, block.data, block.size);
    }
    wr_buffer_put(&common->items, &entry, sizeof entry);
}

static void
stage_begin(struct wr_state_common *common)
{
    wr_buffer_clear(&common->item);
    wr_buffer_clear(&common->items);
}

/* Where the bytes stand is known now. */
static weir_status
stage_end(struct wr_state_common *common, const weir_bytes **out_items, size_t *out_count)
{
    WR_TRY(wr_buffer_status(&common->item));
    WR_TRY(wr_buffer_status(&common->items));
    weir_bytes *items = (weir_bytes *)(void *)common->items.data;
    size_t count = common->items.size / sizeof *items;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].data = common->item.data + at;
        at = weir_round8(at + items[i].size);
    }
    *out_items = items;
    *out_count = count;
    return WEIR_OK;
}

/* Elements as items, copied. */
static weir_status
stage_elements(struct wr_state_common *common, const weir_bytes *elements, size_t count,
               const weir_bytes **out_items)
{
    uint8_t stamp[WR_ITEM_HEAD];
    wr_put_u64(stamp, (uint64_t)common->state->backend->now_ms);
    stage_begin(common);
    for (size_t i = 0; i < count; i++) {
        weir_bytes block = elements[i];
        WR_TRY(wr_state_check_block(common, &block));
        stage(common, common->has_ttl ? stamp : NULL, block);
    }
    size_t staged;
    return stage_end(common, out_items, &staged);
}

/* Whether elements are items as they stand. */
static weir_status
check_elements(const struct wr_state_common *common, const weir_bytes *elements, size_t count,
               bool *out_are_items)
{
    *out_are_items = !common->has_ttl;
    for (size_t i = 0; i < count; i++) {
        weir_bytes block = elements[i];
        WR_TRY(wr_state_check_block(common, &block));
        *out_are_items = *out_are_items && block.size == elements[i].size;
    }
    return WEIR_OK;
}

/* All items of the list into the stage; those that `keep` takes. */
static weir_status
stage_list(struct wr_state_common *common, const weir_key *key, bool refreshes, bool *out_changes)
{
    uint8_t now[WR_ITEM_HEAD];
    wr_put_u64(now, (uint64_t)common->state->backend->now_ms);
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes item;
    weir_status status;
    while ((status = common->ops->list_next(common->state, key, &cursor, &item)) == WEIR_OK) {
        enum wr_ttl_verdict verdict = refreshes ? wr_ttl_judge(common, item) : WR_TTL_LIVE;
        *out_changes = *out_changes || verdict == WR_TTL_REFRESH || verdict == WR_TTL_GONE;
        if (verdict == WR_TTL_REFRESH) {
            stage(common, now, wr_state_block(common, item));
        } else if (verdict != WR_TTL_GONE) {
            stage(common, NULL, item);
        }
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status
wr_list_stage(struct wr_state_common *common, const weir_key *keys, size_t key_count,
              const weir_bytes **out_items, size_t *out_count)
{
    bool changes = false;
    stage_begin(common);
    for (size_t i = 0; i < key_count; i++) {
        WR_TRY(stage_list(common, &keys[i], false, &changes));
    }
    return stage_end(common, out_items, out_count);
}

/* --- replacing --- */

/* By removing and adding; the old items are added again if the new ones are refused. */
static weir_status
replace(struct wr_state_common *common, const weir_key *key, const weir_bytes *items, size_t count)
{
    const weir_backend_ops *ops = common->ops;
    struct wr_buffer bytes;
    struct wr_buffer kept;
    wr_buffer_init(&bytes, &common->backend->alloc);
    wr_buffer_init(&kept, &common->backend->alloc);
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes item;
    weir_status status;
    while ((status = ops->list_next(common->state, key, &cursor, &item)) == WEIR_OK) {
        weir_bytes entry = weir_bytes_of(NULL, item.size);
        wr_buffer_put(&bytes, item.data, item.size);
        wr_buffer_put(&kept, &entry, sizeof entry);
    }
    status = status == WEIR_NOT_FOUND ? WEIR_OK : status;
    if (status == WEIR_OK && (bytes.refused || kept.refused)) {
        status = WEIR_NOMEM;
    }
    if (status == WEIR_OK) {
        status = ops->remove(common->state, key);
    }
    if (status == WEIR_OK) {
        status = ops->list_add(common->state, key, items, count);
        weir_bytes *old = (weir_bytes *)(void *)kept.data;
        size_t old_count = kept.size / sizeof *old;
        for (size_t i = 0, at = 0; i < old_count; at += old[i++].size) {
            old[i].data = bytes.data + at;
        }
        if (status != WEIR_OK && old_count != 0) {
            (void)ops->list_add(common->state, key, old, old_count); /* the room it had is free */
        }
    }
    wr_buffer_fini(&bytes);
    wr_buffer_fini(&kept);
    return status;
}

weir_status
wr_list_put(struct wr_state_common *common, const weir_key *key, const weir_bytes *items,
            size_t count)
{
    if (count == 0) {
        return common->ops->remove(common->state, key);
    }
    return common->ops->list_put != NULL ? common->ops->list_put(common->state, key, items, count)
                                         : replace(common, key, items, count);
}

/* --- weir/state.h --- */

static weir_status
add(weir_state *state, const weir_bytes *elements, size_t count)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_LIST, &key));
    if (elements == NULL && count != 0) {
        return WEIR_INVALID;
    }
    struct wr_state_common *common = state->common;
    bool are_items = false;
    WR_TRY(check_elements(common, elements, count, &are_items));
    if (count == 0) {
        return WEIR_OK;
    }
    const weir_bytes *items = elements;
    if (!are_items) {
        WR_TRY(stage_elements(common, elements, count, &items));
    }
    wr_state_end_walk(common);
    return common->ops->list_add(state, key, items, count);
}

weir_status
weir_list_add(weir_state *state, weir_bytes element)
{
    return wr_state_leave(state, add(state, &element, 1));
}

weir_status
weir_list_add_all(weir_state *state, const weir_bytes *elements, size_t count)
{
    return wr_state_leave(state, add(state, elements, count));
}

static weir_status
update(weir_state *state, const weir_bytes *elements, size_t count)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_LIST, &key));
    if (elements == NULL && count != 0) {
        return WEIR_INVALID;
    }
    const weir_bytes *items = NULL;
    WR_TRY(stage_elements(state->common, elements, count, &items));
    wr_state_end_walk(state->common);
    return wr_list_put(state->common, key, items, count);
}

weir_status
weir_list_update(weir_state *state, const weir_bytes *elements, size_t count)
{
    return wr_state_leave(state, update(state, elements, count));
}

/* Before the first element: timestamps where reading writes them. */
static weir_status
begin_walk(struct wr_state_common *common, const weir_key *key)
{
    common->walk_met_expired = false;
    if (!common->is_refreshed || wr_state_is_walked(common)) {
        return WEIR_OK;
    }
    bool changes = false;
    const weir_bytes *items = NULL;
    size_t count = 0;
    stage_begin(common);
    WR_TRY(stage_list(common, key, true, &changes));
    WR_TRY(stage_end(common, &items, &count));
    return changes ? wr_list_put(common, key, items, count) : WEIR_OK;
}

/* Behind the last: a list of expired elements alone goes. */
static weir_status
end_walk(struct wr_state_common *common, const weir_key *key, const weir_cursor *walker)
{
    wr_state_mark_walk(common, walker, false);
    if (!common->walk_met_expired || wr_state_is_walked(common)) {
        return WEIR_NOT_FOUND;
    }
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes item;
    weir_status status;
    while ((status = common->ops->list_next(common->state, key, &cursor, &item)) == WEIR_OK) {
        enum wr_ttl_verdict verdict = wr_ttl_judge(common, item);
        if (verdict != WR_TTL_GONE && verdict != WR_TTL_LAST) {
            return WEIR_NOT_FOUND;
        }
    }
    if (status == WEIR_NOT_FOUND) {
        WR_TRY(common->ops->remove(common->state, key));
    }
    return status;
}

static weir_status
next(weir_state *state, weir_cursor *cursor, weir_bytes *out_element)
{
    const weir_key *key = NULL;
    if (state == NULL || cursor == NULL || out_element == NULL) {
        return WEIR_INVALID;
    }
    WR_TRY(wr_state_enter(state, WEIR_STATE_LIST, &key));
    if (is_at_begin(cursor)) {
        WR_TRY(begin_walk(state->common, key));
    }
    struct wr_state_common *common = state->common;
    weir_bytes item;
    weir_status status;
    while ((status = common->ops->list_next(state, key, cursor, &item)) == WEIR_OK) {
        if (wr_ttl_is_visible(common, item)) {
            common->walk_met_expired =
                common->walk_met_expired ||
                (common->has_ttl && wr_ttl_judge(common, item) == WR_TTL_LAST);
            wr_state_mark_walk(common, cursor, true);
            *out_element = wr_state_block(common, item);
            return WEIR_OK;
        }
        common->walk_met_expired = true;
    }
    return status == WEIR_NOT_FOUND ? end_walk(common, key, cursor) : status;
}

weir_status
weir_list_next(weir_state *state, weir_cursor *cursor, weir_bytes *out_element)
{
    return wr_state_lend(state, next(state, cursor, out_element), out_element);
}

weir_status
weir_list_clear(weir_state *state)
{
    return wr_state_clear(state, WEIR_STATE_LIST);
}

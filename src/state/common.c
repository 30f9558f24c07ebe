/* SPDX-License-Identifier: Apache-2.0 */
/* common: how a verb begins and ends.
 *
 *   enter   kind and key are checked; what was lent for change is written back; the namespace is
 *           put behind the key; then, where the state has ttl, the engine looks at a few entries
 *           for expired ones: before the access, so that nothing lent by it goes
 *   leave   the first failure stays with the state
 *
 * While a list or map is walked, nothing is removed behind the walk's back: neither by that look
 * nor by a read that meets an expired entry, nor by a second walk inside. A walk that is given up
 * ends with the turn: the next weir_backend_set_time, or another key.
 */
#include "state/common.h"

#include "base/fail.h"
#include "base/little.h"
#include "types/type.h"

bool
wr_state_is_walked(const struct wr_state_common *common)
{
    return common->walked_key != NULL && common->walked_key == common->state->current_key &&
           common->walked_turn == common->backend->turn;
}

bool
wr_state_is_walker(const struct wr_state_common *common, const weir_cursor *cursor)
{
    return !wr_state_is_walked(common) || common->walker == cursor;
}

void
wr_state_mark_walk(struct wr_state_common *common, const weir_cursor *cursor, bool goes_on)
{
    if (wr_state_is_walker(common, cursor)) {
        common->walked_key = goes_on ? common->state->current_key : NULL;
        common->walked_turn = common->backend->turn;
        common->walker = cursor;
    }
}

void
wr_state_end_walk(struct wr_state_common *common)
{
    common->walked_key = NULL;
}

static weir_status
write_back(struct wr_state_common *common)
{
    struct wr_write_back *pending = &common->pending;
    weir_key key = { .data = pending->key.data,
                     .size = (uint32_t)pending->key.size,
                     .key_group = pending->key_group,
                     .hash = pending->hash };
    WR_TRY(common->ops->map_put(common->state, &key,
                                weir_bytes_of(pending->map_key.data, pending->map_key.size),
                                weir_bytes_of(pending->item.data, pending->item.size)));
    pending->is_due = false; /* refused, it waits for the next call */
    return WEIR_OK;
}

weir_status
wr_state_flush(struct wr_state_common *common)
{
    wr_lent_enter(&common->loan);
    return common->pending.is_due ? wr_state_leave(common->state, write_back(common)) : WEIR_OK;
}

void
wr_backend_end_loans(struct wr_backend_common *backend)
{
    for (struct wr_state_common *common = backend->states; wr_lends_copies && common != NULL;
         common = common->next) {
        wr_lent_enter(&common->loan);
        wr_lent_leave(&common->loan);
    }
}

weir_status
wr_state_enter_slowly(weir_state *state, const weir_key **out_key)
{
    struct wr_state_common *common = state->common;
    WR_TRY(wr_state_flush(common));
    if (common->descriptor->namespace_type != NULL) {
        WR_TRY(wr_namespace_key(common, state->current_key, out_key));
    }
    if (common->cleanup_entries != 0 && !wr_state_is_walked(common)) {
        common->ops->expire(state, common->cleanup_entries);
    }
    return WEIR_OK;
}

static weir_status
clear(weir_state *state, weir_state_kind kind)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, kind, &key));
    wr_state_end_walk(state->common);
    return state->common->ops->remove(state, key);
}

weir_status
wr_state_clear(weir_state *state, weir_state_kind kind)
{
    return wr_state_leave(state, clear(state, kind));
}

weir_status
wr_state_item(struct wr_state_common *common, weir_bytes block, weir_bytes *out_item)
{
    if (!common->has_ttl) {
        *out_item = block;
        return WEIR_OK;
    }
    wr_buffer_clear(&common->item);
    uint8_t *item = wr_buffer_extend(&common->item, WR_ITEM_HEAD + block.size);
    if (item == NULL) {
        return WEIR_NOMEM;
    }
    wr_put_u64(item, (uint64_t)common->state->backend->now_ms);
    memcpy(item + WR_ITEM_HEAD, block.data, block.size);
    *out_item = weir_bytes_of(item, WR_ITEM_HEAD + block.size);
    return WEIR_OK;
}

weir_status
wr_scratch_put(struct wr_buffer *buffer, const void *data, size_t size)
{
    wr_buffer_clear(buffer);
    wr_buffer_put(buffer, data, size);
    return wr_buffer_status(buffer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* single: one block a key.
 *
 *   read            live            lent by the engine
 *                   to be refreshed fixed size: in place; else put anew and found again
 *                   expired         removed; lent from a copy if expired ones may be seen once more
 *   write in place  expired         begins anew with the defaults, unless expired ones may be seen
 */
#include "state/single.h"

#include "base/fail.h"
#include "base/little.h"
#include "state/ttl.h"

/* Writes the timestamp of an item that stays. */
static weir_status
refresh(struct wr_state_common *common, const weir_key *key, weir_bytes *item)
{
    const weir_backend_ops *ops = common->ops;
    uint64_t now_ms = (uint64_t)common->state->backend->now_ms;
    if (common->is_fixed) {
        void *place = NULL;
        bool created = false;
        WR_TRY(ops->upsert(common->state, key, &place, &created));
        wr_put_u64(place, now_ms);
        item->data = place;
        return WEIR_OK;
    }
    WR_TRY(wr_scratch_put(&common->item, item->data, item->size));
    wr_put_u64(common->item.data, now_ms);
    WR_TRY(ops->put(common->state, key, weir_bytes_of(common->item.data, common->item.size)));
    return ops->find(common->state, key, item);
}

static weir_status
find_timed(struct wr_state_common *common, const weir_key *key, weir_bytes *out_block)
{
    weir_bytes item;
    WR_TRY(common->find(common->state, key, &item));
    switch (wr_ttl_judge(common, item)) {
    case WR_TTL_REFRESH:
        WR_TRY(refresh(common, key, &item));
        break;
    case WR_TTL_LAST:
        WR_TRY(wr_scratch_put(&common->lent, item.data, item.size));
        WR_TRY(common->ops->remove(common->state, key));
        item = weir_bytes_of(common->lent.data, common->lent.size);
        break;
    case WR_TTL_GONE:
        WR_TRY(common->ops->remove(common->state, key));
        return WEIR_NOT_FOUND;
    case WR_TTL_LIVE:
    default:
        break;
    }
    *out_block = wr_state_block(common, item);
    return WEIR_OK;
}

weir_status
wr_single_find(struct wr_state_common *common, const weir_key *key, weir_bytes *out_block)
{
    return common->has_ttl ? find_timed(common, key, out_block)
                           : common->find(common->state, key, out_block);
}

weir_status
wr_single_upsert(struct wr_state_common *common, const weir_key *key, void **out_block,
                 bool *out_created)
{
    void *place = NULL;
    WR_TRY(common->upsert(common->state, key, &place, out_created));
    if (!common->has_ttl) {
        *out_block = place;
        return WEIR_OK;
    }
    uint8_t *item = place;
    weir_bytes bytes = weir_bytes_of(item, WR_ITEM_HEAD + common->fixed_size);
    if (!*out_created && !wr_ttl_is_visible(common, bytes)) {
        memcpy(item + WR_ITEM_HEAD, common->defaults, common->fixed_size);
        *out_created = true;
    }
    wr_put_u64(item, (uint64_t)common->state->backend->now_ms);
    *out_block = item + WR_ITEM_HEAD;
    return WEIR_OK;
}

weir_status
wr_single_put(struct wr_state_common *common, const weir_key *key, weir_bytes block)
{
    weir_bytes item;
    WR_TRY(wr_state_item(common, block, &item));
    return common->ops->put(common->state, key, item);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ttl: what expires, by processing time.
 *
 *   item   | i64 written at, ms | block |          written + ttl <= now: expired
 *
 * Of a map's null value the block is zeros and bit 62 of the timestamp is set (2^62 ms are 146
 * million years), so that nulls expire like all others and engines need to know nothing of it.
 * Such timestamps are not below 0.
 */
#include "state/ttl.h"

#include "base/little.h"
#include "types/type.h"

static const uint64_t null_mark = 1ULL << 62;

size_t
weir_state_item_size(const weir_state_descriptor *descriptor)
{
    if (descriptor->kind == WEIR_STATE_TIMERS || !weir_type_is_fixed(descriptor->type)) {
        return 0;
    }
    return weir_type_fixed_size(descriptor->type) + (descriptor->has_timestamps ? WR_ITEM_HEAD : 0);
}

bool
wr_ttl_is_null(weir_bytes item)
{
    if (item.size < WR_ITEM_HEAD) {
        return item.data == NULL;
    }
    uint64_t stamp = wr_get_u64(item.data);
    return (int64_t)stamp >= 0 && (stamp & null_mark) != 0;
}

void
wr_ttl_put_null(void *item, int64_t now_ms)
{
    wr_put_u64(item, (now_ms > 0 ? (uint64_t)now_ms : 0) | null_mark);
}

static bool
is_expired(uint64_t ttl_ms, weir_bytes item, int64_t now_ms)
{
    if (item.size < WR_ITEM_HEAD) {
        return false;
    }
    uint64_t stamp = wr_get_u64(item.data);
    int64_t written_ms = (int64_t)(wr_ttl_is_null(item) ? stamp & ~null_mark : stamp);
    int64_t ends_ms = 0;
    if (ttl_ms > INT64_MAX || __builtin_add_overflow(written_ms, (int64_t)ttl_ms, &ends_ms)) {
        ends_ms = INT64_MAX;
    }
    return ends_ms <= now_ms;
}

bool
weir_state_item_expired(const weir_ttl *ttl, weir_bytes item, int64_t now_ms)
{
    return ttl != NULL && is_expired(ttl->ttl_ms, item, now_ms);
}

enum wr_ttl_verdict
wr_ttl_judge(const struct wr_state_common *common, weir_bytes item)
{
    int64_t now_ms = common->state->backend->now_ms;
    if (is_expired(common->ttl.ttl_ms, item, now_ms)) {
        return common->is_hidden ? WR_TTL_GONE : WR_TTL_LAST;
    }
    if (!common->is_refreshed || item.size < WR_ITEM_HEAD) {
        return WR_TTL_LIVE;
    }
    uint64_t stamp = wr_get_u64(item.data);
    int64_t written_ms = (int64_t)(wr_ttl_is_null(item) ? stamp & ~null_mark : stamp);
    return written_ms == now_ms ? WR_TTL_LIVE : WR_TTL_REFRESH;
}

bool
wr_ttl_is_visible(const struct wr_state_common *common, weir_bytes item)
{
    return !common->has_ttl || !common->is_hidden ||
           !is_expired(common->ttl.ttl_ms, item, common->state->backend->now_ms);
}

void
wr_ttl_records(weir_backend *backend, size_t count)
{
    for (struct wr_state_common *common = backend->common->states; common != NULL;
         common = common->next) {
        if (common->cleanup_entries != 0 && common->ttl.cleanup_for_every_record) {
            common->ops->expire(common->state, common->cleanup_entries * count);
        }
    }
}

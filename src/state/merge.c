/* SPDX-License-Identifier: Apache-2.0 */
/* merge: what stands under some namespaces of the bound key moves into another one.
 *
 *   1. read    the sources in their order, each once; then the target is put in front, unless it is
 *              a source itself. A list's items go with their timestamps; others are folded, which
 *              counts as a write; a single one moves as it is.
 *   2. write   the target: until here nothing has changed, and this changes all or nothing
 *   3. remove  the sources
 *
 * Sources with nothing in them do not matter. Expired accumulators that nobody is to see count as
 * nothing.
 */
#include "base/fail.h"
#include "base/memory.h"
#include "state/fold.h"
#include "state/list.h"
#include "state/ttl.h"
#include "weir/state.h"

/* The keys that take part, without repetition. */
struct merge {
    struct wr_state_common *common;
    struct wr_buffer bytes; /* of all keys, one behind the other */
    size_t count;           /* of sources */
    weir_key *keys;         /* sources, then the target */
    bool target_is_source;
    struct wr_buffer folded; /* an item: of one source alone, as it was */
    bool has_folded;
};

static bool
is_same(const weir_key *one, const weir_key *other)
{
    return one->size == other->size && memcmp(one->data, other->data, one->size) == 0;
}

/* Takes a key in unless it is there. Offsets stand for pointers until all are there. */
static weir_status
take_key(struct merge *merge, const weir_key *key, weir_bytes namespace_, weir_key *out_key)
{
    struct wr_state_common *common = merge->common;
    WR_TRY(wr_namespace_compose(common, key, namespace_, &common->item, out_key));
    size_t at = weir_round8(merge->bytes.size);
    uint8_t *room = wr_buffer_extend(&merge->bytes, at - merge->bytes.size + out_key->size);
    if (room == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(merge->bytes.data + at, out_key->data, out_key->size);
    return WEIR_OK;
}

static weir_status
take_keys(struct merge *merge, const weir_key *key, weir_bytes target, const weir_bytes *sources,
          size_t source_count)
{
    for (size_t i = 0; i <= source_count; i++) {
        WR_TRY(take_key(merge, key, i < source_count ? sources[i] : target, &merge->keys[i]));
    }
    size_t at = 0;
    for (size_t i = 0; i <= source_count; i++) {
        at = weir_round8(at);
        merge->keys[i].data = merge->bytes.data + at;
        at += merge->keys[i].size;
    }
    weir_key target_key = merge->keys[source_count];
    for (size_t i = 0; i < source_count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < merge->count && !is_known; j++) {
            is_known = is_same(&merge->keys[i], &merge->keys[j]);
        }
        if (!is_known) {
            merge->keys[merge->count++] = merge->keys[i];
            merge->target_is_source =
                merge->target_is_source || is_same(&merge->keys[i], &target_key);
        }
    }
    merge->keys[merge->count] = target_key;
    return WEIR_OK;
}

/* Folds the block under this key behind what is folded, or in front of it. */
static weir_status
fold_key(struct merge *merge, const weir_key *key, bool in_front)
{
    struct wr_state_common *common = merge->common;
    weir_bytes item;
    weir_status status = common->find(common->state, key, &item);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && !wr_ttl_is_visible(common, item))) {
        return WEIR_OK;
    }
    WR_TRY(status);
    if (merge->has_folded) {
        weir_bytes block = wr_state_block(common, item);
        weir_bytes folded =
            wr_state_block(common, weir_bytes_of(merge->folded.data, merge->folded.size));
        WR_TRY(wr_fold_merge(common, in_front ? block : folded, in_front ? folded : block, &block));
        WR_TRY(wr_state_item(common, block, &item));
    }
    merge->has_folded = true;
    return wr_scratch_put(&merge->folded, item.data, item.size);
}

static weir_status
merge_blocks(struct merge *merge)
{
    const weir_key *target = &merge->keys[merge->count];
    for (size_t i = 0; i < merge->count; i++) {
        WR_TRY(fold_key(merge, &merge->keys[i], false));
    }
    if (!merge->has_folded) {
        return WEIR_OK;
    }
    if (!merge->target_is_source) {
        WR_TRY(fold_key(merge, target, true));
    }
    return merge->common->ops->put(merge->common->state, target,
                                   weir_bytes_of(merge->folded.data, merge->folded.size));
}

static weir_status
merge_lists(struct merge *merge)
{
    struct wr_state_common *common = merge->common;
    const weir_key *target = &merge->keys[merge->count];
    const weir_bytes *items = NULL;
    size_t item_count = 0;
    WR_TRY(wr_list_stage(common, merge->keys, merge->count, &items, &item_count));
    if (item_count == 0) {
        return WEIR_OK;
    }
    return merge->target_is_source
               ? wr_list_put(common, target, items, item_count)
               : common->ops->list_add(common->state, target, items, item_count);
}

static weir_status
run(struct merge *merge)
{
    struct wr_state_common *common = merge->common;
    WR_TRY(common->descriptor->kind == WEIR_STATE_LIST ? merge_lists(merge) : merge_blocks(merge));
    const weir_key *target = &merge->keys[merge->count];
    for (size_t i = 0; i < merge->count; i++) {
        if (!is_same(&merge->keys[i], target)) {
            WR_TRY(common->ops->remove(common->state, &merge->keys[i]));
        }
    }
    return WEIR_OK;
}

static weir_status
merge_namespaces(weir_state *state, weir_bytes target, const weir_bytes *sources,
                 size_t source_count)
{
    if (state == NULL || state->current_key == NULL || (sources == NULL && source_count != 0) ||
        state->common->descriptor->namespace_type == NULL) {
        return WEIR_INVALID;
    }
    struct wr_state_common *common = state->common;
    weir_state_kind kind = common->descriptor->kind;
    if (kind != WEIR_STATE_LIST && kind != WEIR_STATE_REDUCING && kind != WEIR_STATE_AGGREGATING) {
        return WEIR_INVALID;
    }
    wr_lent_enter(&common->loan);
    state->accesses++;
    wr_state_end_walk(common);
    const weir_alloc *alloc = &common->backend->alloc;
    struct merge merge = { .common = common };
    merge.keys = wr_memory_new(alloc, (source_count + 1) * sizeof *merge.keys);
    if (merge.keys == NULL) {
        return WEIR_NOMEM;
    }
    wr_buffer_init(&merge.bytes, alloc);
    wr_buffer_init(&merge.folded, alloc);
    weir_status status = take_keys(&merge, state->current_key, target, sources, source_count);
    if (status == WEIR_OK) {
        status = run(&merge);
    }
    wr_buffer_fini(&merge.bytes);
    wr_buffer_fini(&merge.folded);
    wr_memory_free(alloc, merge.keys, (source_count + 1) * sizeof *merge.keys);
    return status;
}

weir_status
weir_state_merge_namespaces(weir_state *state, weir_bytes target, const weir_bytes *sources,
                            size_t source_count)
{
    return wr_state_leave(state, merge_namespaces(state, target, sources, source_count));
}

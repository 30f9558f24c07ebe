/* SPDX-License-Identifier: Apache-2.0 */
/* list: chains of chunks with the tail in the slot; see the picture in list.h.
 *
 * Adding works on a copy of the slot's value. What fits goes behind the end of the last chunk,
 * where nobody looks; the rest goes into chunks that nobody knows. Only when all of it stands is
 * the slot written and the chain joined, which cannot fail: all or nothing. What is added may be
 * lent from this very list, since no chunk ever moves.
 */
#include "state/heap/list.h"

#include "base/check.h"
#include "base/fail.h"
#include "state/heap/drop.h"
#include "state/heap/entry.h"
#include "state/heap/list_chunk.h"

enum {
    EXPIRED_WHOLE_MOST = 32 << 10, /* a larger list is looked at from its front, in steps */
    EXPIRED_CHUNKS_A_STEP = 4
};

static size_t
element_bytes(const struct wr_layout *layout, size_t item_size)
{
    if (layout->item_size != 0) {
        return weir_round8(layout->item_size);
    }
    return WR_LIST_ELEMENT_HEAD + weir_round8(item_size);
}

static inline void
write_element(const struct wr_layout *layout, uint8_t *at, weir_bytes item)
{
    if (__builtin_expect(layout->item_size == 8, 1)) {
        wr_put_u64(at, wr_get_u64(item.data));
        return;
    }
    if (layout->item_size == 0) {
        wr_put_u32(at, (uint32_t)item.size);
        wr_put_u32(at + 4, 0);
        at += WR_LIST_ELEMENT_HEAD;
    } else {
        item.size = layout->item_size;
    }
    memcpy(at, item.data, item.size);
    if (item.size % 8 != 0) {
        memset(at + item.size, 0, weir_round8(item.size) - item.size);
    }
}

/* What is being added. */
struct growth {
    struct wr_heap_state *state;
    struct wr_list list;         /* as it will be */
    struct wr_list_chunk *added; /* the first new chunk; NULL: none yet */
    uint32_t closed_used;        /* of the chunk that was the last before it */
};

static struct wr_list_chunk *
chunk_new(struct growth *growth, size_t element_size)
{
    unsigned class = 0;
    if (growth->list.last != 0) {
        class = (unsigned)(growth->list.last & 7);
        class = class < WR_LIST_CLASS_MOST ? class + 1 : WR_LIST_CLASS_MOST;
    }
    while (class <= WR_LIST_CLASS_MOST &&
           ((size_t)WR_LIST_CHUNK_LEAST << class) - WR_LIST_CHUNK_OVERHEAD < element_size) {
        class ++;
    }
    size_t room = class == WR_LIST_CLASS_OWN
                      ? element_size
                      : ((size_t)WR_LIST_CHUNK_LEAST << class) - WR_LIST_CHUNK_OVERHEAD;
    struct wr_list_chunk *chunk = wr_slab_new(
        &growth->state->heap->slab, sizeof(struct wr_list_chunk) + room, growth->state->slab_bytes);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct wr_list_chunk){ .room = (uint32_t)room };
    if (growth->added != NULL) { /* the last one is new as well: nobody else knows it */
        wr_list_last(&growth->list)->next = chunk;
        wr_list_last(&growth->list)->used = growth->list.last_used;
    } else {
        growth->added = chunk;
        growth->closed_used = growth->list.last_used;
    }
    if (growth->list.first == NULL) {
        growth->list.first = chunk;
    }
    growth->list.last = (uint64_t)(uintptr_t)chunk | class;
    growth->list.last_used = 0;
    return chunk;
}

static bool
add_one(struct growth *growth, weir_bytes item)
{
    size_t size = element_bytes(&growth->state->layout, item.size);
    struct wr_list_chunk *chunk = wr_list_last(&growth->list);
    if (chunk == NULL || growth->list.last_used + size > wr_list_last_room(&growth->list)) {
        chunk = chunk_new(growth, size);
        if (chunk == NULL) {
            return false;
        }
    }
    write_element(&growth->state->layout, chunk->bytes + growth->list.last_used, item);
    growth->list.last_used += (uint32_t)size;
    size_t item_size =
        growth->state->layout.item_size != 0 ? growth->state->layout.item_size : item.size;
    growth->list.record_bytes += (uint32_t)(4 + item_size);
    return true;
}

static void
growth_undo(struct growth *growth)
{
    struct wr_list_chunk *chunk = growth->added;
    while (chunk != NULL) {
        bool is_last = chunk == wr_list_last(&growth->list);
        struct wr_list_chunk *next = is_last ? NULL : chunk->next;
        wr_slab_free(&growth->state->heap->slab, chunk);
        chunk = next;
    }
}

/* Whether the items are sound, and fit into one record with what is there. */
static weir_status
check_items(const struct wr_layout *layout, const weir_bytes *items, size_t count, uint64_t there)
{
    uint64_t total = there;
    size_t most = WEIR_VALUE_SIZE_MAX + (layout->has_timestamps ? 8u : 0u);
    for (size_t i = 0; i < count; i++) {
        size_t size = items[i].size;
        if (layout->item_size != 0) {
            if (size != layout->item_size && size != weir_round8(layout->item_size)) {
                return WEIR_INVALID;
            }
            size = layout->item_size;
        } else if (size > most) {
            return WEIR_LIMIT;
        }
        total += 4 + size;
        if (total > WR_RECORD_MOST) {
            return WEIR_LIMIT;
        }
    }
    return WEIR_OK;
}

static weir_status
add_all(struct growth *growth, const weir_bytes *items, size_t count)
{
    WR_TRY(check_items(&growth->state->layout, items, count, growth->list.record_bytes));
    for (size_t i = 0; i < count; i++) {
        if (!add_one(growth, items[i])) {
            growth_undo(growth);
            return WEIR_NOMEM;
        }
    }
    return WEIR_OK;
}

static weir_status
add_to_new(struct growth *growth, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_heap_state *state = growth->state;
    struct wr_probe probe;
    uint32_t group = wr_entry_group(state, key);
    wr_probe_init(&probe, &state->layout, key);
    WR_TRY(wr_entry_make_room(state, key, 1, &group));
    WR_TRY(add_all(growth, items, count));
    struct wr_place place;
    weir_bytes value = weir_bytes_of(&growth->list, sizeof growth->list);
    weir_status status = wr_entry_new_slot(state, &probe, group, value, &place);
    if (status != WEIR_OK) {
        growth_undo(growth);
    }
    return status;
}

/* Adds one element of a fixed size behind the last, where the last chunk has room. */
static inline bool
add_in_place(struct wr_heap_state *state, const struct wr_place *place, weir_bytes item)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_list *list = (struct wr_list *)(void *)wr_entry_at(state, place);
    uint32_t size = layout->item_size;
    uint32_t room = (uint32_t)weir_round8(size);
    if (size == 0 || (item.size != size && item.size != room) ||
        list->last_used + room > wr_list_last_room(list) ||
        list->record_bytes + (uint64_t)4 + size > WR_RECORD_MOST) {
        return false;
    }
    wr_entry_touch(state, place);
    write_element(layout, wr_list_last(list)->bytes + list->last_used, item);
    list->last_used += room;
    list->record_bytes += 4 + size;
    return true;
}

weir_status
wr_heap_list_add(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(wr_entry_check(state, key));
    if (state->layout.value_form != WR_VALUE_LIST) {
        return WEIR_INVALID;
    }
    if (count == 0) {
        return WEIR_OK;
    }
    state->is_list_read = false;
    struct growth growth = { .state = state };
    uint32_t group = wr_entry_group(state, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    wr_entry_free_some(state->heap);
    if (!wr_table_look(state, group, &probe, &place)) {
        return add_to_new(&growth, key, items, count);
    }
    if (count == 1 && add_in_place(state, &place, *items)) {
        return WEIR_OK;
    }
    uint8_t *at = wr_entry_at(state, &place);
    memcpy(&growth.list, at, sizeof growth.list);
    const struct wr_list before = growth.list;
    WR_TRY(add_all(&growth, items, count));
    if (growth.added != NULL) {
        wr_list_last(&before)->next = growth.added;
        wr_list_last(&before)->used = growth.closed_used;
    }
    wr_entry_touch(state, &place);
    memcpy(at, &growth.list, sizeof growth.list);
    return WEIR_OK;
}

/* Puts what has grown in the place of the list in a live slot. */
static void
replace(struct wr_heap_state *state, const struct wr_place *place, const struct growth *growth)
{
    uint8_t *value = wr_entry_at(state, place);
    wr_entry_touch(state, place); /* the old list goes into the copy */
    wr_list_drop(state, value);
    memcpy(value, &growth->list, sizeof growth->list);
}

/* Bytes of a chunk's elements in a record, if all of them have expired; 0: one lives. */
static uint32_t
expired_chunk(const struct wr_heap_state *state, const struct wr_list_chunk *chunk,
              size_t *io_looked)
{
    const int64_t now_ms = state->heap->base.now_ms;
    uint32_t record_bytes = 0;
    for (uint64_t offset = 0; offset < chunk->used;) {
        weir_bytes item;
        offset = wr_list_element(&state->layout, chunk, offset, &item);
        ++*io_looked;
        if (!weir_state_item_expired(&state->ttl, item, now_ms)) {
            return 0;
        }
        record_bytes += (uint32_t)(4 + item.size);
    }
    return record_bytes;
}

/* Of a large list: drops a few of its first chunks, those in which nothing lives. What has expired
 * behind one that lives stays until that expires too. */
static enum wr_expired
expire_front(struct wr_heap_state *state, const struct wr_place *place, size_t *io_looked)
{
    struct wr_list *list = (struct wr_list *)(void *)wr_entry_at(state, place);
    for (int chunks = 0; chunks < EXPIRED_CHUNKS_A_STEP && list->first != wr_list_last(list);
         chunks++) {
        struct wr_list_chunk *chunk = list->first;
        uint32_t record_bytes = expired_chunk(state, chunk, io_looked);
        if (record_bytes == 0) {
            return WR_EXPIRED_DONE;
        }
        wr_entry_touch(state, place);
        list->first = chunk->next;
        list->record_bytes -= record_bytes;
        wr_cow_drop_block(state->heap, chunk, 0);
    }
    return WR_EXPIRED_MORE;
}

enum wr_expired
wr_list_expire(struct wr_heap_state *state, const struct wr_place *place, size_t *out_looked)
{
    const struct wr_layout *layout = &state->layout;
    const int64_t now_ms = state->heap->base.now_ms;
    uint8_t *value = wr_entry_at(state, place);
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    size_t expired = 0;
    *out_looked = 0;
    const struct wr_list *list = (const struct wr_list *)(void *)value;
    if (list->record_bytes > EXPIRED_WHOLE_MOST && list->first != wr_list_last(list)) {
        return expire_front(state, place, out_looked);
    }
    while (wr_list_walk(layout, value, &cursor, &item)) {
        expired += weir_state_item_expired(&state->ttl, item, now_ms);
        ++*out_looked;
    }
    if (expired == 0) {
        return WR_EXPIRED_DONE;
    }
    if (expired == *out_looked) {
        wr_list_drop(state, value);
        return WR_EXPIRED_ALL;
    }
    struct growth growth = { .state = state };
    cursor = (weir_cursor){ { 0 } };
    while (wr_list_walk(layout, value, &cursor, &item)) {
        if (!weir_state_item_expired(&state->ttl, item, now_ms) && !add_one(&growth, item)) {
            growth_undo(&growth);
            return WR_EXPIRED_DONE;
        }
    }
    replace(state, place, &growth);
    return WR_EXPIRED_DONE;
}

weir_status
wr_heap_list_put(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(wr_entry_check(state, key));
    if (state->layout.value_form != WR_VALUE_LIST || count == 0) {
        return WEIR_INVALID;
    }
    struct growth growth = { .state = state };
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    wr_entry_free_some(state->heap);
    if (!wr_table_look(state, wr_entry_group(state, key), &probe, &place)) {
        return add_to_new(&growth, key, items, count);
    }
    WR_TRY(add_all(&growth, items, count)); /* they may be lent from the list that goes */
    replace(state, &place, &growth);
    return WEIR_OK;
}

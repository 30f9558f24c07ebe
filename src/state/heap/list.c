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

enum {
    CHUNK_LEAST = 64,     /* with the slab's head */
    CHUNK_CLASS_MOST = 6, /* 4 KiB */
    CHUNK_CLASS_OWN = 7,  /* made for one large element */
    CHUNK_OVERHEAD = 24,  /* the slab's head and the chunk's */
    ELEMENT_HEAD = 8      /* of one of its own size */
};

struct wr_list_chunk {
    struct wr_list_chunk *next; /* of the last one: nothing */
    uint32_t used;              /* of the last one: nothing */
    uint32_t room;
    uint8_t bytes[];
};

static struct wr_list_chunk *
last_chunk(const struct wr_list *list)
{
    return (struct wr_list_chunk *)(uintptr_t)(list->last & ~(uint64_t)7);
}

/* Room of the last chunk; of all but its own sizes without reading it. */
static size_t
last_room(const struct wr_list *list)
{
    unsigned class = (unsigned)(list->last & 7);
    if (class == CHUNK_CLASS_OWN) {
        return last_chunk(list)->room;
    }
    return ((size_t)CHUNK_LEAST << class) - CHUNK_OVERHEAD;
}

static size_t
element_bytes(const struct wr_layout *layout, size_t item_size)
{
    if (layout->item_size != 0) {
        return weir_round8(layout->item_size);
    }
    return ELEMENT_HEAD + weir_round8(item_size);
}

/* Gives an element and where the next one stands. */
static inline uint64_t
read_element(const struct wr_layout *layout, const struct wr_list_chunk *chunk, uint64_t offset,
             weir_bytes *out_item)
{
    const uint8_t *at = chunk->bytes + offset;
    if (layout->item_size != 0) {
        *out_item = weir_bytes_of(at, layout->item_size);
        return offset + weir_round8(layout->item_size);
    }
    uint32_t size = wr_get_u32(at);
    *out_item = weir_bytes_of(at + ELEMENT_HEAD, size);
    return offset + ELEMENT_HEAD + weir_round8(size);
}

static void
write_element(const struct wr_layout *layout, uint8_t *at, weir_bytes item)
{
    if (layout->item_size == 0) {
        wr_put_u32(at, (uint32_t)item.size);
        wr_put_u32(at + 4, 0);
        at += ELEMENT_HEAD;
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
    struct wr_heap *heap;
    const struct wr_layout *layout;
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
        class = class < CHUNK_CLASS_MOST ? class + 1 : CHUNK_CLASS_MOST;
    }
    while (class <= CHUNK_CLASS_MOST &&
           ((size_t)CHUNK_LEAST << class) - CHUNK_OVERHEAD < element_size) {
        class ++;
    }
    size_t room =
        class == CHUNK_CLASS_OWN ? element_size : ((size_t)CHUNK_LEAST << class) - CHUNK_OVERHEAD;
    struct wr_list_chunk *chunk =
        wr_slab_new(&growth->heap->slab, sizeof(struct wr_list_chunk) + room);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct wr_list_chunk){ .room = (uint32_t)room };
    if (growth->added != NULL) { /* the last one is new as well: nobody else knows it */
        last_chunk(&growth->list)->next = chunk;
        last_chunk(&growth->list)->used = growth->list.last_used;
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
    size_t size = element_bytes(growth->layout, item.size);
    struct wr_list_chunk *chunk = last_chunk(&growth->list);
    if (chunk == NULL || growth->list.last_used + size > last_room(&growth->list)) {
        chunk = chunk_new(growth, size);
        if (chunk == NULL) {
            return false;
        }
    }
    write_element(growth->layout, chunk->bytes + growth->list.last_used, item);
    growth->list.last_used += (uint32_t)size;
    size_t item_size = growth->layout->item_size != 0 ? growth->layout->item_size : item.size;
    growth->list.record_bytes += (uint32_t)(4 + item_size);
    return true;
}

static void
growth_undo(struct growth *growth)
{
    struct wr_list_chunk *chunk = growth->added;
    while (chunk != NULL) {
        bool is_last = chunk == last_chunk(&growth->list);
        struct wr_list_chunk *next = is_last ? NULL : chunk->next;
        wr_slab_free(&growth->heap->slab, chunk);
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
    WR_TRY(check_items(growth->layout, items, count, growth->list.record_bytes));
    for (size_t i = 0; i < count; i++) {
        if (!add_one(growth, items[i])) {
            growth_undo(growth);
            return WEIR_NOMEM;
        }
    }
    return WEIR_OK;
}

static weir_status
add_to_new(struct growth *growth, struct wr_heap_state *state, const weir_key *key,
           const weir_bytes *items, size_t count)
{
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
    struct growth growth = { .heap = state->heap, .layout = &state->layout };
    uint32_t group = wr_entry_group(state, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    wr_entry_free_some(state->heap);
    if (!wr_table_find(state, group, &probe, &place)) {
        return add_to_new(&growth, state, key, items, count);
    }
    uint8_t *at = wr_entry_at(state, &place);
    memcpy(&growth.list, at, sizeof growth.list);
    const struct wr_list before = growth.list;
    WR_TRY(add_all(&growth, items, count));
    if (growth.added != NULL) {
        last_chunk(&before)->next = growth.added;
        last_chunk(&before)->used = growth.closed_used;
    }
    wr_entry_touch(state, &place);
    memcpy(at, &growth.list, sizeof growth.list);
    return WEIR_OK;
}

uint32_t
wr_list_record_bytes(const uint8_t *value)
{
    struct wr_list list;
    memcpy(&list, value, sizeof list);
    return list.record_bytes;
}

/* chunk and offset: word 0 and 1 of the cursor. */
static inline __attribute__((always_inline)) bool
walk(const struct wr_layout *layout, const struct wr_list_chunk *last, uint64_t last_used,
     weir_cursor *cursor, weir_bytes *out_item)
{
    const struct wr_list_chunk *chunk = (const void *)(uintptr_t)cursor->word[0];
    uint64_t offset = cursor->word[1];
    while (offset >= (chunk == last ? last_used : chunk->used)) {
        if (chunk == last) {
            return false;
        }
        chunk = chunk->next;
        offset = 0;
        cursor->word[0] = (uint64_t)(uintptr_t)chunk;
    }
    cursor->word[1] = read_element(layout, chunk, offset, out_item);
    return true;
}

bool
wr_list_walk(const struct wr_layout *layout, const uint8_t *value, weir_cursor *cursor,
             weir_bytes *out_item)
{
    struct wr_list list;
    memcpy(&list, value, sizeof list);
    if (cursor->word[0] == 0) {
        cursor->word[0] = (uint64_t)(uintptr_t)list.first;
    }
    return walk(layout, last_chunk(&list), list.last_used, cursor, out_item);
}

/* The cursor keeps the list's end too, so that an element costs no look into the table: word 2 the
 * last chunk, word 3 what is used of it. */
weir_status
wr_heap_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor, weir_bytes *out_item)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    if (cursor->word[0] == 0) {
        WR_TRY(wr_entry_check(state, key));
        struct wr_probe probe;
        struct wr_place place;
        wr_probe_init(&probe, &state->layout, key);
        if (state->layout.value_form != WR_VALUE_LIST) {
            return WEIR_INVALID;
        }
        if (!wr_table_find(state, wr_entry_group(state, key), &probe, &place)) {
            return WEIR_NOT_FOUND;
        }
        struct wr_list list;
        memcpy(&list, wr_entry_at(state, &place), sizeof list);
        *cursor = (weir_cursor){ { (uint64_t)(uintptr_t)list.first, 0,
                                   (uint64_t)(uintptr_t)last_chunk(&list), list.last_used } };
    }
    const struct wr_list_chunk *last = (const void *)(uintptr_t)cursor->word[2];
    bool is_there = walk(&state->layout, last, cursor->word[3], cursor, out_item);
    return is_there ? WEIR_OK : WEIR_NOT_FOUND;
}

bool
wr_list_drop_some(struct wr_heap *heap, uint8_t *value, size_t *io_left)
{
    struct wr_list list;
    memcpy(&list, value, sizeof list);
    struct wr_list_chunk *last = last_chunk(&list);
    for (; *io_left > 0; --*io_left) {
        struct wr_list_chunk *chunk = list.first;
        if (chunk == last) {
            wr_cow_drop_block(heap, chunk, 0);
            --*io_left;
            return true;
        }
        list.first = chunk->next;
        wr_cow_drop_block(heap, chunk, 0);
    }
    memcpy(value, &list, sizeof list);
    return false;
}

void
wr_list_drop(struct wr_heap_state *state, const uint8_t *value)
{
    struct wr_list list;
    memcpy(&list, value, sizeof list);
    size_t all = SIZE_MAX;
    if (list.first == last_chunk(&list) || !wr_drop_later(state->heap, &state->layout, value)) {
        bool is_done = wr_list_drop_some(state->heap, (uint8_t *)&list, &all);
        wr_assert(is_done);
    }
}

bool
wr_list_expire(struct wr_heap_state *state, const struct wr_place *place, size_t *out_looked)
{
    const struct wr_layout *layout = &state->layout;
    const int64_t now_ms = state->heap->base.now_ms;
    uint8_t *value = wr_entry_at(state, place);
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    size_t expired = 0;
    *out_looked = 0;
    while (wr_list_walk(layout, value, &cursor, &item)) {
        expired += weir_state_item_expired(&state->ttl, item, now_ms);
        ++*out_looked;
    }
    if (expired == 0) {
        return false;
    }
    if (expired == *out_looked) {
        wr_list_drop(state, value);
        return true;
    }
    struct growth growth = { .heap = state->heap, .layout = layout };
    cursor = (weir_cursor){ { 0 } };
    while (wr_list_walk(layout, value, &cursor, &item)) {
        if (!weir_state_item_expired(&state->ttl, item, now_ms) && !add_one(&growth, item)) {
            growth_undo(&growth);
            return false;
        }
    }
    wr_list_drop(state, value);
    wr_entry_touch(state, place);
    memcpy(value, &growth.list, sizeof growth.list);
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* list_walk: over the elements of a list: of a live one call by call, of a snapshot's copy of a
 * slot; and what is asked for ahead, or dropped, on the same way from chunk to chunk.
 */
#include "base/check.h"
#include "base/fail.h"
#include "state/heap/drop.h"
#include "state/heap/entry.h"
#include "state/heap/list_chunk.h"

void
wr_list_prefetch(const struct wr_heap_state *state, const uint8_t *value)
{
    struct wr_list list;
    memcpy(&list, value, sizeof list);
    const struct wr_list_chunk *last = wr_list_last(&list);
    if (!state->is_list_read) {
        unsigned class = (unsigned)(list.last & 7);
        bool is_full = class <= WR_LIST_CLASS_MOST &&
                       list.last_used + WR_LIST_ELEMENT_HEAD >
                           ((size_t)WR_LIST_CHUNK_LEAST << class) - WR_LIST_CHUNK_OVERHEAD;
        const uint8_t *end = last->bytes + list.last_used;
        __builtin_prefetch(is_full ? (const uint8_t *)last : end, 1, 3);
        return;
    }
    __builtin_prefetch(list.first, 0, 3);
    if (last != list.first) {
        __builtin_prefetch(last, 0, 3);
    }
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
    cursor->word[1] = wr_list_element(layout, chunk, offset, out_item);
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
    return walk(layout, wr_list_last(&list), list.last_used, cursor, out_item);
}

/* The cursor keeps the list's end too, so that an element costs no look into the table: word 2 the
 * last chunk, word 3 what is used of it. */
weir_status
wr_heap_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor, weir_bytes *out_item)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    if (cursor->word[0] == 0) {
        state->is_list_read = true;
        WR_TRY(wr_entry_check(state, key));
        struct wr_probe probe;
        struct wr_place place;
        wr_probe_init(&probe, &state->layout, key);
        if (state->layout.value_form != WR_VALUE_LIST) {
            return WEIR_INVALID;
        }
        if (!wr_table_look(state, wr_entry_group(state, key), &probe, &place)) {
            return WEIR_NOT_FOUND;
        }
        struct wr_list list;
        memcpy(&list, wr_entry_at(state, &place), sizeof list);
        *cursor = (weir_cursor){ { (uint64_t)(uintptr_t)list.first, 0,
                                   (uint64_t)(uintptr_t)wr_list_last(&list), list.last_used } };
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
    struct wr_list_chunk *last = wr_list_last(&list);
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
    if (list.first == wr_list_last(&list) || !wr_drop_later(state->heap, &state->layout, value)) {
        bool is_done = wr_list_drop_some(state->heap, (uint8_t *)&list, &all);
        wr_assert(is_done);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/list.h: a list as a slot of a table holds it, and the engine's list verbs.
 *
 *   slot   | key part | first chunk | last chunk | used of the last | bytes of the record |
 *
 *   chunk  | next 8 | used u32 | room u32 | element | element | ...        in the slab
 *
 *   element   of fixed-size items   item, rounded up to 8
 *             of others             u32 size | u32 zero | item, rounded up to 8
 *
 * Chunks double from 64 bytes to 4 KiB; an element that is larger has one of its own. The slot
 * alone says where a list ends: appending writes behind that, and so leaves what an open snapshot
 * holds in its copy of the slot as it was (rule 4). Nothing else changes a chunk that is in use but
 * `next` and `used` when it is no longer the last: neither is read of the chunk that is the last
 * one of a slot.
 *
 * Thread: task.
 */
#ifndef WR_STATE_HEAP_LIST_H
#define WR_STATE_HEAP_LIST_H

#include "state/heap/expired.h"
#include "state/heap/layout.h"

struct wr_heap;
struct wr_heap_state;
struct wr_list_chunk;

/* What a slot holds behind its key part; never empty. Copied with the slot, it is the list as it
 * was at that time. */
struct wr_list {
    struct wr_list_chunk *first;
    uint64_t last;         /* the chunk's address; below bit 3 its size: 64 << n, 7: its own */
    uint32_t last_used;    /* bytes of elements in the last chunk */
    uint32_t record_bytes; /* of the list in a snapshot's record: {u32 size, item}... */
};

_Static_assert(sizeof(struct wr_list) == WR_COLLECTION_BYTES, "a list takes 24 bytes of a slot");

/* The elements in order, one a call; a zeroed cursor begins. `value` points to the slot's value
 * (live, or in a snapshot's copy) and must stay as it is for the walk; the item is lent as long as
 * the snapshot (or the live list) holds it. False: no more. */
bool wr_list_walk(const struct wr_layout *layout, const uint8_t *value, weir_cursor *cursor,
                  weir_bytes *out_item);
/* Asks for the lines that the next access to the list is likely to read: its end where elements
 * were added last, its chunks where they were read. */
void wr_list_prefetch(const struct wr_heap_state *state, const uint8_t *value);
/* Bytes of the whole value in a snapshot's record. */
uint32_t wr_list_record_bytes(const uint8_t *value);
/* Gives the chunks back, at once, bit by bit (drop.h), or when open snapshots allow. */
void wr_list_drop(struct wr_heap_state *state, const uint8_t *value);
/* Drops up to *io_left chunks; true: that was all. Else `value` is what is left. */
bool wr_list_drop_some(struct wr_heap *heap, uint8_t *value, size_t *io_left);
/* Removes the expired elements of the list in a live slot; of a large one a few chunks of those
 * before the first that lives. Without memory everything stays. *out_looked: elements looked at. */
struct wr_place;
enum wr_expired wr_list_expire(struct wr_heap_state *state, const struct wr_place *place,
                               size_t *out_looked);

weir_status wr_heap_list_add(weir_state *self, const weir_key *key, const weir_bytes *items,
                             size_t count);
weir_status wr_heap_list_put(weir_state *self, const weir_key *key, const weir_bytes *items,
                             size_t count);
weir_status wr_heap_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                              weir_bytes *out_item);

#endif /* WR_STATE_HEAP_LIST_H */

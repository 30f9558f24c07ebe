/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/list_chunk.h: the chunks of a list, pictured in list.h. For list*.c alone. Thread:
 * task.
 */
#ifndef WR_STATE_HEAP_LIST_CHUNK_H
#define WR_STATE_HEAP_LIST_CHUNK_H

#include "state/heap/list.h"

enum {
    WR_LIST_CHUNK_LEAST = 64,    /* with the slab's head */
    WR_LIST_CLASS_MOST = 6,      /* 4 KiB */
    WR_LIST_CLASS_OWN = 7,       /* made for one large element */
    WR_LIST_CHUNK_OVERHEAD = 24, /* the slab's head and the chunk's */
    WR_LIST_ELEMENT_HEAD = 8     /* of one of its own size */
};

struct wr_list_chunk {
    struct wr_list_chunk *next; /* of the last one: nothing */
    uint32_t used;              /* of the last one: nothing */
    uint32_t room;
    uint8_t bytes[];
};

static inline struct wr_list_chunk *
wr_list_last(const struct wr_list *list)
{
    return (struct wr_list_chunk *)(uintptr_t)(list->last & ~(uint64_t)7);
}

/* Room of the last chunk; of all but its own sizes without reading it. */
static inline size_t
wr_list_last_room(const struct wr_list *list)
{
    unsigned class = (unsigned)(list->last & 7);
    if (class == WR_LIST_CLASS_OWN) {
        return wr_list_last(list)->room;
    }
    return ((size_t)WR_LIST_CHUNK_LEAST << class) - WR_LIST_CHUNK_OVERHEAD;
}

/* Gives an element and where the next one stands. */
static inline uint64_t
wr_list_element(const struct wr_layout *layout, const struct wr_list_chunk *chunk, uint64_t offset,
                weir_bytes *out_item)
{
    const uint8_t *at = chunk->bytes + offset;
    if (layout->item_size != 0) {
        *out_item = weir_bytes_of(at, layout->item_size);
        return offset + weir_round8(layout->item_size);
    }
    uint32_t size = wr_get_u32(at);
    *out_item = weir_bytes_of(at + WR_LIST_ELEMENT_HEAD, size);
    return offset + WR_LIST_ELEMENT_HEAD + weir_round8(size);
}

#endif /* WR_STATE_HEAP_LIST_CHUNK_H */

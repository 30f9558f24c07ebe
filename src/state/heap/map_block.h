/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/map_block.h: a few entries of a map, tagged and contiguous; all of a small map.
 *
 *   block   | epoch u32 | count u16 | capacity u16 | used u16 | room u16 | tags .. 8 | entry ...
 *
 *   used    what the entries take, of the room they have; words of 8 bytes
 *   tags    a byte an entry, in order, anything behind: 1..127 of the hash; bit 7: value is null
 *   entry   of fixed-size keys and items    key, rounded up to 8 | item, rounded up to 8
 *           of others                       u32 key size | u32 item size | key .. 8 | item .. 8
 *           of others over 512 bytes        u32 key size + FAR | u32 item size | u64 place
 *   far     | epoch u32 | zero | key .. 8 | item .. 8 |           a block of the slab of its own
 *
 * Entries keep their order when one is removed or replaced: a walk that stands behind the first n
 * is right as long as nothing is added. With the head small, ten entries of 8 and 8 bytes take
 * three lines of the slab: what a map costs is the lines that are fetched. Thread: task.
 */
#ifndef WR_STATE_HEAP_MAP_BLOCK_H
#define WR_STATE_HEAP_MAP_BLOCK_H

#include "state/heap/layout.h"
#include "state/heap/slab.h"

enum {
    WR_MAP_BLOCK_ENTRIES_MOST = UINT16_MAX,
    WR_MAP_BLOCK_WORD = 8,
    WR_MAP_BLOCK_BYTES_MOST = WR_MAP_BLOCK_WORD * UINT16_MAX, /* of entries */
    WR_MAP_TAG_NULL = 0x80
};

struct wr_map_block {
    uint32_t epoch; /* of the heap when it was made */
    uint16_t count;
    uint16_t capacity; /* of tags */
    uint16_t used;     /* words of entries */
    uint16_t room;
    uint8_t tags[];
};

_Static_assert(sizeof(struct wr_map_block) == 12, "no room for the tags to lose");

/* Where an entry stands; zeroed: the first one. */
struct wr_map_spot {
    uint32_t index;
    uint32_t offset; /* from the first entry */
};

/* An entry that is to be written. */
struct wr_map_draft {
    weir_bytes key;
    weir_bytes item; /* data NULL: null */
    uint8_t tag;     /* with its null bit */
    uint8_t *far;    /* NULL: it stands in the block */
    uint32_t bytes;  /* in the block */
};

static inline uint8_t
wr_map_tag(uint64_t hash)
{
    uint8_t tag = hash & 0x7f;
    return (uint8_t)(tag + (tag == 0));
}

/* Bytes before the first entry of a block with so many tags. */
static inline size_t
wr_map_block_head(size_t capacity)
{
    return weir_round8(sizeof(struct wr_map_block) + capacity);
}

static inline uint8_t *
wr_map_block_entries(const struct wr_map_block *block)
{
    return (uint8_t *)(uintptr_t)block + wr_map_block_head(block->capacity);
}

static inline uint32_t
wr_map_block_used_bytes(const struct wr_map_block *block)
{
    return (uint32_t)block->used * WR_MAP_BLOCK_WORD;
}

/* Where blocks of a state come from. All lent. */
struct wr_map_source {
    struct wr_slab *slab;
    uint64_t *owner_bytes;
    const struct wr_layout *layout;
    uint64_t epoch;
};

/* An empty block for about so many entries of so many bytes in all. NULL: refused, or too large. */
struct wr_map_block *wr_map_block_new(const struct wr_map_source *source, uint32_t count,
                                      size_t bytes);
static inline bool
wr_map_same_bytes(const uint8_t *at, weir_bytes key)
{
    if (__builtin_expect(key.size == 8, 1)) {
        return wr_get_u64(at) == wr_get_u64(key.data);
    }
    return key.size == 0 || memcmp(at, key.data, key.size) == 0;
}

/* The same as wr_map_block_find for entries of one size: by their tags alone. */
static inline bool
wr_map_block_find_fixed(const struct wr_layout *layout, const struct wr_map_block *block,
                        uint64_t tag, weir_bytes key, struct wr_map_spot *out_spot)
{
    const uint8_t *entries = wr_map_block_entries(block);
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7fULL;
    for (uint32_t first = 0; first < block->count; first += 8) {
        uint64_t mask = wr_tags_equal(wr_get_u64(block->tags + first) & low7, tag);
        uint32_t left = block->count - first;
        mask &= left < 8 ? ((uint64_t)1 << 8 * left) - 1 : UINT64_MAX;
        for (; mask != 0; mask &= mask - 1) {
            uint32_t index = first + wr_mask_slot(mask);
            size_t offset = (size_t)index * layout->map_stride;
            if (wr_map_same_bytes(entries + offset, key)) {
                *out_spot = (struct wr_map_spot){ index, (uint32_t)offset };
                return true;
            }
        }
    }
    return false;
}

/* Looks a key up. */
bool wr_map_block_find(const struct wr_layout *layout, const struct wr_map_block *block,
                       uint64_t hash, weir_bytes key, struct wr_map_spot *out_spot);
/* The same for entries of sizes of their own. */
uint32_t wr_map_block_entry_sized(const struct wr_layout *layout, const struct wr_map_block *block,
                                  const struct wr_map_spot *spot, weir_bytes *out_key,
                                  weir_bytes *out_item);

/* What stands there; out_item->data NULL: null. Gives what the entry takes in the block. */
static inline uint32_t
wr_map_block_entry(const struct wr_layout *layout, const struct wr_map_block *block,
                   const struct wr_map_spot *spot, weir_bytes *out_key, weir_bytes *out_item)
{
    const uint32_t stride = layout->map_stride;
    if (stride == 0) {
        return wr_map_block_entry_sized(layout, block, spot, out_key, out_item);
    }
    const uint8_t *at = wr_map_block_entries(block) + spot->offset;
    bool is_null = (block->tags[spot->index] & WR_MAP_TAG_NULL) != 0;
    *out_key = weir_bytes_of(at, layout->map_key_size);
    *out_item = weir_bytes_of(is_null ? NULL : at + (stride - weir_round8(layout->item_size)),
                              is_null ? 0 : layout->item_size);
    return stride;
}

/* The far block of the entry; NULL: it stands in the block. */
uint8_t *wr_map_block_far(const struct wr_layout *layout, const struct wr_map_block *block,
                          const struct wr_map_spot *spot);

/* Works out a draft; a large entry is written to a far block. WEIR_NOMEM: refused. */
weir_status wr_map_draft_init(struct wr_map_draft *draft, const struct wr_map_source *source);
bool wr_map_block_fits(const struct wr_map_block *block, const struct wr_map_draft *draft);
/* Writes the entry behind the others; it must fit. */
void wr_map_block_add(const struct wr_layout *layout, struct wr_map_block *block,
                      const struct wr_map_draft *draft);
/* The same with an entry of another block, far ones shared. */
void wr_map_block_add_from(const struct wr_layout *layout, struct wr_map_block *block,
                           const struct wr_map_block *from, const struct wr_map_spot *spot);
/* Replaces an entry by one that takes as much; both stand in the block. */
void wr_map_block_replace(const struct wr_layout *layout, struct wr_map_block *block,
                          const struct wr_map_spot *spot, const struct wr_map_draft *draft);
/* Takes an entry out; a far block of it is the caller's. */
void wr_map_block_remove(const struct wr_layout *layout, struct wr_map_block *block,
                         const struct wr_map_spot *spot);

#endif /* WR_STATE_HEAP_MAP_BLOCK_H */

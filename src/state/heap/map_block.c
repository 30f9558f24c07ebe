/* SPDX-License-Identifier: Apache-2.0 */
/* map_block: entries of a map side by side; see the picture in map_block.h.
 *
 * A block is as large as its class of the slab: what a class has over is capacity. Entries of fixed
 * size are found by their tag alone; among others the way leads over the sizes of those before,
 * which stand in the same few lines.
 */
#include "state/heap/map_block.h"

#include "base/check.h"
#include "base/fail.h"

enum {
    ENTRY_HEAD = 8, /* of one of its own size */
    FAR_ENTRY = 16, /* head and place */
    FAR_HEAD = 8,   /* epoch */
    NEAR_MOST = 512 /* key and item; larger ones stand far */
};

static const uint32_t null_item = UINT32_MAX;
static const uint32_t far_bit = UINT32_C(1) << 31;

static uint32_t
key_room(size_t key_size)
{
    return (uint32_t)weir_round8(key_size);
}

struct wr_map_block *
wr_map_block_new(const struct wr_map_source *source, uint32_t count, size_t bytes)
{
    const struct wr_layout *layout = source->layout;
    size_t entry = layout->map_stride != 0 ? layout->map_stride : bytes / (count + 1) + 1;
    bytes = layout->map_stride != 0 ? (size_t)count * entry : bytes;
    if (bytes > WR_MAP_BLOCK_BYTES_MOST) {
        return NULL;
    }
    size_t good = wr_slab_good_size(wr_map_block_head(count) + bytes);
    /* what the class has over becomes entries, a tag each */
    size_t more = (good - wr_map_block_head(count) - bytes) / entry;
    while (more > 0 && wr_map_block_head(count + more) + bytes + more * entry > good) {
        more--;
    }
    size_t capacity = count + more;
    capacity = capacity < WR_MAP_BLOCK_ENTRIES_MOST ? capacity : WR_MAP_BLOCK_ENTRIES_MOST;
    struct wr_map_block *block = wr_slab_new(source->slab, good, source->owner_bytes);
    if (block == NULL) {
        return NULL;
    }
    size_t room = (good - wr_map_block_head(capacity)) / WR_MAP_BLOCK_WORD;
    *block = (struct wr_map_block){ .epoch = (uint32_t)source->epoch,
                                    .capacity = (uint16_t)capacity,
                                    .room = (uint16_t)(room < UINT16_MAX ? room : UINT16_MAX) };
    return block;
}

/* Of an entry of its own size: what it takes in the block. */
static uint32_t
entry_bytes(const uint8_t *at)
{
    uint32_t key_size = wr_get_u32(at);
    uint32_t item_size = wr_get_u32(at + 4);
    if ((key_size & far_bit) != 0) {
        return FAR_ENTRY;
    }
    return ENTRY_HEAD + key_room(key_size) + (item_size != null_item ? key_room(item_size) : 0);
}

bool
wr_map_block_find(const struct wr_layout *layout, const struct wr_map_block *block, uint64_t hash,
                  weir_bytes key, struct wr_map_spot *out_spot)
{
    const uint8_t tag = wr_map_tag(hash);
    if (layout->map_stride != 0) {
        return wr_map_block_find_fixed(layout, block, tag, key, out_spot);
    }
    const uint8_t *at = wr_map_block_entries(block);
    struct wr_map_spot spot = { 0 };
    for (; spot.index < block->count; spot.index++) {
        uint32_t bytes = entry_bytes(at);
        if ((block->tags[spot.index] & (uint8_t)~WR_MAP_TAG_NULL) == tag) {
            weir_bytes found;
            weir_bytes item;
            wr_map_block_entry(layout, block, &spot, &found, &item);
            if (found.size == key.size && wr_map_same_bytes(found.data, key)) {
                *out_spot = spot;
                return true;
            }
        }
        spot.offset += bytes;
        at += bytes;
    }
    return false;
}

uint8_t *
wr_map_block_far(const struct wr_layout *layout, const struct wr_map_block *block,
                 const struct wr_map_spot *spot)
{
    const uint8_t *at = wr_map_block_entries(block) + spot->offset;
    if (layout->map_stride != 0 || (wr_get_u32(at) & far_bit) == 0) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)wr_get_u64(at + ENTRY_HEAD);
}

uint32_t
wr_map_block_entry_sized(const struct wr_layout *layout, const struct wr_map_block *block,
                         const struct wr_map_spot *spot, weir_bytes *out_key, weir_bytes *out_item)
{
    const uint8_t *at = wr_map_block_entries(block) + spot->offset;
    bool is_null = (block->tags[spot->index] & WR_MAP_TAG_NULL) != 0;
    uint32_t key_size = wr_get_u32(at) & ~far_bit;
    uint32_t item_size = wr_get_u32(at + 4);
    uint8_t *far = wr_map_block_far(layout, block, spot);
    const uint8_t *key = far != NULL ? far + FAR_HEAD : at + ENTRY_HEAD;
    *out_key = weir_bytes_of(key, key_size);
    *out_item =
        is_null ? weir_bytes_of(NULL, 0) : weir_bytes_of(key + key_room(key_size), item_size);
    return entry_bytes(at);
}

/* Writes bytes and zeros up to a multiple of eight. The bytes may stand there already. */
static uint8_t *
write_padded(uint8_t *at, weir_bytes bytes)
{
    if (bytes.size == 8 && bytes.data != NULL) {
        wr_put_u64(at, wr_get_u64(bytes.data));
        return at + 8;
    }
    if (bytes.size != 0 && bytes.data != NULL) {
        memmove(at, bytes.data, bytes.size);
    }
    size_t whole = weir_round8(bytes.size);
    memset(at + bytes.size, 0, whole - bytes.size);
    return at + whole;
}

weir_status
wr_map_draft_init(struct wr_map_draft *draft, const struct wr_map_source *source)
{
    bool is_null = draft->item.data == NULL;
    draft->far = NULL;
    draft->tag = (uint8_t)(draft->tag | (is_null ? WR_MAP_TAG_NULL : 0));
    if (source->layout->map_stride != 0) {
        draft->bytes = source->layout->map_stride;
        return WEIR_OK;
    }
    uint32_t content = key_room(draft->key.size) + key_room(draft->item.size);
    draft->bytes = ENTRY_HEAD + content;
    if (content <= NEAR_MOST) {
        return WEIR_OK;
    }
    uint8_t *far = wr_slab_new(source->slab, FAR_HEAD + content, source->owner_bytes);
    if (far == NULL) {
        return WEIR_NOMEM;
    }
    wr_put_u32(far, (uint32_t)source->epoch);
    wr_put_u32(far + 4, 0);
    write_padded(write_padded(far + FAR_HEAD, draft->key), draft->item);
    draft->far = far;
    draft->bytes = FAR_ENTRY;
    return WEIR_OK;
}

bool
wr_map_block_fits(const struct wr_map_block *block, const struct wr_map_draft *draft)
{
    return block->count < block->capacity &&
           draft->bytes <= (uint32_t)(block->room - block->used) * WR_MAP_BLOCK_WORD;
}

static void
write_entry(const struct wr_layout *layout, struct wr_map_block *block,
            const struct wr_map_spot *spot, const struct wr_map_draft *draft)
{
    uint8_t *at = wr_map_block_entries(block) + spot->offset;
    block->tags[spot->index] = draft->tag;
    if (layout->map_stride != 0) {
        at = write_padded(at, draft->key);
        if (draft->item.data != NULL) {
            write_padded(at, draft->item);
        } else {
            memset(at, 0, weir_round8(layout->item_size));
        }
        return;
    }
    uint32_t item_size = draft->item.data != NULL ? (uint32_t)draft->item.size : null_item;
    if (draft->far != NULL) {
        wr_put_u32(at, (uint32_t)draft->key.size | far_bit);
        wr_put_u32(at + 4, item_size);
        wr_put_u64(at + ENTRY_HEAD, (uint64_t)(uintptr_t)draft->far);
        return;
    }
    /* the item may be lent from this very entry: it is moved before the key is written */
    uint8_t *item_at = at + ENTRY_HEAD + key_room(draft->key.size);
    write_padded(item_at, draft->item);
    write_padded(at + ENTRY_HEAD, draft->key);
    wr_put_u32(at, (uint32_t)draft->key.size);
    wr_put_u32(at + 4, item_size);
}

void
wr_map_block_add(const struct wr_layout *layout, struct wr_map_block *block,
                 const struct wr_map_draft *draft)
{
    wr_slow_assert(wr_map_block_fits(block, draft));
    struct wr_map_spot spot = { block->count, wr_map_block_used_bytes(block) };
    write_entry(layout, block, &spot, draft);
    block->used = (uint16_t)(block->used + draft->bytes / WR_MAP_BLOCK_WORD);
    block->count++;
}

void
wr_map_block_add_from(const struct wr_layout *layout, struct wr_map_block *block,
                      const struct wr_map_block *from, const struct wr_map_spot *spot)
{
    const uint8_t *at = wr_map_block_entries(from) + spot->offset;
    uint32_t bytes = layout->map_stride != 0 ? layout->map_stride : entry_bytes(at);
    wr_slow_assert(block->count < block->capacity &&
                   bytes <= (uint32_t)(block->room - block->used) * WR_MAP_BLOCK_WORD);
    memcpy(wr_map_block_entries(block) + wr_map_block_used_bytes(block), at, bytes);
    block->tags[block->count++] = from->tags[spot->index];
    block->used = (uint16_t)(block->used + bytes / WR_MAP_BLOCK_WORD);
}

void
wr_map_block_replace(const struct wr_layout *layout, struct wr_map_block *block,
                     const struct wr_map_spot *spot, const struct wr_map_draft *draft)
{
    write_entry(layout, block, spot, draft);
}

void
wr_map_block_remove(const struct wr_layout *layout, struct wr_map_block *block,
                    const struct wr_map_spot *spot)
{
    uint8_t *at = wr_map_block_entries(block) + spot->offset;
    uint32_t bytes = layout->map_stride != 0 ? layout->map_stride : entry_bytes(at);
    uint32_t behind = wr_map_block_used_bytes(block) - spot->offset - bytes;
    memmove(at, at + bytes, behind);
    uint8_t *tag = block->tags + spot->index;
    memmove(tag, tag + 1, block->count - spot->index - 1u);
    block->count--;
    block->used = (uint16_t)(block->used - bytes / WR_MAP_BLOCK_WORD);
}

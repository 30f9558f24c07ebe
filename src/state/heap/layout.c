/* SPDX-License-Identifier: Apache-2.0 */
/* layout: from types to bytes of a bucket; see the picture in layout.h. */
#include "state/heap/layout.h"

#include "state/key_hash.h"

enum {
    BUCKET_BYTES = 128,
    BUCKET_SLOTS_LEAST = 3
};

static uint32_t
slots_in(uint32_t bucket_bytes, uint32_t slot_bytes)
{
    return (bucket_bytes - WR_BUCKET_HEAD) / slot_bytes;
}

void
wr_layout_init(struct wr_layout *layout, const weir_type *key_type, const weir_type *value_type)
{
    *layout = (struct wr_layout){ .key_form = WR_KEY_BYTES };
    layout->key_size = weir_type_is_fixed(key_type) ? (uint32_t)weir_type_fixed_size(key_type) : 0;
    layout->value_size =
        weir_type_is_fixed(value_type) ? (uint32_t)weir_type_fixed_size(value_type) : 0;
    if (layout->key_size != 0 && layout->key_size <= 8) {
        layout->key_form = WR_KEY_WORD;
    } else if (layout->key_size != 0 && layout->key_size <= WR_FIXED_KEY_MOST) {
        layout->key_form = WR_KEY_PAIR;
    }
    layout->key_part_bytes = layout->key_form == WR_KEY_WORD ? 8 : 16;
    layout->value_in_slab = layout->value_size == 0 || layout->value_size > WR_FLAT_VALUE_MOST;
    uint32_t value_bytes = layout->value_in_slab ? (uint32_t)sizeof(struct wr_reference)
                                                 : (uint32_t)weir_round8(layout->value_size);
    layout->slot_bytes = layout->key_part_bytes + value_bytes;
    layout->bucket_bytes = BUCKET_BYTES;
    layout->slots = slots_in(BUCKET_BYTES, layout->slot_bytes);
    if (layout->slots < BUCKET_SLOTS_LEAST) {
        layout->bucket_bytes = 2 * BUCKET_BYTES;
        layout->slots = slots_in(2 * BUCKET_BYTES, layout->slot_bytes);
    }
    layout->slot_tags = ((uint64_t)1 << (8 * layout->slots)) - 1;
    layout->chunk_buckets = WR_CHUNK_BYTES / layout->bucket_bytes;
}

bool
wr_layout_is_image(const struct wr_layout *layout)
{
    return layout->key_form != WR_KEY_BYTES && !layout->value_in_slab;
}

uint8_t *
wr_slot_key_block(const struct wr_layout *layout, const uint8_t *slot)
{
    if (layout->key_form != WR_KEY_BYTES || wr_get_u32(slot) <= WR_INLINE_KEY_MOST) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)wr_get_u64(slot + 8);
}

weir_bytes
wr_slot_key(const struct wr_layout *layout, const uint8_t *slot)
{
    if (layout->key_form != WR_KEY_BYTES) {
        return weir_bytes_of(slot, layout->key_size);
    }
    const uint8_t *block = wr_slot_key_block(layout, slot);
    return weir_bytes_of(block != NULL ? block : slot + 4, wr_get_u32(slot));
}

uint32_t
wr_slot_high(const struct wr_layout *layout, const uint8_t *slot, uint64_t seed)
{
    if (wr_slot_key_block(layout, slot) != NULL) {
        return wr_get_u32(slot + 4);
    }
    weir_bytes key = wr_slot_key(layout, slot);
    return (uint32_t)(wr_key_hash(key.data, key.size, seed) >> 32);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* layout: from types to bytes of a bucket; see the picture in layout.h. */
#include "state/heap/layout.h"

#include "state/key_hash.h"

enum {
    BUCKET_SLOTS_LEAST = 3
};

static uint32_t
slots_in(uint32_t bucket_bytes, uint32_t slot_bytes)
{
    return (bucket_bytes - WR_BUCKET_HEAD) / slot_bytes;
}

/* Of a fixed-size type; 0: of its own size, or no type at all. */
static uint32_t
fixed_size(const weir_type *type)
{
    return type != NULL && weir_type_is_fixed(type) ? (uint32_t)weir_type_fixed_size(type) : 0;
}

/* The size of every key of the state as weir_key has it; 0: they differ. */
static uint32_t
whole_key_size(const weir_type *key_type, const weir_state_descriptor *descriptor)
{
    uint32_t size = fixed_size(key_type);
    uint32_t namespace_size = fixed_size(descriptor->namespace_type);
    if (size == 0 || (descriptor->namespace_type != NULL && namespace_size == 0)) {
        return 0;
    }
    return size + namespace_size + (descriptor->kind == WEIR_STATE_TIMERS ? 8 : 0);
}

/* What a slot holds of the value, and how many bytes that takes. */
static uint32_t
init_value(struct wr_layout *layout, const weir_state_descriptor *descriptor)
{
    uint32_t size = fixed_size(descriptor->type);
    layout->has_timestamps = descriptor->has_timestamps;
    layout->is_pane = descriptor->namespace_is_pane && fixed_size(descriptor->namespace_type) != 0;
    layout->item_size = size != 0 && layout->has_timestamps ? size + 8 : size;
    layout->map_key_size = fixed_size(descriptor->map_key_type);
    size_t stride = weir_round8(layout->map_key_size) + weir_round8(layout->item_size);
    if (layout->map_key_size != 0 && layout->item_size != 0 && stride <= WR_MAP_STRIDE_MOST) {
        layout->map_stride = (uint32_t)stride;
    }
    layout->is_set = descriptor->kind == WEIR_STATE_TIMERS;
    layout->value_in_slab = true;
    if (descriptor->kind == WEIR_STATE_LIST || descriptor->kind == WEIR_STATE_MAP) {
        layout->value_form = descriptor->kind == WEIR_STATE_LIST ? WR_VALUE_LIST : WR_VALUE_MAP;
        return WR_COLLECTION_BYTES;
    }
    if (layout->is_set) {
        layout->has_timestamps = false;
        layout->item_size = 1;
    }
    layout->value_size = layout->item_size;
    if (layout->value_size == 0 || layout->value_size > WR_FLAT_VALUE_MOST) {
        layout->value_form = WR_VALUE_BLOCK;
        return sizeof(struct wr_reference);
    }
    layout->value_form = WR_VALUE_FLAT;
    layout->value_in_slab = false;
    return (uint32_t)weir_round8(layout->value_size);
}

void
wr_layout_init(struct wr_layout *layout, const weir_type *key_type,
               const weir_state_descriptor *descriptor)
{
    *layout = (struct wr_layout){ .key_form = WR_KEY_BYTES };
    layout->key_size = whole_key_size(key_type, descriptor);
    if (layout->key_size != 0 && layout->key_size <= 8) {
        layout->key_form = WR_KEY_WORD;
    } else if (layout->key_size != 0 && layout->key_size <= WR_FIXED_KEY_MOST) {
        layout->key_form = WR_KEY_PAIR;
    }
    layout->key_part_bytes = layout->key_form == WR_KEY_WORD ? 8 : 16;
    layout->slot_bytes = layout->key_part_bytes + init_value(layout, descriptor);
    layout->bucket_bytes = WR_BUCKET_BYTES;
    layout->slots = slots_in(WR_BUCKET_BYTES, layout->slot_bytes);
    if (layout->slots < BUCKET_SLOTS_LEAST) {
        layout->bucket_bytes = WR_BUCKET_BYTES_WIDE;
        layout->slots = slots_in(WR_BUCKET_BYTES_WIDE, layout->slot_bytes);
    }
    layout->slots = layout->slots < WR_BUCKET_SLOTS_MOST ? layout->slots : WR_BUCKET_SLOTS_MOST;
    layout->slot_tags = ((uint64_t)1 << (8 * layout->slots)) - 1;
}

bool
wr_layout_is_image(const struct wr_layout *layout)
{
    return layout->key_form != WR_KEY_BYTES && !layout->value_in_slab && !layout->is_pane;
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

/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/layout.h: what a bucket looks like, chosen per state from its types.
 *
 *   bucket   | head 16 | slot | slot | ... |     128 bytes; 256 where fewer than 3 slots would fit
 *
 *   head     OFFSET SIZE WHAT
 *            0      2    epoch: of its last write or walk (cow.c)
 *            2      1    dirty: a bit a slot, set by every write
 *            3      1    flags: bit 0 OVERFLOWED: some key passed this bucket, being full
 *            4      1    taken: dirty bits of before the last stamp (changes.h)
 *            5      1    zero
 *            6      2    taken epoch: the epoch before the last stamp
 *            8      8    tags: one a slot, 0: free; those without a slot stay 0
 *
 *   slot     | key part 8 or 16 | value: 8 to 48, or a block reference of 16, or a list or map of
 * 24 |
 *
 *   key part, fixed key up to 8 or 16 bytes:  its bytes, zeros behind
 *             any other, up to 12 bytes:      u32 length, its bytes, zeros behind
 *             longer:                         u32 length, u32 upper half of the hash, u64 place
 *
 * Home bucket and tag come from different bits: home = upper half of the hash * bucket count >> 32,
 * tag = its lowest byte. So a table is in hash order, and a long key can be moved to another table
 * without reading it.
 *
 * A bucket has seven tags at most: they are one word, compared at once with plain integer
 * operations, as quick as SIMD is for eight bytes and without a dispatch.
 */
#ifndef WR_STATE_HEAP_LAYOUT_H
#define WR_STATE_HEAP_LAYOUT_H

#include "base/little.h"
#include "weir/backend.h"

enum {
    WR_BUCKET_HEAD = 16,
    WR_BUCKET_OVERFLOWED = 1,
    WR_FLAT_VALUE_MOST = 48,
    WR_BUCKET_SLOTS_MOST = 7,
    WR_COLLECTION_BYTES = 24, /* of a slot: a list or a map */
    WR_MAP_STRIDE_MOST = 512, /* larger entries of a map have sizes of their own */
    WR_FIXED_KEY_MOST = 16,
    WR_INLINE_KEY_MOST = 12,
    WR_BUCKET_BYTES = 128,      /* two lines */
    WR_BUCKET_BYTES_WIDE = 256, /* of slots of which those would hold fewer than three */
};

enum wr_key_form {
    WR_KEY_WORD = 1, /* fixed, up to 8 bytes */
    WR_KEY_PAIR = 2, /* fixed, up to 16 bytes */
    WR_KEY_BYTES = 3 /* any other */
};

/* A list or a map is one record of a snapshot, whose size is a u32 below UINT32_MAX. */
#define WR_RECORD_MOST ((uint64_t)UINT32_MAX - 1)

enum wr_value_form {
    WR_VALUE_FLAT = 1,  /* the item itself */
    WR_VALUE_BLOCK = 2, /* struct wr_reference */
    WR_VALUE_LIST = 3,  /* struct wr_list */
    WR_VALUE_MAP = 4    /* struct wr_map */
};

struct wr_layout {
    uint32_t bucket_bytes;
    uint32_t slot_bytes;
    uint32_t key_part_bytes;
    uint32_t slots;
    uint64_t slot_tags; /* 0xff for each slot's tag */
    enum wr_key_form key_form;
    bool value_in_slab;  /* every form but FLAT */
    uint32_t key_size;   /* of a fixed key, namespace and all; 0: any */
    uint32_t value_size; /* FLAT and BLOCK: of a fixed item; 0: any, a list or a map */
    enum wr_value_form value_form;
    bool has_timestamps;   /* items begin with one */
    bool is_pane;          /* a row of tables a namespace: never an image */
    bool is_set;           /* TIMERS: the key is all; the value is a byte of zero */
    uint32_t item_size;    /* of a fixed item, its timestamp included; 0: any. LIST and MAP: of one
                              element or map value */
    uint32_t map_key_size; /* of a fixed map key; 0: any */
    uint32_t map_stride;   /* of map entries that are all of one size; 0: they are not */
};

/* Of a keyed state: from its kind, its types and has_timestamps. */
void wr_layout_init(struct wr_layout *layout, const weir_type *key_type,
                    const weir_state_descriptor *descriptor);
/* Fixed keys and values that stand in the slot: the buckets alone are the state. Not of panes. */
bool wr_layout_is_image(const struct wr_layout *layout);

struct wr_bucket {
    uint16_t epoch;
    uint8_t dirty;
    uint8_t flags;
    uint8_t taken;
    uint8_t zero;
    uint16_t taken_epoch;
    uint64_t tags;
};

_Static_assert(sizeof(struct wr_bucket) == WR_BUCKET_HEAD, "the head is 16 bytes");

/* What a slot holds of a value in the slab. */
struct wr_reference {
    uint8_t *place;
    uint32_t size;
    uint32_t epoch; /* when the block was allocated: rule 4 */
};

_Static_assert(sizeof(struct wr_reference) == 16, "a reference takes 16 bytes of a slot");

/* A key made ready to be looked for. */
struct wr_probe {
    uint64_t part[2]; /* as in the slot; of a long key the place is missing */
    const void *data; /* of a long key, else NULL */
    uint32_t size;
    uint32_t high; /* upper half of the hash */
    uint64_t tag;  /* 1..255 */
};

static inline uint64_t
wr_tag_of(uint64_t hash)
{
    uint64_t tag = hash & 0xff;
    return tag + (tag == 0);
}

static inline uint32_t
wr_home_of(uint32_t high, uint32_t bucket_count)
{
    return (uint32_t)(((uint64_t)high * bucket_count) >> 32);
}

/* Up to 12 bytes as two words, zeros behind; reads nothing outside of them. */
static inline void
wr_short_words(const uint8_t *at, uint32_t size, uint64_t *out_low, uint64_t *out_high)
{
    if (size >= 4) { /* parts that may overlap: no branch on the number */
        uint32_t second = size < 8 ? size - 4 : 4;
        uint32_t unused = 4 * (12 - size); /* half of the bits that the last part has too many */
        *out_low = wr_get_u32(at) | (uint64_t)wr_get_u32(at + second) << (8 * second);
        *out_high = (uint64_t)wr_get_u32(at + size - 4) >> unused >> unused;
        return;
    }
    *out_high = 0;
    if (size > 0) {
        uint32_t middle = size >> 1;
        *out_low = at[0] | (uint64_t)at[middle] << (8 * middle) |
                   (uint64_t)at[size - 1] << (8 * (size - 1));
    } else {
        *out_low = 0;
    }
}

/* `form` is the layout's; a constant where the caller has one loop for each. */
static inline __attribute__((always_inline)) void
wr_probe_init_as(enum wr_key_form form, struct wr_probe *probe, const weir_key *key)
{
    probe->data = NULL;
    probe->part[1] = 0;
    probe->size = key->size;
    probe->high = (uint32_t)(key->hash >> 32);
    probe->tag = wr_tag_of(key->hash);
    if (form == WR_KEY_WORD && key->size == 8) {
        probe->part[0] = wr_get_u64(key->data);
    } else if (form != WR_KEY_BYTES) {
        probe->part[0] = 0;
        memcpy(probe->part, key->data, key->size);
    } else if (key->size <= WR_INLINE_KEY_MOST) {
        uint64_t low = 0;
        uint64_t high = 0;
        wr_short_words(key->data, key->size, &low, &high);
        probe->part[0] = key->size | low << 32;
        probe->part[1] = low >> 32 | high << 32;
    } else {
        probe->part[0] = key->size | ((uint64_t)probe->high << 32);
        probe->data = key->data;
    }
}

static inline void
wr_probe_init(struct wr_probe *probe, const struct wr_layout *layout, const weir_key *key)
{
    wr_probe_init_as(layout->key_form, probe, key);
}

/* 0x80 for each byte of `tags` that equals `tag`, exactly. */
static inline uint64_t
wr_tags_equal(uint64_t tags, uint64_t tag)
{
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7fULL;
    uint64_t differ = tags ^ (tag * 0x0101010101010101ULL);
    return ~(((differ & low7) + low7) | differ | low7);
}

/* The same, of which the lowest one alone is sure to be equal. */
static inline uint64_t
wr_tags_first(uint64_t tags, uint64_t tag)
{
    uint64_t differ = tags ^ (tag * 0x0101010101010101ULL);
    return (differ - 0x0101010101010101ULL) & ~differ & 0x8080808080808080ULL;
}

/* The next of the slots that such a mask stands for. */
static inline uint32_t
wr_mask_slot(uint64_t mask)
{
    return (uint32_t)__builtin_ctzll(mask) >> 3;
}

/* How many slots it stands for: a byte of 0x80 each. */
static inline uint32_t
wr_mask_count(uint64_t mask)
{
    return (uint32_t)((mask >> 7) * 0x0101010101010101ULL >> 56);
}

/* Written only if it was not set: the value may stand in another line, and the head's need not go
 * back to memory then. */
static inline void
wr_bucket_set_dirty(struct wr_bucket *bucket, uint32_t slot)
{
    uint8_t bit = (uint8_t)(1u << slot);
    if ((bucket->dirty & bit) == 0) {
        bucket->dirty |= bit;
    }
}

static inline uint8_t *
wr_bucket_slot(const struct wr_layout *layout, const struct wr_bucket *bucket, uint32_t slot)
{
    return (uint8_t *)(uintptr_t)bucket + WR_BUCKET_HEAD + (size_t)slot * layout->slot_bytes;
}

static inline uint8_t
wr_bucket_tag(const struct wr_bucket *bucket, uint32_t slot)
{
    return (uint8_t)(bucket->tags >> (slot * 8));
}

static inline __attribute__((always_inline)) bool
wr_slot_is(enum wr_key_form form, const uint8_t *slot, const struct wr_probe *probe)
{
    if (wr_get_u64(slot) != probe->part[0]) {
        return false;
    }
    if (form == WR_KEY_WORD) {
        return true;
    }
    uint64_t second = wr_get_u64(slot + 8);
    if (form == WR_KEY_PAIR || probe->data == NULL) {
        return second == probe->part[1];
    }
    return memcmp((const void *)(uintptr_t)second, probe->data, probe->size) == 0;
}

/* The key bytes that a slot holds; lent. */
weir_bytes wr_slot_key(const struct wr_layout *layout, const uint8_t *slot);
/* Where a long key of the slot stands in the slab; NULL: it stands in the slot. */
uint8_t *wr_slot_key_block(const struct wr_layout *layout, const uint8_t *slot);
/* The upper half of the key's hash, without reading what stands in the slab. */
uint32_t wr_slot_high(const struct wr_layout *layout, const uint8_t *slot, uint64_t seed);

#endif /* WR_STATE_HEAP_LAYOUT_H */

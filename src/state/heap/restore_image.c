/* SPDX-License-Identifier: Apache-2.0 */
/* restore_image: from an IMAGE block to a live table.
 *
 *   of this layout and seed,      read straight into a fresh table; then every bucket's head is
 *     its key group still empty   checked and stamped
 *   any other, and of panes       bucket by bucket, every slot inserted: the old half of a growing
 *                                 pair, another seed, another bucket size
 *
 * Packed entries, of changes, replace what is there one by one; where a group begins anew all goes.
 */
#include "base/fail.h"
#include "state/heap/convert.h"
#include "state/heap/image.h"
#include "state/heap/restore.h"
#include "state/heap/table.h"
#include "state/key_hash.h"

enum {
    BUCKET_BYTES_MOST = 4096,
    SAMPLE_BUCKETS = 64,
    NEAR_BYTES = 128 * 1024 /* fits the caches beside what else is at work */
};

/* What was found in the buckets so far. */
struct adopted {
    uint64_t entries;
    bool is_sound;
};

/* Whether a slot's key belongs where it stands. */
static bool
slot_is_sound(struct wr_restore *restore, const struct wr_heap_state *state,
              const weir_block *block, const struct wr_bucket *bucket, unsigned slot)
{
    weir_key key = { 0 };
    weir_bytes bytes = wr_slot_key(&state->layout, wr_bucket_slot(&state->layout, bucket, slot));
    return wr_restore_key(restore, state, block, bytes, &key, NULL) == WEIR_OK &&
           wr_tag_of(key.hash) == wr_bucket_tag(bucket, slot);
}

/* Counts and checks buckets that were read into a table, and makes them ours: epoch, no dirty bits.
 */
static void
adopt(struct wr_restore *restore, const struct wr_heap_state *state, struct wr_table *table,
      const weir_block *block, uint32_t first, uint32_t end, struct adopted *adopted)
{
    const struct wr_layout *layout = &state->layout;
    const uint16_t epoch = (uint16_t)restore->heap->epoch;
    for (uint32_t i = first; i < end; i++) {
        struct wr_bucket *bucket = wr_table_bucket(layout, table, i);
        uint64_t tags = bucket->tags;
        uint64_t mask = ~wr_tags_equal(tags, 0) & layout->slot_tags & 0x8080808080808080ULL;
        adopted->is_sound = adopted->is_sound && (tags & ~layout->slot_tags) == 0 &&
                            bucket->flags <= WR_BUCKET_OVERFLOWED;
        adopted->entries += wr_mask_count(mask);
        bucket->epoch = epoch;
        bucket->dirty = 0;
        bucket->taken = 0;
        bucket->taken_epoch = 0;
        bucket->zero = 0;
        if (i % SAMPLE_BUCKETS == 0 && mask != 0 && adopted->is_sound) {
            adopted->is_sound = slot_is_sound(restore, state, block, bucket, wr_mask_slot(mask));
        }
    }
}

/* Reads the buckets, some at a time, so that they are adopted while they are near. */
static weir_status
read_buckets(struct wr_restore *restore, const struct wr_heap_state *state, struct wr_table *table,
             const weir_block *block, weir_error *err)
{
    const uint32_t bucket_bytes = state->layout.bucket_bytes;
    struct adopted adopted = { .is_sound = true };
    for (uint32_t first = 0, count; first < table->bucket_count; first += count) {
        count = table->bucket_count - first;
        count = count < NEAR_BYTES / bucket_bytes ? count : NEAR_BYTES / bucket_bytes;
        WR_TRY(weir_block_reader_read(restore->reader,
                                      wr_table_bucket(&state->layout, table, first),
                                      (size_t)count * bucket_bytes, err));
        adopt(restore, state, table, block, first, first + count, &adopted);
    }
    if (!adopted.is_sound || adopted.entries != block->entries) {
        return wr_fail(err, WEIR_CORRUPT, "%s: the table image of key group %u is not sound",
                       weir_block_reader_where(restore->reader), block->key_group);
    }
    table->count = (uint32_t)adopted.entries;
    table->used = (uint32_t)adopted.entries;
    return WEIR_OK;
}

/* Reads an image as it is. */
static weir_status
read_image(struct wr_restore *restore, struct wr_heap_state *state, const struct wr_image *image,
           const weir_block *block, weir_error *err)
{
    uint32_t group = block->key_group - restore->heap->key_group_first;
    struct wr_table *table = wr_table_new(state, image->bucket_count, false);
    if (table == NULL) {
        return wr_restore_refused(restore, state, err);
    }
    weir_status status = read_buckets(restore, state, table, block, err);
    if (status != WEIR_OK) {
        wr_table_free(state, table);
        return status;
    }
    table->ready = table->bucket_count;
    state->tables[group] = table;
    state->count += table->count;
    return WEIR_OK;
}

/* Reads an image slot by slot. */
static weir_status
insert_image(struct wr_restore *restore, struct wr_heap_state *state, const struct wr_image *image,
             const weir_block *block, weir_error *err)
{
    uint8_t bytes[BUCKET_BYTES_MOST];
    const uint64_t slot_tags = ((uint64_t)1 << (8 * image->slots)) - 1;
    uint32_t key_part = image->key_form == WR_KEY_WORD ? 8 : 16;
    uint64_t inserted = 0;
    for (uint32_t i = 0; i < image->bucket_count; i++) {
        WR_TRY(weir_block_reader_read(restore->reader, bytes, image->bucket_bytes, err));
        struct wr_bucket bucket;
        memcpy(&bucket, bytes, sizeof bucket);
        uint64_t mask = ~wr_tags_equal(bucket.tags, 0) & slot_tags & 0x8080808080808080ULL;
        for (; mask != 0; mask &= mask - 1) {
            const uint8_t *slot =
                bytes + WR_BUCKET_HEAD + (size_t)wr_mask_slot(mask) * image->slot_bytes;
            uint64_t hash = wr_key_hash(slot, image->key_size, image->seed);
            if (wr_home_of((uint32_t)(hash >> 32), image->bucket_count) < image->moved) {
                continue;
            }
            weir_key key = { 0 };
            WR_TRY(wr_restore_key(restore, state, block, weir_bytes_of(slot, image->key_size), &key,
                                  err));
            WR_TRY(wr_restore_insert(restore, state, &key,
                                     weir_bytes_of(slot + key_part, image->value_size), err));
            inserted++;
        }
    }
    if (inserted != block->entries) {
        return wr_fail(err, WEIR_CORRUPT, "%s: %llu entries where the directory has %llu",
                       weir_block_reader_where(restore->reader), (unsigned long long)inserted,
                       (unsigned long long)block->entries);
    }
    return WEIR_OK;
}

/* Reads packed entries. */
static weir_status
restore_packed(struct wr_restore *restore, struct wr_heap_state *state, const weir_block *block,
               weir_error *err)
{
    const struct wr_layout *layout = &state->layout;
    const size_t value_size = layout->is_set ? 0 : layout->value_size;
    const size_t entry_size = layout->key_size + value_size;
    const uint64_t entries = (block->size - WR_PACKED_HEAD) / entry_size;
    if ((block->size - WR_PACKED_HEAD) % entry_size != 0 || entries != block->entries) {
        return wr_fail(err, WEIR_CORRUPT, "%s: packed entries do not fit the block",
                       weir_block_reader_where(restore->reader));
    }
    uint8_t bytes[WR_FIXED_KEY_MOST + WR_FLAT_VALUE_MOST];
    for (uint64_t i = 0; i < entries; i++) {
        WR_TRY(weir_block_reader_read(restore->reader, bytes, entry_size, err));
        weir_key key = { 0 };
        WR_TRY(wr_restore_key(restore, state, block, weir_bytes_of(bytes, layout->key_size), &key,
                              err));
        weir_bytes item = weir_bytes_of(bytes + layout->key_size, value_size);
        if (wr_heap_put(&state->base, &key, item) != WEIR_OK) {
            return wr_restore_refused(restore, state, err);
        }
    }
    return WEIR_OK;
}

weir_status
wr_restore_image(struct wr_restore *restore, struct wr_heap_state *state, const weir_block *block,
                 weir_error *err)
{
    const struct wr_layout *layout = &state->layout;
    uint32_t group = block->key_group - restore->heap->key_group_first;
    uint8_t head[WR_IMAGE_HEAD];
    if (block->size < WR_PACKED_HEAD) {
        return wr_fail(err, WEIR_CORRUPT, "%s: no table image stands there",
                       weir_block_reader_where(restore->reader));
    }
    WR_TRY(weir_block_reader_read(restore->reader, head, WR_PACKED_HEAD, err));
    if (wr_clear_is(head) && block->size == WR_PACKED_HEAD && block->entries == 0) {
        wr_heap_clear_group(state, group);
        return WEIR_OK;
    }
    if (!wr_layout_is_image(layout)) {
        return wr_fail(err, WEIR_CORRUPT, "%s: a table image of state '%s' cannot be",
                       weir_block_reader_where(restore->reader), state->name);
    }
    uint32_t key_size;
    uint32_t value_size;
    if (wr_packed_decode(head, &key_size, &value_size) && key_size == layout->key_size &&
        value_size == (layout->is_set ? 0 : layout->value_size)) {
        return restore_packed(restore, state, block, err);
    }
    if (block->size < WR_IMAGE_HEAD) {
        return wr_fail(err, WEIR_CORRUPT, "%s: no table image stands there",
                       weir_block_reader_where(restore->reader));
    }
    WR_TRY(weir_block_reader_read(restore->reader, head + WR_PACKED_HEAD,
                                  WR_IMAGE_HEAD - WR_PACKED_HEAD, err));
    struct wr_image image;
    WR_TRY(
        wr_image_decode(head, block->size, weir_block_reader_where(restore->reader), &image, err));
    if (image.key_size != layout->key_size || image.value_size != layout->value_size ||
        image.key_form != layout->key_form || image.bucket_bytes > BUCKET_BYTES_MOST) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: a table image of other key or value sizes than "
                       "state '%s' has",
                       weir_block_reader_where(restore->reader), state->name);
    }
    bool is_same = image.slots == layout->slots && image.bucket_bytes == layout->bucket_bytes &&
                   image.seed == restore->heap->hash_seed;
    if (is_same && !image.is_old && image.moved == 0 && state->panes == NULL &&
        state->tables[group] == NULL) {
        return read_image(restore, state, &image, block, err);
    }
    return insert_image(restore, state, &image, block, err);
}

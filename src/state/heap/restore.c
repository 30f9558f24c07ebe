/* SPDX-License-Identifier: Apache-2.0 */
/* restore: from the blocks of a snapshot to live tables.
 *
 *   IMAGE of this layout and seed,    read straight into a fresh table; then every bucket's head
 *     its key group still empty       is checked and stamped
 *   IMAGE otherwise                   bucket by bucket, every slot inserted: the old half of a
 *                                     growing pair, another seed, another bucket size
 *   RECORDS                           every record inserted
 *
 * The checksum of a block is known only behind its last byte. Until then its content is used for
 * nothing but filling memory that was sized by the directory, and every size in it is checked
 * against what is left of the block; a failure ends the restore, and with it the backend.
 */
#include "base/buffer.h"
#include "base/fail.h"
#include "base/memory.h"
#include "state/heap/heap.h"
#include "state/heap/image.h"
#include "state/heap/table.h"
#include "state/key_hash.h"
#include "types/describe.h"
#include "types/key.h"

enum {
    BUCKET_BYTES_MOST = 4096,
    SAMPLE_BUCKETS = 64
};

struct restore {
    struct wr_heap *heap;
    weir_block_reader *reader;
    struct wr_buffer scratch;      /* one record, or the states' numbers */
    struct wr_heap_state **states; /* by number in the file; NULL: not keyed */
    size_t state_count;
};

static weir_status
out_of_memory(const struct restore *restore, const struct wr_heap_state *state, weir_error *err)
{
    return wr_fail(err, WEIR_NOMEM,
                   "restore of operator '%s', state '%s': the memory budget is reached at %llu "
                   "bytes; raise taskmanager.memory.managed.size",
                   restore->heap->operator_name, state->name,
                   (unsigned long long)restore->heap->used_bytes);
}

/* Inserts one entry whose bytes have been read. */
static weir_status
insert(struct restore *restore, struct wr_heap_state *state, const weir_block *block,
       weir_bytes key_bytes, weir_bytes value, weir_error *err)
{
    struct wr_heap *heap = restore->heap;
    weir_key key = weir_key_make(heap->key_type, key_bytes, heap->max_parallelism, heap->hash_seed);
    if (key.key_group != block->key_group) {
        return wr_fail(err, WEIR_CORRUPT, "%s: a key of key group %u stands in key group %u",
                       weir_block_reader_where(restore->reader), key.key_group, block->key_group);
    }
    uint64_t before = state->count;
    weir_status status = wr_heap_put(&state->base, &key, value);
    if (status == WEIR_NOMEM) {
        return out_of_memory(restore, state, err);
    }
    if (status != WEIR_OK || state->count == before) {
        return wr_fail(err, WEIR_CORRUPT, "%s: %s", weir_block_reader_where(restore->reader),
                       status == WEIR_OK ? "a key stands there twice" : "a value has a wrong size");
    }
    return WEIR_OK;
}

/* Counts and checks what was read into a table, and makes it ours: epoch, no dirty bits. */
static weir_status
adopt(struct restore *restore, const struct wr_heap_state *state, struct wr_table *table,
      const weir_block *block, weir_error *err)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_heap *heap = restore->heap;
    uint64_t entries = 0;
    bool is_sound = true;
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        struct wr_bucket *bucket = wr_table_bucket(layout, table, i);
        is_sound = is_sound && (bucket->tags & ~layout->slot_tags) == 0 &&
                   bucket->flags <= WR_BUCKET_OVERFLOWED;
        uint64_t mask = ~wr_tags_equal(bucket->tags, 0) & layout->slot_tags & 0x8080808080808080ULL;
        entries += (uint64_t)__builtin_popcountll(mask);
        bucket->epoch = (uint16_t)heap->epoch;
        bucket->dirty = 0;
        bucket->zero = 0;
        if (i % SAMPLE_BUCKETS == 0 && mask != 0 && is_sound) {
            const uint8_t *slot = wr_bucket_slot(layout, bucket, wr_mask_slot(mask));
            weir_key key = weir_key_make(heap->key_type, wr_slot_key(layout, slot),
                                         heap->max_parallelism, heap->hash_seed);
            is_sound = key.key_group == block->key_group &&
                       wr_tag_of(key.hash) == wr_bucket_tag(bucket, wr_mask_slot(mask));
        }
    }
    if (!is_sound || entries != block->entries) {
        return wr_fail(err, WEIR_CORRUPT, "%s: the table image of key group %u is not sound",
                       weir_block_reader_where(restore->reader), block->key_group);
    }
    table->count = (uint32_t)entries;
    table->used = (uint32_t)entries;
    return WEIR_OK;
}

/* Reads an image as it is. */
static weir_status
read_image(struct restore *restore, struct wr_heap_state *state, const struct wr_image *image,
           const weir_block *block, weir_error *err)
{
    uint32_t group = block->key_group - restore->heap->key_group_first;
    struct wr_table *table = wr_table_new(state, image->bucket_count, false);
    if (table == NULL) {
        return out_of_memory(restore, state, err);
    }
    size_t size = (size_t)image->bucket_count * image->bucket_bytes;
    weir_status status = weir_block_reader_read(restore->reader, table->buckets, size, err);
    if (status == WEIR_OK) {
        status = adopt(restore, state, table, block, err);
    }
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
insert_image(struct restore *restore, struct wr_heap_state *state, const struct wr_image *image,
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
            WR_TRY(insert(restore, state, block, weir_bytes_of(slot, image->key_size),
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

static weir_status
restore_image(struct restore *restore, struct wr_heap_state *state, const weir_block *block,
              weir_error *err)
{
    const struct wr_layout *layout = &state->layout;
    const char *where = weir_block_reader_where(restore->reader);
    if (!wr_layout_is_image(layout) || block->size < WR_IMAGE_HEAD) {
        return wr_fail(err, WEIR_CORRUPT, "%s: a table image of state '%s' cannot be", where,
                       state->name);
    }
    uint8_t head[WR_IMAGE_HEAD];
    WR_TRY(weir_block_reader_read(restore->reader, head, sizeof head, err));
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
    uint32_t group = block->key_group - restore->heap->key_group_first;
    bool is_same = image.slots == layout->slots && image.bucket_bytes == layout->bucket_bytes &&
                   image.seed == restore->heap->hash_seed;
    if (is_same && !image.is_old && image.moved == 0 && state->tables[group] == NULL) {
        return read_image(restore, state, &image, block, err);
    }
    return insert_image(restore, state, &image, block, err);
}

/* Reads the two parts of one record into the scratch buffer and checks them. */
static weir_status
read_record(struct restore *restore, const struct wr_heap_state *state, weir_bytes *key,
            weir_bytes *value, weir_error *err)
{
    wr_buffer_clear(&restore->scratch);
    size_t key_room = weir_round8(key->size); /* values stand aligned to 8 */
    uint8_t *bytes = wr_buffer_extend(&restore->scratch, key_room + value->size + 1);
    if (bytes == NULL) {
        return out_of_memory(restore, state, err);
    }
    if (key->size != 0) {
        WR_TRY(weir_block_reader_read(restore->reader, bytes, key->size, err));
    }
    if (value->size != 0) {
        WR_TRY(weir_block_reader_read(restore->reader, bytes + key_room, value->size, err));
    }
    key->data = bytes;
    value->data = bytes + key_room;
    WR_TRY(wr_key_check(restore->heap->key_type, *key, err));
    if (state->layout.value_size == 0) {
        WR_TRY(weir_type_check_block(state->type, value->data, value->size, err));
    }
    return WEIR_OK;
}

static weir_status
restore_records(struct restore *restore, struct wr_heap_state *state, const weir_block *block,
                weir_error *err)
{
    uint64_t left = block->size;
    uint64_t inserted = 0;
    while (left > 0) {
        uint8_t head[8] = { 0 };
        bool is_cut = left < sizeof head;
        if (!is_cut) {
            WR_TRY(weir_block_reader_read(restore->reader, head, sizeof head, err));
            left -= sizeof head;
        }
        weir_bytes key = weir_bytes_of(NULL, wr_get_u32(head));
        weir_bytes value = weir_bytes_of(NULL, wr_get_u32(head + 4));
        if (is_cut || key.size > WEIR_KEY_SIZE_MAX || value.size > WEIR_VALUE_SIZE_MAX ||
            key.size + value.size > left) {
            return wr_fail(err, WEIR_CORRUPT, "%s: a record runs over the end of its block",
                           weir_block_reader_where(restore->reader));
        }
        weir_status status = read_record(restore, state, &key, &value, err);
        if (status != WEIR_OK) {
            return wr_fail_context(err, status, "%s: ", weir_block_reader_where(restore->reader));
        }
        left -= key.size + value.size;
        WR_TRY(insert(restore, state, block, key, value, err));
        inserted++;
    }
    if (inserted != block->entries) {
        return wr_fail(err, WEIR_CORRUPT, "%s: %llu records where the directory has %llu",
                       weir_block_reader_where(restore->reader), (unsigned long long)inserted,
                       (unsigned long long)block->entries);
    }
    return WEIR_OK;
}

static weir_status
restore_block(struct restore *restore, const weir_block *block, weir_error *err)
{
    const struct wr_heap *heap = restore->heap;
    struct wr_heap_state *state =
        block->state < restore->state_count ? restore->states[block->state] : NULL;
    uint32_t group = block->key_group - heap->key_group_first;
    if (state == NULL || group >= heap->key_group_count) {
        return wr_fail(err, WEIR_CORRUPT, "%s: a block of state %u, key group %u is not expected",
                       weir_block_reader_where(restore->reader), block->state, block->key_group);
    }
    switch (block->kind) {
    case WEIR_BLOCK_IMAGE:
        return restore_image(restore, state, block, err);
    case WEIR_BLOCK_RECORDS:
        return restore_records(restore, state, block, err);
    case WEIR_BLOCK_LIST:
    case WEIR_BLOCK_CHANGES:
    case WEIR_BLOCK_MAP:
    default:
        return wr_fail(err, WEIR_CORRUPT, "%s: a block of kind %u where keyed state is expected",
                       weir_block_reader_where(restore->reader), (unsigned)block->kind);
    }
}

/* Finds or makes the states of the file. */
static weir_status
restore_states(struct restore *restore, weir_error *err)
{
    for (size_t i = 0; i < restore->state_count; i++) {
        weir_state_descriptor descriptor = { .size = sizeof descriptor };
        weir_block_reader_state(restore->reader, i, &descriptor);
        if (descriptor.kind != WEIR_STATE_VALUE) {
            continue;
        }
        WR_TRY(wr_heap_add_state(restore->heap, &descriptor, &restore->states[i], err));
    }
    return WEIR_OK;
}

static weir_status
restore_blocks(struct restore *restore, weir_error *err)
{
    WR_TRY(restore_states(restore, err));
    for (;;) {
        weir_block block;
        weir_status status = weir_block_reader_next(restore->reader, &block, err);
        if (status == WEIR_NOT_FOUND) {
            return WEIR_OK;
        }
        if (status == WEIR_OK) {
            status = restore_block(restore, &block, err);
        }
        if (status != WEIR_OK) {
            return wr_fail_context(err, status,
                                   "restore of operator '%s': ", restore->heap->operator_name);
        }
    }
}

weir_status
wr_heap_restore(weir_backend *self, weir_block_reader *reader, weir_error *err)
{
    struct wr_heap *heap = wr_heap_of(self);
    struct restore restore = { .heap = heap,
                               .reader = reader,
                               .state_count = weir_block_reader_state_count(reader) };
    size_t states_size = (restore.state_count + 1) * sizeof(struct wr_heap_state *);
    restore.states = wr_memory_new(&heap->alloc, states_size);
    if (restore.states == NULL) {
        return wr_fail(err, WEIR_NOMEM, "restore of operator '%s': no memory to begin",
                       heap->operator_name);
    }
    wr_buffer_init(&restore.scratch, &heap->alloc);
    weir_status status = restore_blocks(&restore, err);
    wr_buffer_fini(&restore.scratch);
    wr_memory_free(&heap->alloc, restore.states, states_size);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/table.h: the open-addressed tables of a state, one a key group. Thread: task. */
#ifndef WR_STATE_HEAP_TABLE_H
#define WR_STATE_HEAP_TABLE_H

#include "state/heap/heap.h"

enum {
    WR_TIGHTEN_LOOK = 16 /* what it costs to see that there is nothing to do */
};

/* Where an entry stands. */
struct wr_place {
    struct wr_table *table;
    struct wr_bucket *bucket;
    uint32_t slot;
    uint8_t *at; /* the slot's first byte */
};

/* A table of that many buckets, all of them initialised or none. NULL: refused. */
struct wr_table *wr_table_new(struct wr_heap_state *state, uint32_t bucket_count, bool ready);
void wr_table_free(struct wr_heap_state *state, struct wr_table *table);

/* The smallest size in the sequence 1, 2, 3, 4, 6, 8, 12 ... that holds so many entries. */
uint32_t wr_table_size_for(const struct wr_layout *layout, uint64_t entries);

/* Looks a key up. */
bool wr_table_find(const struct wr_heap_state *state, uint32_t group, const struct wr_probe *probe,
                   struct wr_place *out_place);
/* Makes room for `extra` more entries of this key group: begins, continues or ends growing. Nothing
 * that was lent stays valid. WEIR_NOMEM: refused, content unchanged. */
weir_status wr_table_make_room(struct wr_heap_state *state, uint32_t group, uint32_t extra);
/* Takes a slot for a key that is not there; room must have been made. The key part is written, the
 * value is not. `key_block` is what a long key's part points to. Moves nothing. */
void wr_table_insert(struct wr_heap_state *state, uint32_t group, const struct wr_probe *probe,
                     const uint8_t *key_block, struct wr_place *out_place);
/* Frees the slot; the blocks it points to are the caller's. */
void wr_table_remove(struct wr_heap_state *state, uint32_t group, const struct wr_place *place);

/* A step towards a table that is as small as its content, and not in a part of the region that is
 * to be emptied; between batches and without snapshots. Adds what it cost, about the bytes touched.
 * True: more steps are left. */
bool wr_table_tighten(struct wr_heap_state *state, uint32_t group, size_t *io_spent);

/* Which of a growing pair serves this hash. */
static inline struct wr_table *
wr_table_serving(struct wr_table *table, uint32_t high)
{
    if (__builtin_expect(table->growing, 0)) {
        struct wr_table *older = table->older;
        return wr_home_of(high, older->bucket_count) >= older->moved ? older : table;
    }
    return table;
}

/* The bucket where a lookup begins; NULL: the key group is empty. */
static inline __attribute__((always_inline)) struct wr_bucket *
wr_table_home(struct wr_table *table, uint32_t bucket_bytes, uint32_t high)
{
    if (__builtin_expect(table == NULL, 0)) {
        return NULL;
    }
    table = wr_table_serving(table, high);
    size_t home = wr_home_of(high, table->bucket_count);
    return (struct wr_bucket *)(void *)(table->buckets + home * bucket_bytes);
}

/* The same as wr_table_find; most keys that are there stand in the first slot of their home that
 * has their tag, and are found without a call. */
static inline __attribute__((always_inline)) bool
wr_table_look(const struct wr_heap_state *state, uint32_t group, const struct wr_probe *probe,
              struct wr_place *out_place)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_table *table = state->tables[group];
    if (__builtin_expect(table == NULL, 0)) {
        return false;
    }
    table = wr_table_serving(table, probe->high);
    size_t home = wr_home_of(probe->high, table->bucket_count);
    uint8_t *lines = table->buckets + home * layout->bucket_bytes;
    struct wr_bucket *bucket = (struct wr_bucket *)(void *)lines;
    uint64_t mask = wr_tags_first(bucket->tags, probe->tag);
    if (__builtin_expect(mask != 0, 1)) {
        uint32_t slot = wr_mask_slot(mask);
        uint8_t *at = lines + WR_BUCKET_HEAD + (size_t)slot * layout->slot_bytes;
        if (__builtin_expect(wr_slot_is(layout->key_form, at, probe), 1)) {
            *out_place = (struct wr_place){ table, bucket, slot, at };
            return true;
        }
    }
    return wr_table_find(state, group, probe, out_place);
}

static inline __attribute__((always_inline)) void
wr_bucket_prefetch(const struct wr_bucket *bucket, uint32_t bucket_bytes)
{
    const uint8_t *lines = (const uint8_t *)bucket;
    __builtin_prefetch(lines, 1, 3);
    __builtin_prefetch(lines + 64, 1, 3);
    if (__builtin_expect(bucket_bytes > 128, 0)) {
        __builtin_prefetch(lines + 128, 1, 3);
        __builtin_prefetch(lines + 192, 1, 3);
    }
}

#endif /* WR_STATE_HEAP_TABLE_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* timer_store: records in pools by size.
 *
 *   number   | pool: 5 bits | index in the pool + 1: 27 bits |
 *   pool p   records of 32, 48, 64, 96, 128, 192 ... bytes; chunk of 64 KiB, or one record
 *   chunk    | record | record | ...      a free one holds the number of the next free one
 *
 * Chunks go back when the store does: timers come and go by the same numbers all day.
 */
#include "state/timer_store.h"

#include "base/check.h"
#include "base/little.h"
#include "base/memory.h"

enum {
    INDEX_BITS = 27,
    LEAST_BYTES = 32,
    CHUNK_BYTES = 1 << 16
};

static size_t
record_bytes(uint32_t pool)
{
    size_t power = (size_t)LEAST_BYTES << (pool / 2);
    return pool % 2 == 0 ? power : power + power / 2;
}

static uint32_t
records_of_chunk(uint32_t pool)
{
    size_t bytes = record_bytes(pool);
    return bytes < CHUNK_BYTES ? (uint32_t)(CHUNK_BYTES / bytes) : 1;
}

void
wr_timer_store_init(struct wr_timer_store *store, const weir_alloc *alloc)
{
    *store = (struct wr_timer_store){ .alloc = *alloc };
}

void
wr_timer_store_fini(struct wr_timer_store *store)
{
    for (uint32_t p = 0; p < WR_TIMER_POOLS; p++) {
        struct wr_timer_pool *pool = &store->pools[p];
        for (uint32_t i = 0; i < pool->chunk_count; i++) {
            wr_memory_free(&store->alloc, pool->chunks[i], records_of_chunk(p) * record_bytes(p));
        }
        wr_memory_free(&store->alloc, pool->chunks, pool->chunk_room * sizeof *pool->chunks);
    }
}

struct wr_timer_record *
wr_timer_store_at(const struct wr_timer_store *store, uint32_t number)
{
    uint32_t p = number >> INDEX_BITS;
    uint32_t index = (number & ((1U << INDEX_BITS) - 1)) - 1;
    uint32_t each = records_of_chunk(p);
    uint8_t *chunk = store->pools[p].chunks[index / each];
    return (struct wr_timer_record *)(void *)(chunk + index % each * record_bytes(p));
}

/* One more chunk. False: no memory, or the numbers are used up. */
static bool
add_chunk(struct wr_timer_store *store, uint32_t p)
{
    struct wr_timer_pool *pool = &store->pools[p];
    if (((uint64_t)pool->chunk_count + 1) * records_of_chunk(p) >= 1U << INDEX_BITS) {
        return false;
    }
    if (pool->chunk_count == pool->chunk_room) {
        uint32_t room = pool->chunk_room == 0 ? 4 : pool->chunk_room * 2;
        void *grown =
            wr_memory_resize(&store->alloc, pool->chunks, pool->chunk_room * sizeof *pool->chunks,
                             room * sizeof *pool->chunks);
        if (grown == NULL) {
            return false;
        }
        pool->chunks = grown;
        pool->chunk_room = room;
    }
    uint8_t *chunk =
        wr_memory_resize(&store->alloc, NULL, 0, records_of_chunk(p) * record_bytes(p));
    if (chunk == NULL) {
        return false;
    }
    pool->chunks[pool->chunk_count++] = chunk;
    return true;
}

uint32_t
wr_timer_store_new(struct wr_timer_store *store, size_t size)
{
    uint32_t p = 0;
    while (p < WR_TIMER_POOLS && record_bytes(p) < sizeof(struct wr_timer_record) + size) {
        p++;
    }
    if (p == WR_TIMER_POOLS) {
        return 0;
    }
    struct wr_timer_pool *pool = &store->pools[p];
    if (pool->free != 0) {
        uint32_t number = pool->free;
        pool->free = wr_get_u32(wr_timer_store_at(store, number));
        return number;
    }
    if (pool->next == pool->chunk_count * records_of_chunk(p) && !add_chunk(store, p)) {
        return 0;
    }
    return p << INDEX_BITS | ++pool->next;
}

void
wr_timer_store_free(struct wr_timer_store *store, uint32_t number)
{
    struct wr_timer_pool *pool = &store->pools[number >> INDEX_BITS];
    wr_put_u32(wr_timer_store_at(store, number), pool->free);
    pool->free = number;
}

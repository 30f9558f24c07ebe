/* SPDX-License-Identifier: Apache-2.0 */
/* memory: the door to memory.
 *
 * System allocator, by size (which callers give back exactly, so no header is needed):
 *
 *   below 2 MiB    malloc
 *   from 2 MiB on  a mapping of its own, aligned to 2 MiB and advised to be huge. One that grows is
 *                  first stretched in place, else its pages are moved to a new aligned place by
 *                  mremap: no byte is copied, and no second copy is ever resident.
 *
 * Budget: `used_bytes` is raised before the parent is asked and lowered after it has given back, so
 * it is never below what is really held and the limit is never passed, whatever threads do
 * meanwhile. The counters guard nothing else, hence relaxed order.
 *
 * Arena: a list of chunks, newest first; only the first one serves. Chunks double up to CHUNK_MAX;
 * what is larger than a quarter of the next chunk gets one of its own behind the first.
 */
#include "base/memory.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE  ((size_t)2 << 20)
#define SMALL_PAGE ((size_t)4096)

/* A mapping's length for a size; 0 where that overflows. */
static size_t
mapped_length(size_t size)
{
    return size > SIZE_MAX / 2 ? 0 : (size + SMALL_PAGE - 1) & ~(SMALL_PAGE - 1);
}

/* Address space of `length` bytes that starts on a huge page. */
static void *
map_aligned(size_t length, int protection)
{
    size_t reserved = length + HUGE_PAGE - SMALL_PAGE;
    uint8_t *base = mmap(NULL, reserved, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    size_t before = (HUGE_PAGE - ((uintptr_t)base & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    size_t behind = reserved - before - length;
    if (before > 0) {
        munmap(base, before);
    }
    if (behind > 0) {
        munmap(base + before + length, behind);
    }
    return base + before;
}

static void *
large_new(size_t size)
{
    size_t length = mapped_length(size);
    void *place = length != 0 ? map_aligned(length, PROT_READ | PROT_WRITE) : NULL;
    if (place != NULL) {
        madvise(place, length, MADV_HUGEPAGE); /* advice: works without as well */
    }
    return place;
}

static void *
large_resize(void *ptr, size_t old_size, size_t new_size)
{
    size_t old_length = mapped_length(old_size);
    size_t new_length = mapped_length(new_size);
    if (new_length == 0) {
        return NULL;
    }
    if (new_length == old_length) {
        return ptr;
    }
    if (mremap(ptr, old_length, new_length, 0) != MAP_FAILED) {
        return ptr;
    }
    void *place = map_aligned(new_length, PROT_NONE);
    if (place == NULL) {
        return NULL;
    }
    if (mremap(ptr, old_length, new_length, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
        munmap(place, new_length);
        return NULL;
    }
    return place; /* the advice moves with the mapping */
}

static void
system_free(void *ptr, size_t size)
{
    if (size >= HUGE_PAGE) {
        munmap(ptr, mapped_length(size));
    } else {
        free(ptr);
    }
}

static void *
system_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    if (new_size == 0) {
        if (ptr != NULL) {
            system_free(ptr, old_size);
        }
        return NULL;
    }
    if (ptr == NULL) {
        return new_size >= HUGE_PAGE ? large_new(new_size) : malloc(new_size);
    }
    bool was_large = old_size >= HUGE_PAGE;
    bool is_large = new_size >= HUGE_PAGE;
    if (was_large && is_large) {
        return large_resize(ptr, old_size, new_size);
    }
    if (!was_large && !is_large) {
        return realloc(ptr, new_size);
    }
    void *moved = is_large ? large_new(new_size) : malloc(new_size);
    if (moved != NULL) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        system_free(ptr, old_size);
    }
    return moved;
}

weir_alloc
wr_memory_system(void)
{
    return (weir_alloc){ .resize = system_resize };
}

void *
wr_memory_new(const weir_alloc *alloc, size_t size)
{
    wr_assert(size > 0);
    void *ptr = alloc->resize(alloc->ctx, NULL, 0, size);
    if (ptr != NULL) {
        memset(ptr, 0, size);
    }
    return ptr;
}

void *
wr_memory_resize(const weir_alloc *alloc, void *ptr, size_t old_size, size_t new_size)
{
    return alloc->resize(alloc->ctx, ptr, old_size, new_size);
}

void
wr_memory_free(const weir_alloc *alloc, void *ptr, size_t size)
{
    if (ptr != NULL) {
        alloc->resize(alloc->ctx, ptr, size, 0);
    }
}

char *
wr_memory_copy_text(const weir_alloc *alloc, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = alloc->resize(alloc->ctx, NULL, 0, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void
wr_budget_init(struct wr_budget *budget, weir_alloc parent, uint64_t limit_bytes)
{
    budget->parent = parent;
    budget->limit_bytes = limit_bytes;
    atomic_init(&budget->used_bytes, 0);
    for (int i = 0; i < WR_POOL_COUNT; i++) {
        atomic_init(&budget->used_by_pool[i], 0);
        atomic_init(&budget->peak_by_pool[i], 0);
    }
}

/* Once what was taken is there. */
static void
raise_peak(struct wr_budget *budget, enum wr_pool pool)
{
    _Atomic uint64_t *peak = &budget->peak_by_pool[pool];
    uint64_t used = atomic_load_explicit(&budget->used_by_pool[pool], memory_order_relaxed);
    uint64_t before = atomic_load_explicit(peak, memory_order_relaxed);
    while (used > before && !atomic_compare_exchange_weak_explicit(
                                peak, &before, used, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static bool
budget_take(struct wr_budget *budget, enum wr_pool pool, uint64_t bytes)
{
    uint64_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
    do {
        if (budget->limit_bytes != 0 &&
            (used > budget->limit_bytes || bytes > budget->limit_bytes - used)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used_bytes, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    atomic_fetch_add_explicit(&budget->used_by_pool[pool], bytes, memory_order_relaxed);
    return true;
}

static void
budget_give_back(struct wr_budget *budget, enum wr_pool pool, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_by_pool[pool], bytes, memory_order_relaxed);
    uint64_t before = atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    wr_assert(before >= bytes); /* a size given back was not the one taken */
}

static void *
budget_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    const struct wr_pool_alloc *from = ctx;
    struct wr_budget *budget = from->budget;
    if (ptr == NULL) {
        old_size = 0;
    }
    if (new_size > old_size && !budget_take(budget, from->pool, new_size - old_size)) {
        return NULL;
    }
    void *result = budget->parent.resize(budget->parent.ctx, ptr, old_size, new_size);
    if (result == NULL && new_size != 0) {
        if (new_size > old_size) {
            budget_give_back(budget, from->pool, new_size - old_size);
        }
        return NULL;
    }
    if (new_size < old_size) {
        budget_give_back(budget, from->pool, old_size - new_size);
    } else {
        raise_peak(budget, from->pool);
    }
    return result;
}

weir_alloc
wr_budget_alloc(struct wr_pool_alloc *pool_alloc, struct wr_budget *budget, enum wr_pool pool)
{
    *pool_alloc = (struct wr_pool_alloc){ .budget = budget, .pool = pool };
    return (weir_alloc){ .resize = budget_resize, .ctx = pool_alloc };
}

/* The header is 32 bytes, so that what follows it is 16-aligned. */
struct wr_arena_chunk {
    struct wr_arena_chunk *next;
    size_t size;      /* of the whole chunk, header included */
    size_t used;      /* header included */
    size_t next_size; /* what the chunk after this one shall have */
};
_Static_assert(sizeof(struct wr_arena_chunk) % 16 == 0, "chunks serve 16-aligned memory");

enum {
    CHUNK_MIN = 1024,
    CHUNK_MAX = 64 * 1024
};

void
wr_arena_init(struct wr_arena *arena, const weir_alloc *alloc)
{
    *arena = (struct wr_arena){ .alloc = *alloc };
}

static struct wr_arena_chunk *
chunk_new(const weir_alloc *alloc, size_t size)
{
    struct wr_arena_chunk *chunk = wr_memory_resize(alloc, NULL, 0, size);
    if (chunk != NULL) {
        *chunk = (struct wr_arena_chunk){ .size = size, .used = sizeof *chunk };
    }
    return chunk;
}

/* Puts a chunk with room for `size` bytes into the arena and returns it. */
static struct wr_arena_chunk *
arena_grow(struct wr_arena *arena, size_t size)
{
    struct wr_arena_chunk *first = arena->chunks;
    size_t chunk_size = first != NULL ? first->next_size : (size_t)CHUNK_MIN;
    if (size > chunk_size / 4) {
        struct wr_arena_chunk *own = chunk_new(&arena->alloc, sizeof *own + size);
        if (own != NULL && first != NULL) {
            own->next = first->next;
            first->next = own;
        } else if (own != NULL) {
            own->next_size = chunk_size;
            arena->chunks = own;
        }
        return own;
    }
    struct wr_arena_chunk *chunk = chunk_new(&arena->alloc, chunk_size);
    if (chunk != NULL) {
        chunk->next = first;
        chunk->next_size = chunk_size < CHUNK_MAX ? chunk_size * 2 : chunk_size;
        arena->chunks = chunk;
    }
    return chunk;
}

void *
wr_arena_new(struct wr_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = size > 0 ? (size + 15) & ~(size_t)15 : 16;
    struct wr_arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        chunk = arena_grow(arena, size);
        if (chunk == NULL) {
            return NULL;
        }
    }
    uint8_t *place = (uint8_t *)chunk + chunk->used;
    chunk->used += size;
    memset(place, 0, size);
    return place;
}

char *
wr_arena_copy_text(struct wr_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = wr_arena_new(arena, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void
wr_arena_fini(struct wr_arena *arena)
{
    struct wr_arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct wr_arena_chunk *next = chunk->next;
        wr_memory_free(&arena->alloc, chunk, chunk->size);
        chunk = next;
    }
    arena->chunks = NULL;
}

static void *
arena_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct wr_arena *arena = ctx;
    if (new_size == 0 || (ptr != NULL && new_size <= old_size)) {
        return new_size == 0 ? NULL : ptr;
    }
    void *place = wr_arena_new(arena, new_size);
    if (place != NULL && ptr != NULL) {
        memcpy(place, ptr, old_size);
    }
    return place;
}

weir_alloc
wr_arena_as_alloc(struct wr_arena *arena)
{
    return (weir_alloc){ .resize = arena_resize, .ctx = arena };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* base/memory.h: the door to memory (the only file that calls malloc or mmap is memory.c), the
 * budget that counts it, and the arena for things that live together. */
#ifndef WR_BASE_MEMORY_H
#define WR_BASE_MEMORY_H

#include "weir/alloc.h"
#include "weir/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The process's allocator: malloc; from 2 MiB on pages of their own, aligned to 2 MiB and advised
 * to be huge (realloc of those moves pages, not bytes). Thread: any. */
weir_alloc wr_memory_system(void);

/* NULL when refused. wr_memory_new zeroes. Sizes given back must be exact. */
void *wr_memory_new(const weir_alloc *alloc, size_t size);
void *wr_memory_resize(const weir_alloc *alloc, void *ptr, size_t old_size, size_t new_size);
void wr_memory_free(const weir_alloc *alloc, void *ptr, size_t size); /* ptr NULL: nothing */
char *wr_memory_copy_text(const weir_alloc *alloc, const char *text); /* freed with strlen + 1 */

/* A budget: a limit shared by many allocators, counted by pool. */
enum wr_pool {
    WR_POOL_STATE,    /* live keyed state */
    WR_POOL_LISTS,    /* live operator state */
    WR_POOL_SNAPSHOT, /* copies made for snapshots, write buffers */
    WR_POOL_NETWORK,  /* batches */
    WR_POOL_OTHER,
    WR_POOL_COUNT
};

struct wr_budget {
    weir_alloc parent;
    uint64_t limit_bytes; /* 0: none */
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t used_by_pool[WR_POOL_COUNT];
    _Atomic uint64_t peak_by_pool[WR_POOL_COUNT];
};

/* One pool's allocator on a budget; must not move while its weir_alloc is in use. */
struct wr_pool_alloc {
    struct wr_budget *budget;
    enum wr_pool pool;
};

void wr_budget_init(struct wr_budget *budget, weir_alloc parent, uint64_t limit_bytes);
/* An allocator that counts on the pool and refuses past the limit. Thread: any. */
weir_alloc wr_budget_alloc(struct wr_pool_alloc *pool_alloc, struct wr_budget *budget,
                           enum wr_pool pool);

/* An arena: allocate forwards, free all at once. */
struct wr_arena {
    weir_alloc alloc;
    struct wr_arena_chunk *chunks;
};

void wr_arena_init(struct wr_arena *arena, const weir_alloc *alloc);
void *wr_arena_new(struct wr_arena *arena, size_t size); /* zeroed, 16-aligned; NULL when refused */
char *wr_arena_copy_text(struct wr_arena *arena, const char *text);
void wr_arena_fini(struct wr_arena *arena); /* frees everything; may be used again */
/* The arena as an allocator, for what is to be freed with it: freeing does nothing. */
weir_alloc wr_arena_as_alloc(struct wr_arena *arena);

#endif /* WR_BASE_MEMORY_H */

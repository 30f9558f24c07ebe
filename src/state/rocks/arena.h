/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/arena.h: memory for things that go together, emptied often and kept. Thread: task. */
#ifndef WR_STATE_ROCKS_ARENA_H
#define WR_STATE_ROCKS_ARENA_H

#include "weir/alloc.h"

#include <stdint.h>

struct wr_rocks_chunk {
    struct wr_rocks_chunk *next;
    size_t size; /* of all of it */
    _Alignas(16) uint8_t data[];
};

struct wr_rocks_arena {
    weir_alloc alloc;
    struct wr_rocks_chunk *first; /* the one being filled */
    size_t at;                    /* in its data */
    size_t used_bytes;            /* of all chunks */
};

void wr_rocks_arena_init(struct wr_rocks_arena *arena, const weir_alloc *alloc);
/* Aligned to 8, not zeroed; NULL: refused. */
void *wr_rocks_arena_take(struct wr_rocks_arena *arena, size_t size);
/* Gives back what the last taken piece has too much. */
void wr_rocks_arena_trim(struct wr_rocks_arena *arena, size_t taken, size_t kept);
/* Empties it; one chunk of the usual size is kept. */
void wr_rocks_arena_clear(struct wr_rocks_arena *arena);
void wr_rocks_arena_fini(struct wr_rocks_arena *arena);

#endif /* WR_STATE_ROCKS_ARENA_H */

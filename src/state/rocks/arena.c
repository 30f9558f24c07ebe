/* SPDX-License-Identifier: Apache-2.0 */
/* arena: a chain of chunks, filled at its head. Chunks grow with the arena from 4 to 64 KiB: most
 * states are small, and there may be many of them. */
#include "state/rocks/arena.h"

#include "base/memory.h"
#include "weir/type.h"

enum {
    CHUNK_LEAST = 4 << 10,
    CHUNK_MOST = 64 << 10
};

void
wr_rocks_arena_init(struct wr_rocks_arena *arena, const weir_alloc *alloc)
{
    *arena = (struct wr_rocks_arena){ .alloc = *alloc };
}

static bool
add_chunk(struct wr_rocks_arena *arena, size_t size)
{
    size_t usual = arena->used_bytes < CHUNK_LEAST ? (size_t)CHUNK_LEAST : arena->used_bytes;
    usual = usual < CHUNK_MOST ? usual : (size_t)CHUNK_MOST;
    size_t whole = sizeof(struct wr_rocks_chunk) + size;
    whole = whole > usual ? whole : usual;
    struct wr_rocks_chunk *chunk = wr_memory_resize(&arena->alloc, NULL, 0, whole);
    if (chunk == NULL) {
        return false;
    }
    chunk->next = arena->first;
    chunk->size = whole;
    arena->first = chunk;
    arena->at = 0;
    arena->used_bytes += whole;
    return true;
}

void *
wr_rocks_arena_take(struct wr_rocks_arena *arena, size_t size)
{
    size = weir_round8(size);
    const struct wr_rocks_chunk *chunk = arena->first;
    if ((chunk == NULL || chunk->size - sizeof *chunk - arena->at < size) &&
        !add_chunk(arena, size)) {
        return NULL;
    }
    void *taken = arena->first->data + arena->at;
    arena->at += size;
    return taken;
}

void
wr_rocks_arena_trim(struct wr_rocks_arena *arena, size_t taken, size_t kept)
{
    arena->at -= weir_round8(taken) - weir_round8(kept);
}

static void
drop(struct wr_rocks_arena *arena, struct wr_rocks_chunk *chunk)
{
    arena->used_bytes -= chunk->size;
    wr_memory_free(&arena->alloc, chunk, chunk->size);
}

void
wr_rocks_arena_clear(struct wr_rocks_arena *arena)
{
    struct wr_rocks_chunk *kept = NULL;
    while (arena->first != NULL) {
        struct wr_rocks_chunk *chunk = arena->first;
        arena->first = chunk->next;
        if (kept == NULL && chunk->size <= CHUNK_MOST) {
            kept = chunk;
            kept->next = NULL;
        } else {
            drop(arena, chunk);
        }
    }
    arena->first = kept;
    arena->at = 0;
}

void
wr_rocks_arena_fini(struct wr_rocks_arena *arena)
{
    while (arena->first != NULL) {
        struct wr_rocks_chunk *chunk = arena->first;
        arena->first = chunk->next;
        drop(arena, chunk);
    }
    arena->at = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/copies.h: memory for buckets copied on write, all of one size. Cut from pages of
 * 64 KiB; pages come from the snapshot allocator and, when it refuses, from the state's.
 * Thread: task. */
#ifndef WR_STATE_HEAP_COPIES_H
#define WR_STATE_HEAP_COPIES_H

#include "state/heap/layout.h"

enum {
    WR_COPY_SPAN = 256 /* buckets whose lists of copies stand together */
};

/* One bucket as it was before the write that stamped it. */
struct wr_copy {
    struct wr_copy *next; /* in the bucket's list, or the free list */
    uint8_t *bytes;       /* at the beginning of a line */
    uint32_t wanted_by;   /* a bit for each snapshot slot that has yet to read it */
    uint32_t zero;
};

struct wr_copy_page;

struct wr_copies {
    weir_alloc snapshot_alloc;
    weir_alloc state_alloc;
    size_t bucket_bytes;
    uint32_t page_count;             /* copies of a page */
    struct wr_copy_page *pages;      /* the newest first */
    struct wr_copy_page *oldest;     /* of those */
    uint64_t used_count;             /* of those */
    struct wr_copy_page *idle_pages; /* nobody uses a copy of theirs */
    uint64_t idle_count;             /* of those */
    uint64_t state_pages;            /* idle or not: what the state's allocator gave */
    uint64_t needed[2];              /* used_count at most: since the newest begin, before it */
    int64_t idle_since_ms;           /* INT64_MAX: no trim has seen it yet */
    struct wr_copy *free;            /* given back */
    uint32_t page_left;              /* copies of the newest page that were never taken */
    uint32_t trims;                  /* that found something to free */
    uint64_t in_use;
    uint64_t in_use_at_refusal; /* 0: not pressed; see wr_copies_pressed */
    bool was_refused;           /* memory for a page, since the newest begin */
};

void wr_copies_init(struct wr_copies *copies, size_t bucket_bytes, const weir_alloc *snapshot_alloc,
                    const weir_alloc *state_alloc);
void wr_copies_fini(struct wr_copies *copies); /* whatever is in use */
/* A copy of the bucket, in no list. NULL: both allocators refuse. */
struct wr_copy *wr_copies_take(struct wr_copies *copies, const struct wr_bucket *bucket);
void wr_copies_give(struct wr_copies *copies, struct wr_copy *copy);
/* A snapshot begins: what it needs is what the next one is thought to want. */
void wr_copies_note_begin(struct wr_copies *copies);
/* Frees an idle page that the next snapshot is not thought to want: now and then, since this is
 * called beside work, but each time where memory was refused. True: there are more. */
bool wr_copies_trim(struct wr_copies *copies, int64_t now_ms);
/* Frees all idle pages; false: there were none. */
bool wr_copies_drop_idle(struct wr_copies *copies);
/* The snapshot allocator has refused, and not half of what was in use then has been written since.
 */
bool wr_copies_pressed(const struct wr_copies *copies);

#endif /* WR_STATE_HEAP_COPIES_H */

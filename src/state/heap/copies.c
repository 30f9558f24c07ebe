/* SPDX-License-Identifier: Apache-2.0 */
/* copies: the pool behind copy on write.
 *
 *   allocator --> pages, copies taken in turn --last one given back--> idle pages --> allocator
 *                   ^---------- the next snapshot's copies ---------------'      [trim]
 *
 *   page  | next | from | copy 0 | copy 1 | ... | ~ | bytes of 0 | bytes of 1 | ...
 *                                                    at whole lines
 *
 * Behind a barrier nearly each write takes a copy: no line may be waited for. A page is cut as it
 * is used, so that memory is met in its order; what was given back comes in any order, and the next
 * one is asked for when one is taken. The bytes are stored past the cache: it is the walk that
 * reads them, long after.
 *
 * Pages are kept while any copy is in use, since the next write wants one; when the last is given
 * back all become idle. The next snapshot wants them again, and the system zeroes fresh memory when
 * it is first met, which takes longer than to copy a bucket. So as many stay as the last two
 * snapshots needed, until KEPT_MS have gone by without a copy; the rest is freed a page at a time.
 * Where memory was refused none stay: write buffers come out of the same limit.
 */
#include "state/heap/copies.h"

#include "base/memory.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    PAGE_BYTES = 64 << 10,
    KEPT_MS = 60000,
    TRIM_EVERY = 64, /* turns; a task has one a batch beside work */
    LINE = 64
};

struct wr_copy_page {
    struct wr_copy_page *next;
    bool is_state; /* which allocator it came from */
    struct wr_copy copies[];
};

void
wr_copies_init(struct wr_copies *copies, size_t bucket_bytes, const weir_alloc *snapshot_alloc,
               const weir_alloc *state_alloc)
{
    size_t room = PAGE_BYTES - sizeof(struct wr_copy_page) - LINE;
    *copies = (struct wr_copies){ .bucket_bytes = bucket_bytes,
                                  .page_count =
                                      (uint32_t)(room / (sizeof(struct wr_copy) + bucket_bytes)),
                                  .snapshot_alloc = *snapshot_alloc,
                                  .state_alloc = *state_alloc };
}

static void
page_free(struct wr_copies *copies, struct wr_copy_page *page)
{
    copies->state_pages -= page->is_state;
    wr_memory_free(page->is_state ? &copies->state_alloc : &copies->snapshot_alloc, page,
                   PAGE_BYTES);
}

static void
pages_free(struct wr_copies *copies, struct wr_copy_page *page)
{
    while (page != NULL) {
        struct wr_copy_page *next = page->next;
        page_free(copies, page);
        page = next;
    }
}

/* No page is in use any more. */
static void
forget_pages(struct wr_copies *copies)
{
    copies->pages = NULL;
    copies->used_count = 0;
    copies->free = NULL;
    copies->page_left = 0;
}

void
wr_copies_fini(struct wr_copies *copies)
{
    pages_free(copies, copies->pages);
    forget_pages(copies);
    wr_copies_drop_idle(copies);
}

static struct wr_copy_page *
page_ask(struct wr_copies *copies)
{
    struct wr_copy_page *page = wr_memory_resize(&copies->snapshot_alloc, NULL, 0, PAGE_BYTES);
    if (page != NULL) {
        page->is_state = false;
        return page;
    }
    copies->was_refused = true;
    copies->in_use_at_refusal = copies->in_use + 1;
    page = wr_memory_resize(&copies->state_alloc, NULL, 0, PAGE_BYTES);
    if (page != NULL) {
        page->is_state = true;
        copies->state_pages++;
    }
    return page;
}

static bool
page_new(struct wr_copies *copies)
{
    struct wr_copy_page *page = copies->idle_pages;
    if (page != NULL) {
        copies->idle_pages = page->next;
        copies->idle_count--;
    } else {
        page = page_ask(copies);
    }
    if (page == NULL) {
        return false;
    }
    copies->used_count++;
    if (copies->used_count > copies->needed[0]) {
        copies->needed[0] = copies->used_count;
    }
    copies->oldest = copies->pages == NULL ? page : copies->oldest;
    page->next = copies->pages;
    copies->pages = page;
    copies->page_left = copies->page_count;
    return true;
}

/* The newest page's next copy. */
static struct wr_copy *
take_fresh(struct wr_copies *copies)
{
    if (copies->page_left == 0 && !page_new(copies)) {
        return NULL;
    }
    struct wr_copy_page *page = copies->pages;
    uint32_t count = copies->page_count;
    uint32_t index = count - copies->page_left--;
    uintptr_t bytes = (uintptr_t)&page->copies[count];
    bytes += (LINE - bytes % LINE) % LINE + index * copies->bucket_bytes;
    struct wr_copy *copy = &page->copies[index];
    copy->bytes = (uint8_t *)page + (bytes - (uintptr_t)page);
    return copy;
}

static struct wr_copy *
take_given(struct wr_copies *copies)
{
    struct wr_copy *copy = copies->free;
    copies->free = copy->next;
    __builtin_prefetch(copies->free, 1, 3);
    return copy;
}

static void
fill(struct wr_copy *copy, const struct wr_bucket *bucket, size_t size)
{
#if defined(__SSE2__)
    for (size_t at = 0; at < size; at += sizeof(__m128i)) {
        __m128i part = _mm_loadu_si128((const void *)((const uint8_t *)bucket + at));
        _mm_stream_si128((void *)(copy->bytes + at), part);
    }
#else
    memcpy(copy->bytes, bucket, size);
#endif
}

struct wr_copy *
wr_copies_take(struct wr_copies *copies, const struct wr_bucket *bucket)
{
    bool is_given = copies->page_left == 0 && copies->free != NULL;
    struct wr_copy *copy = is_given ? take_given(copies) : take_fresh(copies);
    if (copy == NULL) {
        return NULL;
    }
    copy->next = NULL;
    copy->wanted_by = 0;
    fill(copy, bucket, copies->bucket_bytes);
    copies->in_use++;
    return copy;
}

/* All pages become idle. */
static void
idle_all(struct wr_copies *copies)
{
    copies->oldest->next = copies->idle_pages;
    copies->idle_pages = copies->pages;
    copies->idle_count += copies->used_count;
    copies->idle_since_ms = INT64_MAX;
    forget_pages(copies);
}

void
wr_copies_give(struct wr_copies *copies, struct wr_copy *copy)
{
    copy->next = copies->free;
    copies->free = copy;
    copies->in_use--;
    if (copies->in_use <= copies->in_use_at_refusal / 2) {
        copies->in_use_at_refusal = 0;
    }
    if (copies->in_use == 0) {
        idle_all(copies);
    }
}

void
wr_copies_note_begin(struct wr_copies *copies)
{
    copies->needed[1] = copies->needed[0];
    copies->needed[0] = copies->used_count;
    copies->was_refused = false;
}

static bool
is_short(const struct wr_copies *copies)
{
    return copies->was_refused || copies->state_pages != 0;
}

/* Whether there are idle pages that the next snapshot is not thought to want. */
static bool
has_surplus(const struct wr_copies *copies, int64_t now_ms)
{
    if (copies->idle_pages == NULL || copies->in_use != 0) {
        return false;
    }
    const uint64_t *needed = copies->needed;
    uint64_t kept = needed[0] > needed[1] ? needed[0] : needed[1];
    uint64_t idle_ms = (uint64_t)now_ms - (uint64_t)copies->idle_since_ms;
    return is_short(copies) || copies->idle_count > kept || idle_ms >= KEPT_MS;
}

bool
wr_copies_trim(struct wr_copies *copies, int64_t now_ms)
{
    if (now_ms < copies->idle_since_ms) { /* the first since they are idle, or a clock set back */
        copies->idle_since_ms = now_ms;
    }
    if (!has_surplus(copies, now_ms)) {
        return false;
    }
    if (!is_short(copies) && ++copies->trims % TRIM_EVERY != 0) {
        return true;
    }
    struct wr_copy_page *page = copies->idle_pages;
    copies->idle_pages = page->next;
    copies->idle_count--;
    page_free(copies, page);
    return has_surplus(copies, now_ms);
}

bool
wr_copies_drop_idle(struct wr_copies *copies)
{
    struct wr_copy_page *pages = copies->idle_pages;
    copies->idle_pages = NULL;
    copies->idle_count = 0;
    pages_free(copies, pages);
    return pages != NULL;
}

bool
wr_copies_pressed(const struct wr_copies *copies)
{
    return copies->in_use_at_refusal != 0;
}

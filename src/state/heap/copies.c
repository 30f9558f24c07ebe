/* SPDX-License-Identifier: Apache-2.0 */
/* copies: the pool behind chunk copy-on-write.
 *
 *   allocator --> pages, cut into nodes --last copy given back--> idle pages --trim--> allocator
 *
 * Pages are kept while any copy is in use, since the next write wants one; when the last is given
 * back all become idle, and idle ones are freed one by one, so that ending a snapshot is not a
 * stall.
 */
#include "state/heap/copies.h"

#include "base/memory.h"

enum {
    PAGE_BYTES = 64 << 10
};

struct wr_copy_page {
    struct wr_copy_page *next;
    bool is_state; /* which allocator it came from */
    struct wr_copy copies[(PAGE_BYTES - 16) / sizeof(struct wr_copy)];
};

void
wr_copies_init(struct wr_copies *copies, const weir_alloc *snapshot_alloc,
               const weir_alloc *state_alloc)
{
    *copies = (struct wr_copies){ .snapshot_alloc = *snapshot_alloc, .state_alloc = *state_alloc };
}

static void
page_free(struct wr_copies *copies, struct wr_copy_page *page)
{
    wr_memory_free(page->is_state ? &copies->state_alloc : &copies->snapshot_alloc, page,
                   sizeof *page);
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

void
wr_copies_fini(struct wr_copies *copies)
{
    pages_free(copies, copies->pages);
    pages_free(copies, copies->idle_pages);
    copies->pages = NULL;
    copies->idle_pages = NULL;
    copies->free = NULL;
}

static struct wr_copy_page *
page_ask(struct wr_copies *copies)
{
    struct wr_copy_page *page = wr_memory_resize(&copies->snapshot_alloc, NULL, 0, sizeof *page);
    if (page != NULL) {
        page->is_state = false;
        return page;
    }
    copies->in_use_at_refusal = copies->in_use + 1;
    page = wr_memory_resize(&copies->state_alloc, NULL, 0, sizeof *page);
    if (page != NULL) {
        page->is_state = true;
    }
    return page;
}

static bool
page_new(struct wr_copies *copies)
{
    struct wr_copy_page *page = copies->idle_pages;
    if (page != NULL) {
        copies->idle_pages = page->next;
    } else {
        page = page_ask(copies);
    }
    if (page == NULL) {
        return false;
    }
    page->next = copies->pages;
    copies->pages = page;
    for (size_t i = sizeof page->copies / sizeof page->copies[0]; i > 0; i--) {
        page->copies[i - 1].next = copies->free;
        copies->free = &page->copies[i - 1];
    }
    return true;
}

struct wr_copy *
wr_copies_take(struct wr_copies *copies)
{
    if (copies->free == NULL && !page_new(copies)) {
        return NULL;
    }
    struct wr_copy *copy = copies->free;
    copies->free = copy->next;
    copies->in_use++;
    return copy;
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
        struct wr_copy_page **end = &copies->pages;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        *end = copies->idle_pages;
        copies->idle_pages = copies->pages;
        copies->pages = NULL;
        copies->free = NULL;
    }
}

bool
wr_copies_trim(struct wr_copies *copies)
{
    struct wr_copy_page *page = copies->idle_pages;
    if (page == NULL || copies->in_use != 0) {
        return false;
    }
    copies->idle_pages = page->next;
    page_free(copies, page);
    return copies->idle_pages != NULL;
}

bool
wr_copies_pressed(const struct wr_copies *copies)
{
    return copies->in_use_at_refusal != 0;
}

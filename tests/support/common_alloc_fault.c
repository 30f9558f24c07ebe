/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_fault: every block stands between a head and a tail, and in the list of live ones.
 *
 *   | head: magic, size, request, next, previous | size bytes | 16 bytes 0xfd |
 *
 * Invariant: live_count and live_bytes are exact after every call, so a leak is a number, not a
 * guess. Misuse ends the process: a caller that gives back a wrong size would break every budget.
 */
#include "support/common_alloc_fault.h"

#include <stdlib.h>
#include <string.h>

enum {
    FILL_NEW = 0xcd,
    FILL_FREED = 0xdd,
    FILL_TAIL = 0xfd,
    TAIL_SIZE = 16,
    NAMED_LEAKS = 10
};

static const uint64_t magic_live = 0x657669616c726977ULL;
static const uint64_t magic_dead = 0x2064616564726977ULL;

struct alloc_fault_block {
    _Alignas(16) uint64_t magic;
    size_t size;
    uint64_t request;
    struct alloc_fault_block *next;
    struct alloc_fault_block *previous;
};

static _Noreturn void
misused(const char *what, size_t stated, const struct alloc_fault_block *block)
{
    fprintf(stderr,
            "alloc_fault: %s: the caller says %zu bytes, the block of request %llu has %zu\n", what,
            stated, (unsigned long long)block->request, block->size);
    abort();
}

static uint8_t *
block_data(struct alloc_fault_block *block)
{
    return (uint8_t *)(block + 1);
}

static struct alloc_fault_block *
block_of(void *ptr, size_t stated)
{
    struct alloc_fault_block *block = (struct alloc_fault_block *)ptr - 1;
    if (block->magic == magic_dead) {
        misused("freed or resized after it was freed", stated, block);
    }
    if (block->magic != magic_live) {
        fprintf(stderr, "alloc_fault: %p (%zu bytes) is no block of this allocator\n", ptr, stated);
        abort();
    }
    if (block->size != stated) {
        misused("wrong size given back", stated, block);
    }
    for (size_t i = 0; i < TAIL_SIZE; i++) {
        if (block_data(block)[block->size + i] != FILL_TAIL) {
            misused("written past the end", stated, block);
        }
    }
    return block;
}

static struct alloc_fault_block *
block_new(struct alloc_fault *fault, size_t size)
{
    struct alloc_fault_block *block = NULL;
    if (size > SIZE_MAX / 2 ||
        posix_memalign((void **)&block, 16, sizeof *block + size + TAIL_SIZE) != 0) {
        return NULL;
    }
    *block = (struct alloc_fault_block){
        .magic = magic_live, .size = size, .request = fault->requests, .next = fault->live
    };
    memset(block_data(block), FILL_NEW, size);
    memset(block_data(block) + size, FILL_TAIL, TAIL_SIZE);
    if (fault->live != NULL) {
        fault->live->previous = block;
    }
    fault->live = block;
    fault->live_count++;
    fault->live_bytes += size;
    if (fault->live_bytes > fault->live_bytes_max) {
        fault->live_bytes_max = fault->live_bytes;
    }
    return block;
}

static void
block_free(struct alloc_fault *fault, struct alloc_fault_block *block)
{
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        fault->live = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    fault->live_count--;
    fault->live_bytes -= block->size;
    block->magic = magic_dead;
    memset(block_data(block), FILL_FREED, block->size);
    free(block);
}

static bool
is_refused(struct alloc_fault *fault)
{
    fault->requests++;
    bool refused = fault->fail_at != 0 && (fault->requests == fault->fail_at ||
                                           (fault->sticky && fault->requests > fault->fail_at));
    fault->refused += refused;
    return refused;
}

static void *
resize_locked(struct alloc_fault *fault, void *ptr, size_t old_size, size_t new_size)
{
    struct alloc_fault_block *old = ptr == NULL ? NULL : block_of(ptr, old_size);
    if (ptr == NULL && old_size != 0) {
        fprintf(stderr, "alloc_fault: no pointer, but %zu old bytes\n", old_size);
        abort();
    }
    if (new_size == 0) {
        if (old != NULL) {
            block_free(fault, old);
        }
        return NULL;
    }
    struct alloc_fault_block *made = is_refused(fault) ? NULL : block_new(fault, new_size);
    if (made == NULL) {
        return NULL;
    }
    if (old != NULL) {
        memcpy(block_data(made), block_data(old), old_size < new_size ? old_size : new_size);
        block_free(fault, old);
    }
    return block_data(made);
}

static void *
fault_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct alloc_fault *fault = ctx;
    while (atomic_flag_test_and_set_explicit(&fault->busy, memory_order_acquire)) {
    }
    void *result = resize_locked(fault, ptr, old_size, new_size);
    atomic_flag_clear_explicit(&fault->busy, memory_order_release); /* pairs with the one above */
    return result;
}

void
alloc_fault_init(struct alloc_fault *fault, uint64_t fail_at, bool sticky)
{
    memset(fault, 0, sizeof *fault);
    fault->fail_at = fail_at;
    fault->sticky = sticky;
    atomic_flag_clear(&fault->busy);
}

weir_alloc
alloc_fault_alloc(struct alloc_fault *fault)
{
    return (weir_alloc){ .resize = fault_resize, .ctx = fault };
}

size_t
alloc_fault_leaks(struct alloc_fault *fault, FILE *out)
{
    int named = 0;
    if (out != NULL && fault->live_count > 0) {
        fprintf(out, "alloc_fault: %zu blocks with %zu bytes are alive\n", fault->live_count,
                fault->live_bytes);
    }
    for (const struct alloc_fault_block *at = fault->live;
         out != NULL && at != NULL && named < NAMED_LEAKS; at = at->next) {
        fprintf(out, "  request %llu: %zu bytes\n", (unsigned long long)at->request, at->size);
        named++;
    }
    return fault->live_count;
}

void
alloc_fault_fini(struct alloc_fault *fault)
{
    while (fault->live != NULL) {
        block_free(fault, fault->live);
    }
}

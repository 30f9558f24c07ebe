/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/common_alloc_fault.h: an allocator that counts, fails the n-th request, knows what
 * is still alive, and ends the process with words on misuse (wrong size, freed twice, written past
 * the end).
 *
 * New memory is filled with 0xcd, freed memory with 0xdd; a resize always moves. Thread: any.
 */
#ifndef WEIR_TESTS_COMMON_ALLOC_FAULT_H
#define WEIR_TESTS_COMMON_ALLOC_FAULT_H

#include "weir/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct alloc_fault_block;

struct alloc_fault {
    uint64_t fail_at;  /* the request to refuse, from 1; 0: none. Set it before or between runs. */
    bool sticky;       /* all later requests too */
    uint64_t requests; /* for memory: new or resized; frees are no requests */
    uint64_t refused;
    size_t live_count;
    size_t live_bytes;
    size_t live_bytes_max;
    struct alloc_fault_block *live; /* newest first */
    atomic_flag busy;
};

void alloc_fault_init(struct alloc_fault *fault, uint64_t fail_at, bool sticky);
/* The allocator to hand out; `fault` is lent and must not move. */
weir_alloc alloc_fault_alloc(struct alloc_fault *fault);
/* How many blocks are alive: 0 is "no leak". Names up to ten of them on `out` (NULL: silent): size
 * and number of the request that made it, which a rerun of the same steps makes again. */
size_t alloc_fault_leaks(struct alloc_fault *fault, FILE *out);
/* Frees what is alive, for tests that leak on purpose or were cut off. */
void alloc_fault_fini(struct alloc_fault *fault);

#endif /* WEIR_TESTS_COMMON_ALLOC_FAULT_H */

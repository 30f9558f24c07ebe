/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/common_os_fault.h: a system on top of another one that fails the n-th call.
 *
 * A test counts the calls of a run with fail_at 0, then runs once for every n. Every entry that can
 * fail is a point; clocks, wait and wake are not. A failed call has no effect below, but for close,
 * which always closes, and for `after`.
 */
#ifndef WEIR_TESTS_COMMON_OS_FAULT_H
#define WEIR_TESTS_COMMON_OS_FAULT_H

#include "os/os.h"

enum {
    OS_FAULT_SHORT = -1,
    OS_FAULT_EINTR_ROW = 100
};

struct os_fault_plan {
    uint64_t fail_at; /* the call to fail, from 1; 0: none */
    int error;        /* an errno, or OS_FAULT_SHORT: half of what was asked for, whole sectors */
    bool sticky;      /* later calls for files and sockets too; EINTR: a hundred in a row */
    bool after;       /* a change takes effect, and yet the call fails */
    const char *only; /* count and fail only this entry of the table, by name; NULL: all */
    /* Besides: each call fails by chance, with EIO, ENOSPC, EINTR or short. 0: none. */
    unsigned per_mille;
    uint64_t seed;
};

struct os_fault {
    struct wr_os os; /* give &fault.os to the code under test */
    struct wr_os *inner;
    struct os_fault_plan plan;
    uint64_t calls;  /* seen so far, of plan.only if set */
    uint64_t failed; /* how many were failed */
    bool hit;        /* fail_at was reached and the failure given: the point counts as covered */
    const char *hit_name; /* of the first failed entry; NULL: none yet */
    char hit_path[200];   /* "" where the entry takes none */
    uint64_t random_state;
};

/* `inner` is lent. The value must not move afterwards. */
void os_fault_init(struct os_fault *fault, struct wr_os *inner, const struct os_fault_plan *plan);
/* Each call of a run fails in each way: by EIO, ENOSPC, EINTR and short, once and from then on,
 * with and without effect. `run` makes one run and says whether the plan's point was hit. Answers
 * how many were. */
unsigned os_fault_every_point(bool (*run)(const struct os_fault_plan *plan));

#endif /* WEIR_TESTS_COMMON_OS_FAULT_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/attempts.h: the checkpoints and savepoints under way, and which tasks have answered.
 * Of the coordinator, no one else. Thread: coordinator.
 */
#ifndef WR_CHECKPOINT_ATTEMPTS_H
#define WR_CHECKPOINT_ATTEMPTS_H

#include "checkpoint/requests.h"

enum wr_attempt_phase {
    WR_ATTEMPT_PENDING,
    WR_ATTEMPT_STORING,
    WR_ATTEMPT_NOTIFYING
};

struct wr_attempt {
    uint64_t id;
    uint64_t base_id; /* its files may be changes to those of this one or of a newer one; 0: any */
    enum wr_attempt_phase phase;
    struct wr_request request;
    uint64_t deadline_ns;      /* for the answers of all */
    uint32_t unanswered_count; /* acknowledged while PENDING, were notified while NOTIFYING */
    bool *has_answered;        /* one a task; lent by the table */
};

/* Invariant: entries are ascending, since ids only grow. */
struct wr_attempts {
    struct wr_attempt *entries;
    size_t count;
    size_t room;
    bool *answers; /* room x task_count */
    uint32_t task_count;
};

weir_status wr_attempts_init(struct wr_attempts *attempts, const weir_alloc *alloc, size_t room,
                             uint32_t task_count);
void wr_attempts_fini(struct wr_attempts *attempts, const weir_alloc *alloc);

/* A PENDING one with no answers yet, its id greater than all others'. Lent until one is removed. */
struct wr_attempt *wr_attempts_add(struct wr_attempts *attempts, uint64_t id);
struct wr_attempt *wr_attempts_find(const struct wr_attempts *attempts,
                                    uint64_t id); /* NULL: none; lent until one is removed */
void wr_attempts_remove(struct wr_attempts *attempts, struct wr_attempt *attempt);

/* All tasks are to answer, again. */
void wr_attempts_await(struct wr_attempts *attempts, struct wr_attempt *attempt);
/* Takes a task's answer; tells whether it was the last one missing. */
bool wr_attempt_is_last_answer(struct wr_attempt *attempt, uint32_t task);

/* How many are under way that are savepoints, or are not. */
size_t wr_attempts_count(const struct wr_attempts *attempts, bool are_savepoints);
bool wr_attempts_have_last(const struct wr_attempts *attempts);

#endif /* WR_CHECKPOINT_ATTEMPTS_H */

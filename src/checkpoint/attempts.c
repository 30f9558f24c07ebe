/* SPDX-License-Identifier: Apache-2.0 */
/* attempts: an array of at most a few dozen, in the order of ids. A row of answers goes with its
 * entry; a removed one's goes behind the last, where the next attempt finds it.
 */
#include "checkpoint/attempts.h"

#include "base/check.h"

#include <string.h>

weir_status
wr_attempts_init(struct wr_attempts *attempts, const weir_alloc *alloc, size_t room,
                 uint32_t task_count)
{
    struct wr_attempt *entries = wr_memory_new(alloc, room * sizeof *entries);
    bool *answers = wr_memory_new(alloc, room * task_count * sizeof *answers);
    if (entries == NULL || answers == NULL) {
        wr_memory_free(alloc, entries, room * sizeof *entries);
        wr_memory_free(alloc, answers, room * task_count * sizeof *answers);
        return WEIR_NOMEM;
    }
    for (size_t i = 0; i < room; i++) {
        entries[i].has_answered = answers + i * task_count;
    }
    *attempts = (struct wr_attempts){
        .entries = entries, .room = room, .answers = answers, .task_count = task_count
    };
    return WEIR_OK;
}

void
wr_attempts_fini(struct wr_attempts *attempts, const weir_alloc *alloc)
{
    wr_memory_free(alloc, attempts->entries, attempts->room * sizeof *attempts->entries);
    wr_memory_free(alloc, attempts->answers,
                   attempts->room * attempts->task_count * sizeof *attempts->answers);
}

struct wr_attempt *
wr_attempts_add(struct wr_attempts *attempts, uint64_t id)
{
    wr_assert(attempts->count < attempts->room);
    struct wr_attempt *attempt = &attempts->entries[attempts->count];
    wr_assert(attempts->count == 0 || attempt[-1].id < id);
    *attempt = (struct wr_attempt){ .id = id, .has_answered = attempt->has_answered };
    attempts->count++;
    wr_attempts_await(attempts, attempt);
    return attempt;
}

struct wr_attempt *
wr_attempts_find(const struct wr_attempts *attempts, uint64_t id)
{
    for (size_t i = 0; i < attempts->count; i++) {
        if (attempts->entries[i].id == id) {
            return &attempts->entries[i];
        }
    }
    return NULL;
}

void
wr_attempts_remove(struct wr_attempts *attempts, struct wr_attempt *attempt)
{
    bool *row = attempt->has_answered;
    struct wr_attempt *last = &attempts->entries[attempts->count - 1];
    memmove(attempt, attempt + 1, (size_t)(last - attempt) * sizeof *attempt);
    *last = (struct wr_attempt){ .has_answered = row };
    attempts->count--;
}

void
wr_attempts_await(struct wr_attempts *attempts, struct wr_attempt *attempt)
{
    attempt->unanswered_count = attempts->task_count;
    memset(attempt->has_answered, 0, attempts->task_count * sizeof *attempt->has_answered);
}

bool
wr_attempt_is_last_answer(struct wr_attempt *attempt, uint32_t task)
{
    if (attempt->has_answered[task]) {
        return false;
    }
    attempt->has_answered[task] = true;
    attempt->unanswered_count--;
    return attempt->unanswered_count == 0;
}

size_t
wr_attempts_count(const struct wr_attempts *attempts, bool are_savepoints)
{
    size_t count = 0;
    for (size_t i = 0; i < attempts->count; i++) {
        count += wr_checkpoint_is_savepoint(attempts->entries[i].request.kind) == are_savepoints;
    }
    return count;
}

bool
wr_attempts_have_last(const struct wr_attempts *attempts)
{
    for (size_t i = 0; i < attempts->count; i++) {
        if (wr_request_is_last(&attempts->entries[i].request)) {
            return true;
        }
    }
    return false;
}

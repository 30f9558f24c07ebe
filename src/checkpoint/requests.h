/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/requests.h: what was asked for and waits for its turn. Of the coordinator, no one
 * else. Flink's CP9: savepoints first, then checkpoints, each the oldest first; at most 1,000.
 * Thread: coordinator.
 */
#ifndef WR_CHECKPOINT_REQUESTS_H
#define WR_CHECKPOINT_REQUESTS_H

#include "base/memory.h"
#include "snapshot/manifest.h"

/* What an attempt is made for; of periodic and last ones too. */
struct wr_request {
    uint64_t number; /* 0: nobody asked */
    enum wr_checkpoint_kind kind;
    enum wr_sharing sharing;
    bool is_last_of_job; /* a WR_SAVEPOINT with which the job is cancelled */
};

enum {
    WR_REQUESTS_MAX = 1000
};

struct wr_requests {
    struct wr_request *entries; /* WR_REQUESTS_MAX, in the order of their turns */
    size_t count;
};

/* No checkpoint may begin behind it, unless it fails. */
static inline bool
wr_request_is_last(const struct wr_request *request)
{
    return wr_checkpoint_is_last(request->kind) || request->is_last_of_job;
}

/* Once it is complete all functions are told, and what is older and under way is of no use. */
static inline bool
wr_request_commits(const struct wr_request *request)
{
    return !wr_checkpoint_is_savepoint(request->kind) || wr_checkpoint_is_last(request->kind);
}

weir_status wr_requests_init(struct wr_requests *requests, const weir_alloc *alloc);
void wr_requests_fini(struct wr_requests *requests, const weir_alloc *alloc);
bool wr_requests_are_full(const struct wr_requests *requests);
void wr_requests_add(struct wr_requests *requests, struct wr_request request); /* not full */
struct wr_request wr_requests_take(struct wr_requests *requests, size_t index);
/* Whether one of them is to be the last of the job. */
bool wr_requests_have_last(const struct wr_requests *requests);

#endif /* WR_CHECKPOINT_REQUESTS_H */

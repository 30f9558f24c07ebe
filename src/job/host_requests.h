/* SPDX-License-Identifier: Apache-2.0 */
/* job/host_requests.h: what hosts have asked the checkpoint coordinator for, and the answers.
 *
 *   any thread     add -> number                look(number), wait for an answer
 *   coordinator    take -> begin -> complete or fail; at the job's end: close
 *
 * A row is answered once and then only read; the last WR_REQUESTS_KEPT_MAX answers are kept.
 * Thread: add, look and await any; else the coordinator. One leaf lock guards the rows
 * (docs/internals/locks.md).
 */
#ifndef WR_JOB_HOST_REQUESTS_H
#define WR_JOB_HOST_REQUESTS_H

#include "base/role.h"
#include "os/mutex.h"
#include "snapshot/manifest.h"
#include "weir/job.h"

#include <stdatomic.h>

enum {
    WR_REQUESTS_UNDER_WAY_MAX = 1100, /* what the coordinator queues, and then some */
    WR_REQUESTS_KEPT_MAX = 1000
};

/* What is asked for. */
struct wr_request_wish {
    enum wr_checkpoint_kind kind; /* MANUAL or a savepoint's */
    enum wr_sharing sharing;
    bool cancel;           /* the job is cancelled once the savepoint is complete */
    const char *directory; /* a savepoint's target; copied. NULL: a checkpoint */
    bool is_disposal;      /* of the snapshot in `directory`; kind and sharing mean nothing */
};

struct wr_request_row;

struct wr_host_requests {
    struct wr_os *os;
    weir_alloc alloc;
    _Atomic uint32_t answers; /* futex word: counts answers */
    struct wr_mutex lock;
    /* guarded by `lock` */
    struct wr_request_row *oldest, *newest; /* by number */
    struct wr_request_row *untaken;         /* the first that the coordinator has not taken */
    uint64_t last_number;
    uint32_t under_way_count;
    uint32_t answered_count;
    bool is_closed;
};

void wr_host_requests_init(struct wr_host_requests *requests, struct wr_os *os,
                           const weir_alloc *alloc);
void wr_host_requests_fini(struct wr_host_requests *requests); /* nobody waits any more */

/* WEIR_NOMEM; WEIR_LIMIT: WR_REQUESTS_UNDER_WAY_MAX wait already; WEIR_CANCELLED: closed. */
weir_status wr_host_requests_add(struct wr_host_requests *requests,
                                 const struct wr_request_wish *wish, uint64_t *out_number,
                                 weir_error *err);
/* Fills all but `size`. WEIR_NOT_FOUND. */
weir_status wr_host_requests_look(struct wr_host_requests *requests, uint64_t number,
                                  weir_request_report *out_report);
/* The same, at most timeout_ns later, and earlier only with an answer. */
weir_status wr_host_requests_await(struct wr_host_requests *requests, uint64_t number,
                                   uint64_t timeout_ns, weir_request_report *out_report);

/* The oldest that was not taken yet. The directory is lent until the answer. False: none. */
bool wr_host_requests_take(struct wr_host_requests *requests, uint64_t *out_number,
                           struct wr_request_wish *out_wish) WR_ON(coordinator);
/* What was asked for by one that was taken and is not answered. False: no such. */
bool wr_host_requests_recall(struct wr_host_requests *requests, uint64_t number,
                             struct wr_request_wish *out_wish) WR_ON(coordinator);
/* An unknown number (0 is always), or one that is answered: nothing. */
void wr_host_requests_begin(struct wr_host_requests *requests, uint64_t number,
                            uint64_t checkpoint_id) WR_ON(coordinator);
void wr_host_requests_complete(struct wr_host_requests *requests, uint64_t number, const char *path)
    WR_ON(coordinator);
void wr_host_requests_fail(struct wr_host_requests *requests, uint64_t number,
                           const weir_error *error) WR_ON(coordinator);
/* All that are taken and not answered; with `untaken` the others too. */
void wr_host_requests_fail_all(struct wr_host_requests *requests, bool untaken,
                               const weir_error *error) WR_ON(coordinator);
/* Fails all; none is added any more. */
void wr_host_requests_close(struct wr_host_requests *requests, const weir_error *error)
    WR_ON(coordinator);

#endif /* WR_JOB_HOST_REQUESTS_H */

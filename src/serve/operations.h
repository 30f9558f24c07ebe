/* SPDX-License-Identifier: Apache-2.0 */
/* serve/operations.h: what clients have set off and ask about later: Flink's asynchronous
 * operations, by trigger id.
 *
 *   POST -> wr_operations_add -> trigger id        GET -> wr_operations_find -> state, answer
 *
 * A row holds a request's number until the job has answered it, then the answer, for
 * rest.async.store-duration. Zeroed rows are ready for use. The clock is the caller's: milliseconds
 * that never go back.
 * Thread: server, except wr_operations_all_seen.
 */
#ifndef WR_SERVE_OPERATIONS_H
#define WR_SERVE_OPERATIONS_H

#include "weir/job.h"

#include <stdatomic.h>

enum {
    WR_OPERATIONS_MAX = 1000, /* at the limit the oldest answer goes; none under way does */
    WR_TRIGGER_ID_SIZE = 32   /* hex digits */
};

/* Whose trigger ids they are: each kind has its own. */
enum wr_operation_kind {
    WR_OPERATION_SAVEPOINT = 1, /* stops too */
    WR_OPERATION_CHECKPOINT = 2,
    WR_OPERATION_DISPOSAL = 3
};

struct wr_operation {
    char trigger_id[WR_TRIGGER_ID_SIZE + 1]; /* hex, lower case */
    enum wr_operation_kind kind;
    uint64_t request; /* weir_job_request_wait's */
    weir_request_state state;
    uint64_t checkpoint_id;
    char *words; /* COMPLETED: where it is; FAILED: why; else NULL */
    uint64_t answered_ms;
    bool is_seen; /* a client has had the answer */
};

struct wr_operations {
    struct wr_operation *rows; /* oldest first */
    size_t count;
    size_t room;
    _Atomic uint32_t unseen_count; /* rows that are not seen */
};

void wr_operations_fini(struct wr_operations *operations);

/* Makes a trigger id, or takes the client's (32 hex digits in any case). WEIR_INVALID, WEIR_IO. */
weir_status wr_trigger_id_make(const char *wanted, char out[WR_TRIGGER_ID_SIZE + 1],
                               weir_error *err);

/* Looks whether it was answered. */
void wr_operations_look(struct wr_operation *operation, weir_job *job, uint64_t now_ms);
/* Looks at the oldest that are under way, and drops what was answered store_ms ago or longer. */
void wr_operations_refresh(struct wr_operations *operations, weir_job *job, uint64_t store_ms,
                           uint64_t now_ms);
/* Lent until the next call that is not a find. NULL: none. */
struct wr_operation *wr_operations_find(struct wr_operations *operations,
                                        enum wr_operation_kind kind, const char *trigger_id);
/* Makes room for one more, so that adding cannot fail. WEIR_LIMIT: all are under way. WEIR_NOMEM.
 */
weir_status wr_operations_reserve(struct wr_operations *operations, weir_error *err);
/* Behind a reserve. */
void wr_operations_add(struct wr_operations *operations, enum wr_operation_kind kind,
                       const char *trigger_id, uint64_t request);
/* The client gets the answer now. */
void wr_operations_see(struct wr_operations *operations, struct wr_operation *operation);

struct weir_server;
/* True: nobody waits for an answer any more. A handler says that it was fetched, so the bytes may
 * still be on their way. Thread: any. */
bool wr_operations_all_seen(const struct weir_server *server);

#endif /* WR_SERVE_OPERATIONS_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/witness.h: stands between the job and its checkpoint coordinator: sees each fact and
 * each command, and holds them to the protocol.
 *
 *   (1) Ids that are triggered only grow; at most max_concurrent checkpoints that are no savepoints
 *       are pending.
 *   (2) STORE only when every task has acknowledged this very id, and only once; never after ABORT.
 *   (3) The fact STORED only when it is visible and whole; NOTIFY and RELEASE only after it.
 *   (4) What is subsumed is a checkpoint older than one that is stored, never a savepoint; none
 * expires but for a trouble. (5) DROP only of what was stored, when every task was notified of a
 * newer one, or at the end.
 *
 * The program is linked with --wrap for wr_coordinator_create, _destroy and _step, and for
 * wr_job_pending_acknowledge. One thread.
 */
#ifndef WEIR_TESTS_SIM_WITNESS_H
#define WEIR_TESTS_SIM_WITNESS_H

#include "checkpoint/coordinator.h"
#include "sim/marks.h"
#include "sim/store.h"

enum {
    WITNESS_IDS = 64,
    WITNESS_TASKS = 64,
    WITNESS_COORDINATORS = 8
};

enum witness_stage {
    WITNESS_PENDING = 1,
    WITNESS_STORING,
    WITNESS_STORED,
    WITNESS_NOTIFYING,
    WITNESS_NOTIFIED,
    WITNESS_ABORTED,
    WITNESS_GONE
};

struct witness_id {
    uint64_t id; /* 0: free */
    enum witness_stage stage;
    enum wr_checkpoint_kind kind;
    uint64_t acknowledged; /* a bit a task */
    bool is_declined;      /* by some task */
    bool has_store_failed;
};

/* What was seen of one coordinator. */
struct witness_record {
    const struct wr_coordinator *coordinator; /* NULL: free */
    struct wr_coordinator_settings settings;
    struct witness_id ids[WITNESS_IDS]; /* by id modulo their number */
    uint64_t last_id;
    uint64_t task_notified[WITNESS_TASKS]; /* the newest that each was notified of */
    uint64_t newest_notified;              /* by all */
    uint64_t newest_stored;
    bool started; /* all tasks run */
    bool ended;
};

struct witness {
    struct lab *lab;
    struct store *store;
    struct sim_totals *totals;
    bool is_slow; /* syncs take longer than a checkpoint may */
    bool trace;   /* says each fact and command, by the numbers of checkpoint/coordinator.h */
    struct witness_record records[WITNESS_COORDINATORS];
    uint64_t start_count; /* how often all tasks of the newest came to run */
    struct witness_record
        *newest; /* of the coordinator that the newest process made last; NULL: none */
};

/* From now on, until it is given NULL. Lent. */
void witness_set(struct witness *witness);
/* The process was killed, or will be at once: counts what was under way. Answers the id that some
 * tasks may have committed and not all have said so; 0: none. */
uint64_t witness_kill(struct witness *witness);

#endif /* WEIR_TESTS_SIM_WITNESS_H */

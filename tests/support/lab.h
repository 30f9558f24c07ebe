/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/lab.h: a whole job in one thread on a simulated system, the shipped objects.
 *
 *   lab_init -> lab_attempt (create, begin, steps until ended or cut off, destroy) ... -> lab_judge
 * -> lab_fini
 *
 * The schedule is drawn from the seed: which actor steps next, when the clock moves. The job is one
 * of the examples, its output is judged by an oracle that computes everything anew.
 */
#ifndef WEIR_TESTS_SUPPORT_LAB_H
#define WEIR_TESTS_SUPPORT_LAB_H

#include "base/rng.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"
#include "support/common_os_sim.h"
#include "weir/job.h"

enum lab_job {
    LAB_SEQUENCE_SUM,
    LAB_WORDCOUNT,
    LAB_SOCKET, /* the word count over a socket: at most once */
    LAB_WINDOWS /* window_job: event time, timers, rules, every kind of keyed state */
};

/* A committed file as it was first seen; it must never change or go. */
struct lab_seen {
    char name[256];
    uint64_t hash;
    size_t size;
};

/* When a checkpoint was reported complete: how many operations the log had. */
struct lab_mark {
    size_t log_count;
    uint64_t checkpoint_id;
};

struct lab {
    struct os_sim *sim;
    struct wr_rng rng;
    enum lab_job job;
    uint64_t events; /* sequence_sum, windows: indexes; wordcount: lines of input */
    uint64_t keys;
    uint64_t input_seed;
    struct lab_seen *seen;
    size_t seen_count;
    size_t seen_room;
    struct lab_mark marks[64];
    size_t mark_count;
    struct wr_os *observer; /* looks at files as another process */
    char words[2048];       /* why the verdict is bad */
};

/* How one attempt runs. Zero is a good default for most. */
struct lab_attempt {
    uint32_t parallelism;
    uint32_t batch_size;
    uint32_t batches_per_channel;
    uint64_t interval_ms; /* 0: no periodic checkpoints, and no directory */
    uint32_t tolerable;
    uint32_t retained;
    bool at_least_once;
    bool incremental;    /* checkpoints build on the last completed one */
    bool inlined;        /* small state files stand in _metadata; else everything is a file */
    const char *restore; /* NULL: latest if one is there, else empty */
    bool start_empty;    /* no restore at all, whatever is there */
    bool take_over;
    uint64_t rate;             /* events a second of simulated time; 0: no limit */
    uint64_t stop_after_steps; /* weir_job_stop then; 0: never */
    uint64_t steps_max;        /* 0: 2,000,000; reaching it is a failure of liveness */
    struct wr_os *os;          /* the system to run on; NULL: the sim's main process */
    struct alloc_fault *alloc; /* NULL: the system's allocator */
    bool watch;                /* judge the committed output while it runs */
};

struct lab_outcome {
    weir_status created;  /* weir_job_create's */
    weir_job_state state; /* the last one; 0 if it was not created */
    weir_error error;
    uint64_t steps;
    uint64_t checkpoints;
    uint64_t restored_id;
    bool finished_before; /* latest: said FINISHED */
};

void lab_init(struct lab *lab, uint64_t seed, enum lab_job job, uint64_t events, uint64_t keys);
void lab_fini(struct lab *lab);
/* LAB_SOCKET: the next connection meets three lines in pieces. */
void lab_listen(struct lab *lab);
/* Replaces the system (after a power cut); the lab owns it. */
void lab_use(struct lab *lab, struct os_sim *sim);

void lab_run(struct lab *lab, const struct lab_attempt *attempt, struct lab_outcome *out);
/* SIGKILL for all; completed operations stay. */
void lab_kill(struct lab *lab);
/* True if latest: has an answer: a complete checkpoint, or a job that has finished. */
bool lab_has_checkpoint(struct lab *lab);

/* Reads the committed output: false (with words) if something seen before changed or is gone, or if
 * it cannot be the prefix of a right run. `complete`: all events must be there. */
bool lab_judge(struct lab *lab, bool complete);

#define LAB_CHECKPOINTS "/var/state"
#define LAB_OUTPUT      "/srv/out"
#define LAB_INPUT       "/in"

#endif /* WEIR_TESTS_SUPPORT_LAB_H */

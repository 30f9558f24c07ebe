/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/lab.h: a whole job in one thread on a simulated system, the shipped objects.
 *
 *   lab_init -> lab_run (lab_open, lab_turn until it has ended or is cut off, lab_close) ...
 *            -> lab_judge -> lab_fini
 *
 * The schedule is drawn from the seed: which actor steps next, when the clock moves. The job is one
 * of the examples or of the tests', its output is judged by an oracle that computes everything
 * anew, file by file as they become visible.
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
    LAB_SOCKET,  /* the word count over a socket: at most once */
    LAB_WINDOWS, /* window_job: event time, timers, rules, every kind of keyed state */
    LAB_RELAY    /* relay_job: two sources, an operator between two exchanges; fails when told to */
};

/* A committed file as it was first seen; it must never change or go. */
struct lab_seen {
    char name[256];
    uint64_t hash;
    size_t size;
    uint64_t checkpoint_id; /* that its name says */
    struct os_sim_place place;
    bool is_there; /* false: a power cut took its name; it must come back as it was */
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
    uint64_t judged_moves; /* os_sim_move_count at the last look; nothing moved: nothing to see */
    struct lab_oracle *oracle;  /* what it knows of the right output; made at the first look */
    struct relay_orders *relay; /* LAB_RELAY: lent; NULL: nothing goes wrong in its functions */
    struct lab_life *newest;    /* opened last; for is_settled alone */
    bool is_settled;            /* what was pending when it was restored is committed by now */
    bool duplicates_allowed;    /* at least once: nothing may be missing */
    struct wr_os *observer;     /* looks at files as another process */
    char words[2048];           /* why the verdict is bad */
};

/* An option of the job, beyond those that an attempt names. */
struct lab_option {
    const char *key;
    char value[64];
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
    bool no_restore;     /* the same without saying so: refused beside a checkpoint */
    bool take_over;
    uint64_t rate;             /* events a second of simulated time; 0: no limit */
    uint64_t stop_after_steps; /* weir_job_stop then; 0: never */
    uint64_t steps_max;        /* 0: 2,000,000; reaching it is a failure of liveness */
    struct wr_os *os;          /* the system to run on; NULL: the sim's main process */
    struct alloc_fault *alloc; /* NULL: the system's allocator */
    bool watch;                /* judge the committed output while it runs */
    bool unaligned;
    uint64_t aligned_timeout_ms;      /* with unaligned */
    uint64_t min_pause_ms;            /* between two checkpoints */
    uint64_t timeout_ms;              /* of a checkpoint; 0: the default */
    uint32_t max_concurrent;          /* 0: 1 */
    uint32_t restarts;                /* fixed-delay with so many attempts; 0: none */
    const struct lab_option *options; /* more of them; set last */
    size_t option_count;
    weir_claim_mode claim; /* of `restore` */
    uint32_t slow_actors; /* so many, drawn at the start, are stepped when they come up once more */
    uint32_t starve;      /* in a draw of so many; more: slower still */
    void (*log)(void *log_argument, char level, const char *text); /* what the job says; or NULL */
    void *log_argument;
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

/* log: of all changes on the disk, so that power cuts can be made of it. */
void lab_init_with(struct lab *lab, uint64_t seed, enum lab_job job, uint64_t events, uint64_t keys,
                   bool log);
void lab_init(struct lab *lab, uint64_t seed, enum lab_job job, uint64_t events, uint64_t keys);
void lab_fini(struct lab *lab);
/* LAB_SOCKET: the next connection meets three lines in pieces. */
void lab_listen(struct lab *lab);
/* Replaces the system (after a power cut); the lab owns it. */
void lab_use(struct lab *lab, struct os_sim *sim);

void lab_run(struct lab *lab, const struct lab_attempt *attempt, struct lab_outcome *out);

/* The same by hand, so that others may act between two steps, or two jobs run side by side. */
struct lab_life;
/* NULL: out says why there is no job. What the attempt points to is lent until close. */
struct lab_life *lab_open(struct lab *lab, const struct lab_attempt *attempt,
                          struct lab_outcome *out);
/* One step of one actor. False: the job has ended, or lab->words says what is wrong. */
bool lab_turn(struct lab_life *life);
weir_job *lab_job_of(struct lab_life *life); /* lent */
/* The coordinator has something to do that no letter tells: after stop, cancel. */
void lab_wake(struct lab_life *life);
void lab_close(struct lab_life *life, struct lab_outcome *out);
/* SIGKILL for all; completed operations stay. */
void lab_kill(struct lab *lab);
/* True if latest: has an answer: a complete checkpoint, or a job that has finished. */
bool lab_has_checkpoint(struct lab *lab);
/* True if there is a complete checkpoint of a job that has not finished: who starts from nothing
 * beside it must be refused. */
bool lab_goes_on(struct lab *lab);

/* Reads the committed output: false (with words) if something seen before changed or is gone, or if
 * it cannot be the prefix of a right run. `complete`: all events must be there. */
bool lab_judge(struct lab *lab, bool complete);
/* The power came back: files whose commit was not durable may be gone, until the job has committed
 * them again. */
void lab_forgive(struct lab *lab);

#define LAB_CHECKPOINTS "/var/state"
#define LAB_OUTPUT      "/srv/out"
#define LAB_INPUT       "/in"

#endif /* WEIR_TESTS_SUPPORT_LAB_H */

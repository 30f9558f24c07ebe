/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/attempt.h: one attempt of a story: a process that runs the job until it ends, is
 * killed, is stopped in its tracks, or loses its power. */
#ifndef WEIR_TESTS_SIM_ATTEMPT_H
#define WEIR_TESTS_SIM_ATTEMPT_H

#include "sim/asked.h"
#include "sim/draw.h"
#include "sim/story.h"
#include "sim/witness.h"

enum attempt_end {
    ATTEMPT_RUNS,
    ATTEMPT_OVER,   /* the job has ended, or was not created */
    ATTEMPT_KILLED, /* the power may be cut besides */
    ATTEMPT_FROZEN  /* its process lives on, without a step */
};

/* On the heap: a frozen one outlives the attempt after it. */
struct attempt {
    struct lab_attempt settings;
    struct wr_os *process;
    struct os_fault fault; /* on top of it */
    struct relay_orders orders;
    struct lab_life *life; /* NULL: not created, or closed */
    struct lab_outcome outcome;
    struct asked_list asked;
    struct trouble troubles[TROUBLES_MAX];
    unsigned trouble_count;
    uint64_t step;
    enum attempt_end end;
    bool is_cut;   /* the power, not only the process */
    bool may_fail; /* something happened that a job may fail for */
    bool was_restored;
    bool was_full;        /* the disk */
    bool was_cancelled;   /* by the user, without a savepoint */
    uint64_t start_count; /* of the witness, as far as it was looked at */
};

struct story {
    const struct story_options *options;
    struct draw draw;
    struct lab lab;
    struct store store;
    struct witness witness;
    struct sim_totals *totals;
    struct attempt *zombie; /* frozen; NULL: none */
    bool zombie_holds;      /* the job: nobody has taken over yet */
    uint64_t zombie_wakes;  /* at this step of the attempt after it */
    uint64_t repeated_id;   /* whose commits may have been made in part by who was killed */
    char resume[200];       /* the savepoint that the next attempt starts from; "": none */
    bool has_resumed;       /* several job ids stand in the checkpoint directory */
    char latest[100];       /* what goes on where the job was */
    uint64_t hash;
    unsigned trouble_count; /* drawn so far */
    uint32_t parallelism;   /* of the attempt before */
    bool is_cancelled;      /* and with it its checkpoints: there is nothing to go on with */
    bool may_leave;         /* the last attempt may not have removed everything */
};

/* Draws its troubles; opens the job in a process of its own. */
struct attempt *attempt_begin(struct story *story, const struct lab_attempt *settings, bool calm);
/* Until its end. False: lab.words says what is wrong. */
bool attempt_run(struct story *story, struct attempt *attempt);
/* Closes what is left of the job, its outcome is known then. A frozen one stays as it is. */
void attempt_close(struct story *story, struct attempt *attempt);
/* Of a savepoint that nobody will start from any more, if the draw hits one. */
void attempt_dispose(struct story *story, uint64_t draw);
void attempt_free(struct attempt *attempt);
void attempt_say(const struct story *story, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* WEIR_TESTS_SIM_ATTEMPT_H */

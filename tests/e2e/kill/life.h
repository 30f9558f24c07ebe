/* SPDX-License-Identifier: Apache-2.0 */
/* life.h: one process of a job, from `weir run` to its death, and the place where it works.
 *
 *   <work>/checkpoints  <work>/output  <work>/input (wordcount)  <work>/log  <work>/trace
 */
#ifndef KILL_LIFE_H
#define KILL_LIFE_H

#include "calls.h"
#include "oracle.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LIFE_PATH = 1024
};

struct place {
    char build[LIFE_PATH]; /* where weir, examples/ and the preloaded library are */
    char work[LIFE_PATH];
    bool is_words;
    const char *engine; /* state.backend.type */
    bool incremental;
    bool unaligned;
    bool at_least_once;
    bool supervised; /* by a parent, which starts the next life */
    uint64_t seed;
    uint64_t random; /* the state of draw */
    uint64_t events; /* sequence_sum */
    uint64_t keys;
    struct oracle *oracle;
};

/* Makes an empty place with its oracle; wordcount: with an input of `events` lines. */
bool place_open(struct place *place);
/* Removes it where all went well. */
void place_close(struct place *place, bool good);
/* A number in [least, most] of the place's seed. */
uint64_t draw(struct place *place, uint64_t least, uint64_t most);
bool place_has_checkpoint(const struct place *place);
/* Copies the end of the last life's words to stderr. */
void place_show_log(const struct place *place);
/* Whether the last life said so. */
bool place_log_has(const struct place *place, const char *words);

/* Where a life ends; call CALL_COUNT: nowhere. */
struct blow {
    enum call call;
    unsigned n;
    const char *when; /* before, middle, after */
    bool stop;        /* SIGSTOP instead of SIGKILL */
};

struct life {
    unsigned parallelism;
    unsigned interval_ms;
    unsigned batch_size;
    unsigned batches;
    unsigned retained;
    unsigned workers;
    unsigned inline_max; /* state files up to this stand in _metadata */
    unsigned aligned_ms; /* unaligned: so long a checkpoint waits for its barriers */
    uint64_t rate;       /* 0: as fast as it can */
    bool take_over;
    struct blow blow;
};

/* Draws all but rate, take_over and blow. */
void life_draw(struct place *place, struct life *life);
/* The process that holds the job's lock: of a supervised one the child. -1: there is none. */
pid_t place_holder(const struct place *place);
/* Starts it from the latest checkpoint, or empty where there is none. -1: it cannot be started. */
pid_t life_start(const struct place *place, const struct life *life);
/* Lets the oracle look until the process has changed its state, or `until` (seconds_now) has
 * passed. 1: *out_status is what waitpid said; 0: time has passed; -1: the oracle has words. */
int life_watch(struct place *place, pid_t process, double until, int *out_status);
/* The same until the process has changed its state, however long that takes, as long as output is
 * committed: 0 says that none was for a minute. */
int life_watch_end(struct place *place, pid_t process, int *out_status);

double seconds_now(void);
const char *call_text(enum call call);
enum call_stage call_stage_of(enum call call);

#endif /* KILL_LIFE_H */

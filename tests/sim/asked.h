/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/asked.h: checkpoints and savepoints asked for by hand, and their answers: each request
 * is answered once, a savepoint that is said to be complete is there, and all are answered when the
 * job has ended. */
#ifndef WEIR_TESTS_SIM_ASKED_H
#define WEIR_TESTS_SIM_ASKED_H

#include "sim/store.h"

enum {
    ASKED_MAX = 16
};

enum asked_kind {
    ASKED_CHECKPOINT,
    ASKED_SAVEPOINT,
    ASKED_STOP,
    ASKED_DRAIN,
    ASKED_CANCEL,
    ASKED_KINDS
};

struct asked {
    enum asked_kind kind;
    uint64_t request;
    weir_request_state state;
    uint64_t checkpoint_id;
    char path[200]; /* of a savepoint that is complete */
};

struct asked_list {
    struct asked asked[ASKED_MAX];
    unsigned count;
    unsigned open; /* not answered yet */
};

/* A refusal must have words: false otherwise. */
bool asked_ask(struct asked_list *list, struct store *store, struct lab_life *life,
               enum asked_kind kind, uint64_t draw);
/* Looks for answers. `ended`: the job has; all must be there. False: lab->words says what is wrong.
 */
bool asked_look(struct asked_list *list, struct store *store, struct lab_life *life, bool ended);
/* The complete savepoint that the job ended with, or was to. NULL: none. */
const struct asked *asked_last(const struct asked_list *list);

#endif /* WEIR_TESTS_SIM_ASKED_H */

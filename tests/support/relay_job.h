/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/relay_job.h: a job between whose two exchanges an operator stands that fails when
 * it is told to, and that holds its operator state to what a restore must leave of it. */
#ifndef WEIR_TESTS_SUPPORT_RELAY_JOB_H
#define WEIR_TESTS_SUPPORT_RELAY_JOB_H

#include "weir/job.h"

/* Where the function fails. */
enum relay_place {
    RELAY_NOWHERE,
    RELAY_INITIALIZE,
    RELAY_OPEN,
    RELAY_PROCESS,
    RELAY_SNAPSHOT,
    RELAY_NOTIFY,
    RELAY_PLACES
};

enum {
    RELAY_TOKENS = 8 /* in the split list: each with one subtask, whatever the parallelism */
};

/* Shared by all subtasks and the test; one thread. */
struct relay_orders {
    enum relay_place place;
    uint64_t countdown; /* calls of the place until it fails, once; 0: it does not */
    uint32_t failed;    /* how often it did */
    char attempt[33];   /* that the tokens were counted in */
    uint8_t tokens[RELAY_TOKENS];
};

struct relay_plan {
    uint64_t events;
    uint64_t keys;
    uint64_t seed;
    uint64_t rate;               /* events a second; 0: no limit */
    struct relay_orders *orders; /* lent; NULL: nothing goes wrong */
    const char *directory;       /* of the output */
};

weir_status relay_main(weir_environment *environment, const struct relay_plan *plan,
                       weir_error *err);

#endif /* WEIR_TESTS_SUPPORT_RELAY_JOB_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/state_model.h: random operations on a job's keyed state against arrays that are
 * obviously right. An operation is drawn whole, whatever the state is then: so any part of a run is
 * a run, and a failing one can be shrunk. */
#ifndef WEIR_TESTS_STATE_MODEL_H
#define WEIR_TESTS_STATE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* X(NAME, group, weight) */
#define MODEL_OP_MAP(X)             \
    X(VALUE_PUT, VALUE, 40)         \
    X(VALUE_UPSERT, VALUE, 50)      \
    X(VALUE_GET, VALUE, 40)         \
    X(VALUE_CLEAR, VALUE, 30)       \
    X(VALUE_MANY, BULK, 12)         \
    X(DELETE_MANY, BULK, 6)         \
    X(LIST_ADD, LIST, 60)           \
    X(LIST_ADD_ALL, LIST, 20)       \
    X(LIST_UPDATE, LIST, 15)        \
    X(LIST_READ, LIST, 30)          \
    X(LIST_CLEAR, LIST, 15)         \
    X(MAP_PUT, MAP, 50)             \
    X(MAP_PUT_NULL, MAP, 10)        \
    X(MAP_UPSERT, MAP, 30)          \
    X(MAP_GET, MAP, 30)             \
    X(MAP_REMOVE, MAP, 30)          \
    X(MAP_WALK, MAP, 20)            \
    X(MAP_CLEAR, MAP, 8)            \
    X(SUM_ADD, REDUCING, 40)        \
    X(SUM_GET, REDUCING, 20)        \
    X(SUM_CLEAR, REDUCING, 10)      \
    X(SUM_MERGE, MERGE, 10)         \
    X(AVERAGE_ADD, AGGREGATING, 30) \
    X(AVERAGE_GET, AGGREGATING, 20) \
    X(AVERAGE_MERGE, MERGE, 10)     \
    X(WINDOW_ADD, NAMESPACE, 30)    \
    X(WINDOW_READ, NAMESPACE, 20)   \
    X(WINDOW_MERGE, MERGE, 10)      \
    X(PANE_UPSERT, NAMESPACE, 30)   \
    X(PANE_GET, NAMESPACE, 20)      \
    X(PANE_CLEAR_ALL, NAMESPACE, 3) \
    X(TTL_VALUE_PUT, TTL, 20)       \
    X(TTL_VALUE_UPSERT, TTL, 20)    \
    X(TTL_VALUE_GET, TTL, 20)       \
    X(TTL_LIST_ADD, TTL, 20)        \
    X(TTL_LIST_READ, TTL, 15)       \
    X(TTL_MAP_PUT, TTL, 20)         \
    X(TTL_MAP_READ, TTL, 15)        \
    X(CLOCK, TTL, 15)               \
    X(TIMER_ADD, TIMERS, 40)        \
    X(TIMER_DELETE, TIMERS, 20)     \
    X(TIMER_POP, TIMERS, 25)        \
    X(ITERATE, WALK, 15)            \
    X(FOR_EACH_KEY, WALK, 3)        \
    X(TURN, SNAPSHOT, 60)           \
    X(IO, SNAPSHOT, 20)             \
    X(IDLE, SNAPSHOT, 20)           \
    X(BEGIN, SNAPSHOT, 6)           \
    X(COMPLETE, SNAPSHOT, 8)        \
    X(ABORT, SNAPSHOT, 4)           \
    X(REFUSE, MEMORY, 14)

enum model_op_kind {
#define MODEL_OP_ENUM(name, group, weight) OP_##name,
    MODEL_OP_MAP(MODEL_OP_ENUM)
#undef MODEL_OP_ENUM
    OP_KINDS
};

#define MODEL_GROUP_MAP(X) \
    X(VALUE)               \
    X(BULK)                \
    X(LIST)                \
    X(MAP)                 \
    X(REDUCING)            \
    X(AGGREGATING)         \
    X(NAMESPACE)           \
    X(MERGE)               \
    X(TTL)                 \
    X(TIMERS)              \
    X(WALK)                \
    X(SNAPSHOT)            \
    X(MEMORY)

enum model_group {
#define MODEL_GROUP_ENUM(name) GROUP_##name,
    MODEL_GROUP_MAP(MODEL_GROUP_ENUM)
#undef MODEL_GROUP_ENUM
    GROUPS
};

struct model_op {
    enum model_op_kind kind;
    uint32_t key;
    uint32_t a;
    uint32_t b;
};

struct model_counts {
    uint64_t operations;
    uint64_t by_group[GROUPS];
    uint64_t snapshots; /* completed, restored and compared */
    uint64_t chained;   /* of those, with changes behind a base */
    uint64_t aborted;
    uint64_t restores; /* went on from a snapshot */
    uint64_t rescales; /* with another parallelism */
    uint64_t switches; /* with ttl switched on or off */
    uint64_t refused;  /* operations that found no memory */
};

struct engine;

/* What is run: types, parallelism and sizes come from the seed. */
struct model_run {
    const struct engine *engine;
    uint64_t seed;
    bool is_planted; /* the oracle forgets an element now and then */
    const struct model_op *ops;
    size_t op_count;
};

/* Carries it out; a difference ends the process with words. Adds to the counts. */
void state_model_run(const struct model_run *run, struct model_counts *counts);
const char *model_op_name(enum model_op_kind kind);
const char *model_group_name(enum model_group group);
enum model_group model_op_group(enum model_op_kind kind);

#endif /* WEIR_TESTS_STATE_MODEL_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/world.h: the backends of a job at some parallelism, and the oracle beside them. For
 * the files of the model. */
#ifndef WEIR_TESTS_MODEL_WORLD_H
#define WEIR_TESTS_MODEL_WORLD_H

#include "model/oracle.h"
#include "model/state_model.h"
#include "support/common_alloc_fault.h"
#include "support/engine_rig.h"

#include "base/rng.h"
#include "state/timers.h"
#include "weir/state.h"

enum {
    TASKS_MOST = 5,
    OPEN_MOST = 2,
    KEY_SIZE_MOST = 64,
    VALUE_SIZE_MOST = 512,
    TTL_MS = 400
};

enum state_index {
    STATE_VALUE,
    STATE_LIST,
    STATE_MAP,
    STATE_SUM,
    STATE_AVERAGE,
    STATE_WINDOW,
    STATE_PANE,
    STATE_TTL_VALUE,
    STATE_TTL_LIST,
    STATE_TTL_MAP,
    STATES
};

enum key_shape {
    KEY_I64,
    KEY_I32,
    KEY_PAIR,
    KEY_STRING,
    KEY_SHAPES
};

enum value_shape {
    VALUE_I64,
    VALUE_I16,
    VALUE_48,
    VALUE_56,
    VALUE_STRING,
    VALUE_SHAPES
};

struct world_task {
    struct engine_task task;
    weir_state *states[STATES];
    struct wr_timers *timers;
};

/* All subtasks. */
struct world_tasks {
    uint32_t count;
    struct world_task task[TASKS_MOST];
};

/* A snapshot on its way, of all subtasks. */
struct world_snapshot {
    bool is_open;
    bool met_refusals; /* a copy for it may have found no memory: then it has failed */
    uint64_t order;    /* of begins */
    struct engine_snapshot part[TASKS_MOST];
    struct oracle *oracle; /* as it was */
};

struct world {
    struct engine_rig rig;
    struct alloc_fault state_fault;
    struct alloc_fault copy_fault;
    bool is_refusing;
    bool is_planted;
    enum key_shape key_shape;
    enum value_shape value_shape;
    enum value_shape element_shape;
    weir_type *key_struct;
    weir_type *value_struct;
    weir_type *average_type;
    const weir_type *key_type;
    const weir_type *value_type;
    const weir_type *element_type;
    weir_ttl ttl;
    bool has_ttl; /* just now */
    int64_t now_ms;
    uint32_t key_count;
    uint32_t list_room;
    uint32_t map_room;
    uint64_t begins;
    uint8_t key_bytes[KEYS_MOST][KEY_SIZE_MOST];
    weir_key keys[KEYS_MOST];
    struct world_tasks tasks;
    struct world_snapshot open[OPEN_MOST];
    struct oracle *oracle;
    struct model_counts *counts;
};

#define EXPECT(fact) model_expect((fact), #fact, __FILE__, __LINE__)
void model_expect(bool fact, const char *what, const char *file, int line);

/* --- shapes.c --- */

void shapes_choose(struct world *world, struct wr_rng *rng);
void shapes_destroy(struct world *world);
/* Computes all keys anew: the seed of the hash has changed. */
void shapes_make_keys(struct world *world);
const weir_type *shape_type(const struct world *world, enum value_shape shape);
/* The bytes that a number stands for; returns their size. */
size_t shape_value(enum value_shape shape, uint32_t number, uint8_t bytes[VALUE_SIZE_MOST]);
bool shape_is(enum value_shape shape, uint32_t number, weir_bytes bytes);
/* The number of a key's bytes. */
uint32_t shape_key_number(const struct world *world, weir_bytes key);

/* --- world.c --- */

/* Opens subtasks; their states are made by world_make_states, behind what is restored. */
void world_open(struct world *world, struct world_tasks *tasks, uint32_t count);
void world_make_states(struct world *world, struct world_tasks *tasks);
void world_close(struct world *world, struct world_tasks *tasks);
struct world_task *world_task_of(struct world_tasks *tasks, const weir_key *key);
/* The state of the key's subtask, with the key bound. */
weir_state *world_bind(struct world *world, uint32_t key, enum state_index state);
/* The same in a namespace; NULL: no memory for it. */
weir_state *world_bind_in(struct world *world, uint32_t key, enum state_index state,
                          int64_t namespace_);
/* Whether the call was refused for want of memory, which must be what is being tried. */
bool world_refused(struct world *world, weir_status status);
bool world_is_live(const struct world *world, const struct oracle_item *item);

/* --- operations, by file; each gets one drawn whole --- */

bool value_operation(struct world *world, const struct model_op *op);
bool list_operation(struct world *world, const struct model_op *op);
bool map_operation(struct world *world, const struct model_op *op);
bool window_operation(struct world *world, const struct model_op *op);
bool ttl_operation(struct world *world, const struct model_op *op);
bool timer_operation(struct world *world, const struct model_op *op);
bool snapshot_operation(struct world *world, const struct model_op *op);
void snapshots_abort_all(struct world *world);

/* --- compare.c --- */

/* Everything in the subtasks is what the oracle says, and nothing else is there. */
void compare_all(struct world *world, struct world_tasks *tasks, struct oracle *oracle);
void compare_list(weir_state *state, enum value_shape shape, const uint32_t *numbers,
                  uint32_t count);
/* Reads of what expires; the oracle's items are renewed where reading renews. */
void compare_ttl_value(struct world *world, weir_state *state, struct oracle_item *item);
void compare_ttl_entry(struct world *world, weir_state *state, uint32_t map_key,
                       struct oracle_item *item);
void compare_ttl_list(struct world *world, weir_state *state, struct oracle_key *key);
/* Entries of one state by iterate, each once, and none is missing. */
bool iterate_operation(struct world *world, const struct model_op *op);
/* After ttl was switched off: what had expired may be there or not, and the oracle adopts what is.
 * After it was switched on: all was written now. */
void adopt_switch(struct world *world, struct world_tasks *tasks, struct oracle *oracle);

#endif /* WEIR_TESTS_MODEL_WORLD_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/contract/contract.h: what every state backend must do, through the public verbs alone: how
 * a case is written, and the words that cases share.
 *
 *   CASE(put_replaces) { ... rig ... }
 *
 * A case registers itself and is run for each engine, in a process of its own, as `contract_state
 * ENGINE CASE`; CMake reads the CASE( lines. Assertions are cmocka's.
 */
#ifndef WEIR_TESTS_CONTRACT_H
#define WEIR_TESTS_CONTRACT_H

#include "support/engine_rig.h"
#include "support/test.h"

#include "weir/state.h"

/* One engine under test, with a backend of all key groups, which `restart` renews. */
struct contract {
    struct engine_rig rig;
    struct engine_task task;
};

void contract_register(const char *name, void (*run)(struct contract *c));

#define CASE(case_name)                                                 \
    static void case_name(struct contract *c);                          \
    __attribute__((constructor)) static void register_##case_name(void) \
    {                                                                   \
        contract_register(#case_name, case_name);                       \
    }                                                                   \
    static void case_name(__attribute__((unused)) struct contract *c)

#define OK(call) assert_ok((call), &c->rig.error)

/* --- types and values --- */

const weir_type *i64_type(void);
const weir_type *text_type(void);
/* Lent: one of a ring, good for a while. */
weir_bytes number(int64_t value);
/* The block of a string of this content. */
weir_bytes text(const char *content);
/* The content of a string's block; "-" of none. */
const char *text_of(weir_bytes block);
int64_t number_of(weir_bytes block);

/* --- states --- */

weir_state_descriptor describe(weir_state_kind kind, const char *name, const weir_type *type);
weir_state *make(struct contract *c, const weir_state_descriptor *descriptor);
weir_state *make_value(struct contract *c, const char *name, const weir_type *type);
weir_state *make_list(struct contract *c, const char *name, const weir_type *type);
/* From i64 to the type. */
weir_state *make_map(struct contract *c, const char *name, const weir_type *type);
/* Sums of i64, and the average of what was added, in tenths (an accumulator of two numbers). */
weir_state *make_sum(struct contract *c, const char *name, const weir_type *namespace_type);
weir_state *make_average(struct contract *c, const char *name, const weir_type *namespace_type);
extern const weir_reduce_function sum_function;
extern const weir_aggregate_function average_function;
const weir_type *average_type(void);

/* Binds an i64 key. */
void bind(struct contract *c, weir_state *state, int64_t key);
void in_namespace(struct contract *c, weir_state *state, int64_t namespace_);

/* --- short forms; `missing` for NOT_FOUND --- */

void put(struct contract *c, weir_state *state, int64_t key, int64_t value);
int64_t get(struct contract *c, weir_state *state, int64_t key, int64_t missing);
void clear(struct contract *c, weir_state *state, int64_t key);
void list_add(struct contract *c, weir_state *state, int64_t key, int64_t value);
void map_put(struct contract *c, weir_state *state, int64_t key, int64_t map_key, int64_t value);
int64_t map_get(struct contract *c, weir_state *state, int64_t key, int64_t map_key,
                int64_t missing);
/* The list or map of the bound key as text: "1,2,3", "1=2,3=null" by ascending map key; "" of none.
 * Lent until the next call. */
const char *list_of(struct contract *c, weir_state *state);
const char *map_of(struct contract *c, weir_state *state);

/* So many keys; where the engine only estimates, this tells nothing. */
void expect_entries(struct contract *c, const weir_state *state, uint64_t count);

/* --- snapshots --- */

struct engine_set *snapshot(struct contract *c);
/* Closes the backend and opens another from the set. */
void restart(struct contract *c, const struct engine_set *set);
/* Takes a snapshot, and goes on from it. */
void fail_over(struct contract *c);
void set_time(struct contract *c, int64_t now_ms);

#endif /* WEIR_TESTS_CONTRACT_H */

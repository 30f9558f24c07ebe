/* SPDX-License-Identifier: Apache-2.0 */
/* state/field: the state benchmarks that the field uses (flink-benchmarks' org.apache.flink.state
 * .benchmark), their exact work over any engine: keys of 64 bits in two key groups, 500,000 of them
 * set up and as many new ones, in shuffled order; ten keys a map; a million random values; no
 * looking ahead: each invocation sets the current key (key group and hash computed) and does one
 * operation. Thread: one.
 */
#ifndef WEIR_BENCH_STATE_FIELD_H
#define WEIR_BENCH_STATE_FIELD_H

#include "engine.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FIELD_MAP_KEYS = 10,
    FIELD_LIST_VALUES = 100,
    FIELD_VALUES = 1000000
};

struct field {
    const char *engine_name;
    const char *data;
    uint64_t key_count; /* set up, and new ones; 500,000 */
    int64_t *setup_keys;
    int64_t *new_keys;
    int64_t *values;
    double *map_values;
    int64_t map_keys[FIELD_MAP_KEYS];
    const weir_ttl *ttl; /* NULL: nothing expires */
    bool expires;        /* 3 % of what was set up, each iteration */
    struct bench_engine engine;
    weir_state *state;
    weir_key key; /* the current one */
    int64_t now_ms;
    uint64_t sum; /* of what was read */
};

/* One benchmark. */
struct field_case {
    const char *name;
    weir_state_kind kind;
    bool has_ttl_variant;
    bool each_iteration; /* set up anew for each iteration */
    unsigned operations; /* an invocation counts as */
    void (*invoke)(struct field *field, uint64_t counter);
};

extern const struct field_case field_value_cases[];
extern const struct field_case field_list_cases[];
extern const struct field_case field_map_cases[];
extern const size_t field_value_case_count;
extern const size_t field_list_case_count;
extern const size_t field_map_case_count;

/* What a state of the kind holds before the first iteration, under the key that is set. */
void field_value_setup(struct field *field, uint64_t counter);
void field_list_setup(struct field *field, uint64_t counter);
void field_map_setup(struct field *field, uint64_t counter);

/* The current key from now on. */
void field_set_key(struct field *field, const int64_t *number);

/* How long a subtask takes from opening its backend to its state restored, after the parallelism
 * went from 1 to 2 (out) or from 2 to 1: milliseconds a repetition, values of 128 bytes by keys of
 * 96. */
void field_rescale(const struct field *field, uint64_t key_count, int repetitions);

#endif /* WEIR_BENCH_STATE_FIELD_H */

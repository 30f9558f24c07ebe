/* SPDX-License-Identifier: Apache-2.0 */
/* state/rescale: the field's rescaling benchmark: a value state of 128 bytes by keys of 96 (a
 * big-endian number before random bytes), 128 key groups. Measured is the restore of subtask 0. */
#include "state/field.h"

#include "harness.h"

#include <string.h>

enum {
    KEY_BYTES = 96,
    VALUE_BYTES = 128,
    HALF = BENCH_KEY_GROUPS / 2
};

struct value {
    weir_string bytes;
    unsigned char content[VALUE_BYTES];
};

static struct bench_engine_parameters
parameters_of(const struct field *field, uint32_t first, uint32_t last, uint32_t subtask)
{
    return (struct bench_engine_parameters){ .name = field->engine_name,
                                             .data = field->data,
                                             .max_parallelism = BENCH_KEY_GROUPS,
                                             .key_group_first = first,
                                             .key_group_last = last,
                                             .key_type = weir_type_of_kind(WEIR_BYTES),
                                             .incremental = true,
                                             .subtask = subtask };
}

static weir_state *
make_state(struct bench_engine *engine)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_VALUE,
                                         .name = "test-value-state",
                                         .type = weir_type_of_kind(WEIR_BYTES) };
    return bench_engine_state(engine, &descriptor);
}

static void
make_key(unsigned char *key, uint64_t number)
{
    uint32_t turned = __builtin_bswap32((uint32_t)number);
    memcpy(key, &turned, sizeof turned);
    for (size_t at = sizeof turned; at < KEY_BYTES; at += sizeof turned) {
        uint32_t random = (uint32_t)bench_mix(number * KEY_BYTES + at);
        memcpy(key + at, &random, sizeof random);
    }
}

/* The snapshot of a subtask that has these key groups. */
static void
prepare(const struct field *field, uint64_t key_count, const struct bench_engine_parameters *given,
        struct bench_snapshot *out_snapshot)
{
    struct bench_engine engine;
    bench_engine_open(&engine, given);
    weir_state *state = make_state(&engine);
    struct value value = { { offsetof(struct value, content), VALUE_BYTES }, { 0 } };
    unsigned char key_bytes[KEY_BYTES];
    for (uint64_t number = 0; number < key_count; number++) {
        make_key(key_bytes, number);
        weir_key key = weir_key_make(given->key_type, weir_bytes_of(key_bytes, sizeof key_bytes),
                                     BENCH_KEY_GROUPS, BENCH_SEED);
        if (key.key_group >= given->key_group_first && key.key_group <= given->key_group_last) {
            memcpy(value.content, &field->values[number % FIELD_VALUES], sizeof(int64_t));
            weir_state_bind(state, &key);
            bench_expect("put", weir_value_put(state, weir_bytes_of(&value, sizeof value)));
        }
    }
    bench_snapshot_take(&engine, 1, false, NULL, NULL, out_snapshot);
    bench_engine_close(&engine);
}

static void
measure(const char *name, const struct bench_engine_parameters *given,
        const struct bench_snapshot *snapshots, size_t snapshot_count, int repetitions)
{
    struct bench_figure *figure = bench_memory(sizeof *figure);
    uint64_t entries = 0;
    for (int i = -1; i < repetitions; i++) { /* -1 warms up */
        struct bench_engine engine;
        double start = bench_now();
        bench_engine_open(&engine, given);
        for (size_t at = 0; at < snapshot_count; at++) {
            bench_snapshot_restore(&engine, &snapshots[at]);
        }
        weir_state *state = make_state(&engine);
        double elapsed_ms = (bench_now() - start) * 1e3;
        entries = weir_state_entry_count(state);
        bench_engine_close(&engine);
        if (i >= 0) {
            bench_add(figure, elapsed_ms);
        }
    }
    if (entries == 0) {
        bench_die("%s: nothing was restored", name);
    }
    figure->bench = "flink";
    figure->name = name;
    figure->engine = given->name;
    figure->unit = "ms";
    figure->n = entries;
    bench_print(figure, 0);
}

void
field_rescale(const struct field *field, uint64_t key_count, int repetitions)
{
    struct bench_snapshot whole;
    struct bench_snapshot halves[2];
    struct bench_engine_parameters all = parameters_of(field, 0, BENCH_KEY_GROUPS - 1, 2);
    struct bench_engine_parameters lower = parameters_of(field, 0, HALF - 1, 0);
    struct bench_engine_parameters upper = parameters_of(field, HALF, BENCH_KEY_GROUPS - 1, 1);
    prepare(field, key_count, &all, &whole);
    prepare(field, key_count, &lower, &halves[0]);
    prepare(field, key_count, &upper, &halves[1]);
    measure("rescaleOut", &lower, &whole, 1, repetitions);
    measure("rescaleIn", &all, halves, 2, repetitions);
    bench_snapshot_remove(&whole);
    bench_snapshot_remove(&halves[0]);
    bench_snapshot_remove(&halves[1]);
}

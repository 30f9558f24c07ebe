/* SPDX-License-Identifier: Apache-2.0 */
/* state: the field's state benchmarks over the engine named, one JSON line each:
 *
 *   {"bench":"flink","case":"valueUpdate","engine":"hashmap","ops_per_ms":...,"least":...,"most":...,
 *    "iterations":...,"keys":...}
 *
 * Cases with expiry (--ttl 1) add "ttl": how much expires, update type, visibility. Each case
 * begins from a fresh backend.
 *
 *     state [--engine NAME] [--case PREFIX] [--keys N] [--iterations N] [--warmups N]
 *           [--milliseconds N] [--ttl 1] [--rescale-keys N] [--data DIR]
 */
#include "state/field.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

enum {
    TTL_MS = 1000000,
    EXPIRING_MS = TTL_MS / 100 * 3, /* an iteration */
    BLOCK = 1000                    /* invocations between looks at the clock */
};

struct run {
    const char *prefix;
    int iterations;
    int warmups;
    double duration_s; /* of an iteration */
};

void
field_set_key(struct field *field, const int64_t *number)
{
    bench_keys(&field->engine, number, &field->key, 1);
    weir_state_bind(field->state, &field->key);
}

/* --- data --- */

static void
shuffle(int64_t *numbers, uint64_t count, uint64_t first)
{
    for (uint64_t i = 0; i < count; i++) {
        numbers[i] = (int64_t)(first + i);
    }
    for (uint64_t i = count; i > 1; i--) {
        uint64_t other = bench_mix(first + i) % i;
        int64_t kept = numbers[i - 1];
        numbers[i - 1] = numbers[other];
        numbers[other] = kept;
    }
}

static void
make_data(struct field *field)
{
    field->setup_keys = bench_memory(field->key_count * sizeof *field->setup_keys);
    field->new_keys = bench_memory(field->key_count * sizeof *field->new_keys);
    field->values = bench_memory(FIELD_VALUES * sizeof *field->values);
    field->map_values = bench_memory(FIELD_VALUES * sizeof *field->map_values);
    shuffle(field->setup_keys, field->key_count, 0);
    shuffle(field->new_keys, field->key_count, field->key_count);
    shuffle(field->map_keys, FIELD_MAP_KEYS, 0);
    for (uint64_t i = 0; i < FIELD_VALUES; i++) {
        field->values[i] = (int64_t)bench_mix(i);
        field->map_values[i] = (double)(bench_mix(~i) >> 11) * 0x1p-53;
    }
}

/* --- one case --- */

static void
set_time(struct field *field, int64_t now_ms)
{
    field->now_ms = now_ms;
    weir_backend_set_time(field->engine.backend, now_ms);
}

static void
open_state(struct field *field, weir_state_kind kind)
{
    struct bench_engine_parameters parameters = {
        .name = field->engine_name, .data = field->data, .max_parallelism = 2, .key_group_last = 1
    };
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor,
        .kind = kind,
        .name = "kvState",
        .type = weir_type_of_kind(kind == WEIR_STATE_MAP ? WEIR_F64 : WEIR_I64),
        .map_key_type = kind == WEIR_STATE_MAP ? weir_type_of_kind(WEIR_I64) : NULL,
        .has_timestamps = field->ttl != NULL,
        .ttl = field->ttl
    };
    bench_engine_open(&field->engine, &parameters);
    set_time(field, 0);
    field->state = bench_engine_state(&field->engine, &descriptor);
}

static void
set_up(struct field *field, weir_state_kind kind)
{
    for (uint64_t i = 0; i < field->key_count; i++) {
        if (field->ttl != NULL) {
            set_time(field, (int64_t)(bench_mix(i) % TTL_MS));
        }
        field_set_key(field, &field->setup_keys[i]);
        if (kind == WEIR_STATE_VALUE) {
            field_value_setup(field, i);
        } else if (kind == WEIR_STATE_LIST) {
            field_list_setup(field, i);
        } else {
            field_map_setup(field, i);
        }
    }
    set_time(field, TTL_MS);
}

static void
clear_all(struct field *field)
{
    int64_t *const sets[] = { field->setup_keys, field->new_keys };
    for (size_t set = 0; set < 2; set++) {
        for (uint64_t i = 0; i < field->key_count; i++) {
            field_set_key(field, &sets[set][i]);
            bench_expect("clear", weir_list_clear(field->state));
        }
    }
}

/* Operations per millisecond. */
static double
iterate(struct field *field, const struct field_case *one, uint64_t *counter, double duration_s)
{
    uint64_t invocations = 0;
    double start = bench_now();
    double elapsed = 0;
    while (elapsed < duration_s) {
        for (int i = 0; i < BLOCK; i++) {
            one->invoke(field, (*counter)++);
        }
        invocations += BLOCK;
        elapsed = bench_now() - start;
    }
    return (double)(invocations * one->operations) / (elapsed * 1e3);
}

static void
print(const struct field *field, const struct field_case *one, struct bench_figure *figure,
      const char *ttl)
{
    printf("{\"bench\":\"flink\",\"case\":\"%s\",\"engine\":\"%s\",%s%s%s\"ops_per_ms\":%.1f,"
           "\"least\":%.1f,\"most\":%.1f,\"iterations\":%zu,\"keys\":%llu}\n",
           one->name, field->engine_name, ttl != NULL ? "\"ttl\":\"" : "", ttl != NULL ? ttl : "",
           ttl != NULL ? "\"," : "", bench_median(figure), bench_quantile(figure, 0),
           bench_quantile(figure, 1), figure->count, (unsigned long long)field->key_count);
    fflush(stdout);
}

static void
run_case(struct field *field, const struct field_case *one, const struct run *run, const char *ttl)
{
    static struct bench_figure figure;
    if (strncmp(one->name, run->prefix, strlen(run->prefix)) != 0) {
        return;
    }
    memset(&figure, 0, sizeof figure);
    figure.name = one->name;
    open_state(field, one->kind);
    set_up(field, one->kind);
    uint64_t counter = 0;
    for (int i = -run->warmups; i < run->iterations; i++) {
        if (one->each_iteration && i != -run->warmups) {
            clear_all(field);
            set_up(field, one->kind);
        }
        if (field->expires) {
            set_time(field, field->now_ms + EXPIRING_MS);
        }
        double rate = iterate(field, one, &counter, run->duration_s);
        if (i >= 0) {
            bench_add(&figure, rate);
        }
    }
    bench_engine_close(&field->engine);
    print(field, one, &figure, ttl);
}

static void
run_all(struct field *field, const struct run *run, const char *ttl)
{
    const struct field_case *const sets[] = { field_value_cases, field_list_cases,
                                              field_map_cases };
    const size_t counts[] = { field_value_case_count, field_list_case_count, field_map_case_count };
    for (size_t set = 0; set < 3; set++) {
        for (size_t i = 0; i < counts[set]; i++) {
            if (ttl == NULL || sets[set][i].has_ttl_variant) {
                run_case(field, &sets[set][i], run, ttl);
            }
        }
    }
}

/* What expires, when it is renewed, and what is seen of it: eight ways. */
static void
run_with_ttl(struct field *field, const struct run *run)
{
    for (unsigned way = 0; way < 8; way++) {
        const weir_ttl ttl = { .size = sizeof ttl,
                               .ttl_ms = TTL_MS,
                               .update = (way & 2) != 0 ? WEIR_TTL_ON_READ_AND_WRITE
                                                        : WEIR_TTL_ON_CREATE_AND_WRITE,
                               .visibility = (way & 4) != 0
                                                 ? WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP
                                                 : WEIR_TTL_NEVER_RETURN_EXPIRED };
        char name[128];
        snprintf(name, sizeof name, "%s %s %s",
                 (way & 1) != 0 ? "Expire3PercentPerIteration" : "NeverExpired",
                 (way & 2) != 0 ? "OnReadAndWrite" : "OnCreateAndWrite",
                 (way & 4) != 0 ? "ReturnExpiredIfNotCleanedUp" : "NeverReturnExpired");
        field->ttl = &ttl;
        field->expires = (way & 1) != 0;
        run_all(field, run, name);
    }
    field->ttl = NULL;
}

int
main(int argc, char **argv)
{
    static struct field field;
    const struct run run = { .prefix = bench_option_text(argc, argv, "--case", ""),
                             .iterations = (int)bench_option(argc, argv, "--iterations", 5),
                             .warmups = (int)bench_option(argc, argv, "--warmups", 2),
                             .duration_s =
                                 (double)bench_option(argc, argv, "--milliseconds", 1000) * 1e-3 };
    field.engine_name = bench_option_text(argc, argv, "--engine", "hashmap");
    field.data = bench_option_text(argc, argv, "--data", "build/bench-data");
    field.key_count = bench_option(argc, argv, "--keys", 500000);
    uint64_t rescale_keys = bench_option(argc, argv, "--rescale-keys", 1250000);
    if (field.key_count == 0 || run.iterations < 1 || run.warmups < 0) {
        bench_die("--keys, --iterations or --warmups make no sense");
    }
    make_data(&field);
    run_all(&field, &run, NULL);
    if (bench_option(argc, argv, "--ttl", 0) != 0) {
        run_with_ttl(&field, &run);
    }
    if (rescale_keys != 0 && strncmp("rescale", run.prefix, strlen(run.prefix)) == 0) {
        field_rescale(&field, rescale_keys, run.iterations);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state_bench: read-modify-write of an i64 value by an i64 key, uniform over N keys, one thread.
 *
 *   limit       a flat table of 16-byte slots at load 0.55, prefetched 24 ahead: what memory gives
 *   batch       weir_state_upsert_many over 1024 keys at a time
 *   batch+      the same after weir_state_prefetch of those keys
 *   per-record  weir_state_bind and weir_value_upsert, looking 32 ahead
 *
 * Making the keys (key group, hash) is part of the time of all three of weir's.
 *
 * Envelope: one random line is some 28 ns at 10 M keys with 16 in flight, so limit ~ 35 M/s; a
 * bucket is two lines side by side, half as much again.
 *
 * Runs are interleaved, the median of each is compared to the limit's of the same binary.
 * Afterwards the sums of all values must be equal. One JSON line a subject; exit 1 if a floor does
 * not hold.
 *
 *     state_bench [--keys N] [--operations N] [--repetitions N]
 */
#include "weir/backend.h"
#include "weir/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    BATCH = 1024,
    LIMIT_AHEAD = 24,
    RECORD_AHEAD = 32,
    MAX_PARALLELISM = 128,
    REPETITIONS_MOST = 99
};

#define HUGE_PAGE ((size_t)2 << 20)
#define SEED      UINT64_C(0x9d2c5680f3a1b7e5)

static double
now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* malloc below 2 MiB, huge pages above. */
static void *
bench_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    void *fresh = NULL;
    if (new_size >= HUGE_PAGE) {
        size_t rounded = (new_size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
        fresh = aligned_alloc(HUGE_PAGE, rounded);
        if (fresh != NULL) {
            madvise(fresh, rounded, MADV_HUGEPAGE);
        }
    } else if (new_size != 0) {
        fresh = malloc(new_size);
    }
    if (fresh == NULL && new_size != 0) {
        return NULL;
    }
    if (ptr != NULL && fresh != NULL) {
        memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    return fresh;
}

static uint64_t
mix(uint64_t word)
{
    word ^= word >> 30;
    word *= UINT64_C(0xbf58476d1ce4e5b9);
    word ^= word >> 27;
    word *= UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

/* --- the limit program --- */

struct slot {
    int64_t key; /* plus one; 0: free */
    int64_t value;
};

struct limit {
    struct slot *slots;
    uint64_t count;
};

static uint64_t
limit_home(const struct limit *limit, int64_t key)
{
    __extension__ unsigned __int128 wide = (unsigned __int128)mix((uint64_t)key) * limit->count;
    return (uint64_t)(wide >> 64);
}

static inline void
limit_add(struct limit *limit, uint64_t home, int64_t key, int64_t add)
{
    for (;; home = home + 1 == limit->count ? 0 : home + 1) {
        struct slot *slot = &limit->slots[home];
        if (slot->key == key + 1) {
            slot->value += add;
            return;
        }
        if (slot->key == 0) {
            *slot = (struct slot){ key + 1, add };
            return;
        }
    }
}

static void
limit_run(struct limit *limit, const int64_t *keys, size_t count)
{
    uint64_t homes[LIMIT_AHEAD];
    for (size_t i = 0; i < LIMIT_AHEAD; i++) {
        homes[i] = limit_home(limit, keys[i]);
        __builtin_prefetch(&limit->slots[homes[i]], 1);
    }
    for (size_t i = 0, at = 0; i < count; i++) {
        uint64_t home = homes[at];
        if (i + LIMIT_AHEAD < count) {
            homes[at] = limit_home(limit, keys[i + LIMIT_AHEAD]);
            __builtin_prefetch(&limit->slots[homes[at]], 1);
        }
        limit_add(limit, home, keys[i], 1);
        at = at + 1 == LIMIT_AHEAD ? 0 : at + 1;
    }
}

/* --- weir --- */

struct subject {
    weir_backend *backend;
    weir_state *state;
    weir_key keys[BATCH];
    void *values[BATCH];
};

static void
die(const char *what, weir_status status)
{
    fprintf(stderr, "state_bench: %s: %s\n", what, weir_status_name(status));
    exit(2);
}

static void
make_keys(struct subject *subject, const int64_t *keys)
{
    const weir_type *type = weir_type_of_kind(WEIR_I64);
    for (size_t i = 0; i < BATCH; i++) {
        subject->keys[i] =
            weir_key_make(type, weir_bytes_of(&keys[i], sizeof keys[i]), MAX_PARALLELISM, SEED);
    }
}

static void
batch_run(struct subject *subject, const int64_t *keys, size_t count, bool with_prefetch)
{
    for (size_t at = 0; at + BATCH <= count; at += BATCH) {
        make_keys(subject, keys + at);
        if (with_prefetch) {
            weir_state_prefetch(subject->state, subject->keys, BATCH);
        }
        weir_status status =
            weir_state_upsert_many(subject->state, subject->keys, BATCH, subject->values);
        if (status != WEIR_OK) {
            die("upsert_many", status);
        }
        for (size_t i = 0; i < BATCH; i++) {
            *(int64_t *)subject->values[i] += 1;
        }
    }
}

static void
record_run(struct subject *subject, const int64_t *keys, size_t count)
{
    for (size_t at = 0; at + BATCH <= count; at += BATCH) {
        make_keys(subject, keys + at);
        weir_state_prefetch(subject->state, subject->keys, RECORD_AHEAD);
        for (size_t i = 0; i < BATCH; i++) {
            if (i + RECORD_AHEAD < BATCH) {
                weir_state_prefetch(subject->state, &subject->keys[i + RECORD_AHEAD], 1);
            }
            void *value;
            weir_state_bind(subject->state, &subject->keys[i]);
            weir_status status = weir_value_upsert(subject->state, &value, NULL);
            if (status != WEIR_OK) {
                die("upsert", status);
            }
            *(int64_t *)value += 1;
        }
    }
}

static weir_status
add_value(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    *(int64_t *)argument += *(const int64_t *)value.data;
    return WEIR_OK;
}

static void
subject_open(struct subject *subject, uint64_t key_count)
{
    weir_alloc alloc = { .resize = bench_resize };
    const weir_type *type = weir_type_of_kind(WEIR_I64);
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = MAX_PARALLELISM,
                                           .key_group_last = MAX_PARALLELISM - 1,
                                           .state_alloc = alloc,
                                           .snapshot_alloc = alloc,
                                           .key_type = type,
                                           .hash_seed = SEED,
                                           .operator_name = "bench" };
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_VALUE, .name = "count", .type = type
    };
    weir_error error;
    weir_status status =
        weir_backend_open(weir_backend_factory_hashmap(), &parameters, &subject->backend, &error);
    if (status == WEIR_OK) {
        status = weir_backend_create_state(subject->backend, &descriptor, &subject->state, &error);
    }
    if (status != WEIR_OK) {
        die(error.message, status);
    }
    int64_t keys[BATCH];
    for (uint64_t at = 0; at < key_count; at += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++) {
            keys[i] = (int64_t)((at + i) % key_count);
        }
        make_keys(subject, keys);
        status = weir_state_upsert_many(subject->state, subject->keys, BATCH, subject->values);
        if (status != WEIR_OK) {
            die("load", status);
        }
    }
}

/* --- the comparison --- */

enum {
    LIMIT,
    BATCH_API,
    BATCH_PREFETCH,
    RECORD_API,
    SUBJECTS
};

static const struct {
    const char *name;
    double floor; /* of the limit */
    double ambition;
} rows[SUBJECTS] = { [LIMIT] = { "limit", 0, 1 },
                     [BATCH_API] = { "batch", 0.5, 0.8 },
                     [BATCH_PREFETCH] = { "batch+", 0, 0.8 },
                     [RECORD_API] = { "per-record", 0.25, 0.45 } };

static int
compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return (a > b) - (a < b);
}

static bool
report(double rates[SUBJECTS][REPETITIONS_MOST], int repetitions, uint64_t key_count,
       uint64_t used_bytes)
{
    bool holds = true;
    double limit = 0;
    for (int row = 0; row < SUBJECTS; row++) {
        qsort(rates[row], (size_t)repetitions, sizeof rates[row][0], compare_doubles);
        double median = rates[row][repetitions / 2];
        limit = row == LIMIT ? median : limit;
        double ratio = median / limit;
        holds = holds && ratio >= rows[row].floor;
        printf("{\"bench\":\"state\",\"subject\":\"%s\",\"keys\":%llu,\"million_per_s\":%.2f,"
               "\"least\":%.2f,\"most\":%.2f,\"of_limit\":%.3f,\"floor\":%.2f,\"ambition\":%.2f,"
               "\"bytes_per_entry\":%.1f}\n",
               rows[row].name, (unsigned long long)key_count, median / 1e6, rates[row][0] / 1e6,
               rates[row][repetitions - 1] / 1e6, ratio, rows[row].floor, rows[row].ambition,
               row == LIMIT ? 16 / 0.55 : (double)used_bytes / (double)key_count);
    }
    return holds;
}

static void
run_row(int row, struct limit *limit, struct subject *subject, const int64_t *keys, size_t count)
{
    switch (row) {
    case LIMIT:
        limit_run(limit, keys, count);
        break;
    case BATCH_API:
        batch_run(subject, keys, count, false);
        break;
    case BATCH_PREFETCH:
        batch_run(subject, keys, count, true);
        break;
    case RECORD_API:
        record_run(subject, keys, count);
        break;
    default:
        abort();
    }
}

static uint64_t
option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 0);
        }
    }
    return otherwise;
}

int
main(int argc, char **argv)
{
    uint64_t key_count = option(argc, argv, "--keys", 10000000);
    size_t count = option(argc, argv, "--operations", 8 << 20) / BATCH * BATCH;
    int repetitions = (int)option(argc, argv, "--repetitions", 5);
    repetitions = repetitions < REPETITIONS_MOST ? repetitions : REPETITIONS_MOST;
    static struct subject subject;
    static double rates[SUBJECTS][REPETITIONS_MOST];
    struct limit limit = { .count = (uint64_t)((double)key_count / 0.55) };
    limit.slots = bench_resize(NULL, NULL, 0, limit.count * sizeof(struct slot));
    int64_t *keys = bench_resize(NULL, NULL, 0, count * sizeof *keys);
    if (limit.slots == NULL || keys == NULL || key_count < BATCH || count < BATCH ||
        repetitions < 1) {
        die("memory or arguments", WEIR_INVALID);
    }
    memset(limit.slots, 0, limit.count * sizeof(struct slot));
    for (uint64_t i = 0; i < key_count; i++) {
        limit_add(&limit, limit_home(&limit, (int64_t)i), (int64_t)i, 0);
    }
    subject_open(&subject, key_count);
    for (size_t i = 0; i < count; i++) {
        keys[i] = (int64_t)(mix(i + 1) % key_count);
    }
    int64_t expected = 0;
    for (int repetition = -1; repetition < repetitions; repetition++) { /* -1 warms up */
        for (int row = 0; row < SUBJECTS; row++) {
            double start = now_s();
            run_row(row, &limit, &subject, keys, count);
            double rate = (double)count / (now_s() - start);
            if (repetition >= 0) {
                rates[row][repetition] = rate;
            }
            expected += row == LIMIT ? 0 : (int64_t)count;
        }
    }
    int64_t sum = 0;
    weir_status status = weir_state_iterate(subject.state, add_value, &sum);
    if (status != WEIR_OK || sum != expected ||
        weir_state_entry_count(subject.state) != key_count) {
        die("the counts are wrong", WEIR_CORRUPT);
    }
    bool holds = report(rates, repetitions, key_count, weir_backend_used_bytes(subject.backend));
    weir_backend_close(subject.backend);
    free(keys);
    free(limit.slots);
    return holds ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* stall_bench: how long a task stands still around a checkpoint, against the same run without one.
 *
 *   batch batch batch [begin] batch turn batch turn batch ... batch [end] batch batch ...
 *         '--------- window: one before to 16 after the barrier ----------'
 *
 * A batch is 1024 read-modify-writes of i64 values by i64 keys, uniform. A gap is the time from the
 * end of one batch to the end of the next: it holds begin, one turn, and what copying on write
 * costs the batch. A window's stall is its longest gap; windows of the null run hold the same
 * batches and no snapshot. Between windows turns go on after every batch until the snapshot is
 * written, with io on a thread of its own.
 *
 * Envelope: begin is O(states), some microseconds; a turn copies 64 KiB, some 10 microseconds; a
 * batch at 10 M keys is 30-40 microseconds, and while chunks are copied two to three times that.
 *
 * Prints one JSON line; exit 1 if p99 passes the null run's p99 by more than 1 ms. Links the rooms
 * below state, since it brings its own io thread.
 *
 *     stall_bench [--keys N] [--snapshots N] [--turn-bytes N] [--directory D]
 */
#include "base/memory.h"
#include "os/executor.h"
#include "os/os.h"
#include "snapshot/state_file.h"
#include "weir/backend.h"
#include "weir/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 1024,
    MAX_PARALLELISM = 128,
    WINDOW_BEFORE = 1,
    WINDOW_AFTER = 16,
    REST_BATCHES = 64
};

#define SEED UINT64_C(0x9d2c5680f3a1b7e5)

struct bench {
    struct wr_os *os;
    struct wr_executor executor;
    struct wr_mailbox replies;
    struct wr_parker parker;
    _Atomic bool stop;
    weir_alloc alloc;
    weir_backend *backend;
    weir_state *state;
    uint64_t key_count;
    size_t turn_bytes;
    const char *directory;
    uint64_t drawn; /* keys so far */
    uint64_t last_end_ns;
    int64_t added;
    int64_t numbers[BATCH];
    weir_key keys[BATCH];
    void *values[BATCH];
    weir_error error;
};

/* A full snapshot into this writer. */
static inline weir_status
full_snapshot_begin(weir_backend *backend, weir_block_writer *writer, weir_snapshot **out_snapshot,
                    weir_error *err)
{
    weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                            .checkpoint_id = 1,
                                            .writer = writer };
    return weir_backend_snapshot_begin(backend, &parameters, out_snapshot, err);
}

static void
check(struct bench *bench, const char *what, weir_status status)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "stall_bench: %s: %s: %s\n", what, weir_status_name(status),
                bench->error.message);
        exit(2);
    }
}

static void
io_run(void *argument)
{
    struct bench *bench = argument;
    while (!atomic_load_explicit(&bench->stop, memory_order_acquire)) {
        uint32_t ticket = wr_parker_prepare(&bench->executor.parker);
        if (wr_executor_step(&bench->executor)) {
            wr_parker_cancel(&bench->executor.parker);
            continue;
        }
        wr_parker_sleep(&bench->executor.parker, ticket, 10 * 1000 * 1000);
    }
}

static uint64_t
mix(uint64_t word)
{
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

static void
upsert(struct bench *bench)
{
    const weir_type *type = weir_type_of_kind(WEIR_I64);
    for (size_t i = 0; i < BATCH; i++) {
        bench->keys[i] =
            weir_key_make(type, weir_bytes_of(&bench->numbers[i], 8), MAX_PARALLELISM, SEED);
    }
    check(bench, "upsert", weir_state_upsert_many(bench->state, bench->keys, BATCH, bench->values));
}

/* One batch; returns the gap that ends with it. */
static uint64_t
run_batch(struct bench *bench)
{
    for (size_t i = 0; i < BATCH; i++) {
        bench->numbers[i] = (int64_t)(mix(++bench->drawn) % bench->key_count);
    }
    upsert(bench);
    for (size_t i = 0; i < BATCH; i++) {
        *(int64_t *)bench->values[i] += 1;
    }
    bench->added += BATCH;
    uint64_t now_ns = bench->os->ops->monotonic_ns(bench->os);
    uint64_t gap_ns = now_ns - bench->last_end_ns;
    bench->last_end_ns = now_ns;
    return gap_ns;
}

static void
open_state(struct bench *bench)
{
    const weir_type *type = weir_type_of_kind(WEIR_I64);
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = MAX_PARALLELISM,
                                           .key_group_last = MAX_PARALLELISM - 1,
                                           .state_alloc = bench->alloc,
                                           .snapshot_alloc = bench->alloc,
                                           .key_type = type,
                                           .hash_seed = SEED,
                                           .operator_name = "bench" };
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_VALUE, .name = "count", .type = type
    };
    check(bench, "open",
          weir_backend_open(weir_backend_factory_hashmap(), &parameters, &bench->backend,
                            &bench->error));
    check(bench, "state",
          weir_backend_create_state(bench->backend, &descriptor, &bench->state, &bench->error));
    for (uint64_t at = 0; at < bench->key_count; at += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++) {
            bench->numbers[i] = (int64_t)((at + i) % bench->key_count);
        }
        upsert(bench);
    }
}

/* A checkpoint's file, begun and ended like a job's. */
static weir_block_writer *
open_file(struct bench *bench, uint64_t id, char path[256])
{
    snprintf(path, 256, "%s/stall_bench-%d-%llu", bench->directory,
             bench->os->ops->process_id(bench->os), (unsigned long long)id);
    struct wr_state_file_parameters parameters = { .os = bench->os,
                                                   .executor = &bench->executor,
                                                   .alloc = bench->alloc,
                                                   .path = path,
                                                   .identity = { .checkpoint_id = id },
                                                   .reply_to = &bench->replies,
                                                   .reply_parker = &bench->parker };
    weir_block_writer *writer = NULL;
    check(bench, path, wr_state_file_create(&parameters, &writer, &bench->error));
    return writer;
}

/* One window and what follows until the snapshot is durable; returns the window's longest gap. */
static uint64_t
run_window(struct bench *bench, uint64_t id, bool has_snapshot, uint64_t *out_bytes)
{
    char path[256] = "";
    weir_block_writer *writer = has_snapshot ? open_file(bench, id, path) : NULL;
    weir_snapshot *snapshot = NULL;
    struct wr_state_file_reply reply = { .context = bench };
    uint64_t stall_ns = 0;
    bool done = !has_snapshot;
    run_batch(bench);
    for (int i = -WINDOW_BEFORE; i <= WINDOW_AFTER || !done; i++) {
        if (i == 0 && has_snapshot) {
            check(bench, "begin",
                  full_snapshot_begin(bench->backend, writer, &snapshot, &bench->error));
        } else if (i > 0 && !done) {
            check(bench, "turn",
                  weir_backend_snapshot_turn(bench->backend, snapshot, bench->turn_bytes, &done,
                                             &bench->error));
        }
        uint64_t gap_ns = run_batch(bench);
        stall_ns = i <= WINDOW_AFTER && gap_ns > stall_ns ? gap_ns : stall_ns;
    }
    if (!has_snapshot) {
        return stall_ns;
    }
    check(bench, "finish", wr_state_file_finish(writer, &reply));
    while (wr_mailbox_pop(&bench->replies) == NULL) {
        run_batch(bench);
    }
    check(bench, "write", reply.result.status);
    weir_backend_snapshot_end(bench->backend, snapshot, true);
    wr_state_file_destroy(writer);
    *out_bytes = reply.result.size;
    bench->os->ops->unlink(bench->os, path);
    return stall_ns;
}

static int
compare_u64(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one;
    uint64_t b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static double
quantile_us(const uint64_t *sorted, size_t count, double quantile)
{
    size_t at = (size_t)(quantile * (double)count);
    return (double)sorted[at < count ? at : count - 1] / 1000;
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

static weir_status
add_value(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    *(int64_t *)argument += *(const int64_t *)value.data;
    return WEIR_OK;
}

static bool
report(const struct bench *bench, uint64_t *with, uint64_t *without, size_t count)
{
    qsort(with, count, sizeof *with, compare_u64);
    qsort(without, count, sizeof *without, compare_u64);
    double over_us = quantile_us(with, count, 0.99) - quantile_us(without, count, 0.99);
    printf("{\"bench\":\"stall\",\"keys\":%llu,\"snapshots\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"max_us\":%.1f,\"null_p50_us\":%.1f,\"null_p99_us\":%.1f,\"null_max_us\":%.1f,"
           "\"p99_over_null_us\":%.1f,\"floor_us\":1000}\n",
           (unsigned long long)bench->key_count, count, quantile_us(with, count, 0.5),
           quantile_us(with, count, 0.99), quantile_us(with, count, 1),
           quantile_us(without, count, 0.5), quantile_us(without, count, 0.99),
           quantile_us(without, count, 1), over_us);
    return over_us <= 1000;
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    size_t count = option(argc, argv, "--snapshots", 200);
    bench.key_count = option(argc, argv, "--keys", 1000000);
    bench.turn_bytes = option(argc, argv, "--turn-bytes", 64 << 10);
    bench.directory = "/tmp";
    for (int i = 1; i + 1 < argc; i++) {
        bench.directory = strcmp(argv[i], "--directory") == 0 ? argv[i + 1] : bench.directory;
    }
    bench.os = wr_os_posix();
    bench.alloc = wr_memory_system();
    wr_executor_init(&bench.executor, bench.os);
    wr_mailbox_init(&bench.replies);
    wr_parker_init(&bench.parker, bench.os);
    uint64_t *gaps = calloc(2 * count + 2, sizeof *gaps);
    struct wr_os_thread *thread = NULL;
    if (gaps == NULL || count == 0 || bench.key_count < BATCH ||
        bench.os->ops->thread_start(bench.os, "io", io_run, &bench, &thread) != 0) {
        fprintf(stderr, "stall_bench: bad arguments, or no memory or thread\n");
        return 2;
    }
    open_state(&bench);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        gaps[i] = run_window(&bench, i + 1, true, &bytes);
        for (int rest = 0; rest < REST_BATCHES; rest++) {
            run_batch(&bench);
        }
        gaps[count + i] = run_window(&bench, 0, false, &bytes);
    }
    int64_t sum = 0;
    check(&bench, "iterate", weir_state_iterate(bench.state, add_value, &sum));
    check(&bench, "the counts are wrong", sum == bench.added ? WEIR_OK : WEIR_CORRUPT);
    bool holds = report(&bench, gaps, gaps + count, count);
    atomic_store_explicit(&bench.stop, true, memory_order_release); /* pairs with io_run's load */
    wr_parker_wake(&bench.executor.parker);
    bench.os->ops->thread_join(bench.os, thread);
    weir_backend_close(bench.backend);
    free(gaps);
    return holds ? 0 : 1;
}

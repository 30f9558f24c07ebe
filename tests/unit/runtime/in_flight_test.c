/* SPDX-License-Identifier: Apache-2.0 */
/* Records in flight: through a state file and back, at every pair of parallelisms; and every way in
 * which the elements can be wrong.
 */
#include "support/common_alloc_fault.h"
#include "unit/snapshot/scene.h"

#include "runtime/in_flight.h"
#include "types/key.h"

#include <stdlib.h>

static const uint32_t parallelisms[] = { 1, 2, 3, 5, 7 };

enum {
    PARALLELISM_COUNT = sizeof parallelisms / sizeof parallelisms[0],
    KEYS = 40,
    RECORDS = 600,
    BATCH = 7,
    MAX_PARALLELISM = 128
};

struct pair {
    int64_t key;
    int64_t value;
};

struct bench {
    struct scene scene;
    weir_type *type;
    struct wr_key_plan *key_plan;
    struct wr_task_operator keyed;   /* on both inputs */
    struct wr_task_operator unkeyed; /* one input */
};

static void
bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    struct os_sim_config config = { .seed = 5, .no_log = true, .clock_step_ns = 1000 };
    scene_init(&bench->scene, &config);
    const weir_field fields[] = { WEIR_FIELD(struct pair, key, I64),
                                  WEIR_FIELD(struct pair, value, I64) };
    const size_t key = 0;
    weir_alloc alloc = wr_memory_system();
    assert_ok(
        weir_type_create_struct(&alloc, "pair", sizeof(struct pair), fields, 2, &bench->type, NULL),
        NULL);
    assert_ok(wr_key_plan_create(&alloc, bench->type, &key, 1, &bench->key_plan, NULL), NULL);
    bench->unkeyed = (struct wr_task_operator){ .name = "map",
                                                .input_type = bench->type,
                                                .max_parallelism = MAX_PARALLELISM };
    bench->keyed = bench->unkeyed;
    bench->keyed.key_plan = bench->keyed.other_key_plan = bench->key_plan;
    bench->keyed.other_type = bench->type;
}

static void
bench_close(struct bench *bench)
{
    wr_key_plan_destroy(bench->key_plan);
    weir_type_destroy(bench->type);
    scene_fini(&bench->scene);
}

static uint32_t
owner_of(const struct bench *bench, const struct pair *pair, uint32_t parallelism)
{
    struct wr_buffer scratch;
    weir_alloc alloc = wr_memory_system();
    wr_buffer_init(&scratch, &alloc);
    weir_bytes key;
    int32_t hash = 0;
    assert_ok(wr_key_plan_extract(bench->key_plan, pair, &scratch, &key, &hash), NULL);
    wr_buffer_fini(&scratch);
    return wr_key_group_subtask(wr_key_group_of(hash, MAX_PARALLELISM), parallelism,
                                MAX_PARALLELISM);
}

/* Record i, and the subtask of `parallelism` that it was on its way to. */
static uint32_t
record_at(const struct bench *bench, const struct wr_task_operator *plan, uint32_t parallelism,
          uint32_t i, struct pair *out)
{
    *out = (struct pair){ .key = i % KEYS, .value = i };
    return plan->key_plan == NULL ? i % parallelism : owner_of(bench, out, parallelism);
}

static uint8_t
side_at(const struct wr_task_operator *plan, uint32_t batch)
{
    return plan->other_type != NULL && batch % 3 == 1;
}

/* What was on its way to one old subtask, in batches of a few. */
static void
fill_log(const struct bench *bench, struct wr_in_flight_log *log)
{
    weir_alloc alloc = wr_memory_system();
    struct weir_batch *batch = NULL;
    assert_ok(wr_batch_create_timed(&alloc, BATCH, 4096, &batch), NULL);
    uint32_t batches = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct pair pair;
        uint32_t to = record_at(bench, log->target.plan, log->target.parallelism, i, &pair);
        if (to == log->target.subtask) {
            memcpy(wr_batch_append(&alloc, batch, sizeof pair), &pair, sizeof pair);
            batch->times[batch->count - 1] = 1000 + pair.value;
        }
        if (batch->count == BATCH || (i + 1 == RECORDS && batch->count != 0)) {
            assert_ok(wr_in_flight_log_add(log, batch, side_at(log->target.plan, batches++)), NULL);
            wr_batch_clear(batch);
        }
    }
    wr_batch_destroy(&alloc, batch);
}

static struct wr_state_file_result
write_log(struct bench *bench, struct wr_in_flight_log *log, const char *path)
{
    struct wr_state_file_parameters parameters =
        scene_parameters(&bench->scene, path, scene_identity(1, log->target.subtask));
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &bench->scene.err), &bench->scene.err);
    bool done = false;
    while (!done) {
        assert_ok(wr_in_flight_log_turn(log, writer, 300, &done), NULL);
        scene_run_io(&bench->scene);
    }
    struct wr_state_file_result result = scene_finish(&bench->scene, writer);
    assert_ok(result.status, &result.error);
    return result;
}

/* Reads lists into the queue of one new subtask. */
struct reading {
    struct wr_in_flight_queue queue;
    struct wr_in_flight_target target;
    weir_error error;
};

static weir_status
take(void *argument, size_t index, weir_bytes value)
{
    struct reading *reading = argument;
    (void)index;
    return wr_in_flight_take(&reading->queue, &reading->target, value, &reading->error);
}

static void
path_of(uint32_t subtask, char out[64])
{
    snprintf(out, 64, "/d/%u", subtask);
}

static void
read_files(struct bench *bench, const struct wr_state_file_result *files, uint32_t count,
           struct reading *reading)
{
    for (uint32_t i = 0; i < count; i++) {
        char path[64];
        path_of(i, path);
        struct wr_state_file_open parameters =
            scene_open(&bench->scene, path, scene_identity(1, i), &files[i]);
        weir_block_reader *reader = NULL;
        assert_ok(wr_state_file_open(&parameters, &reader, &reading->error), &reading->error);
        assert_ok(wr_state_file_list(reader, WR_IN_FLIGHT_NAME, take, reading, &reading->error),
                  &reading->error);
        wr_state_file_close(reader);
        assert_null(reading->queue.reading);
    }
}

/* Each record once, to its owner; of each key in order. Answers how many. */
static uint32_t
judge(const struct bench *bench, struct reading *reading, uint32_t old_parallelism, bool *seen)
{
    const struct wr_task_operator *plan = reading->target.plan;
    int64_t last[KEYS];
    uint32_t count = 0;
    memset(last, 0xff, sizeof last);
    struct weir_batch *batch;
    while ((batch = wr_in_flight_pop(&reading->queue)) != NULL) {
        for (uint32_t i = 0; i < batch->count; i++, count++) {
            struct pair pair;
            assert_int_equal(sizeof pair, weir_batch_record_size(batch, i));
            memcpy(&pair, weir_batch_record(batch, i), sizeof pair);
            assert_int_equal(1000 + pair.value, weir_batch_timestamp(batch, i));
            assert_true(batch->side == 0 || plan->other_type != NULL);
            assert_false(seen[pair.value]);
            seen[pair.value] = true;
            if (plan->key_plan != NULL) {
                assert_int_equal(reading->target.subtask,
                                 owner_of(bench, &pair, reading->target.parallelism));
                assert_true(pair.value > last[pair.key]);
                last[pair.key] = pair.value;
            } else if (old_parallelism == reading->target.parallelism) {
                assert_int_equal(reading->target.subtask, pair.value % old_parallelism);
            }
        }
        wr_in_flight_free(&reading->queue, batch);
    }
    return count;
}

static void
run_pair(struct bench *bench, const struct wr_task_operator *plan, uint32_t from, uint32_t to)
{
    struct wr_state_file_result files[8];
    weir_alloc alloc = wr_memory_system();
    for (uint32_t i = 0; i < from; i++) {
        struct wr_in_flight_target target = { .plan = plan, .subtask = i, .parallelism = from };
        struct wr_in_flight_log log;
        char path[64];
        path_of(i, path);
        assert_ok(wr_in_flight_log_init(&log, &alloc, &target), NULL);
        fill_log(bench, &log);
        files[i] = write_log(bench, &log, path);
        wr_in_flight_log_fini(&log);
    }
    bool seen[RECORDS] = { false };
    uint32_t total = 0;
    for (uint32_t i = 0; i < to; i++) {
        struct reading reading = { .target = { .plan = plan, .subtask = i, .parallelism = to } };
        wr_in_flight_queue_init(&reading.queue, &alloc);
        read_files(bench, files, from, &reading);
        uint32_t count = judge(bench, &reading, from, seen);
        total += count;
        assert_true(plan->key_plan != NULL || count >= RECORDS / to); /* dealt evenly */
        wr_in_flight_queue_fini(&reading.queue);
    }
    assert_int_equal(RECORDS, total);
    for (uint32_t i = 0; i < from; i++) {
        char path[64];
        path_of(i, path);
        assert_ok(wr_path_unlink(bench->scene.os, path, NULL), NULL);
    }
}

TEST(every_record_in_flight_comes_to_one_owner_at_any_parallelism)
{
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < PARALLELISM_COUNT; i++) {
        for (size_t j = 0; j < PARALLELISM_COUNT; j++) {
            run_pair(&bench, &bench.keyed, parallelisms[i], parallelisms[j]);
            run_pair(&bench, &bench.unkeyed, parallelisms[i], parallelisms[j]);
        }
    }
    bench_close(&bench);
}

/* Bigger than a piece, and than the writer's buffers together. */
TEST(a_giant_record_in_flight_goes_in_pieces)
{
    struct bench bench;
    bench_open(&bench);
    weir_alloc alloc = wr_memory_system();
    size_t size = (3U << 20) + 8;
    struct weir_batch *batch = NULL;
    assert_ok(wr_batch_create(&alloc, 4, 64, &batch), NULL);
    uint8_t *record = wr_batch_append(&alloc, batch, size);
    assert_non_null(record);
    for (size_t i = 0; i < size; i++) {
        record[i] = (uint8_t)(i * 7 >> 3);
    }
    struct reading reading = { .target = { .plan = &bench.unkeyed, .parallelism = 1 } };
    struct wr_in_flight_log log;
    assert_ok(wr_in_flight_log_init(&log, &alloc, &reading.target), NULL);
    assert_ok(wr_in_flight_log_add(&log, batch, 0), NULL);
    assert_int_equal(1 + 4, log.count);
    struct wr_state_file_result file = write_log(&bench, &log, "/d/0");
    wr_in_flight_log_fini(&log);
    wr_in_flight_queue_init(&reading.queue, &alloc);
    read_files(&bench, &file, 1, &reading);
    struct weir_batch *back = wr_in_flight_pop(&reading.queue);
    assert_non_null(back);
    assert_null(back->times);
    assert_int_equal(size, weir_batch_record_size(back, 0));
    assert_memory_equal(record, weir_batch_record(back, 0), size);
    wr_in_flight_free(&reading.queue, back);
    assert_null(wr_in_flight_pop(&reading.queue));
    wr_batch_destroy(&alloc, batch);
    bench_close(&bench);
}

/* --- what is wrong --- */

/* The elements of one small batch, copied out of a file. */
struct elements {
    size_t count;
    size_t sizes[8];
    uint8_t bytes[8][512];
};

static weir_status
keep(void *argument, size_t index, weir_bytes value)
{
    struct elements *elements = argument;
    assert_true(index < 8 && value.size <= sizeof elements->bytes[0]);
    memcpy(elements->bytes[index], value.data, value.size);
    elements->sizes[index] = value.size;
    elements->count++;
    return WEIR_OK;
}

static void
make_elements(struct bench *bench, struct elements *out)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_in_flight_target target = { .plan = &bench->unkeyed, .parallelism = 1 };
    struct wr_in_flight_log log;
    struct weir_batch *batch = NULL;
    assert_ok(wr_batch_create_timed(&alloc, 4, 512, &batch), NULL);
    for (int i = 0; i < 3; i++) {
        struct pair pair = { .key = i, .value = i };
        memcpy(wr_batch_append(&alloc, batch, sizeof pair), &pair, sizeof pair);
        batch->times[i] = i;
    }
    assert_ok(wr_in_flight_log_init(&log, &alloc, &target), NULL);
    assert_ok(wr_in_flight_log_add(&log, batch, 0), NULL);
    struct wr_state_file_result file = write_log(bench, &log, "/d/0");
    wr_in_flight_log_fini(&log);
    wr_batch_destroy(&alloc, batch);
    struct wr_state_file_open parameters =
        scene_open(&bench->scene, "/d/0", scene_identity(1, 0), &file);
    weir_block_reader *reader = NULL;
    memset(out, 0, sizeof *out);
    assert_ok(wr_state_file_open(&parameters, &reader, NULL), NULL);
    assert_ok(wr_state_file_list(reader, WR_IN_FLIGHT_NAME, keep, out, NULL), NULL);
    wr_state_file_close(reader);
    assert_int_equal(2, out->count);
}

/* The first status that is not OK; a batch that is left half read is WEIR_CORRUPT. */
static weir_status
take_all(const struct elements *elements, const struct wr_task_operator *plan, weir_error *err)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_in_flight_target target = { .plan = plan, .parallelism = 1 };
    struct wr_in_flight_queue queue;
    wr_in_flight_queue_init(&queue, &alloc);
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < elements->count && status == WEIR_OK; i++) {
        status = wr_in_flight_take(&queue, &target,
                                   weir_bytes_of(elements->bytes[i], elements->sizes[i]), err);
    }
    if (status == WEIR_OK && queue.reading != NULL) {
        status = WEIR_CORRUPT;
    }
    wr_in_flight_queue_fini(&queue);
    assert_int_equal(0, alloc_fault_leaks(&fault, stderr));
    return status;
}

enum { /* within a head's element: 8 bytes of block before it */
    AT_VERSION = 8,
    AT_SIDE = 12,
    AT_TYPE = 24,
    AT_BYTES = 32,
    AT_COUNT = 40,
    AT_ENDS = 48 + 3 * 8
};

TEST(elements_that_cannot_be_right_are_refused_with_words)
{
    static const struct {
        size_t at;
        uint8_t value;
        weir_status status;
    } wrongs[] = { { 0, 9, WEIR_CORRUPT },           { 4, 255, WEIR_CORRUPT },
                   { AT_VERSION, 0, WEIR_CORRUPT },  { AT_VERSION, 2, WEIR_VERSION },
                   { AT_SIDE, 2, WEIR_CORRUPT },     { AT_SIDE, 1, WEIR_VERSION },
                   { AT_TYPE, 0xEE, WEIR_VERSION },  { AT_BYTES, 40, WEIR_CORRUPT },
                   { AT_BYTES, 56, WEIR_CORRUPT },   { AT_BYTES + 5, 1, WEIR_CORRUPT },
                   { AT_COUNT, 0, WEIR_CORRUPT },    { AT_COUNT, 2, WEIR_CORRUPT },
                   { AT_COUNT, 200, WEIR_CORRUPT },  { AT_ENDS, 12, WEIR_CORRUPT },
                   { AT_ENDS, 8, WEIR_CORRUPT },     { AT_ENDS + 4, 16, WEIR_CORRUPT },
                   { AT_ENDS + 8, 40, WEIR_CORRUPT } };
    struct bench bench;
    struct elements good;
    bench_open(&bench);
    make_elements(&bench, &good);
    weir_error error;
    assert_int_equal(WEIR_OK, take_all(&good, &bench.unkeyed, &error));
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct elements bad = good;
        assert_true(bad.bytes[0][wrongs[i].at] != wrongs[i].value);
        bad.bytes[0][wrongs[i].at] = wrongs[i].value;
        weir_status status = take_all(&bad, &bench.unkeyed, &error);
        if (status != wrongs[i].status) {
            print_error("byte %zu = %u: %d\n", wrongs[i].at, wrongs[i].value, (int)status);
        }
        assert_int_equal(wrongs[i].status, status);
        assert_non_null(strstr(error.message, "operator 'map'"));
    }
    bench_close(&bench);
}

TEST(elements_that_are_too_few_or_too_long_are_refused)
{
    struct bench bench;
    struct elements good;
    weir_error error;
    bench_open(&bench);
    make_elements(&bench, &good);
    struct elements bad = good;
    bad.count = 1;
    assert_int_equal(WEIR_CORRUPT, take_all(&bad, &bench.unkeyed, &error));
    for (size_t size = 0; size < good.sizes[0]; size++) { /* a head that was cut */
        bad = good;
        bad.sizes[0] = size;
        assert_int_equal(WEIR_CORRUPT, take_all(&bad, &bench.unkeyed, &error));
    }
    bad = good; /* more bytes than there are records */
    bad.bytes[1][4] += 8;
    bad.sizes[1] += 8;
    assert_int_equal(WEIR_CORRUPT, take_all(&bad, &bench.unkeyed, &error));
    bench_close(&bench);
}

TEST(records_of_a_type_that_has_changed_are_refused_with_what_to_do)
{
    struct bench bench;
    struct elements elements;
    weir_error error;
    bench_open(&bench);
    make_elements(&bench, &elements);
    weir_field fields[] = { WEIR_FIELD(struct pair, key, I64),
                            WEIR_FIELD(struct pair, value, I64) };
    fields[1].name = "other";
    weir_alloc alloc = wr_memory_system();
    weir_type *changed = NULL;
    assert_ok(
        weir_type_create_struct(&alloc, "pair", sizeof(struct pair), fields, 2, &changed, &error),
        &error);
    struct wr_task_operator plan = bench.unkeyed;
    plan.input_type = changed;
    assert_int_equal(WEIR_VERSION, take_all(&elements, &plan, &error));
    assert_non_null(strstr(error.message, "savepoint"));
    assert_non_null(
        strstr(error.message, "execution.state-recovery.without-channel-state.checkpoint-id"));
    weir_type_destroy(changed);
    bench_close(&bench);
}

TEST(a_log_or_queue_that_gets_no_memory_is_as_it_was)
{
    struct bench bench;
    bench_open(&bench);
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    weir_alloc plain = wr_memory_system();
    struct wr_in_flight_target target = { .plan = &bench.unkeyed, .parallelism = 1 };
    struct weir_batch *batch = NULL;
    assert_ok(wr_batch_create(&plain, 4, 64, &batch), NULL);
    memset(wr_batch_append(&plain, batch, 3U << 20), 1, 3U << 20);
    struct wr_in_flight_log log;
    uint64_t refused = 0;
    for (bool added = false; !added; refused++) {
        assert_ok(wr_in_flight_log_init(&log, &plain, &target), NULL);
        log.alloc = alloc;
        fault.fail_at = fault.requests + refused + 1;
        added = wr_in_flight_log_add(&log, batch, 0) == WEIR_OK;
        assert_int_equal(added ? 4 : 0, log.count);
        wr_in_flight_log_fini(&log);
        assert_int_equal(0, alloc_fault_leaks(&fault, stderr));
    }
    assert_int_equal(1 + 3 + 1, refused); /* a head, three pieces, and once without */
    fault.fail_at = fault.requests + 1;
    assert_int_equal(WEIR_NOMEM, wr_in_flight_log_init(&log, &alloc, &target));
    wr_batch_destroy(&plain, batch);
    bench_close(&bench);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Emitting a whole batch: the same records as by one emit each, wherever they land, and the same
 * refusals. */
#include "support/test.h"

#include "base/memory.h"
#include "runtime/collector.h"
#include "runtime/context.h"

#include <string.h>

enum {
    BATCH = 10
};

struct stage {
    struct wr_failure failure;
    struct wr_task_operator plan;
    struct weir_context context;
    struct weir_collector collector;
};

static void
stage_open(struct stage *stage, const weir_type *type, uint64_t emit_limit_bytes)
{
    memset(stage, 0, sizeof *stage);
    stage->plan.name = "sum";
    stage->context.plan = &stage->plan;
    stage->context.failure = &stage->failure;
    stage->context.parallelism = 1;
    struct wr_collector_parameters parameters = { .alloc = wr_memory_system(),
                                                  .type = type,
                                                  .batch_count = BATCH,
                                                  .emit_limit_bytes = emit_limit_bytes,
                                                  .context = &stage->context };
    wr_collector_init(&stage->collector, &parameters);
}

/* A batch of `count` records that hold the numbers from `first` on. */
static struct weir_batch *
make_batch(uint64_t first, uint32_t count)
{
    weir_alloc alloc = wr_memory_system();
    struct weir_batch *batch = NULL;
    assert_int_equal(wr_batch_create(&alloc, BATCH, 4096, &batch), WEIR_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = first + i;
        memcpy(wr_batch_append(&alloc, batch, sizeof number), &number, sizeof number);
    }
    return batch;
}

static void
destroy_batch(struct weir_batch *batch)
{
    weir_alloc alloc = wr_memory_system();
    wr_batch_destroy(&alloc, batch);
}

/* All that the collector holds: 0, 1, 2, ... */
static void
assert_counts(struct stage *stage, uint64_t count)
{
    uint64_t expected = 0;
    struct weir_batch *batch = NULL;
    while ((batch = wr_collector_take(&stage->collector, true)) != NULL) {
        for (size_t i = 0; i < weir_batch_count(batch); i++) {
            uint64_t number = 0;
            assert_int_equal(weir_batch_record_size(batch, i), 8);
            memcpy(&number, weir_batch_record(batch, i), 8);
            assert_int_equal(number, expected++);
        }
        wr_collector_recycle(&stage->collector, batch);
    }
    assert_int_equal(expected, count);
}

TEST(a_batch_is_emitted_in_order_whether_it_fits_or_not)
{
    struct stage stage;
    stage_open(&stage, weir_type_of_kind(WEIR_I64), 1 << 20);
    uint64_t first = 0;
    for (uint32_t count = 0; count <= BATCH; count++) { /* some whole, some over two batches */
        struct weir_batch *batch = make_batch(first + 1000, count);
        void *blocks[BATCH];
        assert_int_equal(weir_collector_emit_batch(&stage.collector, batch, blocks), WEIR_OK);
        for (uint32_t i = 0; i < count; i++) { /* lent, to be changed */
            uint64_t number;
            memcpy(&number, blocks[i], sizeof number);
            assert_int_equal(number, first + 1000 + i);
            number -= 1000;
            memcpy(blocks[i], &number, sizeof number);
        }
        first += count;
        destroy_batch(batch);
    }
    assert_counts(&stage, first);
    wr_collector_fini(&stage.collector);
}

TEST(a_batch_over_the_emit_limit_fails_the_task)
{
    struct stage stage;
    stage_open(&stage, weir_type_of_kind(WEIR_I64), 5 * 8);
    struct weir_batch *batch = make_batch(0, BATCH);
    void *blocks[BATCH];
    assert_int_equal(weir_collector_emit_batch(&stage.collector, batch, blocks), WEIR_OK);
    assert_int_equal(weir_collector_emit_batch(&stage.collector, batch, blocks), WEIR_LIMIT);
    assert_true(stage.failure.failed);
    assert_non_null(strstr(stage.failure.error.message, "weir.task.emit-limit"));
    destroy_batch(batch);
    wr_collector_fini(&stage.collector);
}

TEST(a_batch_of_records_too_small_for_the_type_is_refused)
{
    weir_alloc alloc = wr_memory_system();
    const weir_field fields[] = { { "one", WEIR_I64, 0, 8, NULL, NULL },
                                  { "other", WEIR_I64, 8, 8, NULL, NULL } };
    weir_error err = { .status = WEIR_OK };
    weir_type *type = NULL;
    assert_ok(weir_type_create_struct(&alloc, "pair", 16, fields, 2, &type, &err), &err);
    struct stage stage;
    stage_open(&stage, type, 1 << 20);
    struct weir_batch *batch = make_batch(0, 1);
    void *blocks[BATCH];
    assert_int_equal(weir_collector_emit_batch(&stage.collector, batch, blocks), WEIR_INVALID);
    assert_int_equal(weir_collector_emit_batch(NULL, batch, blocks), WEIR_INVALID);
    destroy_batch(batch);
    wr_collector_fini(&stage.collector);
    weir_type_destroy(type);
}

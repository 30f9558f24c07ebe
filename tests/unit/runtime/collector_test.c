/* SPDX-License-Identifier: Apache-2.0 */
/* The collector: order, overflow, and the emit limit at the limit and one record beyond. */
#include "support/test.h"

#include "base/memory.h"
#include "runtime/collector.h"
#include "runtime/context.h"

#include <string.h>

struct bench {
    struct wr_failure failure;
    struct wr_task_operator plan;
    struct weir_context context;
    struct weir_collector collector;
};

static void
bench_open(struct bench *bench, uint32_t batch_count, uint64_t emit_limit_bytes)
{
    memset(bench, 0, sizeof *bench);
    bench->plan.name = "flat_map";
    bench->context.plan = &bench->plan;
    bench->context.failure = &bench->failure;
    bench->context.parallelism = 1;
    struct wr_collector_parameters parameters = { .alloc = wr_memory_system(),
                                                  .type = weir_type_of_kind(WEIR_I64),
                                                  .batch_count = batch_count,
                                                  .emit_limit_bytes = emit_limit_bytes,
                                                  .context = &bench->context };
    wr_collector_init(&bench->collector, &parameters);
}

static bool
emit(struct bench *bench, uint64_t number)
{
    return weir_collector_emit_copy(&bench->collector, &number, sizeof number) == WEIR_OK;
}

TEST(a_collector_gives_back_what_was_emitted_in_order)
{
    struct bench bench;
    bench_open(&bench, 10, 1 << 20);
    for (uint64_t i = 0; i < 95; i++) {
        assert_true(emit(&bench, i));
    }
    assert_false(wr_collector_has_room(&bench.collector));
    uint64_t expected = 0;
    struct weir_batch *batch = NULL;
    while ((batch = wr_collector_take(&bench.collector, true)) != NULL) {
        for (size_t i = 0; i < weir_batch_count(batch); i++) {
            uint64_t number = 0;
            memcpy(&number, weir_batch_record(batch, i), 8);
            assert_int_equal(number, expected++);
        }
        wr_collector_recycle(&bench.collector, batch);
    }
    assert_int_equal(expected, 95);
    assert_true(wr_collector_has_room(&bench.collector));
    wr_collector_fini(&bench.collector);
}

TEST(the_open_batch_is_taken_only_when_asked_for)
{
    struct bench bench;
    bench_open(&bench, 10, 1 << 20);
    assert_true(emit(&bench, 1));
    assert_null(wr_collector_take(&bench.collector, false));
    struct weir_batch *batch = wr_collector_take(&bench.collector, true);
    assert_int_equal(weir_batch_count(batch), 1);
    assert_null(wr_collector_take(&bench.collector, true));
    wr_collector_recycle(&bench.collector, batch);
    wr_collector_fini(&bench.collector);
}

TEST(the_emit_limit_holds_at_the_limit_and_refuses_one_record_more)
{
    struct bench bench;
    bench_open(&bench, 10, 25 * 8);
    for (uint64_t i = 0; i < 10 + 25; i++) { /* the first batch is free */
        assert_true(emit(&bench, i));
    }
    assert_false(bench.failure.failed);
    assert_false(emit(&bench, 0));
    assert_true(bench.failure.failed);
    assert_int_equal(bench.failure.error.status, WEIR_LIMIT);
    assert_non_null(strstr(bench.failure.error.message, "weir.task.emit-limit"));
    assert_non_null(strstr(bench.failure.error.message, "operator 'flat_map' (1/1)"));
    wr_collector_fini(&bench.collector);

    bench_open(&bench, 10, 25 * 8);
    for (uint64_t i = 0; i < 35; i++) {
        assert_true(emit(&bench, i));
    }
    struct weir_batch *batch = wr_collector_take(&bench.collector, false);
    wr_collector_recycle(&bench.collector, batch);
    for (uint64_t i = 0; i < 10; i++) { /* what was taken made room */
        assert_true(emit(&bench, i));
    }
    assert_false(emit(&bench, 0));
    wr_collector_fini(&bench.collector);
}

TEST(a_record_has_limits_below_and_above)
{
    struct bench bench;
    bench_open(&bench, 10, UINT64_MAX);
    assert_non_null(weir_collector_emit(&bench.collector, 8));
    assert_null(weir_collector_emit(&bench.collector, 7));
    assert_int_equal(bench.failure.error.status, WEIR_INVALID);
    wr_collector_fini(&bench.collector);
    bench_open(&bench, 10, UINT64_MAX);
    assert_non_null(weir_collector_emit(&bench.collector, WEIR_VALUE_SIZE_MAX));
    assert_false(bench.failure.failed);
    assert_null(weir_collector_emit(&bench.collector, WEIR_VALUE_SIZE_MAX + 1));
    assert_int_equal(bench.failure.error.status, WEIR_LIMIT);
    wr_collector_fini(&bench.collector);
}

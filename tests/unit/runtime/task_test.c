/* SPDX-License-Identifier: Apache-2.0 */
/* Whole tasks, wired by hand: records, exchange, backpressure, end, failures. */
#include "task_rig.h"

static const weir_function *const fused[] = { &source_function, &sum_function, &sink_function,
                                              NULL };
static const weir_function *const sources[] = { &source_function, NULL };
static const weir_function *const exploding[] = { &source_function, &explode_function, NULL };
static const weir_function *const filtered[] = { &source_function, &even_function, &sink_function,
                                                 NULL };
static const weir_function *const sums[] = { &sum_function, &sink_function, NULL };
static const weir_function *const sinks[] = { &sink_function, NULL };

TEST(a_fused_chain_runs_to_its_end)
{
    struct rig rig;
    rig_init(&rig);
    (void)rig_vertex(&rig, 1, fused);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, rig.plan.count);
    rig_check_sums(&rig);
    assert_int_equal(rig.drained, 1);
    assert_int_equal(rig.plan.finished, 3);
    struct wr_task_counters counters;
    wr_task_count(rig.tasks[0], 0, &counters);
    assert_int_equal(counters.records_in, rig.plan.count);
    assert_int_equal(counters.records_out, rig.plan.count);
    assert_int_equal(counters.state_entries, rig.plan.keys);
    assert_true(counters.state_bytes > 0);
    rig_end(&rig, WR_TASK_FINISH);
    assert_int_equal(rig.plan.closed, 3);
    assert_int_equal(rig.failed, 0);
    rig_fini(&rig);
}

static void
exchange(uint32_t source_count, uint32_t sum_count, uint32_t batches_max, uint32_t batch_count)
{
    struct rig rig;
    rig_init(&rig);
    rig.batches_max = batches_max;
    rig.environment.batch_count = batch_count;
    uint32_t from = rig_vertex(&rig, source_count, sources);
    uint32_t to = rig_vertex(&rig, sum_count, sums);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(rig.plan.row_count, rig.plan.count);
    rig_check_sums(&rig);
    for (size_t i = 0; i < rig.plan.row_count; i++) {
        const struct row *row = &rig.plan.rows[i];
        int64_t key = row->pair.key;
        int32_t code = wr_key_java_hash(wr_key_plan_type(rig.key_plan), weir_bytes_of(&key, 8));
        assert_int_equal(row->subtask,
                         wr_key_group_subtask(wr_key_group_of(code, rig.max_parallelism), sum_count,
                                              rig.max_parallelism));
    }
    assert_int_equal(rig.drained, rig.task_count);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(a_keyed_exchange_sends_every_record_to_the_owner_of_its_key)
{
    const uint32_t parallelism[] = { 1, 2, 3, 5 };
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            exchange(parallelism[i], parallelism[j], 4, 64);
        }
    }
}

TEST(one_batch_of_one_record_a_channel_is_enough)
{
    exchange(2, 3, 1, 1);
    exchange(3, 2, 1, 7);
}

static void
spread(enum wr_edge edge, uint32_t from_count, uint32_t to_count, size_t expected)
{
    struct rig rig;
    rig_init(&rig);
    uint32_t from = rig_vertex(&rig, from_count, sources);
    uint32_t to = rig_vertex(&rig, to_count, sinks);
    rig_connect(&rig, from, to, edge);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    size_t of_subtask[8] = { 0 };
    assert_int_equal(rig.plan.row_count, expected);
    for (size_t i = 0; i < rig.plan.row_count; i++) {
        of_subtask[rig.plan.rows[i].subtask]++;
    }
    for (size_t i = 0; i < to_count; i++) {
        assert_in_range(of_subtask[i], expected / to_count - 1, expected / to_count + 1);
    }
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(rebalance_broadcast_and_forward_spread_as_they_say)
{
    spread(WR_EDGE_REBALANCE, 2, 3, 10000);
    spread(WR_EDGE_BROADCAST, 2, 3, 30000);
    spread(WR_EDGE_FORWARD, 3, 3, 10000);
}

TEST(two_edges_of_one_task_both_get_everything)
{
    struct rig rig;
    rig_init(&rig);
    rig.batches_max = 1;
    uint32_t from = rig_vertex(&rig, 2, sources);
    uint32_t one = rig_vertex(&rig, 3, sums);
    uint32_t other = rig_vertex(&rig, 2, sinks);
    rig_connect(&rig, from, one, WR_EDGE_KEYED);
    rig_connect(&rig, from, other, WR_EDGE_REBALANCE);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, 2 * rig.plan.count);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(a_filter_keeps_what_it_says)
{
    struct rig rig;
    rig_init(&rig);
    (void)rig_vertex(&rig, 1, filtered);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, rig.plan.count / 2);
    for (size_t i = 0; i < rig.plan.row_count; i++) {
        assert_int_equal(rig.plan.rows[i].pair.value, 2 * i);
    }
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(an_exploding_flat_map_passes_narrow_channels_in_order)
{
    struct rig rig;
    rig_init(&rig);
    rig.batches_max = 1;
    rig.environment.batch_count = 16;
    rig.plan.count = 50;
    rig.plan.keys = 50;
    rig.plan.explode = 3000;
    uint32_t from = rig_vertex(&rig, 1, exploding);
    uint32_t to = rig_vertex(&rig, 1, sinks);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, 150000);
    for (size_t i = 0; i < rig.plan.row_count; i++) {
        assert_int_equal(rig.plan.rows[i].pair.value, i / 3000);
    }
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(giant_records_pass_between_small_ones)
{
    struct rig rig;
    rig_init(&rig);
    rig.plan.count = 20;
    rig.plan.big = 2 << 20;
    uint32_t from = rig_vertex(&rig, 1, sources);
    uint32_t to = rig_vertex(&rig, 2, sinks);
    rig_connect(&rig, from, to, WR_EDGE_REBALANCE);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(rig.plan.row_count, 20);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

/* The words are said once, and every opened function is closed once. */
static void
failing(const char *where, uint64_t fail_at, const char *words)
{
    struct rig rig;
    rig_init(&rig);
    rig.plan.fail_in = where;
    rig.plan.fail_at = fail_at;
    (void)rig_vertex(&rig, 1, fused);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    if (rig.failed == 0) {
        rig_trigger(&rig, 1, WR_CHECKPOINT_PERIODIC);
        (void)rig_send_all(&rig, WR_TASK_COMPLETE, 1);
        rig_run(&rig);
    }
    assert_int_equal(rig.failed, 1);
    assert_int_equal(rig.ended, 1);
    if (strstr(rig.failure.message, words) == NULL) {
        print_error("%s\n", rig.failure.message);
        fail();
    }
    assert_true(rig.plan.closed <= 3 && rig.plan.closed >= 1);
    assert_true(rig.plan.opened <= rig.plan.closed);
    rig_fini(&rig);
}

TEST(a_failing_function_says_its_words_once_and_all_are_closed)
{
    failing("initialize_state", 0, "operator 'source' (1/1): planted in initialize_state");
    failing("open", 0, "operator 'sink' (1/1): planted in open");
    failing("poll", 0, "operator 'source' (1/1): planted in poll");
    failing("process", 1234, "operator 'sum' (1/1), record 1235: process answered LIMIT");
    failing("finish", 0, "planted in finish");
    failing("snapshot_state", 0, "planted in snapshot_state");
    failing("notify", 0, "planted in notify");
}

TEST(an_overlooked_state_failure_fails_the_task_with_state_and_key)
{
    struct rig rig;
    rig_init(&rig);
    struct alloc_fault budget;
    alloc_fault_init(&budget, 0, false);
    rig.environment.state_alloc = alloc_fault_alloc(&budget);
    (void)rig_vertex(&rig, 1, fused);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    budget.fail_at = budget.requests + 1;
    budget.sticky = true;
    rig_run(&rig);
    assert_int_equal(rig.failed, 1);
    assert_int_equal(rig.failure.status, WEIR_NOMEM);
    assert_non_null(strstr(rig.failure.message, "operator 'sum' (1/1), record 1: state 'sum'"));
    assert_non_null(strstr(rig.failure.message, "taskmanager.memory.managed.size"));
    assert_int_equal(rig.plan.row_count, 0);
    assert_int_equal(rig.ended, 1);
    rig_fini(&rig);
    assert_int_equal(alloc_fault_leaks(&budget, stderr), 0);
}

TEST(a_cancelled_job_ends_in_the_middle)
{
    struct rig rig;
    rig_init(&rig);
    uint32_t from = rig_vertex(&rig, 2, sources);
    uint32_t to = rig_vertex(&rig, 2, sums);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    for (int i = 0; i < 20; i++) {
        (void)rig_round(&rig);
    }
    rig_end(&rig, WR_TASK_CANCEL);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(rig.plan.closed, 6);
    rig_fini(&rig);
}

TEST(an_older_and_smaller_function_table_works_and_a_wrong_one_is_refused)
{
    struct rig rig;
    rig_init(&rig);
    weir_function small = sink_function;
    memset(&small.filter, 0xff, sizeof small - offsetof(weir_function, filter));
    small.size = offsetof(weir_function, filter);
    small.process_batch = NULL;
    small.process = explode_process;
    const weir_function *const chain[] = { &source_function, &small, NULL };
    uint32_t vertex = rig_vertex(&rig, 1, chain);
    rig.vertices[vertex].operators[1].output_type = rig.pair_type;
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(rig.drained, 1);
    rig_end(&rig, WR_TASK_FINISH);
    rig_tear_down(&rig);
    small.size = offsetof(weir_function, process);
    (void)rig_vertex(&rig, 1, chain);
    assert_int_equal(rig_create(&rig), WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, "no process"));
    rig_fini(&rig);
}

TEST(every_failed_allocation_ends_in_words_without_leaks)
{
    uint64_t points = 0;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct rig rig;
        rig_init(&rig);
        rig.plan.count = 300;
        rig.environment.batch_count = 16;
        uint32_t from = rig_vertex(&rig, 1, exploding);
        uint32_t to = rig_vertex(&rig, 2, sums);
        rig_connect(&rig, from, to, WR_EDGE_KEYED);
        uint64_t base = rig.fault.requests;
        rig.fault.fail_at = base + fail_at;
        weir_status status = rig_create(&rig);
        if (status == WEIR_OK && rig_send_all(&rig, WR_TASK_INITIALIZE, 0)) {
            rig_run(&rig);
            if (rig.failed == 0 && rig_send_all(&rig, WR_TASK_START, 0)) {
                rig_run(&rig);
                rig_trigger(&rig, 1, WR_CHECKPOINT_PERIODIC);
                rig_run(&rig);
            }
        }
        bool hit = rig.fault.refused != 0;
        rig.fault.fail_at = 0;
        assert_true(status == WEIR_OK || status == WEIR_NOMEM);
        for (uint32_t i = 0; i < rig.task_count; i++) {
            struct wr_task_letter cancel = { .kind = WR_TASK_CANCEL };
            assert_true(rig_send(&rig, i, &cancel));
        }
        rig_run(&rig);
        assert_int_equal(rig.ended, rig.task_count);
        if (rig.failed != 0) {
            assert_int_equal(rig.failure.status, WEIR_NOMEM);
            assert_true(rig.failure.message[0] != '\0');
        }
        rig_fini(&rig);
        if (!hit) {
            break;
        }
        points++;
    }
    assert_true(points > 60);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What whole jobs show of their subtasks: time, event time, bytes, the sizes of their states,
 * memory by pool, what a sink has pending. The numbers are held against what the job did.
 */
#include "job_rig.h"

#include "support/lab.h"
#include "weir/inspect.h"

static const weir_job_view *
view_of(weir_job *job)
{
    const weir_job_view *view = NULL;
    weir_error error;
    assert_ok(weir_job_inspect(job, &view, &error), &error);
    assert_non_null(view);
    return view;
}

static const weir_state_view *
find_state(const weir_job_view *view, const char *uid, const char *name)
{
    for (uint32_t i = 0; i < view->state_count; i++) {
        if (strcmp(view->states[i].name, name) == 0 &&
            strcmp(view->states[i].operator_->uid, uid) == 0) {
            return &view->states[i];
        }
    }
    fail_msg("no state '%s' of '%s' is shown", name, uid);
    return NULL;
}

static uint64_t
sum_entries(const weir_state_view *shown)
{
    uint64_t entries = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < shown->subtask_count; i++) {
        entries += shown->subtasks[i].entries;
        bytes += shown->subtasks[i].bytes;
    }
    assert_int_equal(shown->all.entries, entries);
    assert_int_equal(shown->all.bytes, bytes);
    return entries;
}

/* --- states and memory --- */

TEST(each_state_of_each_operator_is_shown_with_as_many_keys_as_came)
{
    for (uint32_t parallelism = 1; parallelism <= 5; parallelism += 2) {
        struct rig rig;
        rig_init(&rig);
        rig_set_number(&rig, "parallelism.default", parallelism);
        rig.keys = 137;
        rig.with_extra = true;
        assert_int_equal(rig_run(&rig, NULL), WEIR_JOB_FINISHED);
        const weir_job_view *view = view_of(rig.job);
        const weir_state_view *sum = find_state(view, "sums", "sum");
        const weir_state_view *count = find_state(view, "extra", "count");
        assert_int_equal(sum_entries(sum), 137);
        assert_int_equal(sum_entries(count), 137);
        assert_string_equal(sum->kind, "VALUE");
        assert_string_equal(sum->backend, "hashmap");
        assert_true(sum->is_exact && sum->all.bytes >= 137 * 16);
        assert_int_equal(sum->subtask_count, parallelism);
        assert_true(sum->vertex < view->vertex_count);
        uint64_t used = 0;
        for (uint32_t i = 0; i < parallelism; i++) {
            used += view->vertices[sum->vertex].subtasks[i].state_bytes;
        }
        assert_true(sum->all.bytes <= used);
        weir_job_view_free(view);
        rig_fini(&rig);
    }
}

TEST(state_without_a_key_is_shown_beside_it)
{
    struct rig rig;
    rig_init(&rig);
    (void)rig_run(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    bool is_there = false;
    for (uint32_t i = 0; i < view->state_count; i++) {
        const weir_state_view *shown = &view->states[i];
        assert_true(i == 0 || view->states[i - 1].vertex <= shown->vertex);
        if (strcmp(shown->backend, "operator") == 0) { /* the generator's positions */
            is_there = true;
            assert_string_equal(shown->operator_->uid, "numbers");
            assert_string_equal(shown->kind, "LIST");
            assert_true(shown->is_exact && shown->all.entries > 0 && shown->all.bytes > 0);
        }
    }
    assert_true(is_there);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(memory_is_shown_by_pool_and_never_above_its_peak)
{
    struct rig rig;
    rig_init(&rig);
    (void)rig_run(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    static const char *const names[] = { "state", "lists", "snapshot", "network" };
    assert_int_equal(view->memory_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const weir_memory_view *pool = &view->memory[i];
        assert_string_equal(pool->name, names[i]);
        assert_true(pool->used_bytes <= pool->peak_bytes);
        assert_true(pool->peak_bytes > 0 && pool->peak_bytes <= pool->budget_bytes);
    }
    assert_int_equal(view->memory[0].used_bytes,
                     atomic_load(&rig.job->budget.used_by_pool[WR_POOL_STATE]));
    assert_int_equal(view->memory[0].budget_bytes, 64 << 20);
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* --- time --- */

static uint64_t
whole_ms(const weir_subtask_view *subtask)
{
    return subtask->busy_ms + subtask->idle_ms + subtask->backpressured_ms;
}

TEST(a_source_that_waits_for_its_time_is_idle_and_all_its_time_is_accounted_for)
{
    struct rig rig;
    rig_init_with_clock(&rig, 0); /* work takes no time */
    assert_int_equal(rig_run(&rig, NULL), WEIR_JOB_FINISHED);
    const weir_job_view *view = view_of(rig.job);
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        const weir_subtask_view *subtask = &view->vertices[i].subtasks[0];
        uint64_t ran_ms = (uint64_t)(subtask->end_ms - subtask->running_ms);
        assert_true(ran_ms >= 190); /* 2,000 numbers at 10,000 a second */
        assert_in_range(whole_ms(subtask), ran_ms - 3, ran_ms);
        assert_true(subtask->idle_ms >= ran_ms - 20);
        assert_int_equal(subtask->backpressured_ms, 0);
    }
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_source_before_a_slow_operator_is_backpressured_and_that_one_is_busy)
{
    struct rig rig;
    rig_init_with_clock(&rig, 0);
    rig.rate = 0;
    rig.process_takes_ns = 200000;
    rig_set(&rig, "weir.network.batches-per-channel", "1");
    rig_set(&rig, "pipeline.operator-chaining.enabled", "false");
    assert_int_equal(rig_run(&rig, NULL), WEIR_JOB_FINISHED);
    const weir_job_view *view = view_of(rig.job);
    const weir_subtask_view *source = &view->vertices[0].subtasks[0];
    const weir_subtask_view *sum = &view->vertices[1].subtasks[0];
    assert_in_range(sum->busy_ms, 398, 410); /* 2,000 of 0.2 ms */
    assert_true(source->backpressured_ms >= 300);
    assert_true(source->busy_ms + source->idle_ms <= 110);
    assert_true(sum->idle_ms + sum->backpressured_ms <= 5);
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* Within an attempt they only grow, and the clock is not outrun. */
TEST(times_only_grow_while_the_job_runs)
{
    struct lab lab;
    struct lab_outcome outcome;
    lab_init(&lab, 31, LAB_SEQUENCE_SUM, 3000, 23);
    struct lab_attempt attempt = { .parallelism = 2, .interval_ms = 20, .rate = 20000 };
    struct lab_life *life = lab_open(&lab, &attempt, &outcome);
    uint64_t before[2][3] = { { 0 } };
    uint64_t turns = 0;
    assert_non_null(life);
    while (lab_turn(life)) {
        if (++turns % 50 != 0) {
            continue;
        }
        const weir_job_view *view = view_of(lab_job_of(life));
        for (uint32_t i = 0; i < 2; i++) {
            const weir_subtask_view *subtask = &view->vertices[i].subtasks[0];
            const uint64_t now[3] = { subtask->busy_ms, subtask->idle_ms,
                                      subtask->backpressured_ms };
            for (int j = 0; j < 3; j++) {
                assert_true(now[j] >= before[i][j]);
                before[i][j] = now[j];
            }
            uint64_t end = (uint64_t)view->now_ms;
            assert_true(subtask->running_ms == 0 ||
                        whole_ms(subtask) <= end - (uint64_t)subtask->running_ms + 1);
        }
        weir_job_view_free(view);
    }
    assert_true(before[0][0] + before[0][1] > 50);
    lab_close(life, &outcome);
    lab_fini(&lab);
}

/* --- bytes --- */

TEST(what_vertices_send_is_what_others_take)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "3");
    rig.with_extra = true;
    assert_int_equal(rig_run(&rig, NULL), WEIR_JOB_FINISHED);
    const weir_job_view *view = view_of(rig.job);
    uint64_t sent[3] = { 0 };
    uint64_t taken[3] = { 0 };
    assert_int_equal(view->vertex_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < 3; j++) {
            sent[i] += view->vertices[i].subtasks[j].bytes_out;
            taken[i] += view->vertices[i].subtasks[j].bytes_in;
        }
    }
    uint64_t all = rig.count * sizeof(struct rig_number);
    assert_int_equal(taken[0], 0);
    assert_int_equal(sent[0], all);
    assert_int_equal(taken[1], all);
    assert_int_equal(sent[1], all);
    assert_int_equal(taken[2], all);
    assert_int_equal(sent[2], 0);
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* --- sinks --- */

/* The file sink of the example: a file is pending from its barrier until the checkpoint is
 * complete.
 */
TEST(a_sink_shows_what_it_has_written_and_not_committed)
{
    struct lab lab;
    struct lab_outcome outcome;
    lab_init(&lab, 61, LAB_SEQUENCE_SUM, 4000, 23);
    struct lab_attempt attempt = { .parallelism = 2, .interval_ms = 10, .rate = 20000 };
    struct lab_life *life = lab_open(&lab, &attempt, &outcome);
    uint64_t most = 0;
    assert_non_null(life);
    while (lab_turn(life)) {
        const weir_job_view *view = view_of(lab_job_of(life));
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t pending = view->vertices[1].subtasks[i].pending_transactions;
            assert_int_equal(view->vertices[0].subtasks[i].pending_transactions, 0);
            assert_true(pending <=
                        2); /* one checkpoint at a time, and one that is being committed */
            most = pending > most ? pending : most;
        }
        weir_job_view_free(view);
    }
    const weir_job_view *view = view_of(lab_job_of(life));
    assert_int_equal(view->state, WEIR_JOB_FINISHED);
    assert_int_equal(view->vertices[1].subtasks[0].pending_transactions, 0);
    assert_int_equal(view->vertices[1].subtasks[1].pending_transactions, 0);
    assert_true(most > 0);
    weir_job_view_free(view);
    lab_close(life, &outcome);
    lab_fini(&lab);
}

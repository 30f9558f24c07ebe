/* SPDX-License-Identifier: Apache-2.0 */
/* The history of checkpoints: what is listed, counted, shown apart, and what memory costs it. */
#include "job/history.h"

#include "support/common_alloc_fault.h"
#include "support/test.h"

#include <string.h>

enum {
    KEPT = 3,
    TASKS = 2
};

struct fixture {
    weir_alloc alloc;
    struct wr_history *history;
    struct wr_arena arena;
    weir_checkpoints_view view;
};

static void
begin(struct fixture *f)
{
    f->alloc = wr_memory_system();
    f->history = wr_history_create(&f->alloc, KEPT, TASKS);
    assert_non_null(f->history);
    wr_arena_init(&f->arena, &f->alloc);
}

static void
look(struct fixture *f, int64_t now_ms)
{
    wr_arena_fini(&f->arena);
    wr_arena_init(&f->arena, &f->alloc);
    assert_int_equal(wr_history_view(f->history, &f->arena, now_ms, &f->view), WEIR_OK);
}

static void
end(struct fixture *f)
{
    wr_arena_fini(&f->arena);
    wr_history_destroy(f->history);
}

static void
acknowledge(struct fixture *f, uint64_t id, uint32_t task, uint64_t bytes, int64_t at_ms)
{
    weir_checkpoint_task_view part = { .acknowledged_ms = at_ms,
                                       .checkpointed_bytes = bytes,
                                       .state_bytes = 2 * bytes };
    wr_history_acknowledged(f->history, id, task, &part);
}

static void
complete(struct fixture *f, uint64_t id, uint64_t bytes, int64_t at_ms)
{
    wr_history_triggered(f->history, id, WR_CHECKPOINT_PERIODIC, at_ms);
    acknowledge(f, id, 0, bytes, at_ms + 1);
    acknowledge(f, id, 1, bytes, at_ms + 2);
    wr_history_completed(f->history, id, "/somewhere", at_ms + 3);
}

TEST(one_under_way_says_who_has_acknowledged)
{
    struct fixture f;
    begin(&f);
    wr_history_triggered(f.history, 7, WR_SAVEPOINT_STOP, 1000);
    acknowledge(&f, 7, 1, 50, 1010);
    acknowledge(&f, 7, 1, 50, 1011); /* twice is once */
    acknowledge(&f, 8, 0, 50, 1012); /* nobody knows it */
    look(&f, 1020);
    assert_int_equal(f.view.triggered_count, 1);
    assert_int_equal(f.view.in_progress_count, 1);
    assert_int_equal(f.view.history_count, 1);
    const weir_checkpoint_view *one = &f.view.history[0];
    assert_int_equal(one->id, 7);
    assert_int_equal(one->status, WEIR_CHECKPOINT_IN_PROGRESS);
    assert_true(one->is_savepoint && one->is_last);
    assert_int_equal(one->acknowledged_count, 1);
    assert_false(one->tasks[0].acknowledged);
    assert_int_equal(one->tasks[1].acknowledged_ms, 1010);
    assert_int_equal(one->checkpointed_bytes, 50);
    assert_int_equal(one->state_bytes, 100);
    assert_int_equal(one->duration_ms, 20);
    end(&f);
}

TEST(the_last_ended_ones_are_kept_and_the_latest_of_each_kind)
{
    struct fixture f;
    begin(&f);
    wr_history_triggered(f.history, 1, WR_SAVEPOINT, 10);
    wr_history_completed(f.history, 1, "/savepoint", 20);
    wr_history_triggered(f.history, 2, WR_CHECKPOINT_PERIODIC, 30);
    wr_history_failed(f.history, 2, "CHECKPOINT_EXPIRED: too late", 40);
    wr_history_triggered(f.history, 3, WR_CHECKPOINT_MANUAL, 45); /* stays under way */
    for (uint64_t id = 4; id < 10; id++) {
        complete(&f, id, 100 * id, (int64_t)(100 * id));
    }
    wr_history_discarded(f.history, 8);
    look(&f, 2000);
    assert_int_equal(f.view.history_count, KEPT + 1);
    assert_int_equal(f.view.history[0].id, 9);
    assert_int_equal(f.view.history[1].id, 8);
    assert_true(f.view.history[1].is_discarded && !f.view.history[0].is_discarded);
    assert_int_equal(f.view.history[2].id, 7);
    assert_int_equal(f.view.history[3].id, 3);
    assert_int_equal(f.view.latest_completed->id, 9);
    assert_int_equal(f.view.latest_savepoint->id, 1);
    assert_string_equal(f.view.latest_savepoint->path, "/savepoint");
    assert_int_equal(f.view.latest_failed->id, 2);
    assert_int_equal(f.view.latest_failed->failed_ms, 40);
    assert_string_equal(f.view.latest_failed->failure, "CHECKPOINT_EXPIRED: too late");
    assert_int_equal(f.view.completed_count, 7);
    assert_int_equal(f.view.failed_count, 1);
    assert_int_equal(f.view.in_progress_count, 1);
    end(&f);
}

TEST(the_figures_are_those_of_completed_ones)
{
    struct fixture f;
    begin(&f);
    look(&f, 0);
    assert_int_equal(f.view.duration_ms.maximum, 0);
    for (uint64_t id = 1; id <= 100; id++) {
        complete(&f, id, id, (int64_t)(10 * id));
    }
    wr_history_triggered(f.history, 101, WR_CHECKPOINT_PERIODIC, 0);
    wr_history_failed(f.history, 101, "", 100000);
    look(&f, 0);
    assert_int_equal(f.view.checkpointed_bytes.minimum, 2);
    assert_int_equal(f.view.checkpointed_bytes.maximum, 200);
    assert_int_equal(f.view.checkpointed_bytes.average, 101);
    assert_int_equal(f.view.checkpointed_bytes.p50, 101); /* between 100 and 102 */
    assert_int_equal(f.view.state_bytes.maximum, 400);
    assert_int_equal(f.view.duration_ms.minimum, 3);
    assert_int_equal(f.view.duration_ms.p999, 3);
    end(&f);
}

TEST(what_was_under_way_fails_with_its_attempt)
{
    struct fixture f;
    begin(&f);
    complete(&f, 1, 1, 1);
    wr_history_triggered(f.history, 2, WR_CHECKPOINT_PERIODIC, 10);
    wr_history_triggered(f.history, 3, WR_SAVEPOINT, 11);
    wr_history_failed_all(f.history, "the job failed", 20);
    wr_history_restored(f.history, 1, false, "/somewhere", 30);
    look(&f, 40);
    assert_int_equal(f.view.in_progress_count, 0);
    assert_int_equal(f.view.failed_count, 2);
    assert_int_equal(f.view.history[0].status, WEIR_CHECKPOINT_FAILED);
    assert_int_equal(f.view.history[1].status, WEIR_CHECKPOINT_FAILED);
    assert_int_equal(f.view.restored_count, 1);
    assert_int_equal(f.view.restored_id, 1);
    assert_string_equal(f.view.restored_path, "/somewhere");
    end(&f);
}

/* Every allocation refused once: the counts are right whatever is listed. */
TEST(without_memory_it_counts_on)
{
    for (uint64_t nth = 1; nth < 60; nth++) {
        struct alloc_fault fault;
        alloc_fault_init(&fault, nth, false);
        struct fixture f = { .alloc = alloc_fault_alloc(&fault) };
        f.history = wr_history_create(&f.alloc, KEPT, TASKS);
        if (f.history == NULL) {
            continue;
        }
        for (uint64_t id = 1; id < 6; id++) {
            complete(&f, id, id, (int64_t)id);
        }
        wr_history_triggered(f.history, 6, WR_CHECKPOINT_PERIODIC, 10);
        wr_history_failed_all(f.history, "over", 20);
        wr_arena_init(&f.arena, &f.alloc);
        weir_status status = wr_history_view(f.history, &f.arena, 30, &f.view);
        if (status == WEIR_OK) {
            assert_int_equal(f.view.completed_count, 5);
            assert_int_equal(f.view.failed_count, 1);
            assert_int_equal(f.view.in_progress_count, 0);
        } else {
            assert_int_equal(status, WEIR_NOMEM);
        }
        end(&f);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
    }
}

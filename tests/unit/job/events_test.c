/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened to a job, in order: each event once, those that are too old told as missed. */
#include "job_rig.h"

#include "support/common_alloc_fault.h"
#include "weir/events.h"
#include "weir/inspect.h"

#include <stdlib.h>

static const weir_events_view *
all_of(struct rig *rig, uint64_t after, uint32_t most)
{
    const weir_events_view *view = NULL;
    assert_ok(weir_job_events(rig->job, after, most, &view, &rig->error), &rig->error);
    assert_non_null(view);
    return view;
}

static bool
breaks_once(struct rig *rig)
{
    if (rig_look(rig).restarts == 0) {
        (void)rig_breaks_after_three(rig);
    } else {
        rig->failure = RIG_WELL;
    }
    if (rig_look(rig).state == WEIR_JOB_RESTARTING) {
        rig->failure = RIG_WELL;
    }
    return false;
}

static void
set_up(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "execution.checkpointing.dir", RIG_DIRECTORY);
    rig_set(rig, "execution.checkpointing.interval", "10 ms");
    rig_set(rig, "restart-strategy.type", "fixed-delay");
    rig_set(rig, "restart-strategy.fixed-delay.attempts", "1");
    rig_set(rig, "restart-strategy.fixed-delay.delay", "50 ms");
}

/* Whether the next event from *at on is of that kind; steps over those of checkpoints. */
static const weir_event *
next_of_job(const weir_events_view *view, uint32_t *at)
{
    while (view->events[*at].kind == WEIR_EVENT_CHECKPOINT_TRIGGERED ||
           view->events[*at].kind == WEIR_EVENT_CHECKPOINT_COMPLETED ||
           view->events[*at].kind == WEIR_EVENT_CHECKPOINT_FAILED) {
        ++*at;
    }
    assert_true(*at < view->count);
    return &view->events[(*at)++];
}

TEST(a_jobs_life_is_told_in_order_from_its_start_over_a_restart_to_its_end)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_once));
    const weir_events_view *view = all_of(&rig, 0, WEIR_EVENTS_KEPT);
    static const struct {
        weir_event_kind kind;
        weir_job_state state;
    } expected[] = {
        { WEIR_EVENT_STARTED, WEIR_JOB_INITIALIZING },
        { WEIR_EVENT_STATE, WEIR_JOB_RUNNING },
        { WEIR_EVENT_STATE, WEIR_JOB_RESTARTING },
        { WEIR_EVENT_RESTARTING, WEIR_JOB_RESTARTING },
        { WEIR_EVENT_STATE, WEIR_JOB_INITIALIZING },
        { WEIR_EVENT_STARTED, WEIR_JOB_INITIALIZING },
        { WEIR_EVENT_STATE, WEIR_JOB_RUNNING },
        { WEIR_EVENT_RESTORED, WEIR_JOB_RUNNING },
        { WEIR_EVENT_STATE, WEIR_JOB_FINISHED },
    };
    uint32_t at = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const weir_event *event = next_of_job(view, &at);
        assert_int_equal(event->kind, expected[i].kind);
        assert_int_equal(event->state, expected[i].state);
    }
    assert_int_equal(at, view->count);
    assert_int_equal(view->missed, 0);
    assert_int_equal(view->newest_id, view->count);
    assert_int_equal(weir_job_newest_event(rig.job), view->count);
    for (uint32_t i = 0; i < view->count; i++) {
        assert_int_equal(view->events[i].id, i + 1);
    }
    assert_int_equal(view->events[0].checkpoint_id, 0); /* STARTED EMPTY */
    weir_events_view_free(view);
    rig_fini(&rig);
}

/* Counts those of a kind, and looks that each says what it must. */
static uint32_t
count_of(const weir_events_view *view, weir_event_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        const weir_event *event = &view->events[i];
        count += event->kind == kind;
        if (event->kind == kind && kind == WEIR_EVENT_CHECKPOINT_COMPLETED) {
            assert_true(event->bytes > 0);
            assert_non_null(strstr(event->text, "/chk-"));
        }
        if (event->kind == kind && kind == WEIR_EVENT_RESTARTING) {
            assert_int_equal(event->duration_ms, 50);
            rig_assert_says(event->text, "broken on purpose");
        }
    }
    return count;
}

TEST(each_checkpoint_is_told_twice_when_it_begins_and_when_it_ends)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_once));
    const weir_events_view *view = all_of(&rig, 0, WEIR_EVENTS_KEPT);
    uint32_t completed = count_of(view, WEIR_EVENT_CHECKPOINT_COMPLETED);
    uint32_t failed = count_of(view, WEIR_EVENT_CHECKPOINT_FAILED);
    assert_int_equal(completed, rig_look(&rig).checkpoints_completed);
    assert_int_equal(count_of(view, WEIR_EVENT_CHECKPOINT_TRIGGERED), completed + failed);
    assert_int_equal(count_of(view, WEIR_EVENT_RESTARTING), 1);
    weir_events_view_free(view);
    rig_fini(&rig);
}

/* The path of what the job's second attempt began with. */
static void
expect_restart_from(struct rig *rig, const char *directory)
{
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(rig, breaks_once));
    const weir_events_view *view = all_of(rig, 0, WEIR_EVENTS_KEPT);
    uint32_t at = 1; /* behind the first attempt's */
    while (at < view->count - 1 && view->events[at].kind != WEIR_EVENT_STARTED) {
        at++;
    }
    const weir_event *started = &view->events[at];
    assert_int_equal(started->kind, WEIR_EVENT_STARTED);
    assert_int_equal(started->checkpoint_id, 3);
    assert_memory_equal(started->text, directory, strlen(directory));
    assert_int_equal(started->text[0] == '\0', directory[0] == '\0');
    weir_events_view_free(view);
    const weir_job_view *look = NULL;
    assert_ok(weir_job_inspect(rig->job, &look, &rig->error), &rig->error);
    assert_int_equal(look->checkpoints.restored_path == NULL, directory[0] == '\0');
    weir_job_view_free(look);
}

TEST(what_an_attempt_began_with_has_a_path_unless_it_was_in_memory)
{
    struct rig rig;
    set_up(&rig);
    expect_restart_from(&rig, RIG_DIRECTORY);
    rig_fini(&rig);
    set_up(&rig);
    rig_set(&rig, "execution.checkpointing.dir", "");
    expect_restart_from(&rig, "");
    rig_fini(&rig);
}

TEST(who_asks_in_pieces_gets_each_event_once)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    uint64_t newest = weir_job_newest_event(rig.job);
    uint64_t after = 0;
    assert_true(newest > 10);
    while (after < newest) {
        const weir_events_view *view = all_of(&rig, after, 3);
        assert_true(view->count > 0 && view->count <= 3);
        for (uint32_t i = 0; i < view->count; i++) {
            assert_int_equal(view->events[i].id, ++after);
        }
        assert_int_equal(view->missed, 0);
        weir_events_view_free(view);
    }
    const weir_events_view *none = all_of(&rig, newest, 3);
    assert_int_equal(none->count, 0);
    assert_int_equal(none->missed, 0);
    weir_events_view_free(none);
    rig_fini(&rig);
}

TEST(the_last_thousand_are_kept_and_one_more_is_missed)
{
    struct rig rig;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    uint64_t before = weir_job_newest_event(rig.job);
    for (uint64_t id = before + 1; id <= WEIR_EVENTS_KEPT; id++) {
        wr_events_add(&rig.job->events, &(weir_event){ .kind = WEIR_EVENT_STATE, .time_ms = 1 });
    }
    const weir_events_view *view = all_of(&rig, 0, WEIR_EVENTS_KEPT + 1);
    assert_int_equal(view->count, WEIR_EVENTS_KEPT);
    assert_int_equal(view->missed, 0);
    weir_events_view_free(view);
    wr_events_add(&rig.job->events, &(weir_event){ .kind = WEIR_EVENT_STATE, .text = "last" });
    view = all_of(&rig, 0, WEIR_EVENTS_KEPT + 1);
    assert_int_equal(view->count, WEIR_EVENTS_KEPT);
    assert_int_equal(view->missed, 1);
    assert_int_equal(view->events[0].id, 2);
    assert_string_equal(view->events[view->count - 1].text, "last");
    weir_events_view_free(view);
    rig_fini(&rig);
}

TEST(a_text_at_its_limit_is_whole_and_one_above_is_cut)
{
    struct rig rig;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    char text[WR_EVENT_TEXT_MAX + 2];
    memset(text, 'x', sizeof text);
    for (size_t size = WR_EVENT_TEXT_MAX; size <= WR_EVENT_TEXT_MAX + 1; size++) {
        text[size] = '\0';
        wr_events_add(&rig.job->events, &(weir_event){ .kind = WEIR_EVENT_STATE, .text = text });
        const weir_events_view *view = all_of(&rig, weir_job_newest_event(rig.job) - 1, 1);
        assert_int_equal(strlen(view->events[0].text), WR_EVENT_TEXT_MAX);
        weir_events_view_free(view);
        text[size] = 'x';
    }
    rig_fini(&rig);
}

TEST(an_event_without_memory_is_missed_and_nothing_else)
{
    struct wr_events *events = calloc(1, sizeof *events);
    struct alloc_fault fault;
    alloc_fault_init(&fault, 2, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    wr_events_init(events, wr_os_posix(), &alloc);
    for (int i = 0; i < 3; i++) {
        wr_events_add(events, &(weir_event){ .kind = WEIR_EVENT_STATE });
    }
    assert_int_equal(events->newest_id, 3);
    assert_non_null(events->kept[1]);
    assert_null(events->kept[2]);
    assert_non_null(events->kept[3]);
    wr_events_fini(events);
    assert_int_equal(alloc_fault_leaks(&fault, NULL), 0);
    free(events);

    /* and who asks hears of it */
    struct rig rig;
    rig_init(&rig);
    fault.requests = 0;
    fault.fail_at = 0;
    rig.alloc = &alloc;
    assert_ok(rig_create(&rig), &rig.error);
    uint64_t before = weir_job_newest_event(rig.job);
    fault.fail_at = fault.requests + 2;
    for (int i = 0; i < 3; i++) {
        wr_events_add(&rig.job->events, &(weir_event){ .kind = WEIR_EVENT_STATE });
    }
    const weir_events_view *view = all_of(&rig, before, 10);
    assert_int_equal(view->count, 2);
    assert_int_equal(view->missed, 1);
    assert_int_equal(view->events[1].id, before + 3);
    weir_events_view_free(view);
    fault.fail_at = fault.requests + 1;
    assert_int_equal(weir_job_events(rig.job, 0, 10, &view, &rig.error), WEIR_NOMEM);
    rig_fini(&rig);
    assert_int_equal(alloc_fault_leaks(&fault, NULL), 0);
}

TEST(a_wrong_question_about_events_is_refused)
{
    struct rig rig;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    const weir_events_view *view = NULL;
    assert_int_equal(weir_job_events(NULL, 0, 1, &view, NULL), WEIR_INVALID);
    assert_int_equal(weir_job_events(rig.job, 0, 0, &view, NULL), WEIR_INVALID);
    assert_int_equal(weir_job_events(rig.job, 0, 1, NULL, NULL), WEIR_INVALID);
    assert_int_equal(weir_job_newest_event(NULL), 0);
    weir_events_view_free(NULL);
    assert_string_equal(weir_event_kind_name(WEIR_EVENT_CHECKPOINT_FAILED), "checkpoint-failed");
    assert_string_equal(weir_event_kind_name((weir_event_kind)99), "?");
    rig_fini(&rig);
}

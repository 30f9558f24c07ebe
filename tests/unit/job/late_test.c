/* SPDX-License-Identifier: Apache-2.0 */
/* What a job shows of event time: watermarks in and out, records that came too late, timers. */
#include "time_rig.h"

#include "weir/inspect.h"

static weir_status
keeping_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct event *event = record;
    (void)self;
    (void)out;
    return event->value == 1 ? weir_context_register_timer(context, WEIR_EVENT_TIME,
                                                           weir_context_timestamp(context) + 100)
                             : WEIR_OK;
}

static weir_status
keeping_timer(weir_context *context, void *self, int64_t timestamp, weir_time_domain domain,
              weir_collector *out)
{
    (void)context;
    (void)self;
    (void)timestamp;
    (void)domain;
    (void)out;
    return WEIR_OK;
}

static const weir_function keeping_function = { .size = sizeof(weir_function),
                                                .name = "keeping",
                                                .process = keeping_process,
                                                .on_timer = keeping_timer };

static const weir_subtask_view *
subtask_named(const weir_job_view *view, const char *part)
{
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        if (strstr(view->vertices[i].name, part) != NULL) {
            return &view->vertices[i].subtasks[0];
        }
    }
    fail_msg("no vertex '%s'", part);
    return NULL;
}

/* Stopped in the pause, so that the end of the input says nothing. */
static const weir_job_view *
play(struct time_rig *rig, bool chained, const struct step *steps)
{
    const weir_job_view *view = NULL;
    time_init(rig, chained);
    time_set(rig, "parallelism.default", "1");
    rig->stop_in_pause = true;
    time_build(rig);
    time_sink(rig, time_keyed(rig, time_play(rig, 0, steps), &keeping_function));
    assert_int_equal(time_run(rig), WEIR_JOB_STOPPED);
    assert_ok(weir_job_inspect(rig->job, &view, &rig->error), &rig->error);
    return view;
}

TEST(records_behind_the_watermark_are_counted_and_others_are_not)
{
    static const struct step steps[] = { { 'R', 10, 1, 0 }, /* no watermark has come */
                                         { 'W', 15, 0, 0 }, { 'R', 15, 1, 0 }, /* late: at it */
                                         { 'R', 16, 2, 0 }, { 'R', 3, 3, 0 },  /* late */
                                         { 'W', 30, 0, 0 }, { 'R', 31, 1, 1 },
                                         { 'R', 30, 2, 1 }, /* late, and with a timer */
                                         { 'P', 0, 0, 0 },  { 0, 0, 0, 0 } };
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        const weir_job_view *view = play(&rig, chained != 0, steps);
        const weir_subtask_view *keeping = subtask_named(view, "keeping");
        assert_int_equal(keeping->late_records, 3);
        assert_int_equal(keeping->timers, 2);
        weir_job_view_free(view);
        time_fini(&rig);
    }
}

TEST(watermarks_are_shown_where_they_come_in_and_where_they_go_on)
{
    static const struct step steps[] = {
        { 'R', 10, 1, 0 }, { 'W', 15, 0, 0 }, { 'W', 30, 0, 0 }, { 'P', 0, 0, 0 }, { 0, 0, 0, 0 }
    };
    struct time_rig rig;
    const weir_job_view *view = play(&rig, false, steps);
    const weir_subtask_view *source = subtask_named(view, "first");
    const weir_subtask_view *keeping = subtask_named(view, "keeping");
    const weir_subtask_view *sink = subtask_named(view, "noting");
    assert_true(source->input_watermark_ms == WEIR_NO_WATERMARK);
    assert_int_equal(source->output_watermark_ms, 30);
    assert_int_equal(keeping->input_watermark_ms, 30);
    assert_int_equal(keeping->output_watermark_ms, 30);
    assert_int_equal(sink->input_watermark_ms, 30);
    assert_true(sink->output_watermark_ms == WEIR_NO_WATERMARK);
    weir_job_view_free(view);
    time_fini(&rig);
}

TEST(a_timer_that_has_fired_is_not_counted_any_more)
{
    static const struct step steps[] = { { 'R', 10, 1, 1 },  { 'R', 20, 2, 1 }, { 'R', 30, 3, 1 },
                                         { 'W', 120, 0, 0 }, { 'P', 0, 0, 0 },  { 0, 0, 0, 0 } };
    struct time_rig rig;
    const weir_job_view *view = play(&rig, false, steps);
    assert_int_equal(subtask_named(view, "keeping")->timers, 1); /* at 110 and 120 they fired */
    weir_job_view_free(view);
    time_fini(&rig);
}

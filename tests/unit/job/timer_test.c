/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of timers and watermarks through whole jobs, fused into one task and with a channel between
 * every two operators: when timers fire, in which order, with which key, and what is kept over a
 * restore.
 */
#include "time_rig.h"

/* What a record's value makes the function do. */
enum {
    REGISTER = 1,    /* an event timer 10 behind the record */
    DELETE = 2,      /* that one */
    SOON = 3,        /* a timer of processing time, 5 ms from now */
    FAR = 4,         /* one a day from now */
    OLD = 5,         /* one at time 1, long past */
    AGAIN = 6,       /* an event timer 10 behind it, which registers the next 10 behind, to 100 */
    WITHOUT_KEY = 7, /* asks for nothing; notes the key */
    LOOK = 8         /* notes the watermark */
};

static weir_status
watch_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct event *event = record;
    int64_t later = weir_context_timestamp(context) + 10;
    int64_t now = (int64_t)weir_context_now_ms(context);
    (void)self;
    (void)out;
    switch (event->value) {
    case REGISTER:
        return weir_context_register_timer(context, WEIR_EVENT_TIME, later);
    case DELETE:
        return weir_context_delete_timer(context, WEIR_EVENT_TIME, later);
    case SOON:
        return weir_context_register_timer(context, WEIR_PROCESSING_TIME, now + 5);
    case FAR:
        return weir_context_register_timer(context, WEIR_PROCESSING_TIME, now + 86400000);
    case OLD:
        return weir_context_register_timer(context, WEIR_PROCESSING_TIME, 1);
    case AGAIN:
        return weir_context_register_timer(context, WEIR_EVENT_TIME, later + 1000000);
    case LOOK:
        if (weir_context_watermark(context) == WEIR_NO_WATERMARK) {
            note(rig_of(context)->notes, "w-none");
        } else {
            note(rig_of(context)->notes, "w%lld", (long long)weir_context_watermark(context));
        }
        return WEIR_OK;
    default:
        return WEIR_OK;
    }
}

static weir_status
watch_timer(weir_context *context, void *self, int64_t timestamp, weir_time_domain domain,
            weir_collector *out)
{
    int64_t key = -1;
    weir_bytes bytes = weir_context_current_key(context);
    (void)self;
    assert_int_equal(bytes.size, sizeof key);
    memcpy(&key, bytes.data, sizeof key);
    assert_int_equal(weir_context_timestamp(context), timestamp);
    if (domain == WEIR_PROCESSING_TIME) {
        assert_true((int64_t)weir_context_now_ms(context) >= timestamp);
        note(rig_of(context)->notes, "p%lld", (long long)key);
    } else if (timestamp > 1000000) {
        note(rig_of(context)->notes, "a%lld@%lld", (long long)key, (long long)timestamp - 1000000);
        if (timestamp < 1000050) {
            return weir_context_register_timer(context, domain, timestamp + 10);
        }
    } else {
        assert_true(weir_context_watermark(context) >= timestamp);
        note(rig_of(context)->notes, "t%lld@%lld", (long long)key, (long long)timestamp);
    }
    struct event event = { .key = key, .value = 100 };
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static weir_status
watch_watermark(weir_context *context, void *self, int64_t watermark, weir_collector *out)
{
    (void)self;
    (void)out;
    if (watermark == WEIR_MAX_WATERMARK) {
        note(rig_of(context)->notes, "wmax");
    }
    return WEIR_OK;
}

static const weir_function watch_function = { .size = sizeof(weir_function),
                                              .name = "watch",
                                              .process = watch_process,
                                              .on_timer = watch_timer,
                                              .on_watermark = watch_watermark };

static void
build(struct time_rig *rig, const struct step *steps)
{
    time_build(rig);
    time_sink(rig, time_keyed(rig, time_play(rig, 0, steps), &watch_function));
}

/* What is called, and what comes out, in a run of the script from begin to end. */
static void
assert_notes(const struct step *steps, const char *called, const char *out)
{
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        time_init(&rig, chained == 1);
        build(&rig, steps);
        rig.go_on = true;
        assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
        assert_string_equal(rig.notes, called);
        assert_string_equal(rig.sunk, out);
        time_fini(&rig);
    }
}

TEST(event_timers_fire_in_order_once_the_watermark_has_come_to_them)
{
    static const struct step steps[] = { { 'R', 10, 1, REGISTER }, { 'R', 5, 2, REGISTER },
                                         { 'R', 10, 1, REGISTER }, { 'W', 14, 0, 0 },
                                         { 'R', 14, 9, LOOK },     { 'W', 30, 0, 0 },
                                         { 'R', 30, 9, LOOK },     { 0 } };
    assert_notes(steps, "w14 t2@15 t1@20 w30 wmax", "s100@15 s100@20");
}

TEST(a_deleted_timer_does_not_fire_and_one_of_another_key_does)
{
    static const struct step steps[] = { { 'R', 10, 1, REGISTER },
                                         { 'R', 10, 2, REGISTER },
                                         { 'R', 10, 1, DELETE },
                                         { 'R', 10, 3, DELETE },
                                         { 'W', 40, 0, 0 },
                                         { 'P', 0, 0, 0 },
                                         { 0 } };
    assert_notes(steps, "t2@20 wmax", "s100@20");
}

TEST(a_timer_behind_the_watermark_waits_for_its_next_advance)
{
    static const struct step steps[] = {
        { 'W', 50, 0, 0 }, { 'R', 10, 1, REGISTER }, { 'R', 60, 9, LOOK },
        { 'W', 50, 0, 0 }, { 'W', 49, 0, 0 },        { 'R', 60, 9, LOOK },
        { 'W', 51, 0, 0 }, { 'R', 60, 9, LOOK },     { 0 }
    };
    assert_notes(steps, "w50 w50 t1@20 w51 wmax", "s100@20");
}

TEST(the_end_of_input_fires_event_timers_and_leaves_those_of_processing_time)
{
    static const struct step steps[] = {
        { 'R', 10, 1, REGISTER }, { 'R', 10, 2, FAR }, { 'R', 700, 3, REGISTER }, { 0 }
    };
    assert_notes(steps, "t1@20 t3@710 wmax", "s100@20 s100@710");
}

TEST(a_timer_may_register_the_next_and_it_fires_in_the_same_advance)
{
    static const struct step steps[] = {
        { 'R', 10, 1, AGAIN }, { 'W', 1000040, 0, 0 }, { 'R', 0, 9, LOOK }, { 0 }
    };
    assert_notes(steps, "a1@20 a1@30 a1@40 w1000040 a1@50 wmax", "s100@1000050");
}

TEST(timers_of_processing_time_fire_by_the_clock)
{
    static const struct step steps[] = {
        { 'R', 10, 1, SOON }, { 'R', 10, 2, OLD }, { 'P', 0, 0, 0 }, { 0 }
    };
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        time_init(&rig, chained == 1);
        build(&rig, steps);
        rig.stop_in_pause = true;
        assert_int_equal(time_run(&rig), WEIR_JOB_STOPPED);
        assert_string_equal(rig.notes, "p2 p1");
        assert_string_equal(rig.sunk, "s100@none s100@none");
        time_fini(&rig);
    }
}

TEST(a_stop_fires_nothing_and_a_restored_job_fires_what_is_due)
{
    static const struct step steps[] = { { 'R', 10, 1, REGISTER },
                                         { 'R', 12, 2, FAR },
                                         { 'W', 15, 0, 0 },
                                         { 'P', 0, 0, 0 },
                                         { 'R', 13, 3, REGISTER },
                                         { 'R', 13, 9, LOOK },
                                         { 0 } };
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        time_init(&rig, chained == 1);
        build(&rig, steps);
        rig.stop_in_pause = true;
        assert_int_equal(time_run(&rig), WEIR_JOB_STOPPED);
        assert_string_equal(rig.notes, "");
        os_sim_advance_ns(rig.sim, 2ULL * 86400 * 1000000000); /* the one a day ahead is past */
        build(&rig, steps);
        rig.go_on = true;
        rig.parameters.restore = "latest:" TIME_DIRECTORY;
        assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
        /* the watermark was kept: before another came it is 15, not none */
        assert_string_equal(rig.notes, "p2 w15 t1@20 t3@23 wmax");
        assert_string_equal(rig.sunk, "s100@none s100@20 s100@23");
        time_fini(&rig);
    }
}

/* The first source of the graph is another than before, so what it had is not restored. */
static void
build_beside_a_silent_one(struct time_rig *rig, const struct step *steps, const char *uid)
{
    static const struct step silent[] = { { 'P', 0, 0, 0 }, { 0 } };
    time_build(rig);
    weir_stream *first = weir_stream_uid(time_play(rig, 0, steps), uid);
    time_sink(rig, time_keyed(rig, first, &watch_function));
    weir_stream_sink(time_play(rig, 1, silent), "beside", &noting_function, &rig, sizeof rig);
}

TEST(the_end_of_the_input_is_not_kept_as_a_watermark)
{
    static const struct step steps[] = { { 'R', 10, 1, REGISTER }, { 'W', 15, 0, 0 }, { 0 } };
    static const struct step more[] = { { 'R', 20, 9, LOOK }, { 0 } };
    struct time_rig rig;
    time_init(&rig, true);
    build_beside_a_silent_one(&rig, steps, "before");
    rig.stop_in_pause = true;
    assert_int_equal(time_run(&rig), WEIR_JOB_STOPPED);
    assert_string_equal(rig.notes, "t1@20 wmax");
    build_beside_a_silent_one(&rig, more, "after");
    rig.go_on = true;
    rig.parameters.restore = "latest:" TIME_DIRECTORY;
    rig.parameters.allow_non_restored_state = true;
    assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
    assert_string_equal(rig.notes, "w15 wmax");
    time_fini(&rig);
}

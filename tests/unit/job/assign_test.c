/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of weir_stream_assign_timestamps through whole jobs: periodic and punctuated watermarks,
 * idleness, what ends at it; and of jobs without event time.
 */
#include "time_rig.h"

/* Notes each advance of its watermark, and passes on. */
static weir_status
notes_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    (void)self;
    return weir_collector_emit_copy(out, record, sizeof(struct event));
}

static weir_status
notes_watermark(weir_context *context, void *self, int64_t watermark, weir_collector *out)
{
    (void)self;
    (void)out;
    if (watermark == WEIR_MAX_WATERMARK) {
        note(rig_of(context)->notes, "wmax");
    } else {
        note(rig_of(context)->notes, "w%lld", (long long)watermark);
    }
    return WEIR_OK;
}

static const weir_function notes_function = { .size = sizeof(weir_function),
                                              .name = "notes",
                                              .process = notes_process,
                                              .on_watermark = notes_watermark };

static int64_t
timestamp_of(const void *argument, const void *record)
{
    int64_t offset = 0;
    memcpy(&offset, argument, sizeof offset);
    return ((const struct event *)record)->value + offset;
}

static int64_t
watermark_of(const void *argument, const void *record, int64_t timestamp)
{
    (void)argument;
    return ((const struct event *)record)->key == 1 ? timestamp : WEIR_NO_WATERMARK;
}

static void
build(struct time_rig *rig, const struct step *steps, weir_watermark_strategy strategy)
{
    static const int64_t offset = 1000;
    strategy.size = sizeof strategy;
    strategy.argument = &offset;
    strategy.argument_size = sizeof offset;
    time_build(rig);
    weir_stream *stream =
        weir_stream_assign_timestamps(time_play(rig, 0, steps), "assign", &strategy);
    stream = weir_stream_process(stream, "notes", &notes_function, &rig, sizeof rig, rig->event);
    time_sink(rig, stream);
}

TEST(periodic_watermarks_stand_behind_the_greatest_timestamp_by_the_strategy)
{
    static const struct step steps[] = { { 'R', 0, 1, 50 }, { 'R', 0, 1, 70 },
                                         { 'R', 0, 1, 60 }, { 'W', 99999999, 0, 0 },
                                         { 'P', 0, 0, 0 },  { 0 } };
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        time_init(&rig, chained == 1);
        build(&rig, steps,
              (weir_watermark_strategy){ .timestamp = timestamp_of, .out_of_orderness_ms = 5 });
        time_set(&rig, "pipeline.auto-watermark-interval", "4 ms");
        build(&rig, steps,
              (weir_watermark_strategy){ .timestamp = timestamp_of, .out_of_orderness_ms = 5 });
        rig.stop_in_pause = true;
        assert_int_equal(time_run(&rig), WEIR_JOB_STOPPED);
        /* what the source told ends here; no watermark at the stop */
        assert_string_equal(rig.notes, "w1064");
        assert_string_equal(rig.sunk, "s50@1050 s70@1070 s60@1060");
        time_fini(&rig);
    }
}

TEST(punctuated_watermarks_come_right_behind_their_record)
{
    static const struct step steps[] = { { 'R', 0, 1, 50 }, { 'R', 0, 2, 70 }, { 'R', 0, 1, 60 },
                                         { 'R', 0, 1, 55 }, { 'R', 0, 2, 80 }, { 0 } };
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        time_init(&rig, chained == 1);
        build(&rig, steps,
              (weir_watermark_strategy){ .timestamp = timestamp_of, .watermark = watermark_of });
        assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
        const char *at = rig.notes;
        static const char *const order[] = { "w1050", "w1060", "wmax" };
        for (size_t i = 0; i < 3; i++) {
            at = strstr(at, order[i]);
            assert_non_null(at);
        }
        assert_null(strstr(rig.notes, "w1055"));
        assert_non_null(strstr(rig.sunk, "s80@1080"));
        time_fini(&rig);
    }
}

/* The first stream has the timestamps, the second is silent. */
static weir_job_state
run_with_a_silent_stream(struct time_rig *rig, uint64_t idleness_ms)
{
    static const struct step steps[] = { { 'R', 0, 1, 50 }, { 'P', 0, 0, 0 }, { 0 } };
    static const struct step silent[] = { { 'P', 0, 0, 0 }, { 'R', 0, 1, 70 }, { 0 } };
    static const int64_t offset = 0;
    weir_watermark_strategy strategy = { .size = sizeof strategy,
                                         .timestamp = timestamp_of,
                                         .argument = &offset,
                                         .argument_size = sizeof offset,
                                         .idleness_ms = idleness_ms };
    time_set(rig, "pipeline.auto-watermark-interval", "2 ms");
    time_build(rig);
    weir_stream *one = weir_stream_assign_timestamps(time_play(rig, 0, steps), "one", &strategy);
    weir_stream *two = weir_stream_assign_timestamps(time_play(rig, 1, silent), "two", &strategy);
    weir_stream *both = weir_stream_process(weir_stream_union(one, two), "notes", &notes_function,
                                            &rig, sizeof rig, rig->event);
    time_sink(rig, both);
    rig->stop_in_pause = true;
    return time_run(rig);
}

TEST(a_silent_stream_holds_the_watermark_back_unless_it_may_become_idle)
{
    struct time_rig rig;
    time_init(&rig, true);
    assert_int_equal(run_with_a_silent_stream(&rig, 0), WEIR_JOB_STOPPED);
    assert_string_equal(rig.notes, "");
    assert_string_equal(rig.sunk, "s50@50");
    time_fini(&rig);
    time_init(&rig, true);
    assert_int_equal(run_with_a_silent_stream(&rig, 6), WEIR_JOB_STOPPED);
    assert_string_equal(rig.notes, "w49");
    assert_string_equal(rig.sunk, "s50@50");
    time_fini(&rig);
}

/* --- functions that take whole batches --- */

static weir_status
whole_batch(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)self;
    note(rig_of(context)->notes, "b%zu@%lld", weir_batch_count(batch),
         (long long)weir_context_timestamp(context));
    for (size_t i = 0; i < weir_batch_count(batch); i++) {
        assert_int_equal(weir_batch_timestamp(batch, i), weir_context_timestamp(context));
        weir_status status = weir_collector_emit_copy(out, weir_batch_record(batch, i),
                                                      weir_batch_record_size(batch, i));
        if (status != WEIR_OK) {
            return status;
        }
    }
    return WEIR_OK;
}

static const weir_function whole_function = { .size = sizeof(weir_function),
                                              .name = "whole",
                                              .process_batch = whole_batch };

TEST(a_function_of_whole_batches_gets_runs_of_one_timestamp)
{
    static const struct step steps[] = { { 'R', 5, 1, 1 }, { 'R', 5, 1, 2 }, { 'R', 6, 1, 3 },
                                         { 'W', 4, 0, 0 }, { 'R', 6, 1, 4 }, { 0 } };
    struct time_rig rig;
    time_init(&rig, false);
    time_build(&rig);
    struct time_rig *argument = &rig;
    weir_stream *stream = weir_stream_process(time_play(&rig, 0, steps), "whole", &whole_function,
                                              &argument, sizeof argument, rig.event);
    time_sink(&rig, stream);
    assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
    assert_string_equal(rig.sunk, "s1@5 s2@5 s3@6 s4@6");
    assert_null(strstr(rig.notes, "b3"));
    assert_non_null(strstr(rig.notes, "@6 b1@6")); /* the mark between them parts them */
    time_fini(&rig);
}

/* --- without event time --- */

static weir_status
plain_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
           weir_poll *out_poll)
{
    struct event event = { .key = 1, .value = 2 };
    (void)self;
    (void)max_records;
    *out_poll = WEIR_POLL_END;
    if (strstr(weir_context_operator_name(context), "timestamp") != NULL) {
        weir_collector_set_timestamp(out, 5);
    }
    if (strstr(weir_context_operator_name(context), "watermark") != NULL) {
        return weir_collector_emit_watermark(out, 5);
    }
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static const weir_function plain_function = { .size = sizeof(weir_function), .poll = plain_poll };

static weir_job_state
run_plain(struct time_rig *rig, const char *name)
{
    time_build(rig);
    weir_stream *stream =
        weir_environment_source(rig->environment, name, &plain_function, NULL, 0, rig->event);
    time_sink(rig,
              weir_stream_process(stream, "notes", &notes_function, &rig, sizeof rig, rig->event));
    return time_run(rig);
}

TEST(without_event_time_records_have_no_timestamp_and_the_end_is_still_told)
{
    for (int chained = 0; chained < 2; chained++) {
        struct time_rig rig;
        time_init(&rig, chained == 1);
        assert_int_equal(run_plain(&rig, "plain"), WEIR_JOB_FINISHED);
        assert_non_null(strstr(rig.sunk, "s2@none"));
        assert_non_null(strstr(rig.notes, "wmax"));
        time_fini(&rig);
    }
}

TEST(a_source_that_does_not_say_event_time_fails_when_it_makes_some)
{
    struct time_rig rig;
    time_init(&rig, true);
    assert_int_equal(run_plain(&rig, "timestamp"), WEIR_JOB_FAILED);
    assert_non_null(strstr(rig.error.message, ".event_time = true"));
    assert_int_equal(run_plain(&rig, "watermark"), WEIR_JOB_FAILED);
    assert_non_null(strstr(rig.error.message, ".event_time = true"));
    time_fini(&rig);
}

TEST(a_strategy_that_cannot_be_is_refused_when_the_job_is_built)
{
    static const struct step none[] = { { 0 } };
    struct time_rig rig;
    time_init(&rig, true);
    time_build(&rig);
    weir_watermark_strategy strategy = { .timestamp = timestamp_of };
    assert_null(weir_stream_assign_timestamps(time_play(&rig, 0, none), "assign", &strategy));
    assert_int_equal(weir_environment_status(rig.environment, &rig.error), WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, ".size"));
    time_build(&rig);
    strategy.size = sizeof strategy;
    weir_stream *keyed = weir_stream_key_by(time_play(&rig, 0, none), "key");
    assert_null(weir_stream_assign_timestamps(keyed, "assign", &strategy));
    assert_int_equal(weir_environment_status(rig.environment, &rig.error), WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, "before weir_stream_key_by"));
    time_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what functions emit when all input has ended: it goes the way of every record. */
#include "time_rig.h"

/* --- keeps a sum, emits it when all input has ended --- */

struct gather {
    int64_t sum;
};

static weir_status
gather_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct gather *gather = self;
    const struct event *event = record;
    (void)context;
    (void)out;
    gather->sum += event->value;
    return WEIR_OK;
}

static weir_status
gather_finish(weir_context *context, void *self, weir_collector *out)
{
    const struct gather *gather = self;
    (void)context;
    for (int64_t key = 0; key < 8; key++) {
        struct event event = { .key = key, .value = gather->sum + key };
        weir_status status = weir_collector_emit_copy(out, &event, sizeof event);
        if (status != WEIR_OK) {
            return status;
        }
    }
    return WEIR_OK;
}

static const weir_function gather = { .size = sizeof(weir_function),
                                      .name = "gather",
                                      .instance_size = sizeof(struct gather),
                                      .process = gather_process,
                                      .finish = gather_finish };

static weir_status
pass(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    (void)self;
    return weir_collector_emit_copy(out, record, sizeof(struct event));
}

static const weir_function passing = { .size = sizeof(weir_function),
                                       .name = "pass",
                                       .process = pass };

TEST(what_finish_emits_goes_over_an_exchange_to_the_sink)
{
    static const struct step steps[] = { { 'R', 1, 7, 300 }, { 'R', 2, 8, 200 }, { 0 } };
    struct time_rig rig;
    time_init(&rig, true);
    time_build(&rig);
    weir_stream *gathered =
        weir_stream_process(time_play(&rig, 0, steps), "gather", &gather, NULL, 0, rig.event);
    weir_stream *passed = weir_stream_process(weir_stream_key_by(gathered, "key"), "pass", &passing,
                                              NULL, 0, rig.event);
    time_sink(&rig, weir_stream_parallelism(weir_stream_uid(passed, "pass"), 3));
    assert_ok(weir_environment_status(rig.environment, &rig.error), &rig.error);
    assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
    for (int key = 0; key < 8; key++) {
        char wanted[32];
        (void)snprintf(wanted, sizeof wanted, "s%d@", 500 + key);
        assert_non_null(strstr(rig.sunk, wanted));
    }
    time_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/job/time_rig.h: jobs whose source plays a script of records and time, and whose
 * functions write down what was called with what.
 *
 *   script (one or two)  -->  the test's own functions  -->  sink, which notes value@timestamp
 *
 * A script's steps: R a record, W a watermark, I idle, P wait until the test lets it go on. The
 * notes are words separated by spaces, in the order of the calls.
 */
#ifndef WEIR_TESTS_TIME_RIG_H
#define WEIR_TESTS_TIME_RIG_H

#include "support/common_os_sim.h"
#include "support/test.h"

#include "job/running.h"
#include "job_steps.h"
#include "weir/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TIME_UNUSED    __attribute__((unused))
#define TIME_DIRECTORY "/var/state"

struct step {
    char kind;
    int64_t time; /* of the record, or the watermark */
    int64_t key;
    int64_t value;
};

struct event {
    int64_t key;
    int64_t value;
};

struct time_rig;

struct script {
    struct time_rig *rig;
    const struct step *steps; /* the last one has kind 0 */
    const char *name;
};

struct time_rig {
    struct os_sim *sim;
    weir_options *options;
    weir_environment *environment;
    weir_job *job;
    weir_error error;
    weir_job_parameters parameters;
    const weir_type *event;
    struct script scripts[2];
    bool go_on;         /* steps P are over */
    uint32_t waiting;   /* polls that found a P, one behind the other */
    bool stop_in_pause; /* once a checkpoint came about after all were waiting */
    uint64_t checkpoints_seen;
    char notes[4096]; /* of the functions between source and sink */
    char sunk[4096];  /* of the sink */
};

static TIME_UNUSED struct time_rig *
rig_of(const weir_context *context)
{
    struct time_rig *rig = NULL;
    memcpy(&rig, weir_context_argument(context), sizeof rig);
    return rig;
}

__attribute__((format(printf, 2, 3))) static TIME_UNUSED void
note(char notes[4096], const char *format, ...)
{
    size_t at = strlen(notes);
    if (at != 0 && at + 1 < 4096) {
        notes[at++] = ' ';
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(notes + at, 4096 - at, format, arguments);
    va_end(arguments);
}

/* --- the source --- */

struct player {
    weir_operator_list *list;
    int64_t position;
};

static weir_status
player_initialize(weir_context *context, void *self)
{
    struct player *player = self;
    weir_status status = weir_context_list_state(context, "position", weir_type_of_kind(WEIR_I64),
                                                 WEIR_LIST_SPLIT, &player->list);
    if (status == WEIR_OK && weir_operator_list_count(player->list) != 0) {
        memcpy(&player->position, weir_operator_list_at(player->list, 0).data,
               sizeof player->position);
    }
    return status;
}

static weir_status
player_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct player *player = self;
    (void)context;
    (void)checkpoint_id;
    weir_operator_list_clear(player->list);
    return weir_operator_list_add(player->list,
                                  weir_bytes_of(&player->position, sizeof player->position));
}

static weir_status
player_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    struct player *player = self;
    const struct script *script = NULL;
    (void)max_records;
    memcpy(&script, weir_context_argument(context), sizeof script);
    const struct step *step = &script->steps[player->position];
    *out_poll = WEIR_POLL_MORE;
    if (step->kind == 0) {
        *out_poll = WEIR_POLL_END;
        return WEIR_OK;
    }
    if (step->kind == 'P' && !script->rig->go_on) {
        script->rig->waiting++;
        *out_poll = WEIR_POLL_IDLE;
        return WEIR_OK;
    }
    player->position++;
    if (step->kind == 'W') {
        return weir_collector_emit_watermark(out, step->time);
    }
    if (step->kind == 'I') {
        return weir_collector_mark_idle(out);
    }
    if (step->kind == 'P') {
        return WEIR_OK;
    }
    struct event event = { .key = step->key, .value = step->value };
    weir_collector_set_timestamp(out, step->time);
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static const weir_function player_function = { .size = sizeof(weir_function),
                                               .name = "player",
                                               .instance_size = sizeof(struct player),
                                               .initialize_state = player_initialize,
                                               .snapshot_state = player_snapshot,
                                               .poll = player_poll,
                                               .event_time = true };

/* --- the sink --- */

static weir_status
noting_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct event *event = record;
    (void)self;
    (void)out;
    int64_t timestamp = weir_context_timestamp(context);
    if (timestamp == WEIR_NO_TIMESTAMP) {
        note(rig_of(context)->sunk, "s%lld@none", (long long)event->value);
    } else {
        note(rig_of(context)->sunk, "s%lld@%lld", (long long)event->value, (long long)timestamp);
    }
    return WEIR_OK;
}

static const weir_function noting_function = { .size = sizeof(weir_function),
                                               .name = "noting",
                                               .process = noting_process };

/* --- life --- */

static TIME_UNUSED void
time_set(struct time_rig *rig, const char *key, const char *value)
{
    assert_ok(weir_options_set(rig->options, key, value, WEIR_LEVEL_COMMAND, "test", &rig->error),
              &rig->error);
}

static TIME_UNUSED void
time_init(struct time_rig *rig, bool chained)
{
    memset(rig, 0, sizeof *rig);
    struct os_sim_config config = { .seed = 7, .clock_step_ns = 3000, .cpu_count = 2 };
    rig->sim = os_sim_create(&config);
    os_sim_directory_put(rig->sim, "/var");
    rig->parameters = (weir_job_parameters){ .size = sizeof rig->parameters };
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig->options));
    time_set(rig, "execution.checkpointing.dir", TIME_DIRECTORY);
    time_set(rig, "execution.checkpointing.interval", "10 ms");
    time_set(rig, "taskmanager.memory.managed.size", "64 mb");
    time_set(rig, "restart-strategy.type", "none"); /* a failure is told at once */
    time_set(rig, "pipeline.operator-chaining.enabled", chained ? "true" : "false");
}

static TIME_UNUSED void
time_forget(struct time_rig *rig)
{
    weir_job_destroy(rig->job);
    weir_environment_destroy(rig->environment);
    rig->job = NULL;
    rig->environment = NULL;
}

static TIME_UNUSED void
time_fini(struct time_rig *rig)
{
    time_forget(rig);
    weir_options_destroy(rig->options);
    os_sim_destroy(rig->sim);
}

/* Begins a job; the sources are asked for by time_play. */
static TIME_UNUSED void
time_build(struct time_rig *rig)
{
    time_forget(rig);
    rig->notes[0] = rig->sunk[0] = '\0';
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, rig->options, &rig->environment));
    const weir_field fields[] = { WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    rig->event =
        weir_environment_struct(rig->environment, "event", sizeof(struct event), fields, 2);
    weir_environment_name_job(rig->environment, "time");
}

static TIME_UNUSED weir_stream *
time_play(struct time_rig *rig, size_t number, const struct step *steps)
{
    static const char *const names[] = { "first", "second" };
    struct script *script = &rig->scripts[number];
    *script = (struct script){ .rig = rig, .steps = steps, .name = names[number] };
    weir_stream *stream = weir_environment_source(rig->environment, script->name, &player_function,
                                                  &script, sizeof(struct script *), rig->event);
    return weir_stream_parallelism(weir_stream_uid(stream, script->name), 1);
}

static TIME_UNUSED weir_stream *
time_keyed(struct time_rig *rig, weir_stream *stream, const weir_function *function)
{
    stream = weir_stream_process(weir_stream_key_by(stream, "key"), function->name, function, &rig,
                                 sizeof rig, rig->event);
    return weir_stream_uid(stream, function->name);
}

static TIME_UNUSED void
time_sink(struct time_rig *rig, weir_stream *stream)
{
    weir_stream_parallelism(weir_stream_sink(stream, "noting", &noting_function, &rig, sizeof rig),
                            1);
}

static bool
stop_in_pause(struct time_rig *rig)
{
    weir_job_report report = { .size = sizeof report };
    weir_job_look(rig->job, &report);
    if (rig->waiting < 20) {
        rig->checkpoints_seen = report.checkpoints_completed;
        return false;
    }
    return rig->stop_in_pause && report.checkpoints_completed > rig->checkpoints_seen;
}

/* From a built graph to the end of the job; its state. */
static TIME_UNUSED weir_job_state
time_run(struct time_rig *rig)
{
    rig->waiting = 0;
    assert_ok(wr_job_create_on(os_sim_os(rig->sim), rig->environment, &rig->parameters, &rig->job,
                               &rig->error),
              &rig->error);
    assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
    rig->error = (weir_error){ .status = WEIR_OK };
    unsigned quiet = 0;
    for (uint64_t rounds = 0; !wr_job_has_ended(rig->job); rounds++) {
        uint64_t first = UINT64_MAX;
        assert_true(rounds < 1000000);
        bool progress = job_step_all(rig->job, &first);
        if (stop_in_pause(rig)) {
            weir_job_stop(rig->job);
        }
        job_pass_time(rig->job, rig->sim, progress, first, &quiet);
    }
    (void)!weir_job_failure(rig->job, &rig->error);
    weir_job_report report = { .size = sizeof report };
    weir_job_look(rig->job, &report);
    return report.state;
}

#endif /* WEIR_TESTS_TIME_RIG_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* restart_job: numbered keys once -> five sums per key; when a checkpoint that holds all of them is
 * complete the operator crashes, and the first record of the next attempt says how long that took.
 * Then it ends.
 *
 * HOW: "fail", an error that the job restarts from in the process, or "kill", SIGKILL, which only a
 * parent survives. STAMP: a file for the time of the crash, which survives it.
 *
 *     weir run [--supervise] restart_job.so KEYS HOW STAMP
 */
#include <weir/connectors.h>
#include <weir/job.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_ROOM = 4096
};

struct plan {
    const weir_type *sums; /* the environment's */
    uint64_t keys;
    bool is_kill;
    char stamp[PATH_ROOM];
};

struct event {
    int64_t key;
    int64_t value;
};

/* With its key an entry has 48 bytes. */
struct sums {
    int64_t count, sum, least, most, last;
};

struct source {
    uint64_t next;
};

struct adder {
    weir_state *state;
    uint64_t records;     /* of this attempt */
    uint64_t complete_id; /* the first checkpoint that holds all keys; 0: none yet */
};

/* All keys, then nothing; in the attempt behind the crash one of them, and the end. */
static weir_status
poll_events(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    const struct plan *plan = weir_context_argument(context);
    struct source *source = self;
    bool is_restored = weir_context_restored(context, NULL);
    uint64_t most = is_restored ? 1 : plan->keys;
    for (size_t i = 0; i < max_records && source->next < most; i++) {
        struct event event = { (int64_t)source->next++, 1 };
        weir_status status = weir_collector_emit_copy(out, &event, sizeof event);
        if (status != WEIR_OK) {
            return status;
        }
    }
    *out_poll = source->next < most ? WEIR_POLL_MORE : is_restored ? WEIR_POLL_END : WEIR_POLL_IDLE;
    return WEIR_OK;
}

static weir_status
open_state(weir_context *context, void *self)
{
    struct adder *adder = self;
    const struct plan *plan = weir_context_argument(context);
    return weir_context_value_state(context, "sums", plan->sums, &adder->state);
}

/* The first record behind the crash. */
static weir_status
say_restart(weir_context *context, const struct plan *plan, const struct sums *sums)
{
    uint64_t crash_ns = 0;
    FILE *file = fopen(plan->stamp, "r");
    int read = file != NULL ? fscanf(file, "%" SCNu64, &crash_ns) : 0;
    if (file == NULL || fclose(file) != 0 || read != 1 || sums->count != 1) {
        return weir_context_fail(context, WEIR_CORRUPT,
                                 "no time of the crash, or the state is not the one before it");
    }
    weir_context_log(context, 'i', "%" PRIu64 " us restart",
                     (weir_context_monotonic_ns(context) - crash_ns) / 1000);
    return WEIR_OK;
}

static weir_status
add_event(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)out;
    struct adder *adder = self;
    const struct event *event = record;
    void *value;
    weir_status status = weir_value_upsert(adder->state, &value, NULL);
    if (status == WEIR_OK && weir_context_restored(context, NULL)) {
        return say_restart(context, weir_context_argument(context), value);
    }
    if (status == WEIR_OK) {
        *(struct sums *)value = (struct sums){ 1, event->value, event->value, event->value, 1 };
        adder->records++;
    }
    return status;
}

static weir_status
note_checkpoint(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct adder *adder = self;
    const struct plan *plan = weir_context_argument(context);
    if (adder->records == plan->keys && adder->complete_id == 0) {
        adder->complete_id = checkpoint_id;
    }
    return WEIR_OK;
}

static weir_status
crash(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct adder *adder = self;
    const struct plan *plan = weir_context_argument(context);
    if (adder->complete_id == 0 || checkpoint_id < adder->complete_id) {
        return WEIR_OK;
    }
    FILE *file = fopen(plan->stamp, "w");
    if (file == NULL || fprintf(file, "%" PRIu64, weir_context_monotonic_ns(context)) < 0 ||
        fclose(file) != 0) {
        return weir_context_fail(context, WEIR_IO, "%s cannot be written", plan->stamp);
    }
    if (plan->is_kill) {
        (void)raise(SIGKILL);
    }
    return weir_context_fail(context, WEIR_USER, "the crash that is measured");
}

static const weir_function events_function = { .size = sizeof events_function,
                                               .name = "events",
                                               .instance_size = sizeof(struct source),
                                               .poll = poll_events };
static const weir_function add_function = { .size = sizeof add_function,
                                            .name = "add",
                                            .instance_size = sizeof(struct adder),
                                            .initialize_state = open_state,
                                            .process = add_event,
                                            .snapshot_state = note_checkpoint,
                                            .notify_checkpoint_complete = crash };

static weir_status
restart_job(weir_environment *environment, int argc, char **argv)
{
    struct plan plan = { 0 };
    if (argc == 4) {
        plan.keys = strtoull(argv[1], NULL, 10);
        plan.is_kill = strcmp(argv[2], "kill") == 0;
        snprintf(plan.stamp, sizeof plan.stamp, "%s", argv[3]);
    }
    if (plan.keys == 0) {
        return weir_environment_fail(environment, WEIR_INVALID,
                                     "usage: restart_job KEYS fail|kill STAMP");
    }
    const weir_field fields[] = { WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    const weir_field of_sums[] = { WEIR_FIELD(struct sums, count, I64),
                                   WEIR_FIELD(struct sums, sum, I64),
                                   WEIR_FIELD(struct sums, least, I64),
                                   WEIR_FIELD(struct sums, most, I64),
                                   WEIR_FIELD(struct sums, last, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 2);
    plan.sums = weir_environment_struct(environment, "sums", sizeof(struct sums), of_sums, 5);
    weir_environment_name_job(environment, "restart_job");
    weir_stream *events =
        weir_environment_source(environment, "events", &events_function, &plan, sizeof plan, type);
    weir_stream *sums =
        weir_stream_process(weir_stream_key_by(weir_stream_uid(events, "events"), "key"), "add",
                            &add_function, &plan, sizeof plan, type);
    weir_discard_sink(weir_stream_uid(sums, "sums"));
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(restart_job)

/* SPDX-License-Identifier: Apache-2.0 */
/* window_job: a job that uses all there is of time and state, and fails itself where a rule is
 * broken.
 *
 *   events, 3 partitions  --keyed--------\
 *   watermarks per partition, idle        >-- windows --> file sink: "key end count sum"
 *   rules, timestamps assigned --broadcast/
 *
 * An event goes into the key's list; a timer at the end of its window takes the window's events out
 * and emits their count and sum. What it holds itself to, at every event and timer:
 *   (1) No event is late: watermarks are right, and what is kept over a restore is not too much.
 *   (2) Each rule comes once, and stands in the rule map of every key: those that a key finds when
 *       it is new, and those that came later, by for_each_key.
 *   (3) A key has at most one timer of processing time; it fires, and not twice.
 */
#include "support/window_values.h"
#include "weir/connectors.h"
#include "weir/job.h"

#include <stdlib.h>
#include <string.h>

struct event {
    int64_t key;
    int64_t value;
};

struct window {
    int64_t key;
    int64_t end;
    int64_t count;
    int64_t sum;
};

struct window_plan {
    uint64_t events;
    uint64_t seed;
    uint64_t keys;
    uint64_t rate; /* events a second of a subtask; 0: no limit */
};

/* --- the source: knows its watermarks --- */

struct position {
    int64_t partition;
    int64_t next; /* the next event of the partition, counted within it */
};

enum {
    IDLE_POLLS = 25 /* of a subtask without a partition, before it ends */
};

struct window_source {
    weir_operator_list *list;
    struct position positions[WINDOW_PARTITIONS];
    size_t count;
    int64_t greatest[WINDOW_PARTITIONS]; /* timestamp of the partition */
    uint64_t next_ns;
    unsigned idle_polls;
};

static weir_status
source_initialize(weir_context *context, void *self)
{
    struct window_source *source = self;
    const weir_field fields[] = { WEIR_FIELD(struct position, partition, I64),
                                  WEIR_FIELD(struct position, next, I64) };
    weir_type *type = NULL;
    weir_error err;
    weir_status status = weir_type_create_struct(weir_context_alloc(context), "position",
                                                 sizeof(struct position), fields, 2, &type, &err);
    if (status == WEIR_OK) {
        status =
            weir_context_list_state(context, "positions", type, WEIR_LIST_UNION, &source->list);
    }
    weir_type_destroy(type);
    for (int64_t p = 0; status == WEIR_OK && p < WINDOW_PARTITIONS; p++) {
        if ((uint64_t)p % weir_context_parallelism(context) == weir_context_subtask(context)) {
            source->greatest[source->count] = WEIR_NO_TIMESTAMP;
            source->positions[source->count++] = (struct position){ .partition = p };
        }
    }
    for (size_t i = 0; status == WEIR_OK && i < weir_operator_list_count(source->list); i++) {
        struct position kept;
        memcpy(&kept, weir_operator_list_at(source->list, i).data, sizeof kept);
        for (size_t j = 0; j < source->count; j++) {
            source->positions[j] =
                source->positions[j].partition == kept.partition ? kept : source->positions[j];
        }
    }
    return status;
}

static weir_status
source_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct window_source *source = self;
    weir_status status = WEIR_OK;
    (void)context;
    (void)checkpoint_id;
    weir_operator_list_clear(source->list);
    for (size_t i = 0; status == WEIR_OK && i < source->count; i++) {
        status = weir_operator_list_add(
            source->list, weir_bytes_of(&source->positions[i], sizeof source->positions[i]));
    }
    return status;
}

static uint64_t
index_of(const struct position *position)
{
    return (uint64_t)position->next * WINDOW_PARTITIONS + (uint64_t)position->partition;
}

static weir_status
emit_event(const struct window_plan *plan, uint64_t index, int64_t time, weir_collector *out)
{
    struct event event = { .key = sequence_key(plan->seed, index, plan->keys),
                           .value = sequence_value(plan->seed, index) };
    weir_collector_set_timestamp(out, time);
    return weir_collector_emit_copy(out, &event, sizeof event);
}

/* One event of each partition, then the least of what they say of time. */
static weir_status
emit_round(struct window_source *source, const struct window_plan *plan, weir_collector *out,
           bool *out_any)
{
    int64_t least = WEIR_MAX_WATERMARK;
    *out_any = false;
    for (size_t i = 0; i < source->count; i++) {
        uint64_t index = index_of(&source->positions[i]);
        if (index >= plan->events) {
            continue;
        }
        int64_t time = window_time(plan->seed, index);
        weir_status status = emit_event(plan, index, time, out);
        if (status != WEIR_OK) {
            return status;
        }
        *out_any = true;
        source->positions[i].next++;
        source->greatest[i] = time > source->greatest[i] ? time : source->greatest[i];
        int64_t watermark = source->greatest[i] - WINDOW_DISORDER_MS - 1;
        least = watermark < least ? watermark : least;
    }
    return *out_any ? weir_collector_emit_watermark(out, least) : WEIR_OK;
}

static weir_status
source_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    struct window_source *source = self;
    const struct window_plan *plan = weir_context_argument(context);
    bool any = true;
    *out_poll = WEIR_POLL_IDLE;
    if (source->count == 0 && source->idle_polls++ < IDLE_POLLS) {
        return weir_collector_mark_idle(out);
    }
    uint64_t now_ns = weir_context_monotonic_ns(context);
    if (plan->rate != 0 && now_ns < source->next_ns) {
        weir_context_wake_at(context, source->next_ns);
        return WEIR_OK;
    }
    for (size_t emitted = 0; any && emitted < max_records; emitted += WINDOW_PARTITIONS) {
        weir_status status = emit_round(source, plan, out, &any);
        if (status != WEIR_OK) {
            return status;
        }
        if (plan->rate != 0) {
            source->next_ns = now_ns + UINT64_C(1000000000) / plan->rate;
            break;
        }
    }
    *out_poll = any ? WEIR_POLL_MORE : WEIR_POLL_END;
    return WEIR_OK;
}

static const weir_function source_function = { .size = sizeof(weir_function),
                                               .name = "events",
                                               .instance_size = sizeof(struct window_source),
                                               .initialize_state = source_initialize,
                                               .snapshot_state = source_snapshot,
                                               .poll = source_poll,
                                               .event_time = true };

static weir_status
make_rule(weir_context *context, uint64_t index, weir_collector *out)
{
    struct event rule = { .key = (int64_t)index, .value = 1 };
    (void)context;
    return weir_collector_emit_copy(out, &rule, sizeof rule);
}

static int64_t
rule_time(const void *argument, const void *record)
{
    (void)argument;
    return ((const struct event *)record)->key * 1000;
}

/* --- windows --- */

struct kept {
    int64_t end; /* of the event's window */
    int64_t value;
};

struct windows {
    weir_state *events;  /* list of struct kept */
    weir_state *rules;   /* map: rule -> 1 */
    weir_state *ticks;   /* value: when the timer of processing time is due; 0: there is none */
    weir_broadcast *all; /* rule -> how often it came */
    int64_t rule;        /* the one that goes to every key */
    weir_type *kept_type;
};

static weir_status
windows_initialize(weir_context *context, void *self)
{
    struct windows *windows = self;
    const weir_type *number = weir_type_of_kind(WEIR_I64);
    const weir_field fields[] = { WEIR_FIELD(struct kept, end, I64),
                                  WEIR_FIELD(struct kept, value, I64) };
    weir_error err;
    weir_status status =
        weir_type_create_struct(weir_context_alloc(context), "kept", sizeof(struct kept), fields, 2,
                                &windows->kept_type, &err);
    if (status == WEIR_OK) {
        status =
            weir_context_keyed_list_state(context, "events", windows->kept_type, &windows->events);
    }
    if (status == WEIR_OK) {
        status = weir_context_map_state(context, "rules", number, number, &windows->rules);
    }
    if (status == WEIR_OK) {
        status = weir_context_value_state(context, "ticks", number, &windows->ticks);
    }
    return status != WEIR_OK
               ? status
               : weir_context_broadcast_state(context, "all rules", number, number, &windows->all);
}

static void
windows_close(weir_context *context, void *self)
{
    struct windows *windows = self;
    (void)context;
    weir_type_destroy(windows->kept_type);
    windows->kept_type = NULL;
}

/* The rules of a key are all there are; a key that has none yet and is new takes them over. */
static weir_status
check_rules(weir_context *context, struct windows *windows, bool is_new)
{
    weir_bytes rule;
    weir_bytes value;
    size_t count = 0;
    for (weir_cursor cursor = { { 0 } };
         weir_broadcast_next(windows->all, &cursor, &rule, &value) == WEIR_OK;) {
        weir_status status = is_new ? weir_map_put(windows->rules, rule, value) : WEIR_OK;
        if (status != WEIR_OK || !weir_map_contains(windows->rules, rule)) {
            return weir_context_fail(context, WEIR_USER, "a key does not have every rule");
        }
    }
    for (weir_cursor cursor = { { 0 } };
         weir_map_next(windows->rules, &cursor, &rule, &value) == WEIR_OK;) {
        count++;
    }
    return count == weir_broadcast_count(windows->all)
               ? WEIR_OK
               : weir_context_fail(context, WEIR_USER, "a key has %zu of %zu rules", count,
                                   weir_broadcast_count(windows->all));
}

static weir_status
check_tick(weir_context *context, struct windows *windows, bool *out_new)
{
    void *place = NULL;
    weir_status status = weir_value_upsert(windows->ticks, &place, out_new);
    int64_t now = (int64_t)weir_context_now_ms(context);
    if (status != WEIR_OK) {
        return status;
    }
    int64_t due = *(int64_t *)place;
    if (due != 0 && now > due + 60000) {
        return weir_context_fail(context, WEIR_USER, "a timer due at %lld did not fire by %lld",
                                 (long long)due, (long long)now);
    }
    if (due != 0) {
        return WEIR_OK;
    }
    *(int64_t *)place = now + 7;
    return weir_context_register_timer(context, WEIR_PROCESSING_TIME, now + 7);
}

static weir_status
windows_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct windows *windows = self;
    int64_t time = weir_context_timestamp(context);
    bool is_new = false;
    (void)out;
    if (time <= weir_context_watermark(context)) {
        return weir_context_fail(context, WEIR_USER, "an event at %lld is late: watermark %lld",
                                 (long long)time, (long long)weir_context_watermark(context));
    }
    weir_status status = check_tick(context, windows, &is_new);
    if (status == WEIR_OK) {
        status = check_rules(context, windows, is_new);
    }
    struct kept kept = { .end = window_end(time), .value = ((const struct event *)record)->value };
    if (status == WEIR_OK) {
        status = weir_list_add(windows->events, weir_bytes_of(&kept, sizeof kept));
    }
    return status != WEIR_OK ? status
                             : weir_context_register_timer(context, WEIR_EVENT_TIME, kept.end);
}

static weir_status
add_rule(weir_context *context, void *argument, weir_bytes key)
{
    struct windows *windows = argument;
    static const int64_t one = 1;
    weir_bytes rule = weir_bytes_of(&windows->rule, sizeof windows->rule);
    (void)key;
    if (weir_map_contains(windows->rules, rule)) {
        return weir_context_fail(context, WEIR_USER, "a key had a rule before it came");
    }
    return weir_map_put(windows->rules, rule, weir_bytes_of(&one, sizeof one));
}

static weir_status
windows_process_other(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct windows *windows = self;
    static const int64_t one = 1;
    weir_bytes before;
    windows->rule = ((const struct event *)record)->key;
    weir_bytes rule = weir_bytes_of(&windows->rule, sizeof windows->rule);
    (void)out;
    if (weir_broadcast_get(windows->all, rule, &before) == WEIR_OK) {
        return weir_context_fail(context, WEIR_USER, "rule %lld came twice",
                                 (long long)windows->rule);
    }
    weir_status status = weir_broadcast_put(windows->all, rule, weir_bytes_of(&one, sizeof one));
    return status != WEIR_OK
               ? status
               : weir_context_for_each_key(context, windows->ticks, add_rule, windows);
}

static weir_status
fire_tick(weir_context *context, struct windows *windows, int64_t timestamp)
{
    void *place = NULL;
    weir_status status = weir_value_upsert(windows->ticks, &place, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    if (*(int64_t *)place != timestamp) {
        return weir_context_fail(context, WEIR_USER, "a timer fired at %lld that is due at %lld",
                                 (long long)timestamp, (long long)*(int64_t *)place);
    }
    *(int64_t *)place = 0;
    return WEIR_OK;
}

/* The window's events go out of the list and into a line; the others stay. */
static weir_status
windows_timer(weir_context *context, void *self, int64_t timestamp, weir_time_domain domain,
              weir_collector *out)
{
    struct windows *windows = self;
    if (domain == WEIR_PROCESSING_TIME) {
        return fire_tick(context, windows, timestamp);
    }
    enum {
        MOST = 4096
    };
    struct kept *others = weir_context_scratch(context, MOST * sizeof *others);
    weir_bytes *elements = weir_context_scratch(context, MOST * sizeof *elements);
    struct window window = { .end = timestamp };
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    size_t count = 0;
    if (others == NULL || elements == NULL) {
        return weir_context_fail(context, WEIR_NOMEM, "no memory for a window");
    }
    memcpy(&window.key, weir_context_current_key(context).data, sizeof window.key);
    while (weir_list_next(windows->events, &cursor, &element) == WEIR_OK && count < MOST) {
        struct kept kept;
        memcpy(&kept, element.data, sizeof kept);
        if (kept.end == timestamp) {
            window.count++;
            window.sum += kept.value;
        } else {
            others[count] = kept;
            elements[count] = weir_bytes_of(&others[count], sizeof kept);
            count++;
        }
    }
    weir_status status = weir_list_update(windows->events, elements, count);
    return status != WEIR_OK ? status : weir_collector_emit_copy(out, &window, sizeof window);
}

static const weir_function windows_function = { .size = sizeof(weir_function),
                                                .name = "windows",
                                                .instance_size = sizeof(struct windows),
                                                .initialize_state = windows_initialize,
                                                .close = windows_close,
                                                .process = windows_process,
                                                .process_other = windows_process_other,
                                                .on_timer = windows_timer };

/* --- the graph --- */

/* window_job EVENTS KEYS SEED OUTPUT [RATE] */
weir_status window_main(weir_environment *environment, int argc, char **argv);

weir_status
window_main(weir_environment *environment, int argc, char **argv)
{
    struct window_plan plan = { .events = strtoull(argv[1], NULL, 10),
                                .keys = strtoull(argv[2], NULL, 10),
                                .seed = strtoull(argv[3], NULL, 10),
                                .rate = argc > 5 ? strtoull(argv[5], NULL, 10) : 0 };
    weir_file_sink_options output = { .size = sizeof output,
                                      .directory = argv[4],
                                      .format = WEIR_FORMAT_SPACES };
    weir_generator_source_options rules = { .size = sizeof rules,
                                            .generate = make_rule,
                                            .count = WINDOW_RULES,
                                            .records_per_second =
                                                plan.rate == 0 ? 0.0 : (double)plan.rate / 8 };
    weir_watermark_strategy strategy = { .size = sizeof strategy,
                                         .timestamp = rule_time,
                                         .idleness_ms = 3 };
    const weir_field event_fields[] = { WEIR_FIELD(struct event, key, I64),
                                        WEIR_FIELD(struct event, value, I64) };
    const weir_field window_fields[] = { WEIR_FIELD(struct window, key, I64),
                                         WEIR_FIELD(struct window, end, I64),
                                         WEIR_FIELD(struct window, count, I64),
                                         WEIR_FIELD(struct window, sum, I64) };
    const weir_type *event =
        weir_environment_struct(environment, "event", sizeof(struct event), event_fields, 2);
    const weir_type *window =
        weir_environment_struct(environment, "window", sizeof(struct window), window_fields, 4);
    weir_environment_name_job(environment, "windows");
    weir_environment_set(environment, "pipeline.auto-watermark-interval", "2 ms");
    weir_stream *events =
        weir_environment_source(environment, "events", &source_function, &plan, sizeof plan, event);
    weir_stream *told = weir_generator_source(environment, "rules", &rules, event);
    (void)weir_stream_parallelism(weir_stream_uid(told, "rules"), 1);
    told = weir_stream_assign_timestamps(told, "rule time", &strategy);
    (void)weir_stream_parallelism(told, 1);
    weir_stream *windows = weir_stream_connect(
        weir_stream_key_by(weir_stream_uid(events, "events"), "key"), weir_stream_broadcast(told),
        "windows", &windows_function, NULL, 0, window);
    (void)weir_stream_uid(weir_file_sink(weir_stream_uid(windows, "windows"), &output), "sink");
    return weir_environment_status(environment, NULL);
}

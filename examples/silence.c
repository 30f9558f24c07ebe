/* SPDX-License-Identifier: Apache-2.0 */
/* silence: lines "sensor time_ms" -> keyed by sensor -> an alert (sensor, last time) when a sensor
 * has been silent for GAP ms of event time. Lines may be LATE ms out of order. */
#include <weir/connectors.h>
#include <weir/job.h>

#include <stdlib.h>
#include <string.h>

struct reading {
    int64_t sensor, time;
};

static weir_status
parse(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context, (void)self;
    weir_bytes line = weir_string_bytes(record, *(const weir_string *)record);
    char text[64] = "", *end;
    memcpy(text, line.data, line.size < sizeof text ? line.size : sizeof text - 1);
    struct reading reading = { .sensor = strtoll(text, &end, 10) };
    reading.time = strtoll(end, NULL, 10);
    return weir_collector_emit_copy(out, &reading, sizeof reading);
}
static const weir_function parser = { .size = sizeof parser, .process = parse };

static int64_t
time_of(const void *argument, const void *record)
{
    (void)argument;
    return ((const struct reading *)record)->time;
}

static weir_status
open_last(weir_context *context, void *self)
{
    return weir_context_value_state(context, "last", weir_type_of_kind(WEIR_I64), self);
}

/* One timer a sensor: each reading puts it off. */
static weir_status
put_off(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct reading *reading = record;
    int64_t gap = *(const int64_t *)weir_context_argument(context);
    void *value;
    bool created;
    weir_status status = weir_value_upsert(*(weir_state **)self, &value, &created);
    if (status || (!created && *(int64_t *)value >= reading->time)) {
        return status; /* an older reading puts nothing off */
    }
    struct reading last = { reading->sensor, created ? reading->time : *(int64_t *)value };
    *(int64_t *)value = reading->time;
    status = weir_context_delete_timer(context, WEIR_EVENT_TIME, last.time + gap);
    if (!status && reading->time - last.time >= gap) { /* time did not tell in between */
        status = weir_collector_emit_copy(out, &last, sizeof last);
    }
    return status ? status
                  : weir_context_register_timer(context, WEIR_EVENT_TIME, reading->time + gap);
}

static weir_status
alert(weir_context *context, void *self, int64_t due, weir_time_domain domain, weir_collector *out)
{
    (void)self, (void)domain;
    struct reading silent = { 0, due - *(const int64_t *)weir_context_argument(context) };
    memcpy(&silent.sensor, weir_context_current_key(context).data, sizeof silent.sensor);
    return weir_collector_emit_copy(out, &silent, sizeof silent);
}
static const weir_function watch = { .size = sizeof watch,
                                     .instance_size = sizeof(weir_state *),
                                     .initialize_state = open_last,
                                     .process = put_off,
                                     .on_timer = alert };

static weir_status
silence(weir_environment *environment, int argc, char **argv)
{
    if (argc != 4) {
        return weir_environment_usage(environment, argc, argv, "usage: silence PATH GAP LATE");
    }
    int64_t gap = strtoll(argv[2], NULL, 10);
    weir_watermark_strategy by_time = { .size = sizeof by_time, .timestamp = time_of };
    by_time.out_of_orderness_ms = strtoull(argv[3], NULL, 10);
    weir_file_source_options file = { .size = sizeof file, .path = argv[1] };
    const weir_field fields[] = { WEIR_FIELD(struct reading, sensor, I64),
                                  WEIR_FIELD(struct reading, time, I64) };
    const weir_type *type = weir_environment_struct(environment, "reading", 16, fields, 2);
    weir_environment_name_job(environment, "silence");
    weir_stream *lines = weir_stream_uid(weir_file_source(environment, &file), "lines");
    weir_stream *readings = weir_stream_map(lines, "parse", &parser, NULL, 0, type);
    readings = weir_stream_assign_timestamps(readings, "by time", &by_time);
    readings = weir_stream_key_by(readings, "sensor");
    weir_stream *alerts = weir_stream_process(readings, "watch", &watch, &gap, sizeof gap, type);
    weir_print_sink(weir_stream_uid(alerts, "watch"));
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(silence)

/* SPDX-License-Identifier: Apache-2.0 */
/* events: the job's events (weir/events.h) as text/event-stream.
 *
 *   id: 17
 *   event: checkpoint-completed
 *   data: {"time":...,"job-state":"RUNNING","checkpoint-id":7,...}
 *
 * The job keeps the last 1,000 events; a stream holds none but the few that it is sending, so that
 * a client that reads slowly costs a page of text, and nobody waits for it. What it has missed by
 * then it is told: event "gap". Samples of a restore's progress come between, without an id.
 */
#include "serve/events.h"

#include "serve/look.h"
#include "serve/paths.h"
#include "weir/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVENTS_AT_ONCE = 32,
    SILENT_READS_MAX = 15 /* about as many seconds: then a comment shows that it lives */
};

struct stream {
    uint64_t sent;   /* id of the last event that is in `text`, or was */
    char *text;      /* malloc'ed: what is being sent */
    size_t size, at; /* of it; how much has gone */
    unsigned silent_reads;
    uint64_t progress_bytes; /* of a restore, as last told */
};

/* --- text --- */

static void
forget_sent(struct stream *stream)
{
    free(stream->text);
    stream->text = NULL;
    stream->size = stream->at = 0;
}

/* False: no memory; the stream ends. */
static bool __attribute__((format(printf, 2, 3)))
print(struct stream *stream, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int more = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *grown = more < 0 ? NULL : realloc(stream->text, stream->size + (size_t)more + 1);
    if (grown != NULL) {
        stream->text = grown;
        vsnprintf(stream->text + stream->size, (size_t)more + 1, format, again);
        stream->size += (size_t)more;
    }
    va_end(again);
    return grown != NULL;
}

/* Takes the value. JSON's own escapes keep it on one line. */
static bool
print_event(struct stream *stream, uint64_t id, const char *name, json_t *data)
{
    char *text = data != NULL ? json_dumps(data, JSON_COMPACT) : NULL;
    bool is_good = text != NULL;
    if (is_good && id != 0) {
        is_good = print(stream, "id: %llu\n", (unsigned long long)id);
    }
    is_good = is_good && print(stream, "event: %s\ndata: %s\n\n", name, text);
    free(text);
    json_decref(data);
    return is_good;
}

/* --- events --- */

static void
add_checkpoint(json_t *data, const weir_event *event)
{
    json_object_set_new(data, "checkpoint-id", json_integer((json_int_t)event->checkpoint_id));
    json_object_set_new(data, "is-savepoint", json_boolean(event->is_savepoint));
}

static void
add_duration(json_t *data, const weir_event *event)
{
    json_object_set_new(data, "duration-ms", json_integer((json_int_t)event->duration_ms));
}

static void
add_text(json_t *data, const char *name, const weir_event *event)
{
    if (event->text[0] != '\0') {
        json_object_set_new(data, name, wr_json_text(event->text));
    }
}

/* Absolute, as a client may stand elsewhere. */
static void
add_path(json_t *data, const weir_event *event)
{
    if (event->text[0] != '\0') {
        json_object_set_new(data, "path", wr_path_json(event->text));
    }
}

static json_t *
data_of(const weir_event *event)
{
    json_t *data = json_pack("{s:I,s:s}", "time", (json_int_t)event->time_ms, "job-state",
                             weir_job_state_name(event->state));
    if (data == NULL) {
        return NULL;
    }
    switch (event->kind) {
    case WEIR_EVENT_STATE:
        add_text(data, "reason", event);
        break;
    case WEIR_EVENT_STARTED:
        json_object_set_new(data, "started-empty", json_boolean(event->checkpoint_id == 0));
        if (event->checkpoint_id != 0) {
            add_checkpoint(data, event);
            add_path(data, event);
        }
        break;
    case WEIR_EVENT_RESTORED:
        add_checkpoint(data, event);
        add_duration(data, event);
        break;
    case WEIR_EVENT_CHECKPOINT_TRIGGERED:
        add_checkpoint(data, event);
        break;
    case WEIR_EVENT_CHECKPOINT_COMPLETED:
        add_checkpoint(data, event);
        add_duration(data, event);
        json_object_set_new(data, "bytes", json_integer((json_int_t)event->bytes));
        add_path(data, event);
        break;
    case WEIR_EVENT_CHECKPOINT_FAILED:
        add_checkpoint(data, event);
        add_text(data, "reason", event);
        break;
    case WEIR_EVENT_RESTARTING:
        add_duration(data, event);
        add_text(data, "reason", event);
        break;
    }
    return data;
}

/* What is between the last event that was sent and `next` is lost for this client. */
static bool
print_gap(struct stream *stream, uint64_t next)
{
    uint64_t missed = next - 1 - stream->sent;
    stream->sent = next - 1;
    return missed == 0 || print_event(stream, stream->sent, "gap",
                                      json_pack("{s:I}", "missed", (json_int_t)missed));
}

static bool
print_news(struct stream *stream, const weir_events_view *view)
{
    uint64_t passed = stream->sent + view->missed + view->count;
    bool is_good = true;
    for (uint32_t i = 0; i < view->count && is_good; i++) {
        const weir_event *event = &view->events[i];
        is_good = print_gap(stream, event->id) &&
                  print_event(stream, event->id, weir_event_kind_name(event->kind), data_of(event));
        stream->sent = event->id;
    }
    return is_good && print_gap(stream, passed + 1);
}

static bool
print_progress(struct stream *stream, weir_job *job)
{
    const weir_job_view *view = NULL;
    if (weir_job_inspect(job, &view, NULL) != WEIR_OK) {
        return false;
    }
    const weir_restore_view *restore = &view->restore;
    bool is_good = true;
    if (restore->is_under_way && restore->read_bytes != stream->progress_bytes) {
        stream->progress_bytes = restore->read_bytes;
        is_good = print_event(stream, 0, "restore-progress",
                              json_pack("{s:I,s:I,s:I}", "checkpoint-id",
                                        (json_int_t)restore->checkpoint_id, "read-bytes",
                                        (json_int_t)restore->read_bytes, "total-bytes",
                                        (json_int_t)restore->total_bytes));
    }
    weir_job_view_free(view);
    return is_good;
}

/* --- the stream --- */

static bool
has_ended(weir_job_state state)
{
    return state == WEIR_JOB_FINISHED || state == WEIR_JOB_STOPPED || state == WEIR_JOB_CANCELED ||
           state == WEIR_JOB_FAILED;
}

/* What there is to send next, into `text`; *out_end: nothing will come any more. False: no memory.
 */
static bool
prepare(struct stream *stream, weir_job *job, bool *out_end)
{
    weir_job_report report = { .size = sizeof report };
    weir_job_look(job,
                  &report); /* first: what it has done before it ended is told before the end */
    bool is_good = true;
    if (weir_job_newest_event(job) > stream->sent) {
        const weir_events_view *view = NULL;
        if (weir_job_events(job, stream->sent, EVENTS_AT_ONCE, &view, NULL) != WEIR_OK) {
            return false;
        }
        is_good = print_news(stream, view);
        weir_events_view_free(view);
    } else if (has_ended(report.state)) {
        *out_end = true;
    }
    if (is_good && report.state == WEIR_JOB_INITIALIZING) {
        is_good = print_progress(stream, job);
    }
    if (is_good && stream->size == 0 && ++stream->silent_reads > SILENT_READS_MAX) {
        is_good = print(stream, ": still here\n\n");
    }
    return is_good;
}

static long
read_some(void *state, struct weir_server *server, char *out, size_t room)
{
    struct stream *stream = state;
    bool is_end = false;
    if (stream->at == stream->size) {
        forget_sent(stream);
        if (!prepare(stream, server->job, &is_end)) {
            return -1;
        }
    }
    if (stream->size == 0) {
        return is_end ? -1 : 0;
    }
    stream->silent_reads = 0;
    size_t left = stream->size - stream->at;
    size_t size = left < room ? left : room;
    memcpy(out, stream->text + stream->at, size);
    stream->at += size;
    return (long)size;
}

static void
close_stream(void *state)
{
    forget_sent(state);
    free(state);
}

/* False: it is no id. */
static bool
read_id(const char *text, uint64_t *out_id)
{
    char *end;
    size_t size = strlen(text);
    if (size == 0 || size > 19 || strspn(text, "0123456789") != size) {
        return false;
    }
    *out_id = strtoull(text, &end, 10);
    return true;
}

void
wr_events_stream(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const char *after = request->raw->last_event_id;
    uint64_t newest = weir_job_newest_event(server->job);
    uint64_t sent = newest;
    after = after != NULL ? after : wr_request_query(request, "after");
    if (after != NULL && !read_id(after, &sent)) {
        wr_answer_fail(answer, 400, "Last-Event-ID and after are numbers of events, from 0 on");
        return;
    }
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        wr_answer_fail(answer, 500, "no memory for a stream");
        return;
    }
    /* an id of an earlier process: all there is, is new */
    stream->sent = sent > newest ? 0 : sent;
    stream->progress_bytes = UINT64_MAX;
    wr_answer_stream(answer, "text/event-stream",
                     (struct wr_stream){ stream, read_some, close_stream });
}

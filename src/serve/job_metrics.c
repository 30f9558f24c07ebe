/* SPDX-License-Identifier: Apache-2.0 */
/* job_metrics: single figures by Flink's names. Two tables, a name and how its figure is read. */
#include "serve/job_metrics.h"

#include "serve/look.h"
#include "serve/names.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_ROOM = 128,
    VALUE_ROOM = 1100 /* a path */
};

/* --- the list --- */

static bool
is_wanted(const char *wanted, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = wanted; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

/* wanted NULL: names only. False: no memory. */
static bool
append(json_t *all, const char *wanted, const char *name, const char *value)
{
    if (wanted == NULL) {
        return json_array_append_new(all, json_pack("{s:s}", "id", name)) == 0;
    }
    if (!is_wanted(wanted, name)) {
        return true;
    }
    return json_array_append_new(
               all, json_pack("{s:s,s:o}", "id", name, "value", wr_json_text(value))) == 0;
}

static void
put(char out[VALUE_ROOM], json_int_t value)
{
    snprintf(out, VALUE_ROOM, "%lld", (long long)value);
}

/* --- the job's --- */

/* How long the job has been in the state that it is in now; 0: it is in another. */
static json_int_t
in_state(const weir_job_view *view, weir_job_state state)
{
    return view->state == state && view->entered_ms[state] != 0
               ? (json_int_t)(view->now_ms - view->entered_ms[state])
               : 0;
}

static void
put_uptime(const weir_job_view *view, char out[VALUE_ROOM])
{
    bool runs = view->state == WEIR_JOB_RUNNING || view->state == WEIR_JOB_STOPPING;
    put(out, wr_flink_job_has_ended(view->state) ? -1
             : runs ? (json_int_t)(view->now_ms - view->entered_ms[WEIR_JOB_RUNNING])
                    : 0);
}

static void
put_downtime(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, wr_flink_job_has_ended(view->state) ? -1 : in_state(view, WEIR_JOB_RESTARTING));
}

static void
put_initializing(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, in_state(view, WEIR_JOB_INITIALIZING));
}

static void
put_running(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, in_state(view, WEIR_JOB_RUNNING) + in_state(view, WEIR_JOB_STOPPING));
}

static void
put_restarting(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, in_state(view, WEIR_JOB_RESTARTING));
}

static void
put_restarts(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, view->restarts);
}

/* Savepoints too. NULL: none has been completed. */
static const weir_checkpoint_view *
latest_of(const weir_job_view *view)
{
    const weir_checkpoint_view *checkpoint = view->checkpoints.latest_completed;
    const weir_checkpoint_view *savepoint = view->checkpoints.latest_savepoint;
    bool is_newer = savepoint != NULL && (checkpoint == NULL || savepoint->id > checkpoint->id);
    return is_newer ? savepoint : checkpoint;
}

static void
put_last_duration(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    put(out, latest != NULL ? (json_int_t)latest->duration_ms : -1);
}

static void
put_last_size(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    put(out, latest != NULL ? (json_int_t)latest->checkpointed_bytes : -1);
}

static void
put_last_full_size(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    put(out, latest != NULL ? (json_int_t)latest->state_bytes : -1);
}

static void
put_last_id(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    put(out, latest != NULL ? (json_int_t)latest->id : -1);
}

static void
put_last_path(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    snprintf(out, VALUE_ROOM, "%s", latest != NULL && latest->path != NULL ? latest->path : "n/a");
}

static void
put_last_processed(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    put(out, latest != NULL ? (json_int_t)latest->processed_bytes : -1);
}

static void
put_last_persisted(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = latest_of(view);
    put(out, latest != NULL ? (json_int_t)latest->persisted_bytes : -1);
}

static void
put_restored_at(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, wr_or_minus_one(view->checkpoints.restored_ms));
}

static void
put_total(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, (json_int_t)view->checkpoints.triggered_count);
}

static void
put_in_progress(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, (json_int_t)view->checkpoints.in_progress_count);
}

static void
put_completed(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, (json_int_t)view->checkpoints.completed_count);
}

static void
put_failed(const weir_job_view *view, char out[VALUE_ROOM])
{
    put(out, (json_int_t)view->checkpoints.failed_count);
}

static const struct {
    const char *name;
    void (*put)(const weir_job_view *view, char out[VALUE_ROOM]);
} of_job[] = {
    { "uptime", put_uptime },
    { "downtime", put_downtime },
    { "initializingTime", put_initializing },
    { "runningTime", put_running },
    { "restartingTime", put_restarting },
    { "numRestarts", put_restarts },
    { "fullRestarts", put_restarts },
    { "lastCheckpointDuration", put_last_duration },
    { "lastCheckpointSize", put_last_size },
    { "lastCheckpointFullSize", put_last_full_size },
    { "lastCheckpointProcessedData", put_last_processed },
    { "lastCheckpointPersistedData", put_last_persisted },
    { "lastCompletedCheckpointId", put_last_id },
    { "lastCheckpointExternalPath", put_last_path },
    { "lastCheckpointRestoreTimestamp", put_restored_at },
    { "totalNumberOfCheckpoints", put_total },
    { "numberOfInProgressCheckpoints", put_in_progress },
    { "numberOfCompletedCheckpoints", put_completed },
    { "numberOfFailedCheckpoints", put_failed },
};

void
wr_job_metrics(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    const char *wanted = wr_request_query(request, "get");
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof of_job / sizeof of_job[0] && all != NULL; i++) {
        char value[VALUE_ROOM];
        of_job[i].put(view, value);
        if (!append(all, wanted, of_job[i].name, value)) {
            json_decref(all);
            all = NULL;
        }
    }
    wr_answer_json(answer, 200, all);
    weir_job_view_free(view);
}

/* --- a vertex's --- */

struct figure {
    const char *name;
    json_int_t value;
};

enum {
    FIGURES = 8
};

/* How many there are: a source has no watermark that comes to it. */
static size_t
figures_of(const weir_vertex_view *vertex, const weir_subtask_view *subtask,
           struct figure out[FIGURES])
{
    const struct figure all[FIGURES] = {
        { "numRecordsIn", (json_int_t)subtask->records_in },
        { "numRecordsOut", (json_int_t)subtask->records_out },
        { "numBytesIn", (json_int_t)subtask->bytes_in },
        { "numBytesOut", (json_int_t)subtask->bytes_out },
        { "accumulateBusyTimeMs", (json_int_t)subtask->busy_ms },
        { "accumulateIdleTimeMs", (json_int_t)subtask->idle_ms },
        { "accumulateBackPressuredTimeMs", (json_int_t)subtask->backpressured_ms },
        { "currentInputWatermark", (json_int_t)subtask->input_watermark_ms },
    };
    memcpy(out, all, sizeof all);
    return vertex->is_source ? FIGURES - 1 : FIGURES;
}

/* False: no memory. */
static bool
append_subtask(json_t *all, const char *wanted, const weir_vertex_view *vertex, uint32_t index)
{
    struct figure figures[FIGURES];
    size_t count = figures_of(vertex, &vertex->subtasks[index], figures);
    for (size_t i = 0; i < count; i++) {
        char name[NAME_ROOM];
        char value[VALUE_ROOM];
        snprintf(name, sizeof name, "%u.%s", index, figures[i].name);
        put(value, figures[i].value);
        if (!append(all, wanted, name, value)) {
            return false;
        }
    }
    return true;
}

void
wr_vertex_metrics(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    const weir_vertex_view *vertex = wr_look_vertex(view, request, 1, answer);
    if (vertex != NULL) {
        const char *wanted = wr_request_query(request, "get");
        json_t *all = json_array();
        for (uint32_t i = 0; i < vertex->parallelism && all != NULL; i++) {
            if (!append_subtask(all, wanted, vertex, i)) {
                json_decref(all);
                all = NULL;
            }
        }
        wr_answer_json(answer, 200, all);
    }
    weir_job_view_free(view);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* job_metrics: single figures of the job. A table: a name and how its figure is read. */
#include "serve/job_metrics.h"

#include "serve/look.h"
#include "serve/metric_list.h"
#include "serve/names.h"
#include "serve/paths.h"

#include <stdio.h>

enum {
    VALUE_ROOM = 8192 /* a path */
};

static void
put(char out[VALUE_ROOM], json_int_t value)
{
    snprintf(out, VALUE_ROOM, "%lld", (long long)value);
}

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

static void
put_last_duration(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    put(out, latest != NULL ? (json_int_t)latest->duration_ms : -1);
}

static void
put_last_size(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    put(out, latest != NULL ? (json_int_t)latest->checkpointed_bytes : -1);
}

static void
put_last_full_size(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    put(out, latest != NULL ? (json_int_t)latest->state_bytes : -1);
}

static void
put_last_id(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    put(out, latest != NULL ? (json_int_t)latest->id : -1);
}

static void
put_last_path(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    const char *path = latest != NULL ? latest->path : NULL;
    json_t *whole = path != NULL ? wr_path_json(path) : NULL;
    snprintf(out, VALUE_ROOM, "%s",
             whole != NULL  ? json_string_value(whole)
             : path != NULL ? path
                            : "n/a");
    json_decref(whole);
}

static void
put_last_processed(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    put(out, latest != NULL ? (json_int_t)latest->processed_bytes : -1);
}

static void
put_last_persisted(const weir_job_view *view, char out[VALUE_ROOM])
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
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
        if (!wr_metric_list_add(all, wanted, of_job[i].name, value)) {
            json_decref(all);
            all = NULL;
        }
    }
    wr_answer_json(answer, 200, all);
    weir_job_view_free(view);
}

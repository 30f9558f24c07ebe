/* SPDX-License-Identifier: Apache-2.0 */
/* exceptions: why the job failed, each time. A failure of weir's has a status for Flink's class of
 * an exception, and words for its stack trace. */
#include "serve/exceptions.h"

#include "serve/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_BY_DEFAULT = 20
};

#define PLACE        "localhost:-1"
#define TASK_MANAGER "localhost"

/* The task that failed and where; nulls for what was no task's. NULL: no memory. */
static json_t *
entry_json(const weir_failure_view *failure)
{
    bool is_task = failure->task != NULL;
    return json_pack("{s:s,s:o,s:I,s:{},s:o,s:s?,s:s?,s:s?,s:[]}", "exceptionName",
                     weir_status_name(failure->status), "stacktrace",
                     wr_json_text(failure->message), "timestamp", (json_int_t)failure->ms,
                     "failureLabels", "taskName", wr_json_text(failure->task), "location",
                     is_task ? PLACE : NULL, "endpoint", is_task ? PLACE : NULL, "taskManagerId",
                     is_task ? TASK_MANAGER : NULL, "concurrentExceptions");
}

static json_t *
entries(const weir_job_view *view, uint32_t count)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < count && all != NULL; i++) {
        if (json_array_append_new(all, entry_json(&view->failures[i])) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static bool
a_task_has_failed(const weir_job_view *view)
{
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (uint32_t at = 0; at < view->vertices[i].parallelism; at++) {
            if (view->vertices[i].subtasks[at].state == WEIR_TASK_FAILED) {
                return true;
            }
        }
    }
    return false;
}

/* What the tasks of this attempt failed with: none or one, the first to fail takes the others down.
 * NULL: no memory. */
static json_t *
current(const weir_job_view *view, uint32_t count)
{
    if (count == 0 || view->failures[0].task == NULL || !a_task_has_failed(view)) {
        return json_array();
    }
    const weir_failure_view *failure = &view->failures[0];
    return json_pack("[{s:o,s:o,s:s,s:s,s:I,s:s}]", "exception", wr_json_text(failure->message),
                     "task", wr_json_text(failure->task), "location", PLACE, "endpoint", PLACE,
                     "timestamp", (json_int_t)failure->ms, "taskManagerId", TASK_MANAGER);
}

/* False: no number, and the answer says so. */
static bool
read_limit(const struct wr_request *request, uint32_t *out_limit, struct wr_answer *answer)
{
    const char *text = wr_request_query(request, "maxExceptions");
    *out_limit = SHOWN_BY_DEFAULT;
    if (text == NULL) {
        return true;
    }
    errno = 0;
    unsigned long limit = strtoul(text, NULL, 10);
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || errno != 0 ||
        limit > INT32_MAX) {
        wr_answer_fail(answer, 400,
                       "Bad request, could not parse parameters: Cannot resolve query parameter "
                       "(maxExceptions) from value \"%s\".",
                       text);
        return false;
    }
    *out_limit = (uint32_t)limit;
    return true;
}

void
wr_exceptions(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    uint32_t limit;
    if (!read_limit(request, &limit, answer)) {
        return;
    }
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    uint32_t count = view->failure_count < limit ? view->failure_count : limit;
    bool truncated = count < view->failure_count || view->restarts > view->failure_count;
    bool has_failed = view->failure_count != 0;
    wr_answer_json(
        answer, 200,
        json_pack("{s:o,s:o,s:o,s:b,s:{s:o,s:b}}", "root-exception",
                  wr_json_text(has_failed ? view->failures[0].message : NULL), "timestamp",
                  has_failed ? json_integer((json_int_t)view->failures[0].ms) : json_null(),
                  "all-exceptions", current(view, count), "truncated", 0, "exceptionHistory",
                  "entries", entries(view, count), "truncated", (int)truncated));
    weir_job_view_free(view);
}

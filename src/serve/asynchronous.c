/* SPDX-License-Identifier: Apache-2.0 */
/* asynchronous: triggered now, asked for later. An id that was triggered before is not triggered
 * again, so a client may repeat a request whose answer it did not get.
 */
#include "serve/asynchronous.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

static void
refresh(weir_server *server)
{
    wr_operations_refresh(&server->operations, server->job,
                          weir_options_duration_ms(server->options, "rest.async.store-duration"),
                          now_ms());
}

static unsigned
code_of(weir_status status)
{
    switch (status) {
    case WEIR_INVALID:
    case WEIR_UNSUPPORTED:
    case WEIR_NOT_FOUND:
        return 400;
    case WEIR_BUSY:
    case WEIR_CANCELLED: /* the job has ended */
        return 409;
    case WEIR_LIMIT:
    case WEIR_NOMEM:
        return 503;
    case WEIR_OK:
    case WEIR_IO:
    case WEIR_CORRUPT:
    case WEIR_VERSION:
    case WEIR_TIMEOUT:
    case WEIR_USER:
    default:
        return 500;
    }
}

static void
answer_id(const char *id, struct wr_answer *answer)
{
    wr_answer_json(answer, 202, json_pack("{s:s}", "request-id", id));
}

bool
wr_asynchronous_begin(weir_server *server, enum wr_operation_kind kind, const char *wanted,
                      char out_id[WR_TRIGGER_ID_SIZE + 1], struct wr_answer *answer)
{
    weir_error error = { .status = WEIR_OK };
    weir_status status = wr_trigger_id_make(wanted, out_id, &error);
    if (status == WEIR_OK) {
        refresh(server);
        if (wr_operations_find(&server->operations, kind, out_id) != NULL) {
            answer_id(out_id, answer);
            return false;
        }
        status = wr_operations_reserve(&server->operations, &error);
    }
    if (status != WEIR_OK) {
        wr_answer_fail(answer, code_of(status), "%s", error.message);
    }
    return status == WEIR_OK;
}

void
wr_asynchronous_end(weir_server *server, enum wr_operation_kind kind, const char *id,
                    uint64_t request, weir_status status, const weir_error *err,
                    struct wr_answer *answer)
{
    if (status != WEIR_OK) {
        wr_answer_fail(answer, code_of(status), "%s", err->message);
        return;
    }
    wr_operations_add(&server->operations, kind, id, request);
    answer_id(id, answer);
}

struct wr_operation *
wr_asynchronous_find(weir_server *server, enum wr_operation_kind kind, const char *id,
                     struct wr_answer *answer, const char *format, ...)
{
    char lower[WR_TRIGGER_ID_SIZE + 1];
    if (wr_trigger_id_make(id, lower, NULL) != WEIR_OK) {
        wr_answer_fail(answer, 400,
                       "Bad request, could not parse parameters: Cannot resolve path parameter "
                       "(triggerid) from value \"%s\".",
                       id);
        return NULL;
    }
    refresh(server);
    struct wr_operation *operation = wr_operations_find(&server->operations, kind, lower);
    if (operation == NULL) {
        char words[300];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(words, sizeof words, format, arguments);
        va_end(arguments);
        wr_answer_fail(answer, 404, "%s", words);
    } else {
        wr_operations_look(operation, server->job, now_ms());
    }
    return operation;
}

void
wr_asynchronous_answer(weir_server *server, struct wr_operation *operation, json_t *outcome,
                       struct wr_answer *answer)
{
    bool is_answered = operation->state != WEIR_REQUEST_IN_PROGRESS;
    /* "operation" stands there with null as well: Flink's client misses none of a type's fields */
    wr_answer_json(answer, 200,
                   json_pack("{s:{s:s},s:o?}", "status", "id",
                             is_answered ? "COMPLETED" : "IN_PROGRESS", "operation", outcome));
    if (is_answered && answer->code == 200) {
        wr_operations_see(&server->operations, operation);
    }
}

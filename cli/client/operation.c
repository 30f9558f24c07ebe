/* SPDX-License-Identifier: Apache-2.0 */
/* operation: triggers, and polls at growing distances.
 *
 * A job that is stopped goes on answering until its outcome was fetched, but not for long: the
 * longest distance is well below that.
 */
#include "operation.h"

#include "cli.h"
#include "show.h"

#include <stdarg.h>
#include <string.h>

enum {
    POLL_FIRST_MS = 20,
    POLL_MOST_MS = 500,
    LOST_MOST = 4, /* polls in a row that nobody answers */
    LOOK_EVERY_MS = 500
};

void
cli_line(const struct cli_reach *reach, const char *format, ...)
{
    if (reach->is_json) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

int
cli_operation_fail(const struct cli_operation *operation, int code, const char *words)
{
    cli_say('e', "%s: %s", operation->attempt, words);
    if (operation->reach->is_json) {
        json_t *outcome = json_pack("{s:s,s:s}", "status", "FAILED", "error", words);
        if (operation->job_id != NULL) {
            json_object_set_new(outcome, "job-id", json_string(operation->job_id));
        }
        (void)cli_print_json(outcome);
    }
    return code;
}

/* --- beginning --- */

static bool
is_trigger(const char *text)
{
    static const char signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return text != NULL && text[0] != '\0' && strlen(text) < CLI_TRIGGER_SIZE &&
           strspn(text, signs) == strlen(text);
}

int
cli_operation_begin(struct cli_operation *operation, const char *path, json_t *body)
{
    struct cli_reply reply;
    cli_ask(operation->connection, "POST", path, body, &reply);
    int code = reply.code;
    const char *trigger = json_string_value(json_object_get(reply.json, "request-id"));
    if (code != CLI_OK) {
        code = cli_operation_fail(operation, code, reply.words);
    } else if (!is_trigger(trigger)) {
        code = cli_operation_fail(operation, CLI_FAILED, "the server gave no request-id");
    } else {
        memcpy(operation->trigger, trigger, strlen(trigger) + 1);
    }
    cli_reply_free(&reply);
    return code;
}

/* --- waiting --- */

/* The newest checkpoint of this kind that is under way; NULL: none. */
static const json_t *
find_under_way(const json_t *checkpoints, bool is_savepoint)
{
    const json_t *history = json_object_get(checkpoints, "history");
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *one = json_array_get(history, i);
        const char *status = json_string_value(json_object_get(one, "status"));
        if (status != NULL && strcmp(status, "IN_PROGRESS") == 0 &&
            json_is_true(json_object_get(one, "is_savepoint")) == is_savepoint) {
            return one;
        }
    }
    return NULL;
}

static void
show_progress(const struct cli_operation *operation, struct cli_progress *progress)
{
    char path[128];
    char text[160];
    struct cli_reply reply;
    const char *kind = operation->is_savepoint ? "savepoint" : "checkpoint";
    snprintf(path, sizeof path, "/jobs/%s/checkpoints", operation->job_id);
    cli_ask(operation->connection, "GET", path, NULL, &reply);
    const json_t *found = find_under_way(reply.json, operation->is_savepoint);
    if (found != NULL) {
        snprintf(text, sizeof text, "%s %lld: %lld of %lld subtasks acknowledged", kind,
                 (long long)cli_member_number(found, "id"),
                 (long long)cli_member_number(found, "num_acknowledged_subtasks"),
                 (long long)cli_member_number(found, "num_subtasks"));
    } else {
        snprintf(text, sizeof text, "the %s is waited for", kind);
    }
    cli_progress_show(progress, text);
    cli_reply_free(&reply);
}

/* What it says, and what is at the bottom of it: "could not do it (the disk is full)". */
static void
take_cause(const json_t *cause, char out[CLI_WORDS_SIZE])
{
    static const char mark[] = "\nCaused by: ";
    const char *trace = json_string_value(json_object_get(cause, "stack-trace"));
    char bottom[CLI_WORDS_SIZE] = "";
    cli_shorten(trace != NULL ? trace : "the server does not say why", out, CLI_WORDS_SIZE);
    const char *last = NULL;
    for (const char *at = trace; at != NULL && (at = strstr(at, mark)) != NULL;) {
        at += sizeof mark - 1;
        last = at;
    }
    if (last != NULL) {
        cli_shorten(last, bottom, sizeof bottom);
    }
    size_t size = strlen(out);
    if (bottom[0] != '\0' && strstr(out, bottom) == NULL) {
        snprintf(out + size, CLI_WORDS_SIZE - size, " (%s)", bottom);
    }
}

/* What an operation that is over came to: {"failure-cause":{"class","stack-trace"}} or the rest. */
static int
take_result(const struct cli_operation *operation, const json_t *answer, json_t **out_result)
{
    json_t *result = json_object_get(answer, "operation");
    const json_t *cause = json_object_get(result, "failure-cause");
    cause = cause != NULL ? cause : json_object_get(result, "failureCause");
    if (json_is_object(cause)) {
        char words[CLI_WORDS_SIZE];
        take_cause(cause, words);
        return cli_operation_fail(operation, CLI_FAILED, words);
    }
    if (out_result != NULL) {
        *out_result = result != NULL ? json_incref(result) : json_object();
    }
    return CLI_OK;
}

static bool
is_in_progress(const json_t *answer)
{
    const char *id = json_string_value(json_object_get(json_object_get(answer, "status"), "id"));
    return id != NULL && (strcmp(id, "IN_PROGRESS") == 0 || strcmp(id, "QUEUED") == 0);
}

/* Nobody answered, or somebody who has no time: a savepoint is worth another try. */
static bool
is_passing(const struct cli_reply *reply)
{
    return (reply->status == 0 && reply->code == CLI_NOT_FOUND) || reply->status == 503;
}

/* One poll; true: it is over, *out_code says how. */
static bool
poll(const struct cli_operation *operation, const char *path, struct cli_progress *progress,
     json_t **out_result, int *out_code)
{
    struct cli_reply reply;
    cli_ask(operation->connection, "GET", path, NULL, &reply);
    for (int lost = 0; lost < LOST_MOST && is_passing(&reply); lost++) {
        cli_reply_free(&reply);
        cli_sleep_ms(POLL_MOST_MS / 2);
        cli_ask(operation->connection, "GET", path, NULL, &reply);
    }
    bool is_over = true;
    if (reply.code != CLI_OK) {
        cli_progress_clear(progress);
        *out_code = cli_operation_fail(operation, reply.code, reply.words);
    } else if (is_in_progress(reply.json)) {
        is_over = false;
    } else {
        cli_progress_clear(progress);
        *out_code = take_result(operation, reply.json, out_result);
    }
    cli_reply_free(&reply);
    return is_over;
}

int
cli_operation_wait(struct cli_operation *operation, json_t **out_result)
{
    char path[256];
    struct cli_progress progress;
    uint64_t timeout_ms = operation->reach->timeout_ms;
    unsigned distance_ms = POLL_FIRST_MS;
    int code = CLI_OK;
    snprintf(path, sizeof path, "%s/%s", operation->polled, operation->trigger);
    cli_progress_begin(&progress);
    uint64_t look_ms = progress.begun_ms + LOOK_EVERY_MS;
    while (!poll(operation, path, &progress, out_result, &code)) {
        uint64_t now_ms = cli_now_ms();
        if (timeout_ms != 0 && now_ms - progress.begun_ms >= timeout_ms) {
            cli_progress_clear(&progress);
            return cli_operation_fail(operation, CLI_TIMEOUT,
                                      "it is not over within --timeout; it goes on");
        }
        if (operation->job_id != NULL && now_ms >= look_ms) {
            show_progress(operation, &progress);
            look_ms = cli_now_ms() + LOOK_EVERY_MS;
        }
        cli_sleep_ms(distance_ms);
        distance_ms = distance_ms * 3 / 2 < POLL_MOST_MS ? distance_ms * 3 / 2 : POLL_MOST_MS;
    }
    return code;
}

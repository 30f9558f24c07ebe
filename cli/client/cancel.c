/* SPDX-License-Identifier: Apache-2.0 */
/* cancel: ends a running job at once, without a checkpoint; or, deprecated, behind a savepoint.
 *
 * The server says yes when it has begun to cancel. Then the job is waited for: it has ended when it
 * says so, or when its server is gone.
 */
#include "cli.h"
#include "savepoint.h"
#include "show.h"

#include <string.h>

enum {
    POLL_MS = 50
};

struct wish {
    struct cli_reach reach;
    const char *format;
    bool with_savepoint;
    const char *job;
    const char *directory;
};

static const struct cli_option options[] = {
    { .id = 's',
      .letter = "s",
      .name = "withSavepoint",
      .argument = "DIRECTORY",
      .argument_is_optional = true,
      .completes = CLI_COMPLETES_DIRECTORY,
      .text = "Makes a savepoint first. Nothing is committed behind it: use weir stop. "
              "Deprecated." },
    CLI_SAVEPOINT_TYPE,
    CLI_REACH_OPTIONS,
    { 0 },
};

/* --- at once --- */

static bool
has_ended(struct cli_operation *operation)
{
    char path[128];
    char state[32];
    struct cli_reply reply;
    snprintf(path, sizeof path, "/jobs/%s/status", operation->job_id);
    cli_ask(operation->connection, "GET", path, NULL, &reply);
    cli_member_text(reply.json, "status", state, sizeof state);
    bool is_gone = reply.code != CLI_OK && reply.code != CLI_TIMEOUT;
    cli_reply_free(&reply);
    return is_gone || strcmp(state, "CANCELED") == 0 || strcmp(state, "FINISHED") == 0 ||
           strcmp(state, "FAILED") == 0;
}

static int
cancel_now(const struct wish *wish, struct cli_operation *operation)
{
    char path[128];
    struct cli_reply reply;
    snprintf(path, sizeof path, "/jobs/%s?mode=cancel", operation->job_id);
    cli_line(&wish->reach, "Cancelling job %s.", operation->job_id);
    cli_ask(operation->connection, "PATCH", path, NULL, &reply);
    int code = reply.code;
    if (code != CLI_OK) {
        (void)cli_operation_fail(operation, code, reply.words);
    }
    cli_reply_free(&reply);
    uint64_t begun_ms = cli_now_ms();
    while (code == CLI_OK && !has_ended(operation)) {
        if (wish->reach.timeout_ms != 0 && cli_now_ms() - begun_ms >= wish->reach.timeout_ms) {
            return cli_operation_fail(operation, CLI_TIMEOUT,
                                      "it has not ended within --timeout; it is being cancelled");
        }
        cli_sleep_ms(POLL_MS);
    }
    if (code != CLI_OK) {
        return code;
    }
    cli_line(&wish->reach, "Cancelled job %s.", operation->job_id);
    return wish->reach.is_json ? cli_print_json(json_pack("{s:s,s:s}", "job-id", operation->job_id,
                                                          "status", "COMPLETED"))
                               : CLI_OK;
}

/* --- behind a savepoint --- */

static int
cancel_behind(const struct wish *wish, struct cli_operation *operation)
{
    json_t *result = NULL;
    char directory[CLI_PATH_SIZE] = "";
    char path[CLI_PATH_SIZE];
    if (wish->directory != NULL) {
        int code = cli_savepoint_directory(wish->directory, directory);
        if (code != CLI_OK) {
            return code;
        }
    }
    cli_line(&wish->reach, "DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. "
                           "Use \"stop\" instead.");
    cli_line(&wish->reach, "Cancelling job %s with %s savepoint to %s%s", operation->job_id,
             wish->format, wish->directory != NULL ? directory : "default savepoint directory",
             ".");
    json_t *body = json_pack("{s:b,s:s}", "cancel-job", 1, "formatType", wish->format);
    if (wish->directory != NULL) {
        json_object_set_new(body, "target-directory", json_string(directory));
    }
    int code = cli_operation_begin(operation, operation->polled, body);
    code = code == CLI_OK ? cli_operation_wait(operation, &result) : code;
    if (code != CLI_OK) {
        return code;
    }
    cli_savepoint_path(result, path);
    json_decref(result);
    cli_line(&wish->reach, "Cancelled job %s. Savepoint stored in %s.", operation->job_id, path);
    return wish->reach.is_json ? cli_savepoint_show(operation, path) : CLI_OK;
}

static int
find_and_cancel(const struct wish *wish)
{
    struct cli_jobs jobs;
    const struct cli_job *job = NULL;
    char polled[128];
    char attempt[128];
    struct cli_operation operation = {
        .reach = &wish->reach, .polled = polled, .attempt = attempt, .is_savepoint = true
    };
    int code = cli_job_find(&wish->reach, wish->job, &jobs, &job, &operation.connection);
    if (code != CLI_OK) {
        return code;
    }
    operation.job_id = job->id;
    snprintf(polled, sizeof polled, "/jobs/%s/savepoints", job->id);
    snprintf(attempt, sizeof attempt, "could not cancel the job %s", job->id);
    code = wish->with_savepoint ? cancel_behind(wish, &operation) : cancel_now(wish, &operation);
    if (code == CLI_OK) {
        cli_job_wait_gone(&jobs, job);
    }
    cli_jobs_free(&jobs);
    return code;
}

static int
take(struct wish *wish, const struct cli_parse *parse, int id)
{
    if (id == 's') {
        wish->with_savepoint = true;
        wish->directory = parse->argument;
    } else if (id == 't') {
        wish->format = cli_savepoint_format(parse->choice);
    }
    return cli_reach_take(&wish->reach, parse, id);
}

static int
run(int argc, char **argv)
{
    struct wish wish = { .format = "NATIVE" };
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_cancel, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        int code = id == CLI_PARSE_LEAVE ? parse.code : take(&wish, &parse, id);
        if (id == CLI_PARSE_LEAVE || code != CLI_OK) {
            return code;
        }
    }
    wish.job = parse.word_count > 0 ? parse.words[0] : NULL;
    if (wish.job == NULL && cli_is_job_id(wish.directory)) { /* as in Flink: cancel -s ID */
        wish.job = wish.directory;
        wish.directory = NULL;
    }
    return find_and_cancel(&wish);
}

static const char *const examples[] = {
    "weir cancel",
    "weir cancel 1f2b5df5a66154aca61fcb26193792be",
    NULL,
};

const struct cli_verb cli_verb_cancel = {
    .name = "cancel",
    .summary = "end a running job at once",
    .run = run,
    .usage = "[options] [JOB]",
    .examples = examples,
    .about = "JOB is a job's id, the beginning of one, or a name; without it the one running job "
             "is meant. No checkpoint is made, and those that are kept follow "
             "execution.checkpointing.externalized-checkpoint-retention. To go on later, use weir "
             "stop.",
    .options = options,
    .foreign = cli_reach_foreign,
    .most_words = 1,
    .words_complete = CLI_COMPLETES_JOB,
};

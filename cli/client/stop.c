/* SPDX-License-Identifier: Apache-2.0 */
/* stop: ends a running job with a savepoint. */
#include "cli.h"
#include "savepoint.h"
#include "show.h"

struct wish {
    struct cli_reach reach;
    const char *format;
    bool drain;
    bool is_detached;
    const char *job;
    const char *directory;
};

static const struct cli_option options[] = {
    { .id = 'p',
      .letter = "p",
      .name = "savepointPath",
      .argument = "DIRECTORY",
      .argument_is_optional = true,
      .completes = CLI_COMPLETES_DIRECTORY,
      .text = "Where the savepoint goes. Without it: where the job's "
              "execution.checkpointing.savepoint-dir says." },
    { .id = 'd',
      .letter = "d",
      .name = "drain",
      .text = "Event time ends, timers fire, windows close, before the savepoint is made. Only "
              "for a job that will not go on." },
    CLI_SAVEPOINT_TYPE,
    CLI_SAVEPOINT_DETACHED,
    CLI_REACH_OPTIONS,
    { 0 },
};

static int
stop(const struct wish *wish, const char *job_id, struct cli_connection *connection)
{
    char path[128];
    char polled[128];
    char attempt[128];
    char directory[CLI_PATH_SIZE];
    snprintf(path, sizeof path, "/jobs/%s/stop", job_id);
    snprintf(polled, sizeof polled, "/jobs/%s/savepoints", job_id);
    snprintf(attempt, sizeof attempt, "could not stop the job %s with a savepoint", job_id);
    struct cli_operation operation = { .connection = connection,
                                       .reach = &wish->reach,
                                       .job_id = job_id,
                                       .polled = polled,
                                       .attempt = attempt,
                                       .is_savepoint = true };
    json_t *body = json_pack("{s:b,s:s}", "drain", wish->drain, "formatType", wish->format);
    int code = wish->directory != NULL ? cli_savepoint_directory(wish->directory, directory) : 0;
    if (code != CLI_OK) {
        json_decref(body);
        return code;
    }
    if (wish->directory != NULL) {
        json_object_set_new(body, "targetDirectory", json_string(directory));
    }
    cli_line(&wish->reach, "%s job \"%s\" with a %s savepoint.",
             wish->drain ? "Draining" : "Suspending", job_id, wish->format);
    cli_line(&wish->reach, "Triggering stop-with-savepoint %sfor job %s.",
             wish->is_detached ? "in detached mode " : "", job_id);
    code = cli_operation_begin(&operation, path, body);
    if (code != CLI_OK || !wish->is_detached) {
        return code == CLI_OK ? cli_savepoint_wait(&operation, NULL) : code;
    }
    cli_line(&wish->reach,
             "Successfully trigger stop-with-savepoint in detached mode, triggerId: %s",
             operation.trigger);
    return wish->reach.is_json ? cli_savepoint_show_trigger(&operation) : CLI_OK;
}

static int
find_and_stop(const struct wish *wish)
{
    struct cli_jobs jobs;
    const struct cli_job *job = NULL;
    struct cli_connection *connection = NULL;
    int code = cli_job_find(&wish->reach, wish->job, &jobs, &job, &connection);
    if (code != CLI_OK) {
        return code;
    }
    code = stop(wish, job->id, connection);
    if (code == CLI_OK && !wish->is_detached) {
        cli_job_wait_gone(&jobs, job);
    }
    cli_jobs_free(&jobs);
    return code;
}

static int
take(struct wish *wish, const struct cli_parse *parse, int id)
{
    if (id == 'p') {
        wish->directory = parse->argument;
    } else if (id == 'd') {
        wish->drain = true;
    } else if (id == 't') {
        wish->format = cli_savepoint_format(parse->choice);
    } else if (id == CLI_ID_DETACHED) {
        wish->is_detached = true;
    }
    return cli_reach_take(&wish->reach, parse, id);
}

static int
run(int argc, char **argv)
{
    struct wish wish = { .format = "NATIVE" };
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_stop, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        int code = id == CLI_PARSE_LEAVE ? parse.code : take(&wish, &parse, id);
        if (id == CLI_PARSE_LEAVE || code != CLI_OK) {
            return code;
        }
    }
    wish.job = parse.word_count > 0 ? parse.words[0] : NULL;
    if (wish.job == NULL && cli_is_job_id(wish.directory)) { /* as in Flink: stop -p ID */
        wish.job = wish.directory;
        wish.directory = NULL;
    }
    return find_and_stop(&wish);
}

static const char *const examples[] = {
    "weir stop",
    "weir stop --savepointPath savepoints 1f2b5df5a66154aca61fcb26193792be",
    "weir stop --drain wordcount",
    NULL,
};

const struct cli_verb cli_verb_stop = {
    .name = "stop",
    .summary = "end a running job with a savepoint",
    .run = run,
    .usage = "[options] [JOB]",
    .examples = examples,
    .about = "JOB is a job's id, the beginning of one, or a name; without it the one running job "
             "is meant. What the savepoint holds is committed; the job ends as FINISHED. If the "
             "savepoint fails the job runs on, unless it was to be drained.",
    .options = options,
    .foreign = cli_reach_foreign,
    .most_words = 1,
    .words_complete = CLI_COMPLETES_JOB,
};

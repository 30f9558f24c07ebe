/* SPDX-License-Identifier: Apache-2.0 */
/* savepoint: triggers a savepoint of a running job, or removes one. */
#include "savepoint.h"

#include "cli.h"
#include "show.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct wish {
    struct cli_reach reach;
    const char *format;
    const char *dispose; /* the path of what is removed; NULL: a savepoint is made */
    bool is_detached;
    const char *job;       /* NULL: not named */
    const char *directory; /* NULL: the job's own */
};

static const struct cli_option options[] = {
    CLI_SAVEPOINT_TYPE,
    CLI_SAVEPOINT_DETACHED,
    { .id = 'd',
      .letter = "d",
      .name = "dispose",
      .argument = "PATH",
      .completes = CLI_COMPLETES_DIRECTORY,
      .text = "Removes the savepoint at PATH, or a retained checkpoint that no job runs on. There "
              "is no way back." },
    { .id = 'j',
      .letter = "j",
      .name = "jarfile",
      .argument = "FILE",
      .text = "Understood from Flink's client, and not needed." },
    CLI_REACH_OPTIONS,
    { 0 },
};

/* --- for the other verbs too --- */

const char *
cli_savepoint_format(size_t choice)
{
    return choice == 0 ? "CANONICAL" : "NATIVE";
}

int
cli_savepoint_directory(const char *directory, char out[CLI_PATH_SIZE])
{
    char here[CLI_PATH_SIZE] = "";
    bool is_relative = directory[0] != '/' && strstr(directory, ":/") == NULL;
    if (is_relative && getcwd(here, sizeof here) == NULL) {
        cli_say('e', "the directory %s cannot be made absolute: %s", directory, strerror(errno));
        return CLI_FAILED;
    }
    const char *plain = strncmp(directory, "./", 2) == 0 ? directory + 2 : directory;
    int size = snprintf(out, CLI_PATH_SIZE, "%s%s%s", here, is_relative ? "/" : "", plain);
    if (size < 0 || size >= CLI_PATH_SIZE) {
        cli_say('e', "a path of %d bytes is too long", size);
        return CLI_USAGE;
    }
    return CLI_OK;
}

void
cli_savepoint_path(const json_t *result, char out[CLI_PATH_SIZE])
{
    cli_member_text(result, "location", out, CLI_PATH_SIZE);
}

int
cli_savepoint_show(const struct cli_operation *operation, const char *path)
{
    return cli_print_json(json_pack("{s:s,s:s,s:s}", "job-id", operation->job_id, "status",
                                    "COMPLETED", "path", path));
}

int
cli_savepoint_show_trigger(const struct cli_operation *operation)
{
    return cli_print_json(
        json_pack("{s:s,s:s}", "job-id", operation->job_id, "trigger-id", operation->trigger));
}

int
cli_savepoint_wait(struct cli_operation *operation, const char *last_line)
{
    json_t *result = NULL;
    cli_line(operation->reach, "Waiting for response...");
    int code = cli_operation_wait(operation, &result);
    if (code != CLI_OK) {
        return code;
    }
    char path[CLI_PATH_SIZE];
    cli_savepoint_path(result, path);
    json_decref(result);
    cli_line(operation->reach, "Savepoint completed. Path: %s", path);
    if (last_line != NULL) {
        cli_line(operation->reach, "%s", last_line);
    }
    return operation->reach->is_json ? cli_savepoint_show(operation, path) : CLI_OK;
}

/* --- making one --- */

static int
trigger(const struct wish *wish, const char *job_id, struct cli_connection *connection)
{
    char path[128];
    char attempt[128];
    char directory[CLI_PATH_SIZE];
    snprintf(path, sizeof path, "/jobs/%s/savepoints", job_id);
    snprintf(attempt, sizeof attempt, "could not trigger a savepoint for the job %s", job_id);
    struct cli_operation operation = { .connection = connection,
                                       .reach = &wish->reach,
                                       .job_id = job_id,
                                       .polled = path,
                                       .attempt = attempt,
                                       .is_savepoint = true };
    json_t *body = json_pack("{s:b,s:s}", "cancel-job", 0, "formatType", wish->format);
    if (wish->directory != NULL) {
        int code = cli_savepoint_directory(wish->directory, directory);
        if (code != CLI_OK) {
            json_decref(body);
            return code;
        }
        json_object_set_new(body, "target-directory", json_string(directory));
    }
    cli_line(&wish->reach,
             wish->is_detached ? "Triggering savepoint in detached mode for job %s."
                               : "Triggering savepoint for job %s.",
             job_id);
    int code = cli_operation_begin(&operation, path, body);
    if (code != CLI_OK || !wish->is_detached) {
        static const char last[] =
            "You can resume your program from this savepoint with the run command.";
        return code == CLI_OK ? cli_savepoint_wait(&operation, last) : code;
    }
    cli_line(&wish->reach, "Successfully trigger manual savepoint, triggerId: %s",
             operation.trigger);
    return wish->reach.is_json ? cli_savepoint_show_trigger(&operation) : CLI_OK;
}

static int
make(const struct wish *wish)
{
    struct cli_jobs jobs;
    const struct cli_job *job = NULL;
    struct cli_connection *connection = NULL;
    int code = cli_job_find(&wish->reach, wish->job, &jobs, &job, &connection);
    if (code != CLI_OK) {
        return code;
    }
    code = trigger(wish, job->id, connection);
    cli_jobs_free(&jobs);
    return code;
}

/* --- removing one --- */

static int
dispose_by_server(const struct wish *wish, const char *path)
{
    char attempt[CLI_PATH_SIZE + 64];
    struct cli_operation operation = { .reach = &wish->reach,
                                       .polled = "/savepoint-disposal",
                                       .attempt = attempt };
    snprintf(attempt, sizeof attempt, "could not dispose the savepoint '%s'", path);
    int code = cli_connection_open(&wish->reach, NULL, &operation.connection);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_operation_begin(&operation, "/savepoint-disposal",
                               json_pack("{s:s}", "savepoint-path", path));
    code = code == CLI_OK ? cli_operation_wait(&operation, NULL) : code;
    cli_connection_close(operation.connection);
    return code;
}

static int
dispose_here(const struct wish *wish, const char *path)
{
    char attempt[CLI_PATH_SIZE + 64];
    const struct cli_operation operation = { .reach = &wish->reach, .attempt = attempt };
    weir_error error = { 0 };
    snprintf(attempt, sizeof attempt, "could not dispose the savepoint '%s'", path);
    if (weir_savepoint_dispose(path, &error) != WEIR_OK) {
        return cli_operation_fail(&operation, cli_exit_of(error.status), error.message);
    }
    return CLI_OK;
}

/* This user's own files need no server, and so no running job. */
static int
dispose(const struct wish *wish)
{
    char path[CLI_PATH_SIZE];
    int code = cli_savepoint_directory(wish->dispose, path);
    if (code != CLI_OK) {
        return code;
    }
    cli_line(&wish->reach, "Disposing savepoint '%s'.", wish->dispose);
    cli_line(&wish->reach, "Waiting for response...");
    code = wish->reach.address != NULL ? dispose_by_server(wish, path) : dispose_here(wish, path);
    if (code != CLI_OK) {
        return code;
    }
    cli_line(&wish->reach, "Savepoint '%s' disposed.", wish->dispose);
    return wish->reach.is_json
               ? cli_print_json(json_pack("{s:s,s:s}", "status", "COMPLETED", "path", path))
               : CLI_OK;
}

static int
take(struct wish *wish, const struct cli_parse *parse, int id)
{
    if (id == 'd') {
        wish->dispose = parse->argument;
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
    cli_parse_begin(&parse, &cli_verb_savepoint, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        int code = id == CLI_PARSE_LEAVE ? parse.code : take(&wish, &parse, id);
        if (id == CLI_PARSE_LEAVE || code != CLI_OK) {
            return code;
        }
    }
    bool is_directory = parse.word_count == 1 && strchr(parse.words[0], '/') != NULL;
    wish.job = parse.word_count > 0 && !is_directory ? parse.words[0] : NULL;
    wish.directory = is_directory ? parse.words[0] : parse.word_count > 1 ? parse.words[1] : NULL;
    return wish.dispose != NULL ? dispose(&wish) : make(&wish);
}

static const char *const examples[] = {
    "weir savepoint",
    "weir savepoint 1f2b5df5a66154aca61fcb26193792be savepoints",
    "weir savepoint -d savepoints/savepoint-1f2b5d-bb1e257f0dab",
    NULL,
};

const struct cli_verb cli_verb_savepoint = {
    .name = "savepoint",
    .summary = "make a savepoint of a running job, or remove one",
    .run = run,
    .usage = "[options] [JOB [DIRECTORY]]",
    .examples = examples,
    .about = "JOB is a job's id, the beginning of one, or a name; without it the one running job "
             "is meant. Without DIRECTORY the savepoint goes where the job's "
             "execution.checkpointing.savepoint-dir says. A word alone that has a slash is "
             "DIRECTORY.\n\nWith -d no job needs to run, unless -m has a server do it.",
    .options = options,
    .foreign = cli_reach_foreign,
    .most_words = 2,
    .words_complete = CLI_COMPLETES_JOB,
};

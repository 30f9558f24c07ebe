/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint: triggers a checkpoint of a running job. */
#include "cli.h"
#include "find.h"
#include "operation.h"
#include "show.h"

struct wish {
    struct cli_reach reach;
    bool is_full;
    const char *job;
};

static const struct cli_option options[] = {
    { .id = 'f',
      .name = "full",
      .text = "The checkpoint needs no file of an earlier one. Without it: as "
              "execution.checkpointing.incremental says." },
    CLI_REACH_OPTIONS,
    { 0 },
};

static int
wait_for(const struct wish *wish, struct cli_operation *operation)
{
    json_t *result = NULL;
    cli_line(&wish->reach, "Waiting for response...");
    int code = cli_operation_wait(operation, &result);
    if (code != CLI_OK) {
        return code;
    }
    long long id = cli_member_number(result, "checkpointId");
    json_decref(result);
    cli_line(&wish->reach, "Checkpoint%s %lld for job %s completed.", wish->is_full ? "(FULL)" : "",
             id, operation->job_id);
    cli_line(&wish->reach,
             "You can resume your program from this checkpoint with the run command.");
    return wish->reach.is_json
               ? cli_print_json(json_pack("{s:s,s:s,s:I}", "job-id", operation->job_id, "status",
                                          "COMPLETED", "checkpoint-id", (json_int_t)id))
               : CLI_OK;
}

static int
trigger(const struct wish *wish)
{
    struct cli_jobs jobs;
    const struct cli_job *job = NULL;
    struct cli_operation operation = { .reach = &wish->reach };
    int code = cli_job_find(&wish->reach, wish->job, &jobs, &job, &operation.connection);
    if (code != CLI_OK) {
        return code;
    }
    char path[128];
    char attempt[128];
    snprintf(path, sizeof path, "/jobs/%s/checkpoints", job->id);
    snprintf(attempt, sizeof attempt, "could not trigger a checkpoint for the job %s", job->id);
    operation.job_id = job->id;
    operation.polled = path;
    operation.attempt = attempt;
    cli_line(&wish->reach, "Triggering checkpoint for job %s.", job->id);
    code = cli_operation_begin(
        &operation, path,
        json_pack("{s:s}", "checkpointType", wish->is_full ? "FULL" : "CONFIGURED"));
    code = code == CLI_OK ? wait_for(wish, &operation) : code;
    cli_jobs_free(&jobs);
    return code;
}

static int
run(int argc, char **argv)
{
    struct wish wish = { .is_full = false };
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_checkpoint, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        int code = id == CLI_PARSE_LEAVE ? parse.code : cli_reach_take(&wish.reach, &parse, id);
        if (id == CLI_PARSE_LEAVE || code != CLI_OK) {
            return code;
        }
        wish.is_full = wish.is_full || id == 'f';
    }
    wish.job = parse.word_count > 0 ? parse.words[0] : NULL;
    return trigger(&wish);
}

static const char *const examples[] = {
    "weir checkpoint",
    "weir checkpoint --full 1f2b5df5a66154aca61fcb26193792be",
    NULL,
};

const struct cli_verb cli_verb_checkpoint = {
    .name = "checkpoint",
    .summary = "make a checkpoint of a running job now",
    .run = run,
    .usage = "[options] [JOB]",
    .examples = examples,
    .about = "JOB is a job's id, the beginning of one, or a name; without it the one running job "
             "is meant.",
    .options = options,
    .foreign = cli_reach_foreign,
    .most_words = 1,
    .words_complete = CLI_COMPLETES_JOB,
};

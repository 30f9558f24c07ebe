/* SPDX-License-Identifier: Apache-2.0 */
/* list: the jobs of a server or of this user, in the lines of Flink's client. */
#include "cli.h"
#include "find.h"
#include "show.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum kind {
    RUNNING = 1,
    SCHEDULED = 2,
    TERMINATED = 4
};

static const struct cli_option options[] = {
    { .id = 'r', .letter = "r", .name = "running", .text = "Only jobs that run or restart." },
    { .id = 's', .letter = "s", .name = "scheduled", .text = "Only jobs that are being started." },
    { .id = 'a', .letter = "a", .name = "all", .text = "All, also those that have ended." },
    CLI_REACH_OPTIONS,
    { 0 },
};

static enum kind
kind_of(const struct cli_job *job)
{
    if (strcmp(job->state, "CREATED") == 0 || strcmp(job->state, "INITIALIZING") == 0) {
        return SCHEDULED;
    }
    return cli_job_has_ended(job) ? TERMINATED : RUNNING;
}

/* As Flink's client: its order by state does not survive its order by start. */
static int
by_start(const void *one, const void *other)
{
    const struct cli_job *left = one;
    const struct cli_job *right = other;
    if (left->start_ms == right->start_ms) {
        return strcasecmp(left->state, right->state);
    }
    return left->start_ms < right->start_ms ? -1 : 1;
}

static size_t
count_of(const struct cli_jobs *jobs, enum kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        count += kind_of(&jobs->jobs[i]) == kind;
    }
    return count;
}

static void
print_kind(const struct cli_jobs *jobs, enum kind kind, const char *title)
{
    puts(title);
    for (size_t i = 0; i < jobs->count; i++) {
        const struct cli_job *job = &jobs->jobs[i];
        if (kind_of(job) == kind) {
            char date[64] = "";
            struct tm local;
            time_t seconds = (time_t)(job->start_ms / 1000);
            if (localtime_r(&seconds, &local) != NULL) {
                strftime(date, sizeof date, "%d.%m.%Y %H:%M:%S", &local);
            }
            printf("%s : %s : %s (%s)\n", date, job->id, job->name, job->state);
        }
    }
    puts("--------------------------------------------------------------");
}

static void
print_lines(const struct cli_jobs *jobs, unsigned kinds)
{
    puts("Waiting for response...");
    if ((kinds & RUNNING) != 0 && count_of(jobs, RUNNING) == 0) {
        puts("No running jobs.");
    } else if ((kinds & RUNNING) != 0) {
        print_kind(jobs, RUNNING, "------------------ Running/Restarting Jobs -------------------");
    }
    if ((kinds & SCHEDULED) != 0 && count_of(jobs, SCHEDULED) == 0) {
        puts("No scheduled jobs.");
    } else if ((kinds & SCHEDULED) != 0) {
        print_kind(jobs, SCHEDULED,
                   "----------------------- Scheduled Jobs -----------------------");
    }
    if ((kinds & TERMINATED) != 0 && count_of(jobs, TERMINATED) != 0) {
        print_kind(jobs, TERMINATED,
                   "---------------------- Terminated Jobs -----------------------");
    }
}

static int
print_json(const struct cli_jobs *jobs, unsigned kinds)
{
    json_t *array = json_array();
    for (size_t i = 0; i < jobs->count; i++) {
        const struct cli_job *job = &jobs->jobs[i];
        if ((kind_of(job) & kinds) == 0) {
            continue;
        }
        json_t *object =
            json_pack("{s:s,s:s,s:s,s:I,s:I,s:I}", "id", job->id, "name", job->name, "state",
                      job->state, "start-time", (json_int_t)job->start_ms, "end-time",
                      (json_int_t)job->end_ms, "duration", (json_int_t)job->duration_ms);
        if (jobs->registry.count != 0) {
            json_object_set_new(object, "pid", json_integer(jobs->registry.jobs[job->server].pid));
        }
        json_array_append_new(array, object);
    }
    return cli_print_json(json_pack("{s:o}", "jobs", array));
}

static int
run(int argc, char **argv)
{
    struct cli_reach reach = { .address = NULL };
    struct cli_parse parse;
    unsigned kinds = 0;
    cli_parse_begin(&parse, &cli_verb_list, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        if (id == CLI_PARSE_LEAVE) {
            return parse.code;
        }
        int code = cli_reach_take(&reach, &parse, id);
        if (code != CLI_OK) {
            return code;
        }
        kinds |= id == 'r'   ? RUNNING
                 : id == 's' ? SCHEDULED
                 : id == 'a' ? RUNNING | SCHEDULED | TERMINATED
                             : 0U;
    }
    kinds = kinds != 0 ? kinds : RUNNING | SCHEDULED;
    struct cli_jobs jobs;
    int code = cli_jobs_read(&reach, &jobs);
    if (code != CLI_OK) {
        return code;
    }
    if (jobs.count != 0) {
        qsort(jobs.jobs, jobs.count, sizeof *jobs.jobs, by_start);
    }
    if (reach.is_json) {
        code = print_json(&jobs, kinds);
    } else {
        print_lines(&jobs, kinds);
    }
    code = code == CLI_OK ? jobs.missing : code;
    cli_jobs_free(&jobs);
    return code;
}

static const char *const examples[] = {
    "weir list",
    "weir list -a -o json",
    "weir list -m localhost:8081",
    NULL,
};

const struct cli_verb cli_verb_list = {
    .name = "list",
    .summary = "list running jobs",
    .run = run,
    .usage = "[options]",
    .examples = examples,
    .about = "Without -r, -s or -a: the jobs that run, and those that are being started.",
    .options = options,
    .foreign = cli_reach_foreign,
};

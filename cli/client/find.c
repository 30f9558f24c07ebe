/* SPDX-License-Identifier: Apache-2.0 */
/* find: asks the servers for their jobs and chooses one. */
#include "find.h"

#include "cli.h"
#include "show.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    GONE_MS = 3000,
    GONE_POLL_MS = 5
};

bool
cli_is_job_id(const char *word)
{
    return word != NULL && strlen(word) == CLI_JOB_ID_SIZE - 1 &&
           strspn(word, "0123456789abcdefABCDEF") == CLI_JOB_ID_SIZE - 1;
}

bool
cli_job_has_ended(const struct cli_job *job)
{
    return strcmp(job->state, "FINISHED") == 0 || strcmp(job->state, "CANCELED") == 0 ||
           strcmp(job->state, "FAILED") == 0;
}

/* --- reading --- */

static bool
take_job(const json_t *object, size_t server, struct cli_job *out)
{
    memset(out, 0, sizeof *out);
    char id[128];
    cli_member_text(object, "jid", id, sizeof id);
    if (strlen(id) != CLI_JOB_ID_SIZE - 1 || strspn(id, "0123456789abcdef") != strlen(id)) {
        return false;
    }
    memcpy(out->id, id, sizeof out->id);
    cli_member_text(object, "name", out->name, sizeof out->name);
    cli_member_text(object, "state", out->state, sizeof out->state);
    out->start_ms = cli_member_number(object, "start-time");
    out->end_ms = cli_member_number(object, "end-time");
    out->duration_ms = cli_member_number(object, "duration");
    out->server = server;
    return true;
}

static int
take_jobs(struct cli_jobs *jobs, const json_t *overview, size_t server)
{
    const json_t *array = json_object_get(overview, "jobs");
    size_t room = jobs->count + json_array_size(array);
    struct cli_job *grown = room != 0 ? realloc(jobs->jobs, room * sizeof *grown) : NULL;
    if (grown == NULL) {
        return room != 0 ? CLI_FAILED : CLI_OK;
    }
    jobs->jobs = grown;
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (take_job(json_array_get(array, i), server, &grown[jobs->count])) {
            jobs->count++;
        }
    }
    return CLI_OK;
}

/* Asks one server; a yes without a list of jobs is a server of another kind. */
static int
read_server(struct cli_jobs *jobs, size_t server, char out_words[CLI_WORDS_SIZE])
{
    struct cli_reply reply;
    cli_ask(jobs->connections[server], "GET", "/jobs/overview", NULL, &reply);
    int code = reply.code;
    memcpy(out_words, reply.words, CLI_WORDS_SIZE);
    if (code == CLI_OK && !json_is_array(json_object_get(reply.json, "jobs"))) {
        code = CLI_FAILED;
        snprintf(out_words, CLI_WORDS_SIZE,
                 "%s has no list of jobs: is this a server of weir's or Flink's?",
                 cli_connection_name(jobs->connections[server]));
    } else if (code == CLI_OK && take_jobs(jobs, reply.json, server) != CLI_OK) {
        code = CLI_FAILED;
        snprintf(out_words, CLI_WORDS_SIZE, "no memory for a list of jobs");
    }
    cli_reply_free(&reply);
    return code;
}

static int
read_addressed(const struct cli_reach *reach, struct cli_jobs *jobs)
{
    char words[CLI_WORDS_SIZE];
    int code = cli_connection_open(reach, NULL, &jobs->connections[0]);
    if (code == CLI_OK && (code = read_server(jobs, 0, words)) != CLI_OK) {
        cli_say('e', "%s", words);
    }
    return code;
}

/* A job that has ended between being found and being asked is none. */
static int
read_registered(const struct cli_reach *reach, struct cli_jobs *jobs)
{
    char words[CLI_WORDS_SIZE];
    for (size_t i = 0; i < jobs->connection_count; i++) {
        const struct cli_registered *job = &jobs->registry.jobs[i];
        int code = cli_connection_open(reach, job, &jobs->connections[i]);
        if (code != CLI_OK) {
            return code;
        }
        code = read_server(jobs, i, words);
        if (code != CLI_OK && cli_registry_holds(&jobs->registry, job)) {
            cli_say('w', "job %s (%s): %s", job->job_id, job->name, words);
            jobs->missing = code;
        }
    }
    return CLI_OK;
}

int
cli_jobs_read(const struct cli_reach *reach, struct cli_jobs *out_jobs)
{
    memset(out_jobs, 0, sizeof *out_jobs);
    int code = reach->address == NULL ? cli_registry_read(&out_jobs->registry) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    out_jobs->connection_count = reach->address == NULL ? out_jobs->registry.count : 1;
    out_jobs->connections = calloc(out_jobs->connection_count + 1, sizeof(struct cli_connection *));
    if (out_jobs->connections == NULL) {
        cli_say('e', "no memory for connections");
        code = CLI_FAILED;
    } else if (reach->address == NULL) {
        code = read_registered(reach, out_jobs);
    } else {
        code = read_addressed(reach, out_jobs);
    }
    if (code != CLI_OK) {
        cli_jobs_free(out_jobs);
    }
    return code;
}

void
cli_jobs_free(struct cli_jobs *jobs)
{
    for (size_t i = 0; jobs->connections != NULL && i < jobs->connection_count; i++) {
        cli_connection_close(jobs->connections[i]);
    }
    free((void *)jobs->connections);
    free(jobs->jobs);
    cli_registry_free(&jobs->registry);
    memset(jobs, 0, sizeof *jobs);
}

/* --- choosing --- */

/* Without a name those that still run are meant; with one an ended job too, by its whole id. */
static bool
is_meant(const struct cli_job *job, const char *wish)
{
    if (wish == NULL) {
        return !cli_job_has_ended(job);
    }
    if (cli_job_has_ended(job)) {
        return strcasecmp(job->id, wish) == 0;
    }
    return strcmp(job->name, wish) == 0 ||
           (wish[0] != '\0' && strncasecmp(job->id, wish, strlen(wish)) == 0);
}

static void
list(const struct cli_jobs *jobs, const char *wish)
{
    for (size_t i = 0; i < jobs->count; i++) {
        const struct cli_job *job = &jobs->jobs[i];
        if (wish != NULL ? is_meant(job, wish) : !cli_job_has_ended(job)) {
            fprintf(stderr, "  %s  %s (%s)\n", job->id, job->name, job->state);
        }
    }
}

static size_t
count_running(const struct cli_jobs *jobs)
{
    size_t count = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        count += !cli_job_has_ended(&jobs->jobs[i]);
    }
    return count;
}

static int
say_none(const struct cli_reach *reach, const struct cli_jobs *jobs, const char *wish)
{
    if (jobs->missing != CLI_OK) {
        cli_say('e', "no running job that answers is meant");
        return jobs->missing;
    }
    const char *where = reach->address != NULL ? reach->address : jobs->registry.directory;
    if (count_running(jobs) == 0 && reach->address == NULL) {
        cli_say('e', "no running job of this user (looked in %s); for another's use -m HOST:PORT",
                where);
    } else if (count_running(jobs) == 0) {
        cli_say('e', "no running job at %s", where);
    } else {
        cli_say('e', "no running job has the id or name '%s'; these run:", wish);
        list(jobs, NULL);
    }
    return CLI_NOT_FOUND;
}

static int
say_several(const struct cli_jobs *jobs, const char *wish, size_t count)
{
    if (wish != NULL) {
        cli_say('e', "'%s' may be any of %zu running jobs: give one's id", wish, count);
    } else {
        cli_say('e', "%zu jobs run: give the id or name of one", count);
    }
    list(jobs, wish);
    return CLI_USAGE;
}

/* The last of those that are meant. NULL: none is. */
static const struct cli_job *
find_meant(const struct cli_jobs *jobs, const char *wish, size_t *out_count)
{
    const struct cli_job *found = NULL;
    *out_count = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        if (is_meant(&jobs->jobs[i], wish)) {
            found = &jobs->jobs[i];
            (*out_count)++;
        }
    }
    return found;
}

int
cli_job_find(const struct cli_reach *reach, const char *wish, struct cli_jobs *out_jobs,
             const struct cli_job **out_job, struct cli_connection **out_connection)
{
    int code = cli_jobs_read(reach, out_jobs);
    if (code != CLI_OK) {
        return code;
    }
    size_t count = 0;
    const struct cli_job *job = find_meant(out_jobs, wish, &count);
    if (job == NULL || count > 1) {
        code = job == NULL ? say_none(reach, out_jobs, wish) : say_several(out_jobs, wish, count);
        cli_jobs_free(out_jobs);
        return code;
    }
    if (wish == NULL) {
        cli_say('i', "the one running job: %s (%s)", job->id, job->name);
    }
    *out_job = job;
    *out_connection = out_jobs->connections[job->server];
    return CLI_OK;
}

void
cli_job_wait_gone(const struct cli_jobs *jobs, const struct cli_job *job)
{
    uint64_t begun_ms = cli_now_ms();
    if (job->server >= jobs->registry.count) {
        return;
    }
    pid_t process = jobs->registry.jobs[job->server].pid;
    while (kill(process, 0) == 0 && cli_now_ms() - begun_ms < GONE_MS) {
        cli_sleep_ms(GONE_POLL_MS);
    }
}

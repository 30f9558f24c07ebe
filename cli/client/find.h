/* SPDX-License-Identifier: Apache-2.0 */
/* find.h: which job a verb means. Its id, the beginning of it that only one job has, or its name;
 * nothing where one job runs alone.
 * Thread: main.
 */
#ifndef CLI_CLIENT_FIND_H
#define CLI_CLIENT_FIND_H

#include "connection.h"

enum {
    CLI_NAME_SIZE = 256
};

/* A job as its server tells of it, made printable. */
struct cli_job {
    char id[CLI_JOB_ID_SIZE];
    char name[CLI_NAME_SIZE];
    char state[32]; /* Flink's */
    int64_t start_ms;
    int64_t end_ms; /* -1: it runs */
    int64_t duration_ms;
    size_t server; /* index of whoever told */
};

struct cli_jobs {
    struct cli_job *jobs;
    size_t count;
    struct cli_registry registry;        /* empty with -m */
    struct cli_connection **connections; /* a server each; NULL: it cannot be asked */
    size_t connection_count;
    int missing; /* CLI_OK: all have answered; else the exit code that one was left out for */
};

/* Asks the server of -m, or those of all running jobs of this user; one of these that lives and
 * does not answer is warned of and left out. Answers an exit code; failures were said. */
int cli_jobs_read(const struct cli_reach *reach, struct cli_jobs *out_jobs);
void cli_jobs_free(struct cli_jobs *jobs);
bool cli_is_job_id(const char *word); /* 32 hex digits; NULL: no */
bool cli_job_has_ended(const struct cli_job *job);
/* Behind the end of a job that this user's directory tells of: waits until its process is gone, so
 * that who goes on with it at once finds its locks free. A few seconds at most: a program that
 * embeds the job lives on. */
void cli_job_wait_gone(const struct cli_jobs *jobs, const struct cli_job *job);

/* The job that `wish` means (NULL: none was named) and how to ask it; both lent from jobs, which
 * are read and to be freed. CLI_NOT_FOUND; CLI_USAGE: several. Failures were said. */
int cli_job_find(const struct cli_reach *reach, const char *wish, struct cli_jobs *out_jobs,
                 const struct cli_job **out_job, struct cli_connection **out_connection);

#endif /* CLI_CLIENT_FIND_H */

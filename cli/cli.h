/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: what the verbs of the command line share: exit codes, words on stderr, options.
 *
 * Data goes to stdout, everything else to stderr. Usage errors exit 2.
 */
#ifndef CLI_H
#define CLI_H

#include "weir/job.h"
#include "weir/options.h"

#include <stdbool.h>
#include <stdio.h>

/* Documented in the man page; tested. 130 and 143 only when killed. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,       /* the job failed, or something at run time */
    CLI_USAGE = 2,        /* usage or configuration invalid */
    CLI_NOT_FOUND = 3,    /* not there, not reachable */
    CLI_INCOMPATIBLE = 4, /* state incompatible with the job */
    CLI_CORRUPT = 5,      /* corruption detected */
    CLI_TIMEOUT = 6
};

struct cli_verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
};

extern const struct cli_verb cli_verbs[]; /* ends with a NULL name */

int cli_run(int argc, char **argv);
int cli_info(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_version(int argc, char **argv);

/* What `weir run` was asked for. All lent from argv. */
enum {
    CLI_ASSIGNMENTS_MAX = 256
};
struct cli_run {
    const char *config;
    const char *assignments[CLI_ASSIGNMENTS_MAX];
    size_t assignment_count;
    const char *parallelism;
    weir_job_parameters job;
    bool quiet;
    bool supervise;
    int job_at; /* index of JOB.so in argv */
};

/* supervise.c: runs the job in a child, and successors of it. `job_words`: JOB.so and its
 * arguments, NULL at the end. */
int cli_supervise(const struct cli_run *run, const weir_options *options, char **job_words);

/* words.c: "weir: ...", coloured on a terminal unless NO_COLOR */
void cli_say(char level, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_exit_of(weir_status status);
/* Says the error and answers its exit code. */
int cli_report(const weir_error *error);
/* What a job's main answered instead of a graph: its usage goes to stdout, exit 0, if it was asked
 * for. */
int cli_report_job(const weir_error *error);
bool cli_has_color(FILE *stream);
/* The nearest of the verbs, or NULL. */
const char *cli_nearest_verb(const char *name);

/* configure.c */
/* Options from WEIR_CONFIG or --config, then WEIR_* variables; -D is set by the verb itself. */
int cli_configure(const char *config_file, weir_options **out_options);
/* "key=value" at the command's level. */
int cli_set(weir_options *options, const char *assignment);

/* json_text.c: quoted */
void cli_print_json_text(FILE *out, const char *text);

/* config_file.c */
int cli_read_config(weir_options *options, const char *path);

/* status_line.c: one live line on a terminal */
struct cli_status_line {
    bool shown;
    bool enabled;
    weir_job_report before;
    uint64_t before_ns;
};
void cli_status_line_init(struct cli_status_line *line);
void cli_status_line_update(struct cli_status_line *line, weir_job *job);
void cli_status_line_clear(struct cli_status_line *line);
/* Before other words. Thread: any. */
void cli_status_line_make_room(void);
void cli_print_bytes(char *out, size_t room, uint64_t bytes); /* "41.3 MiB" */

#endif /* CLI_H */

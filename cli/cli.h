/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: what the verbs of the command line share: exit codes, words on stderr, options.
 *
 * Data goes to stdout, everything else to stderr. Usage errors exit 2.
 */
#ifndef CLI_H
#define CLI_H

#include "option.h"

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

/* The verbs, each from the file of its name; their table is in verbs.c. */
extern const struct cli_verb cli_verb_run;
extern const struct cli_verb cli_verb_info;
extern const struct cli_verb cli_verb_config;
extern const struct cli_verb cli_verb_demo;
extern const struct cli_verb cli_verb_doctor;
extern const struct cli_verb cli_verb_version;
extern const struct cli_verb cli_verb_completion;
extern const struct cli_verb cli_verb_complete;
/* client/ */
extern const struct cli_verb cli_verb_list;
extern const struct cli_verb cli_verb_stop;
extern const struct cli_verb cli_verb_savepoint;
extern const struct cli_verb cli_verb_checkpoint;
extern const struct cli_verb cli_verb_cancel;
extern const struct cli_verb cli_verb_top;

/* What `weir run` was asked for. All lent from argv. */
enum {
    CLI_ASSIGNMENTS_MAX = 256
};
struct cli_run {
    const char *config;
    const char *assignments[CLI_ASSIGNMENTS_MAX];
    size_t assignment_count;
    const char *parallelism;
    const char *claim_mode;
    weir_job_parameters job;
    bool quiet;
    bool supervise;
    bool is_detached;
    bool is_json;              /* what is_detached shows */
    int job_at;                /* index of JOB.so in argv */
    struct cli_notify *notify; /* lent */
};

/* first_process.c: until the job takes signals itself, one that asks to end does so. */
void cli_first_process(void);

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
enum cli_color {
    CLI_COLOR_AUTO,
    CLI_COLOR_ALWAYS,
    CLI_COLOR_NEVER
}; /* as --color has them */
void cli_set_color(enum cli_color color);
bool cli_has_color(FILE *stream);
/* Edit distance of two short words. */
size_t cli_distance(const char *one, const char *other);
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
/* Where there is a terminal. The line shows each checkpoint, so that a record of it is one too many
 * unless log levels were asked for. */
void cli_status_line_begin(struct cli_status_line *line, weir_job *job, bool is_quiet);
void cli_status_line_update(struct cli_status_line *line, weir_job *job);
void cli_status_line_clear(struct cli_status_line *line);
/* Before other words. Thread: any. */
void cli_status_line_make_room(void);
void cli_print_bytes(char *out, size_t room, uint64_t bytes); /* "41.3 MiB" */
void cli_print_count(char *out, size_t room, uint64_t count); /* "152,310" */

#endif /* CLI_H */

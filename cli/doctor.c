/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: looks at what a job will need, before it needs it; and with --ready, whether a running
 * one is ready, for container health checks.
 */
#include "doctor.h"

#include "cli.h"
#include "client/find.h"
#include "client/reach.h"
#include "table.h"
#include "wrap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPTION_READY = CLI_ID_FIRST
};

struct wishes {
    struct cli_reach reach;
    const char *config;
    const char *assignments[CLI_ASSIGNMENTS_MAX];
    size_t assignment_count;
    bool wants_ready;
    bool is_quiet;
};

static const char *const kind_names[] = { "ok", "warning", "error" };

void
cli_doctor_add(struct cli_doctor *doctor, const char *check, enum cli_finding_kind kind,
               const char *advice, const char *format, ...)
{
    if (doctor->count == CLI_FINDINGS_MAX) {
        return; /* more directories than anybody names */
    }
    struct cli_finding *finding = &doctor->findings[doctor->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    finding->check = check;
    finding->kind = kind;
    finding->advice = advice;
    doctor->errors += kind == CLI_FINDING_ERROR;
}

/* --- running jobs --- */

static bool
is_ready(struct cli_connection *connection, char *words, size_t room)
{
    struct cli_reply reply;
    cli_ask(connection, "GET", "/readyz", NULL, &reply);
    snprintf(words, room, "%s", reply.words);
    int code = reply.code;
    cli_reply_free(&reply);
    return code == CLI_OK;
}

static void
look_at_job(struct cli_doctor *doctor, const struct cli_registered *job)
{
    struct cli_reach reach = { .address = NULL };
    struct cli_connection *connection = NULL;
    char words[CLI_WORDS_SIZE] = "it cannot be asked";
    const char *name = job->name[0] != '\0' ? job->name : job->job_id;
    bool ready = cli_connection_open(&reach, job, &connection) == CLI_OK &&
                 is_ready(connection, words, sizeof words);
    cli_connection_close(connection);
    if (ready) {
        cli_doctor_add(doctor, "job", CLI_FINDING_OK, NULL, "%s (process %ld) is ready", name,
                       (long)job->pid);
    } else {
        cli_doctor_add(doctor, "job", CLI_FINDING_WARNING, "look at what it has logged",
                       "%s (process %ld) is not ready: %.400s", name, (long)job->pid, words);
    }
}

static void
look_at_runtime_directory(struct cli_doctor *doctor, const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0 && errno == ENOENT) {
        cli_doctor_add(doctor, "runtime-directory", CLI_FINDING_OK, NULL,
                       "%s is made when a job starts", path);
    } else if (strlen(path) > 90) { /* a socket's path, /PID.sock with it, has 107 bytes */
        cli_doctor_add(doctor, "runtime-directory", CLI_FINDING_ERROR,
                       "set WEIR_RUNTIME_DIR to a shorter one",
                       "%s is too long for the path of a socket", path);
    } else {
        cli_doctor_add(doctor, "runtime-directory", CLI_FINDING_OK, NULL, "%s", path);
    }
}

void
cli_doctor_jobs(struct cli_doctor *doctor)
{
    struct cli_registry registry = { .jobs = NULL };
    if (cli_registry_read(&registry) != CLI_OK) {
        cli_doctor_add(doctor, "runtime-directory", CLI_FINDING_ERROR,
                       "remove it, or set WEIR_RUNTIME_DIR to a directory of this user's alone",
                       "%s is not this user's alone", registry.directory);
    } else {
        look_at_runtime_directory(doctor, registry.directory);
    }
    for (size_t i = 0; i < registry.count; i++) {
        look_at_job(doctor, &registry.jobs[i]);
    }
    cli_registry_free(&registry);
}

/* weir doctor --ready [JOB] */
static int
tell_ready(const struct wishes *wishes, const char *job)
{
    struct cli_jobs jobs = { .jobs = NULL };
    const struct cli_job *found = NULL;
    struct cli_connection *connection = NULL;
    char words[CLI_WORDS_SIZE];
    int code = cli_job_find(&wishes->reach, job, &jobs, &found, &connection);
    if (code == CLI_OK && is_ready(connection, words, sizeof words)) {
        if (!wishes->is_quiet) {
            printf("%s is ready\n", found->id);
        }
    } else if (code == CLI_OK) {
        cli_say('e', "%s is not ready: %s", found->id, words);
        code = CLI_FAILED;
    }
    cli_jobs_free(&jobs);
    return code;
}

/* --- output --- */

static void
print_lines(const struct cli_doctor *doctor, bool is_quiet)
{
    static const char *const colors[] = { "\033[32m", "\033[33m", "\033[31m" };
    bool has_color = cli_has_color(stdout);
    for (size_t i = 0; i < doctor->count; i++) {
        const struct cli_finding *finding = &doctor->findings[i];
        if (is_quiet && finding->kind == CLI_FINDING_OK) {
            continue;
        }
        printf("%s%-8s%s", has_color ? colors[finding->kind] : "", kind_names[finding->kind],
               has_color ? "\033[0m" : "");
        char text[1024];
        snprintf(text, sizeof text, "%s: %s", finding->check, finding->text);
        cli_wrap(stdout, text, 8, 8);
        if (finding->advice != NULL) {
            printf("%8s", "");
            snprintf(text, sizeof text, "-> %s", finding->advice);
            cli_wrap(stdout, text, 8, 11);
        }
    }
}

static int
print_json(const struct cli_doctor *doctor)
{
    static const struct cli_column columns[] = {
        { .name = "check" }, { .name = "result" }, { .name = "found" }, { .name = "advice" }
    };
    struct cli_table table;
    cli_table_begin(&table, stdout, CLI_OUTPUT_JSON, columns, 4);
    for (size_t i = 0; i < doctor->count; i++) {
        const struct cli_finding *finding = &doctor->findings[i];
        const char *texts[] = { finding->check, kind_names[finding->kind], finding->text,
                                finding->advice };
        cli_table_row(&table, texts);
    }
    return cli_table_end(&table);
}

static int
examine(const weir_options *options, const struct wishes *wishes)
{
    struct cli_doctor *doctor = calloc(1, sizeof *doctor);
    if (doctor == NULL) {
        cli_say('e', "no memory");
        return CLI_FAILED;
    }
    doctor->options = options;
    cli_doctor_modules(doctor);
    cli_doctor_directories(doctor);
    cli_doctor_memory(doctor);
    cli_doctor_limits(doctor);
    cli_doctor_jobs(doctor);
    int code = CLI_OK;
    if (wishes->reach.is_json) {
        code = print_json(doctor);
    } else {
        print_lines(doctor, wishes->is_quiet);
    }
    code = doctor->errors != 0 ? CLI_FAILED : code;
    free(doctor);
    return code;
}

/* CLI_OK, or what to leave with; *out_leaves: leave anyhow. */
static int
take_options(struct cli_parse *parse, struct wishes *wishes, bool *out_leaves)
{
    for (int id; (id = cli_parse_next(parse)) != CLI_PARSE_END;) {
        *out_leaves = id == CLI_PARSE_LEAVE;
        if (*out_leaves) {
            return parse->code;
        }
        if (id == OPTION_READY) {
            wishes->wants_ready = true;
        } else if (id == 'q') {
            wishes->is_quiet = true;
        } else if (id == CLI_ID_CONFIG) {
            wishes->config = parse->argument;
        } else if (id == 'D' && wishes->assignment_count == CLI_ASSIGNMENTS_MAX) {
            return cli_parse_refuse(parse, "more than %d -D", CLI_ASSIGNMENTS_MAX);
        } else if (id == 'D') {
            wishes->assignments[wishes->assignment_count++] = parse->argument;
        } else {
            int code = cli_reach_take(&wishes->reach, parse, id);
            if (code != CLI_OK) {
                return code;
            }
        }
    }
    if (parse->word_count != 0 && !wishes->wants_ready) {
        return cli_parse_refuse(parse, "a job is looked at with --ready");
    }
    return CLI_OK;
}

static int
run_doctor(int argc, char **argv)
{
    struct wishes wishes = { .config = NULL };
    struct cli_parse parse;
    bool leaves = false;
    cli_parse_begin(&parse, &cli_verb_doctor, argc, argv);
    int code = take_options(&parse, &wishes, &leaves);
    if (leaves || code != CLI_OK) {
        return code;
    }
    if (wishes.wants_ready) {
        return tell_ready(&wishes, parse.word_count != 0 ? parse.words[0] : NULL);
    }
    weir_options *options = NULL;
    code = cli_configure(wishes.config, &options);
    for (size_t i = 0; code == CLI_OK && i < wishes.assignment_count; i++) {
        code = cli_set(options, wishes.assignments[i]);
    }
    if (code == CLI_OK) {
        code = examine(options, &wishes);
    }
    weir_options_destroy(options);
    return code;
}

static const char *const examples[] = {
    "weir doctor",
    "weir doctor -D execution.checkpointing.dir=checkpoints -o json",
    "weir doctor --ready",
    NULL,
};

static const struct cli_option options_known[] = {
    { .id = OPTION_READY,
      .name = "ready",
      .text = "Only whether a running job is ready, for the health check of a container. Without "
              "a JOB: the one that runs." },
    CLI_REACH_OPTIONS,
    { 0 },
};

static const struct cli_exit_text exits[] = {
    { CLI_OK, "nothing is wrong, or the job is ready" },
    { CLI_FAILED, "something is, or it is not" },
    { CLI_USAGE, "usage or configuration invalid" },
    { CLI_NOT_FOUND, "no such job, or it does not answer" },
    { 0, NULL },
};

const struct cli_verb cli_verb_doctor = {
    .name = "doctor",
    .summary = "look for what would go wrong",
    .run = run_doctor,
    .usage = "[options] [--ready [JOB]]",
    .examples = examples,
    .about = "Looks at what a job will need, with the configuration that weir run would have: "
             "modules, directories (by writing, syncing, renaming and locking there), memory, "
             "open files, huge pages, the clock, running jobs. Says for each what to do.",
    .options = options_known,
    .exits = exits,
    .shared = CLI_SHARED_CONFIGURATION | CLI_SHARED_QUIET,
    .most_words = 1,
    .words_complete = CLI_COMPLETES_JOB,
};

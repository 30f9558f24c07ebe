/* SPDX-License-Identifier: Apache-2.0 */
/* run: runs a job in this process until its end, or until a signal stops it.
 *
 * The first SIGINT or SIGTERM asks for a final checkpoint, the commit, and exit 0; the second ends
 * the process at once. Both handlers only call what is async-signal-safe.
 */
#include "cli.h"
#include "detach.h"
#include "log.h"
#include "notify.h"
#include "rest.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 250,
    ECHO_MS = 100 /* a second signal within it is the first one again */
};

static _Atomic(weir_job *) running_job;
static volatile sig_atomic_t signal_count;

enum {
    OPTION_FRESH = CLI_ID_FIRST,
    OPTION_RESUME,
    OPTION_REWIND,
    OPTION_TAKE_OVER,
    OPTION_JOB_ID,
    OPTION_SUPERVISE,
    OPTION_NO_RESTART,
    OPTION_CLAIM_MODE,
    OPTION_RESTORE_MODE
};

/* CLI_OK, or what to leave with. */
static int
take_option(struct cli_run *arguments, const struct cli_parse *parse, int id)
{
    switch (id) {
    case 'p':
        arguments->parallelism = parse->argument;
        break;
    case 's':
        arguments->job.restore = parse->argument;
        break;
    case 'n':
        arguments->job.allow_non_restored_state = true;
        break;
    case 'D':
        if (arguments->assignment_count == CLI_ASSIGNMENTS_MAX) {
            return cli_parse_refuse(parse, "more than %d -D", CLI_ASSIGNMENTS_MAX);
        }
        arguments->assignments[arguments->assignment_count++] = parse->argument;
        break;
    case 'd':
        arguments->is_detached = true;
        break;
    case 'o':
        arguments->is_json = parse->choice == 1;
        break;
    case 'q':
        arguments->quiet = true;
        break;
    case OPTION_FRESH:
        arguments->job.fresh = true;
        break;
    case OPTION_RESUME:
        arguments->job.resume = true;
        break;
    case OPTION_REWIND:
        arguments->job.allow_rewind = true;
        break;
    case OPTION_TAKE_OVER:
        arguments->job.take_over = true;
        break;
    case OPTION_JOB_ID:
        arguments->job.job_id = parse->argument;
        break;
    case OPTION_SUPERVISE:
        arguments->supervise = true;
        break;
    case OPTION_NO_RESTART:
        arguments->job.no_restart = true;
        break;
    case OPTION_CLAIM_MODE:
    case OPTION_RESTORE_MODE:
        arguments->claim_mode = parse->argument;
        break;
    case CLI_ID_CONFIG:
        arguments->config = parse->argument;
        break;
    default: /* in the table and not taken here: a test gives each option of it */
        return cli_parse_refuse(parse, "option %d is not known here", id);
    }
    return CLI_OK;
}

/* False: leave with *out_code. */
static bool
parse_words(int argc, char **argv, struct cli_run *arguments, int *out_code)
{
    arguments->job.size = sizeof arguments->job;
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_run, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        *out_code = id == CLI_PARSE_LEAVE ? parse.code : take_option(arguments, &parse, id);
        if (id == CLI_PARSE_LEAVE || *out_code != CLI_OK) {
            return false;
        }
    }
    if (arguments->job.fresh + arguments->job.resume + (arguments->job.restore != NULL) > 1) {
        *out_code = cli_parse_refuse(&parse, "-s, --resume and --fresh contradict each other");
        return false;
    }
    arguments->job_at = parse.words_at;
    return true;
}

/* --- signals --- */

/* A terminal or timeout(1) may send one wish twice, to the process and to its group. */
static bool
is_echo(void)
{
    static volatile sig_atomic_t first_ms;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sig_atomic_t now_ms = (sig_atomic_t)((now.tv_sec % 100000) * 1000 + now.tv_nsec / 1000000);
    if (signal_count == 1) {
        first_ms = now_ms;
    }
    return now_ms >= first_ms && now_ms - first_ms < ECHO_MS;
}

static void
on_signal(int number)
{
    signal_count++;
    if (!is_echo()) {
        static const char words[] = "\nweir: ended at once; go on with -s latest:DIR\n";
        ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
        (void)ignored;
        _exit(128 + number);
    }
    weir_job *job = atomic_load(&running_job);
    if (job != NULL) {
        weir_job_stop(job);
    }
}

static void
watch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* --- the end --- */

/* A word as the shell reads it back. */
static void
print_word(FILE *out, const char *word)
{
    if (word[0] != '\0' &&
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                     "-_./=:,@+%") == strlen(word)) {
        fprintf(out, " %s", word);
        return;
    }
    fputs(" '", out);
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(*word, out);
        }
    }
    fputc('\'', out);
}

static bool
is_restore_option(const char *word)
{
    return strcmp(word, "-s") == 0 || strcmp(word, "-fromSavepoint") == 0 ||
           strcmp(word, "--fromSavepoint") == 0;
}

/* The same command with -s latest:DIR in place of what started this run. */
static void
print_resume(const weir_job_report *report, char **argv, int argc, int job_at)
{
    char directory[sizeof report->last_checkpoint_path];
    snprintf(directory, sizeof directory, "%s", report->last_checkpoint_path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        return;
    }
    *slash = '\0';
    char *command = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&command, &size);
    if (out == NULL) {
        return;
    }
    fprintf(out, "weir run -s latest:%s", directory);
    for (int i = 1; i < argc; i++) {
        bool ours = i < job_at;
        if (i > job_at && !cli_log_is_for_people()) {
            fputs(" ...", out); /* a job's own arguments may be secrets: they are not collected */
            break;
        }
        if (ours && is_restore_option(argv[i])) {
            i++;
        } else if (!(ours && (strcmp(argv[i], "--fresh") == 0 || strcmp(argv[i], "--resume") == 0 ||
                              strcmp(argv[i], "--take-over") == 0 ||
                              strncmp(argv[i], "--fromSavepoint=", 16) == 0))) {
            print_word(out, argv[i]);
        }
    }
    if (fclose(out) == 0) {
        cli_say('i', "go on with:  %s", command);
    }
    free(command);
}

static int
report_end(weir_job *job, const struct cli_run *arguments, int argc, char **argv)
{
    weir_job_report report = { .size = sizeof report };
    weir_job_look(job, &report);
    if (report.state == WEIR_JOB_FAILED) {
        weir_error error = { 0 };
        weir_status status = weir_job_failure(job, &error);
        cli_say('e', "the job failed: %s", error.message);
        if (report.last_checkpoint_path[0] != '\0') {
            cli_say('i', "last completed checkpoint: %s", report.last_checkpoint_path);
            print_resume(&report, argv, argc, arguments->job_at);
        }
        return status != WEIR_OK ? cli_exit_of(status) : CLI_FAILED;
    }
    if (arguments->quiet) {
        return CLI_OK;
    }
    cli_say('i', "%s: %llu records in, %llu out, %llu checkpoints",
            weir_job_state_name(report.state), (unsigned long long)report.records_in,
            (unsigned long long)report.records_out,
            (unsigned long long)report.checkpoints_completed);
    if (report.state == WEIR_JOB_STOPPED && report.last_checkpoint_path[0] != '\0') {
        cli_say('i', "final checkpoint: %s", report.last_checkpoint_path);
        print_resume(&report, argv, argc, arguments->job_at);
    }
    return CLI_OK;
}

static int
run_job(weir_job *job, const struct cli_run *arguments, int argc, char **argv)
{
    weir_error error = { 0 };
    weir_server *server = NULL;
    atomic_store(&running_job, job);
    watch_signals();
    int code = cli_rest_open_port(job, arguments, &server);
    if (code == CLI_OK && weir_job_start(job, &error) != WEIR_OK) {
        code = cli_report(&error);
    }
    if (code != CLI_OK) {
        weir_server_stop(server);
        return code;
    }
    if (server == NULL) {
        server = cli_rest_open_socket(job, arguments);
    }
    struct cli_status_line line;
    cli_status_line_begin(&line, job, arguments->quiet);
    struct cli_service service;
    cli_service_init(&service, arguments->notify);
    cli_service_update(&service, job);
    cli_detach_tell(job);
    while (!weir_job_wait(job, WAIT_MS)) {
        cli_status_line_update(&line, job);
        cli_service_update(&service, job);
    }
    cli_status_line_clear(&line);
    cli_service_end(&service, job);
    code = report_end(job, arguments, argc, argv);
    weir_server_stop(server);
    return code;
}

static int
load_and_run(const struct cli_run *arguments, const weir_options *options, int argc, char **argv)
{
    weir_error error = { 0 };
    weir_job_library *library = NULL;
    weir_environment *environment = NULL;
    weir_job *job = NULL;
    int at = arguments->job_at;
    int code = CLI_OK;
    if (weir_job_library_open(argv[at], &library, &error) != WEIR_OK) {
        return cli_report(&error);
    }
    if (weir_environment_create(NULL, options, &environment) != WEIR_OK) {
        cli_say('e', "no memory");
        code = CLI_FAILED;
    } else if (weir_job_library_main(library, environment, argc - at, argv + at, &error) !=
               WEIR_OK) {
        code = cli_report_job(&error);
    } else if (weir_job_create(environment, &arguments->job, &job, &error) != WEIR_OK) {
        code = cli_report(&error);
    } else if (job == NULL) {
        cli_say(
            'i',
            "FINISHED: this job has ended; there is nothing to go on with. If a savepoint ended "
            "it, start from that: -s SAVEPOINT");
    } else {
        cli_log_attach(job);
        code = run_job(job, arguments, argc, argv);
        cli_log_attach(NULL);
    }
    atomic_store(&running_job, NULL);
    weir_job_destroy(job);
    weir_environment_destroy(environment);
    weir_job_library_close(library);
    return code;
}

static int
run_run(int argc, char **argv)
{
    struct cli_run arguments = { .job_at = 0 };
    int code = CLI_OK;
    if (!parse_words(argc, argv, &arguments, &code)) {
        return code;
    }
    struct cli_notify notify;
    cli_first_process();
    cli_notify_open(&notify);
    arguments.notify = &notify;
    arguments.job.log_record = cli_log_record;
    weir_options *options = NULL;
    code = cli_configure(arguments.config, &options);
    for (size_t i = 0; code == CLI_OK && i < arguments.assignment_count; i++) {
        code = cli_set(options, arguments.assignments[i]);
    }
    if (code == CLI_OK && arguments.parallelism != NULL) {
        char text[64];
        snprintf(text, sizeof text, "parallelism.default=%s", arguments.parallelism);
        code = cli_set(options, text);
    }
    if (code == CLI_OK && arguments.claim_mode != NULL) {
        char text[64];
        snprintf(text, sizeof text, "execution.state-recovery.claim-mode=%s", arguments.claim_mode);
        code = cli_set(options, text);
    }
    if (code == CLI_OK) {
        cli_log_begin(options, arguments.quiet);
    }
    if (code == CLI_OK && arguments.is_detached && !cli_is_detached()) {
        code = cli_detach(argv, argv[arguments.job_at], arguments.is_json);
    } else if (code == CLI_OK && arguments.supervise) {
        code = cli_supervise(&arguments, options, argv + arguments.job_at);
    } else if (code == CLI_OK) {
        code = load_and_run(&arguments, options, argc, argv);
    }
    cli_notify_exit(&notify, code);
    cli_notify_close(&notify);
    weir_options_destroy(options);
    return code;
}

static const char *const examples[] = {
    "weir run wordcount.so --input words.txt",
    "weir run -p 2 -D execution.checkpointing.interval=1s "
    "-D execution.checkpointing.dir=checkpoints wordcount.so --input words.txt --output counts",
    "weir run -s latest:checkpoints wordcount.so --input words.txt --output counts",
    NULL,
};

static const struct cli_option options_known[] = {
    { .id = 'p',
      .letter = "p",
      .name = "parallelism",
      .argument = "N",
      .text = "Parallelism of operators that set none." },
    { .id = 'd',
      .letter = "d",
      .name = "detached",
      .text = "Puts the job into the background and waits until it runs. Its words go to a log "
              "below ~/.local/state/weir." },
    { .id = 'o',
      .letter = "o",
      .name = "output",
      .argument = "FORMAT",
      .choices = "text|json",
      .text = "How -d shows what it started: Flink's line, or one JSON object." },
    { .id = OPTION_JOB_ID,
      .name = "job-id",
      .argument = "ID",
      .text = "The job's id, 32 hex digits, instead of a new one." },
    { .id = 's',
      .letter = "s",
      .name = "fromSavepoint",
      .aliases = "from-savepoint",
      .argument = "SNAPSHOT",
      .completes = CLI_COMPLETES_DIRECTORY,
      .text = "Restores a savepoint or checkpoint: its directory, its _metadata, or latest:DIR to "
              "go on with the one job of this name below DIR.",
      .group = "Restoring" },
    { .id = 'n',
      .letter = "n",
      .name = "allowNonRestoredState",
      .aliases = "allow-non-restored-state",
      .text = "State of operators that the job no longer has is left behind, and lost with the "
              "next checkpoint." },
    { .id = OPTION_CLAIM_MODE,
      .letter = "cm",
      .name = "claimMode",
      .aliases = "claim-mode",
      .argument = "MODE",
      .choices = "no_claim|claim|legacy",
      .text = "Whose the snapshot is from now on: its owner's (no_claim, the default), or the "
              "job's, which deletes it when it needs it no longer (claim)." },
    { .id = OPTION_RESTORE_MODE,
      .letter = "rm",
      .name = "restoreMode",
      .aliases = "restore-mode",
      .argument = "MODE",
      .choices = "no_claim|claim|legacy",
      .text = "The old name of --claimMode.",
      .deprecated = "use -cm, --claimMode" },
    { .id = OPTION_RESUME,
      .name = "resume",
      .text = "Goes on from this job's newest checkpoint below execution.checkpointing.dir; where "
              "it has none yet, begins. For services." },
    { .id = OPTION_FRESH,
      .name = "fresh",
      .text = "Starts empty although a checkpoint of this job is there." },
    { .id = OPTION_REWIND,
      .name = "allow-rewind",
      .text = "Restores older than what a sink committed: its output will hold duplicates." },
    { .id = OPTION_TAKE_OVER,
      .name = "take-over",
      .text = "Fences a process that still holds this job." },
    { .id = OPTION_SUPERVISE,
      .name = "supervise",
      .text = "Runs the job in a child process, and starts a successor when it crashes or fails.",
      .group = "Failures" },
    { .id = OPTION_NO_RESTART,
      .name = "no-restart",
      .text = "A failure ends the job, whatever its restart strategy says." },
    { 0 },
};

static const struct cli_foreign foreign[] = {
    { "m|jobmanager|t|target",
      "it runs the job in this process. Let it be asked by -D rest.port=8081" },
    { "c|class|C|classpath", "a job is a shared object with one main" },
    { "sae|shutdownOnAttachedExit", "a job without -d ends with this process" },
    { NULL, NULL },
};

const struct cli_verb cli_verb_run = {
    .name = "run",
    .summary = "run a job",
    .run = run_run,
    .usage = "[options] JOB.so [job arguments]",
    .examples = examples,
    .about = "Runs a job until its input ends or a signal stops it. The first SIGINT or SIGTERM "
             "takes a final checkpoint and exits 0; the second ends the process at once.",
    .options = options_known,
    .foreign = foreign,
    .shared = CLI_SHARED_CONFIGURATION | CLI_SHARED_QUIET,
    .least_words = 1,
    .most_words = CLI_ANY_WORDS,
    .word_name = "JOB.so",
    .words_complete = CLI_COMPLETES_FILE,
    .stops_at_words = true,
};

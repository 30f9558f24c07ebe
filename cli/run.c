/* SPDX-License-Identifier: Apache-2.0 */
/* run: runs a job in this process until its end, or until a signal stops it.
 *
 * The first SIGINT or SIGTERM asks for a final checkpoint, the commit, and exit 0; the second ends
 * the process at once. Both handlers only call what is async-signal-safe.
 */
#include "cli.h"

#include <getopt.h>
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

static void
print_help(FILE *out)
{
    fputs("Examples:\n"
          "  weir run wordcount.so --input words.txt\n"
          "  weir run -p 2 -D execution.checkpointing.interval=1s \\\n"
          "           -D execution.checkpointing.dir=checkpoints \\\n"
          "           wordcount.so --input words.txt --output counts\n"
          "  weir run -s latest:checkpoints wordcount.so --input words.txt --output counts\n"
          "\n"
          "Usage: weir run [options] JOB.so [job arguments]\n"
          "\n"
          "  -p, --parallelism N            parallelism of operators that set none\n"
          "  -s, --fromSavepoint SNAPSHOT   restore: a checkpoint's directory, its\n"
          "                                 _metadata, or latest:DIR to go on with the\n"
          "                                 one job of this name below DIR\n"
          "  -n, --allowNonRestoredState    state of operators that the job no longer\n"
          "                                 has is left behind, and lost with the next\n"
          "                                 checkpoint\n"
          "      --fresh                    start empty although a checkpoint of this\n"
          "                                 job is there\n"
          "      --allow-rewind             restore older than what a sink committed:\n"
          "                                 its output will hold duplicates\n"
          "      --take-over                fence a process that still holds this job\n"
          "      --job-id ID                32 hex digits, instead of a new one\n"
          "      --supervise                run the job in a child process, and start a\n"
          "                                 successor when it crashes or fails\n"
          "      --no-restart               a failure ends the job, whatever its restart\n"
          "                                 strategy says\n"
          "  -D KEY=VALUE                   set an option; Flink's keys\n"
          "      --config FILE              read options: weir.yaml, or a config.yaml or\n"
          "                                 flink-conf.yaml of Flink's\n"
          "  -q, --quiet                    warnings and errors only\n"
          "  -h, --help                     this text\n"
          "\n"
          "The first SIGINT or SIGTERM takes a final checkpoint and exits 0; the second\n"
          "ends the process at once.\n",
          out);
}

enum {
    OPTION_FRESH = 256,
    OPTION_REWIND,
    OPTION_TAKE_OVER,
    OPTION_JOB_ID,
    OPTION_SUPERVISE,
    OPTION_NO_RESTART,
    OPTION_CONFIG
};

static const struct option options_known[] = {
    { "parallelism", required_argument, NULL, 'p' },
    { "fromSavepoint", required_argument, NULL, 's' },
    { "allowNonRestoredState", no_argument, NULL, 'n' },
    { "fresh", no_argument, NULL, OPTION_FRESH },
    { "allow-rewind", no_argument, NULL, OPTION_REWIND },
    { "take-over", no_argument, NULL, OPTION_TAKE_OVER },
    { "job-id", required_argument, NULL, OPTION_JOB_ID },
    { "supervise", no_argument, NULL, OPTION_SUPERVISE },
    { "no-restart", no_argument, NULL, OPTION_NO_RESTART },
    { "config", required_argument, NULL, OPTION_CONFIG },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* false: usage, or help was printed; *out_code is the exit code. */
static bool
take_option(struct cli_run *arguments, int option, int *out_code)
{
    *out_code = CLI_USAGE;
    switch (option) {
    case 'p':
        arguments->parallelism = optarg;
        return true;
    case 's':
        arguments->job.restore = optarg;
        return true;
    case 'n':
        arguments->job.allow_non_restored_state = true;
        return true;
    case 'D':
        if (arguments->assignment_count == CLI_ASSIGNMENTS_MAX) {
            cli_say('e', "more than %d -D", CLI_ASSIGNMENTS_MAX);
            return false;
        }
        arguments->assignments[arguments->assignment_count++] = optarg;
        return true;
    case 'q':
        arguments->quiet = true;
        return true;
    case OPTION_FRESH:
        arguments->job.fresh = true;
        return true;
    case OPTION_REWIND:
        arguments->job.allow_rewind = true;
        return true;
    case OPTION_TAKE_OVER:
        arguments->job.take_over = true;
        return true;
    case OPTION_JOB_ID:
        arguments->job.job_id = optarg;
        return true;
    case OPTION_SUPERVISE:
        arguments->supervise = true;
        return true;
    case OPTION_NO_RESTART:
        arguments->job.no_restart = true;
        return true;
    case OPTION_CONFIG:
        arguments->config = optarg;
        return true;
    case 'h':
        print_help(stdout);
        *out_code = CLI_OK;
        return false;
    default:
        cli_say('e', "see weir run --help");
        return false;
    }
}

static bool
parse(int argc, char **argv, struct cli_run *arguments, int *out_code)
{
    arguments->job.size = sizeof arguments->job;
    optind = 1;
    for (int option;
         (option = getopt_long_only(argc, argv, "+p:s:nD:qh", options_known, NULL)) != -1;) {
        if (!take_option(arguments, option, out_code)) {
            return false;
        }
    }
    if (optind >= argc) {
        cli_say('e', "JOB.so is missing: see weir run --help");
        *out_code = CLI_USAGE;
        return false;
    }
    if (arguments->job.fresh && arguments->job.restore != NULL) {
        cli_say('e', "--fresh and -s contradict each other");
        *out_code = CLI_USAGE;
        return false;
    }
    arguments->job_at = optind;
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
    fprintf(stderr, "weir: go on with:  weir run -s latest:%s", directory);
    for (int i = 1; i < argc; i++) {
        bool ours = i < job_at;
        if (ours && is_restore_option(argv[i])) {
            i++;
        } else if (!(ours &&
                     (strcmp(argv[i], "--fresh") == 0 || strcmp(argv[i], "--take-over") == 0 ||
                      strncmp(argv[i], "--fromSavepoint=", 16) == 0))) {
            print_word(stderr, argv[i]);
        }
    }
    fputc('\n', stderr);
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

static void
log_line(void *log_argument, char level, const char *text)
{
    const struct cli_run *arguments = log_argument;
    if (level != 'i' || !arguments->quiet) {
        cli_say(level, "%s", text);
    }
}

static int
run_job(weir_job *job, const struct cli_run *arguments, int argc, char **argv)
{
    weir_error error = { 0 };
    atomic_store(&running_job, job);
    watch_signals();
    if (weir_job_start(job, &error) != WEIR_OK) {
        return cli_report(&error);
    }
    struct cli_status_line line;
    cli_status_line_init(&line);
    line.enabled = line.enabled && !arguments->quiet;
    while (!weir_job_wait(job, WAIT_MS)) {
        cli_status_line_update(&line, job);
    }
    cli_status_line_clear(&line);
    return report_end(job, arguments, argc, argv);
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
        cli_say('i', "FINISHED: this job reached its end already; there is nothing to go on with");
    } else {
        code = run_job(job, arguments, argc, argv);
    }
    atomic_store(&running_job, NULL);
    weir_job_destroy(job);
    weir_environment_destroy(environment);
    weir_job_library_close(library);
    return code;
}

int
cli_run(int argc, char **argv)
{
    struct cli_run arguments = { .job_at = 0 };
    int code = CLI_OK;
    if (!parse(argc, argv, &arguments, &code)) {
        return code;
    }
    arguments.job.log = log_line;
    arguments.job.log_argument = &arguments;
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
    if (code == CLI_OK && arguments.supervise) {
        code = cli_supervise(&arguments, options, argv + arguments.job_at);
    } else if (code == CLI_OK) {
        code = load_and_run(&arguments, options, argc, argv);
    }
    weir_options_destroy(options);
    return code;
}

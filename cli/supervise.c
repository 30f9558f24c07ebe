/* SPDX-License-Identifier: Apache-2.0 */
/* supervise: a parent that runs the job in a child and, when that crashes, starts its successor.
 *
 *   start --> child ends: exit 0, or by our stop                          -> its exit code
 *                         usage, not found, incompatible, corrupt          -> its exit code
 *                         a signal, a timeout, the job failed --yes--> wait --> successor
 *                                     (what the strategy says)  --no--> failed
 *
 * The parent holds no state of the job and loads none of its code, so nothing that the job does can
 * take it along. The successor fences whatever is left (--take-over) and goes on from the newest
 * complete checkpoint of the same job id; where there is none yet it begins as the first did. The
 * child restarts nothing itself (--no-restart): one strategy, and it counts all failures.
 */
#include "cli.h"
#include "notify.h"
#include "weir/restart.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    JOB_ID_SIZE = 33,
    WORDS_OF_OURS = 20 + 2 * CLI_ASSIGNMENTS_MAX,
    PATH_SIZE = 4096
};

struct supervisor {
    const struct cli_run *run;
    char **job_words;
    const char *directory;    /* of all jobs' checkpoints */
    char job_id[JOB_ID_SIZE]; /* "": latest: and --resume keep the one they find */
    char own_directory[PATH_SIZE];
    char latest[PATH_SIZE + 8];
    weir_restart *restart;
};

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t child_process;

static void
on_signal(int number)
{
    stop_signal = number;
    if (child_process > 0) {
        kill((pid_t)child_process, number);
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

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool
draw(void *out, size_t size)
{
    if (getrandom(out, size, 0) == (ssize_t)size) {
        return true;
    }
    cli_say('e', "no random numbers to be had: %s", strerror(errno));
    return false;
}

static bool
draw_job_id(char out[JOB_ID_SIZE])
{
    uint8_t bytes[16];
    if (!draw(bytes, sizeof bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

static bool
is_latest(const char *restore)
{
    return restore != NULL && strncmp(restore, "latest:", 7) == 0;
}

/* A complete checkpoint, or the mark of a job that reached its end, or that a savepoint was to end.
 */
static bool
has_checkpoint(const char *directory)
{
    DIR *entries = opendir(directory);
    bool found = false;
    struct dirent *entry = NULL;
    while (entries != NULL && !found && (entry = readdir(entries)) != NULL) {
        char path[2 * PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s/_metadata", directory, entry->d_name);
        struct stat status;
        found = strcmp(entry->d_name, "_finished") == 0 ||
                strcmp(entry->d_name, "_savepoint") == 0 ||
                (strncmp(entry->d_name, "chk-", 4) == 0 && stat(path, &status) == 0);
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return found;
}

/* --- the child --- */

struct words {
    const char *at[WORDS_OF_OURS];
    size_t count;
};

static void
add(struct words *words, const char *word)
{
    words->at[words->count++] = word;
}

static void
add_pair(struct words *words, const char *option, const char *value)
{
    if (value != NULL) {
        add(words, option);
        add(words, value);
    }
}

/* The command of the child, our part of it. */
static void
add_ours(struct words *words, const struct supervisor *supervisor, bool is_successor)
{
    const struct cli_run *run = supervisor->run;
    bool resumes =
        is_successor && supervisor->job_id[0] != '\0' && has_checkpoint(supervisor->own_directory);
    add(words, "weir");
    add(words, "run");
    add_pair(words, "--config", run->config);
    add_pair(words, "-p", run->parallelism);
    add_pair(words, "-cm", run->claim_mode);
    for (size_t i = 0; i < run->assignment_count; i++) {
        add_pair(words, "-D", run->assignments[i]);
    }
    add_pair(words, "-s", resumes ? supervisor->latest : run->job.restore);
    if (supervisor->job_id[0] != '\0' && !resumes) {
        add_pair(words, "--job-id", supervisor->job_id);
    }
    if (run->job.resume) {
        add(words, "--resume");
    }
    if (run->job.fresh && !resumes) {
        add(words, "--fresh");
    }
    if (run->job.allow_non_restored_state) {
        add(words, "-n");
    }
    if (run->job.allow_rewind && !resumes) {
        add(words, "--allow-rewind");
    }
    add(words, "--no-restart");
    if (run->job.take_over || is_successor) {
        add(words, "--take-over");
    }
    if (run->quiet) {
        add(words, "-q");
    }
}

static void
become_child(const struct supervisor *supervisor, bool is_successor)
{
    size_t job_count = 0;
    while (supervisor->job_words[job_count] != NULL) {
        job_count++;
    }
    struct words ours = { .count = 0 };
    add_ours(&ours, supervisor, is_successor);
    char **argv = calloc(ours.count + job_count + 1, sizeof *argv);
    if (argv == NULL) {
        cli_say('e', "no memory to start the job");
        _exit(CLI_FAILED);
    }
    for (size_t i = 0; i < ours.count; i++) {
        argv[i] = (char *)(uintptr_t)ours.at[i];
    }
    memcpy(argv + ours.count, supervisor->job_words, job_count * sizeof *argv);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    cli_notify_pass_on(supervisor->run->notify);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without a parent: final checkpoint, and the end */
    execv("/proc/self/exe", argv);
    cli_say('e', "the job could not be started: %s", strerror(errno));
    _exit(CLI_FAILED);
}

/* Starts a child and waits for its end. False: it could not be started. */
static bool
run_child(const struct supervisor *supervisor, bool is_successor, int *out_status)
{
    pid_t child = fork();
    if (child == 0) {
        become_child(supervisor, is_successor);
    }
    if (child < 0) {
        cli_say('e', "the job could not be started: %s", strerror(errno));
        return false;
    }
    child_process = child;
    if (stop_signal != 0) { /* it came between the fork and now */
        kill(child, stop_signal);
    }
    /* As the first process of a container it also buries what others left behind. */
    for (pid_t ended = 0; ended != child;) {
        ended = waitpid(-1, out_status, 0);
        if (ended < 0 && errno != EINTR) {
            break;
        }
    }
    child_process = 0;
    return true;
}

/* --- deciding --- */

/* What nobody can do anything about by trying again. */
static bool
is_final(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) != CLI_FAILED &&
           WEXITSTATUS(status) != CLI_TIMEOUT; /* a task that did not end, a slow disk */
}

static int
code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
}

static void
say_end(struct cli_notify *notify, int status, const char *then)
{
    char what[128] = "the job failed";
    if (WIFSIGNALED(status)) {
        snprintf(what, sizeof what, "the job's process was ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    cli_say('w', "%s; %s", what, then);
    cli_notify_send(notify, "STATUS=%s; %s", what, then);
}

/* Between two children nobody else says that all is well. Every wait ends: that is progress. */
static void
wait_ms(struct cli_notify *notify, uint64_t delay_ms)
{
    uint64_t end_ms = now_ms() + delay_ms;
    uint64_t slice_ms = notify->watchdog_ms != 0 ? notify->watchdog_ms / 2 + 1 : delay_ms;
    for (uint64_t now = now_ms(); stop_signal == 0 && now < end_ms; now = now_ms()) {
        if (notify->watchdog_ms != 0) {
            cli_notify_send(notify, "WATCHDOG=1");
        }
        uint64_t left_ms = end_ms - now < slice_ms ? end_ms - now : slice_ms;
        struct timespec left = { .tv_sec = (time_t)(left_ms / 1000),
                                 .tv_nsec = (long)(left_ms % 1000) * 1000000 };
        while (stop_signal == 0 && nanosleep(&left, &left) < 0 && errno == EINTR) {
        }
    }
}

/* Waits before the successor is started; false: there is to be none. */
static bool
wait_for_restart(const struct supervisor *supervisor, int status)
{
    uint32_t chance = 0;
    uint64_t delay_ms = 0;
    char then[128];
    if (!draw(&chance, sizeof chance)) {
        return false;
    }
    if (!weir_restart_failed(supervisor->restart, now_ms(), (double)chance / 4294967296.0,
                             &delay_ms)) {
        snprintf(then, sizeof then, "%s allows no more restarts",
                 weir_restart_name(supervisor->restart));
        say_end(supervisor->run->notify, status, then);
        return false;
    }
    snprintf(then, sizeof then, "starting it again in %.1f s (%s)", (double)delay_ms / 1000,
             weir_restart_name(supervisor->restart));
    say_end(supervisor->run->notify, status, then);
    wait_ms(supervisor->run->notify, delay_ms);
    return stop_signal == 0;
}

static int
supervise(const struct supervisor *supervisor)
{
    int status = 0;
    for (bool is_successor = false;; is_successor = true) {
        if (!run_child(supervisor, is_successor, &status)) {
            return CLI_FAILED;
        }
        if (is_final(status) || stop_signal != 0) {
            return code_of(status);
        }
        if (!wait_for_restart(supervisor, status)) {
            return code_of(status);
        }
    }
}

static bool
name_job(struct supervisor *supervisor, const weir_options *options)
{
    const struct cli_run *run = supervisor->run;
    if (is_latest(run->job.restore) || run->job.resume) {
        return true;
    }
    if (run->job.job_id != NULL) {
        snprintf(supervisor->job_id, sizeof supervisor->job_id, "%s", run->job.job_id);
    } else if (!draw_job_id(supervisor->job_id)) {
        return false;
    }
    const char *path = strncmp(supervisor->directory, "file://", 7) == 0 ? supervisor->directory + 7
                                                                         : supervisor->directory;
    bool has_subdirectory = weir_options_bool(options, "execution.checkpointing.create-subdir");
    snprintf(supervisor->own_directory, sizeof supervisor->own_directory, "%s%s%s", path,
             has_subdirectory ? "/" : "", has_subdirectory ? supervisor->job_id : "");
    snprintf(supervisor->latest, sizeof supervisor->latest, "latest:%s", supervisor->own_directory);
    return true;
}

int
cli_supervise(const struct cli_run *run, const weir_options *options, char **job_words)
{
    struct supervisor supervisor = { .run = run,
                                     .job_words = job_words,
                                     .directory = weir_options_text(
                                         options, "execution.checkpointing.dir") };
    if (supervisor.directory == NULL) {
        cli_say('e', "--supervise needs a directory that survives the process: set "
                     "execution.checkpointing.dir by -D or in the config file");
        return CLI_USAGE;
    }
    weir_error error = { 0 };
    if (weir_restart_create(NULL, options, true, &supervisor.restart, &error) != WEIR_OK) {
        return cli_report(&error);
    }
    int code = CLI_FAILED;
    if (name_job(&supervisor, options)) {
        watch_signals();
        /* The child speaks for the job; what is watched is this process. */
        cli_notify_send(run->notify, "MAINPID=%ld", (long)getpid());
        run->notify->had_job = true;
        code = supervise(&supervisor);
    }
    weir_restart_destroy(supervisor.restart);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* detach: starts a job in the background.
 *
 * The pipe's number travels in the environment, past the parent of a supervised job, which holds it
 * open as long as it may start a successor: so the pipe ends without a word only when there will be
 * no job.
 */
#include "detach.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_VARIABLE "WEIR_DETACHED_PIPE"

enum {
    ID_SIZE = 33,
    WAIT_MS = 5,
    LOG_END = 4096, /* bytes of a log that are shown */
    PATH_SIZE = 4096
};

/* The pipe's number; -1: there is none. */
static int
find_pipe(void)
{
    const char *text = getenv(PIPE_VARIABLE);
    struct stat status;
    if (text == NULL || text[0] == '\0' || strspn(text, "0123456789") != strlen(text) ||
        strlen(text) > 6) {
        return -1;
    }
    int pipe_end = (int)strtol(text, NULL, 10);
    return fstat(pipe_end, &status) == 0 && S_ISFIFO(status.st_mode) ? pipe_end : -1;
}

bool
cli_is_detached(void)
{
    return find_pipe() >= 0;
}

/* --- the log --- */

/* Makes every directory of the path that is not there, for this user alone. */
static bool
make_directories(char *path)
{
    for (char *at = path + 1;; at++) {
        bool is_end = *at == '\0';
        if (*at != '/' && !is_end) {
            continue;
        }
        *at = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        if (!is_end) {
            *at = '/';
        }
        if (!made || is_end) {
            return made;
        }
    }
}

/* $XDG_STATE_HOME/weir, else ~/.local/state/weir. */
static bool
find_directory(char out[PATH_SIZE])
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        snprintf(out, PATH_SIZE, "%s/weir", state);
    } else if (home != NULL && home[0] == '/') {
        snprintf(out, PATH_SIZE, "%s/.local/state/weir", home);
    } else {
        cli_say('e', "nowhere to write the job's log: set XDG_STATE_HOME or HOME");
        return false;
    }
    if (!make_directories(out)) {
        cli_say('e', "the directory of the job's log, %s, cannot be made: %s", out,
                strerror(errno));
        return false;
    }
    return true;
}

/* DIRECTORY/wordcount-20260314-093000-4711.log; -1: it cannot be made, which was said. */
static int
make_log(const char *job_path, char out_path[PATH_SIZE + NAME_MAX])
{
    char directory[PATH_SIZE];
    char date[32] = "";
    struct tm local;
    time_t now = time(NULL);
    if (!find_directory(directory)) {
        return -1;
    }
    if (localtime_r(&now, &local) != NULL) {
        strftime(date, sizeof date, "%Y%m%d-%H%M%S", &local);
    }
    const char *slash = strrchr(job_path, '/');
    const char *name = slash != NULL ? slash + 1 : job_path;
    int size = (int)strcspn(name, ".");
    snprintf(out_path, PATH_SIZE + NAME_MAX, "%s/%.*s-%s-%ld.log", directory,
             size < 100 ? size : 100, name, date, (long)getpid());
    int log = open(out_path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log < 0) {
        cli_say('e', "the job's log %s cannot be made: %s", out_path, strerror(errno));
    }
    return log;
}

static void
show_log_end(const char *path)
{
    char text[LOG_END + 1];
    struct stat status;
    int log = open(path, O_RDONLY | O_CLOEXEC);
    if (log < 0 || fstat(log, &status) != 0) {
        return;
    }
    off_t from = status.st_size > LOG_END ? status.st_size - LOG_END : 0;
    ssize_t size = pread(log, text, LOG_END, from);
    close(log);
    if (size > 0) {
        fwrite(text, 1, (size_t)size, stderr);
    }
}

/* --- the process that goes on --- */

static void
become_job(char **argv, int log, int pipe_end)
{
    char number[16];
    int nothing = open("/dev/null", O_RDONLY);
    snprintf(number, sizeof number, "%d", pipe_end);
    if (setsid() < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
        fcntl(pipe_end, F_SETFD, 0) != 0 || setenv(PIPE_VARIABLE, number, 1) != 0) {
        cli_say('e', "the job could not be put into the background: %s", strerror(errno));
        _exit(CLI_FAILED);
    }
    execv("/proc/self/exe", argv);
    cli_say('e', "the job could not be started: %s", strerror(errno));
    _exit(CLI_FAILED);
}

/* "weir run ..." as it was given. NULL: no memory. */
static char **
words_of(char **argv)
{
    static char program[] = "weir";
    size_t count = 0;
    while (argv[count] != NULL) {
        count++;
    }
    char **words = calloc(count + 2, sizeof *words);
    if (words != NULL) {
        words[0] = program;
        memcpy(words + 1, argv, count * sizeof *words);
    }
    return words;
}

/* True: the job runs, and this is its id. */
static bool
read_id(int pipe_end, char out[ID_SIZE])
{
    size_t size = 0;
    while (size < ID_SIZE - 1) {
        ssize_t got = read(pipe_end, out + size, ID_SIZE - 1 - size);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    out[ID_SIZE - 1] = '\0';
    return true;
}

static int
wait_for_end(pid_t child, const char *log_path)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    show_log_end(log_path);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
    if (code != CLI_OK) {
        cli_say('e', "the job did not come to run; its log: %s", log_path);
    }
    return code;
}

static void
show(const char *id, pid_t process, const char *log_path, bool is_json)
{
    if (is_json) {
        printf("{\"job-id\": \"%s\", \"process\": %ld, \"log\": ", id, (long)process);
        cli_print_json_text(stdout, log_path);
        puts("}");
        return;
    }
    printf("Job has been submitted with JobID %s\n", id);
    cli_say('i', "process %ld, log %s", (long)process, log_path);
}

static int
start(char **words, int log, const char *log_path, bool is_json)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_say('e', "the job could not be started: %s", strerror(errno));
        return CLI_FAILED;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        become_job(words, log, ends[1]);
    }
    close(ends[1]);
    if (child < 0) {
        cli_say('e', "the job could not be started: %s", strerror(errno));
        close(ends[0]);
        return CLI_FAILED;
    }
    char id[ID_SIZE];
    bool runs = read_id(ends[0], id);
    close(ends[0]);
    if (!runs) {
        return wait_for_end(child, log_path);
    }
    show(id, child, log_path, is_json);
    return CLI_OK;
}

int
cli_detach(char **argv, const char *job_path, bool is_json)
{
    char log_path[PATH_SIZE + NAME_MAX];
    int log = make_log(job_path, log_path);
    if (log < 0) {
        return CLI_FAILED;
    }
    char **words = words_of(argv);
    if (words == NULL) {
        cli_say('e', "no memory to start the job");
        close(log);
        return CLI_FAILED;
    }
    int code = start(words, log, log_path, is_json);
    free(words);
    close(log);
    return code;
}

/* --- telling --- */

void
cli_detach_tell(weir_job *job)
{
    int pipe_end = find_pipe();
    unsetenv(PIPE_VARIABLE);
    if (pipe_end < 0) {
        return;
    }
    fcntl(pipe_end, F_SETFD, FD_CLOEXEC); /* the job may start processes of its own */
    weir_job_report report = { .size = sizeof report };
    bool has_ended = false;
    do {
        has_ended = weir_job_wait(job, WAIT_MS);
        weir_job_look(job, &report);
    } while (!has_ended && report.state == WEIR_JOB_INITIALIZING);
    if (report.state != WEIR_JOB_FAILED && report.state != WEIR_JOB_CANCELED) {
        /* Nobody reads any more: the job runs on all the same. */
        ssize_t ignored = write(pipe_end, report.job_id, ID_SIZE - 1);
        (void)ignored;
    }
    close(pipe_end);
}

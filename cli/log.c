/* SPDX-License-Identifier: Apache-2.0 */
/* log: records to stderr, each written whole. The format is the process's, as stderr is.
 *
 * Whoever reads stderr may stop reading. A job does not stop for that: what it has to say waits a
 * moment for room, once, and is dropped and counted until there is some; the count is said then.
 * The command line's own words wait, but not with stderr's lock in hand.
 */
#include "log.h"

#include "cli.h"
#include "log_line.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 100
};

static enum cli_log_format chosen = CLI_LOG_TEXT; /* set before there are threads */
static bool is_quiet_chosen;
static _Atomic(weir_job *) attached;
static unsigned long long lost; /* guarded by stderr's lock: dropped and not said so */

/* systemd says which stream leads to its journal: "DEVICE:INODE". */
static bool
goes_to_journal(void)
{
    const char *said = getenv("JOURNAL_STREAM");
    struct stat at;
    char ours[64];
    if (said == NULL || fstat(STDERR_FILENO, &at) != 0) {
        return false;
    }
    snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)at.st_dev,
             (unsigned long long)at.st_ino);
    return strcmp(said, ours) == 0;
}

void
cli_log_begin(const weir_options *options, bool is_quiet)
{
    const char *format = weir_options_text(options, "weir.log.format");
    is_quiet_chosen = is_quiet;
    if (strcmp(format, "json") == 0) {
        chosen = CLI_LOG_JSON;
    } else if (strcmp(format, "logfmt") == 0) {
        chosen = CLI_LOG_LOGFMT;
    } else if (strcmp(format, "auto") == 0 && goes_to_journal()) {
        chosen = CLI_LOG_JOURNAL;
    }
}

bool
cli_log_is_for_people(void)
{
    return chosen == CLI_LOG_TEXT;
}

void
cli_log_attach(weir_job *job)
{
    atomic_store(&attached, job);
}

/* For a line, within that time; -1: it is waited for. An error is write's to meet. */
static bool
has_room(int patience_ms)
{
    struct pollfd at = { .fd = STDERR_FILENO, .events = POLLOUT };
    return poll(&at, 1, patience_ms) != 0;
}

bool
cli_log_has_room(void)
{
    return has_room(0);
}

/* What stderr does not take is lost: there is nobody left to tell. */
static void
write_whole(const char *line, size_t size)
{
    while (size != 0) {
        ssize_t written = write(STDERR_FILENO, line, size);
        if (written < 0 && errno == EAGAIN) {
            (void)has_room(-1); /* somebody made it non-blocking: a line that was begun is ended */
        } else if (written < 0 && errno != EINTR) {
            return;
        }
        line += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
}

static void
write_record(const weir_log_record *record, bool keeps_lines)
{
    char line[CLI_LOG_LINE_MAX];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct cli_log_style style = { .format = chosen,
                                   .has_color = cli_has_color(stderr),
                                   .keeps_lines = keeps_lines };
    write_whole(line, cli_log_line(line, &style, record, &now));
}

static void
say_what_was_lost(void)
{
    char text[128];
    snprintf(text, sizeof text, "%llu records were dropped: nobody read this log", lost);
    weir_log_record record = { .size = sizeof record,
                               .level = WEIR_LOG_WARN,
                               .module = "cli",
                               .message = text,
                               .subtask = -1 };
    lost = 0;
    write_record(&record, false);
}

static void
say(const weir_log_record *record, bool is_own)
{
    flockfile(stderr); /* a long line takes several writes */
    while (is_own && !has_room(0)) {
        funlockfile(stderr);
        (void)has_room(-1);
        flockfile(stderr);
    }
    if (!is_own && !has_room(lost == 0 ? PATIENCE_MS : 0)) {
        lost++;
    } else {
        cli_status_line_make_room();
        if (lost != 0) {
            say_what_was_lost();
        }
        write_record(record, is_own);
    }
    funlockfile(stderr);
}

void
cli_log_record(void *log_argument, const weir_log_record *record)
{
    (void)log_argument;
    if (!is_quiet_chosen || record->level <= WEIR_LOG_WARN) {
        say(record, false);
    }
}

void
cli_log_say(char level, const char *text)
{
    weir_job *job = atomic_load(&attached);
    weir_log_record record = { .size = sizeof record,
                               .level = level == 'e'   ? WEIR_LOG_ERROR
                                        : level == 'w' ? WEIR_LOG_WARN
                                                       : WEIR_LOG_INFO,
                               .module = "cli",
                               .message = text,
                               .subtask = -1 };
    if (job == NULL || record.level == WEIR_LOG_ERROR ||
        record.level <= weir_job_log_level(job, "cli")) {
        say(&record, true);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* top: a live screen of one job; where stdout is no terminal, or JSON is wanted, one look.
 *
 * Rates come from two looks, an interval apart. The terminal is given back as it was on every way
 * out: a key, a signal, a server that is gone.
 */
#include "cli.h"
#include "show.h"
#include "top_data.h"
#include "top_view.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
    INTERVAL_MS = 1000,
    COLUMNS = 80
};

struct top {
    struct cli_reach reach;
    const char *wish;
    struct cli_connection *connection;
    const struct cli_job *job;
    struct cli_top_data looks[2];
    unsigned newest;
    bool has_before;
    bool is_paused;
    char words[CLI_WORDS_SIZE];
};

static const struct cli_option options[] = { CLI_REACH_OPTIONS, { 0 } };

static volatile sig_atomic_t ended_by;

static void
on_signal(int number)
{
    ended_by = number;
}

/* --- looking --- */

static int
look(struct top *top, bool is_first)
{
    unsigned next = is_first ? 0 : 1 - top->newest;
    int code = cli_top_read(top->connection, top->job->id, &top->looks[next], top->words);
    if (code == CLI_OK) {
        top->has_before = !is_first;
        top->newest = next;
    }
    return code;
}

static const struct cli_top_data *
before(const struct top *top)
{
    return top->has_before ? &top->looks[1 - top->newest] : NULL;
}

/* --- once --- */

static int
show_once(struct top *top)
{
    int code = look(top, true);
    if (code == CLI_OK) {
        cli_sleep_ms(INTERVAL_MS);
        code = look(top, false);
    }
    if (code != CLI_OK) {
        cli_say('e', "%s", top->words);
        return code;
    }
    const struct cli_top_data *now = &top->looks[top->newest];
    if (top->reach.is_json) {
        return cli_print_json(cli_top_json(before(top), now));
    }
    const char *columns = getenv("COLUMNS");
    struct cli_top_view view = { .columns =
                                     columns != NULL ? (unsigned)strtoul(columns, NULL, 10) : 0 };
    view.columns = view.columns >= COLUMNS && view.columns < 1000 ? view.columns : 200;
    cli_top_draw(stdout, &view, before(top), now);
    return CLI_OK;
}

/* --- live --- */

static void
draw(const struct top *top, const char *note)
{
    struct winsize size = { 0 };
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        size.ws_col = COLUMNS;
        size.ws_row = 24;
    }
    struct cli_top_view view = { .columns = size.ws_col,
                                 .rows = size.ws_row,
                                 .has_color = cli_has_color(stdout),
                                 .is_live = true,
                                 .is_paused = top->is_paused,
                                 .note = note };
    fputs("\033[H", stdout);
    cli_top_draw(stdout, &view, before(top), &top->looks[top->newest]);
    fflush(stdout);
}

/* Waits for a key until the time comes. False: it is over. */
static bool
wait_for_key(struct top *top, uint64_t until_ms)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    uint64_t now_ms = cli_now_ms();
    if (ended_by != 0 || poll(&input, 1, now_ms < until_ms ? (int)(until_ms - now_ms) : 0) <= 0) {
        return ended_by == 0;
    }
    char key = 'q'; /* nothing to read any more */
    if (read(STDIN_FILENO, &key, 1) < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    if (key == 'p' || key == 'P') {
        top->is_paused = !top->is_paused;
        draw(top, NULL);
    }
    return key != 'q' && key != 'Q' && key != 3;
}

/* Until a key, a signal or the job's end; its last look stays on the screen below. */
static int
live(struct top *top)
{
    int code = look(top, true);
    uint64_t next_ms = cli_now_ms();
    while (code == CLI_OK && ended_by == 0) {
        draw(top, NULL);
        next_ms += INTERVAL_MS;
        bool goes_on = true;
        while (goes_on && (cli_now_ms() < next_ms || top->is_paused)) {
            goes_on = wait_for_key(top, top->is_paused ? cli_now_ms() + INTERVAL_MS : next_ms);
            next_ms = top->is_paused ? cli_now_ms() : next_ms;
        }
        if (!goes_on) {
            return CLI_OK;
        }
        code = look(top, false);
    }
    return code;
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
    sigaction(SIGHUP, &action, NULL);
}

static int
show_live(struct top *top)
{
    struct termios was;
    if (tcgetattr(STDIN_FILENO, &was) != 0) {
        cli_say('e', "the terminal cannot be used: %s", strerror(errno));
        return CLI_FAILED;
    }
    struct termios raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    watch_signals();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    fputs("\033[?1049h\033[?25l\033[2J", stdout);
    int code = live(top);
    bool has_been_seen = top->looks[top->newest].state[0] != '\0';
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
    if (code == CLI_NOT_FOUND && has_been_seen) {
        cli_say('i', "the job %s is gone: %s", top->job->id, top->words);
        return CLI_OK;
    }
    if (code != CLI_OK) {
        cli_say('e', "%s", top->words);
    }
    return code;
}

static int
find_and_show(struct top *top)
{
    struct cli_jobs jobs;
    const char *terminal = getenv("TERM");
    int code = cli_job_find(&top->reach, top->wish, &jobs, &top->job, &top->connection);
    if (code != CLI_OK) {
        return code;
    }
    bool is_live = !top->reach.is_json && isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0 &&
                   terminal != NULL && strcmp(terminal, "dumb") != 0;
    code = is_live ? show_live(top) : show_once(top);
    cli_jobs_free(&jobs);
    return code;
}

static int
run(int argc, char **argv)
{
    static struct top top;
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_top, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        int code = id == CLI_PARSE_LEAVE ? parse.code : cli_reach_take(&top.reach, &parse, id);
        if (id == CLI_PARSE_LEAVE || code != CLI_OK) {
            return code;
        }
    }
    top.wish = parse.word_count > 0 ? parse.words[0] : NULL;
    return find_and_show(&top);
}

static const char *const examples[] = {
    "weir top",
    "weir top -o json wordcount",
    NULL,
};

const struct cli_verb cli_verb_top = {
    .name = "top",
    .summary = "watch a running job",
    .run = run,
    .usage = "[options] [JOB]",
    .examples = examples,
    .about = "JOB is a job's id, the beginning of one, or a name; without it the one running job "
             "is meant. On a terminal a screen that is drawn each second: q quits, p pauses. "
             "Elsewhere one look, with the rates of one second. BUSY and BACK are the share of "
             "time in which a vertex worked, and in which it waited for those behind it.",
    .options = options,
    .foreign = cli_reach_foreign,
    .most_words = 1,
    .words_complete = CLI_COMPLETES_JOB,
};

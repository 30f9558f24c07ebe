/* SPDX-License-Identifier: Apache-2.0 */
/* show: progress and JSON. */
#include "show.h"

#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_EVERY_MS = 10000
};

uint64_t
cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
cli_sleep_ms(unsigned ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

int
cli_print_json(json_t *value)
{
    int failed = value == NULL ? -1 : json_dumpf(value, stdout, JSON_PRESERVE_ORDER);
    json_decref(value);
    if (failed != 0) {
        cli_say('e', "the outcome could not be shown as JSON");
        return CLI_FAILED;
    }
    putchar('\n');
    return CLI_OK;
}

void
cli_progress_begin(struct cli_progress *progress)
{
    const char *terminal = getenv("TERM");
    memset(progress, 0, sizeof *progress);
    progress->is_terminal =
        isatty(STDERR_FILENO) != 0 && (terminal == NULL || strcmp(terminal, "dumb") != 0);
    progress->begun_ms = cli_now_ms();
    progress->next_ms = progress->begun_ms + LINE_EVERY_MS;
}

void
cli_progress_show(struct cli_progress *progress, const char *text)
{
    uint64_t now_ms = cli_now_ms();
    unsigned long long seconds = (now_ms - progress->begun_ms) / 1000;
    if (progress->is_terminal) {
        fflush(stdout);
        fprintf(stderr, "\r\033[K%s, %llu s", text, seconds);
        fflush(stderr);
        progress->is_shown = true;
    } else if (now_ms >= progress->next_ms) {
        cli_say('i', "%s, %llu s", text, seconds);
        progress->next_ms = now_ms + LINE_EVERY_MS;
    }
}

void
cli_progress_clear(struct cli_progress *progress)
{
    if (progress->is_shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->is_shown = false;
    }
}

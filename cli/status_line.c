/* SPDX-License-Identifier: Apache-2.0 */
/* status_line: one live line of a running job, on a terminal only.
 *
 *   weir  RUNNING  in 152,310/s  out 152,310/s  state 41.3 MiB  chk-7 3.1 MiB in 18 ms, 2 s ago
 */
#include "cli.h"
#include "log.h"
#include "weir/inspect.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* It ends without a newline: whoever says something else takes it away first. */
static atomic_bool is_on_screen;

static uint64_t
now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void
cli_print_bytes(char *out, size_t room, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024.0;
        unit++;
    }
    snprintf(out, room, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* 152310 -> "152,310" */
void
cli_print_count(char *out, size_t room, uint64_t count)
{
    char plain[32];
    size_t size = (size_t)snprintf(plain, sizeof plain, "%llu", (unsigned long long)count);
    size_t at = 0;
    for (size_t i = 0; i < size && at + 2 < room; i++) {
        if (i != 0 && (size - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = plain[i];
    }
    out[at] = '\0';
}

void
cli_status_line_make_room(void)
{
    if (atomic_exchange(&is_on_screen, false)) {
        fputs("\r\033[K", stderr);
    }
}

void
cli_status_line_begin(struct cli_status_line *line, weir_job *job, bool is_quiet)
{
    const weir_options *options = weir_job_options(job);
    const char *terminal = getenv("TERM");
    memset(line, 0, sizeof *line);
    line->enabled = isatty(STDERR_FILENO) != 0 && !is_quiet && cli_log_is_for_people() &&
                    (terminal == NULL || strcmp(terminal, "dumb") != 0);
    line->before_ns = now_ns(CLOCK_MONOTONIC);
    if (line->enabled && !weir_options_is_set(options, "weir.log.level") &&
        !weir_options_is_set(options, "weir.log.levels")) {
        (void)weir_job_set_log_level(job, "checkpoint", WEIR_LOG_WARN);
    }
}

static void
print_checkpoint(const weir_job_report *report, char *out, size_t room)
{
    if (report->checkpoints_completed == 0) {
        snprintf(out, room, "no checkpoint yet");
        return;
    }
    char size[32];
    cli_print_bytes(size, sizeof size, report->last_checkpoint_bytes);
    int64_t now_ms = (int64_t)(now_ns(CLOCK_REALTIME) / 1000000U);
    long long ago = (long long)((now_ms - report->last_checkpoint_ms) / 1000);
    snprintf(out, room, "chk-%llu %s in %llu ms, %lld s ago",
             (unsigned long long)report->last_checkpoint_id, size,
             (unsigned long long)report->last_checkpoint_duration_ms, ago);
}

void
cli_status_line_update(struct cli_status_line *line, weir_job *job)
{
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (!line->enabled || now - line->before_ns < 500000000U || !cli_log_has_room()) {
        return;
    }
    weir_job_report report = { .size = sizeof report };
    weir_job_look(job, &report);
    double seconds = (double)(now - line->before_ns) / 1e9;
    char in[32];
    char out[32];
    char state[32];
    char checkpoint[128];
    cli_print_count(in, sizeof in,
                    (uint64_t)((double)(report.records_in - line->before.records_in) / seconds));
    cli_print_count(out, sizeof out,
                    (uint64_t)((double)(report.records_out - line->before.records_out) / seconds));
    cli_print_bytes(state, sizeof state, report.state_bytes);
    print_checkpoint(&report, checkpoint, sizeof checkpoint);
    fprintf(stderr, "\r\033[Kweir  %s  in %s/s  out %s/s  state %s  %s",
            weir_job_state_name(report.state), in, out, state, checkpoint);
    fflush(stderr);
    atomic_store(&is_on_screen, true);
    line->shown = true;
    line->before = report;
    line->before_ns = now;
}

void
cli_status_line_clear(struct cli_status_line *line)
{
    if (line->shown) {
        cli_status_line_make_room();
        fflush(stderr);
        line->shown = false;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* top_view: one screen of one job.
 *
 *   weir top  wordcount  RUNNING for 1:02:03           1f2b5df5a66154aca61fcb26193792be
 *   in 152,310/s  out 40/s  checkpoints 7 completed, 0 failed; chk-7 3.1 MiB in 18 ms, 2 s ago
 *
 *   VERTEX                       PARALLEL  STATE      IN/s     OUT/s   BUSY  BACKPRESSURED
 *   Source: lines -> split              2  RUNNING       -   152,310    41%             0%
 *
 *   STATE                        OPERATOR             KIND   ENTRIES      SIZE
 *   MEMORY                       USED        PEAK     BUDGET
 *
 * A line is made whole, then cut at the last column: a character counts as one, whatever its bytes.
 */
#include "top_view.h"

#include "cli.h"

#include <stdarg.h>
#include <string.h>

enum {
    LINE_SIZE = 1024,
    NAME_COLUMNS = 34
};

struct screen {
    FILE *out;
    const struct cli_top_view *view;
    unsigned row;
};

/* How many bytes the first `columns` characters have. */
static size_t
size_of_columns(const char *text, unsigned columns)
{
    size_t at = 0;
    for (unsigned column = 0; text[at] != '\0' && column < columns; column++) {
        at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80) {
            at++;
        }
    }
    return at;
}

static unsigned
columns_of(const char *text)
{
    unsigned columns = 0;
    for (; *text != '\0'; text++) {
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return columns;
}

/* A text in exactly so many columns; too long, it ends in "~". */
static void
fit(char *out, size_t room, const char *text, unsigned columns)
{
    unsigned has = columns_of(text);
    size_t size = size_of_columns(text, has > columns ? columns - 1 : columns);
    unsigned blanks = has < columns ? columns - has : 0;
    snprintf(out, room, "%.*s%s%*s", (int)size, text, has > columns ? "~" : "", (int)blanks, "");
}

static bool
has_room(const struct screen *screen)
{
    return screen->view->rows == 0 || screen->row + 1 < screen->view->rows;
}

static void put_line(struct screen *screen, bool is_head, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void
put_line(struct screen *screen, bool is_head, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    if (!has_room(screen)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    line[size_of_columns(line, screen->view->columns)] = '\0';
    bool is_marked = is_head && screen->view->has_color;
    fprintf(screen->out, "%s%s%s%s%s\n", is_marked ? "\033[1m" : "", line,
            is_marked ? "\033[0m" : "", screen->view->is_live ? "\033[K" : "",
            screen->view->is_live ? "\r" : "");
    screen->row++;
}

/* --- numbers --- */

/* 152310.4 -> "152,310"; below nothing: "-". */
static void
print_rate(char *out, size_t room, double rate)
{
    if (rate < 0 || rate > 1e18) {
        snprintf(out, room, "-");
    } else {
        cli_print_count(out, room, (uint64_t)(rate + 0.5));
    }
}

static void
print_share(char *out, size_t room, double share)
{
    if (share < 0) {
        snprintf(out, room, "-");
    } else {
        snprintf(out, room, "%.0f%%", share * 100);
    }
}

static void
print_bytes(char *out, size_t room, int64_t bytes)
{
    cli_print_bytes(out, room, bytes > 0 ? (uint64_t)bytes : 0);
}

static void
print_duration(char *out, size_t room, int64_t ms)
{
    long long seconds = ms > 0 ? ms / 1000 : 0;
    snprintf(out, room, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/* --- parts --- */

static void
put_head(struct screen *screen, const struct cli_top_data *before, const struct cli_top_data *now)
{
    char duration[32];
    char in[32];
    char out[32];
    struct cli_top_rates rates = cli_top_job_rates(before, now);
    print_duration(duration, sizeof duration, now->duration_ms);
    print_rate(in, sizeof in, rates.in);
    print_rate(out, sizeof out, rates.out);
    put_line(screen, true, "weir top  %s  %s for %s  %s%s", now->name, now->state, duration,
             now->id, screen->view->is_paused ? "  PAUSED" : "");
    put_line(screen, false, "records  in %s/s  out %s/s", in, out);
}

static void
put_checkpoints(struct screen *screen, const struct cli_top_data *now)
{
    const struct cli_top_checkpoints *all = &now->checkpoints;
    char last[160] = "";
    char current[160] = "";
    char size[32];
    if (all->has_last) {
        print_bytes(size, sizeof size, all->last_bytes);
        snprintf(last, sizeof last, "; chk-%lld %s in %lld ms, %lld s ago", (long long)all->last_id,
                 size, (long long)all->last_duration_ms,
                 (long long)((now->now_ms - all->last_ack_ms) / 1000));
    }
    if (all->is_under_way) {
        snprintf(current, sizeof current, "; %s %lld: %lld of %lld subtasks",
                 all->is_savepoint ? "savepoint" : "checkpoint", (long long)all->id,
                 (long long)all->acknowledged, (long long)all->subtasks);
    }
    put_line(screen, false, "checkpoints  %lld completed, %lld failed%s%s",
             (long long)all->completed, (long long)all->failed, last, current);
    if (all->failure[0] != '\0') {
        put_line(screen, false, "last failure  %s", all->failure);
    }
}

static void
put_vertices(struct screen *screen, const struct cli_top_data *before,
             const struct cli_top_data *now)
{
    put_line(screen, false, "%s", "");
    put_line(screen, true, "%-*s %4s  %-12s %12s %12s %5s %5s", NAME_COLUMNS, "VERTEX", "PAR",
             "STATE", "IN/s", "OUT/s", "BUSY", "BACK");
    for (size_t i = 0; i < now->vertex_count; i++) {
        const struct cli_top_vertex *vertex = &now->vertices[i];
        struct cli_top_rates rates = cli_top_rates(before, now, i);
        char name[4 * NAME_COLUMNS + 8];
        char numbers[4][32];
        fit(name, sizeof name, vertex->name, NAME_COLUMNS);
        print_rate(numbers[0], sizeof numbers[0], rates.in);
        print_rate(numbers[1], sizeof numbers[1], rates.out);
        print_share(numbers[2], sizeof numbers[2], rates.busy);
        print_share(numbers[3], sizeof numbers[3], rates.backpressured);
        put_line(screen, false, "%s %4lld  %-12s %12s %12s %5s %5s", name,
                 (long long)vertex->parallelism, vertex->state, numbers[0], numbers[1], numbers[2],
                 numbers[3]);
    }
}

static void
put_states(struct screen *screen, const struct cli_top_data *now)
{
    if (now->state_count == 0) {
        return;
    }
    put_line(screen, false, "%s", "");
    put_line(screen, true, "%-*s %-22s %-10s %14s %12s", NAME_COLUMNS - 12, "STATE", "OPERATOR",
             "KIND", "ENTRIES", "SIZE");
    for (size_t i = 0; i < now->state_count; i++) {
        const struct cli_top_state *state = &now->states[i];
        char name[4 * NAME_COLUMNS];
        char operator_name[4 * NAME_COLUMNS];
        char size[32];
        char count[32];
        char entries[40];
        fit(name, sizeof name, state->name, NAME_COLUMNS - 12);
        fit(operator_name, sizeof operator_name, state->operator_name, 22);
        print_bytes(size, sizeof size, state->bytes);
        cli_print_count(count, sizeof count, state->entries > 0 ? (uint64_t)state->entries : 0);
        snprintf(entries, sizeof entries, "%s%s", state->is_exact ? "" : "~", count);
        put_line(screen, false, "%s %s %-10s %14s %12s", name, operator_name, state->kind, entries,
                 size);
    }
}

static void
put_memory(struct screen *screen, const struct cli_top_data *now)
{
    if (now->pool_count == 0) {
        return;
    }
    put_line(screen, false, "%s", "");
    put_line(screen, true, "%-22s %12s %12s %12s", "MEMORY", "USED", "PEAK", "BUDGET");
    for (size_t i = 0; i < now->pool_count; i++) {
        const struct cli_top_pool *pool = &now->pools[i];
        char sizes[3][32];
        print_bytes(sizes[0], sizeof sizes[0], pool->used_bytes);
        print_bytes(sizes[1], sizeof sizes[1], pool->peak_bytes);
        print_bytes(sizes[2], sizeof sizes[2], pool->budget_bytes);
        put_line(screen, false, "%-22s %12s %12s %12s", pool->name, sizes[0], sizes[1],
                 pool->budget_bytes > 0 ? sizes[2] : "-");
    }
}

void
cli_top_draw(FILE *out, const struct cli_top_view *view, const struct cli_top_data *before,
             const struct cli_top_data *now)
{
    struct screen screen = { .out = out, .view = view };
    put_head(&screen, before, now);
    put_checkpoints(&screen, now);
    put_vertices(&screen, before, now);
    put_states(&screen, now);
    put_memory(&screen, now);
    if (view->note != NULL) {
        put_line(&screen, false, "%s", "");
        put_line(&screen, true, "%s", view->note);
    }
    if (view->is_live) {
        fprintf(out, "\033[J\033[7mq quits, p pauses\033[0m");
    }
}

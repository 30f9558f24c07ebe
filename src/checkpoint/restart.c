/* SPDX-License-Identifier: Apache-2.0 */
/* restart: Flink's restart strategies FR1-FR4, as decisions without clock or chance of their own.
 *
 *   none               never
 *   fixed-delay        `attempts` times, each after `delay`
 *   failure-rate       while fewer than `failures` fall into `interval`
 *   exponential-delay  after a time that grows by `multiplier` from `initial` to `most`; without a
 *                      failure for `reset` after a restart it begins anew
 */
#include "weir/restart.h"

#include "base/fail.h"
#include "base/memory.h"

#include <string.h>

enum kind {
    NONE,
    FIXED_DELAY,
    FAILURE_RATE,
    EXPONENTIAL_DELAY
};

enum {
    FAILURES_MOST = 4096 /* in an interval: each is remembered */
};

struct weir_restart {
    weir_alloc alloc;
    enum kind kind;
    uint64_t attempts; /* FIXED_DELAY, EXPONENTIAL_DELAY; UINT64_MAX: for ever */
    uint64_t delay_ms;
    uint64_t failed; /* so far; EXPONENTIAL_DELAY: since it began anew */
    /* FAILURE_RATE */
    uint64_t interval_ms;
    uint64_t failures; /* allowed in an interval */
    uint64_t *times;   /* of the last `failures` failures: a ring */
    /* EXPONENTIAL_DELAY */
    uint64_t initial_ms;
    uint64_t most_ms;
    uint64_t reset_ms;
    double multiplier;
    double jitter;
    double backoff_ms;
    uint64_t restarted_ms; /* when the last restart was due */
};

static const struct {
    const char *name;
    enum kind kind;
} names[] = {
    { "none", NONE },
    { "off", NONE },
    { "disable", NONE },
    { "fixed-delay", FIXED_DELAY },
    { "failure-rate", FAILURE_RATE },
    { "exponential-delay", EXPONENTIAL_DELAY },
};

static weir_status
read_failure_rate(weir_restart *restart, const weir_options *options, weir_error *err)
{
    restart->failures = (uint64_t)weir_options_int(
        options, "restart-strategy.failure-rate.max-failures-per-interval");
    restart->interval_ms =
        weir_options_duration_ms(options, "restart-strategy.failure-rate.failure-rate-interval");
    restart->delay_ms = weir_options_duration_ms(options, "restart-strategy.failure-rate.delay");
    if (restart->failures > FAILURES_MOST) {
        return wr_fail(err, WEIR_INVALID,
                       "restart-strategy.failure-rate.max-failures-per-interval is at most %d",
                       FAILURES_MOST);
    }
    restart->times =
        wr_memory_new(&restart->alloc, (size_t)restart->failures * sizeof *restart->times);
    if (restart->times == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a restart strategy");
    }
    return WEIR_OK;
}

static weir_status
read_exponential(weir_restart *restart, const weir_options *options, weir_error *err)
{
    restart->initial_ms =
        weir_options_duration_ms(options, "restart-strategy.exponential-delay.initial-backoff");
    restart->most_ms =
        weir_options_duration_ms(options, "restart-strategy.exponential-delay.max-backoff");
    restart->reset_ms = weir_options_duration_ms(
        options, "restart-strategy.exponential-delay.reset-backoff-threshold");
    restart->multiplier =
        weir_options_float(options, "restart-strategy.exponential-delay.backoff-multiplier");
    restart->jitter =
        weir_options_float(options, "restart-strategy.exponential-delay.jitter-factor");
    const char *attempts = "restart-strategy.exponential-delay.attempts-before-reset-backoff";
    restart->attempts = weir_options_is_set(options, attempts)
                            ? (uint64_t)weir_options_int(options, attempts)
                            : UINT64_MAX;
    restart->backoff_ms = (double)restart->initial_ms;
    if (restart->initial_ms > restart->most_ms) {
        return wr_fail(err, WEIR_INVALID,
                       "restart-strategy.exponential-delay.initial-backoff (%llu ms) is above "
                       "max-backoff (%llu ms)",
                       (unsigned long long)restart->initial_ms,
                       (unsigned long long)restart->most_ms);
    }
    return WEIR_OK;
}

static weir_status
read_settings(weir_restart *restart, const weir_options *options, weir_error *err)
{
    switch (restart->kind) {
    case NONE:
        return WEIR_OK;
    case FIXED_DELAY:
        restart->attempts =
            (uint64_t)weir_options_int(options, "restart-strategy.fixed-delay.attempts");
        restart->delay_ms = weir_options_duration_ms(options, "restart-strategy.fixed-delay.delay");
        return WEIR_OK;
    case FAILURE_RATE:
        return read_failure_rate(restart, options, err);
    case EXPONENTIAL_DELAY:
        return read_exponential(restart, options, err);
    default:
        return WEIR_INVALID;
    }
}

weir_status
weir_restart_create(const weir_alloc *alloc, const weir_options *options, bool checkpointing,
                    weir_restart **out_restart, weir_error *err)
{
    weir_alloc memory = alloc != NULL ? *alloc : wr_memory_system();
    weir_restart *restart = wr_memory_new(&memory, sizeof *restart);
    if (restart == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a restart strategy");
    }
    *restart = (weir_restart){ .alloc = memory, .kind = checkpointing ? EXPONENTIAL_DELAY : NONE };
    const char *name = weir_options_text(options, "restart-strategy.type");
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            restart->kind = names[i].kind;
        }
    }
    weir_status status = read_settings(restart, options, err);
    if (status != WEIR_OK) {
        weir_restart_destroy(restart);
        return status;
    }
    *out_restart = restart;
    return WEIR_OK;
}

void
weir_restart_destroy(weir_restart *restart)
{
    if (restart == NULL) {
        return;
    }
    weir_alloc memory = restart->alloc;
    if (restart->times != NULL) {
        wr_memory_free(&memory, restart->times, (size_t)restart->failures * sizeof *restart->times);
    }
    wr_memory_free(&memory, restart, sizeof *restart);
}

/* As Flink has it: the last `failures` failures, this one among them, must span more than the
 * interval; so with 1 (its default) nothing is ever started again. */
static bool
is_rate_kept(weir_restart *restart, uint64_t now_ms)
{
    restart->times[restart->failed % restart->failures] = now_ms;
    restart->failed++;
    if (restart->failed < restart->failures) {
        return true;
    }
    uint64_t oldest_ms = restart->times[restart->failed % restart->failures];
    return now_ms - oldest_ms > restart->interval_ms;
}

static bool
next_backoff(weir_restart *restart, uint64_t now_ms, double chance, uint64_t *out_delay_ms)
{
    bool quiet = restart->failed != 0 && now_ms >= restart->restarted_ms &&
                 now_ms - restart->restarted_ms >= restart->reset_ms;
    if (restart->failed == 0 || quiet) {
        restart->backoff_ms = (double)restart->initial_ms;
        restart->failed = 0;
    } else {
        restart->backoff_ms *= restart->multiplier;
    }
    if (restart->backoff_ms > (double)restart->most_ms) {
        restart->backoff_ms = (double)restart->most_ms;
    }
    double delay = restart->backoff_ms * (1 + restart->jitter * (2 * chance - 1));
    *out_delay_ms = delay > (double)restart->most_ms ? restart->most_ms : (uint64_t)delay;
    restart->restarted_ms = now_ms + *out_delay_ms;
    return restart->failed++ < restart->attempts;
}

bool
weir_restart_failed(weir_restart *restart, uint64_t now_ms, double chance, uint64_t *out_delay_ms)
{
    *out_delay_ms = restart->delay_ms;
    switch (restart->kind) {
    case FIXED_DELAY:
        return restart->failed++ < restart->attempts;
    case FAILURE_RATE:
        return is_rate_kept(restart, now_ms);
    case EXPONENTIAL_DELAY:
        return next_backoff(restart, now_ms, chance, out_delay_ms);
    case NONE:
    default:
        return false;
    }
}

const char *
weir_restart_name(const weir_restart *restart)
{
    static const char *const by_kind[] = { "none", "fixed-delay", "failure-rate",
                                           "exponential-delay" };
    return by_kind[restart->kind];
}

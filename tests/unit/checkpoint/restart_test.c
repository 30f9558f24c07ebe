/* SPDX-License-Identifier: Apache-2.0 */
/* restart: each strategy against the facts it was given. */
#include "support/test.h"
#include "weir/restart.h"

#include <string.h>

struct rig {
    weir_options *options;
    weir_restart *restart;
};

static void
set(struct rig *rig, const char *key, const char *value)
{
    weir_error error = { 0 };
    if (rig->options == NULL) {
        assert_int_equal(weir_options_create(NULL, &rig->options), WEIR_OK);
    }
    assert_int_equal(weir_options_set(rig->options, key, value, WEIR_LEVEL_COMMAND, "test", &error),
                     WEIR_OK);
}

static void
open_rig(struct rig *rig, bool checkpointing, const char *name)
{
    weir_error error = { 0 };
    if (rig->options == NULL) {
        assert_int_equal(weir_options_create(NULL, &rig->options), WEIR_OK);
    }
    assert_int_equal(weir_restart_create(NULL, rig->options, checkpointing, &rig->restart, &error),
                     WEIR_OK);
    assert_string_equal(weir_restart_name(rig->restart), name);
}

static void
close_rig(struct rig *rig)
{
    weir_restart_destroy(rig->restart);
    weir_options_destroy(rig->options);
}

static void
goes_on(struct rig *rig, uint64_t now_ms, uint64_t delay_ms)
{
    uint64_t delay = UINT64_MAX;
    assert_true(weir_restart_failed(rig->restart, now_ms, 0.5, &delay));
    assert_int_equal(delay, delay_ms);
}

static void
gives_up(struct rig *rig, uint64_t now_ms)
{
    uint64_t delay = 0;
    assert_false(weir_restart_failed(rig->restart, now_ms, 0.5, &delay));
}

TEST(without_checkpoints_nothing_is_started_again)
{
    struct rig rig = { 0 };
    open_rig(&rig, false, "none");
    gives_up(&rig, 0);
    close_rig(&rig);
}

TEST(with_checkpoints_the_delay_grows)
{
    struct rig rig = { 0 };
    open_rig(&rig, true, "exponential-delay");
    goes_on(&rig, 0, 1000);
    goes_on(&rig, 2000, 1500);
    goes_on(&rig, 5000, 2250);
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t delay = 0;
        assert_true(weir_restart_failed(rig.restart, 10000 + i * 60000, 0.5, &delay));
        assert_true(delay <= 60000);
    }
    goes_on(&rig, 2000000, 60000);                  /* the longest */
    goes_on(&rig, 2000000 + 60000 + 3600000, 1000); /* an hour's quiet */
    close_rig(&rig);
}

TEST(the_delay_is_spread_by_its_jitter)
{
    struct rig rig = { 0 };
    open_rig(&rig, true, "exponential-delay");
    uint64_t least = 0;
    assert_true(weir_restart_failed(rig.restart, 0, 0, &least));
    assert_int_equal(least, 900);
    close_rig(&rig);
    rig = (struct rig){ 0 };
    open_rig(&rig, true, "exponential-delay");
    uint64_t most = 0;
    assert_true(weir_restart_failed(rig.restart, 0, 0.999999, &most));
    assert_in_range(most, 1098, 1100);
    close_rig(&rig);
}

TEST(attempts_before_reset_are_counted)
{
    struct rig rig = { 0 };
    set(&rig, "restart-strategy.exponential-delay.attempts-before-reset-backoff", "2");
    open_rig(&rig, true, "exponential-delay");
    goes_on(&rig, 0, 1000);
    goes_on(&rig, 2000, 1500);
    gives_up(&rig, 5000);
    close_rig(&rig);
}

TEST(a_fixed_delay_ends_after_its_attempts)
{
    struct rig rig = { 0 };
    set(&rig, "restart-strategy", "fixed-delay"); /* the old spelling */
    set(&rig, "restart-strategy.fixed-delay.attempts", "3");
    set(&rig, "restart-strategy.fixed-delay.delay", "20 ms");
    open_rig(&rig, true, "fixed-delay");
    goes_on(&rig, 0, 20);
    goes_on(&rig, 1, 20);
    goes_on(&rig, 100000000, 20);
    gives_up(&rig, 100000001);
    close_rig(&rig);
}

TEST(a_failure_rate_counts_within_its_interval)
{
    struct rig rig = { 0 };
    set(&rig, "restart-strategy.type", "failure-rate");
    set(&rig, "restart-strategy.failure-rate.max-failures-per-interval", "3");
    set(&rig, "restart-strategy.failure-rate.failure-rate-interval", "10 s");
    open_rig(&rig, true, "failure-rate");
    goes_on(&rig, 0, 1000);
    goes_on(&rig, 1000, 1000);
    goes_on(&rig, 10001, 1000); /* the first lies more than 10 s back */
    goes_on(&rig, 11002, 1000);
    gives_up(&rig, 20001);
    close_rig(&rig);
}

TEST(switched_off_by_any_of_its_names)
{
    const char *const offs[] = { "none", "off", "disable" };
    for (size_t i = 0; i < 3; i++) {
        struct rig rig = { 0 };
        set(&rig, "restart-strategy.type", offs[i]);
        open_rig(&rig, true, "none");
        gives_up(&rig, 0);
        close_rig(&rig);
    }
}

TEST(a_first_delay_above_the_longest_is_refused)
{
    struct rig rig = { 0 };
    weir_error error = { 0 };
    set(&rig, "restart-strategy.exponential-delay.initial-backoff", "2 min");
    assert_int_equal(weir_restart_create(NULL, rig.options, true, &rig.restart, &error),
                     WEIR_INVALID);
    assert_non_null(strstr(error.message, "max-backoff"));
    weir_options_destroy(rig.options);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* options_test: keys in old and new spellings, levels, values good and bad. */
#include "support/test.h"

#include "weir/options.h"

#include "base/memory.h"
#include "base/option_value.h"

#include <stdio.h>
#include <string.h>

static const char interval[] = "execution.checkpointing.interval";

static weir_options *
new_options(void)
{
    weir_options *options = NULL;
    assert_ok(weir_options_create(NULL, &options), NULL);
    return options;
}

static weir_status
set(weir_options *options, const char *key, const char *value, weir_error *err)
{
    return weir_options_set(options, key, value, WEIR_LEVEL_COMMAND, "-D", err);
}

TEST(options_start_with_flinks_defaults)
{
    weir_options *options = new_options();
    assert_int_equal(weir_options_int(options, "parallelism.default"), 1);
    assert_int_equal(weir_options_duration_ms(options, "execution.checkpointing.timeout"), 600000);
    assert_int_equal(weir_options_duration_ms(options, "execution.buffer-timeout.interval"), 100);
    assert_int_equal(weir_options_bytes(options, "taskmanager.network.memory.size"), 64 << 20);
    assert_true(weir_options_bool(options, "pipeline.operator-chaining.enabled"));
    assert_true(weir_options_float(options, "taskmanager.memory.managed.fraction") == 0.4);
    assert_string_equal(weir_options_text(options, "execution.checkpointing.mode"), "EXACTLY_ONCE");
    assert_null(weir_options_text(options, "execution.checkpointing.dir"));
    assert_int_equal(weir_options_duration_ms(options, interval), 0);
    assert_false(weir_options_is_set(options, interval));
    assert_string_equal(weir_options_origin(options, interval), "default");
    weir_options_destroy(options);
}

/* Whoever adds a row with a default that does not parse, or a key twice, learns it here. */
TEST(options_table_holds_together)
{
    weir_options *options = new_options();
    weir_error err = { 0 };
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = weir_option_at(i);
        assert_ptr_equal(weir_option_find(info->key), info);
        assert_true(strlen(info->text) > 10);
        assert_int_equal(info->text[strlen(info->text) - 1], '.');
        assert_true(info->type != WEIR_OPTION_CHOICE || info->choices[0] != '\0');
        if (info->supported && info->default_text != NULL) {
            assert_ok(set(options, info->key, info->default_text, &err), &err);
        }
        char old[200];
        snprintf(old, sizeof old, "%s", info->old_keys);
        for (char *rest = old, *key; (key = strtok_r(rest, "|", &rest)) != NULL;) {
            const weir_option_info *found = weir_option_find(key);
            while (found != NULL && found != info) { /* one that has become several */
                found = wr_option_sharing(found, key);
            }
            assert_ptr_equal(found, info);
        }
    }
    assert_null(weir_option_at(weir_option_count()));
    weir_options_destroy(options);
}

TEST(options_take_old_spellings)
{
    weir_options *options = new_options();
    weir_error err = { 0 };
    assert_ok(set(options, "state.checkpoints.dir", "/tmp/c", &err), &err);
    assert_string_equal(weir_options_text(options, "execution.checkpointing.dir"), "/tmp/c");
    assert_ok(set(options, "state.backend.fs.checkpointdir", "/tmp/d", &err), &err);
    assert_string_equal(weir_options_text(options, "execution.checkpointing.dir"), "/tmp/d");
    assert_ok(set(options, "execution.buffer-timeout", "5", &err), &err);
    assert_int_equal(weir_options_duration_ms(options, "execution.buffer-timeout.interval"), 5);
    assert_ok(set(options, "pipeline.operator-chaining", "FALSE", &err), &err);
    assert_false(weir_options_bool(options, "pipeline.operator-chaining.enabled"));
    assert_string_equal(weir_options_text(options, "pipeline.operator-chaining.enabled"), "false");
    assert_ok(set(options, "state.backend.local-recovery", "true", &err), &err);
    assert_true(weir_options_bool(options, "execution.checkpointing.local-backup.enabled"));
    assert_true(weir_options_bool(options, "execution.state-recovery.from-local"));
    weir_options_destroy(options);
}

TEST(options_of_a_higher_level_win)
{
    weir_options *options = new_options();
    weir_error err = { 0 };
    assert_ok(weir_options_set(options, interval, "1 s", WEIR_LEVEL_COMMAND, "-D", &err), &err);
    assert_ok(weir_options_set(options, interval, "2 s", WEIR_LEVEL_FILE, "weir.yaml:3:5", &err),
              &err);
    assert_ok(weir_options_set(options, interval, "3 s", WEIR_LEVEL_JOB, NULL, &err), &err);
    assert_int_equal(weir_options_duration_ms(options, interval), 1000);
    assert_string_equal(weir_options_origin(options, interval), "-D");
    assert_ok(weir_options_set(options, interval, "4 s", WEIR_LEVEL_COMMAND, "-D", &err), &err);
    assert_int_equal(weir_options_duration_ms(options, interval), 4000);
    assert_ok(weir_options_set(options, interval, "", WEIR_LEVEL_COMMAND, "-D", &err), &err);
    assert_false(weir_options_is_set(options, interval)); /* takes back what the file says too */
    assert_int_equal(weir_options_duration_ms(options, interval), 0);
    weir_options_destroy(options);
}

TEST(options_copy_is_a_copy)
{
    weir_options *options = new_options();
    weir_options *copy = NULL;
    weir_error err = { 0 };
    assert_ok(set(options, "pipeline.name", "one", &err), &err);
    assert_ok(weir_options_copy(options, &copy), NULL);
    assert_ok(set(options, "pipeline.name", "two", &err), &err);
    weir_options_destroy(options);
    assert_string_equal(weir_options_text(copy, "pipeline.name"), "one");
    assert_string_equal(weir_options_origin(copy, "pipeline.name"), "-D");
    weir_options_destroy(copy);
}

TEST(options_read_durations_as_flink)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        { "10", 10 },           { "200 ms", 200 },         { "1s", 1000 },
        { " 10 min ", 600000 }, { "10m", 600000 },         { "1 h", 3600000 },
        { "2 HOURS", 7200000 }, { "1d", 86400000 },        { "3 seconds", 3000 },
        { "20000 us", 20 },     { "20000 \xc2\xb5s", 20 }, { "50000000 ns", 50 },
        { "1 minute", 60000 },  { "100 millis", 100 },
    };
    weir_options *options = new_options();
    weir_error err = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(set(options, interval, cases[i].text, &err), &err);
        assert_int_equal(weir_options_duration_ms(options, interval), cases[i].ms);
    }
    weir_options_destroy(options);
}

TEST(options_read_sizes_as_flink)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        { "2097152", 2097152 }, { "64 mb", 64ULL << 20 },      { "2000kb", 2000ULL << 10 },
        { "1g", 1ULL << 30 },   { "1 Gibibytes", 1ULL << 30 }, { "3 MiB", 3ULL << 20 },
        { "2t", 2ULL << 40 },   { "5000000 bytes", 5000000 },
    };
    weir_options *options = new_options();
    weir_error err = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(set(options, "taskmanager.memory.managed.size", cases[i].text, &err), &err);
        assert_int_equal(weir_options_bytes(options, "taskmanager.memory.managed.size"),
                         cases[i].bytes);
    }
    weir_options_destroy(options);
}

static void
assert_refused(const char *key, const char *value, weir_status expected, const char *words)
{
    weir_options *options = new_options();
    weir_error err = { 0 };
    assert_int_equal(weir_options_set(options, key, value, WEIR_LEVEL_FILE, "weir.yaml:3:5", &err),
                     expected);
    if (strstr(err.message, words) == NULL || strstr(err.message, "weir.yaml:3:5: ") == NULL) {
        fail_msg("'%s' does not say '%s'", err.message, words);
    }
    assert_non_null(strstr(err.message, key));
    assert_false(weir_options_is_set(options, key));
    weir_options_destroy(options);
}

TEST(options_refuse_bad_values_with_words)
{
    assert_refused(interval, "soon", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "10 parsecs", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "-1 s", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "1.5 s", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "99999999999999999999", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "9999999999999999 d", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "   ", WEIR_INVALID, "expected a duration");
    assert_refused(interval, "9 ms", WEIR_INVALID, "10");
    assert_refused("execution.checkpointing.timeout", "9", WEIR_INVALID, "10");
    assert_refused("parallelism.default", "0", WEIR_INVALID, "1 and 32768");
    assert_refused("parallelism.default", "32769", WEIR_INVALID, "1 and 32768");
    assert_refused("parallelism.default", "2x", WEIR_INVALID, "a whole number");
    assert_refused("pipeline.operator-chaining", "yes", WEIR_INVALID, "'true' or 'false'");
    assert_refused("execution.checkpointing.mode", "AT_MOST_ONCE", WEIR_INVALID,
                   "EXACTLY_ONCE|AT_LEAST_ONCE");
    assert_refused("taskmanager.memory.managed.fraction", "1.1", WEIR_INVALID, "0 and 1");
    assert_refused("taskmanager.memory.managed.fraction", "0.4.4", WEIR_INVALID, "a number");
    assert_refused("taskmanager.network.memory.size", "64 xb", WEIR_INVALID, "a size");
    assert_refused("taskmanager.network.memory.size", "999999999 tb", WEIR_INVALID, "a size");
    assert_refused("weir.network.batch-size", "4097", WEIR_INVALID, "1 and 4096");
    assert_refused("execution.checkpointing.max-concurrent-checkpoints", "0", WEIR_INVALID, "1");
}

TEST(options_take_a_value_at_its_limits)
{
    weir_options *options = new_options();
    weir_error err = { 0 };
    assert_ok(set(options, interval, "10 ms", &err), &err);
    assert_ok(set(options, interval, "36500 d", &err), &err);
    assert_int_equal(set(options, interval, "36501 d", &err), WEIR_INVALID);
    assert_ok(set(options, "parallelism.default", "32768", &err), &err);
    assert_ok(set(options, "pipeline.max-parallelism", "-1", &err), &err);
    assert_ok(set(options, "taskmanager.memory.managed.fraction", "1.0", &err), &err);
    assert_ok(set(options, "execution.checkpointing.mode", "at_least_once", &err), &err);
    assert_string_equal(weir_options_text(options, "execution.checkpointing.mode"),
                        "AT_LEAST_ONCE");
    weir_options_destroy(options);
}

TEST(options_refuse_unknown_keys_with_the_nearest)
{
    assert_refused("execution.checkpointing.intervall", "1 s", WEIR_INVALID,
                   "did you mean 'execution.checkpointing.interval'?");
    assert_refused("paralelism.default", "1", WEIR_INVALID, "'parallelism.default'");
    assert_refused("state.checkpoint.dir", "x", WEIR_INVALID, "'execution.checkpointing.dir'");
    assert_refused("completely.different", "1", WEIR_INVALID, "unknown key");
    assert_null(weir_option_nearest("completely.different"));
    assert_null(weir_option_nearest(""));
    assert_string_equal(weir_option_nearest("weir.worker"), "weir.workers");
}

TEST(options_name_flinks_keys_that_weir_does_not_have)
{
    assert_refused("state.changelog.enabled", "true", WEIR_UNSUPPORTED, "known from Flink");
    assert_refused("state.backend.latency-track.keyed-state-enabled", "true", WEIR_UNSUPPORTED,
                   "known from Flink");
    assert_refused("metrics.reporter.prom.port", "9249", WEIR_UNSUPPORTED, "known from Flink");
    assert_refused("taskmanager.numberOfTaskSlots", "4", WEIR_UNSUPPORTED, "known from Flink");
    assert_refused("execution.checkpointing.unaligned.forced", "true", WEIR_UNSUPPORTED,
                   "known from Flink");
}

TEST(options_survive_every_refused_allocation)
{
    for (uint64_t limit = 0; limit < 4000; limit += 8) {
        struct wr_budget budget;
        struct wr_pool_alloc pool;
        wr_budget_init(&budget, wr_memory_system(), limit + 1);
        weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
        weir_options *options = NULL;
        weir_options *copy = NULL;
        weir_error err = { 0 };
        if (weir_options_create(&alloc, &options) == WEIR_OK &&
            set(options, "pipeline.name", "a job's name", &err) == WEIR_OK) {
            assert_string_equal(weir_options_text(options, "pipeline.name"), "a job's name");
            if (weir_options_copy(options, &copy) == WEIR_OK) {
                assert_string_equal(weir_options_text(copy, "pipeline.name"), "a job's name");
            }
        }
        weir_options_destroy(copy);
        weir_options_destroy(options);
        assert_int_equal(budget.used_bytes, 0);
    }
}

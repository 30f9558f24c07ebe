/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the two modes over an exchange: exactly-once and at-least-once, with the job broken and
 * restored in between.
 */
#include "job_rig.h"

/* Broken and restored four times; the sink's highest sums tell how often a number was counted. */
static void
run_with_failures(struct rig *rig, const char *mode, const char *parallelism)
{
    rig_set(rig, "execution.checkpointing.mode", mode);
    rig_set(rig, "parallelism.default", parallelism);
    rig_set(rig, "weir.network.batches-per-channel", "2");
    for (int i = 0; i < 4; i++) {
        rig->failure = RIG_WELL;
        assert_int_equal(WEIR_JOB_FAILED, rig_run(rig, rig_breaks_after_three));
        rig->parameters.restore = "latest:" RIG_DIRECTORY;
    }
    rig->failure = RIG_WELL;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(rig, NULL));
}

TEST(exactly_once_counts_each_number_once_however_often_it_fails)
{
    struct rig rig;
    rig_init(&rig);
    run_with_failures(&rig, "EXACTLY_ONCE", "3");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* On a clock by which each turn takes too long, turns become small, and records come between them:
 * chunks are copied before they change. */
TEST(a_snapshot_of_many_turns_has_nothing_from_behind_its_barrier)
{
    struct rig rig;
    rig_init_with_clock(&rig, 100000);
    rig.rate = 50000;
    rig.keys = RIG_KEYS_MAX;
    rig.count = RIG_NUMBERS_MAX;
    run_with_failures(&rig, "EXACTLY_ONCE", "1");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(at_least_once_counts_each_number_at_least_once)
{
    struct rig rig;
    rig_init(&rig);
    run_with_failures(&rig, "AT_LEAST_ONCE", "3");
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_true(rig.seen[i] >= 1);
    }
    for (int64_t key = 0; key < (int64_t)rig.keys; key++) {
        assert_true(rig.highest[key] >= rig_total(&rig, key));
    }
    rig_fini(&rig);
}

/* What the job is made of: operators apart, channels of one batch, batches of one record. */
TEST(the_smallest_channels_deliver_everything_in_every_chaining)
{
    static const char *const chaining[] = { "true", "false" };
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t parallelism = 1; parallelism <= 4; parallelism++) {
            struct rig rig;
            rig_init(&rig);
            rig_set(&rig, "pipeline.operator-chaining.enabled", chaining[i]);
            rig_set(&rig, "weir.network.batch-size", "1");
            rig_set(&rig, "weir.network.batches-per-channel", "1");
            rig_set_number(&rig, "parallelism.default", parallelism);
            rig.with_extra = true;
            rig.count = 500;
            assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
            rig_assert_exactly_once(&rig);
            for (uint64_t j = 0; j < rig.count; j++) {
                assert_int_equal(1, rig.seen[j]);
            }
            rig_fini(&rig);
        }
    }
}

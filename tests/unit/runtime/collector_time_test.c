/* SPDX-License-Identifier: Apache-2.0 */
/* Emitting with timestamps and telling of time, told as scripts: 7@30 emits record 7 at 30, W5
 * tells a watermark, I idle, A active, "/" lets the consumer take all there is so far. What the
 * consumer gets is written in the same form, marks where they stand among the records.
 */
#include "support/test.h"

#include "support/common_alloc_fault.h"

#include "base/memory.h"
#include "runtime/collector.h"
#include "runtime/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 4
};

struct stage {
    struct wr_failure failure;
    struct wr_task_operator plan;
    struct wr_task_environment environment;
    struct weir_context context;
    struct weir_collector collector;
    struct alloc_fault fault;
    char got[512];
};

static void
stage_open(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    alloc_fault_init(&stage->fault, 0, false);
    stage->plan.name = "times";
    stage->context.plan = &stage->plan;
    stage->context.environment = &stage->environment;
    stage->context.failure = &stage->failure;
    stage->context.parallelism = 1;
    wr_collector_init(&stage->collector,
                      &(struct wr_collector_parameters){ .alloc = alloc_fault_alloc(&stage->fault),
                                                         .batch_count = BATCH,
                                                         .timed = true,
                                                         .emit_limit_bytes = 1 << 20,
                                                         .context = &stage->context });
}

static void
stage_close(struct stage *stage)
{
    wr_collector_fini(&stage->collector);
    assert_int_equal(alloc_fault_leaks(&stage->fault, stderr), 0);
}

static void
say(struct stage *stage, const char *word)
{
    size_t at = strlen(stage->got);
    (void)snprintf(stage->got + at, sizeof stage->got - at, "%s%s", at != 0 ? " " : "", word);
}

static void
say_mark(struct stage *stage, struct wr_time time)
{
    char word[32];
    if (time.status == WR_TIME_ACTIVE) {
        say(stage, "A");
    }
    if (time.watermark != WEIR_NO_WATERMARK) {
        (void)snprintf(word, sizeof word, "W%lld", (long long)time.watermark);
        say(stage, word);
    }
    if (time.status == WR_TIME_IDLE) {
        say(stage, "I");
    }
}

static void
take_all(struct stage *stage)
{
    struct weir_batch *batch = NULL;
    while ((batch = wr_collector_take(&stage->collector, true)) != NULL) {
        uint32_t mark = 0;
        for (uint32_t i = 0; i <= batch->count; i++) {
            for (; mark < batch->mark_count && batch->marks[mark].before == i; mark++) {
                say_mark(stage, batch->marks[mark].time);
            }
            if (i < batch->count) {
                int64_t number = 0;
                char word[64];
                memcpy(&number, weir_batch_record(batch, i), sizeof number);
                (void)snprintf(word, sizeof word, "%lld@%lld", (long long)number,
                               (long long)weir_batch_timestamp(batch, i));
                say(stage, word);
            }
        }
        assert_int_equal(mark, batch->mark_count);
        wr_collector_recycle(&stage->collector, batch);
    }
}

static void
play_word(struct stage *stage, const char *word)
{
    struct wr_time time = wr_time_of(WEIR_NO_WATERMARK, WR_TIME_SAME);
    if (word[0] == '/') {
        take_all(stage);
        return;
    }
    if (word[0] == 'W') {
        time.watermark = strtoll(word + 1, NULL, 10);
    } else if (word[0] == 'I' || word[0] == 'A') {
        time.status = word[0] == 'I' ? WR_TIME_IDLE : WR_TIME_ACTIVE;
    } else {
        char *at = NULL;
        int64_t number = strtoll(word, &at, 10);
        wr_collector_set_time(&stage->collector, strtoll(at + 1, NULL, 10));
        (void)weir_collector_emit_copy(&stage->collector, &number, sizeof number);
        return;
    }
    (void)wr_collector_tell_time(&stage->collector, time);
}

static const char *
play(struct stage *stage, const char *script)
{
    char words[256];
    (void)snprintf(words, sizeof words, "%s", script);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        play_word(stage, word);
    }
    take_all(stage);
    return stage->got;
}

static void
assert_plays(const char *script, const char *expected)
{
    struct stage stage;
    stage_open(&stage);
    assert_string_equal(play(&stage, script), expected);
    assert_false(stage.failure.failed);
    stage_close(&stage);
}

TEST(records_keep_the_timestamp_that_was_set_when_they_were_emitted)
{
    assert_plays("1@10 2@10 3@5 4@6 5@6 6@7", "1@10 2@10 3@5 4@6 5@6 6@7"); /* over two batches */
    assert_plays("1@10 / 2@10 / 3@20", "1@10 2@10 3@20");
}

TEST(marks_stand_behind_the_records_emitted_before_them)
{
    assert_plays("W1 1@10 W5 2@10 3@10 4@10 5@11 W9", "W1 1@10 W5 2@10 3@10 4@10 5@11 W9");
    assert_plays("1@10 / W5 / 2@11 W6", "1@10 W5 2@11 W6");
}

TEST(marks_without_a_record_between_become_one_and_watermarks_only_grow)
{
    assert_plays("1@10 W5 W7 W6 2@10 W7", "1@10 W7 2@10");
    assert_plays("W5 I / W6", "W5 I A W6"); /* a watermark ends idleness */
    assert_plays("W5 I W6", "A W6");        /* which then was never told */
}

TEST(the_next_record_ends_idleness_at_the_place_where_it_began)
{
    assert_plays("1@10 I", "1@10 I");
    assert_plays("1@10 I I", "1@10 I");
    assert_plays("1@10 I 2@10", "1@10 A 2@10");
    assert_plays("1@10 I / 2@10 3@10 W4", "1@10 I A 2@10 3@10 W4");
    assert_plays("1@1 2@1 3@1 4@1 I 5@1", "1@1 2@1 3@1 4@1 I A 5@1"); /* of the next batch */
    assert_plays("A", "");
}

TEST(a_mark_without_memory_fails_the_task_with_words)
{
    struct stage stage;
    stage_open(&stage);
    stage.fault.fail_at = stage.fault.requests + 1;
    stage.fault.sticky = true;
    struct wr_time time = wr_time_of(5, WR_TIME_SAME);
    assert_int_equal(wr_collector_tell_time(&stage.collector, time), WEIR_NOMEM);
    assert_true(stage.failure.failed);
    assert_non_null(strstr(stage.failure.error.message, "taskmanager.network.memory.size"));
    stage_close(&stage);
}

TEST(a_run_out_of_a_batch_is_emitted_with_each_records_timestamp)
{
    weir_alloc alloc = wr_memory_system();
    struct weir_batch *batch = NULL;
    struct stage stage;
    void *blocks[BATCH];
    stage_open(&stage);
    assert_int_equal(wr_batch_create_timed(&alloc, BATCH, 256, &batch), WEIR_OK);
    for (int64_t i = 0; i < BATCH; i++) {
        memcpy(wr_batch_append(&alloc, batch, sizeof i), &i, sizeof i);
        batch->times[i] = 100 + i;
    }
    struct weir_batch run = *batch; /* records 1 and 2, as a function is given them */
    run.offsets = batch->offsets + 1;
    run.times = batch->times + 1;
    run.count = 2;
    assert_int_equal(weir_collector_emit_batch(&stage.collector, &run, blocks), WEIR_OK);
    assert_int_equal(weir_collector_emit_batch(&stage.collector, batch, blocks), WEIR_OK);
    wr_collector_set_time(&stage.collector, 7);
    assert_string_equal(play(&stage, "9@8"), "1@101 2@102 0@100 1@101 2@102 3@103 9@8");
    wr_batch_destroy(&alloc, batch);
    stage_close(&stage);
}

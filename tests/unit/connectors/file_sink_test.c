/* SPDX-License-Identifier: Apache-2.0 */
/* file_sink_test: the life of a file from pending to committed: restore, kill, zombie, rewind,
 * damage. */
#include "unit/operators/fixture.h"

#include "support/common_os_fault.h"

#include "os/file.h"

#include <errno.h>
#include <stdio.h>

static struct life one;
static struct life two;

static weir_environment *
file_sink(weir_file_format format)
{
    static weir_environment environment;
    made_init(&environment);
    environment.stream.type = weir_type_of_kind(WEIR_STRING);
    const weir_file_sink_options options = { .size = sizeof options,
                                             .directory = "/out",
                                             .format = format };
    assert_non_null(weir_file_sink(&environment.stream, &options));
    assert_true(environment.made.stateful);
    return &environment;
}

static void
prepare(struct life *life, struct os_sim *sim, struct wr_os *os, unsigned number)
{
    life_init(life, sim, os, number, &file_sink(WEIR_FORMAT_TUPLE)->made);
    life->feed_type = weir_type_of_kind(WEIR_STRING);
}

static void
feed(struct life *life, const char *text)
{
    records_add_text(&life->feed, text);
    life_run(life);
}

static const char *
part(const struct life *life, uint64_t checkpoint_id)
{
    static char path[300];
    snprintf(path, sizeof path, "/out/part-%s-%llu-%u-%s", life->uid,
             (unsigned long long)checkpoint_id, life->subtask, life->attempt);
    return path;
}

static void
assert_part(struct os_sim *sim, const struct life *life, uint64_t checkpoint_id, const char *text)
{
    size_t size;
    const uint8_t *content = os_sim_file_get(sim, part(life, checkpoint_id), &size);
    if (content == NULL) {
        os_sim_tree_print(sim, stderr);
    }
    assert_non_null(content);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(content, text, size);
}

static void
assert_no_part(struct os_sim *sim, const struct life *life, uint64_t checkpoint_id)
{
    size_t size;
    assert_null(os_sim_file_get(sim, part(life, checkpoint_id), &size));
}

static bool
has_directory(struct os_sim *sim, const char *prefix, const struct life *life)
{
    char path[300];
    snprintf(path, sizeof path, "/out/%s%s", prefix, life->attempt);
    return os_sim_directory_is_there(sim, path);
}

TEST(file_sink_shows_a_file_when_its_checkpoint_is_complete)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    assert_false(one.failed);
    feed(&one, "a");
    feed(&one, "b");
    life_snapshot(&one, 1);
    feed(&one, "c");
    assert_no_part(sim, &one, 1);
    life_complete(&one, 1);
    assert_part(sim, &one, 1, "a\nb\n");
    life_snapshot(&one, 2);
    life_abort(&one, 2); /* stays pending, and goes with the next */
    feed(&one, "d");
    life_snapshot(&one, 3);
    assert_no_part(sim, &one, 2);
    life_complete(&one, 3);
    assert_part(sim, &one, 2, "c\n");
    assert_part(sim, &one, 3, "d\n");
    life_snapshot(&one, 4);
    life_complete(&one, 4);
    assert_no_part(sim, &one, 4); /* nothing came: no empty file */
    life_complete(&one, 4);       /* told twice */
    assert_false(one.failed);
    life_finish(&one);
    assert_false(has_directory(sim, ".", &one));
    life_fini(&one);
    assert_int_equal(os_sim_open_count(sim), 0);
    os_sim_destroy(sim);
}

TEST(file_sink_writes_much_in_pieces)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    char line[4001];
    memset(line, 'x', 4000);
    line[4000] = '\0';
    for (int i = 0; i < 700; i++) { /* 2.8 MB: more than the buffer */
        records_add_text(&one.feed, line);
    }
    life_snapshot(&one, 1);
    life_complete(&one, 1);
    size_t size;
    const uint8_t *content = os_sim_file_get(sim, part(&one, 1), &size);
    assert_non_null(content);
    assert_int_equal(size, 700 * 4001);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_recovers_and_commits_what_was_pending_in_the_checkpoint)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    feed(&one, "a");
    life_snapshot(&one, 1);
    feed(&one, "after the checkpoint");
    os_sim_kill(sim);
    prepare(&two, sim, os_sim_os(sim), 2);
    life_start(&two, &one);
    assert_false(two.failed);
    assert_part(sim, &one, 1, "a\n"); /* under the name that the first attempt gave it */
    assert_false(has_directory(sim, ".", &one));
    assert_true(has_directory(sim, ".fenced-", &one));
    feed(&two, "b");
    life_snapshot(&two, 2);
    assert_true(has_directory(sim, ".fenced-", &one)); /* others may still recover theirs */
    life_complete(&two, 2);
    assert_false(has_directory(sim, ".fenced-", &one));
    assert_part(sim, &two, 2, "b\n");
    assert_no_part(sim, &one, 2);
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_recovers_twice_from_one_checkpoint)
{
    struct os_sim *sim = os_sim_create(NULL);
    static struct life three;
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    feed(&one, "a");
    life_snapshot(&one, 1);
    os_sim_kill(sim);
    prepare(&two, sim, os_sim_os(sim), 2);
    life_start(&two, &one);
    feed(&two, "never complete");
    life_snapshot(&two, 2);
    os_sim_kill(sim);
    prepare(&three, sim, os_sim_os(sim), 3);
    life_start(&three, &one);
    assert_false(three.failed);
    assert_part(sim, &one, 1, "a\n");
    feed(&three, "b");
    life_snapshot(&three, 2);
    life_complete(&three, 2);
    assert_part(sim, &three, 2, "b\n");
    assert_no_part(sim, &two, 2);
    assert_false(has_directory(sim, ".fenced-", &two));
    life_fini(&three);
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_fails_where_a_pending_file_is_lost_or_damaged)
{
    for (int damaged = 0; damaged <= 1; damaged++) {
        struct os_sim *sim = os_sim_create(NULL);
        prepare(&one, sim, os_sim_os(sim), 1);
        life_start(&one, NULL);
        feed(&one, "a");
        life_snapshot(&one, 1);
        os_sim_kill(sim);
        char path[300];
        snprintf(path, sizeof path, "/out/.%s/tested-0-0", one.attempt);
        if (damaged) {
            os_sim_file_put(sim, path, "x\n", 2);
        } else {
            assert_int_equal(os_sim_os(sim)->ops->unlink(os_sim_os(sim), path), 0);
        }
        prepare(&two, sim, os_sim_os(sim), 2);
        life_start(&two, &one);
        assert_true(two.failed);
        assert_int_equal(two.failure.status, damaged ? WEIR_CORRUPT : WEIR_INVALID);
        assert_non_null(strstr(two.failure.message, damaged ? "checksum" : "tested-0-0"));
        assert_no_part(sim, &one, 1);
        life_fini(&two);
        life_fini(&one);
        os_sim_destroy(sim);
    }
}

TEST(file_sink_never_overwrites_a_part)
{
    for (int same = 0; same <= 1; same++) {
        struct os_sim *sim = os_sim_create(NULL);
        prepare(&one, sim, os_sim_os(sim), 1);
        life_start(&one, NULL);
        feed(&one, "a");
        life_snapshot(&one, 1);
        os_sim_file_put(sim, part(&one, 1), same ? "a\n" : "b\n", 2);
        life_complete(&one, 1);
        assert_int_equal(one.failed, !same);
        assert_part(sim, &one, 1, same ? "a\n" : "b\n");
        if (!same) {
            assert_int_equal(one.failure.status, WEIR_CORRUPT);
            assert_non_null(strstr(one.failure.message, "part-tested-1-0-"));
        }
        life_fini(&one);
        os_sim_destroy(sim);
    }
}

TEST(file_sink_refuses_a_second_process_and_names_the_first)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *first = os_sim_process_create(sim);
    prepare(&one, sim, first, 1);
    life_start(&one, NULL);
    prepare(&two, sim, os_sim_process_create(sim), 2);
    life_start(&two, NULL);
    assert_true(two.failed);
    assert_int_equal(two.failure.status, WEIR_BUSY);
    char pid[40];
    snprintf(pid, sizeof pid, "process %d:", first->ops->process_id(first));
    assert_non_null(strstr(two.failure.message, pid));
    assert_non_null(strstr(two.failure.message, "--take-over"));
    feed(&one, "a"); /* and has not disturbed it */
    life_snapshot(&one, 1);
    life_complete(&one, 1);
    assert_part(sim, &one, 1, "a\n");
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sinks_of_one_job_share_a_directory)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    prepare(&two, sim, os_sim_os(sim), 1);
    two.uid = "other-sink";
    life_start(&two, NULL);
    assert_false(two.failed);
    feed(&one, "a");
    feed(&two, "b");
    life_snapshot(&one, 1);
    life_complete(&one, 1);
    os_sim_directory_put(sim, "/checkpoints");
    assert_part(sim, &one, 1, "a\n");
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

/* What left it by a rename that is not durable might come back: it stays for that. */
TEST(file_sink_leaves_no_file_without_a_directory_when_a_sync_fails)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_fault fault;
    const struct os_fault_plan plan = { .error = EIO, .only = "sync" };
    os_fault_init(&fault, os_sim_os(sim), &plan);
    prepare(&one, sim, &fault.os, 1);
    life_start(&one, NULL);
    prepare(&two, sim, os_sim_os(sim), 1);
    two.uid = "other-sink";
    life_start(&two, NULL);
    feed(&one, "a");
    life_snapshot(&one, 1);
    life_snapshot(&two, 1);
    life_complete(&two, 1); /* it has nothing here any more */
    fault.plan.fail_at = fault.calls + 1;
    life_complete(&one, 1);
    assert_true(fault.hit && one.failed);
    assert_part(sim, &one, 1, "a\n");
    life_fini(&two);
    life_fini(&one);
    assert_true(has_directory(sim, ".", &one));
    os_sim_destroy(sim);
}

/* A process that was stopped, taken over, and goes on: at each place it can have been stopped. */
TEST(file_sink_that_was_taken_over_commits_nothing)
{
    for (int stopped_at = 0; stopped_at < 3; stopped_at++) {
        struct os_sim *sim = os_sim_create(NULL);
        prepare(&one, sim, os_sim_process_create(sim), 1);
        life_start(&one, NULL);
        feed(&one, "a");
        life_snapshot(&one, 1);
        life_complete(&one, 1);
        feed(&one, "b");
        static struct life from; /* checkpoint 1 is what the successor restores */
        from = one;
        if (stopped_at == 0) {
            one.acknowledged =
                NULL; /* it goes on with checkpoint 2 when it wakes: the report is from's */
        }
        prepare(&two, sim, os_sim_process_create(sim), 2);
        two.take_over = true;
        if (stopped_at > 0) {
            one.acknowledged = NULL;
            life_snapshot(&one, 2);
        }
        life_start(&two, &from);
        assert_false(two.failed);
        feed(&two, "b again");
        life_snapshot(&two, 2);
        life_complete(&two, 2);
        assert_part(sim, &two, 2, "b again\n");
        switch (stopped_at) {
        case 0:
            life_snapshot(&one, 2); /* its buffer has no file yet */
            break;
        case 1:
            life_complete(&one, 2); /* the file is pending */
            break;
        default:
            feed(&one, "c");
            life_snapshot(&one, 3);
            break;
        }
        assert_true(one.failed);
        assert_int_equal(one.failure.status, WEIR_CANCELLED);
        assert_non_null(strstr(one.failure.message, "taken over"));
        assert_no_part(sim, &one, 2);
        assert_no_part(sim, &one, 3);
        assert_part(sim, &one, 1, "a\n");
        struct wr_task_report *report = from.acknowledged;
        life_fini(&two);
        life_fini(&one);
        weir_alloc alloc = wr_memory_system();
        wr_task_report_free(&alloc, report);
        os_sim_destroy(sim);
    }
}

TEST(file_sink_refuses_a_rewind)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    feed(&one, "a");
    life_snapshot(&one, 5);
    struct wr_task_report *report = one.acknowledged;
    life_complete(&one, 5);
    feed(&one, "b");
    one.acknowledged = NULL;
    life_snapshot(&one, 6);
    life_complete(&one, 6);
    weir_alloc alloc = wr_memory_system();
    wr_task_report_free(&alloc, one.acknowledged);
    one.acknowledged = report;
    os_sim_kill(sim);

    prepare(&two, sim, os_sim_os(sim), 2); /* empty start */
    life_start(&two, NULL);
    assert_true(two.failed);
    assert_int_equal(two.failure.status, WEIR_INVALID);
    assert_non_null(strstr(two.failure.message, "checkpoint 6"));
    assert_non_null(strstr(two.failure.message, "empty"));
    assert_non_null(strstr(two.failure.message, "--allow-rewind"));
    life_fini(&two);

    prepare(&two, sim, os_sim_os(sim), 3); /* from 5, but 6 was committed */
    life_start(&two, &one);
    assert_true(two.failed);
    assert_non_null(strstr(two.failure.message, "checkpoint 6"));
    assert_non_null(strstr(two.failure.message, "checkpoint 5"));
    life_fini(&two);

    prepare(&two, sim, os_sim_os(sim), 4);
    two.allow_rewind = true;
    life_start(&two, &one);
    assert_false(two.failed);
    assert_non_null(strstr(two.log, "--allow-rewind"));
    life_fini(&two);

    prepare(&two, sim, os_sim_os(sim), 5); /* parts of another uid are none of ours */
    two.uid = "another";
    life_start(&two, NULL);
    assert_false(two.failed);
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_of_a_uid_with_dashes_knows_its_parts)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    one.uid = "my-sink-7";
    life_start(&one, NULL);
    feed(&one, "a");
    life_snapshot(&one, 2);
    life_complete(&one, 2);
    size_t size;
    char path[300];
    snprintf(path, sizeof path, "/out/part-my_sink_7-2-0-%s", one.attempt);
    assert_non_null(os_sim_file_get(sim, path, &size));
    os_sim_kill(sim);
    prepare(&two, sim, os_sim_os(sim), 2);
    two.uid = "my-sink-7";
    life_start(&two, NULL);
    assert_true(two.failed);
    assert_non_null(strstr(two.failure.message, "checkpoint 2"));
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_says_when_files_will_appear_without_checkpoints)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    one.no_checkpointing = true;
    life_start(&one, NULL);
    assert_non_null(strstr(one.log, "end of input"));
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_names_the_path_when_the_disk_is_full_or_read_only)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    os_sim_set_space(sim, os_sim_used_bytes(sim));
    feed(&one, "a");
    life_snapshot(&one, 1);
    assert_true(one.failed);
    assert_int_equal(one.failure.status, WEIR_IO);
    assert_int_equal(one.failure.sys_errno, 0);
    assert_non_null(strstr(one.failure.message, "/out/."));
    assert_non_null(strstr(one.failure.message, "No space"));
    life_fini(&one);
    os_sim_set_space(sim, 0);

    os_sim_directory_put(sim, "/out");
    os_sim_deny(sim, "/out", OS_SIM_DENY_WRITE, EROFS);
    prepare(&one, sim, os_sim_os(sim), 2);
    life_start(&one, NULL);
    assert_true(one.failed);
    assert_non_null(strstr(one.failure.message, "/out"));
    life_fini(&one);
    os_sim_destroy(sim);
}

/* The checkpoint itself is durable: not the sink's business. */
static void
sync_checkpoint(const struct life *life, unsigned id)
{
    char path[100];
    snprintf(path, sizeof path, "/checkpoints/%s/%u", life->attempt, id);
    assert_ok(wr_directory_sync(life->os, path, NULL), NULL);
}

/* After any power cut from here on a restore of the last checkpoint finds the first part, once. */
static size_t
assert_part_after_cuts(struct os_sim *sim, size_t from)
{
    const struct os_sim_crash_options options = { .from = from, .kinds = OS_SIM_CRASH_ALL };
    struct os_sim_crash *crash = os_sim_crash_begin(sim, &options);
    size_t states = 0;
    while (os_sim_crash_next(crash)) {
        struct os_sim *after = os_sim_crash_materialize(crash);
        prepare(&two, after, os_sim_os(after), 2);
        life_start(&two, &one);
        if (two.failed) {
            print_error("%s: %s\n", os_sim_crash_words(crash), two.failure.message);
        }
        assert_false(two.failed);
        assert_part(after, &one, 1, "a\nb\n");
        life_fini(&two);
        os_sim_destroy(after);
        states++;
    }
    os_sim_crash_end(crash);
    return states;
}

TEST(file_sink_survives_a_power_cut_anywhere_in_a_commit)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    feed(&one, "a");
    feed(&one, "b");
    life_snapshot(&one, 1);
    sync_checkpoint(&one, 1);
    size_t acknowledged = os_sim_log_count(sim);
    life_complete(&one, 1);
    assert_true(assert_part_after_cuts(sim, acknowledged) > 3);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_sink_has_committed_for_good_before_it_forgets)
{
    struct os_sim *sim = os_sim_create(NULL);
    prepare(&one, sim, os_sim_os(sim), 1);
    life_start(&one, NULL);
    feed(&one, "a");
    feed(&one, "b");
    life_snapshot(&one, 1);
    life_complete(&one, 1);
    life_snapshot(&one, 2); /* no longer names the first part's file */
    sync_checkpoint(&one, 2);
    assert_true(assert_part_after_cuts(sim, os_sim_log_count(sim)) > 0);
    life_fini(&one);
    os_sim_destroy(sim);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The faulty system and the faulty allocator: they fail what they were told to, and count right. */
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"
#include "support/common_os_sim.h"
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RUN_CALLS = 9
};

/* A run of RUN_CALLS fallible calls that goes on after failures; returns its first error. */
static int
run(struct wr_os *os)
{
    static char data[2048];
    struct wr_os_stat stat;
    size_t size = 0;
    int file = -1;
    int results[RUN_CALLS];
    results[0] = os->ops->mkdir(os, "/d");
    results[1] = os->ops->open(os, "/d/a", WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE, &file);
    results[2] = os->ops->pwrite(os, file, data, sizeof data, 0, &size);
    results[3] = os->ops->sync(os, file, true);
    results[4] = os->ops->pread(os, file, data, 100, 0, &size);
    results[5] = os->ops->close(os, file);
    results[6] = os->ops->rename(os, "/d/a", "/d/b", false);
    results[7] = os->ops->stat(os, "/d/b", &stat);
    results[8] = os->ops->unlink(os, "/d/b");
    (void)os->ops->monotonic_ns(os);
    for (int i = 0; i < RUN_CALLS; i++) {
        if (results[i] != 0) {
            return results[i];
        }
    }
    return 0;
}

TEST(fault_fails_exactly_the_nth_call_and_says_which)
{
    static const char *const names[RUN_CALLS] = { "mkdir", "open",   "pwrite", "sync",  "pread",
                                                  "close", "rename", "stat",   "unlink" };
    for (uint64_t at = 1; at <= RUN_CALLS + 1; at++) {
        struct os_sim *sim = os_sim_create(NULL);
        struct os_fault fault;
        os_fault_init(&fault, os_sim_os(sim),
                      &(struct os_fault_plan){ .fail_at = at, .error = EMFILE });
        int result = run(&fault.os);
        assert_int_equal(fault.calls, RUN_CALLS);
        assert_int_equal(fault.hit, at <= RUN_CALLS);
        assert_int_equal(fault.failed, at <= RUN_CALLS);
        assert_int_equal(result, at <= RUN_CALLS ? EMFILE : 0);
        if (at <= RUN_CALLS) {
            assert_string_equal(fault.hit_name, names[at - 1]);
        }
        assert_int_equal(os_sim_open_count(sim), 0); /* close closes even when it fails */
        os_sim_destroy(sim);
    }
}

TEST(sticky_fault_fails_all_later_calls)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_fault fault;
    uint8_t byte = 0;
    os_fault_init(&fault, os_sim_os(sim),
                  &(struct os_fault_plan){ .fail_at = 2, .error = ENOSPC, .sticky = true });
    assert_int_equal(run(&fault.os), ENOSPC);
    assert_int_equal(fault.failed, RUN_CALLS - 1);
    assert_int_equal(fault.os.ops->random(&fault.os, &byte, 1), 0);
    os_sim_destroy(sim);
}

TEST(sticky_eintr_ends_after_a_hundred)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_fault fault;
    os_fault_init(&fault, os_sim_os(sim),
                  &(struct os_fault_plan){ .fail_at = 1, .error = EINTR, .sticky = true });
    for (int i = 0; i < OS_FAULT_EINTR_ROW; i++) {
        assert_int_equal(fault.os.ops->mkdir(&fault.os, "/a"), EINTR);
    }
    assert_int_equal(fault.os.ops->mkdir(&fault.os, "/a"), 0);
    os_sim_destroy(sim);
}

TEST(short_fault_halves_by_sectors_and_never_to_nothing)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_fault fault;
    static char data[2560];
    size_t size = 0;
    int file = -1;
    os_fault_init(&fault, os_sim_os(sim),
                  &(struct os_fault_plan){ .fail_at = 2, .error = OS_FAULT_SHORT, .sticky = true });
    struct wr_os *os = &fault.os;
    assert_int_equal(os->ops->open(os, "/a", WR_OPEN_WRITE | WR_OPEN_CREATE, &file), 0);
    assert_int_equal(os->ops->write(os, file, data, 1, &size), 0);
    assert_int_equal(size, 1);
    assert_false(fault.hit); /* there is no half of it */
    assert_int_equal(os->ops->write(os, file, data, 2560, &size), 0);
    assert_int_equal(size, 1024);
    assert_int_equal(os->ops->write(os, file, data, 7, &size), 0);
    assert_int_equal(size, 3);
    assert_int_equal(os->ops->close(os, file), 0);
    os_sim_destroy(sim);
}

TEST(fault_of_one_entry_counts_only_that_one)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_fault fault;
    os_fault_init(&fault, os_sim_os(sim),
                  &(struct os_fault_plan){ .fail_at = 1, .error = EIO, .only = "sync" });
    assert_int_equal(run(&fault.os), EIO);
    assert_int_equal(fault.calls, 1);
    assert_string_equal(fault.hit_name, "sync");
    os_sim_destroy(sim);
}

TEST(fault_after_takes_effect_and_yet_fails)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_fault fault;
    os_fault_init(&fault, os_sim_os(sim),
                  &(struct os_fault_plan){ .fail_at = 1, .error = EIO, .after = true });
    assert_int_equal(fault.os.ops->mkdir(&fault.os, "/a"), EIO);
    assert_true(os_sim_directory_is_there(sim, "/a"));
    os_sim_destroy(sim);
}

TEST(faults_by_chance_repeat_from_their_seed)
{
    uint64_t failed[2];
    for (int i = 0; i < 2; i++) {
        struct os_sim *sim = os_sim_create(NULL);
        struct os_fault fault;
        os_fault_init(&fault, os_sim_os(sim),
                      &(struct os_fault_plan){ .per_mille = 300, .seed = 9 });
        for (int k = 0; k < 100; k++) {
            (void)run(&fault.os);
        }
        failed[i] = fault.failed;
        os_sim_destroy(sim);
    }
    assert_int_equal(failed[0], failed[1]);
    assert_in_range(failed[0], 100, 400);
}

TEST(allocator_refuses_the_nth_request_once_or_from_then_on)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        struct alloc_fault fault;
        alloc_fault_init(&fault, 2, sticky != 0);
        weir_alloc alloc = alloc_fault_alloc(&fault);
        void *one = alloc.resize(alloc.ctx, NULL, 0, 100);
        assert_non_null(one);
        assert_null(alloc.resize(alloc.ctx, one, 100, 200)); /* one stays valid */
        void *grown = alloc.resize(alloc.ctx, one, 100, 200);
        assert_int_equal(grown == NULL, sticky != 0);
        assert_int_equal(fault.refused, sticky != 0 ? 2 : 1);
        assert_int_equal(fault.requests, 3);
        alloc.resize(alloc.ctx, grown != NULL ? grown : one, grown != NULL ? 200 : 100, 0);
        assert_int_equal(alloc_fault_leaks(&fault, NULL), 0);
    }
}

TEST(allocator_finds_a_planted_leak)
{
    struct alloc_fault fault;
    char text[400] = "";
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    void *kept = alloc.resize(alloc.ctx, NULL, 0, 10);
    void *lost = alloc.resize(alloc.ctx, NULL, 0, 77);
    assert_non_null(lost);
    assert_int_equal((uintptr_t)lost % 16, 0);
    alloc.resize(alloc.ctx, kept, 10, 0);
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    assert_int_equal(alloc_fault_leaks(&fault, out), 1);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "request 2: 77 bytes"));
    assert_int_equal(fault.live_bytes, 77);
    assert_int_equal(fault.live_bytes_max, 87);
    alloc_fault_fini(&fault);
    assert_int_equal(fault.live_count, 0);
}

TEST(allocator_keeps_bytes_over_a_resize_and_poisons_new_ones)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    uint8_t *data = alloc.resize(alloc.ctx, NULL, 0, 4);
    assert_int_equal(data[0], 0xcd);
    memcpy(data, "abcd", 4);
    data = alloc.resize(alloc.ctx, data, 4, 6);
    assert_memory_equal(data, "abcd\xcd\xcd", 6);
    data = alloc.resize(alloc.ctx, data, 6, 2);
    assert_memory_equal(data, "ab", 2);
    alloc.resize(alloc.ctx, data, 2, 0);
    assert_int_equal(fault.live_bytes, 0);
}

enum misuse {
    WRONG_SIZE,
    PAST_THE_END,
    NOT_OURS
};

static void
misuse(enum misuse kind)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    uint8_t *data = alloc.resize(alloc.ctx, NULL, 0, 32);
    static _Alignas(16) uint8_t foreign[256];
    if (kind == WRONG_SIZE) {
        alloc.resize(alloc.ctx, data, 31, 0);
    } else if (kind == PAST_THE_END) {
        data[32] = 1;
        alloc.resize(alloc.ctx, data, 32, 0);
    } else {
        alloc.resize(alloc.ctx, foreign + 128, 32, 0);
    }
}

TEST(allocator_ends_the_process_on_misuse)
{
    for (enum misuse kind = WRONG_SIZE; kind <= NOT_OURS; kind++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            assert_non_null(freopen("/dev/null", "w", stderr));
            misuse(kind);
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a power cut may and may not take from the simulated disk. */
#include "support/common_os_sim.h"
#include "support/test.h"

#include "os/file.h"

#include <errno.h>
#include <string.h>

static int
opened(struct wr_os *os, const char *path, unsigned flags)
{
    int file = -1;
    assert_int_equal(os->ops->open(os, path, flags, &file), 0);
    return file;
}

static void
synced(struct wr_os *os, const char *path)
{
    int file = opened(os, path, WR_OPEN_READ);
    assert_int_equal(os->ops->sync(os, file, false), 0);
    assert_int_equal(os->ops->close(os, file), 0);
}

/* Creates the file with `count` bytes of 'x'; its data synced or not. */
static void
written(struct wr_os *os, const char *path, size_t count, bool sync)
{
    static char data[8192];
    size_t size = 0;
    memset(data, 'x', sizeof data);
    int file = opened(os, path, WR_OPEN_WRITE | WR_OPEN_CREATE);
    assert_int_equal(os->ops->pwrite(os, file, data, count, 0, &size), 0);
    assert_int_equal(size, count);
    if (sync) {
        assert_int_equal(os->ops->sync(os, file, true), 0);
    }
    assert_int_equal(os->ops->close(os, file), 0);
}

struct tally {
    size_t states;
    size_t gone;    /* no file of that name */
    size_t whole;   /* all bytes as written */
    size_t shorter; /* some bytes missing at the end, the others as written */
    size_t wrong;   /* other bytes */
};

static void
look(struct tally *tally, const struct os_sim *system, const char *path, size_t count)
{
    size_t size = 0;
    size_t good = 0;
    const uint8_t *data = os_sim_file_get(system, path, &size);
    tally->states++;
    if (data == NULL) {
        tally->gone++;
        return;
    }
    while (good < size && data[good] == 'x') {
        good++;
    }
    tally->whole += good == size && size == count;
    tally->shorter += good == size && size < count;
    tally->wrong += good < size;
}

/* Over all single-fault states of the log's end alone. */
static struct tally
tally_end(const struct os_sim *sim, unsigned kinds, const char *path, size_t count)
{
    struct tally tally = { .states = 0 };
    struct os_sim_crash_options options = { .from = os_sim_log_count(sim),
                                            .kinds = kinds,
                                            .random_per_prefix = 50 };
    struct os_sim_crash *crash = os_sim_crash_begin(sim, &options);
    while (os_sim_crash_next(crash)) {
        struct os_sim *after = os_sim_crash_materialize(crash);
        look(&tally, after, path, count);
        os_sim_destroy(after);
    }
    os_sim_crash_end(crash);
    return tally;
}

TEST(power_cut_may_take_or_tear_what_was_not_synced)
{
    struct os_sim *sim = os_sim_create(NULL);
    written(os_sim_os(sim), "/a", 2000, false);
    struct tally tally = tally_end(sim, OS_SIM_CRASH_SINGLE, "/a", 2000);
    assert_int_equal(tally.states, 8); /* whole; no name; no data; three cuts; zeros; garbage */
    assert_int_equal(tally.gone, 1);
    assert_int_equal(tally.whole, 1);
    assert_int_equal(tally.shorter, 4);
    assert_int_equal(tally.wrong, 2);
    os_sim_destroy(sim);
}

TEST(power_cut_may_take_a_synced_file_whose_directory_was_not)
{
    struct os_sim *sim = os_sim_create(NULL);
    written(os_sim_os(sim), "/a", 2000, true);
    struct tally tally = tally_end(sim, OS_SIM_CRASH_SINGLE, "/a", 2000);
    assert_int_equal(tally.states, 2);
    assert_int_equal(tally.gone, 1);
    assert_int_equal(tally.whole, 1);
    os_sim_destroy(sim);
}

TEST(power_cut_cannot_take_a_file_synced_with_its_directory)
{
    struct os_sim *sim = os_sim_create(NULL);
    written(os_sim_os(sim), "/a", 2000, true);
    synced(os_sim_os(sim), "/");
    struct tally tally = tally_end(sim, OS_SIM_CRASH_ALL, "/a", 2000);
    assert_int_equal(tally.states, tally.whole);
    os_sim_destroy(sim);
}

TEST(power_cut_takes_all_below_a_directory_whose_name_was_not_synced)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    assert_int_equal(os->ops->mkdir(os, "/d"), 0);
    written(os, "/d/a", 10, true);
    synced(os, "/d");
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_DROP, "/d/a", 10).gone, 1);
    synced(os, "/");
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_ALL, "/d/a", 10).gone, 0);
    os_sim_destroy(sim);
}

TEST(rename_can_vanish_until_its_directory_is_synced)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    os_sim_file_put(sim, "/b", "old", 3);
    written(os, "/a", 10, true);
    synced(os, "/");
    assert_int_equal(os->ops->rename(os, "/a", "/b", true), 0);
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_DROP, "/b", 10).wrong, 1); /* the old one */
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_DROP, "/a", 10).whole, 1);
    synced(os, "/");
    struct tally tally = tally_end(sim, OS_SIM_CRASH_ALL, "/b", 10);
    assert_int_equal(tally.states, tally.whole);
    os_sim_destroy(sim);
}

TEST(rename_across_directories_needs_both_synced)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    os_sim_directory_put(sim, "/one");
    os_sim_directory_put(sim, "/two");
    os_sim_file_put(sim, "/one/a", "xxxxx", 5);
    assert_int_equal(os->ops->rename(os, "/one/a", "/two/a", false), 0);
    synced(os, "/two");
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_DROP, "/two/a", 5).gone, 1);
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_BOTH_NAMES, "/two/a", 5).whole, 1);
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_BOTH_NAMES, "/one/a", 5).whole, 1);
    synced(os, "/two"); /* once more is not the other one */
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_DROP, "/two/a", 5).gone, 1);
    synced(os, "/one");
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_ALL, "/two/a", 5).whole, 1);
    os_sim_destroy(sim);
}

TEST(unlinked_file_can_come_back_whole)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    written(os, "/a", 700, true);
    synced(os, "/");
    assert_int_equal(os->ops->unlink(os, "/a"), 0);
    assert_null(os_sim_file_get(sim, "/a", NULL));
    assert_int_equal(tally_end(sim, OS_SIM_CRASH_DROP, "/a", 700).whole, 1);
    os_sim_destroy(sim);
}

TEST(unlink_after_a_lost_rename_leaves_the_old_name)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    os_sim_directory_put(sim, "/d");
    os_sim_file_put(sim, "/a", "x", 1);
    assert_int_equal(os->ops->rename(os, "/a", "/d/a", false), 0);
    assert_int_equal(os->ops->unlink(os, "/d/a"), 0);
    struct tally tally = tally_end(sim, OS_SIM_CRASH_DROP, "/a", 1);
    assert_int_equal(tally.states, 2); /* without the rename; without the unlink */
    assert_int_equal(tally.whole, 1);
    os_sim_destroy(sim);
}

TEST(later_write_may_arrive_without_the_earlier_one)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    size_t size = 0;
    os_sim_file_put(sim, "/a", "", 0);
    int file = opened(os, "/a", WR_OPEN_WRITE);
    assert_int_equal(os->ops->write(os, file, "xx", 2, &size), 0);
    assert_int_equal(os->ops->write(os, file, "xx", 2, &size), 0);
    struct tally tally = tally_end(sim, OS_SIM_CRASH_DROP, "/a", 4);
    assert_int_equal(tally.states, 2);
    assert_int_equal(tally.wrong, 1); /* zeros, then the second */
    assert_int_equal(tally.shorter, 1);
    os_sim_destroy(sim);
}

/* The habit of every careful program; with `careless` the one fsync of the data is left out. */
static void
replace_file(struct os_sim *sim, bool careless)
{
    struct wr_os *os = os_sim_os(sim);
    os_sim_directory_put(sim, "/d");
    os_sim_file_put(sim, "/d/a", "old", 3);
    written(os, "/d/a.tmp", 3000, !careless);
    assert_int_equal(os->ops->rename(os, "/d/a.tmp", "/d/a", true), 0);
    synced(os, "/d");
}

static size_t
count_broken(const struct os_sim *sim, bool print)
{
    size_t broken = 0;
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 20 };
    struct os_sim_crash *crash = os_sim_crash_begin(sim, &options);
    while (os_sim_crash_next(crash)) {
        size_t size = 0;
        struct os_sim *after = os_sim_crash_materialize(crash);
        const uint8_t *data = os_sim_file_get(after, "/d/a", &size);
        bool settled = os_sim_crash_prefix(crash) >= 4; /* the file was put */
        bool old = data != NULL && size == 3 && memcmp(data, "old", 3) == 0;
        bool new = data != NULL &&size == 3000 && data[0] == 'x' && data[2999] == 'x';
        if (settled && !old && !new) {
            broken++;
            if (print) {
                print_message("%s\n", os_sim_crash_words(crash));
            }
        }
        os_sim_destroy(after);
    }
    os_sim_crash_end(crash);
    return broken;
}

TEST(careful_replacement_survives_every_crash_state)
{
    struct os_sim *sim = os_sim_create(NULL);
    replace_file(sim, false);
    assert_int_equal(count_broken(sim, true), 0);
    os_sim_destroy(sim);
}

TEST(fsync_left_out_is_found)
{
    struct os_sim *sim = os_sim_create(NULL);
    replace_file(sim, true);
    assert_true(count_broken(sim, false) > 3);
    os_sim_destroy(sim);
}

TEST(crash_states_are_counted_and_named_the_same_each_time)
{
    struct os_sim *sim = os_sim_create(NULL);
    replace_file(sim, false);
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .seed = 5 };
    struct os_sim_crash *one = os_sim_crash_begin(sim, &options);
    struct os_sim_crash *two = os_sim_crash_begin(sim, &options);
    size_t count = 0;
    while (os_sim_crash_next(one)) {
        assert_true(os_sim_crash_next(two));
        assert_string_equal(os_sim_crash_words(one), os_sim_crash_words(two));
        struct os_sim *first = os_sim_crash_materialize(one);
        struct os_sim *second = os_sim_crash_materialize(two);
        assert_int_equal(os_sim_image_hash(first), os_sim_image_hash(second));
        os_sim_destroy(first);
        os_sim_destroy(second);
        count++;
    }
    assert_false(os_sim_crash_next(two));
    assert_int_equal(count, os_sim_crash_state_count(sim, &options));
    os_sim_crash_end(one);
    os_sim_crash_end(two);
    os_sim_destroy(sim);
}

/* Many files come and go, as checkpoints do: every state keeps those that were synced and not
 * removed. */
TEST(rolling_files_survive_every_crash_state)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    size_t states = 0;
    enum {
        KEPT = 2,
        ROUNDS = 30
    };
    size_t done_at[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        char path[32];
        snprintf(path, sizeof path, "/f%d", i);
        written(os, path, 1500, true);
        synced(os, "/");
        done_at[i] = os_sim_log_count(sim);
        if (i >= KEPT) {
            snprintf(path, sizeof path, "/f%d", i - KEPT);
            assert_int_equal(os->ops->unlink(os, path), 0);
        }
    }
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL };
    struct os_sim_crash *crash = os_sim_crash_begin(sim, &options);
    while (os_sim_crash_next(crash)) {
        struct os_sim *after = os_sim_crash_materialize(crash);
        int newest = ROUNDS - 1;
        while (newest >= 0 && done_at[newest] > os_sim_crash_prefix(crash)) {
            newest--;
        }
        char path[32];
        snprintf(path, sizeof path, "/f%d", newest);
        struct tally tally = { .states = 0 };
        look(&tally, after, path, 1500);
        if (newest >= 0 && tally.whole != 1) {
            print_error("%s: %s is not whole\n", os_sim_crash_words(crash), path);
            fail();
        }
        os_sim_destroy(os_sim_copy(after));
        os_sim_destroy(after);
        states++;
    }
    assert_true(states > 10 * ROUNDS);
    os_sim_crash_end(crash);
    os_sim_destroy(sim);
}

TEST(crash_words_name_the_lost_operation)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    os_sim_file_put(sim, "/a", "1", 1);
    os_sim_log_reset(sim);
    assert_int_equal(os->ops->rename(os, "/a", "/b", false), 0);
    struct os_sim_crash_options options = { .from = 1, .kinds = OS_SIM_CRASH_DROP };
    struct os_sim_crash *crash = os_sim_crash_begin(sim, &options);
    assert_true(os_sim_crash_next(crash));
    assert_string_equal(os_sim_crash_words(crash), "prefix 1 without 0 (rename /a -> /b)");
    assert_false(os_sim_crash_next(crash));
    os_sim_crash_end(crash);
    os_sim_destroy(sim);
}

TEST(system_after_the_cut_draws_other_random_numbers_and_goes_on_in_time)
{
    struct os_sim *sim = os_sim_create(NULL);
    uint64_t before = 0;
    uint64_t after = 0;
    os_sim_advance_ns(sim, 5000000000);
    struct os_sim *copy = os_sim_copy(sim);
    struct wr_os *os = os_sim_os(sim);
    struct wr_os *next = os_sim_os(copy);
    assert_int_equal(os->ops->random(os, &before, sizeof before), 0);
    assert_int_equal(next->ops->random(next, &after, sizeof after), 0);
    assert_int_not_equal(before, after);
    assert_true(next->ops->wall_ms(next) >= os->ops->wall_ms(os));
    assert_int_not_equal(next->ops->process_id(next), os->ops->process_id(os));
    os_sim_destroy(copy);
    os_sim_destroy(sim);
}

/* A process was killed between a mkdir and the sync of its name; the next finds the directory. */
TEST(a_directory_that_a_killed_process_made_is_made_durable_by_the_next)
{
    struct os_sim *sim = os_sim_create(NULL);
    os_sim_log_reset(sim);
    struct wr_os *killed = os_sim_process_create(sim);
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(0, killed->ops->mkdir(killed, "/a"));
    assert_int_equal(0, killed->ops->mkdir(killed, "/a/b"));
    os_sim_process_kill(sim, killed);
    assert_ok(wr_directory_create_all(os_sim_os(sim), "/a/b", &err), &err);
    size_t made_at = os_sim_log_count(sim);
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 4 };
    struct os_sim_crash *crash = os_sim_crash_begin(sim, &options);
    unsigned states = 0;
    while (os_sim_crash_next(crash)) {
        struct os_sim *after = os_sim_crash_materialize(crash);
        if (os_sim_crash_prefix(crash) >= made_at) {
            assert_true(os_sim_directory_is_there(after, "/a/b"));
            states++;
        }
        os_sim_destroy(after);
    }
    assert_true(states > 0);
    os_sim_crash_end(crash);
    os_sim_destroy(sim);
}

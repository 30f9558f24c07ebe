/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated system but for the power cut: processes, locks, space, clock, peers, trace. */
#include "support/common_os_sim.h"
#include "support/test.h"

#include <errno.h>
#include <string.h>

static int
opened(struct wr_os *os, const char *path, unsigned flags)
{
    int file = -1;
    assert_int_equal(os->ops->open(os, path, flags, &file), 0);
    return file;
}

TEST(kill_keeps_operations_and_takes_descriptors_and_locks)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *first = os_sim_os(sim);
    size_t size = 0;
    int file = opened(first, "/a", WR_OPEN_WRITE | WR_OPEN_CREATE);
    assert_int_equal(first->ops->write(first, file, "abc", 3, &size), 0);
    assert_int_equal(first->ops->lock(first, file), 0);
    assert_int_equal(first->ops->lock(first, file), 0); /* mine already */
    os_sim_kill(sim);
    struct wr_os *second = os_sim_os(sim);
    assert_ptr_not_equal(first, second);
    assert_int_equal(first->ops->write(first, file, "d", 1, &size), EIO);
    assert_int_equal(first->ops->close(first, file), EIO);
    assert_int_equal(os_sim_open_count(sim), 0);
    file = opened(second, "/a", WR_OPEN_WRITE);
    assert_int_equal(second->ops->lock(second, file), 0);
    assert_memory_equal(os_sim_file_get(sim, "/a", &size), "abc", 3);
    assert_int_equal(size, 3);
    os_sim_destroy(sim);
}

TEST(lock_is_held_against_another_process_until_it_is_killed)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *zombie = os_sim_os(sim);
    struct wr_os *successor = os_sim_process_create(sim);
    int one = opened(zombie, "/lock", WR_OPEN_WRITE | WR_OPEN_CREATE);
    int two = opened(successor, "/lock", WR_OPEN_WRITE);
    int other = opened(zombie, "/lock", WR_OPEN_WRITE);
    assert_int_equal(zombie->ops->lock(zombie, one), 0);
    assert_int_equal(successor->ops->lock(successor, two), EWOULDBLOCK);
    assert_int_equal(zombie->ops->lock(zombie, other), EWOULDBLOCK); /* another description */
    os_sim_process_kill(sim, zombie);
    assert_int_equal(successor->ops->lock(successor, two), 0);
    assert_int_not_equal(successor->ops->process_id(successor), zombie->ops->process_id(zombie));
    os_sim_destroy(sim);
}

TEST(power_off_stops_every_effect_after_the_nth_operation)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    os_sim_power_off_at(sim, 2);
    assert_int_equal(os->ops->mkdir(os, "/a"), 0);
    assert_int_equal(os->ops->mkdir(os, "/b"), 0);
    assert_false(os_sim_power_is_off(sim));
    assert_int_equal(os->ops->mkdir(os, "/c"), EIO);
    assert_true(os_sim_power_is_off(sim));
    assert_false(os_sim_directory_is_there(sim, "/c"));
    os_sim_kill(sim);
    os = os_sim_os(sim);
    assert_int_equal(os->ops->mkdir(os, "/c"), 0);
    assert_int_equal(os_sim_operation_count_of(sim, OS_SIM_MKDIR), 4);
    os_sim_destroy(sim);
}

TEST(disk_gets_full_and_is_free_again_when_files_go)
{
    struct os_sim *sim = os_sim_create(&(struct os_sim_config){ .space_bytes = 1000 });
    struct wr_os *os = os_sim_os(sim);
    static const char data[800] = { 'x' };
    size_t size = 0;
    int file = opened(os, "/a", WR_OPEN_WRITE | WR_OPEN_CREATE);
    assert_int_equal(os->ops->write(os, file, data, 800, &size), 0);
    assert_int_equal(os->ops->write(os, file, data, 800, &size), 0);
    assert_int_equal(size, 200);
    assert_int_equal(os->ops->write(os, file, data, 800, &size), ENOSPC);
    assert_int_equal(os->ops->pwrite(os, file, data, 800, 0, &size), 0); /* there is room for it */
    assert_int_equal(os->ops->mkdir(os, "/d"), ENOSPC);
    assert_int_equal(os->ops->unlink(os, "/a"), 0);
    assert_int_equal(os->ops->mkdir(os, "/d"), ENOSPC); /* the file is open still */
    assert_int_equal(os->ops->close(os, file), 0);
    assert_int_equal(os_sim_used_bytes(sim), 0);
    assert_int_equal(os->ops->mkdir(os, "/d"), 0);
    os_sim_destroy(sim);
}

TEST(denied_directory_cannot_be_written_or_read)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    struct wr_os_list *list = NULL;
    int file = -1;
    os_sim_file_put(sim, "/ro/d/a", "1", 1);
    os_sim_deny(sim, "/ro", OS_SIM_DENY_WRITE, EROFS);
    assert_int_equal(os->ops->open(os, "/ro/d/a", WR_OPEN_WRITE, &file), EROFS);
    assert_int_equal(os->ops->open(os, "/ro/d/b", WR_OPEN_WRITE | WR_OPEN_CREATE, &file), EROFS);
    assert_int_equal(os->ops->mkdir(os, "/ro/e"), EROFS);
    assert_int_equal(os->ops->unlink(os, "/ro/d/a"), EROFS);
    assert_int_equal(os->ops->rename(os, "/ro/d/a", "/a", true), EROFS);
    (void)opened(os, "/ro/d/a", WR_OPEN_READ);
    os_sim_deny(sim, "/ro", OS_SIM_DENY_READ, EACCES);
    assert_int_equal(os->ops->list_open(os, "/ro/d", &list), EACCES);
    assert_int_equal(os->ops->open(os, "/ro/d/a", WR_OPEN_READ, &file), EACCES);
    os_sim_deny(sim, "/ro", 0, 0);
    assert_int_equal(os->ops->mkdir(os, "/ro/e"), 0);
    os_sim_destroy(sim);
}

TEST(direct_io_wants_whole_sectors)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    static _Alignas(512) char data[2048];
    size_t size = 0;
    int file = opened(os, "/a", WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_DIRECT);
    assert_int_equal(os->ops->pwrite(os, file, data, 1024, 512, &size), 0);
    assert_int_equal(os->ops->pwrite(os, file, data, 1000, 0, &size), EINVAL);
    assert_int_equal(os->ops->pwrite(os, file, data, 1024, 100, &size), EINVAL);
    assert_int_equal(os->ops->pwrite(os, file, data + 8, 1024, 0, &size), EINVAL);
    assert_int_equal(os->ops->pread(os, file, data, 2048, 512, &size), 0);
    assert_int_equal(size, 1024);
    os_sim_destroy(sim);
}

TEST(direct_io_can_be_refused_after_the_file_was_made)
{
    struct os_sim *sim = os_sim_create(&(struct os_sim_config){ .refuse_direct = true });
    struct wr_os *os = os_sim_os(sim);
    int file = -1;
    unsigned flags = WR_OPEN_WRITE | WR_OPEN_CREATE;
    assert_int_equal(os->ops->open(os, "/a", flags | WR_OPEN_DIRECT, &file), EINVAL);
    assert_non_null(os_sim_file_get(sim, "/a", NULL));
    assert_int_equal(os->ops->open(os, "/a", flags, &file), 0);
    os_sim_destroy(sim);
}

TEST(descriptors_run_out_at_the_limit)
{
    struct os_sim *sim = os_sim_create(&(struct os_sim_config){ .file_limit = 5 });
    struct wr_os *os = os_sim_os(sim);
    int file = -1;
    assert_int_equal(opened(os, "/a", WR_OPEN_WRITE | WR_OPEN_CREATE), 3);
    assert_int_equal(opened(os, "/a", WR_OPEN_READ), 4);
    assert_int_equal(os->ops->open(os, "/a", WR_OPEN_READ, &file), EMFILE);
    assert_int_equal(os->ops->close(os, 3), 0);
    assert_int_equal(opened(os, "/a", WR_OPEN_READ), 3);
    os_sim_destroy(sim);
}

TEST(clock_moves_only_when_waited_looked_at_or_told)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    _Atomic uint32_t word = 7;
    uint64_t start = os->ops->monotonic_ns(os);
    int64_t wall = os->ops->wall_ms(os);
    assert_int_equal(os->ops->monotonic_ns(os), start);
    os->ops->wait(os, &word, 8, 1000000);
    assert_int_equal(os->ops->monotonic_ns(os), start);
    os->ops->wait(os, &word, 7, 2000000);
    assert_int_equal(os->ops->monotonic_ns(os), start + 2000000);
    os_sim_advance_ns(sim, 3000000);
    assert_int_equal(os->ops->wall_ms(os), wall + 5);
    os_sim_jump_wall_ms(sim, -3600000);
    assert_int_equal(os->ops->wall_ms(os), wall + 5 - 3600000);
    assert_int_equal(os->ops->monotonic_ns(os), start + 5000000);
    os_sim_set_cost_ns(sim, OS_SIM_MKDIR, 30000000000);
    assert_int_equal(os->ops->mkdir(os, "/a"), 0);
    assert_int_equal(os->ops->monotonic_ns(os), start + 30005000000);
    os_sim_destroy(sim);
}

TEST(peer_follows_its_script)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    char data[16];
    size_t size = 0;
    int file = -1;
    const struct os_sim_peer refuses[] = { { .kind = OS_SIM_PEER_REFUSE } };
    const struct os_sim_peer talks[] = { { .kind = OS_SIM_PEER_WAIT, .size = 2 },
                                         { .kind = OS_SIM_PEER_DATA, .data = "hello", .size = 5 },
                                         { .kind = OS_SIM_PEER_DATA, .data = "!", .size = 1 },
                                         { .kind = OS_SIM_PEER_CLOSE } };
    os_sim_listen(sim, "localhost", "9000", refuses, 1);
    os_sim_listen(sim, "localhost", "9000", talks, 4);
    assert_int_equal(os->ops->connect(os, "localhost", "9001", &file), ECONNREFUSED);
    assert_int_equal(os->ops->connect(os, "localhost", "9000", &file), ECONNREFUSED);
    assert_int_equal(os->ops->connect(os, "localhost", "9000", &file), 0);
    assert_int_equal(os->ops->read(os, file, data, sizeof data, &size), EAGAIN);
    assert_int_equal(os->ops->read(os, file, data, sizeof data, &size), EAGAIN);
    assert_int_equal(os->ops->read(os, file, data, 3, &size), 0);
    assert_int_equal(size, 3);
    assert_int_equal(os->ops->read(os, file, data, sizeof data, &size), 0);
    assert_int_equal(size, 2); /* not joined with what comes after it */
    assert_int_equal(os->ops->read(os, file, data, sizeof data, &size), 0);
    assert_int_equal(size, 1);
    assert_int_equal(os->ops->read(os, file, data, sizeof data, &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(os->ops->close(os, file), 0);
    assert_int_equal(os->ops->connect(os, "localhost", "9000", &file), ECONNREFUSED);
    os_sim_destroy(sim);
}

TEST(output_of_all_processes_is_kept)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    size_t size = 0;
    assert_int_equal(os->ops->write(os, WR_OS_STDOUT, "one\n", 4, &size), 0);
    assert_int_equal(os->ops->write(os, WR_OS_STDERR, "bad\n", 4, &size), 0);
    os_sim_kill(sim);
    os = os_sim_os(sim);
    assert_int_equal(os->ops->write(os, WR_OS_STDOUT, "two\n", 4, &size), 0);
    assert_string_equal(os_sim_output(sim, WR_OS_STDOUT, &size), "one\ntwo\n");
    assert_int_equal(size, 8);
    assert_string_equal(os_sim_output(sim, WR_OS_STDERR, NULL), "bad\n");
    os_sim_destroy(sim);
}

TEST(library_and_its_symbols_come_from_the_table)
{
    static int answer = 42;
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    void *library = NULL;
    char words[200] = "";
    const struct os_sim_symbol symbols[] = { { "answer", &answer } };
    os_sim_library(sim, "/lib/job.so", symbols, 1);
    assert_int_equal(os->ops->load(os, "/lib/none.so", &library, words, sizeof words), ENOENT);
    assert_non_null(strstr(words, "/lib/none.so"));
    assert_int_equal(os->ops->load(os, "/lib/job.so", &library, words, sizeof words), 0);
    assert_ptr_equal(os->ops->symbol(os, library, "answer"), &answer);
    assert_null(os->ops->symbol(os, library, "question"));
    os->ops->unload(os, library);
    os_sim_destroy(sim);
}

static uint64_t
hash_of_run(uint64_t seed, const char *data)
{
    struct os_sim *sim =
        os_sim_create(&(struct os_sim_config){ .seed = seed, .clock_step_ns = 1000 });
    struct wr_os *os = os_sim_os(sim);
    uint64_t drawn = 0;
    size_t size = 0;
    assert_int_equal(os->ops->random(os, &drawn, sizeof drawn), 0);
    (void)os->ops->monotonic_ns(os);
    int file = opened(os, "/a", WR_OPEN_WRITE | WR_OPEN_CREATE);
    assert_int_equal(os->ops->write(os, file, data, strlen(data), &size), 0);
    uint64_t hash = os_sim_trace_hash(sim);
    os_sim_destroy(sim);
    return hash;
}

TEST(trace_hash_follows_seed_and_bytes_and_nothing_else)
{
    assert_int_equal(hash_of_run(1, "abc"), hash_of_run(1, "abc"));
    assert_int_not_equal(hash_of_run(1, "abc"), hash_of_run(2, "abc"));
    assert_int_not_equal(hash_of_run(1, "abc"), hash_of_run(1, "abd"));
}

TEST(trace_and_log_are_printed_for_people)
{
    char text[4000] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    assert_int_equal(os->ops->mkdir(os, "/a"), 0);
    assert_int_equal(os->ops->rename(os, "/a", "/b", false), 0);
    assert_int_equal(os->ops->unlink(os, "/none"), ENOENT);
    os_sim_trace_print(sim, out);
    os_sim_log_print(sim, out);
    os_sim_tree_print(sim, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "rename /a -> /b at 0 size 0: ok"));
    assert_non_null(strstr(text, "unlink /none at 0 size 0: No such file or directory"));
    assert_non_null(strstr(text, "    1 rename /a -> /b  (not durable)"));
    assert_non_null(strstr(text, "dir /b"));
    os_sim_destroy(sim);
}

TEST(list_gives_each_name_once_and_can_be_left_open_by_a_kill)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    struct wr_os_list *list = NULL;
    char name[WR_OS_NAME_MAX];
    unsigned seen = 0;
    os_sim_file_put(sim, "/d/1", "", 0);
    os_sim_file_put(sim, "/d/2", "", 0);
    os_sim_directory_put(sim, "/d/3");
    assert_int_equal(os->ops->list_open(os, "/d", &list), 0);
    while (os->ops->list_next(os, list, name) == 0) {
        seen += 1U << (4 * (name[0] - '1'));
    }
    assert_int_equal(seen, 0x111);
    os->ops->list_close(os, list);
    assert_int_equal(os->ops->list_open(os, "/d", &list), 0);
    os_sim_kill(sim);
    assert_int_equal(os->ops->list_next(os, list, name), EIO);
    os->ops->list_close(os, list);
    os_sim_destroy(sim);
}

TEST(threads_are_refused)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct wr_os *os = os_sim_os(sim);
    struct wr_os_thread *thread = NULL;
    assert_int_equal(os->ops->thread_start(os, "io", NULL, NULL, &thread), ENOSYS);
    os_sim_destroy(sim);
}

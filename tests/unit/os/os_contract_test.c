/* SPDX-License-Identifier: Apache-2.0 */
/* os_contract_test: what every os must do alike. Each case runs over every subject: an os and a
 * directory of its own that is there and empty. A new os is a row in `subjects`. */
#include "support/test.h"

#include "os/os.h"
#include "support/common_os_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_SIZE = 300
};

struct subject {
    struct wr_os *os;
    char root[PATH_SIZE / 2];
    struct os_sim *own; /* NULL for the real system */
};

static void
posix_begin(struct subject *subject)
{
    subject->os = wr_os_posix();
    snprintf(subject->root, sizeof subject->root, "/tmp/weir_os_contract_XXXXXX");
    assert_non_null(mkdtemp(subject->root));
}

static void
posix_end(struct subject *subject)
{
    char command[PATH_SIZE];
    snprintf(command, sizeof command, "rm -rf '%s'", subject->root);
    assert_int_equal(system(command), 0);
}

static void
sim_begin(struct subject *subject)
{
    snprintf(subject->root, sizeof subject->root, "/root");
    subject->own = os_sim_create(NULL);
    assert_non_null(subject->own);
    subject->os = os_sim_os(subject->own);
    os_sim_directory_put(subject->own, subject->root);
}

static void
sim_end(struct subject *subject)
{
    os_sim_destroy(subject->own);
}

static const struct {
    void (*begin)(struct subject *subject);
    void (*end)(struct subject *subject);
} subjects[] = {
    { posix_begin, posix_end },
    { sim_begin, sim_end },
};

static void
over_all(void (*contract)(struct subject *subject))
{
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        struct subject subject = { 0 };
        subjects[i].begin(&subject);
        contract(&subject);
        subjects[i].end(&subject);
    }
}

static const char *
path_of(const struct subject *subject, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", subject->root, name);
    return path;
}

/* Makes a file with these words. */
static void
make_file(const struct subject *subject, const char *name, const char *words)
{
    char path[PATH_SIZE];
    int file = -1;
    size_t count = 0;
    struct wr_os *os = subject->os;
    assert_int_equal(os->ops->open(os, path_of(subject, name, path),
                                   WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_TRUNCATE, &file),
                     0);
    if (words[0] != '\0') {
        assert_int_equal(os->ops->pwrite(os, file, words, strlen(words), 0, &count), 0);
        assert_int_equal(count, strlen(words));
    }
    assert_int_equal(os->ops->close(os, file), 0);
}

static void
assert_file(const struct subject *subject, const char *name, const char *words)
{
    char path[PATH_SIZE];
    char text[100] = "";
    int file = -1;
    size_t count = 0;
    struct wr_os *os = subject->os;
    assert_int_equal(os->ops->open(os, path_of(subject, name, path), WR_OPEN_READ, &file), 0);
    assert_int_equal(os->ops->pread(os, file, text, sizeof text - 1, 0, &count), 0);
    text[count] = '\0';
    assert_string_equal(text, words);
    assert_int_equal(os->ops->close(os, file), 0);
}

static void
open_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    int file = -7;
    struct wr_os *os = subject->os;
    assert_int_equal(os->ops->open(os, path_of(subject, "no", path), WR_OPEN_READ, &file), ENOENT);
    assert_int_equal(file, -7);
    unsigned exclusive = WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_EXCLUSIVE;
    assert_int_equal(os->ops->open(os, path_of(subject, "one", path), exclusive, &file), 0);
    assert_int_equal(os->ops->close(os, file), 0);
    assert_int_equal(os->ops->open(os, path, exclusive, &file), EEXIST);
    assert_int_equal(os->ops->open(os, path, WR_OPEN_READ | WR_OPEN_DIRECTORY, &file), ENOTDIR);
    assert_int_equal(os->ops->open(os, subject->root, WR_OPEN_WRITE, &file), EISDIR);
    assert_int_equal(os->ops->open(os, path_of(subject, "one/x", path), WR_OPEN_READ, &file),
                     ENOTDIR);
    make_file(subject, "one", "words");
    make_file(subject, "one", ""); /* TRUNCATE */
    assert_file(subject, "one", "");
}

TEST(os_opens_files)
{
    over_all(open_contract);
}

enum {
    SECTOR = 4096,
    SECTORS = 5
};

/* Sector i is full of 'a' + i, and some more follow the last. */
static int
open_letters(struct subject *subject)
{
    char path[PATH_SIZE];
    char letters[SECTOR];
    int file = -1;
    size_t count = 0;
    struct wr_os *os = subject->os;
    make_file(subject, "letters", "");
    assert_int_equal(os->ops->open(os, path_of(subject, "letters", path), WR_OPEN_WRITE, &file), 0);
    for (int i = 0; i < SECTORS; i++) {
        memset(letters, 'a' + i, sizeof letters);
        assert_int_equal(
            os->ops->pwrite(os, file, letters, sizeof letters, (uint64_t)i * SECTOR, &count), 0);
    }
    assert_int_equal(os->ops->pwrite(os, file, "end", 3, SECTORS * (uint64_t)SECTOR, &count), 0);
    assert_int_equal(os->ops->close(os, file), 0);
    assert_int_equal(os->ops->open(os, path, WR_OPEN_READ | WR_OPEN_DIRECT, &file), 0);
    return file;
}

static void
reads_contract(struct subject *subject)
{
    static _Alignas(SECTOR) char buffers[3][2 * SECTOR];
    struct wr_os *os = subject->os;
    struct wr_os_reads *reads = NULL;
    size_t count = 0;
    int file = open_letters(subject);
    assert_int_equal(os->ops->reads_open(os, 3, &reads), 0);
    /* Ended in another order than begun; a slot may be used again; short at the file's end. */
    static const uint64_t sectors[] = { 2, 0, 4 };
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned slot = 0; slot < 3; slot++) {
            assert_int_equal(os->ops->read_begin(os, reads, slot, file, buffers[slot], 2 * SECTOR,
                                                 sectors[slot] * SECTOR),
                             0);
        }
        for (unsigned slot = 3; slot-- > 0;) {
            assert_int_equal(os->ops->read_end(os, reads, slot, &count), 0);
            assert_int_equal(count, slot == 2 ? SECTOR + 3 : 2 * SECTOR);
            assert_int_equal(buffers[slot][0], 'a' + (int)sectors[slot]);
            assert_int_equal(buffers[slot][count - 1], slot == 2 ? 'd' : 'b' + (int)sectors[slot]);
        }
    }
    /* Nothing behind the end; a file that cannot be read says so at begin or end. */
    assert_int_equal(os->ops->read_begin(os, reads, 1, file, buffers[1], SECTOR, 8 * SECTOR), 0);
    assert_int_equal(os->ops->read_end(os, reads, 1, &count), 0);
    assert_int_equal(count, 0);
    int failure = os->ops->read_begin(os, reads, 1, 9999, buffers[1], SECTOR, 0);
    failure = failure != 0 ? failure : os->ops->read_end(os, reads, 1, &count);
    assert_int_equal(failure, EBADF);
    /* Closed while one is under way. */
    assert_int_equal(os->ops->read_begin(os, reads, 0, file, buffers[0], SECTOR, 0), 0);
    os->ops->reads_close(os, reads);
    assert_int_equal(os->ops->close(os, file), 0);
}

TEST(os_reads_beside_the_caller)
{
    over_all(reads_contract);
}

static void
bytes_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    char text[20];
    int file = -1;
    size_t count = 99;
    uint64_t size = 0;
    struct wr_os *os = subject->os;
    unsigned flags = WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE;
    assert_int_equal(os->ops->open(os, path_of(subject, "f", path), flags, &file), 0);
    assert_int_equal(os->ops->pread(os, file, text, sizeof text, 0, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(os->ops->write(os, file, "abcdef", 6, &count), 0);
    assert_int_equal(count, 6);
    assert_int_equal(os->ops->pwrite(os, file, "xy", 2, 8, &count), 0); /* leaves a hole */
    assert_int_equal(os->ops->file_size(os, file, &size), 0);
    assert_int_equal(size, 10);
    assert_int_equal(os->ops->pread(os, file, text, sizeof text, 4, &count), 0);
    assert_int_equal(count, 6);
    assert_memory_equal(text, "ef\0\0xy", 6);
    assert_int_equal(os->ops->pread(os, file, text, sizeof text, 10, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(os->ops->read(os, file, text, sizeof text, &count), 0); /* from 6 on */
    assert_int_equal(count, 4);
    assert_int_equal(os->ops->read(os, file, text, sizeof text, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(os->ops->truncate(os, file, 3), 0);
    assert_int_equal(os->ops->sync(os, file, true), 0);
    assert_int_equal(os->ops->sync(os, file, false), 0);
    assert_int_equal(os->ops->close(os, file), 0);
    assert_file(subject, "f", "abc");
    assert_int_equal(os->ops->open(os, path, WR_OPEN_READ, &file), 0);
    assert_int_equal(os->ops->pwrite(os, file, "no", 2, 0, &count), EBADF);
    assert_int_equal(os->ops->close(os, file), 0);
}

TEST(os_reads_what_was_written)
{
    over_all(bytes_contract);
}

static void
stat_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    struct wr_os_stat found = { 0 };
    struct wr_os *os = subject->os;
    make_file(subject, "f", "12345");
    assert_int_equal(os->ops->stat(os, path_of(subject, "f", path), &found), 0);
    assert_int_equal(found.kind, WR_OS_FILE);
    assert_int_equal(found.size, 5);
    assert_true(found.modified_ms > 1000000000000); /* after 2001 */
    assert_int_equal(os->ops->stat(os, subject->root, &found), 0);
    assert_int_equal(found.kind, WR_OS_DIRECTORY);
    assert_int_equal(os->ops->stat(os, path_of(subject, "no", path), &found), ENOENT);
    assert_int_equal(os->ops->stat(os, path_of(subject, "f/x", path), &found), ENOTDIR);
}

TEST(os_tells_files_from_directories)
{
    over_all(stat_contract);
}

static void
rename_contract(struct subject *subject)
{
    char one[PATH_SIZE];
    char two[PATH_SIZE];
    char inner[PATH_SIZE];
    struct wr_os *os = subject->os;
    make_file(subject, "one", "1");
    make_file(subject, "two", "2");
    path_of(subject, "one", one);
    path_of(subject, "two", two);
    assert_int_equal(os->ops->rename(os, one, two, false), EEXIST);
    assert_file(subject, "one", "1");
    assert_file(subject, "two", "2");
    assert_int_equal(os->ops->rename(os, one, two, true), 0);
    assert_file(subject, "two", "1");
    assert_int_equal(os->ops->rename(os, one, two, true), ENOENT);
    assert_int_equal(os->ops->rename(os, one, two, false), ENOENT);
    assert_int_equal(os->ops->rename(os, two, one, false), 0);
    assert_file(subject, "one", "1");

    path_of(subject, "d1", one);
    path_of(subject, "d2", two);
    assert_int_equal(os->ops->mkdir(os, one), 0);
    assert_int_equal(os->ops->mkdir(os, two), 0);
    make_file(subject, "d1/f", "x");
    assert_int_equal(os->ops->rename(os, one, two, false), EEXIST); /* though it is empty */
    assert_int_equal(os->ops->rmdir(os, two), 0);
    assert_int_equal(os->ops->rename(os, one, two, false), 0);
    assert_file(subject, "d2/f", "x");
    assert_int_equal(os->ops->rename(os, two, path_of(subject, "no/d", inner), false), ENOENT);
}

TEST(os_renames_and_replaces_only_when_told)
{
    over_all(rename_contract);
}

static void
directory_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    char name[WR_OS_NAME_MAX];
    int file = -1;
    struct wr_os_list *list = NULL;
    struct wr_os *os = subject->os;
    assert_int_equal(os->ops->mkdir(os, path_of(subject, "d", path)), 0);
    assert_int_equal(os->ops->mkdir(os, path), EEXIST);
    assert_int_equal(os->ops->unlink(os, path), EISDIR);
    assert_int_equal(os->ops->mkdir(os, path_of(subject, "no/d", path)), ENOENT);
    make_file(subject, "d/a", "");
    make_file(subject, "d/b", "");
    make_file(subject, "d/.hidden", "");
    assert_int_equal(os->ops->rmdir(os, path_of(subject, "d", path)), ENOTEMPTY);
    assert_int_equal(os->ops->open(os, path, WR_OPEN_READ | WR_OPEN_DIRECTORY, &file), 0);
    assert_int_equal(os->ops->sync(os, file, false), 0);
    assert_int_equal(os->ops->close(os, file), 0);

    unsigned seen = 0;
    assert_int_equal(os->ops->list_open(os, path, &list), 0);
    while (os->ops->list_next(os, list, name) == 0) {
        char inner[PATH_SIZE * 2];
        seen |= strcmp(name, "a") == 0 ? 1U : strcmp(name, "b") == 0 ? 2U : 4U;
        snprintf(inner, sizeof inner, "%s/%s", path, name);
        assert_int_equal(os->ops->unlink(os, inner), 0); /* a name may go while it is listed */
    }
    assert_int_equal(seen, 7);
    assert_int_equal(os->ops->list_next(os, list, name), ENOENT);
    os->ops->list_close(os, list);
    assert_int_equal(os->ops->rmdir(os, path), 0);
    assert_int_equal(os->ops->rmdir(os, path), ENOENT);
    assert_int_equal(os->ops->list_open(os, path, &list), ENOENT);
    assert_int_equal(os->ops->unlink(os, path), ENOENT);
}

TEST(os_makes_lists_and_removes_directories)
{
    over_all(directory_contract);
}

static void
lock_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    int one = -1;
    int two = -1;
    struct wr_os *os = subject->os;
    make_file(subject, "lock", "");
    path_of(subject, "lock", path);
    assert_int_equal(os->ops->open(os, path, WR_OPEN_WRITE, &one), 0);
    assert_int_equal(os->ops->open(os, path, WR_OPEN_WRITE, &two), 0);
    assert_int_equal(os->ops->lock(os, one), 0);
    assert_int_equal(os->ops->lock(os, one), 0);
    assert_int_equal(os->ops->lock(os, two), EWOULDBLOCK);
    assert_int_equal(os->ops->close(os, one), 0);
    assert_int_equal(os->ops->lock(os, two), 0);
    assert_int_equal(os->ops->close(os, two), 0);
}

TEST(os_locks_files_against_a_second_holder)
{
    over_all(lock_contract);
}

static void
unlinked_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    char text[3] = "";
    int file = -1;
    size_t count = 0;
    struct wr_os *os = subject->os;
    make_file(subject, "f", "ab");
    assert_int_equal(os->ops->open(os, path_of(subject, "f", path), WR_OPEN_READ, &file), 0);
    assert_int_equal(os->ops->unlink(os, path), 0);
    assert_int_equal(os->ops->pread(os, file, text, 2, 0, &count), 0);
    assert_string_equal(text, "ab");
    assert_int_equal(os->ops->close(os, file), 0);
    assert_int_equal(os->ops->open(os, path, WR_OPEN_READ, &file), ENOENT);
}

TEST(os_keeps_an_open_file_that_was_unlinked)
{
    over_all(unlinked_contract);
}

static void
machine_contract(struct subject *subject)
{
    struct wr_os *os = subject->os;
    uint8_t one[16] = { 0 };
    uint8_t two[16] = { 0 };
    uint64_t before = os->ops->monotonic_ns(os);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = os->ops->monotonic_ns(os);
        assert_true(now >= before);
        before = now;
    }
    assert_true(os->ops->wall_ms(os) > 1600000000000);
    assert_int_equal(os->ops->random(os, one, sizeof one), 0);
    assert_int_equal(os->ops->random(os, two, sizeof two), 0);
    assert_memory_not_equal(one, two, sizeof one);
    assert_true(os->ops->cpu_count(os) >= 1);
    assert_true(os->ops->memory_bytes(os) >= 1 << 20);
    assert_true(os->ops->process_id(os) > 0);
    assert_int_equal(os->ops->size, sizeof *os->ops);
}

TEST(os_knows_the_clock_and_the_machine)
{
    over_all(machine_contract);
}

static void
wait_contract(struct subject *subject)
{
    struct wr_os *os = subject->os;
    _Atomic uint32_t word = 1;
    uint64_t before = os->ops->monotonic_ns(os);
    os->ops->wait(os, &word, 0, UINT64_MAX); /* not what is expected: no wait */
    os->ops->wait(os, &word, 1, 2000000);
    assert_true(os->ops->monotonic_ns(os) - before >= 1000000);
    os->ops->wake(os, &word);
}

TEST(os_waits_for_a_word)
{
    over_all(wait_contract);
}

static void
load_contract(struct subject *subject)
{
    char path[PATH_SIZE];
    char words[200] = "";
    void *library = NULL;
    struct wr_os *os = subject->os;
    assert_int_not_equal(
        os->ops->load(os, path_of(subject, "no.so", path), &library, words, sizeof words), 0);
    assert_null(library);
    assert_string_not_equal(words, "");
    make_file(subject, "text.so", "this is no library");
    words[0] = '\0';
    assert_int_not_equal(
        os->ops->load(os, path_of(subject, "text.so", path), &library, words, sizeof words), 0);
    assert_string_not_equal(words, "");
}

TEST(os_says_why_a_library_does_not_load)
{
    over_all(load_contract);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* file_test: os/file.h over the real system, and over one that interrupts and shortens every call.
 */
#include "support/test.h"

#include "base/memory.h"
#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An os that gives EINTR `interruptions` times before each call, and moves one byte at a time. */
struct nasty_os {
    struct wr_os base;
    struct wr_os_ops ops;
    int interruptions;
    int left;
    int syncs;
};

static bool
interrupts(struct wr_os *os)
{
    struct nasty_os *nasty = (struct nasty_os *)os;
    if (nasty->left > 0) {
        nasty->left--;
        return true;
    }
    nasty->left = nasty->interruptions;
    return false;
}

static int
nasty_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    struct wr_os *real = wr_os_posix();
    return interrupts(os) ? EINTR : real->ops->open(real, path, flags, out_file);
}

static int
nasty_pread(struct wr_os *os, int file, void *buffer, size_t size, uint64_t offset,
            size_t *out_size)
{
    struct wr_os *real = wr_os_posix();
    size = size > 1 ? 1 : size;
    return interrupts(os) ? EINTR : real->ops->pread(real, file, buffer, size, offset, out_size);
}

static int
nasty_pwrite(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
             size_t *out_size)
{
    struct wr_os *real = wr_os_posix();
    size = size > 1 ? 1 : size;
    return interrupts(os) ? EINTR : real->ops->pwrite(real, file, data, size, offset, out_size);
}

static int
nasty_write(struct wr_os *os, int file, const void *data, size_t size, size_t *out_size)
{
    struct wr_os *real = wr_os_posix();
    struct nasty_os *nasty = (struct nasty_os *)os;
    size = size > 1 ? 1 : size;
    if (interrupts(os)) {
        return nasty->left % 2 == 0 ? EINTR : EAGAIN;
    }
    return real->ops->write(real, file, data, size, out_size);
}

static int
nasty_sync(struct wr_os *os, int file, bool data_only)
{
    (void)file;
    (void)data_only;
    ((struct nasty_os *)os)->syncs++;
    return EIO;
}

static void
nasty_init(struct nasty_os *nasty, int interruptions)
{
    *nasty = (struct nasty_os){ .ops = *wr_os_posix()->ops,
                                .interruptions = interruptions,
                                .left = interruptions };
    nasty->ops.open = nasty_open;
    nasty->ops.pread = nasty_pread;
    nasty->ops.pwrite = nasty_pwrite;
    nasty->ops.write = nasty_write;
    nasty->ops.sync = nasty_sync;
    nasty->base.ops = &nasty->ops;
}

static void
make_root(char root[WR_PATH_MAX])
{
    snprintf(root, WR_PATH_MAX, "/tmp/weir_file_XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void
remove_root(const char *root)
{
    weir_error err = { 0 };
    assert_ok(wr_directory_remove_all(wr_os_posix(), root, &err), &err);
    struct wr_os_stat found;
    assert_int_equal(wr_path_stat(wr_os_posix(), root, &found, &err), WEIR_NOT_FOUND);
}

static void
write_words(const char *path, const char *words)
{
    weir_error err = { 0 };
    struct wr_os *os = wr_os_posix();
    int file = -1;
    assert_ok(
        wr_file_open(os, path, WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_TRUNCATE, &file, &err),
        &err);
    assert_ok(wr_file_write_at(os, file, path, words, strlen(words), 0, &err), &err);
    wr_file_close(os, file);
}

TEST(file_gets_through_interruptions_and_short_counts)
{
    struct nasty_os nasty;
    nasty_init(&nasty, 100);
    struct wr_os *os = &nasty.base;
    char root[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    char text[20] = "";
    size_t count = 0;
    int file = -1;
    weir_error err = { 0 };
    make_root(root);
    assert_ok(wr_path_join(path, root, "f", &err), &err);
    assert_ok(wr_file_open(os, path, WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE, &file, &err),
              &err);
    assert_ok(wr_file_write_at(os, file, path, "0123456789", 10, 2, &err), &err);
    assert_ok(wr_file_read_at(os, file, path, text, 5, 3, &count, &err), &err);
    assert_int_equal(count, 5);
    assert_string_equal(text, "12345");
    assert_ok(wr_file_read_at(os, file, path, text, sizeof text, 9, &count, &err), &err);
    assert_int_equal(count, 3); /* the file ends */
    nasty.interruptions = 3;
    nasty.left = 3;
    assert_ok(wr_file_write(os, file, path, "XY", 2, &err), &err); /* EAGAIN among them */
    wr_file_close(os, file);
    remove_root(root);
}

TEST(file_syncs_once_and_says_that_it_failed)
{
    struct nasty_os nasty;
    nasty_init(&nasty, 0);
    weir_error err = { 0 };
    assert_int_equal(wr_file_sync(&nasty.base, 0, "data-1", true, &err), WEIR_IO);
    assert_int_equal(nasty.syncs, 1);
    assert_int_equal(err.sys_errno, EIO);
    assert_non_null(strstr(err.message, "data-1"));
}

TEST(file_names_what_is_missing)
{
    weir_error err = { 0 };
    int file = -1;
    struct wr_os_stat found;
    struct wr_os *os = wr_os_posix();
    assert_int_equal(wr_file_open(os, "/no/such", WR_OPEN_READ, &file, &err), WEIR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/no/such"));
    assert_int_equal(wr_path_stat(os, "/no/such", &found, &err), WEIR_NOT_FOUND);
    assert_int_equal(wr_path_unlink(os, "/no/such", &err), WEIR_NOT_FOUND);
    assert_int_equal(wr_path_rename(os, "/no/such", "/no/other", false, &err), WEIR_NOT_FOUND);
    assert_int_equal(wr_directory_remove(os, "/no/such", &err), WEIR_NOT_FOUND);
    assert_ok(wr_directory_remove_all(os, "/no/such", &err), &err);
}

TEST(file_rename_does_not_replace)
{
    char root[WR_PATH_MAX];
    char one[WR_PATH_MAX];
    char two[WR_PATH_MAX];
    weir_error err = { 0 };
    make_root(root);
    assert_ok(wr_path_join(one, root, "one", &err), &err);
    assert_ok(wr_path_join(two, root, "two", &err), &err);
    write_words(one, "1");
    write_words(two, "2");
    assert_int_equal(wr_path_rename(wr_os_posix(), one, two, false, &err), WEIR_BUSY);
    assert_ok(wr_path_rename(wr_os_posix(), one, two, true, &err), &err);
    remove_root(root);
}

TEST(directory_is_created_with_all_above_it)
{
    char root[WR_PATH_MAX];
    char deep[WR_PATH_MAX];
    weir_error err = { 0 };
    struct wr_os_stat found;
    struct wr_os *os = wr_os_posix();
    make_root(root);
    assert_ok(wr_path_join(deep, root, "a//b/c/", &err), &err);
    assert_ok(wr_directory_create_all(os, deep, &err), &err);
    assert_ok(wr_directory_create_all(os, deep, &err), &err);
    assert_ok(wr_directory_create(os, deep, &err), &err);
    assert_ok(wr_path_stat(os, deep, &found, &err), &err);
    assert_int_equal(found.kind, WR_OS_DIRECTORY);
    assert_ok(wr_path_join(deep, root, "file", &err), &err);
    write_words(deep, "x");
    assert_int_equal(wr_directory_create(os, deep, &err), WEIR_IO);
    assert_int_equal(wr_directory_create_all(os, deep, &err), WEIR_IO);
    assert_ok(wr_path_join(deep, deep, "below", &err), &err);
    assert_int_equal(wr_directory_create_all(os, deep, &err), WEIR_IO);
    remove_root(root);
}

TEST(directory_create_all_takes_relative_paths)
{
    char root[WR_PATH_MAX];
    char back[WR_PATH_MAX];
    weir_error err = { 0 };
    make_root(root);
    assert_non_null(getcwd(back, sizeof back));
    assert_int_equal(chdir(root), 0);
    assert_ok(wr_directory_create_all(wr_os_posix(), "x/y", &err), &err);
    assert_ok(wr_directory_create_all(wr_os_posix(), "z", &err), &err);
    assert_int_equal(access("x/y", F_OK), 0);
    assert_int_equal(chdir(back), 0);
    remove_root(root);
}

TEST(directory_removal_does_not_follow_links)
{
    char root[WR_PATH_MAX];
    char kept[WR_PATH_MAX];
    char gone[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    weir_error err = { 0 };
    make_root(root);
    assert_ok(wr_path_join(kept, root, "kept", &err), &err);
    assert_ok(wr_path_join(gone, root, "gone", &err), &err);
    assert_ok(wr_directory_create(wr_os_posix(), kept, &err), &err);
    assert_ok(wr_directory_create(wr_os_posix(), gone, &err), &err);
    assert_ok(wr_path_join(path, kept, "precious", &err), &err);
    write_words(path, "x");
    assert_ok(wr_path_join(path, gone, "link", &err), &err);
    assert_int_equal(symlink(kept, path), 0);
    assert_ok(wr_directory_remove_all(wr_os_posix(), gone, &err), &err);
    assert_ok(wr_path_join(path, kept, "precious", &err), &err);
    assert_int_equal(access(path, F_OK), 0);
    remove_root(root);
}

struct seen {
    char names[5000];
    int left;
};

static weir_status
note_name(void *argument, const char *name)
{
    struct seen *seen = argument;
    strcat(seen->names, name);
    strcat(seen->names, " ");
    return --seen->left == 0 ? WEIR_CANCELLED : WEIR_OK;
}

TEST(directory_names_come_in_byte_order)
{
    char root[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    char expected[5000] = "";
    weir_error err = { 0 };
    weir_alloc alloc = wr_memory_system();
    make_root(root);
    for (int i = 0; i < 300; i++) {
        char name[20];
        snprintf(name, sizeof name, "f%03d", i * 7 % 300);
        assert_ok(wr_path_join(path, root, name, &err), &err);
        write_words(path, "");
        snprintf(name, sizeof name, "f%03d ", i);
        strcat(expected, name);
    }
    struct seen seen = { .left = -1 };
    assert_ok(wr_directory_each(wr_os_posix(), &alloc, root, note_name, &seen, &err), &err);
    assert_string_equal(seen.names, expected);
    seen = (struct seen){ .left = 2 };
    assert_int_equal(wr_directory_each(wr_os_posix(), &alloc, root, note_name, &seen, &err),
                     WEIR_CANCELLED);
    assert_string_equal(seen.names, "f000 f001 ");
    assert_int_equal(wr_directory_each(wr_os_posix(), &alloc, "/no/such", note_name, &seen, &err),
                     WEIR_NOT_FOUND);
    remove_root(root);
}

TEST(file_is_read_whole_up_to_its_limit)
{
    char root[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    weir_error err = { 0 };
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer buffer;
    wr_buffer_init(&buffer, &alloc);
    make_root(root);
    assert_ok(wr_path_join(path, root, "f", &err), &err);
    write_words(path, "0123456789");
    wr_buffer_put_u8(&buffer, '>');
    assert_ok(wr_file_read_whole(wr_os_posix(), path, 10, &buffer, &err), &err);
    assert_int_equal(buffer.size, 11);
    assert_memory_equal(buffer.data, ">0123456789", 11);
    assert_int_equal(wr_file_read_whole(wr_os_posix(), path, 9, &buffer, &err), WEIR_LIMIT);
    assert_int_equal(buffer.size, 11);
    assert_int_equal(wr_file_read_whole(wr_os_posix(), "/no/such", 9, &buffer, &err),
                     WEIR_NOT_FOUND);
    wr_buffer_clear(&buffer);
    write_words(path, "");
    assert_ok(wr_file_read_whole(wr_os_posix(), path, 0, &buffer, &err), &err);
    assert_int_equal(buffer.size, 0);
    assert_ok(wr_file_read_whole(wr_os_posix(), "/proc/self/status", 1 << 20, &buffer, &err), &err);
    assert_true(buffer.size > 100); /* whose length is told as 0 */
    wr_buffer_fini(&buffer);
    remove_root(root);
}

TEST(path_join_knows_slashes_and_its_limit)
{
    char path[WR_PATH_MAX];
    char longest[WR_PATH_MAX];
    weir_error err = { 0 };
    assert_ok(wr_path_join(path, "a", "b", &err), &err);
    assert_string_equal(path, "a/b");
    assert_ok(wr_path_join(path, "a/", "b", &err), &err);
    assert_string_equal(path, "a/b");
    assert_ok(wr_path_join(path, "", "b", &err), &err);
    assert_string_equal(path, "b");
    assert_ok(wr_path_join(path, path, "c", &err), &err);
    assert_string_equal(path, "b/c");
    memset(longest, 'x', sizeof longest);
    longest[WR_PATH_MAX - 3] = '\0';
    assert_ok(wr_path_join(path, longest, "y", &err), &err);
    assert_int_equal(strlen(path), WR_PATH_MAX - 1);
    assert_int_equal(wr_path_join(path, longest, "yz", &err), WEIR_LIMIT);
}

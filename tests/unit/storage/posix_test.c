/* SPDX-License-Identifier: Apache-2.0 */
/* The same on the real system, with an io thread of its own: direct writes, locks, no-replace
 * renames. */
#include "storage/layout.h"
#include "storage/local_state.h"
#include "storage/savepoint_storage.h"
#include "store.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A thread that runs the executor until it is told to stop. */
struct io_thread {
    struct wr_executor *executor;
    struct wr_os_thread *thread;
    _Atomic bool stop;
};

static void
run_io(void *argument)
{
    struct io_thread *io = argument;
    struct wr_parker *parker = &io->executor->parker;
    for (;;) {
        uint32_t ticket = wr_parker_prepare(parker);
        if (wr_executor_step(io->executor)) {
            wr_parker_cancel(parker);
        } else if (atomic_load(&io->stop)) {
            wr_parker_cancel(parker);
            return;
        } else {
            wr_parker_sleep(parker, ticket, 1000000000);
        }
    }
}

static struct wr_state_file_reply *
wait_for_reply(struct scene *scene)
{
    for (;;) {
        uint32_t ticket = wr_parker_prepare(&scene->parker);
        struct wr_letter *letter = wr_mailbox_pop(&scene->replies);
        if (letter != NULL) {
            wr_parker_cancel(&scene->parker);
            return (struct wr_state_file_reply *)letter;
        }
        wr_parker_sleep(&scene->parker, ticket, 1000000000);
    }
}

/* Waits until the writer has room for `size` bytes. */
static void
wait_for_room(struct scene *scene, const weir_block_writer *writer, size_t size)
{
    while (weir_block_writer_room(writer) < size) {
        uint32_t ticket = wr_parker_prepare(&scene->parker);
        if (weir_block_writer_room(writer) >= size) {
            wr_parker_cancel(&scene->parker);
            return;
        }
        wr_parker_sleep(&scene->parker, ticket, 1000000000);
    }
}

static void
scene_init_real(struct scene *scene, char *directory)
{
    memset(scene, 0, sizeof *scene);
    scene->os = wr_os_posix();
    scene->alloc = wr_memory_system();
    wr_executor_init(&scene->executor, scene->os);
    wr_mailbox_init(&scene->replies);
    wr_parker_init(&scene->parker, scene->os);
    snprintf(directory, 256, "%s/storage-XXXXXX", WEIR_BINARY_DIR);
    assert_non_null(mkdtemp(directory));
}

TEST(a_real_thread_writes_what_the_task_hands_over)
{
    struct scene scene;
    char directory[256];
    scene_init_real(&scene, directory);
    struct io_thread io = { .executor = &scene.executor };
    assert_int_equal(scene.os->ops->thread_start(scene.os, "io", run_io, &io, &io.thread), 0);
    char path[300];
    snprintf(path, sizeof path, "%s/state", directory);
    struct wr_state_file_identity identity = scene_identity(1, 0);
    struct wr_state_file_parameters parameters = scene_parameters(&scene, path, identity);
    parameters.buffer_size = 0;
    parameters.buffer_count = 0;
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    weir_state_descriptor value = { .size = sizeof value,
                                    .kind = WEIR_STATE_VALUE,
                                    .name = "counts",
                                    .type = weir_type_of_kind(WEIR_I64) };
    uint16_t number = 0;
    assert_int_equal(weir_block_writer_add_state(writer, &value, &number), WEIR_OK);
    struct content content = { .seed = 5, .block_count = 60, .block_size_max = 400000 };
    uint8_t *bytes = test_malloc(content.block_size_max);
    for (uint32_t i = 0; i < content.block_count; i++) {
        size_t size = content_block(&content, i, bytes);
        wait_for_room(&scene, writer, size);
        assert_int_equal(weir_block_writer_write(writer, bytes, size), WEIR_OK);
        weir_block block = { .kind = WEIR_BLOCK_RECORDS, .key_group = i, .entries = size };
        assert_int_equal(weir_block_writer_end_block(writer, &block), WEIR_OK);
    }
    test_free(bytes);
    struct wr_state_file_reply reply;
    assert_int_equal(wr_state_file_finish(writer, &reply), WEIR_OK);
    assert_ptr_equal(wait_for_reply(&scene), &reply);
    assert_ok(reply.result.status, &reply.result.error);
    wr_state_file_destroy(writer);
    atomic_store(&io.stop, true);
    wr_parker_wake(&scene.executor.parker);
    scene.os->ops->thread_join(scene.os, io.thread);

    struct wr_state_file_open open = scene_open(&scene, path, identity, &reply.result);
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    weir_block block;
    uint8_t *got = test_malloc(content.block_size_max);
    uint8_t *wanted = test_malloc(content.block_size_max);
    while (weir_block_reader_next(reader, &block, &scene.err) == WEIR_OK) {
        size_t size = content_block(&content, block.key_group, wanted);
        assert_int_equal(block.size, size);
        assert_ok(weir_block_reader_read(reader, got, size, &scene.err), &scene.err);
        assert_memory_equal(got, wanted, size);
    }
    test_free(got);
    test_free(wanted);
    assert_ok(wr_state_file_verify(reader, &scene.err), &scene.err);
    wr_state_file_close(reader);
    assert_ok(wr_directory_remove_all(scene.os, directory, &scene.err), &scene.err);
}

TEST(a_checkpoint_on_the_real_file_system_is_complete_locked_and_taken_over)
{
    struct scene scene;
    char directory[256];
    scene_init_real(&scene, directory);
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, FIRST);
    parameters.directory = directory;
    struct wr_checkpoint_storage *storage = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene.err), &scene.err);
    store_take(&scene, storage, 1, FIRST);
    store_take(&scene, storage, 2, FIRST);
    assert_ok(wr_checkpoint_storage_drop(storage, 1, &scene.err), &scene.err);
    assert_int_equal(store_checkpoint(&scene, storage, 2, JOB_A, FIRST), WEIR_BUSY);

    struct wr_checkpoint_storage *other = NULL;
    parameters.attempt = SECOND;
    assert_int_equal(wr_checkpoint_storage_open(&parameters, &other, &scene.err), WEIR_BUSY);
    parameters.take_over = true;
    assert_ok(wr_checkpoint_storage_open(&parameters, &other, &scene.err), &scene.err);
    assert_int_equal(store_checkpoint(&scene, storage, 3, JOB_A, FIRST), WEIR_CANCELLED);
    store_take(&scene, other, 3, SECOND);
    wr_checkpoint_storage_close(storage);
    wr_checkpoint_storage_close(other);
    char text[300];
    snprintf(text, sizeof text, "latest:%s", directory);
    uint64_t id = 0;
    assert_ok(store_read(&scene, text, &id, &scene.err), &scene.err);
    assert_int_equal(id, 3);
    assert_ok(wr_directory_remove_all(scene.os, directory, &scene.err), &scene.err);
}

/* --- names of the real file system --- */

static void
write_text(struct scene *scene, const char *directory, const char *name, const char *text)
{
    char path[WR_PATH_MAX];
    int file = -1;
    assert_ok(wr_path_join(path, directory, name, &scene->err), &scene->err);
    assert_ok(wr_file_open(scene->os, path, WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_TRUNCATE,
                           &file, &scene->err),
              &scene->err);
    assert_ok(wr_file_write_at(scene->os, file, path, text, strlen(text), 0, &scene->err),
              &scene->err);
    wr_file_close(scene->os, file);
}

static bool
is_file(struct scene *scene, const char *directory, const char *name)
{
    char path[WR_PATH_MAX];
    struct wr_os_stat found;
    assert_ok(wr_path_join(path, directory, name, &scene->err), &scene->err);
    return wr_path_stat_link(scene->os, path, &found, NULL) == WEIR_OK && found.kind == WR_OS_FILE;
}

/* chk-1 below `job`, with a file of its own and one that is shared. */
static void
put_checkpoint(struct scene *scene, const char *job)
{
    struct store_set set;
    char directory[WR_PATH_MAX];
    struct wr_manifest_file shared = { .role = WR_FILE_BLOCKS,
                                       .path = "../shared/s",
                                       .name = "",
                                       .is_shared = true,
                                       .size = 1,
                                       .checkpoint_id = 1 };
    assert_ok(wr_path_join(directory, job, "chk-1", &scene->err), &scene->err);
    assert_ok(wr_directory_create_all(scene->os, directory, &scene->err), &scene->err);
    write_text(scene, directory, "state-0", "own");
    store_set_init(&set, scene, 1, JOB_A, FIRST);
    set.subtasks[1].files = &shared;
    assert_ok(wr_metadata_write(scene->os, &scene->alloc, directory, &set.manifest, &scene->err),
              &scene->err);
    store_set_fini(&set);
}

TEST(disposing_follows_no_symbolic_link)
{
    struct scene scene;
    char directory[256];
    char job[300];
    char path[400];
    char link_path[400];
    scene_init_real(&scene, directory);
    snprintf(job, sizeof job, "%s/job", directory);
    put_checkpoint(&scene, job);
    write_text(&scene, directory, "s", "precious"); /* what ../shared/s would be */
    snprintf(link_path, sizeof link_path, "%s/shared", job);
    assert_int_equal(symlink(directory, link_path), 0);
    snprintf(link_path, sizeof link_path, "%s/elsewhere", directory);
    snprintf(path, sizeof path, "%s/chk-1", job);
    assert_int_equal(symlink(path, link_path), 0);

    /* the directory itself */
    assert_int_equal(wr_savepoint_dispose(scene.os, &scene.alloc, link_path, &scene.err),
                     WEIR_INVALID);
    assert_true(is_file(&scene, path, "_metadata") && is_file(&scene, path, "state-0"));
    /* a file in it, and the directory that its shared files stand in */
    char victim[420];
    snprintf(victim, sizeof victim, "%s/state-0", path);
    assert_int_equal(unlink(victim), 0);
    write_text(&scene, directory, "t", "precious too");
    assert_int_equal(symlink("../../t", victim), 0);
    assert_int_equal(wr_savepoint_dispose(scene.os, &scene.alloc, path, &scene.err), WEIR_INVALID);
    assert_non_null(strstr(scene.err.message, "state-0"));
    assert_true(is_file(&scene, directory, "s") && is_file(&scene, directory, "t"));
    assert_false(is_file(&scene, path, "_metadata"));
    /* once it is gone disposing goes on */
    assert_int_equal(unlink(victim), 0);
    assert_ok(wr_savepoint_dispose(scene.os, &scene.alloc, path, &scene.err), &scene.err);
    assert_true(is_file(&scene, directory, "s"));
    assert_ok(wr_directory_remove_all(scene.os, directory, &scene.err), &scene.err);
}

TEST(a_local_copy_on_the_same_device_is_a_second_name)
{
    struct scene scene;
    char directory[256];
    char local_path[300];
    char path[300];
    char found[WR_PATH_MAX];
    scene_init_real(&scene, directory);
    snprintf(local_path, sizeof local_path, "%s/local", directory);
    snprintf(path, sizeof path, "%s/x.state", directory);
    struct wr_local_state_parameters parameters = { .os = scene.os,
                                                    .alloc = scene.alloc,
                                                    .io = &scene.executor,
                                                    .directories = local_path,
                                                    .job_id = JOB_A };
    struct wr_local_owner owner = { .subtask = 3 };
    struct wr_local_state *local = NULL;
    struct wr_local_copy *copy = NULL;
    write_text(&scene, directory, "x.state", "content");
    assert_ok(wr_local_state_create(&parameters, &local, &scene.err), &scene.err);
    assert_ok(wr_local_copy_create(local, &owner, 7, &copy, &scene.err), &scene.err);
    assert_ok(wr_local_copy_add(copy, path, &scene.err), &scene.err);
    wr_local_copy_start(copy);
    scene_run_io(&scene);
    assert_ok(wr_local_state_path(local, &owner, 7, "x.state", found, &scene.err), &scene.err);
    struct stat one;
    struct stat two;
    assert_int_equal(stat(path, &one), 0);
    assert_int_equal(stat(found, &two), 0);
    assert_true(one.st_ino == two.st_ino && two.st_nlink == 2);
    assert_int_equal(unlink(path), 0); /* the copy outlives it */
    assert_true(wr_local_state_has(local, found, 7));
    wr_local_state_remove(local);
    assert_int_equal(stat(found, &two), -1);
    wr_local_state_destroy(local);
    assert_ok(wr_directory_remove_all(scene.os, directory, &scene.err), &scene.err);
}

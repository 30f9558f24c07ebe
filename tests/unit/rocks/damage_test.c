/* SPDX-License-Identifier: Apache-2.0 */
/* damage: a bit of any file of a checkpoint set is flipped: the restore refuses, and says in which
 * file and where. A sample of the bits, and every one of them where WEIR_TEST_LONG is set.
 */
#include "unit/rocks/rocks_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEYS = 40,
    STEP = 509 /* bits, in make test: a prime, so that each bit of a byte comes */
};

static struct engine_rig rig;

static void
fill(struct engine_task *task, int64_t add)
{
    weir_state *sums = rocks_state(&rig, task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    weir_state *lists = rocks_state(&rig, task, WEIR_STATE_LIST, "list", WEIR_I64);
    for (int64_t i = 0; i < KEYS; i++) {
        struct rocks_key key;
        rocks_add(&rig, sums, i, add);
        rocks_bind(&rig, lists, &key, i);
        assert_ok(weir_list_add(lists, weir_bytes_of(&i, sizeof i)), NULL);
    }
}

static void
flip(const char *path, uint64_t bit)
{
    uint8_t byte;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(file, &byte, 1, (off_t)(bit / 8)), 1);
    close(file);
}

/* An SST may be linked into the database of a task: the set gets a file of its own. */
static void
own_file(const char *path)
{
    char copy[300];
    char command[700];
    snprintf(copy, sizeof copy, "%s.own", path);
    snprintf(command, sizeof command, "cp '%s' '%s'", path, copy);
    assert_int_equal(system(command), 0);
    assert_int_equal(rename(copy, path), 0);
}

/* Flips its bits one at a time; the task stays empty all along. */
static uint64_t
check_file(struct engine_task *task, const struct engine_set *set, const struct engine_file *file)
{
    const uint64_t step = getenv("WEIR_TEST_LONG") != NULL ? 1 : STEP;
    struct stat stat_of;
    uint64_t flipped = 0;
    own_file(file->path);
    assert_int_equal(stat(file->path, &stat_of), 0);
    for (uint64_t bit = 0; bit < (uint64_t)stat_of.st_size * 8; bit += step, flipped++) {
        flip(file->path, bit);
        weir_status status = engine_task_restore(&rig, task, set);
        flip(file->path, bit);
        if (status != WEIR_CORRUPT || strstr(rig.error.message, file->path) == NULL ||
            strstr(rig.error.message, "at offset") == NULL) {
            print_error("bit %llu of %s: %s, %s\n", (unsigned long long)bit, file->path,
                        weir_status_name(status), rig.error.message);
            fail();
        }
    }
    return flipped;
}

static void
check_set(const struct engine *engine)
{
    struct engine_task task;
    struct engine_set *set = NULL;
    struct engine_set *older = NULL;
    rocks_begin(&rig, engine);
    rocks_open(&rig, &task);
    fill(&task, 7);
    assert_ok(engine_snapshot_take(&rig, &task, &older), &rig.error);
    fill(&task, 1);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    engine_task_close(&rig, &task);
    rocks_open(&rig, &task);
    uint64_t flipped = 0;
    for (size_t i = 0; i < set->block_count; i++) {
        flipped += check_file(&task, set, set->blocks[i]);
    }
    for (size_t i = 0; i < set->engine_count; i++) {
        flipped += check_file(&task, set, set->engine[i]);
    }
    assert_true(set->engine_count >= 4 && flipped >= 200);
    assert_ok(engine_task_restore(&rig, &task, set), &rig.error); /* it was the damage */
    weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    for (int64_t i = 0; i < KEYS; i++) {
        assert_int_equal(rocks_look(&rig, sums, i, -1), 8);
    }
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_set_release(&rig, older);
    engine_rig_fini(&rig);
}

TEST(a_flipped_bit_in_any_file_of_a_full_set_is_refused)
{
    check_set(&rocks_full);
}

TEST(a_flipped_bit_in_any_file_of_an_incremental_set_is_refused)
{
    check_set(&rocks_incremental);
}

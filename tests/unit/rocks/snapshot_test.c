/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots: what a checkpoint of the database holds, what it shares, and where it goes at another
 * parallelism. */
#include "rocks_rig.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
    KEYS = 300
};

static struct engine_rig rig;

static void
fill(struct engine_task *task, int64_t first, int64_t add)
{
    struct rocks_key key;
    weir_state *sums = rocks_state(&rig, task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    weir_state *lists = rocks_state(&rig, task, WEIR_STATE_LIST, "list", WEIR_I64);
    weir_state *maps = rocks_state(&rig, task, WEIR_STATE_MAP, "map", WEIR_I64);
    for (int64_t i = first; i < KEYS; i++) {
        rocks_add(&rig, sums, i, add);
        rocks_bind(&rig, lists, &key, i);
        assert_ok(weir_list_add(lists, weir_bytes_of(&i, 8)), NULL);
        rocks_bind(&rig, maps, &key, i);
        assert_ok(weir_map_put(maps, BYTES("m"), weir_bytes_of(&i, 8)), NULL);
    }
}

static size_t
list_size(weir_state *lists, int64_t number)
{
    struct rocks_key key;
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    size_t count = 0;
    rocks_bind(&rig, lists, &key, number);
    while (weir_list_next(lists, &cursor, &element) == WEIR_OK) {
        int64_t value;
        memcpy(&value, element.data, 8);
        assert_int_equal(value, number);
        count++;
    }
    return count;
}

/* Every key of the task's groups has the sum and as many elements, no other key has any. */
static void
assert_content(struct engine_task *task, int64_t sum, size_t elements)
{
    struct rocks_key key;
    weir_bytes value;
    weir_state *sums = rocks_state(&rig, task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    weir_state *lists = rocks_state(&rig, task, WEIR_STATE_LIST, "list", WEIR_I64);
    weir_state *maps = rocks_state(&rig, task, WEIR_STATE_MAP, "map", WEIR_I64);
    for (int64_t i = 0; i < KEYS; i++) {
        rocks_bind(&rig, maps, &key, i);
        bool is_ours = key.key.key_group >= task->first && key.key.key_group <= task->last;
        if (!is_ours) {
            continue;
        }
        assert_int_equal(rocks_look(&rig, sums, i, -1), sum);
        assert_int_equal(list_size(lists, i), elements);
        rocks_bind(&rig, maps, &key, i);
        assert_ok(weir_map_get(maps, BYTES("m"), &value), NULL);
        assert_memory_equal(value.data, &i, 8);
    }
}

static size_t
count_rows(const struct engine_task *task)
{
    size_t count = 0;
    struct wr_rocks *rocks = rocks_of(task);
    assert_ok(wr_rocks_write_all(rocks, NULL), NULL);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        rocks->db, rocks->scan_options, wr_rocks_state_find(rocks, "sum")->family);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        count++;
    }
    rocksdb_iter_destroy(iterator);
    return count;
}

TEST(a_snapshot_is_restored_with_every_kind_of_state)
{
    struct engine_task task;
    struct engine_set *set = NULL;
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    fill(&task, 0, 1000); /* behind the snapshot */
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, set);
    assert_content(&task, 7, 1);
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_rig_fini(&rig);
}

TEST(what_is_written_while_a_snapshot_is_open_is_not_in_it)
{
    struct engine_task task;
    struct engine_snapshot snapshot;
    struct engine_set *set = NULL;
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    assert_ok(engine_snapshot_begin(&rig, &task, &snapshot), &rig.error);
    fill(&task, 0, 1000);
    assert_ok(wr_rocks_write_all(rocks_of(&task), NULL), NULL);
    while (!snapshot.is_done) {
        assert_ok(engine_snapshot_turn(&rig, &snapshot, 4096), &rig.error);
        engine_rig_io(&rig);
    }
    assert_ok(engine_snapshot_complete(&rig, &snapshot, &set), &rig.error);
    assert_content(&task, 1007, 2);
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, set);
    assert_content(&task, 7, 1);
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_rig_fini(&rig);
}

static size_t
count_shared(const struct engine_set *one, const struct engine_set *other, size_t *out_rows)
{
    size_t shared = 0;
    *out_rows = 0;
    for (size_t i = 0; i < other->engine_count; i++) {
        const struct engine_file *file = other->engine[i];
        *out_rows += strstr(file->name, ".sst") != NULL;
        for (size_t j = 0; j < one->engine_count; j++) {
            shared += one->engine[j] == file;
        }
    }
    return shared;
}

TEST(an_incremental_snapshot_copies_new_files_alone)
{
    struct engine_task task;
    struct engine_set *sets[3] = { NULL };
    size_t rows = 0;
    rocks_begin(&rig, &rocks_incremental);
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(engine_snapshot_take(&rig, &task, &sets[i]), &rig.error);
        if (i == 1) {
            fill(&task, KEYS - 1, 1);
        }
    }
    assert_true(count_shared(sets[0], sets[1], &rows) == rows && rows >= 3);
    size_t shared = count_shared(sets[1], sets[2], &rows);
    assert_true(shared >= 3 && shared < rows);
    engine_task_close(&rig, &task);
    engine_set_release(&rig, sets[0]);
    engine_set_release(&rig, sets[1]); /* what the last one needs stays */
    rocks_reopen(&rig, &task, sets[2]);
    weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    assert_int_equal(rocks_look(&rig, sums, 0, -1), 7);
    assert_int_equal(rocks_look(&rig, sums, KEYS - 1, -1), 8);
    engine_task_close(&rig, &task);
    engine_set_release(&rig, sets[2]);
    engine_rig_fini(&rig);
}

static bool
has_file(const struct engine_set *set, const char *name)
{
    for (size_t i = 0; i < set->engine_count; i++) {
        if (strcmp(set->engine[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

TEST(files_keep_their_names_over_a_restore_and_new_ones_have_their_own)
{
    struct engine_task lives[2];
    struct engine_set *first = NULL;
    struct engine_set *sets[2] = { NULL };
    rocks_begin(&rig, &rocks_incremental);
    rocks_open(&rig, &lives[0]);
    fill(&lives[0], 0, 7);
    assert_ok(engine_snapshot_take(&rig, &lives[0], &first), &rig.error);
    engine_task_close(&rig, &lives[0]);
    for (size_t i = 0; i < 2; i++) { /* two lives that go different ways */
        rocks_reopen(&rig, &lives[i], first);
        fill(&lives[i], 0, 1 + (int64_t)i);
        assert_ok(engine_snapshot_take(&rig, &lives[i], &sets[i]), &rig.error);
        engine_task_close(&rig, &lives[i]);
    }
    size_t same = 0;
    for (size_t i = 0; i < sets[0]->engine_count; i++) {
        const char *name = sets[0]->engine[i]->name;
        if (strstr(name, ".sst") != NULL && has_file(sets[1], name)) {
            assert_true(has_file(first, name));
            same++;
        }
    }
    assert_true(same >= 3);
    engine_set_release(&rig, first);
    engine_set_release(&rig, sets[0]);
    engine_set_release(&rig, sets[1]);
    engine_rig_fini(&rig);
}

/* From one task into `count`, and back into one. */
static void
rescale(uint32_t count, uint32_t max_parallelism)
{
    struct engine_task whole;
    struct engine_task parts[4];
    struct engine_set *set = NULL;
    struct engine_set *sets[4] = { NULL };
    size_t rows = 0;
    rocks_begin(&rig, &rocks_full);
    rig.max_parallelism = max_parallelism;
    rocks_open(&rig, &whole);
    fill(&whole, 0, 7);
    assert_ok(engine_snapshot_take(&rig, &whole, &set), &rig.error);
    engine_task_close(&rig, &whole);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t first = i * max_parallelism / count;
        uint32_t last = (i + 1) * max_parallelism / count - 1;
        assert_ok(engine_task_open(&rig, &parts[i], first, last), &rig.error);
        assert_ok(engine_task_restore(&rig, &parts[i], set), &rig.error);
        assert_content(&parts[i], 7, 1);
        rows += count_rows(&parts[i]);
        assert_ok(engine_snapshot_take(&rig, &parts[i], &sets[i]), &rig.error);
        engine_task_close(&rig, &parts[i]);
    }
    assert_int_equal(rows, KEYS); /* no key twice, none that is not ours */
    rocks_open(&rig, &whole);
    for (uint32_t i = 0; i < count; i++) {
        assert_ok(engine_task_restore(&rig, &whole, sets[i]), &rig.error);
        engine_set_release(&rig, sets[i]);
    }
    assert_content(&whole, 7, 1);
    assert_int_equal(count_rows(&whole), KEYS);
    engine_task_close(&rig, &whole);
    engine_set_release(&rig, set);
    engine_rig_fini(&rig);
}

TEST(state_is_rescaled_by_key_groups)
{
    rescale(2, 8);
    rescale(3, 128);
    rescale(4, 300);
}

TEST(state_that_the_program_no_longer_asks_for_stays_in_snapshots)
{
    struct engine_task task;
    struct engine_set *set = NULL;
    struct engine_set *next = NULL;
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, set);
    rocks_state(&rig, &task, WEIR_STATE_VALUE, "other", WEIR_I64);
    assert_ok(engine_snapshot_take(&rig, &task, &next), &rig.error);
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, next);
    assert_content(&task, 7, 1);
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_set_release(&rig, next);
    engine_rig_fini(&rig);
}

TEST(a_state_of_another_type_is_refused_with_both_in_words)
{
    struct engine_task task;
    struct engine_set *set = NULL;
    weir_state *made = NULL;
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, set);
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "sum", WEIR_F64);
    assert_int_equal(weir_backend_create_state(task.backend, &descriptor, &made, &rig.error),
                     WEIR_VERSION);
    assert_non_null(strstr(rig.error.message, "f64"));
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_rig_fini(&rig);
}

TEST(a_snapshot_of_another_engine_is_refused)
{
    struct engine_task task;
    struct engine_set *set = NULL;
    rocks_begin(&rig, &rocks_full);
    rig.factory = weir_backend_factory_hashmap();
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    engine_task_close(&rig, &task);
    rig.factory = &wr_rocks_factory;
    rocks_open(&rig, &task);
    assert_int_equal(engine_task_restore(&rig, &task, set), WEIR_VERSION);
    assert_non_null(strstr(rig.error.message, "canonical savepoint"));
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_rig_fini(&rig);
}

static size_t
count_files(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (size_t)status.st_nlink : 0;
}

TEST(nothing_is_left_of_an_aborted_snapshot_or_a_closed_backend)
{
    struct engine_task task;
    struct engine_snapshot snapshot;
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
    fill(&task, 0, 7);
    char path[512];
    snprintf(path, sizeof path, "%s", task.directory);
    size_t before = count_files(path); /* a folder's links are the folders in it */
    assert_ok(engine_snapshot_begin(&rig, &task, &snapshot), &rig.error);
    assert_int_equal(count_files(path), before + 1);
    engine_snapshot_abort(&rig, &snapshot);
    assert_int_equal(count_files(path), before);
    assert_content(&task, 7, 1);
    engine_task_close(&rig, &task);
    assert_int_equal(count_files(path), 0);
    engine_rig_fini(&rig);
}

TEST(without_a_directory_the_engine_says_so)
{
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = 8,
                                           .key_group_last = 7,
                                           .state_alloc = wr_memory_system(),
                                           .snapshot_alloc = wr_memory_system(),
                                           .key_type = weir_type_of_kind(WEIR_I64),
                                           .operator_name = "counts" };
    weir_backend *backend = NULL;
    weir_error error = { .status = WEIR_OK };
    assert_int_equal(weir_backend_open(&wr_rocks_factory, &parameters, &backend, &error),
                     WEIR_INVALID);
    assert_non_null(strstr(error.message, "localdir"));
}

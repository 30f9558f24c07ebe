/* SPDX-License-Identifier: Apache-2.0 */
/* faults: every call that can fail does, in turn; each failure is returned, has words that name the
 * operator, and leaves a backend that can be closed, or goes on where the call succeeds again. */
#include "rocks_rig.h"

#include "support/common_alloc_fault.h"

#include <errno.h>
#include <stdlib.h>

static struct engine_rig rig;
static struct wr_rocks_api api;
static size_t calls;
static size_t fail_at; /* this call, counted from 1; 0: none */
static const char *failed_call;

static bool
fails(const char *call)
{
    if (++calls != fail_at) {
        return false;
    }
    failed_call = call;
    return true;
}

static char *
words_of_failure(void)
{
    return strdup("IO error: made up"); /* rocksdb_free is free */
}

static rocksdb_t *
open_db(const rocksdb_options_t *options, const char *path, int count, const char *const *names,
        const rocksdb_options_t *const *family_options, rocksdb_column_family_handle_t **families,
        char **words)
{
    if (fails("open")) {
        *words = words_of_failure();
        return NULL;
    }
    return rocksdb_open_column_families(options, path, count, names, family_options, families,
                                        words);
}

static rocksdb_t *
open_read_only(const rocksdb_options_t *options, const char *path, int count,
               const char *const *names, const rocksdb_options_t *const *family_options,
               rocksdb_column_family_handle_t **families, unsigned char fail_if_wal, char **words)
{
    if (fails("open_read_only")) {
        *words = words_of_failure();
        return NULL;
    }
    return rocksdb_open_for_read_only_column_families(options, path, count, names, family_options,
                                                      families, fail_if_wal, words);
}

static rocksdb_column_family_handle_t *
create_family(rocksdb_t *db, const rocksdb_options_t *options, const char *name, char **words)
{
    if (fails("create_family")) {
        *words = words_of_failure();
        return NULL;
    }
    return rocksdb_create_column_family(db, options, name, words);
}

static void
options_from_text(const rocksdb_options_t *base, const char *text, rocksdb_options_t *options,
                  char **words)
{
    if (fails("options_from_text")) {
        *words = words_of_failure();
        return;
    }
    rocksdb_get_options_from_string(base, text, options, words);
}

static void
set_options(rocksdb_t *db, rocksdb_column_family_handle_t *family, int count,
            const char *const *keys, const char *const *values, char **words)
{
    if (fails("set_options")) {
        *words = words_of_failure();
        return;
    }
    rocksdb_set_options_cf(db, family, count, keys, values, words);
}

static void
write_batch(rocksdb_t *db, const rocksdb_writeoptions_t *options, rocksdb_writebatch_t *batch,
            char **words)
{
    if (fails("write")) {
        *words = words_of_failure();
        return;
    }
    rocksdb_write(db, options, batch, words);
}

static rocksdb_pinnableslice_t *
get(rocksdb_t *db, const rocksdb_readoptions_t *options, rocksdb_column_family_handle_t *family,
    const char *key, size_t key_size, char **words)
{
    if (fails("get")) {
        *words = words_of_failure();
        return NULL;
    }
    return rocksdb_get_pinned_cf(db, options, family, key, key_size, words);
}

static void
multi_get(rocksdb_t *db, const rocksdb_readoptions_t *options,
          rocksdb_column_family_handle_t *family, size_t count, const char *const *keys,
          const size_t *key_sizes, rocksdb_pinnableslice_t **values, char **words,
          const bool is_sorted)
{
    rocksdb_batched_multi_get_cf(db, options, family, count, keys, key_sizes, values, words,
                                 is_sorted);
    if (fails("multi_get")) { /* of one row in the middle */
        size_t middle = count / 2;
        rocksdb_pinnableslice_destroy(values[middle]);
        values[middle] = NULL;
        words[middle] = words_of_failure();
    }
}

static void
iterator_error(const rocksdb_iterator_t *iterator, char **words)
{
    if (fails("iterator_error")) {
        *words = words_of_failure();
        return;
    }
    rocksdb_iter_get_error(iterator, words);
}

static rocksdb_checkpoint_t *
checkpoint_new(rocksdb_t *db, char **words)
{
    if (fails("checkpoint_new")) {
        *words = words_of_failure();
        return NULL;
    }
    return rocksdb_checkpoint_object_create(db, words);
}

static void
checkpoint_make(rocksdb_checkpoint_t *checkpoint, const char *path, uint64_t log_size_for_flush,
                char **words)
{
    if (fails("checkpoint_make")) {
        *words = words_of_failure();
        return;
    }
    rocksdb_checkpoint_create(checkpoint, path, log_size_for_flush, words);
}

static int
make_directory(const char *path)
{
    return fails("make_directory") ? ENOSPC : wr_rocks_api_real()->make_directory(path);
}

static int
link_file(const char *from, const char *to)
{
    return fails("link_file") ? EXDEV : wr_rocks_api_real()->link_file(from, to);
}

static int
copy_file(const char *from, const char *to)
{
    return fails("copy_file") ? EIO : wr_rocks_api_real()->copy_file(from, to);
}

static int
read_text(const char *path, char *out, size_t room)
{
    return fails("read_text") ? EIO : wr_rocks_api_real()->read_text(path, out, room);
}

static int
each_file(const char *path, wr_rocks_each_file *each, void *argument)
{
    return fails("each_file") ? EIO : wr_rocks_api_real()->each_file(path, each, argument);
}

static weir_status
open_failing(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    return wr_rocks_open_with(&api, parameters, out_backend, err);
}

static const weir_backend_factory failing = { .size = sizeof failing,
                                              .name = "rocksdb",
                                              .open = open_failing };

static void
begin(void)
{
    api = (struct wr_rocks_api){ open_db,
                                 open_read_only,
                                 create_family,
                                 options_from_text,
                                 set_options,
                                 write_batch,
                                 get,
                                 multi_get,
                                 iterator_error,
                                 checkpoint_new,
                                 checkpoint_make,
                                 make_directory,
                                 link_file,
                                 copy_file,
                                 read_text,
                                 each_file };
    rocks_begin(&rig, &rocks_full);
    rig.factory = &failing;
}

/* Where a verb fails the words are the engine's; `rig.error` has those of calls that take one. */
static weir_status
note_words(const struct engine_task *task, weir_status status)
{
    if (status != WEIR_OK && status != WEIR_NOT_FOUND && status != WEIR_NOMEM) {
        weir_error words = { .status = WEIR_OK };
        assert_true(task->backend->ops->explain(task->backend, &words));
        rig.error = words;
    }
    return status;
}

static weir_status
count_key(void *argument, const weir_key *key, weir_bytes item)
{
    (void)key;
    (void)item;
    (*(size_t *)argument)++;
    return WEIR_OK;
}

static const weir_ttl ttl = { .size = sizeof(weir_ttl), .ttl_ms = 1000 };

static weir_status
create(struct engine_task *task, weir_state_kind kind, const char *name, bool expires,
       weir_state **out_state)
{
    weir_state_descriptor descriptor = rocks_descriptor(kind, name, WEIR_I64);
    descriptor.has_timestamps = expires;
    descriptor.ttl = expires ? &ttl : NULL;
    return weir_backend_create_state(task->backend, &descriptor, out_state, &rig.error);
}

static weir_status
use_values(struct engine_task *task, weir_state *value)
{
    int64_t numbers[20];
    weir_key keys[20];
    void *items[20];
    size_t count = 0;
    size_t used = 0;
    for (int64_t i = 0; used < 20; i++) {
        numbers[used] = i;
        keys[used] = weir_key_make(rig.key_type, weir_bytes_of(&numbers[used], 8),
                                   rig.max_parallelism, rig.seed);
        used += keys[used].key_group <= task->last;
    }
    WR_TRY(note_words(task, wr_rocks_upsert_many(value, keys, used, items)));
    for (size_t i = 0; i < used; i++) {
        *(int64_t *)items[i] = numbers[i];
    }
    WR_TRY(note_words(task, wr_rocks_upsert(value, &keys[3], &items[0], NULL)));
    return note_words(task, wr_rocks_iterate(value, count_key, &count));
}

static weir_status
use_collections(struct engine_task *task, weir_state *list, weir_state *map)
{
    struct rocks_key key;
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    weir_bytes name;
    int64_t number = 9;
    weir_bytes item = weir_bytes_of(&number, 8);
    rocks_bind(&rig, list, &key, 1);
    WR_TRY(note_words(task, wr_rocks_list_add(list, &key.key, &item, 1)));
    WR_TRY(note_words(task, wr_rocks_list_next(list, &key.key, &cursor, &element)));
    WR_TRY(note_words(task, wr_rocks_map_put(map, &key.key, BYTES("a"), item)));
    WR_TRY(note_words(task, wr_rocks_map_put(map, &key.key, BYTES("b"), item)));
    cursor = (weir_cursor){ { 0 } };
    WR_TRY(note_words(task, wr_rocks_map_next(map, &key.key, &cursor, &name, &element)));
    return note_words(task, wr_rocks_remove(map, &key.key));
}

static weir_status
use(struct engine_task *task)
{
    weir_state *value = NULL;
    weir_state *list = NULL;
    weir_state *map = NULL;
    WR_TRY(create(task, WEIR_STATE_VALUE, "value", false, &value));
    WR_TRY(create(task, WEIR_STATE_LIST, "list", false, &list));
    WR_TRY(create(task, WEIR_STATE_MAP, "map", false, &map));
    WR_TRY(use_values(task, value));
    return use_collections(task, list, map);
}

/* The whole way: use, snapshot, restore in place with expiry switched on, restore aside. */
static weir_status
live(void)
{
    struct engine_task task = { .first = 0 };
    struct engine_set *set = NULL;
    weir_state *value = NULL;
    weir_status status = engine_task_open(&rig, &task, 0, rig.max_parallelism - 1);
    if (status == WEIR_OK && (status = use(&task)) == WEIR_OK) {
        status = engine_snapshot_take(&rig, &task, &set);
    }
    engine_task_close(&rig, &task);
    for (uint32_t last = rig.max_parallelism; status == WEIR_OK && last-- > 6;) {
        task.backend = NULL;
        status = engine_task_open(&rig, &task, 0, last);
        if (status == WEIR_OK && (status = engine_task_restore(&rig, &task, set)) == WEIR_OK) {
            status = create(&task, WEIR_STATE_VALUE, "value", true, &value);
        }
        if (status == WEIR_OK) {
            weir_backend_set_time(task.backend, 10);
            status = use_values(&task, value);
        }
        engine_task_close(&rig, &task);
    }
    engine_set_release(&rig, set);
    return status;
}

TEST(every_call_that_fails_is_returned_in_words)
{
    begin();
    calls = 0;
    fail_at = 0;
    assert_ok(live(), &rig.error);
    size_t all = calls;
    assert_true(all > 40);
    size_t seen = 0;
    for (fail_at = 1; fail_at <= all; fail_at++) {
        calls = 0;
        failed_call = NULL;
        memset(&rig.error, 0, sizeof rig.error);
        weir_status status = live();
        assert_non_null(failed_call);
        if (strcmp(failed_call, "link_file") == 0) {
            assert_ok(status, &rig.error); /* it is copied then */
            continue;
        }
        if (status == WEIR_OK) {
            print_message("call %zu: %s was swallowed\n", fail_at, failed_call);
        }
        assert_int_not_equal(status, WEIR_OK);
        assert_non_null(strstr(rig.error.message, "rocksdb"));
        seen++;
    }
    assert_true(seen > 30);
    engine_rig_fini(&rig);
}

/* A failed write loses nothing: what was changed is written by the next one. */
TEST(what_a_failed_write_left_is_written_later)
{
    struct engine_task task;
    begin();
    fail_at = 0;
    rocks_open(&rig, &task);
    weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    for (int64_t i = 0; i < 50; i++) {
        rocks_add(&rig, sums, i, i);
    }
    weir_error error = { .status = WEIR_OK };
    calls = 0;
    fail_at = 1;
    assert_int_equal(wr_rocks_write_all(rocks_of(&task), &error), WEIR_IO);
    assert_non_null(strstr(error.message, "operator 'counts'"));
    assert_non_null(strstr(error.message, "state 'sum'"));
    assert_non_null(strstr(error.message, "made up"));
    rocks_add(&rig, sums, 3, 100);
    assert_ok(wr_rocks_write_all(rocks_of(&task), &error), &error);
    wr_rocks_cache_clear(&wr_rocks_state_of(sums)->cache);
    for (int64_t i = 0; i < 50; i++) {
        assert_int_equal(rocks_look(&rig, sums, i, -1), i == 3 ? 103 : i);
    }
    engine_task_close(&rig, &task);
    engine_rig_fini(&rig);
}

TEST(a_rewrite_that_failed_half_way_is_not_believed)
{
    struct engine_task task;
    struct engine_set *set = NULL;
    weir_state *value = NULL;
    begin();
    fail_at = 0;
    rocks_open(&rig, &task);
    assert_ok(use(&task), &rig.error);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, set);
    calls = 0;
    fail_at = 1; /* the iterator of the rewrite */
    assert_int_equal(create(&task, WEIR_STATE_VALUE, "value", true, &value), WEIR_IO);
    fail_at = 0;
    assert_int_equal(create(&task, WEIR_STATE_VALUE, "value", true, &value), WEIR_IO);
    assert_non_null(strstr(rig.error.message, "half-way"));
    struct engine_set *next = NULL;
    assert_int_equal(engine_snapshot_take(&rig, &task, &next), WEIR_IO);
    engine_task_close(&rig, &task);
    engine_set_release(&rig, set);
    engine_rig_fini(&rig);
}

/* Our own memory: each allocation refused in turn. The library's is its own. */
TEST(every_refused_allocation_is_returned)
{
    begin();
    fail_at = 0;
    size_t refused = 0;
    for (size_t n = 1;; n++) {
        struct alloc_fault fault;
        alloc_fault_init(&fault, n, false);
        rig.alloc = alloc_fault_alloc(&fault);
        weir_status status = live();
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        if (fault.refused == 0) {
            assert_ok(status, &rig.error);
            break;
        }
        assert_int_equal(status, WEIR_NOMEM);
        refused++;
    }
    assert_true(refused > 50);
    engine_rig_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* expiry: dropped by compactions, and switched on and off over rows that are there. */
#include "rocks_rig.h"

static const weir_ttl ttl = { .size = sizeof(weir_ttl), .ttl_ms = 1000 };

static struct engine_rig rig;
static struct engine_task task;

static weir_state *
create(weir_state_kind kind, const char *name, bool expires)
{
    weir_state_descriptor descriptor = rocks_descriptor(kind, name, WEIR_I64);
    descriptor.has_timestamps = expires;
    descriptor.ttl = expires ? &ttl : NULL;
    return rocks_create(&rig, &task, &descriptor);
}

static void
fill(int64_t first, int64_t last, bool expires)
{
    struct rocks_key key;
    weir_state *value = create(WEIR_STATE_VALUE, "value", expires);
    weir_state *list = create(WEIR_STATE_LIST, "list", expires);
    weir_state *map = create(WEIR_STATE_MAP, "map", expires);
    for (int64_t i = first; i < last; i++) {
        weir_bytes item = weir_bytes_of(&i, 8);
        rocks_bind(&rig, value, &key, i);
        assert_ok(weir_value_put(value, item), NULL);
        rocks_bind(&rig, list, &key, i);
        assert_ok(weir_list_add(list, item), NULL);
        rocks_bind(&rig, map, &key, i);
        assert_ok(weir_map_put(map, BYTES("m"), item), NULL);
        assert_ok(weir_map_put(map, BYTES("null"), weir_bytes_of(NULL, 0)), NULL);
    }
}

/* All rows into files, and those once through the filter. */
static void
compact(const char *name)
{
    struct wr_rocks *rocks = rocks_of(&task);
    assert_ok(wr_rocks_write_all(rocks, NULL), NULL);
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_compactoptions_t *compact_options = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_bottommost_level_compaction(compact_options, 2 /* force */);
    char *words = NULL;
    wr_rocks_tick(rocks);
    for (size_t i = 0; i < 2; i++) { /* elements are merged by the first, looked at by the second */
        struct wr_rocks_state *compacted = wr_rocks_state_find(rocks, name);
        rocksdb_flush_cf(rocks->db, options, compacted->family, &words);
        assert_null(words);
        rocksdb_compact_range_cf_opt(rocks->db, compacted->family, compact_options, NULL, 0, NULL,
                                     0);
    }
    rocksdb_compactoptions_destroy(compact_options);
    rocksdb_flushoptions_destroy(options);
}

static uint64_t
count_rows(const char *name)
{
    struct wr_rocks *rocks = rocks_of(&task);
    uint64_t count = 0;
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        rocks->db, rocks->scan_options, wr_rocks_state_find(rocks, name)->family);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        count++;
    }
    rocksdb_iter_destroy(iterator);
    return count;
}

static uint64_t
disk_of(const char *name)
{
    uint64_t bytes = 0;
    struct wr_rocks *rocks = rocks_of(&task);
    assert_int_equal(rocksdb_property_int_cf(rocks->db, wr_rocks_state_find(rocks, name)->family,
                                             "rocksdb.live-sst-files-size", &bytes),
                     0);
    return bytes;
}

static void
begin(void)
{
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
}

static void
end(void)
{
    engine_task_close(&rig, &task);
    engine_rig_fini(&rig);
}

TEST(compactions_drop_what_expired_and_free_the_disk)
{
    begin();
    weir_backend_set_time(task.backend, 10000);
    fill(0, 5000, true);
    weir_backend_set_time(task.backend, 10500);
    fill(5000, 5100, true);
    const char *const names[] = { "value", "list", "map" };
    for (size_t i = 0; i < 3; i++) {
        compact(names[i]);
        uint64_t disk = disk_of(names[i]);
        assert_int_equal(count_rows(names[i]), i == 2 ? 10200 : 5100);
        weir_backend_set_time(task.backend, 10999);
        compact(names[i]);
        assert_int_equal(count_rows(names[i]), i == 2 ? 10200 : 5100);
        weir_backend_set_time(task.backend, 11000); /* written + ttl <= now */
        compact(names[i]);
        assert_int_equal(count_rows(names[i]), i == 2 ? 200 : 100);
        assert_true(disk_of(names[i]) < disk / 4);
        weir_backend_set_time(task.backend, 10500);
    }
    end();
}

TEST(elements_expire_one_by_one)
{
    begin();
    struct rocks_key key;
    weir_state *list = create(WEIR_STATE_LIST, "list", true);
    rocks_bind(&rig, list, &key, 3);
    for (int64_t i = 0; i < 4; i++) {
        weir_backend_set_time(task.backend, 1000 * i);
        assert_ok(weir_list_add(list, weir_bytes_of(&i, 8)), NULL);
    }
    weir_backend_set_time(task.backend, 2500);
    compact("list");
    const char *rows = rocks_rows(&task, "list");
    assert_string_equal(strchr(rows, '='), "=00000000000007d00000000000000002"
                                           "2c"
                                           "0000000000000bb80000000000000003;");
    end();
}

TEST(the_clock_is_looked_at_every_so_many_entries)
{
    begin();
    static const weir_ttl often = { .size = sizeof(weir_ttl),
                                    .ttl_ms = 1000,
                                    .compaction_entries = 10,
                                    .periodic_compaction_ms = UINT64_MAX };
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "value", WEIR_I64);
    descriptor.has_timestamps = true;
    descriptor.ttl = &often;
    weir_state *made = rocks_create(&rig, &task, &descriptor);
    assert_int_equal(wr_rocks_state_of(made)->filter.entries_between, 10);
    assert_int_equal(wr_rocks_state_of(made)->filter.ttl_ms, 1000);
    end();
}

TEST(without_background_cleanup_compactions_keep_all)
{
    begin();
    static const weir_ttl kept = { .size = sizeof(weir_ttl),
                                   .ttl_ms = 1,
                                   .no_background_cleanup = true };
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "value", WEIR_I64);
    descriptor.has_timestamps = true;
    descriptor.ttl = &kept;
    weir_state *made = rocks_create(&rig, &task, &descriptor);
    struct rocks_key key;
    int64_t number = 1;
    rocks_bind(&rig, made, &key, 1);
    assert_ok(weir_value_put(made, weir_bytes_of(&number, 8)), NULL);
    weir_backend_set_time(task.backend, 1000000);
    compact("value");
    assert_int_equal(count_rows("value"), 1);
    end();
}

/* Rows of one form become those of the other, as if they had been written so. */
static void
switch_expiry(bool expires)
{
    struct engine_set *set = NULL;
    begin();
    weir_backend_set_time(task.backend, 5000);
    fill(0, 200, !expires);
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error);
    engine_task_close(&rig, &task);
    rocks_reopen(&rig, &task, set);
    weir_backend_set_time(task.backend, 7000);
    weir_state *value = create(WEIR_STATE_VALUE, "value", expires);
    weir_state *list = create(WEIR_STATE_LIST, "list", expires);
    weir_state *map = create(WEIR_STATE_MAP, "map", expires);
    for (int64_t i = 0; i < 200; i++) {
        struct rocks_key key;
        weir_bytes found;
        weir_cursor cursor = { { 0 } };
        assert_int_equal(rocks_look(&rig, value, i, -1), i);
        rocks_bind(&rig, list, &key, i);
        assert_ok(weir_list_next(list, &cursor, &found), NULL);
        assert_memory_equal(found.data, &i, 8);
        rocks_bind(&rig, map, &key, i);
        assert_ok(weir_map_get(map, BYTES("m"), &found), NULL);
        assert_memory_equal(found.data, &i, 8);
        assert_ok(weir_map_get(map, BYTES("null"), &found), NULL);
        assert_null(found.data);
    }
    weir_backend_set_time(task.backend, 7999);
    assert_int_equal(rocks_look(&rig, value, 3, -1), 3);
    weir_backend_set_time(task.backend, 8000);
    assert_int_equal(rocks_look(&rig, value, 3, -1), expires ? -1 : 3);
    end();
    engine_set_release(&rig, set);
}

TEST(expiry_is_switched_on_over_rows_that_are_there)
{
    switch_expiry(true);
}

TEST(expiry_is_switched_off_over_rows_that_are_there)
{
    switch_expiry(false);
}

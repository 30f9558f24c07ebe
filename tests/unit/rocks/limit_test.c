/* SPDX-License-Identifier: Apache-2.0 */
/* limits and options: long lists, sizes of the engine's memory, numbers it tells. */
#include "rocks_rig.h"

#include "weir/options.h"

static struct engine_rig rig;
static struct engine_task task;

static void
set(const char *key, const char *value)
{
    if (rig.options == NULL) {
        weir_alloc alloc = wr_memory_system();
        assert_ok(weir_options_create(&alloc, &rig.options), NULL);
    }
    assert_ok(weir_options_set(rig.options, key, value, WEIR_LEVEL_FILE, NULL, &rig.error),
              &rig.error);
}

static void
end(void)
{
    engine_task_close(&rig, &task);
    weir_options_destroy(rig.options);
    engine_rig_fini(&rig);
}

static weir_status
add(weir_state *list)
{
    const int64_t element = 1; /* 8 bytes, 9 with the comma */
    return weir_list_add(list, weir_bytes_of(&element, 8));
}

TEST(a_list_at_the_limit_is_taken_and_one_above_refused_by_name)
{
    rocks_begin(&rig, &rocks_full);
    set("weir.rocksdb.list-limit", "89"); /* ten elements and nine commas */
    set("weir.rocksdb.list-count-from", "17");
    rocks_open(&rig, &task);
    struct rocks_key key;
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    weir_state *list = rocks_state(&rig, &task, WEIR_STATE_LIST, "clicks", WEIR_I64);
    rocks_bind(&rig, list, &key, 1);
    assert_ok(add(list), NULL);
    assert_ok(add(list), NULL);
    assert_ok(weir_list_next(list, &cursor, &element), NULL); /* a read sees 17 bytes */
    for (int i = 2; i < 10; i++) {
        assert_ok(add(list), NULL);
    }
    assert_int_equal(add(list), WEIR_LIMIT);
    weir_error words;
    assert_true(task.backend->ops->explain(task.backend, &words));
    assert_non_null(strstr(words.message, "clicks"));
    cursor = (weir_cursor){ { 0 } };
    int count = 0;
    while (wr_rocks_list_next(list, &key.key, &cursor, &element) == WEIR_OK) {
        count++;
    }
    assert_int_equal(count, 10); /* nothing of the refused one */
    assert_ok(wr_rocks_remove(list, &key.key), NULL);
    const int64_t number = 1;
    weir_bytes item = weir_bytes_of(&number, 8);
    assert_ok(wr_rocks_list_add(list, &key.key, &item, 1), NULL);
    end();
}

TEST(a_merge_that_sees_a_long_list_counts_it)
{
    rocks_begin(&rig, &rocks_full);
    set("weir.rocksdb.list-limit", "89");
    set("weir.rocksdb.list-count-from", "17");
    rocks_open(&rig, &task);
    struct rocks_key key;
    weir_state *list = rocks_state(&rig, &task, WEIR_STATE_LIST, "clicks", WEIR_I64);
    struct wr_rocks_state *own = wr_rocks_state_of(list);
    rocks_bind(&rig, list, &key, 1);
    for (int i = 0; i < 5; i++) {
        assert_ok(add(list), NULL);
    }
    assert_int_equal(own->big.count, 0); /* blind so far */
    struct wr_rocks *rocks = rocks_of(&task);
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *failure = NULL;
    assert_ok(wr_rocks_write_all(rocks, NULL), NULL);
    rocksdb_flush_cf(rocks->db, options, own->family, &failure);
    rocksdb_flushoptions_destroy(options);
    rocksdb_compact_range_cf(rocks->db, own->family, NULL, 0, NULL, 0);
    assert_int_equal(own->big.count, 1);
    for (int i = 5; i < 10; i++) {
        assert_ok(add(list), NULL);
    }
    assert_int_equal(add(list), WEIR_LIMIT);
    end();
}

TEST(a_list_put_whole_is_held_to_the_limit_too)
{
    enum {
        MOST = 10
    };
    rocks_begin(&rig, &rocks_full);
    set("weir.rocksdb.list-limit", "89");
    set("weir.rocksdb.list-count-from", "17");
    rocks_open(&rig, &task);
    struct rocks_key key;
    const int64_t number = 1;
    weir_bytes items[MOST + 1];
    for (size_t i = 0; i <= MOST; i++) {
        items[i] = weir_bytes_of(&number, 8);
    }
    weir_state *list = rocks_state(&rig, &task, WEIR_STATE_LIST, "clicks", WEIR_I64);
    rocks_bind(&rig, list, &key, 1);
    assert_ok(add(list), NULL);
    assert_int_equal(wr_rocks_list_put(list, &key.key, items, MOST + 1), WEIR_LIMIT);
    assert_ok(wr_rocks_list_put(list, &key.key, items, MOST), NULL);
    assert_int_equal(add(list), WEIR_LIMIT); /* counted from the put on */
    assert_ok(wr_rocks_list_put(list, &key.key, items, 1), NULL);
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    assert_ok(wr_rocks_list_next(list, &key.key, &cursor, &element), NULL);
    assert_int_equal(wr_rocks_list_next(list, &key.key, &cursor, &element), WEIR_NOT_FOUND);
    end();
}

TEST(a_count_that_is_out_of_date_refuses_nothing)
{
    rocks_begin(&rig, &rocks_full);
    set("weir.rocksdb.list-limit", "89");
    set("weir.rocksdb.list-count-from", "17");
    rocks_open(&rig, &task);
    struct rocks_key key;
    weir_state *list = rocks_state(&rig, &task, WEIR_STATE_LIST, "clicks", WEIR_I64);
    struct wr_rocks_state *own = wr_rocks_state_of(list);
    rocks_bind(&rig, list, &key, 1);
    assert_ok(add(list), NULL);
    wr_rocks_big_seen(&own->big, weir_bytes_of(own->row.data, own->row.size), 1000);
    assert_ok(add(list), NULL);
    end();
}

/* --- settings --- */

static struct wr_rocks_settings
settings_of(uint64_t memory_bytes)
{
    struct wr_rocks_settings settings;
    assert_ok(wr_rocks_settings_make(rig.options, memory_bytes, &settings, &rig.error), &rig.error);
    return settings;
}

TEST(three_quarters_of_the_budget_are_given_out)
{
    const uint64_t budget = 512 << 20;
    rig.options = NULL;
    struct wr_rocks_settings settings = settings_of(budget);
    assert_int_equal(settings.cache_bytes + settings.write_bytes, budget / 4 * 3);
    assert_int_equal(settings.write_bytes, budget / 4);
    assert_true(settings.is_bounded);
    set("state.backend.rocksdb.memory.write-buffer-ratio", "0.25");
    assert_int_equal(settings_of(budget).write_bytes, budget / 8);
    set("state.backend.rocksdb.memory.fixed-per-slot", "100 mb");
    settings = settings_of(budget);
    assert_int_equal(settings.cache_bytes + settings.write_bytes, 75 << 20);
    weir_options_destroy(rig.options);
    rig.options = NULL;
    set("state.backend.rocksdb.memory.managed", "false");
    settings = settings_of(budget);
    assert_false(settings.is_bounded);
    assert_int_equal(settings.cache_bytes, 8 << 20);
    assert_int_equal(settings.write_bytes, 0);
    assert_int_equal(settings.write_buffer_size, 64 << 20);
    weir_options_destroy(rig.options);
}

TEST(an_option_wins_over_the_predefined_set)
{
    rig.options = NULL;
    set("state.backend.rocksdb.predefined-options", "SPINNING_DISK_OPTIMIZED_HIGH_MEM");
    struct wr_rocks_settings settings = settings_of(0);
    assert_int_equal(settings.threads, 4);
    assert_int_equal(settings.block_size, 128 << 10);
    assert_int_equal(settings.cache_bytes, 256 << 20);
    assert_int_equal(settings.write_buffers_to_merge, 3);
    assert_true(settings.has_dynamic_levels);
    assert_true(settings.bloom_bits > 0);
    set("state.backend.rocksdb.thread.num", "3");
    set("state.backend.rocksdb.block.blocksize", "16 kb");
    set("state.backend.rocksdb.use-bloom-filter", "false");
    set("state.backend.rocksdb.compaction.style", "UNIVERSAL");
    settings = settings_of(0);
    assert_int_equal(settings.threads, 3);
    assert_int_equal(settings.block_size, 16 << 10);
    assert_int_equal(settings.compaction_style, rocksdb_universal_compaction);
    assert_true(settings.bloom_bits <= 0);
    weir_options_destroy(rig.options);
}

TEST(compression_is_a_list_of_words)
{
    rig.options = NULL;
    set("state.backend.rocksdb.compression.per.level", "NO_COMPRESSION;LZ4_COMPRESSION");
    struct wr_rocks_settings settings = settings_of(0);
    assert_int_equal(settings.compression_levels, 2);
    assert_int_equal(settings.compression[1], rocksdb_lz4_compression);
    set("state.backend.rocksdb.compression.per.level", "FAST");
    assert_int_equal(wr_rocks_settings_make(rig.options, 0, &settings, &rig.error), WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, "FAST"));
    weir_options_destroy(rig.options);
}

/* Keeps the name of the newest file of options. */
static int
take_newest(void *argument, const char *name, unsigned long long bytes)
{
    char *newest = argument;
    (void)bytes;
    if (strncmp(name, "OPTIONS-", 8) == 0 && strcmp(name, newest) > 0) {
        snprintf(newest, 64, "%.63s", name);
    }
    return 0;
}

static void
read_options(const struct wr_rocks *rocks, char *text, size_t room)
{
    char folder[WR_ROCKS_PATH_ROOM];
    char file[WR_ROCKS_PATH_ROOM + 80];
    char newest[64] = "";
    weir_error err;
    assert_ok(wr_rocks_path(rocks, "db", folder, &err), &err);
    assert_int_equal(rocks->api->each_file(folder, take_newest, newest), 0);
    snprintf(file, sizeof file, "%s/%s", folder, newest);
    assert_int_equal(rocks->api->read_text(file, text, room), 0);
}

/* What the database says itself, in its file of options. */
TEST(indexes_count_in_the_cache_where_there_is_a_budget_and_only_there)
{
    static char text[64 << 10];
    for (int is_bounded = 0; is_bounded < 2; is_bounded++) {
        rocks_begin(&rig, &rocks_full);
        if (is_bounded) {
            set("state.backend.rocksdb.memory.fixed-per-slot", "64 mb");
        } else {
            set("state.backend.rocksdb.memory.managed", "false");
        }
        rocks_open(&rig, &task);
        weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
        rocks_add(&rig, sums, 1, 5);
        rocks_rows(&task, "sum");
        read_options(wr_rocks_state_of(sums)->rocks, text, sizeof text);
        assert_non_null(strstr(text, is_bounded ? "cache_index_and_filter_blocks=true"
                                                : "cache_index_and_filter_blocks=false"));
        assert_null(strstr(text, is_bounded ? "cache_index_and_filter_blocks=false"
                                            : "cache_index_and_filter_blocks=true"));
        end();
    }
}

/* Every combination that an option can make opens a database. */
TEST(each_set_of_options_opens)
{
    static const char *const options[][2] = {
        { "state.backend.rocksdb.predefined-options", "SPINNING_DISK_OPTIMIZED" },
        { "state.backend.rocksdb.predefined-options", "SPINNING_DISK_OPTIMIZED_HIGH_MEM" },
        { "state.backend.rocksdb.predefined-options", "FLASH_SSD_OPTIMIZED" },
        { "state.backend.rocksdb.memory.partitioned-index-filters", "true" },
        { "state.backend.rocksdb.use-bloom-filter", "true" },
        { "state.backend.rocksdb.compaction.style", "UNIVERSAL" },
        { "state.backend.rocksdb.compression.per.level", "NO_COMPRESSION" },
        { "state.backend.rocksdb.files.open", "100" },
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        rocks_begin(&rig, &rocks_full);
        set(options[i][0], options[i][1]);
        rocks_open(&rig, &task);
        weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
        rocks_add(&rig, sums, 1, 5);
        rocks_rows(&task, "sum");
        wr_rocks_cache_clear(&wr_rocks_state_of(sums)->cache);
        assert_int_equal(rocks_look(&rig, sums, 1, -1), 5);
        end();
    }
}

/* Estimates, as it says: keys that were merged or written twice may count more than once. */
TEST(each_state_is_measured_in_memory_and_on_disk)
{
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
    weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    weir_state *others = rocks_state(&rig, &task, WEIR_STATE_VALUE, "other", WEIR_I64);
    for (int64_t i = 0; i < 100; i++) {
        rocks_add(&rig, sums, i, 5);
    }
    rocks_rows(&task, "sum");
    weir_state_size size;
    weir_state_measure(sums, &size);
    assert_int_equal(size.entries, 100);
    assert_false(size.is_exact);
    assert_true(size.bytes >= 100 * 16); /* in its memtable */
    assert_int_equal(size.disk_bytes, 0);
    weir_state_measure(others, &size);
    assert_int_equal(size.entries, 0);
    struct engine_set *set = NULL;
    assert_ok(engine_snapshot_take(&rig, &task, &set), &rig.error); /* flushes */
    weir_state_measure(sums, &size);
    assert_int_equal(size.entries, 100);
    assert_true(size.disk_bytes > 0);
    engine_set_release(&rig, set);
    end();
}

TEST(numbers_that_were_asked_for_are_told)
{
    rocks_begin(&rig, &rocks_full);
    set("state.backend.rocksdb.metrics.estimate-num-keys", "true");
    set("state.backend.rocksdb.metrics.block-cache-capacity", "true");
    rocks_open(&rig, &task);
    const char *names[8];
    uint64_t values[8];
    assert_int_equal(task.backend->ops->gauges(task.backend, names, values, 8), 2);
    weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    for (int64_t i = 0; i < 100; i++) {
        rocks_add(&rig, sums, i, 5);
    }
    rocks_rows(&task, "sum");
    assert_int_equal(task.backend->ops->gauges(task.backend, names, values, 8), 2);
    assert_string_equal(names[0], "state.rocksdb.estimate-num-keys");
    assert_int_equal(values[0], 100);
    assert_int_equal(values[1], rocks_of(&task)->settings.cache_bytes);
    assert_int_equal(task.backend->ops->gauges(task.backend, names, values, 1), 1);
    end();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* settings: options to numbers.
 *
 * An option that somebody set wins over the predefined set, that over Flink's default (the table's
 * own). Where there is a budget, cache and write buffers come from it, whatever else was set.
 *
 *     budget    |------ three quarters are given out ------|-- the rest: merges, iterators, ... --|
 *                | write buffers: 2/3 of the ratio | cache: blocks, indexes, filters |
 *
 * Flink charges write buffers to the cache; the C API cannot, so the two are divided instead. What
 * is left is what RocksDB uses beyond both: its resident memory stays within the budget.
 */
#include "state/rocks/settings.h"

#include "base/fail.h"
#include "state/rocks/gauges.h"

#include <string.h>

#define KEY(name) "state.backend.rocksdb." name

enum {
    FLUSHES_LEAST = 1 << 20 /* a write share below this would flush at every batch */
};

static const uint64_t mib = 1 << 20;

/* Flink's defaults, where the embedder gave no options at all. */
static const struct wr_rocks_settings defaults = {
    .cache_bytes = 8 << 20,
    .write_buffer_size = 64 << 20,
    .write_buffer_count = 2,
    .write_buffers_to_merge = 1,
    .threads = 2,
    .open_files = -1,
    .batch_bytes = 2 << 20,
    .block_size = 4 << 10,
    .metadata_block_size = 4 << 10,
    .compaction_style = rocksdb_level_compaction,
    .target_file_size = 64 << 20,
    .level_base_size = 256 << 20,
    .compression = { rocksdb_snappy_compression },
    .compression_levels = 1,
    .log_level = 1,
    .log_file_size = 25 << 20,
    .log_files = 4,
    .list_limit = (uint64_t)1 << 31,
    .list_count_from = 256 << 20,
};

static void
apply_predefined(struct wr_rocks_settings *settings, const char *name)
{
    if (strcmp(name, "DEFAULT") == 0) {
        return;
    }
    settings->threads = 4;
    if (strcmp(name, "FLASH_SSD_OPTIMIZED") == 0) {
        return;
    }
    settings->has_dynamic_levels = true;
    if (strcmp(name, "SPINNING_DISK_OPTIMIZED_HIGH_MEM") == 0) {
        settings->cache_bytes = 256 * mib;
        settings->block_size = 128 << 10;
        settings->level_base_size = 1024 * mib;
        settings->target_file_size = 256 * mib;
        settings->write_buffer_size = 64 * mib;
        settings->write_buffer_count = 4;
        settings->write_buffers_to_merge = 3;
        settings->bloom_bits = 10;
    }
}

static void
take_bytes(const weir_options *options, const char *key, uint64_t *value)
{
    if (weir_options_is_set(options, key)) {
        *value = weir_options_bytes(options, key);
    }
}

static void
take_int(const weir_options *options, const char *key, int *value)
{
    if (weir_options_is_set(options, key)) {
        *value = (int)weir_options_int(options, key);
    }
}

static void
take_sizes(const weir_options *options, struct wr_rocks_settings *settings)
{
    take_bytes(options, KEY("block.cache-size"), &settings->cache_bytes);
    take_bytes(options, KEY("writebuffer.size"), &settings->write_buffer_size);
    take_int(options, KEY("writebuffer.count"), &settings->write_buffer_count);
    take_int(options, KEY("writebuffer.number-to-merge"), &settings->write_buffers_to_merge);
    take_int(options, KEY("thread.num"), &settings->threads);
    take_int(options, KEY("files.open"), &settings->open_files);
    take_bytes(options, KEY("write-batch-size"), &settings->batch_bytes);
    take_bytes(options, KEY("block.blocksize"), &settings->block_size);
    take_bytes(options, KEY("block.metadata-blocksize"), &settings->metadata_block_size);
    take_bytes(options, KEY("compaction.level.target-file-size-base"), &settings->target_file_size);
    take_bytes(options, KEY("compaction.level.max-size-level-base"), &settings->level_base_size);
    take_bytes(options, KEY("log.max-file-size"), &settings->log_file_size);
    take_bytes(options, "weir.rocksdb.list-limit", &settings->list_limit);
    take_bytes(options, "weir.rocksdb.list-count-from", &settings->list_count_from);
    if (weir_options_is_set(options, KEY("log.file-num"))) {
        settings->log_files = (uint64_t)weir_options_int(options, KEY("log.file-num"));
    }
}

static void
take_filters(const weir_options *options, struct wr_rocks_settings *settings)
{
    if (weir_options_is_set(options, KEY("compaction.level.use-dynamic-size"))) {
        settings->has_dynamic_levels =
            weir_options_bool(options, KEY("compaction.level.use-dynamic-size"));
    }
    if (weir_options_is_set(options, KEY("use-bloom-filter"))) {
        bool is_on = weir_options_bool(options, KEY("use-bloom-filter"));
        settings->bloom_bits =
            is_on ? weir_options_float(options, KEY("bloom-filter.bits-per-key")) : 0;
    }
    settings->is_partitioned = weir_options_bool(options, KEY("memory.partitioned-index-filters"));
    for (size_t i = 0; i < wr_rocks_gauge_count(); i++) {
        if (weir_options_bool(options, wr_rocks_gauge_option(i))) {
            settings->gauges |= (uint64_t)1 << i;
        }
    }
}

struct word {
    const char *name;
    int value;
};

static const struct word styles[] = {
    { "LEVEL", rocksdb_level_compaction },
    { "UNIVERSAL", rocksdb_universal_compaction },
    { "FIFO", rocksdb_fifo_compaction },
};
static const struct word log_levels[] = {
    { "DEBUG_LEVEL", 0 }, { "INFO_LEVEL", 1 },  { "WARN_LEVEL", 2 },
    { "ERROR_LEVEL", 3 }, { "FATAL_LEVEL", 4 }, { "HEADER_LEVEL", 5 },
};
static const struct word compressions[] = {
    { "NO_COMPRESSION", rocksdb_no_compression },
    { "SNAPPY_COMPRESSION", rocksdb_snappy_compression },
    { "ZLIB_COMPRESSION", rocksdb_zlib_compression },
    { "BZLIB2_COMPRESSION", rocksdb_bz2_compression },
    { "LZ4_COMPRESSION", rocksdb_lz4_compression },
    { "LZ4HC_COMPRESSION", rocksdb_lz4hc_compression },
    { "ZSTD_COMPRESSION", rocksdb_zstd_compression },
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* `size` bytes of text that are one of the words, or -1. */
static int
word_of(const struct word *words, size_t count, const char *text, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i].name) == size && memcmp(words[i].name, text, size) == 0) {
            return words[i].value;
        }
    }
    return -1;
}

/* "SNAPPY_COMPRESSION;LZ4_COMPRESSION": the levels from the top; the last one goes on. */
static weir_status
take_compression(const weir_options *options, struct wr_rocks_settings *settings, weir_error *err)
{
    const char *key = KEY("compression.per.level");
    const char *text = weir_options_text(options, key);
    settings->compression_levels = 0;
    while (text != NULL && *text != '\0') {
        size_t size = strcspn(text, ";");
        int value = word_of(compressions, COUNT(compressions), text, size);
        if (value < 0 || settings->compression_levels == WR_ROCKS_LEVELS) {
            return wr_fail(err, WEIR_INVALID,
                           "%s: '%s' is no list of at most %d compressions by ';', for example "
                           "NO_COMPRESSION;LZ4_COMPRESSION",
                           key, weir_options_text(options, key), WR_ROCKS_LEVELS);
        }
        settings->compression[settings->compression_levels++] = value;
        text += size + (text[size] == ';' ? 1 : 0);
    }
    return WEIR_OK;
}

static void
take_word(const weir_options *options, const char *key, const struct word *words, size_t count,
          int *value)
{
    if (weir_options_is_set(options, key)) {
        const char *text = weir_options_text(options, key);
        *value = word_of(words, count, text, strlen(text));
    }
}

static void
divide(struct wr_rocks_settings *settings, uint64_t memory_bytes, double write_ratio)
{
    uint64_t given = memory_bytes / 4 * 3;
    uint64_t write = (uint64_t)((double)given * write_ratio * 2 / 3);
    write = write < FLUSHES_LEAST ? (uint64_t)FLUSHES_LEAST : write;
    write = write < given ? write : given / 2;
    settings->is_bounded = true;
    settings->write_bytes = write;
    settings->cache_bytes = given - write;
    if (settings->write_buffer_size > write) {
        settings->write_buffer_size = write;
    }
}

weir_status
wr_rocks_settings_make(const weir_options *options, uint64_t memory_bytes,
                       struct wr_rocks_settings *out_settings, weir_error *err)
{
    struct wr_rocks_settings settings = defaults;
    double write_ratio = 0.5;
    if (options != NULL) {
        apply_predefined(&settings, weir_options_text(options, KEY("predefined-options")));
        take_sizes(options, &settings);
        take_filters(options, &settings);
        take_word(options, KEY("compaction.style"), styles, COUNT(styles),
                  &settings.compaction_style);
        take_word(options, KEY("log.level"), log_levels, COUNT(log_levels), &settings.log_level);
        WR_TRY(take_compression(options, &settings, err));
        write_ratio = weir_options_float(options, KEY("memory.write-buffer-ratio"));
        if (weir_options_is_set(options, KEY("memory.fixed-per-slot"))) {
            memory_bytes = weir_options_bytes(options, KEY("memory.fixed-per-slot"));
        } else if (!weir_options_bool(options, KEY("memory.managed"))) {
            memory_bytes = 0;
        }
    }
    if (memory_bytes != 0) {
        divide(&settings, memory_bytes, write_ratio);
    }
    *out_settings = settings;
    return WEIR_OK;
}

static void
apply_tables(const struct wr_rocks_settings *settings, rocksdb_cache_t *block_cache,
             rocksdb_options_t *options)
{
    enum {
        XXH3 = 4 /* rocksdb::ChecksumType; Debian's CRC32C is in software */
    };
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(tables, block_cache);
    rocksdb_block_based_options_set_block_size(tables, settings->block_size);
    rocksdb_block_based_options_set_metadata_block_size(tables, settings->metadata_block_size);
    rocksdb_block_based_options_set_checksum(tables, XXH3);
    rocksdb_block_based_options_set_format_version(tables, 5);
    if (settings->is_bounded) {
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(tables, 1);
        rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(tables, 1);
        rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(tables, 1);
    }
    if (settings->bloom_bits > 0) {
        rocksdb_block_based_options_set_filter_policy(
            tables, rocksdb_filterpolicy_create_bloom_full(settings->bloom_bits));
    }
    if (settings->is_partitioned) {
        rocksdb_block_based_options_set_index_type(
            tables, rocksdb_block_based_table_index_type_two_level_index_search);
        rocksdb_block_based_options_set_partition_filters(tables, 1);
        rocksdb_block_based_options_set_pin_top_level_index_and_filter(tables, 1);
    }
    rocksdb_options_set_block_based_table_factory(options, tables);
    rocksdb_block_based_options_destroy(tables);
}

static void
apply_compression(const struct wr_rocks_settings *settings, rocksdb_options_t *options)
{
    int levels[WR_ROCKS_LEVELS];
    if (settings->compression_levels == 0) {
        return;
    }
    for (size_t i = 0; i < WR_ROCKS_LEVELS; i++) {
        size_t last = settings->compression_levels - 1;
        levels[i] = settings->compression[i < last ? i : last];
    }
    rocksdb_options_set_compression_per_level(options, levels, WR_ROCKS_LEVELS);
}

void
wr_rocks_settings_apply(const struct wr_rocks_settings *settings, rocksdb_cache_t *block_cache,
                        rocksdb_options_t *options)
{
    apply_tables(settings, block_cache, options);
    apply_compression(settings, options);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_max_background_jobs(options, settings->threads);
    rocksdb_options_set_max_open_files(options, settings->open_files);
    rocksdb_options_set_db_write_buffer_size(options, settings->write_bytes);
    rocksdb_options_set_write_buffer_size(options, settings->write_buffer_size);
    rocksdb_options_set_max_write_buffer_number(options, settings->write_buffer_count);
    rocksdb_options_set_min_write_buffer_number_to_merge(options, settings->write_buffers_to_merge);
    rocksdb_options_set_compaction_style(options, settings->compaction_style);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, settings->has_dynamic_levels);
    rocksdb_options_set_target_file_size_base(options, settings->target_file_size);
    rocksdb_options_set_max_bytes_for_level_base(options, settings->level_base_size);
    rocksdb_options_set_info_log_level(options, settings->log_level);
    rocksdb_options_set_max_log_file_size(options, settings->log_file_size);
    rocksdb_options_set_keep_log_file_num(options, settings->log_files);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_use_fsync(options, 0);
}

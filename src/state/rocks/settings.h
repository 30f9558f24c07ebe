/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/settings.h: the options of the engine as numbers: Flink's predefined sets, over them
 * state.backend.rocksdb.*, and how the memory is divided. Thread: host, task. */
#ifndef WR_STATE_ROCKS_SETTINGS_H
#define WR_STATE_ROCKS_SETTINGS_H

#include "weir/options.h"
#include "weir/status.h"

#include <rocksdb/c.h>

enum {
    WR_ROCKS_LEVELS = 7
};

struct wr_rocks_settings {
    /* memory: of one budget where there is one, else the options' own sizes */
    bool is_bounded; /* indexes and filters count in the cache, as in Flink; else files keep them */
    uint64_t cache_bytes;
    uint64_t write_bytes; /* all write buffers together; 0: each state its own */
    uint64_t write_buffer_size;
    int write_buffer_count;
    int write_buffers_to_merge;
    bool is_partitioned; /* indexes and filters */

    int threads;
    int open_files;
    uint64_t batch_bytes;
    uint64_t block_size;
    uint64_t metadata_block_size;
    int compaction_style;
    bool has_dynamic_levels;
    uint64_t target_file_size;
    uint64_t level_base_size;
    int compression[WR_ROCKS_LEVELS];
    size_t compression_levels;
    double bloom_bits; /* 0: no filter */
    int log_level;
    uint64_t log_file_size;
    uint64_t log_files;

    uint64_t list_limit;
    uint64_t list_count_from;
    uint64_t gauges; /* a bit a property, in the order of wr_rocks_gauge_count */
};

/* `options` NULL: defaults. memory_bytes: the backend's share of managed memory, 0: none. */
weir_status wr_rocks_settings_make(const weir_options *options, uint64_t memory_bytes,
                                   struct wr_rocks_settings *out_settings, weir_error *err);

/* Sets what concerns the whole database, or one family: RocksDB has one object for both. The block
 * cache is shared. */
void wr_rocks_settings_apply(const struct wr_rocks_settings *settings, rocksdb_cache_t *block_cache,
                             rocksdb_options_t *options);

#endif /* WR_STATE_ROCKS_SETTINGS_H */

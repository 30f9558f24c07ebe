/* SPDX-License-Identifier: Apache-2.0 */
/* peers/rocks: see rocks.h. A list's value is its elements of 8 bytes with a comma between them,
 * as Flink's merge operator leaves it. */
#include "peers/rocks.h"

#include "harness.h"

#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOAD_BATCH = 1000,
    ELEMENT = sizeof(uint64_t)
};

#define MIB ((uint64_t)1 << 20)

struct peer_rocks {
    char directory[4096];
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_writebatch_t *batch;
    int batched;
};

static void
expect(const char *what, char *error)
{
    if (error != NULL) {
        bench_die("RocksDB: %s: %s", what, error);
    }
}

/* --- the merge operator --- */

static char *
join(const char *first, size_t first_size, const char *const *parts, const size_t *sizes, int count,
     size_t *out_size)
{
    size_t size = first != NULL ? first_size + 1 : 0;
    for (int i = 0; i < count; i++) {
        size += sizes[i] + 1;
    }
    char *joined = malloc(size + 1);
    if (joined == NULL) {
        bench_die("no memory");
    }
    char *at = joined;
    if (first != NULL) {
        memcpy(at, first, first_size);
        at += first_size;
        *at++ = ',';
    }
    for (int i = 0; i < count; i++) {
        memcpy(at, parts[i], sizes[i]);
        at += sizes[i];
        *at++ = ',';
    }
    *out_size = size - 1; /* without the last comma */
    return joined;
}

static char *
join_all(void *self, const char *key, size_t key_size, const char *first, size_t first_size,
         const char *const *parts, const size_t *sizes, int count, unsigned char *success,
         size_t *out_size)
{
    (void)self, (void)key, (void)key_size;
    *success = 1;
    return join(first, first_size, parts, sizes, count, out_size);
}

static char *
join_some(void *self, const char *key, size_t key_size, const char *const *parts,
          const size_t *sizes, int count, unsigned char *success, size_t *out_size)
{
    (void)self, (void)key, (void)key_size;
    *success = 1;
    return join(NULL, 0, parts, sizes, count, out_size);
}

static void
free_joined(void *self, const char *joined, size_t size)
{
    (void)self, (void)size;
    free((void *)(uintptr_t)joined);
}

static const char *
join_name(void *self)
{
    (void)self;
    return "StringAppendTESTOperator";
}

static void
keep(void *self)
{
    (void)self;
}

/* --- life --- */

static void
set_options(struct peer_rocks *rocks, const struct peer_rocks_settings *settings)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocks->cache =
        rocksdb_cache_create_lru(settings->cache_bytes != 0 ? settings->cache_bytes : 8 * MIB);
    rocksdb_block_based_options_set_block_cache(table, rocks->cache);
    rocksdb_block_based_options_set_block_size(table, 4096);
    if (settings->caches_indexes) {
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
        rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
        rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    }
    rocksdb_options_set_block_based_table_factory(rocks->options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_create_if_missing(rocks->options, 1);
    rocksdb_options_set_use_fsync(rocks->options, 0);
    rocksdb_options_set_stats_dump_period_sec(rocks->options, 0);
    rocksdb_options_set_max_background_jobs(rocks->options, 2);
    rocksdb_options_set_max_open_files(rocks->options, -1);
    rocksdb_options_set_write_buffer_size(rocks->options, 64 * MIB);
    rocksdb_options_set_max_write_buffer_number(rocks->options, 2);
    rocksdb_options_set_min_write_buffer_number_to_merge(rocks->options, 1);
    rocksdb_options_set_target_file_size_base(rocks->options, 64 * MIB);
    rocksdb_options_set_max_bytes_for_level_base(rocks->options, 256 * MIB);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(rocks->options, 0);
    rocksdb_options_set_compression(rocks->options, rocksdb_snappy_compression);
    if (settings->write_buffers_bytes != 0) {
        rocksdb_options_set_db_write_buffer_size(rocks->options, settings->write_buffers_bytes);
    }
    if (settings->joins) {
        rocksdb_options_set_merge_operator(
            rocks->options,
            rocksdb_mergeoperator_create(NULL, keep, join_all, join_some, free_joined, join_name));
    }
}

struct peer_rocks *
peer_rocks_open(const char *directory, const struct peer_rocks_settings *settings)
{
    struct peer_rocks *rocks = calloc(1, sizeof *rocks);
    if (rocks == NULL) {
        bench_die("no memory");
    }
    strncpy(rocks->directory, directory, sizeof rocks->directory - 1);
    bench_remove_tree(directory);
    rocks->options = rocksdb_options_create();
    set_options(rocks, settings);
    char *error = NULL;
    rocks->db = rocksdb_open(rocks->options, directory, &error);
    expect("open", error);
    rocks->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(rocks->write, 1);
    rocks->read = rocksdb_readoptions_create();
    rocks->batch = rocksdb_writebatch_create();
    return rocks;
}

void
peer_rocks_close(struct peer_rocks *rocks)
{
    rocksdb_writebatch_destroy(rocks->batch);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_writeoptions_destroy(rocks->write);
    rocksdb_close(rocks->db);
    rocksdb_options_destroy(rocks->options);
    rocksdb_cache_destroy(rocks->cache);
    bench_remove_tree(rocks->directory);
    free(rocks);
}

void
peer_rocks_key(unsigned char *out, uint64_t number, uint64_t map_key)
{
    out[0] = (unsigned char)(bench_mix(number) % 128);
    uint64_t parts[] = { number, map_key };
    for (size_t i = 0; i < 2; i++) {
        uint64_t turned = __builtin_bswap64(parts[i]);
        memcpy(out + 1 + i * (sizeof turned + 1), &turned, sizeof turned);
    }
    out[PEER_ROCKS_KEY - 1] = 0; /* the void namespace */
}

/* --- values --- */

/* What stands before the number: of a map's entry, whether it is null. */
static size_t
value_head(size_t key_size)
{
    return key_size == PEER_ROCKS_MAP_KEY ? 1 : 0;
}

static size_t
value_make(size_t key_size, uint64_t number, char out[ELEMENT + 1])
{
    uint64_t turned = __builtin_bswap64(number);
    out[0] = 0;
    memcpy(out + value_head(key_size), &turned, sizeof turned);
    return value_head(key_size) + sizeof turned;
}

static uint64_t
sum_elements(const char *value, size_t size)
{
    uint64_t sum = 0;
    for (size_t at = 0; at + ELEMENT <= size; at += ELEMENT + 1) {
        uint64_t element;
        memcpy(&element, value + at, sizeof element);
        sum += __builtin_bswap64(element);
    }
    return sum;
}

/* --- loading --- */

static void
write_batch(struct peer_rocks *rocks)
{
    char *error = NULL;
    rocksdb_write(rocks->db, rocks->write, rocks->batch, &error);
    expect("write", error);
    rocksdb_writebatch_clear(rocks->batch);
    rocks->batched = 0;
}

void
peer_rocks_load(struct peer_rocks *rocks, const unsigned char *key, size_t key_size, uint64_t value)
{
    char bytes[ELEMENT + 1];
    size_t size = value_make(key_size, value, bytes);
    rocksdb_writebatch_put(rocks->batch, (const char *)key, key_size, bytes, size);
    if (++rocks->batched == LOAD_BATCH) {
        write_batch(rocks);
    }
}

void
peer_rocks_load_join(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
                     uint64_t value)
{
    char bytes[ELEMENT + 1];
    size_t size = value_make(key_size, value, bytes);
    rocksdb_writebatch_merge(rocks->batch, (const char *)key, key_size, bytes, size);
    if (++rocks->batched == LOAD_BATCH) {
        write_batch(rocks);
    }
}

static void
flush(struct peer_rocks *rocks)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *error = NULL;
    rocksdb_flushoptions_set_wait(options, 1);
    rocksdb_flush(rocks->db, options, &error);
    expect("flush", error);
    rocksdb_flushoptions_destroy(options);
}

void
peer_rocks_load_end(struct peer_rocks *rocks)
{
    write_batch(rocks);
    flush(rocks);
    rocksdb_compact_range(rocks->db, NULL, 0, NULL, 0);
}

/* --- work --- */

void
peer_rocks_put(struct peer_rocks *rocks, const unsigned char *key, size_t key_size, uint64_t value)
{
    char *error = NULL;
    char bytes[ELEMENT + 1];
    size_t size = value_make(key_size, value, bytes);
    rocksdb_put(rocks->db, rocks->write, (const char *)key, key_size, bytes, size, &error);
    expect("put", error);
}

void
peer_rocks_join(struct peer_rocks *rocks, const unsigned char *key, size_t key_size, uint64_t value)
{
    char *error = NULL;
    char bytes[ELEMENT + 1];
    size_t size = value_make(key_size, value, bytes);
    rocksdb_merge(rocks->db, rocks->write, (const char *)key, key_size, bytes, size, &error);
    expect("merge", error);
}

bool
peer_rocks_get(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
               uint64_t *out_value)
{
    char *error = NULL;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned(rocks->db, rocks->read, (const char *)key, key_size, &error);
    expect("get", error);
    size_t size = 0;
    const char *value = rocksdb_pinnableslice_value(slice, &size);
    size_t head = value_head(key_size);
    *out_value = value != NULL ? sum_elements(value + head, size - head) : 0;
    rocksdb_pinnableslice_destroy(slice);
    return value != NULL;
}

uint64_t
peer_rocks_walk(struct peer_rocks *rocks, const unsigned char *prefix, size_t size,
                uint64_t *out_sum)
{
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(rocks->db, rocks->read);
    uint64_t count = 0;
    *out_sum = 0;
    if (size == 0) {
        rocksdb_iter_seek_to_first(iterator);
    } else {
        rocksdb_iter_seek(iterator, (const char *)prefix, size);
    }
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator), count++) {
        size_t key_size;
        const char *key = rocksdb_iter_key(iterator, &key_size);
        if (size != 0 && (key_size < size || memcmp(key, prefix, size) != 0)) {
            break;
        }
        size_t value_size;
        const char *value = rocksdb_iter_value(iterator, &value_size);
        size_t head = value_head(key_size);
        *out_sum += sum_elements(value + head, value_size - head);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    expect("iterate", error);
    rocksdb_iter_destroy(iterator);
    return count;
}

double
peer_rocks_checkpoint(struct peer_rocks *rocks, const char *path)
{
    bench_remove_tree(path);
    double start = bench_now();
    flush(rocks);
    char *error = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(rocks->db, &error);
    expect("checkpoint", error);
    rocksdb_checkpoint_create(checkpoint, path, 0, &error);
    expect("checkpoint", error);
    double elapsed = bench_now() - start;
    rocksdb_checkpoint_object_destroy(checkpoint);
    bench_remove_tree(path);
    return elapsed;
}

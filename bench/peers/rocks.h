/* SPDX-License-Identifier: Apache-2.0 */
/* peers/rocks: RocksDB itself, through its C API and nothing of weir, as Flink sets it up:
 * write-ahead log off, level compaction, 4 KiB blocks, an 8 MiB block cache and two write buffers
 * of 64 MiB unless said otherwise, no filters, Snappy, two background threads, lists by a merge
 * operator that joins with a comma. Stops the bench at the first error. Thread: one.
 *
 *   key     | key group 1 | number 8 | void namespace 1 | [number of the map's key 8] |
 *   value   | number 8 |          a list's: | number 8 | ',' | number 8 ...
 *           | not null 1 | number 8 |                                  of a map's entry
 *
 * These are Flink's bytes; numbers are big-endian.
 */
#ifndef WEIR_BENCH_PEERS_ROCKS_H
#define WEIR_BENCH_PEERS_ROCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PEER_ROCKS_KEY = 10,    /* bytes of a key */
    PEER_ROCKS_MAP_KEY = 18 /* of a map's entry */
};

struct peer_rocks;

struct peer_rocks_settings {
    uint64_t cache_bytes;         /* 0: 8 MiB */
    uint64_t write_buffers_bytes; /* of all together; 0: no limit of its own */
    bool caches_indexes;          /* indexes and filters count into the cache */
    bool joins;                   /* lists: merge joins with ',' */
};

/* An empty database; what was in the directory is removed. */
struct peer_rocks *peer_rocks_open(const char *directory,
                                   const struct peer_rocks_settings *settings);
/* Closes it and removes the directory. */
void peer_rocks_close(struct peer_rocks *rocks);

/* The first key_size bytes of a key: PEER_ROCKS_KEY or PEER_ROCKS_MAP_KEY. */
void peer_rocks_key(unsigned char *out, uint64_t number, uint64_t map_key);

/* Many puts together, for loading: collected until `peer_rocks_load_end`. */
void peer_rocks_load(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
                     uint64_t value);
void peer_rocks_load_join(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
                          uint64_t value);
/* Flushes and compacts: the best state to start from. */
void peer_rocks_load_end(struct peer_rocks *rocks);

void peer_rocks_put(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
                    uint64_t value);
void peer_rocks_join(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
                     uint64_t value);
/* False: not there. Of a list the sum of its elements. */
bool peer_rocks_get(struct peer_rocks *rocks, const unsigned char *key, size_t key_size,
                    uint64_t *out_value);
/* The entries whose keys begin with these bytes: how many, and the sum of their values. With size 0
 * all there are. */
uint64_t peer_rocks_walk(struct peer_rocks *rocks, const unsigned char *prefix, size_t size,
                         uint64_t *out_sum);
/* Flush, and a checkpoint by hard links at `path`, which is removed again: how long it took. */
double peer_rocks_checkpoint(struct peer_rocks *rocks, const char *path);

#endif /* WEIR_BENCH_PEERS_ROCKS_H */

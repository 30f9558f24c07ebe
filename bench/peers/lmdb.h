/* SPDX-License-Identifier: Apache-2.0 */
/* peers/lmdb: LMDB itself, memory-mapped for writing, never synced: what a B+tree in the page cache
 * does with values of 8 bytes by keys of 8 bytes. Stops the bench at the first error. Thread: one.
 */
#ifndef WEIR_BENCH_PEERS_LMDB_H
#define WEIR_BENCH_PEERS_LMDB_H

#include <stdint.h>

struct peer_lmdb;

/* An empty database; what was in the directory is removed. */
struct peer_lmdb *peer_lmdb_open(const char *directory, uint64_t map_bytes);
void peer_lmdb_close(struct peer_lmdb *lmdb); /* and removes the directory */
/* Keys 0 to count - 1, in order, each 0. */
void peer_lmdb_load(struct peer_lmdb *lmdb, uint64_t count);
/* Between begin and commit lie the updates of one transaction. */
void peer_lmdb_begin(struct peer_lmdb *lmdb);
void peer_lmdb_add(struct peer_lmdb *lmdb, uint64_t number, uint64_t more);
void peer_lmdb_commit(struct peer_lmdb *lmdb);
uint64_t peer_lmdb_sum(struct peer_lmdb *lmdb);

#endif /* WEIR_BENCH_PEERS_LMDB_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/big.h: which lists have grown large. A merge is blind: RocksDB takes an element
 * without looking at the list, and Flink finds out at the next read that it is over 2^31 bytes. So
 * keys whose list was seen to be large, by a merge or a read, are counted from then on.
 *
 * Thread: any (merges run in RocksDB's threads); a leaf lock inside.
 */
#ifndef WR_STATE_ROCKS_BIG_H
#define WR_STATE_ROCKS_BIG_H

#include "weir/bytes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wr_rocks_big_row;

struct wr_rocks_big {
    pthread_mutex_t lock;
    uint64_t count_from;
    _Atomic size_t count; /* of rows; read without the lock to know that there are none */
    struct wr_rocks_big_row *rows;
};

void wr_rocks_big_init(struct wr_rocks_big *big, uint64_t count_from);
void wr_rocks_big_fini(struct wr_rocks_big *big);
/* The row's list was seen with this many bytes. */
void wr_rocks_big_seen(struct wr_rocks_big *big, weir_bytes row, uint64_t size);
/* How large it is thought to be; 0: it is not counted. */
uint64_t wr_rocks_big_size(struct wr_rocks_big *big, weir_bytes row);
void wr_rocks_big_add(struct wr_rocks_big *big, weir_bytes row, uint64_t size);
void wr_rocks_big_forget(struct wr_rocks_big *big, weir_bytes row);

#endif /* WR_STATE_ROCKS_BIG_H */

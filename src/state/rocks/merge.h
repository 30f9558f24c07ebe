/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/merge.h: how elements are added to a list without reading it: appended, with a comma
 * between. Thread: RocksDB's, and the task's in reads. */
#ifndef WR_STATE_ROCKS_MERGE_H
#define WR_STATE_ROCKS_MERGE_H

#include "state/rocks/big.h"

#include <rocksdb/c.h>

/* Large results are told to `big`, which lives as long as the database. */
rocksdb_mergeoperator_t *wr_rocks_merge_operator(struct wr_rocks_big *big);

#endif /* WR_STATE_ROCKS_MERGE_H */

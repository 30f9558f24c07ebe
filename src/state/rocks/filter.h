/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/filter.h: what compactions leave out because it has expired.
 *
 * Every family has such a filter from the start; it keeps all until the program has said that the
 * state expires. Thread: the rule is written by the task, read by RocksDB's threads.
 */
#ifndef WR_STATE_ROCKS_FILTER_H
#define WR_STATE_ROCKS_FILTER_H

#include "weir/snapshot.h"

#include <rocksdb/c.h>

#include <stdatomic.h>

struct wr_rocks_filter_rule {
    const _Atomic int64_t *now_ms;
    const weir_type *type; /* of elements; lent for the database's life */
    weir_state_kind kind;
    _Atomic uint64_t ttl_ms;          /* 0: nothing expires. Release here, acquire in the filter */
    _Atomic uint64_t entries_between; /* looks at the clock */
};

rocksdb_compactionfilterfactory_t *wr_rocks_filter_factory(struct wr_rocks_filter_rule *rule);

#endif /* WR_STATE_ROCKS_FILTER_H */

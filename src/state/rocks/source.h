/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/source.h: another subtask's database, opened to read rows from. Thread: task. */
#ifndef WR_STATE_ROCKS_SOURCE_H
#define WR_STATE_ROCKS_SOURCE_H

#include "state/rocks/rocks.h"

struct wr_rocks_source {
    struct wr_rocks *rocks;
    rocksdb_t *db;
    size_t count;                   /* of states */
    struct wr_rocks_state **states; /* of ours, by the snapshot's order; filled by the caller */
    rocksdb_column_family_handle_t **families; /* `default`, then by state */
    size_t memory_size;
};

weir_status wr_rocks_source_init(struct wr_rocks_source *source, struct wr_rocks *rocks,
                                 size_t count, weir_error *err);
weir_status wr_rocks_source_open(struct wr_rocks_source *source, const char *folder,
                                 weir_error *err);
void wr_rocks_source_close(struct wr_rocks_source *source);

#endif /* WR_STATE_ROCKS_SOURCE_H */

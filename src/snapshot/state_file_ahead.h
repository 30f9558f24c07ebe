/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file_ahead.h: reads a state file ahead of who restores from it, so that the disk
 * works while tables are filled. Past the page cache: what is restored is not read again, and the
 * cache's pages would be filled and dropped for nothing.
 *
 * A help only: where it cannot be, or fails, the reader reads for itself and meets the failure
 * there. Thread: the reader's.
 */
#ifndef WR_SNAPSHOT_STATE_FILE_AHEAD_H
#define WR_SNAPSHOT_STATE_FILE_AHEAD_H

#include "snapshot/state_file_reader.h"

enum {
    WR_AHEAD_SIZE = 1024 * 1024 /* of one read */
};

struct wr_state_file_ahead;

/* Begins with the blocks that next() has yet to give. NULL: they are not worth it, or it cannot be:
 * no such reads here, no direct ones of this file, no memory. The reader is lent. */
struct wr_state_file_ahead *wr_state_file_ahead_open(const weir_block_reader *reader);
/* Copies what stands at `offset`, at most `size` bytes. 0: it does not have that, nor will it. */
size_t wr_state_file_ahead_take(struct wr_state_file_ahead *ahead, void *out, size_t size,
                                uint64_t offset);
void wr_state_file_ahead_close(struct wr_state_file_ahead *ahead); /* NULL: nothing */

#endif /* WR_SNAPSHOT_STATE_FILE_AHEAD_H */

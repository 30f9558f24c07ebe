/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file_reader.h: a state file that is open for reading; for the files of this room
 * that open it (state_file_open.c), give its blocks (state_file_reader.c) and its lists
 * (state_file_list.c).
 */
#ifndef WR_SNAPSHOT_STATE_FILE_READER_H
#define WR_SNAPSHOT_STATE_FILE_READER_H

#include "base/memory.h"
#include "snapshot/state_file.h"
#include "snapshot/state_file_format.h"

#include <stdatomic.h>

enum {
    WR_WINDOW_SIZE = 64 * 1024,
    WR_WHERE_SIZE = 512
};

struct wr_state_file_ahead;

struct weir_block_reader {
    struct wr_os *os;
    weir_alloc alloc;
    struct wr_arena arena; /* path, states, their names and types */
    const char *path;
    struct wr_state_file_identity identity;
    uint64_t size;
    uint32_t crc;
    uint32_t key_group_first;
    uint32_t key_group_last;
    int file;         /* -1: not open */
    weir_bytes bytes; /* the whole, where there is no file; data NULL: there is */
    bool has_changes;
    const struct wr_restore_engine_file *engine_files; /* lent */
    size_t engine_file_count;
    uint32_t writer_key_group_first;
    uint32_t writer_key_group_last;
    _Atomic uint64_t *read_bytes; /* lent; NULL: nobody looks */
    size_t ahead_size;            /* as parameters have it */

    struct wr_buffer directory; /* its bytes */
    weir_state_descriptor *states;
    size_t state_count;
    const uint8_t *blocks; /* in `directory` */
    uint64_t block_count;
    uint64_t directory_offset;
    uint32_t footer_header_crc;

    uint64_t next_block;
    weir_block block; /* the current one */
    uint64_t block_offset;
    uint32_t block_crc;
    bool is_broken; /* its checksum failed: no more of it is given out */
    uint64_t fetched;
    uint32_t running_crc;
    struct wr_state_file_ahead *ahead; /* NULL: none (any more) */
    bool is_begun;                     /* next() was called: `ahead` is there if it ever will be */
    uint8_t *window;                   /* WR_WINDOW_SIZE */
    size_t window_at;
    size_t window_left;

    char where[WR_WHERE_SIZE];
};

static inline const uint8_t *
wr_reader_entry(const weir_block_reader *reader, uint64_t index)
{
    return reader->blocks + index * WR_BLOCK_ENTRY_SIZE;
}

/* Whether next() gives the block: keyed, and of the key groups that were asked for. */
bool wr_reader_wants(const weir_block_reader *reader, const uint8_t *entry);

/* So much more was read. One thread writes. */
static inline void
wr_reader_count(const weir_block_reader *reader, uint64_t bytes)
{
    if (reader->read_bytes != NULL) {
        uint64_t before = atomic_load_explicit(reader->read_bytes, memory_order_relaxed);
        atomic_store_explicit(reader->read_bytes, before + bytes, memory_order_relaxed);
    }
}

/* Exactly `size` bytes of the file at `offset`, or WEIR_CORRUPT. */
weir_status wr_reader_exactly(weir_block_reader *reader, void *out, size_t size, uint64_t offset,
                              weir_error *err);
/* Makes a block the current one, at its first byte. */
void wr_reader_enter(weir_block_reader *reader, uint64_t index);
/* Reads the current block's next `size` bytes from the file into `to`, and compares at its end. */
weir_status wr_reader_fetch(weir_block_reader *reader, void *to, size_t size, weir_error *err);

#endif /* WR_SNAPSHOT_STATE_FILE_READER_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file_writer.h: a state file that is being written; for its two halves, the task's
 * (state_file_writer.c, state_file_engine.c) and the io thread's (state_file_works.c,
 * state_file_copies.c).
 */
#ifndef WR_SNAPSHOT_STATE_FILE_WRITER_H
#define WR_SNAPSHOT_STATE_FILE_WRITER_H

#include "base/memory.h"
#include "snapshot/state_file.h"
#include "snapshot/state_file_output.h"

#include <stdatomic.h>

/* One allocation: this, then, from the next multiple of 4096 on, the data. */
struct wr_write_buffer {
    struct wr_work work; /* first */
    struct weir_block_writer *writer;
    uint8_t *data;
    size_t used;
    struct wr_buffer ends; /* u64 each: where a block ends in the data */
    bool is_extra;         /* not in the pool: freed once written */
    _Atomic bool is_free;
};

/* A file of the engine's that was entered. */
struct wr_engine_entry {
    struct wr_state_file_engine
        result; /* first: its `next` is the entry's; `file` is the last part of target */
    const char *source;
    const char *target;
};

struct weir_block_writer {
    struct wr_work last; /* finish or abort; first, so that the work is the writer */

    /* the task's */
    struct wr_executor *executor;
    struct wr_mailbox *reply_to;
    struct wr_parker *reply_parker;
    weir_alloc alloc;
    char *path;
    struct wr_state_file_identity identity;
    struct wr_write_buffer *current;
    weir_status failed; /* NOMEM, once memory was refused; INVALID: changes unasked; sticks */
    bool is_handed;     /* finish or abort was called */
    uint64_t position;  /* of the next byte in the file */
    uint64_t block_start;
    struct wr_buffer states; /* as in the directory */
    struct wr_buffer blocks; /* as in the directory, checksums missing */
    uint32_t state_count;
    uint64_t block_count;
    uint32_t header_crc;
    bool may_change;
    bool has_changes;
    struct wr_arena arena; /* of the entries and their texts */
    const char *engine_prefix;
    bool (*is_known)(void *argument, const char *name, uint64_t bytes);
    void *is_known_argument;
    struct wr_engine_entry *engine_first, *engine_last;
    uint32_t engine_count;

    /* the io thread's; the task's fields too, once the last work is handed over */
    struct wr_state_file_output output;
    struct wr_engine_entry *copying; /* the one whose copy is under way, or next */
    bool is_copying;
    int copy_source;
    struct wr_state_file_output copy_output;
    struct wr_state_file_reply *reply;
    struct wr_buffer crcs; /* u32 each: the header's, then every block's */
    uint32_t segment_crc;

    size_t buffer_size;
    size_t buffer_count;
    struct wr_write_buffer *pool[]; /* buffer_count; NULL: not needed so far */
};

static inline size_t
wr_write_buffer_bytes(const weir_block_writer *writer)
{
    return sizeof(struct wr_write_buffer) + WR_DIRECT_ALIGNMENT + writer->buffer_size;
}

void wr_write_buffer_destroy(struct wr_write_buffer *buffer, size_t bytes); /* NULL: nothing */

/* The works: a full buffer; the last of all, which ends the file or removes it, and replies.
 * Thread: io. */
void wr_writer_buffer_work(struct wr_work *work);
void wr_writer_finish_work(struct wr_work *work);
void wr_writer_abort_work(struct wr_work *work);
/* A bounded piece of the copies that are due; the last one replies. */
void wr_writer_copy_work(struct wr_work *work);
/* Gives the answer; the writer may be gone behind it. */
void wr_writer_reply(weir_block_writer *writer, weir_status status);

#endif /* WR_SNAPSHOT_STATE_FILE_WRITER_H */

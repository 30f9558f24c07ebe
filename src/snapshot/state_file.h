/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file.h: the file that holds one operator subtask's state in a native checkpoint.
 *
 *   | header 128 | payloads of blocks, back to back | directory | footer 64 |
 *
 * No byte is uncovered: header, directory and footer carry a CRC32C each, every payload's stands in
 * the directory, and the manifest holds the length and CRC32C of the whole file. Header and footer
 * name checkpoint id, attempt, operator and subtask, so that swapped and stale files are told. The
 * exact table of bytes: docs/formats/snapshot.md, and the head of state_file_open.c.
 *
 * The writer is a weir_block_writer: the task fills 1 MiB buffers, the io thread checksums and
 * writes them (O_DIRECT where the file system takes it), in order. The reader is a
 * weir_block_reader.
 */
#ifndef WR_SNAPSHOT_STATE_FILE_H
#define WR_SNAPSHOT_STATE_FILE_H

#include "base/buffer.h"
#include "os/executor.h"
#include "os/os.h"
#include "weir/snapshot.h"

/* Who a state file belongs to; checked on reading. */
struct wr_state_file_identity {
    uint64_t checkpoint_id;
    uint8_t attempt[16];
    uint8_t operator_id[16];
    uint32_t subtask;
};

/* What the manifest keeps of a written file. */
struct wr_state_file_result {
    weir_status status;
    weir_error error; /* when status is not OK */
    uint64_t size;
    uint32_t crc;
    bool has_changes;       /* to be read behind the files before it */
    bool is_inlined;        /* no file was made: the bytes are here */
    struct wr_buffer bytes; /* of inline_alloc; the receiver's, to be fini'ed */
};

struct wr_state_file_parameters {
    struct wr_os *os;
    struct wr_executor *executor; /* the io thread's; lent for the writer's life */
    weir_alloc alloc;             /* for buffers, counted as snapshot memory */
    const char *path;             /* copied; the file must not exist */
    struct wr_state_file_identity identity;
    size_t buffer_size;  /* 0: 1 MiB; a multiple of 4096 */
    size_t buffer_count; /* 0: 3 */
    bool may_change;     /* weir_block_writer_set_changes is allowed */
    /* What is no longer than this makes no file, and comes with the result. At most 1 MiB. */
    uint64_t inline_max;
    /* JobManager storage: nothing makes a file, and more than this fails (LIMIT). 0: no. */
    uint64_t memory_max;
    weir_alloc inline_alloc; /* for those bytes; plain */
    /* What the path of a copy of an engine's file begins with; its name follows. Copied. NULL: the
     * snapshot takes no such files. */
    const char *engine_prefix;
    /* Whether the last completed checkpoint contains the shared file of this name: it is not copied
     * then. NULL: none. Thread: task. */
    bool (*is_known)(void *argument, const char *name, uint64_t bytes);
    void *is_known_argument;
    struct wr_mailbox *reply_to; /* where `letter` of the result goes; with its parker */
    struct wr_parker *reply_parker;
};

/* The answer of finish or abort: pushed once; afterwards the writer may be destroyed. */
struct wr_state_file_reply {
    struct wr_letter letter;
    void *context; /* the caller's */
    struct wr_state_file_result result;
};

/* The task's side. Thread: task. */
weir_status wr_state_file_create(const struct wr_state_file_parameters *parameters,
                                 weir_block_writer **out_writer, weir_error *err);
/* Less than a buffer is free: whoever needs room waits for the io thread to give one back, which
 * wakes the reply's parker. */
bool wr_state_file_is_short(const weir_block_writer *writer);
/* Hands the rest to the io thread, which writes the directory, fdatasyncs and closes; then the
 * reply, which carries any earlier failure too. WEIR_INVALID: within a block, or twice; there will
 * be no reply. */
weir_status wr_state_file_finish(weir_block_writer *writer, struct wr_state_file_reply *reply);
/* Lets the io thread close and unlink what was written; then the reply (status CANCELLED). */
void wr_state_file_abort(weir_block_writer *writer, struct wr_state_file_reply *reply);
/* Only when no reply is outstanding and nothing was handed to the io thread since. */
void wr_state_file_destroy(weir_block_writer *writer);

/* The engine's own files that were entered, in order; the results once the reply is OK. */
struct wr_state_file_engine {
    struct wr_state_file_engine *next;
    const char *name; /* the engine's; lent for the writer's life */
    const char *file; /* the last part of its copy's path; lent likewise */
    bool is_shared;
    bool is_known; /* contained in the last completed checkpoint: there is no copy of it */
    uint64_t size;
    uint32_t crc;
    bool is_inlined;
    struct wr_buffer bytes; /* may be moved out */
};
size_t wr_state_file_engine_count(const weir_block_writer *writer);
struct wr_state_file_engine *wr_state_file_engine_first(weir_block_writer *writer); /* or NULL */

/* One of the engine's own files, to be restored from. */
struct wr_restore_engine_file {
    const char *name;
    const char *path;
    uint64_t size;
    uint32_t crc;
    bool is_shared;
    bool is_inlined;
    weir_bytes bytes;       /* inlined in the manifest, lent */
    uint64_t checkpoint_id; /* that wrote it, and its attempt */
    uint8_t attempt[16];
};

/* Opens and verifies header, directory, footer and identity, and the length. Blocks given by
 * weir_block_reader_next are the keyed ones with key group in [first, last]. */
struct wr_state_file_open {
    struct wr_os *os;
    weir_alloc alloc;
    const char *path;
    struct wr_state_file_identity identity;
    uint64_t size; /* as the manifest says */
    uint32_t crc;
    uint32_t key_group_first;
    uint32_t key_group_last;
    bool has_changes;
    bool is_inlined;
    weir_bytes bytes; /* where is_inlined; lent for the reader's life, `path` is for words */
    /* Each is read and compared whole; none is inlined any more. Lent for the reader's life. */
    const struct wr_restore_engine_file *engine_files;
    size_t engine_file_count;
    uint32_t writer_key_group_first; /* of the subtask that wrote it */
    uint32_t writer_key_group_last;
    _Atomic uint64_t *read_bytes; /* grows by what is read of blocks and of the engine's files, for
                                     those who look; lent. NULL: nobody does */
    size_t ahead_size; /* 0: 1 MiB; a multiple of 4096: that much is read at a time ahead of who
                          asks, some times over, where the wanted blocks are larger than that */
};
weir_status wr_state_file_open(const struct wr_state_file_open *parameters,
                               weir_block_reader **out_reader, weir_error *err);
/* Reads every byte and compares the whole file's CRC32C; for `verify` and for small files. */
weir_status wr_state_file_verify(weir_block_reader *reader, weir_error *err);
/* The LIST block of an operator state: elements one by one, checked before. A failure of `each` is
 * passed on; its words are each's own. WEIR_NOT_FOUND: no such list in the file. */
weir_status wr_state_file_list(weir_block_reader *reader, const char *state_name,
                               weir_status (*each)(void *argument, size_t index, weir_bytes value),
                               void *argument, weir_error *err);
/* The MAP block of a broadcast state, likewise; entries in the order they were written. A null
 * value has no data. */
weir_status wr_state_file_map(weir_block_reader *reader, const char *state_name,
                              weir_status (*each)(void *argument, weir_bytes key, weir_bytes value),
                              void *argument, weir_error *err);
void wr_state_file_close(weir_block_reader *reader); /* NULL: nothing */

#endif /* WR_SNAPSHOT_STATE_FILE_H */

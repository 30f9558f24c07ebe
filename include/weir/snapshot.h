/* SPDX-License-Identifier: Apache-2.0 */
/* weir/snapshot.h: the seam between an engine and the bytes of a native snapshot. For engines.
 *
 * A snapshot of one operator subtask is a file of blocks. The engine writes payloads; what a block
 * is (kind, state, key group, entries, length, checksum) stands in the file's directory, which the
 * writer makes. Restore gets the blocks whose key group lies in the backend's range, in file order.
 *
 * Thread: task.
 */
#ifndef WEIR_SNAPSHOT_H
#define WEIR_SNAPSHOT_H

#include "weir/status.h"
#include "weir/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef enum weir_state_kind {
    WEIR_STATE_VALUE = 1, /* keyed: one value a key */
    WEIR_STATE_LIST = 2,  /* operator state: a list of values, redistributed by its mode */
} weir_state_kind;

/* How operator list state is dealt out when the parallelism changes (Flink's OS1, OS2). */
typedef enum weir_list_mode {
    WEIR_LIST_NONE = 0,  /* keyed state */
    WEIR_LIST_SPLIT = 1, /* each element to one subtask */
    WEIR_LIST_UNION = 2  /* all elements to every subtask */
} weir_list_mode;

/* What a state is called and made of. Fields are only added at the end. */
typedef struct weir_state_descriptor {
    uint32_t size; /* of this struct as compiled */
    weir_state_kind kind;
    weir_list_mode list_mode;
    const char *name;      /* at most 255 bytes of UTF-8; unique in its operator */
    const weir_type *type; /* of the value or element; lent for the call, copied by who keeps it */
} weir_state_descriptor;

typedef enum weir_block_kind {
    WEIR_BLOCK_RECORDS =
        1, /* {u32 key size, u32 value size, key bytes, value bytes}...: any engine */
    WEIR_BLOCK_IMAGE = 2, /* the engine's own layout, named by its own header */
    WEIR_BLOCK_LIST = 3   /* {u32 size, bytes}...: operator state */
} weir_block_kind;

typedef struct weir_block {
    weir_block_kind kind;
    uint16_t state;     /* as weir_block_writer_add_state gave it */
    uint32_t key_group; /* 0 for LIST */
    uint64_t entries;
    uint64_t size; /* of the payload; the writer fills it in */
} weir_block;

typedef struct weir_block_writer weir_block_writer;
typedef struct weir_block_reader weir_block_reader;

/* --- writing, between snapshot_begin and the last turn --- */

/* Enters a state into the file; blocks name it by the number given. */
weir_status weir_block_writer_add_state(weir_block_writer *writer,
                                        const weir_state_descriptor *descriptor,
                                        uint16_t *out_state);
/* How many bytes can be written now without waiting for the io thread. A turn stops when it is too
 * few for its next unit (units of more than a buffer are accepted whatever is free). */
size_t weir_block_writer_room(const weir_block_writer *writer);
/* Appends to the block being written; never short. WEIR_NOMEM: a giant value found no memory. */
weir_status weir_block_writer_write(weir_block_writer *writer, const void *data, size_t size);
/* Ends the block: its payload is what was written since the last one ended. */
weir_status weir_block_writer_end_block(weir_block_writer *writer, const weir_block *block);

/* --- reading --- */

/* The states of the file. *out_descriptor's texts and types are lent for the reader's life. */
size_t weir_block_reader_state_count(const weir_block_reader *reader);
void weir_block_reader_state(const weir_block_reader *reader, size_t state,
                             weir_state_descriptor *out_descriptor);
/* The next keyed block whose key group is wanted. WEIR_NOT_FOUND: there are no more. */
weir_status weir_block_reader_next(weir_block_reader *reader, weir_block *out_block,
                                   weir_error *err);
/* Reads the next `size` bytes of the block's payload. The block's checksum is verified when its
 * last byte is read: nothing of a block may be believed before. WEIR_CORRUPT names file and offset.
 */
weir_status weir_block_reader_read(weir_block_reader *reader, void *out, size_t size,
                                   weir_error *err);
/* "file at offset N", for words about bad content; lent until the next call. */
const char *weir_block_reader_where(weir_block_reader *reader);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_SNAPSHOT_H */

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

#include "weir/bytes.h"
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
    WEIR_STATE_VALUE = 1,       /* keyed: one value a key */
    WEIR_STATE_LIST = 2,        /* keyed without list mode; with one, operator state */
    WEIR_STATE_MAP = 3,         /* keyed: a map a key */
    WEIR_STATE_REDUCING = 4,    /* keyed: one value a key, into which others are folded */
    WEIR_STATE_AGGREGATING = 5, /* keyed: one accumulator a key */
    WEIR_STATE_TIMERS = 6,      /* keyed: a set of (timestamp, namespace) a key; see timers below */
    WEIR_STATE_BROADCAST = 7    /* operator state: a map, each subtask has a copy of its own */
} weir_state_kind;

/* How operator list state is dealt out when the parallelism changes (Flink's OS1, OS2). */
typedef enum weir_list_mode {
    WEIR_LIST_NONE = 0,  /* keyed state */
    WEIR_LIST_SPLIT = 1, /* each element to one subtask */
    WEIR_LIST_UNION = 2  /* all elements to every subtask */
} weir_list_mode;

/* --- what expires (Flink's StateTtlConfig); of a state, never stored in a snapshot --- */

typedef enum weir_ttl_update {
    WEIR_TTL_ON_CREATE_AND_WRITE = 0,
    WEIR_TTL_ON_READ_AND_WRITE = 1
} weir_ttl_update;

typedef enum weir_ttl_visibility {
    WEIR_TTL_NEVER_RETURN_EXPIRED = 0,
    WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP = 1
} weir_ttl_visibility;

typedef struct weir_ttl {
    uint32_t size;   /* of this struct as compiled */
    uint64_t ttl_ms; /* above 0, of processing time; an item is expired iff written + ttl <= now */
    weir_ttl_update update;
    weir_ttl_visibility visibility;
    bool no_background_cleanup;
    bool cleanup_full_snapshot;      /* expired items are left out of full snapshots */
    uint32_t cleanup_entries;        /* in-memory engines: entries looked at an access; 0: 5 */
    bool cleanup_for_every_record;   /* and as many for every record */
    uint64_t compaction_entries;     /* RocksDB: entries between looks at the clock; 0: 1000 */
    uint64_t periodic_compaction_ms; /* RocksDB; 0: 30 days, UINT64_MAX: off */
} weir_ttl;

/* --- what is folded into reducing and aggregating state; never stored in a snapshot --- */

/* Where such a function puts a result of variable size. */
typedef struct weir_value_builder weir_value_builder;
/* A zeroed block of `size` bytes, to be filled before the function returns; a second call replaces
 * the first's. NULL: refused (memory, or over 16 MiB). */
void *weir_value_builder_reserve(weir_value_builder *builder, size_t size);

typedef struct weir_reduce_function {
    uint32_t size; /* of this struct as compiled */
    void *argument;
    /* Fixed-size types, optional: folds `value` into `accumulated`, in place. */
    weir_status (*reduce_in_place)(void *argument, void *accumulated, const void *value);
    /* Any type: the result into the builder. One of the two is required. */
    weir_status (*reduce)(void *argument, weir_bytes accumulated, weir_bytes value,
                          weir_value_builder *out);
} weir_reduce_function;

/* The accumulator's type is the state's; a new one holds the type's defaults. */
typedef struct weir_aggregate_function {
    uint32_t size; /* of this struct as compiled */
    void *argument;
    const weir_type *input_type;  /* what is added */
    const weir_type *result_type; /* what get answers */
    /* Fixed-size accumulators, optional. */
    weir_status (*add_in_place)(void *argument, void *accumulator, weir_bytes value);
    weir_status (*merge_in_place)(void *argument, void *accumulator, const void *other);
    /* Any accumulator; add or add_in_place is required. */
    weir_status (*add)(void *argument, weir_bytes accumulator, weir_bytes value,
                       weir_value_builder *out);
    weir_status (*merge)(void *argument, weir_bytes accumulator, weir_bytes other,
                         weir_value_builder *out); /* needed for merging namespaces only */
    /* NULL: the accumulator is the result. */
    weir_status (*result)(void *argument, weir_bytes accumulator, weir_value_builder *out);
} weir_aggregate_function;

/* What a state is called and made of. Fields are only added at the end; those from `ttl` on are of
 * the running program alone, the others stand in the snapshot. All lent for the call, copied by who
 * keeps them (the functions' arguments excepted: lent for the backend's life). */
typedef struct weir_state_descriptor {
    uint32_t size; /* of this struct as compiled */
    weir_state_kind kind;
    weir_list_mode list_mode;
    const char *name;      /* at most 255 bytes of UTF-8; unique in its operator */
    const weir_type *type; /* of the value, element, map value or accumulator; TIMERS: bool */
    const weir_type *map_key_type;   /* MAP and BROADCAST; else NULL */
    const weir_type *namespace_type; /* keyed; NULL: the void namespace */
    bool has_timestamps;             /* items carry when they were written; iff `ttl` is set */
    bool namespace_is_pane; /* aligned windows: the namespaces are few and are cleared whole */
    const weir_ttl *ttl;    /* NULL: nothing expires */
    const weir_reduce_function *reduce;       /* REDUCING */
    const weir_aggregate_function *aggregate; /* AGGREGATING */
} weir_state_descriptor;

typedef enum weir_block_kind {
    WEIR_BLOCK_RECORDS =
        1, /* {u32 key size, u32 value size, key bytes, value bytes}...: any engine */
    WEIR_BLOCK_IMAGE = 2,   /* the engine's own layout, named by its own header */
    WEIR_BLOCK_LIST = 3,    /* {u32 size, bytes}...: operator state */
    WEIR_BLOCK_CHANGES = 4, /* as RECORDS; value size UINT32_MAX: the key is gone. Deletions come
                               before the records of the same state and key group */
    WEIR_BLOCK_MAP = 5      /* {u32 key size, u32 value size, key, value}...: broadcast state */
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

/* In RECORDS and CHANGES the key bytes are those of weir_key (key, then namespace), and the value
 * bytes of a state are:
 *
 *   VALUE, REDUCING, AGGREGATING   the item
 *   LIST                           {u32 size, item}...
 *   MAP                            {u32 key size, u32 size (UINT32_MAX: null), key, item}...
 *   TIMERS                         nothing
 *
 * An item is a block of the type; where has_timestamps, an i64 (ms, when it was written) before it.
 * Of a map's null value that expires, the timestamp's bit 62 is set and the block is zeros: to an
 * engine an item like any other, but a null again when the timestamps go.
 */

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

/* What this snapshot's blocks hold are changes since the last completed one: the file is to be read
 * behind those that made that up. Only where weir_snapshot_parameters.incremental allows it, and
 * before the first block ends. */
void weir_block_writer_set_changes(weir_block_writer *writer);

/* A file that the engine keeps itself, to be taken into the snapshot as it is. */
typedef struct weir_snapshot_file {
    uint32_t size;    /* of this struct as compiled */
    const char *name; /* within the engine, for example "000012.sst"; copied */
    const char *path; /* where it lies; immutable until snapshot_end; copied */
    uint64_t bytes;
    bool is_shared; /* of an incremental snapshot: under this name it never changes, and it is not
                       copied again when the last completed snapshot contains it */
} weir_snapshot_file;
/* Enters it; the io thread copies and checksums it. WEIR_UNSUPPORTED: this snapshot is kept in
 * memory (JobManager storage) and the file is over its limit. */
weir_status weir_block_writer_add_file(weir_block_writer *writer, const weir_snapshot_file *file);

/* --- reading --- */

/* The engine's own files of the snapshot, in the order they were added; verified (length and
 * checksum) before the reader is given out. `path` is where each lies now: to be copied or linked,
 * never changed. Lent for the reader's life. */
size_t weir_block_reader_file_count(const weir_block_reader *reader);
void weir_block_reader_file(const weir_block_reader *reader, size_t index,
                            weir_snapshot_file *out_file);
/* The key groups that the subtask had which wrote it, inclusive. */
void weir_block_reader_key_groups(const weir_block_reader *reader, uint32_t *out_first,
                                  uint32_t *out_last);

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

/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/manifest.h: what a native checkpoint is: its `_metadata`, as a tree in memory and as
 * bytes.
 *
 *   | magic "WEIRMF01" | u32 version | u32 sections | u64 length | sections... | u32 CRC32C |
 *   section: | u32 kind | u32 version | u64 length | payload |
 *
 * The CRC covers everything before it. A reader refuses unknown section versions and skips unknown
 * section kinds whose high bit is set. The tree lives in one arena.
 */
#ifndef WR_SNAPSHOT_MANIFEST_H
#define WR_SNAPSHOT_MANIFEST_H

#include "base/buffer.h"
#include "base/memory.h"
#include "weir/snapshot.h"
#include "weir/status.h"

#include <stdbool.h>

enum {
    WR_JOB_ID_SIZE = 33,
    WR_ATTEMPT_SIZE = 33
}; /* 32 hex digits and a NUL */

enum wr_checkpoint_kind {
    WR_CHECKPOINT_PERIODIC = 1,
    WR_CHECKPOINT_STOP = 2,   /* final one of a job stopped by signal */
    WR_CHECKPOINT_FINAL = 3,  /* at the end of input: the job is FINISHED once it is committed */
    WR_CHECKPOINT_MANUAL = 4, /* asked for; else as a periodic one */
    WR_SAVEPOINT = 5,         /* asked for; commits nothing, is not recovered from */
    WR_SAVEPOINT_STOP = 6,    /* the job ends with it */
    WR_SAVEPOINT_DRAIN = 7    /* the job ends with it, after the end of its input */
};

static inline bool
wr_checkpoint_is_savepoint(enum wr_checkpoint_kind kind)
{
    return kind >= WR_SAVEPOINT;
}

/* Nothing follows it: sources emit no more behind its barrier. */
static inline bool
wr_checkpoint_is_last(enum wr_checkpoint_kind kind)
{
    return kind == WR_CHECKPOINT_STOP || kind == WR_CHECKPOINT_FINAL || kind > WR_SAVEPOINT;
}

/* Which files a snapshot may have in common with others. */
enum wr_sharing {
    WR_SHARING_BOTH = 0,    /* may need older files, newer ones may need its: a configured one */
    WR_SHARING_FORWARD = 1, /* needs none, newer ones may need its: a full one */
    WR_SHARING_NONE = 2     /* neither: a savepoint; every file within its directory */
};

struct wr_manifest_state {
    const char *name;
    weir_state_kind kind;
    weir_list_mode list_mode;
    const weir_type *type;
    const weir_type *map_key_type;   /* NULL: none */
    const weir_type *namespace_type; /* NULL: void */
    bool has_timestamps;
};

weir_state_descriptor wr_manifest_state_descriptor(
    const struct wr_manifest_state *state); /* lent */

/* One operator state (list or broadcast) of one subtask: how many elements or entries stand in its
 * own file. */
struct wr_manifest_list {
    uint32_t state; /* index into the operator's states */
    uint64_t count;
};

enum wr_manifest_file_role {
    WR_FILE_BLOCKS = 1, /* a state file (state_file.h) */
    WR_FILE_ENGINE = 2  /* the engine's own, as it is */
};

/* One file of a subtask's state, in the order of restore. The last BLOCKS file is this checkpoint's
 * own: operator state stands there alone. */
struct wr_manifest_file {
    enum wr_manifest_file_role role;
    const char *path; /* relative to the checkpoint's directory: "NAME", or "../shared/NAME"; "":
                         the bytes stand here */
    const char *name; /* ENGINE: the engine's name for it; else "" */
    bool is_shared;   /* other checkpoints may refer to it: dropped with the last of them */
    bool has_changes; /* BLOCKS: relative to the files before it */
    uint64_t size;
    uint32_t crc;
    uint64_t checkpoint_id; /* the one that wrote it: part of a state file's identity */
    uint8_t attempt[16];
    weir_bytes bytes; /* where path is "" */
};

struct wr_manifest_subtask {
    uint32_t index;
    bool finished; /* its finish() had been called */
    struct wr_manifest_file *files;
    uint32_t file_count;      /* 0: no state */
    uint32_t key_group_first; /* first > last: no keyed state */
    uint32_t key_group_last;
    struct wr_manifest_list *lists;
    uint32_t list_count;
};

struct wr_manifest_operator {
    uint8_t id[16];  /* murmur3_128 of the uid */
    const char *uid; /* "" where it has none */
    const char *name;
    const char *backend;       /* engine's name; "" without keyed state */
    const weir_type *key_type; /* NULL without keyed state */
    uint32_t parallelism;
    uint32_t max_parallelism;
    struct wr_manifest_state *states;
    uint32_t state_count;
    struct wr_manifest_subtask *subtasks; /* ascending by index */
    uint32_t subtask_count;
};

struct wr_manifest {
    struct wr_arena arena; /* owns all below; types too (freed with it) */
    const char *job_name;
    char job_id[WR_JOB_ID_SIZE];
    char attempt[WR_ATTEMPT_SIZE];
    uint64_t checkpoint_id;
    enum wr_checkpoint_kind kind;
    int64_t trigger_ms;  /* wall clock */
    int64_t complete_ms; /* wall clock, when the last task had acknowledged */
    uint64_t hash_seed;
    struct wr_manifest_operator *operators;
    uint32_t operator_count;
};

void wr_manifest_init(struct wr_manifest *manifest, const weir_alloc *alloc);
void wr_manifest_fini(struct wr_manifest *manifest);
weir_status wr_manifest_encode(const struct wr_manifest *manifest, struct wr_buffer *out_bytes,
                               weir_error *err);
/* `path` for words. Types of the tree are owned by it. WEIR_CORRUPT with offset; WEIR_VERSION. */
weir_status wr_manifest_decode(struct wr_manifest *manifest, const char *path, weir_bytes bytes,
                               weir_error *err);
/* Reads `path` (a `_metadata`); WEIR_UNSUPPORTED where it is a Flink savepoint (its magic), by
 * name. */
struct wr_os;
weir_status wr_manifest_read(struct wr_manifest *manifest, struct wr_os *os, const char *path,
                             weir_error *err);
/* The state file that this checkpoint wrote of the subtask: the last one. NULL: no state. */
const struct wr_manifest_file *wr_manifest_own_file(const struct wr_manifest_subtask *subtask);
/* "../shared/NAME": NAME. NULL: the file is the checkpoint's own. */
const char *wr_manifest_shared_name(const struct wr_manifest_file *file);
const struct wr_manifest_operator *wr_manifest_find(const struct wr_manifest *manifest,
                                                    const uint8_t id[16]);

#endif /* WR_SNAPSHOT_MANIFEST_H */

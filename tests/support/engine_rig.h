/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/engine_rig.h: what tests of any engine stand on: an engine in one of its modes, the
 * real state files on a system that suits it, and snapshots as what a checkpoint keeps of them:
 * chains of changes, engine files that are shared.
 *
 * Engines that keep no files run on the simulated system. Thread: one.
 */
#ifndef WEIR_TESTS_ENGINE_RIG_H
#define WEIR_TESTS_ENGINE_RIG_H

#include "support/common_os_sim.h"

#include "os/executor.h"
#include "snapshot/state_file.h"
#include "weir/backend.h"

enum {
    ENGINE_FILES_MAX = 512 /* of one set */
};

/* An engine in a mode. */
struct engine {
    const char *name;
    const char *path; /* of its shared object; NULL: hashmap */
    bool is_incremental;
    bool is_synchronous; /* state.backend.async: false */
    bool keeps_files;
    bool counts_memory;      /* by state_alloc alone: refusals and leaks can be told */
    bool snapshots_in_turns; /* else a snapshot is whole when it has begun */
};

/* The engines that this build has; ends with a name of NULL. */
extern const struct engine engines[];
/* By name, or a shared object by its path (which is kept). NULL: no such engine. */
const struct engine *engine_find(const char *name);

struct engine_file {
    unsigned refs;
    uint64_t id;    /* checkpoint id in its identity */
    uint32_t first; /* the writer's key groups */
    uint32_t last;
    char name[96]; /* an engine's own file; "": a file of blocks */
    char path[256];
    uint64_t size;
    uint32_t crc;
    bool is_shared;
    bool has_changes;
};

/* What a checkpoint keeps of one subtask: blocks to be read in order, and the engine's own. */
struct engine_set {
    size_t block_count;
    size_t engine_count;
    struct engine_file *blocks[ENGINE_FILES_MAX];
    struct engine_file *engine[ENGINE_FILES_MAX];
};

struct engine_rig {
    const struct engine *engine;
    const weir_backend_factory *factory;
    struct os_sim *sim; /* NULL: the real system, below `directory` */
    struct wr_os *os;
    char directory[128];
    struct wr_executor executor;
    struct wr_mailbox replies;
    struct wr_parker parker;
    weir_alloc alloc;      /* of state */
    weir_alloc copies;     /* of snapshots */
    weir_options *options; /* for the engine; NULL: defaults */
    uint64_t seed;
    uint32_t max_parallelism;
    const weir_type *key_type; /* i64, unless set */
    uint64_t next_id;
    size_t buffer_size; /* of the writers */
    weir_error error;
};

/* A backend and what its next incremental snapshot may build on. */
struct engine_task {
    weir_backend *backend;
    uint32_t first;
    uint32_t last;
    struct engine_set *completed; /* the last one; NULL: none since it was opened */
    char *directory;              /* for its files; NULL: none */
};

/* A snapshot on its way. */
struct engine_snapshot {
    struct engine_task *task;
    weir_snapshot *snapshot;
    weir_block_writer *writer;
    struct engine_set *base; /* what `completed` was when it began */
    uint64_t id;
    bool is_done;
    bool is_incremental;
    bool is_apart; /* a savepoint's: nothing builds on it */
    char path[256];
    char prefix[256];
};

void engine_rig_init(struct engine_rig *rig, const struct engine *engine);
void engine_rig_fini(struct engine_rig *rig);

weir_status engine_task_open(struct engine_rig *rig, struct engine_task *task, uint32_t first,
                             uint32_t last);
void engine_task_close(struct engine_rig *rig, struct engine_task *task); /* snapshots are ended */
/* Reads into a task that was opened; the set's writer may have had other key groups. */
weir_status engine_task_restore(struct engine_rig *rig, struct engine_task *task,
                                const struct engine_set *set);

/* WEIR_OK, or why the engine refuses; nothing is left then. */
weir_status engine_snapshot_begin(struct engine_rig *rig, struct engine_task *task,
                                  struct engine_snapshot *out_snapshot);
/* One that needs no file of another; is_apart: and none may need its. */
weir_status engine_snapshot_begin_full(struct engine_rig *rig, struct engine_task *task,
                                       bool is_apart, struct engine_snapshot *out_snapshot);
weir_status engine_snapshot_turn(struct engine_rig *rig, struct engine_snapshot *snapshot,
                                 size_t budget_bytes);
/* Of one that is done; the files are written by then. *out_set: to be released. */
weir_status engine_snapshot_complete(struct engine_rig *rig, struct engine_snapshot *snapshot,
                                     struct engine_set **out_set);
void engine_snapshot_abort(struct engine_rig *rig, struct engine_snapshot *snapshot);
/* Turns until it is done, then completes it; aborted where that fails. */
weir_status engine_snapshot_write(struct engine_rig *rig, struct engine_snapshot *snapshot,
                                  struct engine_set **out_set);
/* All of it at once. */
weir_status engine_snapshot_take(struct engine_rig *rig, struct engine_task *task,
                                 struct engine_set **out_set);
/* Lets the io thread do what was handed to it. */
void engine_rig_io(struct engine_rig *rig);

/* Files that no set holds any more are removed. NULL: nothing. */
void engine_set_release(struct engine_rig *rig, struct engine_set *set);
struct engine_set *engine_set_copy(const struct engine_set *set);
bool engine_set_has_changes(const struct engine_set *set);

#endif /* WEIR_TESTS_ENGINE_RIG_H */

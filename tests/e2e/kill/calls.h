/* SPDX-License-Identifier: Apache-2.0 */
/* calls.h: each call by which a checkpoint becomes complete, output is committed, and old ones go.
 * The preloaded library tells them apart; the driver demands that each was a place of death.
 *
 *   COMPLETION  from the first byte of a checkpoint to its rename into sight, made durable
 *   COMMIT      of pending output
 *   DROP        of an older checkpoint
 *   SHARE       of files that several checkpoints need: moved to where they stay, and away again
 *   FINISH      the mark that the job reached its end
 *   START       locks, fences and directories when a process begins or ends
 */
#ifndef KILL_CALLS_H
#define KILL_CALLS_H

enum call_stage {
    STAGE_START,
    STAGE_COMPLETION,
    STAGE_COMMIT,
    STAGE_DROP,
    STAGE_SHARE,
    STAGE_FINISH
};

#define KILL_CALLS(X)                                                 \
    X(BEGIN_MKDIR, "begin.mkdir", COMPLETION)                         \
    X(DATA_WRITE, "data.write", COMPLETION)                           \
    X(DATA_SYNC, "data.sync", COMPLETION)                             \
    X(PENDING_WRITE, "pending.write", COMPLETION)                     \
    X(PENDING_SYNC, "pending.sync", COMPLETION)                       \
    X(PENDING_DIRECTORY_SYNC, "pending.directory.sync", COMPLETION)   \
    X(METADATA_WRITE, "metadata.write", COMPLETION)                   \
    X(METADATA_SYNC, "metadata.sync", COMPLETION)                     \
    X(METADATA_RENAME, "metadata.rename", COMPLETION)                 \
    X(METADATA_DIRECTORY_SYNC, "metadata.directory.sync", COMPLETION) \
    X(CHECKPOINT_RENAME, "checkpoint.rename", COMPLETION)             \
    X(PARENT_SYNC, "parent.sync", COMPLETION)                         \
    X(HIDDEN_SYNC, "hidden.sync", COMPLETION)                         \
    X(COMMIT_RENAME, "commit.rename", COMMIT)                         \
    X(COMMIT_DIRECTORY_SYNC, "commit.directory.sync", COMMIT)         \
    X(COMMIT_SOURCE_SYNC, "commit.source.sync", COMMIT)               \
    X(DROP_RENAME, "drop.rename", DROP)                               \
    X(DROP_PARENT_SYNC, "drop.parent.sync", DROP)                     \
    X(DROP_HIDDEN_SYNC, "drop.hidden.sync", DROP)                     \
    X(DROP_UNLINK, "drop.unlink", DROP)                               \
    X(SHARE_RENAME, "share.rename", SHARE)                            \
    X(SHARE_DIRECTORY_SYNC, "share.directory.sync", SHARE)            \
    X(UNNEEDED_RENAME, "unneeded.rename", SHARE)                      \
    X(UNNEEDED_UNLINK, "unneeded.unlink", SHARE)                      \
    X(FINISHED_WRITE, "finished.write", FINISH)                       \
    X(FINISHED_SYNC, "finished.sync", FINISH)                         \
    X(FINISHED_RENAME, "finished.rename", FINISH)                     \
    X(FINISHED_PARENT_SYNC, "finished.parent.sync", FINISH)           \
    X(FINISHED_HIDDEN_SYNC, "finished.hidden.sync", FINISH)           \
    X(START_MKDIR, "start.mkdir", START)                              \
    X(START_SYNC, "start.sync", START)                                \
    X(LOCK_WRITE, "lock.write", START)                                \
    X(LOCK_SYNC, "lock.sync", START)                                  \
    X(LOCK_RENAME, "lock.rename", START)                              \
    X(FENCE_RENAME, "fence.rename", START)                            \
    X(FENCE_SYNC, "fence.sync", START)                                \
    X(FENCE_REMOVE, "fence.remove", START)                            \
    X(FINISHED_REMOVE, "finished.remove", START)                      \
    X(HIDDEN_REMOVE, "hidden.remove", START)

#define CALL_ENUM(name, text, stage) CALL_##name,
enum call {
    KILL_CALLS(CALL_ENUM) CALL_COUNT,
    CALL_FOREIGN,
    CALL_UNKNOWN
};
#undef CALL_ENUM

#endif /* KILL_CALLS_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* job/history.h: what became of the job's checkpoints, for those who ask. Facts in, views out;
 * Flink's statistics (its REST's checkpoints page), over all attempts of the process.
 *
 *   triggered --acknowledged...--> completed --> discarded
 *                              --> failed
 *
 * It serves the eye alone: what does not fit into memory is left out, and nothing fails for it.
 * Thread: coordinator.
 */
#ifndef WR_JOB_HISTORY_H
#define WR_JOB_HISTORY_H

#include "base/memory.h"
#include "snapshot/manifest.h"
#include "weir/inspect.h"

struct wr_history;

/* `kept`: how many that have ended are kept. NULL: no memory. */
struct wr_history *wr_history_create(const weir_alloc *alloc, uint32_t kept, uint32_t task_count);
void wr_history_destroy(struct wr_history *history); /* NULL ok */

void wr_history_triggered(struct wr_history *history, uint64_t id, enum wr_checkpoint_kind kind,
                          int64_t now_ms);
/* Once a task: what comes later is not heard. */
void wr_history_acknowledged(struct wr_history *history, uint64_t id, uint32_t task,
                             const weir_checkpoint_task_view *part);
void wr_history_declined(struct wr_history *history, uint64_t id, uint32_t task);
/* Its _metadata is written. */
void wr_history_stored(struct wr_history *history, uint64_t id, uint64_t metadata_bytes);
/* path NULL or "": in memory, or nowhere. */
void wr_history_completed(struct wr_history *history, uint64_t id, const char *path,
                          int64_t now_ms);
void wr_history_failed(struct wr_history *history, uint64_t id, const char *words, int64_t now_ms);
void wr_history_discarded(struct wr_history *history, uint64_t id);
void wr_history_restored(struct wr_history *history, uint64_t id, bool savepoint, const char *path,
                         int64_t now_ms);
/* Those still under way have failed for these words: their attempt of the job is over. */
void wr_history_failed_all(struct wr_history *history, const char *words, int64_t now_ms);

/* Copies into the arena. WEIR_NOMEM. */
weir_status wr_history_view(const struct wr_history *history, struct wr_arena *arena,
                            int64_t now_ms, weir_checkpoints_view *out_view);

#endif /* WR_JOB_HISTORY_H */

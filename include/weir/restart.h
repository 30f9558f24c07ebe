/* SPDX-License-Identifier: Apache-2.0 */
/* weir/restart.h: whether, and when, a job that failed is started again. For embedders and the CLI.
 *
 * Flink's restart strategies (restart-strategy.type and the keys below it), as facts in and answers
 * out: time and chance are the caller's. Unset, a job with checkpoints gets exponential-delay with
 * its defaults, one without gets none.
 * Thread: one at a time.
 */
#ifndef WEIR_RESTART_H
#define WEIR_RESTART_H

#include "weir/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_restart weir_restart;

/* Reads the strategy. `checkpointing`: checkpoints are made. WEIR_INVALID: its settings contradict
 * each other. */
weir_status weir_restart_create(const weir_alloc *alloc, const weir_options *options,
                                bool checkpointing, weir_restart **out_restart, weir_error *err);
void weir_restart_destroy(weir_restart *restart); /* NULL: nothing */

/* The job failed at now_ms, of any clock that never goes back. True: start it again after
 * *out_delay_ms. False: no more. `chance` in [0, 1) makes the delay's jitter. */
bool weir_restart_failed(weir_restart *restart, uint64_t now_ms, double chance,
                         uint64_t *out_delay_ms);
/* "exponential-delay"; static. */
const char *weir_restart_name(const weir_restart *restart);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_RESTART_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/given_up.h: the checkpoints that were aborted before all their barriers had come. What
 * still comes of them means nothing. For the gate and its tracker.
 *
 * Those that can have no barriers left are forgotten; of others the newest WR_GIVEN_UP_MAX are
 * known, as in Flink: one that was forgotten too early costs a snapshot that nobody waits for.
 * Thread: task.
 */
#ifndef WR_RUNTIME_GIVEN_UP_H
#define WR_RUNTIME_GIVEN_UP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WR_GIVEN_UP_MAX = 128
};

/* All zero: none. */
struct wr_given_up {
    uint32_t count;
    uint64_t ids[WR_GIVEN_UP_MAX]; /* ascending */
};

/* Barriers up to `settled` mean nothing anyway. */
void wr_given_up_add(struct wr_given_up *given_up, uint64_t id, uint64_t settled);
bool wr_given_up_has(const struct wr_given_up *given_up, uint64_t id);

#endif /* WR_RUNTIME_GIVEN_UP_H */

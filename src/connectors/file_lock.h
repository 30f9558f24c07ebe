/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/file_lock.h: the lock on an output directory, "<pid> <attempt>" in <dir>/.weir.lock.
 * For file_place.c. Thread: task. */
#ifndef WR_CONNECTORS_FILE_LOCK_H
#define WR_CONNECTORS_FILE_LOCK_H

#include "connectors/file_place.h"

/* WEIR_BUSY: another process holds it, with its pid in words. */
weir_status wr_file_lock_take(struct wr_file_place *place, bool take_over, weir_error *err);
/* Whether the lock that others see is this attempt's. */
weir_status wr_file_lock_is_own(struct wr_file_place *place, bool *out_is_own, weir_error *err);
void wr_file_lock_give_back(struct wr_file_place *place); /* not held: nothing */

#endif /* WR_CONNECTORS_FILE_LOCK_H */

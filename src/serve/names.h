/* SPDX-License-Identifier: Apache-2.0 */
/* serve/names.h: weir's states in Flink's words. */
#ifndef WR_SERVE_NAMES_H
#define WR_SERVE_NAMES_H

#include "weir/inspect.h"

/* INITIALIZING, RUNNING, FINISHED, CANCELED, FAILED, RESTARTING. A job that stops is RUNNING until
 * it has ended, one that stopped is FINISHED, as Flink's are. */
const char *wr_flink_job_state(weir_job_state state);

#endif /* WR_SERVE_NAMES_H */

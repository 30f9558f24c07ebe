/* SPDX-License-Identifier: Apache-2.0 */
/* names: weir's states in Flink's words. */
#include "serve/names.h"

const char *
wr_flink_job_state(weir_job_state state)
{
    if (state == WEIR_JOB_STOPPING) {
        return "RUNNING";
    }
    return state == WEIR_JOB_STOPPED ? "FINISHED" : weir_job_state_name(state);
}

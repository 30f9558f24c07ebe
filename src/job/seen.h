/* SPDX-License-Identifier: Apache-2.0 */
/* job/seen.h: what the host sees of a job that changes with its attempts, and is more than a
 * number. Part of struct weir_job (running.h).
 */
#ifndef WR_JOB_SEEN_H
#define WR_JOB_SEEN_H

#include "os/file.h"
#include "os/mutex.h"
#include "weir/job.h"

struct wr_job_seen {
    struct wr_mutex mutex;
    /* guarded by it, as is the array of tasks: written by the coordinator, read by the host */
    uint64_t records_in; /* of the attempts that are over */
    uint64_t records_out;
    bool restored;
    uint64_t restored_id;
    char restored_path[WR_PATH_MAX];
    uint32_t restarts;
    weir_error restart; /* why the last of them was made */
};

#endif /* WR_JOB_SEEN_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* rig_job: the rig's job on a system of the test's. */
#include "rig_job.h"

#include "job/running.h"

weir_status
rig_create_job(struct wr_os *os, weir_environment *environment,
               const weir_job_parameters *parameters, weir_job **out_job, weir_error *err)
{
    return wr_job_create_on(os != NULL ? os : wr_os_posix(), environment, parameters, out_job, err);
}

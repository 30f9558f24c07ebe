/* SPDX-License-Identifier: Apache-2.0 */
/* tests/serve/rig_job.h: the rig's job on a system of the test's. Apart from the rig, as the room
 * of jobs and the server each have a wr_role of their own. */
#ifndef WEIR_TESTS_SERVE_RIG_JOB_H
#define WEIR_TESTS_SERVE_RIG_JOB_H

#include "weir/job.h"

struct wr_os;

/* os NULL: the real one. */
weir_status rig_create_job(struct wr_os *os, weir_environment *environment,
                           const weir_job_parameters *parameters, weir_job **out_job,
                           weir_error *err);

#endif /* WEIR_TESTS_SERVE_RIG_JOB_H */

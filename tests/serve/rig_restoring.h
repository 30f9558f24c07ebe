/* SPDX-License-Identifier: Apache-2.0 */
/* tests/serve/rig_restoring.h: a job that is about to restore its state, stepped in one thread. It
 * stands apart from who asks the server, as their rooms' headers do. */
#ifndef WEIR_TESTS_SERVE_RIG_RESTORING_H
#define WEIR_TESTS_SERVE_RIG_RESTORING_H

#include "weir/job.h"

struct rig_restoring;

/* Its tasks are told to initialise; none has begun. */
struct rig_restoring *rig_restoring_begin(void);
weir_job *rig_restoring_job(struct rig_restoring *restoring); /* lent */
/* Steps the tasks, one after another, until some of the state is read. */
void rig_restoring_step(struct rig_restoring *restoring);
void rig_restoring_run(struct rig_restoring *restoring); /* to the job's end */
void rig_restoring_end(struct rig_restoring *restoring);

#endif /* WEIR_TESTS_SERVE_RIG_RESTORING_H */

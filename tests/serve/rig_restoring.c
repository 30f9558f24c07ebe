/* SPDX-License-Identifier: Apache-2.0 */
/* rig_restoring: on the simulated system, from a checkpoint of the job's first life. */
#include "rig_restoring.h"

#include "unit/job/job_rig.h"
#include "weir/inspect.h"

#include <stdlib.h>

struct rig_restoring {
    struct rig rig;
};

struct rig_restoring *
rig_restoring_begin(void)
{
    struct rig_restoring *restoring = calloc(1, sizeof *restoring);
    struct rig *rig = &restoring->rig;
    rig_init(rig);
    rig_set(rig, "parallelism.default", "2");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(rig, rig_stops_after_three));
    rig->parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(rig), &rig->error);
    assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
    return restoring;
}

weir_job *
rig_restoring_job(struct rig_restoring *restoring)
{
    return restoring->rig.job;
}

static bool
has_read_some(weir_job *job)
{
    const weir_job_view *view = NULL;
    assert_int_equal(weir_job_inspect(job, &view, NULL), WEIR_OK);
    bool is_some = view->restore.read_bytes != 0;
    weir_job_view_free(view);
    return is_some;
}

void
rig_restoring_step(struct rig_restoring *restoring)
{
    weir_job *job = restoring->rig.job;
    for (int round = 0; round < 1000; round++) {
        for (size_t actor = 2; actor < wr_job_actor_count(job); actor++) {
            uint64_t wake_at_ns;
            (void)wr_job_step(job, actor, &wake_at_ns);
            if (has_read_some(job)) {
                return;
            }
        }
    }
    fail_msg("nothing is read");
}

void
rig_restoring_run(struct rig_restoring *restoring)
{
    rig_step_until(&restoring->rig, NULL);
}

void
rig_restoring_end(struct rig_restoring *restoring)
{
    rig_fini(&restoring->rig);
    free(restoring);
}

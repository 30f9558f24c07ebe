/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/job/job_steps.h: a job in one thread: every actor in turn, and the clock when nobody
 * has anything to do. */
#ifndef WEIR_TESTS_JOB_STEPS_H
#define WEIR_TESTS_JOB_STEPS_H

#include "support/common_os_sim.h"
#include "support/test.h"

#include "job/running.h"

/* One step of each actor; true: one of them did something. *out_first: when the first wants to be
 * woken. */
static inline bool
job_step_all(weir_job *job, uint64_t *out_first)
{
    bool progress = false;
    size_t actors = wr_job_actor_count(job);
    *out_first = UINT64_MAX;
    for (size_t i = 0; i < actors; i++) {
        uint64_t wake_at = UINT64_MAX;
        progress = wr_job_step(job, i, &wake_at) || progress;
        *out_first = wake_at < *out_first ? wake_at : *out_first;
    }
    return progress;
}

/* Behind a round: an end is no progress to its own actor, but another's letter, so the second round
 * without any counts. */
static inline void
job_pass_time(const weir_job *job, struct os_sim *sim, bool progress, uint64_t first,
              unsigned *quiet)
{
    uint64_t now = os_sim_now_ns(sim);
    *quiet = progress ? 0 : *quiet + 1;
    if (*quiet >= 2 && !wr_job_has_ended(job)) {
        assert_true(first != UINT64_MAX); /* else nothing would ever wake the job */
        os_sim_advance_ns(sim, first > now ? first - now : 1);
    }
}

#endif /* WEIR_TESTS_JOB_STEPS_H */

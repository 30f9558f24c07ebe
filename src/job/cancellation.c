/* SPDX-License-Identifier: Apache-2.0 */
/* cancellation: tasks that were told to end at once, and do not.
 *
 * A function that never returns cannot be interrupted in C. So it is warned of by name, and after
 * task.cancellation.timeout the process ends: whoever supervises it starts the job again, and what
 * is not committed is done again from the last checkpoint. The same for a snapshot that the io
 * thread does not get done.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>

enum {
    EXIT_TIMEOUT = 6, /* the command line's code for what took too long */
    NAMES_SIZE = 600
};

void
wr_job_watch_cancellation(weir_job *job)
{
    uint64_t now_ns = job->os->ops->monotonic_ns(job->os);
    uint64_t timeout_ms = weir_options_duration_ms(job->options, "task.cancellation.timeout");
    uint64_t interval_ms = weir_options_duration_ms(job->options, "task.cancellation.interval");
    job->restart.warn_at_ns = now_ns + interval_ms * 1000000U;
    job->restart.given_up_ns = timeout_ms != 0 ? now_ns + timeout_ms * 1000000U : UINT64_MAX;
}

/* "operator 'sum' (2/4), operator 'sink' (1/1)", as many as there is room for. */
static void
name_tasks(const weir_job *job, char out[NAMES_SIZE]) WR_ON(coordinator)
{
    size_t size = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        const char *name = job->plan->operators[vertex->first_operator].node->name;
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            if (!job->task_ended[vertex->first_task + j] && size < NAMES_SIZE - 1) {
                int added = snprintf(out + size, NAMES_SIZE - size, "%soperator '%s' (%u/%u)",
                                     size != 0 ? ", " : "", name, j + 1, vertex->parallelism);
                size += added > 0 ? (size_t)added : 0;
            }
        }
    }
}

static void
end_process(weir_job *job) WR_ON(coordinator)
{
    char names[NAMES_SIZE];
    char words[NAMES_SIZE + 200];
    name_tasks(job, names);
    snprintf(words, sizeof words,
             "%s did not end within task.cancellation.timeout (%s) of being cancelled: the process "
             "ends",
             names, weir_options_text(job->options, "task.cancellation.timeout"));
    job->os->ops->process_end(job->os, EXIT_TIMEOUT, words);
}

void
wr_job_check_cancellation(weir_job *job, uint64_t *out_wake_at_ns)
{
    struct wr_job_restart *restart = &job->restart;
    if (job->phase != WR_PHASE_ENDING || restart->warn_at_ns == 0) {
        return;
    }
    uint64_t now_ns = job->os->ops->monotonic_ns(job->os);
    if (now_ns >= restart->given_up_ns) {
        restart->warn_at_ns = 0; /* a simulated process goes on */
        end_process(job);
        return;
    }
    if (now_ns >= restart->warn_at_ns) {
        char names[NAMES_SIZE];
        name_tasks(job, names);
        wr_job_say(job, 'w', "cancelled, and not ended yet: %s", names);
        restart->warn_at_ns =
            now_ns +
            weir_options_duration_ms(job->options, "task.cancellation.interval") * 1000000U;
    }
    uint64_t first_ns =
        restart->warn_at_ns < restart->given_up_ns ? restart->warn_at_ns : restart->given_up_ns;
    *out_wake_at_ns = first_ns < *out_wake_at_ns ? first_ns : *out_wake_at_ns;
}

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

#include <stdarg.h>
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

struct names {
    char text[NAMES_SIZE];
    size_t size;
};

static void add(struct names *names, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What there is no room for is left out. */
static void
add(struct names *names, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(names->text + names->size, sizeof names->text - names->size, format, arguments);
    va_end(arguments);
    size_t room = sizeof names->text - 1 - names->size;
    names->size += size > 0 && (size_t)size < room ? (size_t)size : room;
}

/* Those that have not ended: "task 'numbers -> widen' (2/4), task 'sink' (1/1)". */
static void
name_tasks(const weir_job *job, struct names *names) WR_ON(coordinator)
{
    *names = (struct names){ .size = 0 };
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            if (job->task_ended[vertex->first_task + j]) {
                continue;
            }
            add(names, "%stask '", names->size != 0 ? ", " : "");
            for (uint32_t k = 0; k < vertex->chain_count; k++) {
                add(names, "%s%s", k != 0 ? " -> " : "",
                    job->plan->operators[vertex->chain[k]].node->name);
            }
            add(names, "' (%u/%u)", j + 1, vertex->parallelism);
        }
    }
}

static void
end_process(weir_job *job) WR_ON(coordinator)
{
    struct names names;
    char words[NAMES_SIZE + 200];
    name_tasks(job, &names);
    snprintf(words, sizeof words,
             "%s did not end within task.cancellation.timeout (%s) of being cancelled: the process "
             "ends",
             names.text, weir_options_text(job->options, "task.cancellation.timeout"));
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
        struct names names;
        name_tasks(job, &names);
        wr_log_say(&job->log, WR_LOG_JOB, WEIR_LOG_WARN, "cancelled, and not ended yet: %s",
                   names.text);
        restart->warn_at_ns =
            now_ns +
            weir_options_duration_ms(job->options, "task.cancellation.interval") * 1000000U;
    }
    uint64_t first_ns =
        restart->warn_at_ns < restart->given_up_ns ? restart->warn_at_ns : restart->given_up_ns;
    *out_wake_at_ns = first_ns < *out_wake_at_ns ? first_ns : *out_wake_at_ns;
}

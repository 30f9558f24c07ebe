/* SPDX-License-Identifier: Apache-2.0 */
/* letters: the same letter to many tasks. All are made before the first is sent, so that every task
 * hears of a thing, or none does.
 */
#include "base/check.h"
#include "base/memory.h"
#include "job/running.h"

static bool
is_source(const weir_job *job, uint32_t vertex) WR_ON(coordinator)
{
    uint32_t head = job->plan->vertices[vertex].first_operator;
    return job->plan->operators[head].node->leg_count == 0;
}

static void
free_letter(weir_job *job, struct wr_task_letter *letter) WR_ON(coordinator)
{
    if (letter->plan != NULL) {
        wr_memory_free(&job->alloc, letter->plan, sizeof *letter->plan);
    }
    wr_memory_free(&job->alloc, letter, sizeof *letter);
}

static struct wr_task_letter *
new_letter(weir_job *job, const struct wr_task_letter *content,
           const struct wr_checkpoint_plan *plan) WR_ON(coordinator)
{
    struct wr_task_letter *letter = wr_memory_new(&job->alloc, sizeof *letter);
    if (letter == NULL) {
        return NULL;
    }
    *letter = *content;
    letter->plan = NULL;
    if (plan != NULL) {
        letter->plan = wr_memory_new(&job->alloc, sizeof *letter->plan);
        if (letter->plan == NULL) {
            free_letter(job, letter);
            return NULL;
        }
        *letter->plan = *plan;
    }
    return letter;
}

/* Those with a source, or those without. Sends the letters of a list that has one for each. */
static void
send_some(weir_job *job, struct wr_letter **letters, bool sources) WR_ON(coordinator)
{
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        for (uint32_t j = 0; j < vertex->parallelism && is_source(job, i) == sources; j++) {
            uint32_t task = vertex->first_task + j;
            if (!job->task_ended[task]) {
                struct wr_letter *letter = *letters;
                wr_assert(letter != NULL);
                *letters = letter->next;
                wr_task_send(job->tasks[task], (struct wr_task_letter *)letter);
            }
        }
    }
}

static uint32_t
count_receivers(const weir_job *job, bool sources_only) WR_ON(coordinator)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            bool is_meant = !sources_only || is_source(job, i);
            count += is_meant && !job->task_ended[vertex->first_task + j];
        }
    }
    return count;
}

weir_status
wr_job_send(weir_job *job, const struct wr_task_letter *content,
            const struct wr_checkpoint_plan *plan, bool sources_only)
{
    struct wr_letter *letters = NULL;
    for (uint32_t i = count_receivers(job, sources_only); i > 0; i--) {
        struct wr_task_letter *letter = new_letter(job, content, plan);
        if (letter == NULL) {
            while (letters != NULL) {
                struct wr_letter *next = letters->next;
                free_letter(job, (struct wr_task_letter *)letters);
                letters = next;
            }
            return WEIR_NOMEM;
        }
        letter->letter.next = letters;
        letters = &letter->letter;
    }
    if (!sources_only) {
        send_some(job, &letters, false);
    }
    send_some(job, &letters, true);
    return WEIR_OK;
}

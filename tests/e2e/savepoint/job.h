/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2e/savepoint/job.h: the driver's job, its lives, and the judge of its lines. A thing that
 * is not as expected ends the process with words.
 */
#ifndef WEIR_TESTS_E2E_SAVEPOINT_JOB_H
#define WEIR_TESTS_E2E_SAVEPOINT_JOB_H

#include <weir/job.h>

/* How a life differs from another. */
struct plan {
    double rate;         /* events a second; 0: as fast as it can */
    const char *restore; /* NULL: empty */
    weir_claim_mode claim;
    bool with_extra; /* a second keyed operator, uid "extra" */
    bool allow_non_restored;
};

struct life {
    weir_options *options;
    weir_environment *environment;
    weir_job *job;
};

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void expect(bool holds, const char *what);
void expect_ok(weir_status status, const weir_error *error);

/* Below which everything stands; made anew. */
void use_place(const char *directory);
/* A path below it; lent until four more are asked for. */
const char *place(const char *name);
bool exists(const char *directory, const char *name);
void remove_tree(const char *path);

/* weir_job_create's answer; on WEIR_OK it was started. */
weir_status try_life(struct life *life, const struct plan *plan, weir_error *err);
void begin_life(struct life *life, const struct plan *plan);
void run_until(struct life *life, uint64_t records_in);
weir_job_report look(struct life *life);
/* Waits for the end, at most a minute. */
weir_job_state end_life(struct life *life);
const weir_job_report *look_last(void); /* of the life that has ended last */
bool was_said(const char *words);       /* by any life */

/* Whether the committed lines are those of an undisturbed run: of all of it, or of its beginning.
 */
bool lines_are_right(bool all);
uint64_t committed_lines(void);

#endif /* WEIR_TESTS_E2E_SAVEPOINT_JOB_H */

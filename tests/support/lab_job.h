/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/lab_job.h: what the lab's own files share: the job's options and graph. */
#ifndef WEIR_TESTS_SUPPORT_LAB_JOB_H
#define WEIR_TESTS_SUPPORT_LAB_JOB_H

#include "support/lab.h"

weir_status lab_set_options(const struct lab_attempt *attempt, weir_options *options,
                            weir_error *err);
/* The main of the lab's job, into the environment. */
weir_status lab_run_main(const struct lab *lab, const struct lab_attempt *attempt,
                         weir_environment *environment, weir_error *err);

#endif /* WEIR_TESTS_SUPPORT_LAB_JOB_H */

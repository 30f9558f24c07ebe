/* SPDX-License-Identifier: Apache-2.0 */
/* detach.h: `weir run -d`: the job goes on without the terminal that started it.
 *
 *   weir run -d  --fork, exec-->  weir run -d          its own session, its words in a log file
 *        |                             |  (--supervise: and its child)
 *        | <------ the job's id -------+               by a pipe, once it runs
 *
 * Thread: main.
 */
#ifndef CLI_DETACH_H
#define CLI_DETACH_H

#include "weir/job.h"

#include <stdbool.h>

/* Whether this process is the one that goes on: then it is run as without -d. */
bool cli_is_detached(void);
/* Starts it and waits until its job runs, which is printed, or until it ends, with the end of its
 * log. argv is run's own, job_path for the log's name. Answers the exit code. */
int cli_detach(char **argv, const char *job_path, bool is_json);
/* In the process that runs the job: waits until it runs and tells so whoever waits, if somebody
 * does. */
void cli_detach_tell(weir_job *job);

#endif /* CLI_DETACH_H */

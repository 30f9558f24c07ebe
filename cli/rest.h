/* SPDX-License-Identifier: Apache-2.0 */
/* rest.h: the REST server of a job that is run here. Thread: main. */
#ifndef CLI_REST_H
#define CLI_REST_H

#include "cli.h"

#include "weir/serve.h"

/* Before the job starts: where a port is set the server must be there, or the job is not run. Says
 * its URL. *out_server NULL: no port is set. CLI_OK, or what to leave with. */
int cli_rest_open_port(weir_job *job, const struct cli_run *run, weir_server **out_server);
/* Once the job runs: the local socket alone, by which this user's commands find it. A job runs on
 * without it. NULL: none. */
weir_server *cli_rest_open_socket(weir_job *job, const struct cli_run *run);

#endif /* CLI_REST_H */

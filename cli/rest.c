/* SPDX-License-Identifier: Apache-2.0 */
/* rest: a port is asked for, and so it is opened first and its failure ends the start; the local
 * socket is a convenience, and is opened when records flow already: the module that it lives in
 * takes some milliseconds to load, which a short job is spared.
 */
#include "rest.h"

#include "weir/inspect.h"

enum {
    SHORT_MS = 50 /* nobody asks after a job that has ended by then */
};

static int
start(weir_job *job, const struct cli_run *run, weir_server **out_server, weir_error *error)
{
    weir_server_parameters parameters = {
        .size = sizeof parameters,
        .log = run->job.log,
        .log_argument = run->job.log_argument,
    };
    return weir_server_start(job, &parameters, out_server, error);
}

int
cli_rest_open_port(weir_job *job, const struct cli_run *run, weir_server **out_server)
{
    const weir_options *options = weir_job_options(job);
    weir_error error = { 0 };
    *out_server = NULL;
    if (!weir_options_is_set(options, "rest.port") &&
        !weir_options_is_set(options, "rest.bind-port")) {
        return CLI_OK;
    }
    if (start(job, run, out_server, &error) != WEIR_OK) {
        return cli_report(&error);
    }
    cli_say('i', "REST: %s", weir_server_url(*out_server));
    return CLI_OK;
}

weir_server *
cli_rest_open_socket(weir_job *job, const struct cli_run *run)
{
    weir_server *server = NULL;
    weir_error error = { 0 };
    if (weir_options_bool(weir_job_options(job), "weir.rest.socket") &&
        !weir_job_wait(job, SHORT_MS) && start(job, run, &server, &error) != WEIR_OK) {
        char level = error.status == WEIR_NOT_FOUND ? 'i' : 'w';
        if (level == 'w' || !run->quiet) {
            cli_say(level,
                    "this job runs without a local socket, so list, savepoint, stop and "
                    "cancel do not find it: %s",
                    error.message);
        }
    }
    return server;
}

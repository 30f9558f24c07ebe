/* SPDX-License-Identifier: Apache-2.0 */
/* server: puts together what serves one job. */
#include "serve/server.h"

#include "base/fail.h"
#include "serve/listener.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
say_nothing(void *log_argument, char level, const char *text)
{
    (void)log_argument;
    (void)level;
    (void)text;
}

void
wr_server_log(const weir_server *server, char level, const char *format, ...)
{
    char line[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    server->log(server->log_argument, level, line);
}

weir_status
wr_server_start(weir_job *job, const weir_server_parameters *parameters, weir_server **out_server,
                weir_error *err)
{
    weir_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a server");
    }
    server->job = job;
    server->options = weir_job_options(job);
    server->log = say_nothing;
    if (parameters != NULL && parameters->log != NULL) {
        server->log = parameters->log;
        server->log_argument = parameters->log_argument;
    }
    weir_status status = wr_listener_start(server, &server->listener, err);
    if (status != WEIR_OK) {
        free(server);
        return status;
    }
    *out_server = server;
    return WEIR_OK;
}

const char *
wr_server_url(const weir_server *server)
{
    return wr_listener_url(server->listener);
}

void
wr_server_stop(weir_server *server)
{
    wr_listener_stop(server->listener);
    free(server);
}

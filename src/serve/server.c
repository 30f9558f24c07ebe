/* SPDX-License-Identifier: Apache-2.0 */
/* server: puts together what serves one job. */
#include "serve/server.h"

#include "base/fail.h"
#include "serve/listener.h"
#include "serve/tokens.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    PAUSE_MS = 5
};

/* Where the host asks for nothing else, the server's words are among the job's. */
static void
say_with_job(void *log_argument, char level, const char *text)
{
    weir_log_record record = { .size = sizeof record,
                               .level = level == 'e'   ? WEIR_LOG_ERROR
                                        : level == 'w' ? WEIR_LOG_WARN
                                        : level == 'd' ? WEIR_LOG_DEBUG
                                                       : WEIR_LOG_INFO,
                               .module = "server",
                               .message = text,
                               .subtask = -1 };
    (void)!weir_job_log(log_argument, &record);
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

void
wr_server_destroy(weir_server *server)
{
    if (server != NULL) {
        wr_operations_fini(&server->operations);
        wr_times_samples_fini(&server->times);
        wr_tokens_free(server->tokens);
        free(server);
    }
}

weir_status
wr_server_create(weir_job *job, const weir_server_parameters *parameters, weir_server **out_server,
                 weir_error *err)
{
    weir_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a server");
    }
    server->job = job;
    server->options = weir_job_options(job);
    server->log = say_with_job;
    server->log_argument = job;
    if (parameters != NULL && parameters->log != NULL) {
        server->log = parameters->log;
        server->log_argument = parameters->log_argument;
    }
    weir_status status = wr_settings_read(server->options, &server->settings, err);
    if (status == WEIR_OK && server->settings.token_file != NULL) {
        status = wr_tokens_read(server->settings.token_file, &server->tokens, err);
    }
    if (status != WEIR_OK) {
        wr_server_destroy(server);
        return status;
    }
    *out_server = server;
    return WEIR_OK;
}

weir_status
wr_server_start(weir_job *job, const weir_server_parameters *parameters, weir_server **out_server,
                weir_error *err)
{
    weir_server *server = NULL;
    WR_TRY(wr_server_create(job, parameters, &server, err));
    weir_status status = wr_listener_start(server, &server->listener, err);
    if (status != WEIR_OK) {
        wr_server_destroy(server);
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

/* Flink's client asks what became of a stop when the job has ended by it. */
static void
wait_until_seen(weir_server *server)
{
    static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000L * 1000 };
    uint64_t waited_ms = 0;
    while (!wr_operations_all_seen(server) && waited_ms < server->settings.shutdown_wait_ms) {
        nanosleep(&pause, NULL);
        waited_ms += PAUSE_MS;
    }
}

void
wr_server_stop(weir_server *server)
{
    if (weir_job_wait(server->job, 0)) {
        wait_until_seen(server);
    }
    wr_listener_stop(server->listener);
    wr_server_destroy(server);
}

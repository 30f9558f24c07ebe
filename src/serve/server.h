/* SPDX-License-Identifier: Apache-2.0 */
/* serve/server.h: one job's REST server: what handlers find in it.
 *
 *   listener -> router -> handler -> answer -> listener          one thread, the server's own
 *
 * The room is a module: it uses include/weir, libmicrohttpd, jansson and libc, and what it copies
 * of base.
 */
#ifndef WR_SERVE_SERVER_H
#define WR_SERVE_SERVER_H

#include "weir/inspect.h"
#include "weir/serve.h"

struct wr_listener;

struct weir_server {
    weir_job *job;
    const weir_options *options; /* of the job's environment; read only */
    void (*log)(void *log_argument, char level, const char *text); /* never NULL */
    void *log_argument;
    struct wr_listener *listener;
};

/* Says a line, cut at 500 bytes. Thread: any. */
void wr_server_log(const weir_server *server, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* module.c's table */
weir_status wr_server_start(weir_job *job, const weir_server_parameters *parameters,
                            weir_server **out_server, weir_error *err);
const char *wr_server_url(const weir_server *server);
void wr_server_stop(weir_server *server);

#endif /* WR_SERVE_SERVER_H */

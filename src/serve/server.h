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

#include "serve/backpressure.h"
#include "serve/operations.h"
#include "serve/settings.h"
#include "weir/inspect.h"
#include "weir/serve.h"

struct wr_listener;
struct wr_tokens;

/* What /readyz last saw (health.c). */
struct wr_readiness {
    uint64_t looked_ms; /* of the monotonic clock; 0: never */
    weir_job_state state;
    const char *why_not; /* static; NULL: it is ready */
};

struct weir_server {
    weir_job *job;
    const weir_options *options; /* of the job's environment; read only */
    void (*log)(void *log_argument, char level, const char *text); /* never NULL */
    void *log_argument;
    struct wr_settings settings;
    struct wr_tokens *tokens;        /* NULL: none is needed */
    struct wr_listener *listener;    /* NULL: nothing is listened on */
    struct wr_operations operations; /* zeroed at first */
    struct wr_readiness readiness;   /* so is this */
    struct wr_times_samples times;   /* so */
};

/* Says a line, cut at 500 bytes. Thread: any. */
void wr_server_log(const weir_server *server, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A server that nobody reaches yet: options checked, tokens read. Its handlers may be asked by
 * wr_router_answer. WEIR_INVALID, WEIR_NOT_FOUND, WEIR_NOMEM, WEIR_IO. Thread: host. */
weir_status wr_server_create(weir_job *job, const weir_server_parameters *parameters,
                             weir_server **out_server, weir_error *err);
void wr_server_destroy(weir_server *server); /* NULL: nothing; listens no more */

/* module.c's table */
weir_status wr_server_start(weir_job *job, const weir_server_parameters *parameters,
                            weir_server **out_server, weir_error *err);
const char *wr_server_url(const weir_server *server);
void wr_server_stop(weir_server *server);

#endif /* WR_SERVE_SERVER_H */

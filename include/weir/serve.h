/* SPDX-License-Identifier: Apache-2.0 */
/* weir/serve.h: a job's REST server: Flink's dialect, metrics, and weir's own. For embedders and
 * the CLI.
 *
 *   weir_job_create -> weir_server_start -> ... -> weir_server_stop -> weir_job_destroy
 *
 * It lives in the module libweir-serve.so, which is loaded at start. What it listens on, who may
 * ask and how much stand in the options rest.* and weir.rest.* of the job's environment: a local
 * socket for this user alone, loopback where a port is set, and another address only with a token
 * and TLS. It has one thread; the job's records never wait for it.
 * Thread: host.
 */
#ifndef WEIR_SERVE_H
#define WEIR_SERVE_H

#include "weir/job.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_server weir_server;

typedef struct weir_server_parameters {
    uint32_t size; /* of this struct as compiled */
    /* What the server has to say, as weir_job_parameters.log; NULL: it is said in the job's log, by
     * module "server". Thread: any. */
    void (*log)(void *log_argument, char level, const char *text);
    void *log_argument;
} weir_server_parameters;

/* Listens and answers from now on; the job must outlive the server, it need not be started.
 * WEIR_INVALID: unsafe or contradictory options, said before anything listens. WEIR_BUSY: the port
 * is taken. WEIR_NOT_FOUND: the module or a file that the options name is not there. WEIR_IO. */
weir_status weir_server_start(weir_job *job, const weir_server_parameters *parameters,
                              weir_server **out_server, weir_error *err);
/* "http://127.0.0.1:8081"; "" where no port is listened on. Lent. */
const char *weir_server_url(const weir_server *server);
/* Once the job has ended, waits until whoever triggered something has had its answer, at most
 * weir.rest.shutdown-wait; then ends connections and the thread. NULL: nothing. */
void weir_server_stop(weir_server *server);

/* --- for the module --- */

enum {
    WEIR_SERVE_MAGIC = 0x45565253 /* "SRVE" */,
    WEIR_SERVE_ABI = 1
};

/* What libweir-serve.so shows, under the name weir_serve_module. */
typedef struct weir_serve_table {
    uint32_t size; /* of this struct as compiled */
    uint32_t magic;
    uint32_t version;
    weir_status (*start)(weir_job *job, const weir_server_parameters *parameters,
                         weir_server **out_server, weir_error *err);
    const char *(*url)(const weir_server *server);
    void (*stop)(weir_server *server);
} weir_serve_table;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_SERVE_H */

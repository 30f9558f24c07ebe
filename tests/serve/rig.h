/* SPDX-License-Identifier: Apache-2.0 */
/* tests/serve/rig.h: a small job on real threads, and a server without sockets that is asked
 * through the router.
 *
 *   numbers 0 .. count-1  --keyed by key-->  running sum per key  -->  dropped
 *   uid "numbers"                            uid "sums"                uid "dropped"
 *
 * Life: rig_init, rig_set whatever differs, rig_start, rig_get and rig_post, rig_fini. Checkpoints,
 * savepoints and the runtime directory stand in a directory of the test's own.
 * Thread: the test's; what is _Atomic is read by the job's.
 */
#ifndef WEIR_TESTS_SERVE_RIG_H
#define WEIR_TESTS_SERVE_RIG_H

#include "support/test.h"

#include "serve/router.h"
#include "weir/inspect.h"

#include <jansson.h>

enum {
    RIG_KEYS = 16 /* that the numbers have, in turn */
};

/* One answer; the rig's, until rig_fini. */
struct rig_answer {
    struct rig_answer *next;
    struct wr_answer raw;
    unsigned code;
    json_t *json;     /* NULL: the body is none */
    const char *text; /* the body, "" for none */
};

struct rig {
    char directory[64];
    weir_options *options;
    weir_environment *environment;
    weir_job *job;
    weir_server *server;
    weir_error error;
    weir_job_parameters parameters;
    struct rig_answer *answers;

    /* Set before rig_start. */
    const char *name; /* of the job; NULL: "numbers" */
    uint64_t count;   /* UINT64_MAX: it does not end by itself */
    double rate;      /* records a second */
    struct wr_os *os; /* the job's; NULL: the real one */

    _Atomic bool fails;         /* the next record of the sum fails the job */
    _Atomic bool holds;         /* checkpoints stay under way: the sum's snapshot waits */
    _Atomic uint64_t processed; /* records that the sum has seen, of all attempts */
};

/* Two subtasks an operator, no checkpoint but those that are asked for, no restart. */
void rig_init(struct rig *rig);
void rig_fini(struct rig *rig);
void rig_set(struct rig *rig, const char *key, const char *value);
/* Builds the job, starts it and its server. Again, once it has ended: the next life of it. */
void rig_start(struct rig *rig);
/* Builds the job and its server only. */
void rig_create(struct rig *rig);
/* The job alone: rig->server is NULL. */
void rig_make_job(struct rig *rig);

/* By the local socket, so as one who may operate. The path may have a query: "/x?get=a,b"; it is
 * taken as it is, "%2C" in it is not decoded. */
struct rig_answer *rig_get(struct rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* body NULL: none; else sent as application/json. */
struct rig_answer *rig_post(struct rig *rig, const char *path, const char *body);
/* Any request at all. */
struct rig_answer *rig_ask(struct rig *rig, const struct wr_raw_request *raw);
/* "/jobs/<the job's id>" and what follows; lent until the next call. */
const char *rig_path(struct rig *rig, const char *rest);

/* A value inside of an answer by a path of names and numbers: "jobs.0.status". Fails the test where
 * there is none. */
const json_t *rig_at(const json_t *json, const char *path);
const char *rig_text_at(const json_t *json, const char *path);
json_int_t rig_number_at(const json_t *json, const char *path);

/* To be freed by weir_job_view_free. */
const weir_job_view *rig_view(struct rig *rig);
/* Waits until it is so; fails the test after a minute. */
void rig_wait_state(struct rig *rig, weir_job_state state);
void rig_wait_completed(struct rig *rig, uint64_t count);
void rig_wait_failed(struct rig *rig, uint64_t count);
void rig_wait_in_progress(struct rig *rig, uint64_t count);
void rig_wait_processed(struct rig *rig, uint64_t count);
void rig_wait_restarts(struct rig *rig, uint64_t count);
/* Triggers one and waits for its end; its id. */
uint64_t rig_checkpoint(struct rig *rig);
/* A savepoint into the rig's directory; its id. */
uint64_t rig_savepoint(struct rig *rig);

#endif /* WEIR_TESTS_SERVE_RIG_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* weir/log.h: what a job has to say, as records: a level, a module, a line of words, and what they
 * are about. For embedders and the CLI.
 *
 *   job, tasks, server --records--> level of the module --those that pass--> job parameters' log
 *
 * Nothing is written by the library itself: what becomes of a record is the host's, who gets it in
 * the thread that has something to say, and should be quick. A record that its module's level keeps
 * back costs one atomic load. Levels begin as weir.log.level and weir.log.levels say.
 * Thread: any.
 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include "weir/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_job weir_job; /* weir/job.h */

typedef enum weir_log_level {
    WEIR_LOG_OFF = 0, /* of a module: nothing passes */
    WEIR_LOG_ERROR = 1,
    WEIR_LOG_WARN = 2,
    WEIR_LOG_INFO = 3,
    WEIR_LOG_DEBUG = 4
} weir_log_level;

/* All text lent for the time of the call. */
typedef struct weir_log_record {
    uint32_t size; /* of this struct as compiled */
    weir_log_level level;
    int64_t time_ms;     /* wall clock */
    const char *module;  /* one of weir_log_module */
    const char *message; /* meant as one line, but may hold what a user's code or a path holds */
    const char *job_id;  /* 32 hex digits; "": not known yet */
    const char *operator_name; /* NULL: no operator's */
    int32_t subtask;           /* of the operator; -1: of none */
    weir_status status;        /* of the failure that is told; WEIR_OK: none */
    uint64_t checkpoint_id;    /* 0: about none */
} weir_log_record;

/* "job", "checkpoint", "restore", "restart", "storage", "operator", "server", "cli"; NULL: there
 * are no more. Static. */
const char *weir_log_module(size_t index);
const char *weir_log_level_name(weir_log_level level); /* "WARN" */
/* In upper or lower case. WEIR_INVALID: not a level's name. */
weir_status weir_log_level_from(const char *name, weir_log_level *out_level);

/* From now on this level and those more severe pass. module NULL: all of them. WEIR_NOT_FOUND: no
 * such module. */
weir_status weir_job_set_log_level(weir_job *job, const char *module, weir_log_level level);
/* WEIR_LOG_OFF also for a module that is none. */
weir_log_level weir_job_log_level(const weir_job *job, const char *module);
/* A record of the host's own, or of a server's, among the job's: kept back or passed on like them.
 * job_id NULL: the job's; time_ms 0: now. WEIR_NOT_FOUND: no such module. */
weir_status weir_job_log(weir_job *job, const weir_log_record *record);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_LOG_H */

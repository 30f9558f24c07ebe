/* SPDX-License-Identifier: Apache-2.0 */
/* operation.h: something that a server takes time for: a trigger id is given out, and polled.
 *
 *   POST -> {"request-id"} -> GET .../<request-id> until {"status":{"id":"COMPLETED"}}
 *
 * Thread: main.
 */
#ifndef CLI_CLIENT_OPERATION_H
#define CLI_CLIENT_OPERATION_H

#include "connection.h"
#include "reach.h"

enum {
    CLI_TRIGGER_SIZE = 65
};

struct cli_operation {
    /* set by the verb; lent */
    struct cli_connection *connection;
    const struct cli_reach *reach;
    const char *job_id;  /* NULL: none, so no progress either */
    const char *polled;  /* "/jobs/ID/savepoints": the trigger id comes behind it */
    const char *attempt; /* "could not stop job ID with a savepoint" */
    bool is_savepoint;   /* which of the checkpoints under way is looked for */
    /* set by cli_operation_begin */
    char trigger[CLI_TRIGGER_SIZE];
};

/* A line of Flink's on stdout, unless the outcome is shown as JSON. */
void cli_line(const struct cli_reach *reach, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Posts the body (taken) to path. Answers an exit code; failures were said, as JSON too. */
int cli_operation_begin(struct cli_operation *operation, const char *path, json_t *body);
/* Polls it to its end and shows how far it is. CLI_OK: *out_result, if wanted, is what it came to,
 * to be decref'ed. Failures were said, as JSON too. */
int cli_operation_wait(struct cli_operation *operation, json_t **out_result);
/* Says it: "<attempt>: <words>", as JSON too. Answers code. */
int cli_operation_fail(const struct cli_operation *operation, int code, const char *words);

#endif /* CLI_CLIENT_OPERATION_H */

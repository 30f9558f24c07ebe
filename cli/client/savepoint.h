/* SPDX-License-Identifier: Apache-2.0 */
/* savepoint.h: what the verbs savepoint, stop and cancel have in common. Thread: main. */
#ifndef CLI_CLIENT_SAVEPOINT_H
#define CLI_CLIENT_SAVEPOINT_H

#include "find.h"
#include "operation.h"

enum {
    CLI_ID_DETACHED = CLI_ID_FIRST + 510
};

/* Rows of a verb's table: -type. weir has its native format alone. */
#define CLI_SAVEPOINT_TYPE                                                                       \
    {                                                                                            \
        .id = 't', .name = "type", .argument = "FORMAT", .choices = "canonical|native",          \
        .text = "The savepoint's format. Without it native, which Flink's own client has to be " \
                "told. weir refuses canonical: it is not built yet."                             \
    }
#define CLI_SAVEPOINT_DETACHED                                                      \
    {                                                                               \
        .id = CLI_ID_DETACHED, .name = "detached",                                  \
        .text = "Does not wait for the savepoint: prints its trigger id, by which " \
                "/jobs/JOB/savepoints/ID of the server tells what became of it."    \
    }

/* Of a choice of CLI_SAVEPOINT_TYPE: "NATIVE". */
const char *cli_savepoint_format(size_t choice);

/* A directory as it is sent: a path that is not one yet is made absolute, since the server's
 * working directory is another. Answers an exit code; failures were said. */
int cli_savepoint_directory(const char *directory, char out[CLI_PATH_SIZE]);

/* "<text>: where it is" for a savepoint's result, "" : it does not say. */
void cli_savepoint_path(const json_t *result, char out[CLI_PATH_SIZE]);
/* Waits for its end, says where it is and then last_line, unless that is NULL. */
int cli_savepoint_wait(struct cli_operation *operation, const char *last_line);
/* {"job-id","status":"COMPLETED","path"}, with -o json. */
int cli_savepoint_show(const struct cli_operation *operation, const char *path);
/* {"job-id","trigger-id"}, with -o json. */
int cli_savepoint_show_trigger(const struct cli_operation *operation);

#endif /* CLI_CLIENT_SAVEPOINT_H */

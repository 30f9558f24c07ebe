/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h: the running jobs of this user, as their servers have registered them: one file a
 * process, which holds a lock on it as long as it lives, in $WEIR_RUNTIME_DIR, else
 * $XDG_RUNTIME_DIR/weir, else /tmp/weir-UID.
 * Thread: main.
 */
#ifndef CLI_CLIENT_REGISTRY_H
#define CLI_CLIENT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CLI_REGISTERED_MAX = 1024, /* jobs; more are not read, which is said */
    CLI_JOB_ID_SIZE = 33,
    CLI_PATH_SIZE = 4096
};

struct cli_registered {
    pid_t pid;
    char job_id[CLI_JOB_ID_SIZE];
    char *name;       /* "": none */
    char *socket;     /* NULL: none is listened on; so below */
    char *url;        /* "http://127.0.0.1:8081" */
    char *token_file; /* what the URL asks for */
    int64_t start_ms;
};

struct cli_registry {
    char directory[CLI_PATH_SIZE];
    struct cli_registered *jobs; /* oldest first */
    size_t count;
};

/* Reads it, and removes what processes that are no more have left. A directory that is not there is
 * an empty one. Answers an exit code: a directory that others can write to is not believed, which
 * was said; in success too the registry is to be freed. */
int cli_registry_read(struct cli_registry *out_registry);
/* Whether its process still lives. */
bool cli_registry_holds(const struct cli_registry *registry, const struct cli_registered *job);
void cli_registry_free(struct cli_registry *registry);

#endif /* CLI_CLIENT_REGISTRY_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* serve/registration.h: how this user's own commands find a running job.
 *
 *   <runtime directory>/<job id>.<pid>.json   {"pid","job-id","name","socket","url","token-file",
 *                                              "start-time"}; locked as long as the process lives
 *   <runtime directory>/<pid>.sock            the local socket; <pid>.<8 digits of the job id>.sock
 *                                             of a further job of one process
 *
 * The runtime directory is $WEIR_RUNTIME_DIR, else $XDG_RUNTIME_DIR/weir, else /tmp/weir-<uid>. An
 * entry whose lock is free is nobody's any more; whoever sees it removes it.
 * Thread: host.
 */
#ifndef WR_SERVE_REGISTRATION_H
#define WR_SERVE_REGISTRATION_H

#include "weir/status.h"

#include <stdint.h>

enum {
    WR_RUNTIME_PATH_MAX = 512
};

struct wr_registration {
    char directory[WR_RUNTIME_PATH_MAX];
    char path[WR_RUNTIME_PATH_MAX + 64];   /* "": not registered */
    char socket[WR_RUNTIME_PATH_MAX + 64]; /* "": none */
    int file;                              /* holds the lock; -1: none */
};

/* All lent; NULL: none. */
struct wr_registered {
    const char *job_id;
    const char *name;
    const char *url;
    const char *token_file;
    int64_t start_ms;
};

/* Finds or makes the runtime directory, and removes what processes left there that are gone.
 * WEIR_INVALID: it is a link, another user's, or others may write there. WEIR_IO. */
weir_status wr_registration_init(struct wr_registration *registration, weir_error *err);
/* Listens at the first name that is free, and keeps it. As wr_local_listen. */
weir_status wr_registration_listen(struct wr_registration *registration, const char *job_id,
                                   int *out_socket, weir_error *err);
/* The entry, visible at once and whole. */
weir_status wr_registration_write(struct wr_registration *registration,
                                  const struct wr_registered *registered, weir_error *err);
/* The entry and the socket's name go. Again: nothing. */
void wr_registration_fini(struct wr_registration *registration);

#endif /* WR_SERVE_REGISTRATION_H */

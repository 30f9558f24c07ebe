/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h: what a service manager is told, by the protocol of sd_notify(3): datagrams of
 * NAME=value lines to the socket that NOTIFY_SOCKET names.
 *
 *   notify.c   the socket, and what the environment says about it
 *   service.c  what is said of a job, and when
 *
 * Thread: main.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include "weir/inspect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

struct cli_notify {
    int socket; /* -1: nobody listens */
    struct sockaddr_un address;
    uint32_t address_size;
    uint64_t watchdog_ms; /* a beat must come within it; 0: none is asked for */
    bool is_lost;         /* a message could not be sent, and that was said */
    bool had_job;         /* whose end has words of its own */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child of
 * ours speaks in our name. A socket that cannot be used is said, and then nobody listens. */
void cli_notify_open(struct cli_notify *notify);
void cli_notify_close(struct cli_notify *notify);
/* One datagram. False: it could not be sent, which was said once: the job is worth more than its
 * manager's view of it. */
bool cli_notify_send(struct cli_notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts back into the environment what cli_notify_open took, for a child that runs the job in our
 * place. Behind fork, in the child. */
void cli_notify_pass_on(const struct cli_notify *notify);

/* --- of a job --- */

struct cli_service {
    struct cli_notify *notify; /* lent; NULL, or nobody listens: nothing is done at all */
    bool is_ready;
    bool is_stopping;
    uint64_t looked_ms; /* 0: never */
    uint64_t beat_ms;
    uint64_t moved; /* what had been done when more time was last asked for */
    char status[256];
};

void cli_service_init(struct cli_service *service, struct cli_notify *notify);
/* Between two waits for the job's end. Looks at it when it is time to, by asking its coordinator:
 * if that does not answer this does not return, no beat is sent, and the manager acts. */
void cli_service_update(struct cli_service *service, weir_job *job);
/* The same of a view, at a time. READY=1 when it runs; STOPPING=1 when it is asked to stop; STATUS=
 * when there is news; EXTEND_TIMEOUT_USEC= when something moved while it restores or stops;
 * WATCHDOG=1 at half its time. */
void cli_service_tell(struct cli_service *service, const weir_job_view *view, uint64_t now_ms);
/* The job has ended. */
void cli_service_end(struct cli_service *service, weir_job *job);

/* Last of all: EXIT_STATUS=, and what it means where there never was a job. */
void cli_notify_exit(struct cli_notify *notify, int code);

#endif /* CLI_NOTIFY_H */

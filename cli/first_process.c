/* SPDX-License-Identifier: Apache-2.0 */
/* first_process: what is different for the first process of a container.
 *
 * The kernel does not deliver to it a signal that it has no handler for. So a stop that comes
 * before the job takes signals itself would be lost, and the container's runtime would wait for its
 * whole grace period; here it ends the process as it would end any other.
 */
#include "cli.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void
leave(int number)
{
    _exit(128 + number);
}

void
cli_first_process(void)
{
    if (getpid() != 1) {
        return;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = leave;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

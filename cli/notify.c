/* SPDX-License-Identifier: Apache-2.0 */
/* notify: one socket, datagrams of NAME=value lines.
 *
 * Written by hand: it is a page, and a library for it would be the command line's largest. Each
 * datagram is addressed anew, so that a manager that was started again still hears us.
 */
#include "notify.h"

#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    MESSAGE_SIZE = 2048,
    SEND_TIMEOUT_S = 5 /* a manager whose queue is full for longer hears the next one */
};

/* "/run/systemd/notify", or "@name" in the abstract namespace. */
static bool
set_address(struct cli_notify *notify, const char *name)
{
    size_t size = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || size < 2) {
        cli_say('w',
                "NOTIFY_SOCKET='%s' is neither a path nor @name: the service manager hears "
                "nothing",
                name);
        return false;
    }
    if (size >= sizeof notify->address.sun_path) {
        cli_say('w',
                "NOTIFY_SOCKET='%s' is longer than %zu bytes: the service manager hears "
                "nothing",
                name, sizeof notify->address.sun_path - 1);
        return false;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, size);
    bool is_abstract = name[0] == '@';
    if (is_abstract) {
        notify->address.sun_path[0] = '\0';
    }
    notify->address_size =
        (uint32_t)(offsetof(struct sockaddr_un, sun_path) + size + (is_abstract ? 0 : 1));
    return true;
}

/* 0: it does not want beats, or not ours. */
static uint64_t
watchdog_of_environment(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    const char *interval = getenv("WATCHDOG_USEC");
    if (interval == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return 0;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long usec = strtoull(interval, &end, 10);
    if (errno != 0 || end == interval || *end != '\0' || interval[0] == '-') {
        cli_say('w', "WATCHDOG_USEC='%s' is no number: no watchdog", interval);
        return 0;
    }
    return usec == 0 ? 0 : usec < 1000 ? 1 : usec / 1000;
}

void
cli_notify_open(struct cli_notify *notify)
{
    memset(notify, 0, sizeof *notify);
    notify->socket = -1;
    const char *name = getenv("NOTIFY_SOCKET");
    if (name != NULL && name[0] != '\0' && set_address(notify, name)) {
        notify->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (notify->socket < 0) {
            cli_say('w', "no socket for the service manager: %s", strerror(errno));
        } else {
            struct timeval limit = { .tv_sec = SEND_TIMEOUT_S };
            setsockopt(notify->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
            notify->watchdog_ms = watchdog_of_environment();
        }
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void
cli_notify_close(struct cli_notify *notify)
{
    if (notify->socket >= 0) {
        close(notify->socket);
        notify->socket = -1;
    }
}

bool
cli_notify_send(struct cli_notify *notify, const char *format, ...)
{
    if (notify->socket < 0) {
        return true;
    }
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        return false;
    }
    size_t used = (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    ssize_t sent = -1;
    do {
        sent = sendto(notify->socket, text, used, MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, (socklen_t)notify->address_size);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && !notify->is_lost) {
        cli_say('w', "the service manager does not hear: %s", strerror(errno));
        notify->is_lost = true;
    } else if (sent >= 0) {
        notify->is_lost = false;
    }
    return sent >= 0;
}

void
cli_notify_pass_on(const struct cli_notify *notify)
{
    if (notify->socket < 0) {
        return;
    }
    char name[sizeof notify->address.sun_path + 1] = "";
    size_t size = notify->address_size - offsetof(struct sockaddr_un, sun_path);
    memcpy(name, notify->address.sun_path, size);
    if (name[0] == '\0') {
        name[0] = '@';
    }
    setenv("NOTIFY_SOCKET", name, 1);
    if (notify->watchdog_ms != 0) {
        char interval[32];
        snprintf(interval, sizeof interval, "%llu",
                 (unsigned long long)notify->watchdog_ms * 1000U);
        setenv("WATCHDOG_USEC", interval, 1);
    }
}

static const char *
meaning(int code)
{
    switch (code) {
    case CLI_OK:
        return "nothing to do: the job has reached its end";
    case CLI_USAGE:
        return "not started: usage or configuration invalid";
    case CLI_NOT_FOUND:
        return "not started: something it names is not there";
    case CLI_INCOMPATIBLE:
        return "not started: state incompatible with the job";
    case CLI_CORRUPT:
        return "not started: corruption detected";
    default:
        return "not started";
    }
}

void
cli_notify_exit(struct cli_notify *notify, int code)
{
    if (!notify->had_job) {
        if (code == CLI_OK) { /* else the manager takes this good end for a start that failed */
            cli_notify_send(notify, "READY=1");
        }
        cli_notify_send(notify, "STATUS=%s", meaning(code));
    }
    cli_notify_send(notify, "EXIT_STATUS=%d", code);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sockets: opening what is listened on, and taking in who asks. */
#include "serve/sockets.h"

#include "base/fail.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    WAITING_MAX = 128 /* connections that the kernel holds for us */
};

/* --- TCP --- */

static void
set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET) {
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    } else {
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    }
}

static uint16_t
port_of(int listening)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(listening, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

/* The descriptor, or -1 with errno. */
static int
listen_at(const struct wr_settings *settings, uint16_t port)
{
    struct sockaddr_storage address = settings->address;
    static const int on = 1;
    int listening = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening < 0) {
        return -1;
    }
    set_port(&address, port);
    /* a port that a job before this one used is free again at once */
    (void)setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ss_family == AF_INET6) {
        (void)setsockopt(listening, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(listening, (struct sockaddr *)&address, settings->address_size) != 0 ||
        listen(listening, WAITING_MAX) != 0) {
        int why = errno;
        close(listening);
        errno = why;
        return -1;
    }
    return listening;
}

weir_status
wr_tcp_listen(const struct wr_settings *settings, int *out_socket, uint16_t *out_port,
              weir_error *err)
{
    for (size_t i = 0; i < settings->port_count; i++) {
        for (unsigned port = settings->ports[i].first; port <= settings->ports[i].last; port++) {
            int listening = listen_at(settings, (uint16_t)port);
            if (listening >= 0) {
                *out_socket = listening;
                *out_port = port_of(listening);
                return WEIR_OK;
            }
            if (errno != EADDRINUSE) {
                return wr_fail_errno(err, errno, "the REST server cannot listen on %s:%u",
                                     settings->url_host, port);
            }
        }
    }
    return wr_fail(err, WEIR_BUSY,
                   "the REST server cannot listen on %s: %s %u is taken by another process; set "
                   "rest.bind-port to a range, as 8081-8099, or rest.port to another one",
                   settings->url_host,
                   settings->port_count > 1 || settings->ports[0].first != settings->ports[0].last
                       ? "every port from"
                       : "port",
                   settings->ports[0].first);
}

/* --- the local one --- */

/* The descriptor, or -1 with errno. */
static int
listen_by_name(const struct sockaddr_un *address)
{
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening < 0) {
        return -1;
    }
    /* the socket's own mode becomes that of its name */
    if (fchmod(listening, 0600) != 0 ||
        bind(listening, (const struct sockaddr *)address, sizeof *address) != 0 ||
        listen(listening, WAITING_MAX) != 0) {
        int why = errno;
        close(listening);
        errno = why;
        return -1;
    }
    return listening;
}

/* By a process of the same number that was killed. */
static bool
is_left_behind(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return false;
    }
    bool is_refused = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 &&
                      errno == ECONNREFUSED;
    close(probe);
    errno = EADDRINUSE;
    return is_refused;
}

weir_status
wr_local_listen(const char *path, int *out_socket, weir_error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(path);
    if (size >= sizeof address.sun_path) {
        return wr_fail(err, WEIR_INVALID,
                       "%s: a socket's name has at most %zu bytes; set WEIR_RUNTIME_DIR to a "
                       "directory with a shorter one",
                       path, sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, path, size + 1);
    int listening = listen_by_name(&address);
    if (listening < 0 && errno == EADDRINUSE && is_left_behind(&address)) {
        (void)unlink(path);
        listening = listen_by_name(&address);
    }
    if (listening < 0 && errno == EADDRINUSE) {
        return wr_fail(err, WEIR_BUSY, "%s: somebody listens there", path);
    }
    if (listening < 0) {
        return wr_fail_errno(err, errno, "%s", path);
    }
    *out_socket = listening;
    return WEIR_OK;
}

/* --- who asks --- */

static bool
is_ours(int connection)
{
    struct ucred peer = { .pid = 0 };
    socklen_t size = sizeof peer;
    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

int
wr_socket_accept(int listening, bool is_local)
{
    static const int on = 1;
    for (;;) {
        int connection = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (connection >= 0 && is_local && !is_ours(connection)) {
            close(connection);
            continue;
        }
        if (connection >= 0 && !is_local) {
            (void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        return connection;
    }
}

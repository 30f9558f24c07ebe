/* SPDX-License-Identifier: Apache-2.0 */
/* serve/connections.h: who is connected, and until when it may keep us waiting.
 * Thread: server. */
#ifndef WR_SERVE_CONNECTIONS_H
#define WR_SERVE_CONNECTIONS_H

#include "serve/settings.h"

enum {
    WR_TCP_CONNECTIONS_MAX = 256,
    /* beyond those, so that whoever fills the port does not keep this user out */
    WR_LOCAL_CONNECTIONS_MAX = 32
};

struct wr_connection {
    int socket; /* -1: the place is free. Lent by libmicrohttpd, which closes it */
    bool is_local;
    uint64_t deadline_ms; /* UINT64_MAX: none */
};

struct wr_connections {
    struct wr_connection all[WR_TCP_CONNECTIONS_MAX + WR_LOCAL_CONNECTIONS_MAX];
    unsigned tcp_count;
    unsigned local_count;
    unsigned tcp_max; /* WR_TCP_CONNECTIONS_MAX at most */
};

void wr_connections_init(struct wr_connections *connections, unsigned tcp_max);
/* NULL: as many as may are there. Lent until it is left. */
struct wr_connection *wr_connections_enter(struct wr_connections *connections, int socket,
                                           bool is_local, uint64_t deadline_ms);
struct wr_connection *wr_connections_find(struct wr_connections *connections, int socket);
void wr_connections_leave(struct wr_connections *connections, struct wr_connection *connection);
/* Shuts down those whose time is over: their end is then seen as that of any other. The next
 * deadline; UINT64_MAX: none. */
uint64_t wr_connections_cut(struct wr_connections *connections, uint64_t now_ms);

#endif /* WR_SERVE_CONNECTIONS_H */

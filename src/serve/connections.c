/* SPDX-License-Identifier: Apache-2.0 */
/* connections: a place for each, looked through from end to end: there are few, and this thread has
 * nothing better to do.
 */
#include "serve/connections.h"

#include <sys/socket.h>

enum {
    PLACES = WR_TCP_CONNECTIONS_MAX + WR_LOCAL_CONNECTIONS_MAX
};

void
wr_connections_init(struct wr_connections *connections, unsigned tcp_max)
{
    *connections = (struct wr_connections){ .tcp_max = tcp_max < WR_TCP_CONNECTIONS_MAX
                                                           ? tcp_max
                                                           : WR_TCP_CONNECTIONS_MAX };
    for (size_t i = 0; i < PLACES; i++) {
        connections->all[i].socket = -1;
    }
}

struct wr_connection *
wr_connections_find(struct wr_connections *connections, int socket)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (connections->all[i].socket == socket) {
            return &connections->all[i];
        }
    }
    return NULL;
}

struct wr_connection *
wr_connections_enter(struct wr_connections *connections, int socket, bool is_local,
                     uint64_t deadline_ms)
{
    unsigned *count = is_local ? &connections->local_count : &connections->tcp_count;
    if (*count == (is_local ? (unsigned)WR_LOCAL_CONNECTIONS_MAX : connections->tcp_max)) {
        return NULL;
    }
    struct wr_connection *place = wr_connections_find(connections, -1);
    if (place != NULL) {
        *place = (struct wr_connection){ .socket = socket,
                                         .is_local = is_local,
                                         .deadline_ms = deadline_ms };
        ++*count;
    }
    return place;
}

void
wr_connections_leave(struct wr_connections *connections, struct wr_connection *connection)
{
    --*(connection->is_local ? &connections->local_count : &connections->tcp_count);
    connection->socket = -1;
}

uint64_t
wr_connections_cut(struct wr_connections *connections, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < PLACES; i++) {
        struct wr_connection *connection = &connections->all[i];
        if (connection->socket < 0) {
            continue;
        }
        if (connection->deadline_ms <= now_ms) {
            (void)shutdown(connection->socket, SHUT_RDWR);
            connection->deadline_ms = UINT64_MAX;
        } else if (connection->deadline_ms < next_ms) {
            next_ms = connection->deadline_ms;
        }
    }
    return next_ms;
}

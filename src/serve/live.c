/* SPDX-License-Identifier: Apache-2.0 */
/* live: answers that do not end by themselves.
 *
 *   READING --0: nothing yet--> SUSPENDED    [read_more]       libmicrohttpd does not look at it
 *   SUSPENDED --woken, or 1 s--> READING     [wr_live_resume]
 *   READING --end, or the peer is gone--> freed by libmicrohttpd [close_stream]
 *
 * A suspended connection's end goes unseen, so each resumption looks for it.
 */
#include "serve/exchange.h"

#include <poll.h>
#include <stdlib.h>

enum {
    BLOCK_SIZE = 4096
};

struct wr_live {
    struct wr_exchanges *exchanges;
    struct MHD_Connection *connection;
    struct wr_stream stream;
    int socket; /* lent */
    bool is_suspended;
    struct wr_live *next;
    struct wr_live **link; /* what points to this one */
};

static bool
is_gone(const struct wr_live *live)
{
    struct pollfd peer = { .fd = live->socket, .events = POLLRDHUP };
    return poll(&peer, 1, 0) > 0;
}

static ssize_t
read_more(void *closure, uint64_t position, char *out, size_t room)
{
    struct wr_live *live = closure;
    (void)position;
    if (live->exchanges->is_ending || is_gone(live)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    long size = live->stream.read(live->stream.state, live->exchanges->server, out, room);
    if (size == 0) {
        MHD_suspend_connection(live->connection);
        live->is_suspended = true;
        return 0;
    }
    return size > 0 ? (ssize_t)size : MHD_CONTENT_READER_END_OF_STREAM;
}

static void
close_stream(void *closure)
{
    struct wr_live *live = closure;
    *live->link = live->next;
    if (live->next != NULL) {
        live->next->link = live->link;
    }
    if (live->stream.close != NULL) {
        live->stream.close(live->stream.state);
    }
    free(live);
}

struct MHD_Response *
wr_live_start(struct wr_exchanges *exchanges, struct MHD_Connection *connection,
              struct wr_stream stream, int socket)
{
    struct wr_live *live = malloc(sizeof *live);
    if (live == NULL) {
        if (stream.close != NULL) {
            stream.close(stream.state);
        }
        return NULL;
    }
    *live = (struct wr_live){
        .exchanges = exchanges,
        .connection = connection,
        .stream = stream,
        .socket = socket,
        .next = exchanges->live,
        .link = &exchanges->live,
    };
    if (live->next != NULL) {
        live->next->link = &live->next;
    }
    exchanges->live = live;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_more, live, close_stream);
    if (response == NULL) {
        close_stream(live);
    }
    return response;
}

void
wr_live_resume(struct wr_exchanges *exchanges)
{
    for (struct wr_live *live = exchanges->live; live != NULL; live = live->next) {
        if (live->is_suspended) {
            live->is_suspended = false;
            MHD_resume_connection(live->connection);
        }
    }
}

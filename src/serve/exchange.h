/* SPDX-License-Identifier: Apache-2.0 */
/* serve/exchange.h: one request and its answer, between libmicrohttpd and the router.
 *
 *   header --refused: 4xx, 503--> answer                         the body is not read
 *   header --> body, whole --> router --> answer --> the next header
 *
 * Thread: server.
 */
#ifndef WR_SERVE_EXCHANGE_H
#define WR_SERVE_EXCHANGE_H

#include "serve/answer.h"
#include "serve/connections.h"
#include "serve/server.h"

#include <microhttpd.h>

enum {
    WR_SCRATCH_ROOM = 64 * 1024 /* a header's queries, decoded */
};

struct wr_live;

/* What all exchanges share. */
struct wr_exchanges {
    weir_server *server;
    struct wr_connections connections;
    uint64_t now_ms; /* set by the listener before anything is called */
    size_t bodies_bytes;
    unsigned under_way;
    bool is_ending;       /* streams end */
    struct wr_live *live; /* streams that are being sent */
    char words[200];      /* the first that libmicrohttpd had to say */
    char scratch[WR_SCRATCH_ROOM];
};

/* For libmicrohttpd; the closure is the struct wr_exchanges. */
enum MHD_Result wr_exchange_on_request(void *closure, struct MHD_Connection *connection,
                                       const char *path, const char *method, const char *version,
                                       const char *data, size_t *data_size, void **state);
void wr_exchange_on_end(void *closure, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code);
void wr_exchange_on_connection(void *closure, struct MHD_Connection *connection,
                               void **socket_context, enum MHD_ConnectionNotificationCode code);

/* live.c */
/* A response that goes on by itself; takes the stream, in failure too. NULL: no memory. */
struct MHD_Response *wr_live_start(struct wr_exchanges *exchanges,
                                   struct MHD_Connection *connection, struct wr_stream stream,
                                   int socket);
/* Lets every stream look whether there is something to send. */
void wr_live_resume(struct wr_exchanges *exchanges);

#endif /* WR_SERVE_EXCHANGE_H */

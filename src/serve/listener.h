/* SPDX-License-Identifier: Apache-2.0 */
/* serve/listener.h: sockets and HTTP: from bytes on the wire to the router and back.
 *
 * It owns the server's one thread. Limits: headers 16 KiB, body 1 MiB, 256 connections, 5 s for a
 * header, 30 s of silence.
 */
#ifndef WR_SERVE_LISTENER_H
#define WR_SERVE_LISTENER_H

#include "serve/server.h"

weir_status wr_listener_start(weir_server *server, struct wr_listener **out_listener,
                              weir_error *err);
const char *wr_listener_url(const struct wr_listener *listener); /* "" : no port */
void wr_listener_stop(struct wr_listener *listener);

#endif /* WR_SERVE_LISTENER_H */

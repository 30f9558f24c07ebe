/* SPDX-License-Identifier: Apache-2.0 */
/* serve/listener.h: the server's one thread: sockets, connections, and libmicrohttpd run by hand.
 *
 * Limits, but for tests those of settings.c: 256 connections by TCP and 32 by the local socket,
 * 16 KiB of header within 5 s, 1 MiB of body, 8 MiB of all bodies, 30 s for a body and its answer,
 * and for the next header.
 */
#ifndef WR_SERVE_LISTENER_H
#define WR_SERVE_LISTENER_H

#include "serve/server.h"

/* Opens what server->settings say and starts the thread. A local socket that cannot be had is
 * warned of where there is a port, else it is the failure. WEIR_INVALID: there is nothing to listen
 * on, or certificate and key are wrong. WEIR_BUSY, WEIR_NOT_FOUND, WEIR_NOMEM, WEIR_IO.
 * Thread: host. */
weir_status wr_listener_start(weir_server *server, struct wr_listener **out_listener,
                              weir_error *err);
const char *wr_listener_url(const struct wr_listener *listener); /* "" : no port */
/* "" : none. */
const char *wr_listener_socket(const struct wr_listener *listener);
/* Streams look at once whether there is something to send. NULL: nothing. Thread: any. */
void wr_listener_wake(struct wr_listener *listener);
/* Listens no more, sends what is being answered for at most a second, and ends the thread. NULL:
 * nothing. Thread: host. */
void wr_listener_stop(struct wr_listener *listener);

#endif /* WR_SERVE_LISTENER_H */

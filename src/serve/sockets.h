/* SPDX-License-Identifier: Apache-2.0 */
/* serve/sockets.h: what is listened on. Descriptors do not block and are closed on exec; -1: none.
 * Thread: host. */
#ifndef WR_SERVE_SOCKETS_H
#define WR_SERVE_SOCKETS_H

#include "serve/settings.h"

/* The first port of the settings that is free. WEIR_BUSY: none is. WEIR_IO. */
weir_status wr_tcp_listen(const struct wr_settings *settings, int *out_socket, uint16_t *out_port,
                          weir_error *err);
/* Mode 0600 from its first moment on; a name whose listener is gone is taken over. WEIR_INVALID:
 * the name is too long. WEIR_BUSY: somebody listens there. WEIR_IO. */
weir_status wr_local_listen(const char *path, int *out_socket, weir_error *err);

/* The next who asks; -1, with errno: nobody, or it failed. Of a local socket only this user or root
 * gets in. Thread: server. */
int wr_socket_accept(int listening, bool is_local);

#endif /* WR_SERVE_SOCKETS_H */

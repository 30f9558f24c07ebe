/* SPDX-License-Identifier: Apache-2.0 */
/* serve/daemon.h: libmicrohttpd, set up so that it has no thread, no listening socket and no log of
 * its own. Thread: host makes it, server runs it. */
#ifndef WR_SERVE_DAEMON_H
#define WR_SERVE_DAEMON_H

#include "serve/exchange.h"

/* HTTP alone. */
weir_status wr_daemon_start(struct wr_exchanges *exchanges, struct MHD_Daemon **out_daemon,
                            weir_error *err);
/* HTTP in TLS 1.3, by the settings' certificate and key. WEIR_INVALID, WEIR_NOT_FOUND: what is
 * wrong with them. */
weir_status wr_daemon_start_tls(struct wr_exchanges *exchanges, struct MHD_Daemon **out_daemon,
                                weir_error *err);
/* What to poll for it. */
int wr_daemon_descriptor(struct MHD_Daemon *daemon);

#endif /* WR_SERVE_DAEMON_H */

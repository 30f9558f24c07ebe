/* SPDX-License-Identifier: Apache-2.0 */
/* serve/settings.h: what the options rest.* and weir.rest.* ask for, checked before anything is
 * opened. Pure: no file is read and no name resolved here. Thread: host. */
#ifndef WR_SERVE_SETTINGS_H
#define WR_SERVE_SETTINGS_H

#include "weir/options.h"
#include "weir/status.h"

#include <sys/socket.h>

enum {
    WR_PORT_RANGES_MAX = 16,
    WR_HOSTS_MAX = 32,
    WR_HOST_ROOM = 256
};

/* Both ends are tried; 0 to 0: any that is free. */
struct wr_port_range {
    uint16_t first;
    uint16_t last;
};

/* What one client may take. */
struct wr_limits {
    size_t header_bytes;
    size_t body_bytes;
    size_t bodies_bytes; /* of all bodies under way */
    unsigned connections;
    uint64_t header_ms; /* for a whole header, from the first moment on */
    uint64_t idle_ms;   /* for a body and its answer, and between two requests */
};

struct wr_settings {
    bool has_socket; /* the local one */
    bool has_port;   /* and what follows counts */
    bool is_loopback;
    struct sockaddr_storage address; /* its port is 0 */
    socklen_t address_size;
    struct wr_port_range ports[WR_PORT_RANGES_MAX];
    size_t port_count;
    char url_host[WR_HOST_ROOM]; /* as it stands in a URL: "127.0.0.1", "[::1]", "weir.example" */
    const char *token_file;      /* lent by the options; NULL: none is needed */
    const char *certificate;     /* so, with the key */
    const char *key;
    char hosts[WR_HOSTS_MAX][WR_HOST_ROOM]; /* that a Host may name; lower case, no port */
    size_t host_count;
    uint64_t shutdown_wait_ms;
    struct wr_limits limits;
};

/* WEIR_INVALID: with words. Nothing that other machines reach gets through without a token file, a
 * certificate and a key. */
weir_status wr_settings_read(const weir_options *options, struct wr_settings *out_settings,
                             weir_error *err);
/* "LOCALHOST:8081" -> is localhost one of them? NULL: no. */
bool wr_settings_allow_host(const struct wr_settings *settings, const char *host);

#endif /* WR_SERVE_SETTINGS_H */

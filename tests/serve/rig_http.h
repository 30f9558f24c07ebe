/* SPDX-License-Identifier: Apache-2.0 */
/* tests/serve/rig_http.h: the rig's server behind real sockets, and a client that sends any bytes.
 * What it waits for it waits for as long as the test may run. Thread: the test's. */
#ifndef WEIR_TESTS_SERVE_RIG_HTTP_H
#define WEIR_TESTS_SERVE_RIG_HTTP_H

#include "rig.h"

#include "serve/listener.h"

struct http_answer {
    unsigned code; /* 0: the connection was closed without one */
    char header[8192];
    char body[65536];
    size_t body_size;
    bool is_closed; /* behind it */
};

/* Listens, as the rig's options and the limits in rig->server->settings say. Before rig_fini:
 * http_close. */
void http_open(struct rig *rig);
void http_close(struct rig *rig);

/* Connected, or -1. */
int http_connect(struct rig *rig);
int http_connect_local(struct rig *rig);
/* Connects a TCP socket that is there already. */
bool http_connect_by(struct rig *rig, int socket);
/* False: the other side has closed. */
bool http_send_bytes(int socket, const char *bytes, size_t size);
bool http_send(int socket, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next answer; of one to HEAD the header alone. */
void http_receive(int socket, bool is_head, struct http_answer *out_answer);
/* The value of a field of its header, in place; NULL: it has none. */
const char *http_field(const struct http_answer *answer, const char *name);
/* True: the other side ends it, whatever it sends before. */
bool http_ends(int socket);
/* One request by a connection of its own: "GET /jobs", and more lines of the header ("" or "X:
 * y\r\n"). */
unsigned http_once(struct rig *rig, const char *line, const char *fields,
                   struct http_answer *out_answer);

#endif /* WEIR_TESTS_SERVE_RIG_HTTP_H */

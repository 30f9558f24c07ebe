/* SPDX-License-Identifier: Apache-2.0 */
/* serve/request.h: what a client asks. Lent for the time of the call; thread: server. */
#ifndef WR_SERVE_REQUEST_H
#define WR_SERVE_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    WR_PARAMETERS_MAX = 4, /* ":name"s in a route */
    WR_QUERY_MAX = 32
};

/* Who asks. A higher role may do what a lower one may. */
enum wr_role {
    WR_ROLE_NONE = 0,       /* nobody that is known: health only */
    WR_ROLE_OBSERVE = 1,    /* jobs, checkpoints, metrics; not what state holds */
    WR_ROLE_READ_STATE = 2, /* what state holds */
    WR_ROLE_OPERATE = 3     /* triggers, cancel, stop, disposal */
};

struct wr_query {
    const char *name;
    const char *value; /* "" for a name alone */
};

/* As it comes from the wire; headers NULL where there are none. */
struct wr_raw_request {
    const char *method;             /* "GET" */
    const char *path;               /* percent-encoded, without the query */
    const struct wr_query *queries; /* decoded */
    size_t query_count;
    const char *host;
    const char *content_type;
    const char *authorization;
    const char *accept;
    const char *last_event_id;
    const void *body;
    size_t body_size;
    bool is_local; /* by the local socket: this user, who may do everything */
};

/* As a handler sees it. */
struct wr_request {
    const struct wr_raw_request *raw;
    const char *parameters[WR_PARAMETERS_MAX]; /* the route's, in order, decoded: of
                                                  [A-Za-z0-9._-], 1 to 128 bytes */
    const json_t *body;                        /* an object; NULL: none was sent */
    enum wr_role role;
};

/* NULL: not there. */
const char *wr_request_query(const struct wr_request *request, const char *name);

#endif /* WR_SERVE_REQUEST_H */

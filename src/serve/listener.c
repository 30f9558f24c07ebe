/* SPDX-License-Identifier: Apache-2.0 */
/* listener: libmicrohttpd before the router. */
#include "serve/listener.h"

#include "base/fail.h"
#include "serve/router.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_MAX = 16 * 1024,
    BODY_MAX = 1024 * 1024,
    CONNECTIONS_MAX = 256,
    IDLE_S = 30
};

struct wr_listener {
    weir_server *server;
    struct MHD_Daemon *daemon;
    char url[64];
};

/* A body as it comes in. */
struct wr_incoming {
    char *body;
    size_t size;
    bool too_large;
};

struct wr_queries {
    struct wr_query all[WR_QUERY_MAX];
    size_t count;
};

static enum MHD_Result
add_query(void *argument, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct wr_queries *queries = argument;
    (void)kind;
    if (queries->count == WR_QUERY_MAX) {
        return MHD_NO;
    }
    queries->all[queries->count++] =
        (struct wr_query){ .name = name, .value = value != NULL ? value : "" };
    return MHD_YES;
}

static enum MHD_Result
send_answer(struct MHD_Connection *connection, struct wr_answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->size, answer->text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    if (answer->content_type != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    }
    if (answer->allow != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    }
    enum MHD_Result result = MHD_queue_response(connection, answer->code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
answer_whole(weir_server *server, struct MHD_Connection *connection, const char *path,
             const char *method, const struct wr_incoming *incoming)
{
    struct wr_queries queries = { .count = 0 };
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &queries);
    struct wr_raw_request raw = {
        .method = method,
        .path = path,
        .queries = queries.all,
        .query_count = queries.count,
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"),
        .content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type"),
        .authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
        .accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept"),
        .last_event_id = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Last-Event-ID"),
        .body = incoming->body,
        .body_size = incoming->size,
    };
    struct wr_answer answer = { .dialect = WR_DIALECT_FLINK };
    if (incoming->too_large) {
        wr_answer_fail(&answer, 413, "A body may have %d bytes", BODY_MAX);
    } else {
        wr_router_answer(server, &raw, &answer);
    }
    enum MHD_Result result = send_answer(connection, &answer);
    wr_answer_free(&answer);
    return result;
}

static bool
take(struct wr_incoming *incoming, const char *data, size_t size)
{
    if (incoming->too_large || size > BODY_MAX - incoming->size) {
        incoming->too_large = true;
        return true;
    }
    char *grown = realloc(incoming->body, incoming->size + size);
    if (grown == NULL) {
        return false;
    }
    incoming->body = grown;
    memcpy(incoming->body + incoming->size, data, size);
    incoming->size += size;
    return true;
}

static enum MHD_Result
on_request(void *argument, struct MHD_Connection *connection, const char *path, const char *method,
           const char *version, const char *data, size_t *data_size, void **state)
{
    struct wr_listener *listener = argument;
    struct wr_incoming *incoming = *state;
    (void)version;
    if (incoming == NULL) {
        *state = calloc(1, sizeof *incoming);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_size != 0) {
        bool taken = take(incoming, data, *data_size);
        *data_size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return answer_whole(listener->server, connection, path, method, incoming);
}

static void
on_completed(void *argument, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode code)
{
    struct wr_incoming *incoming = *state;
    (void)argument;
    (void)connection;
    (void)code;
    if (incoming != NULL) {
        free(incoming->body);
        free(incoming);
    }
    *state = NULL;
}

/* The router decodes paths itself. */
static size_t
leave_encoded(void *argument, struct MHD_Connection *connection, char *text)
{
    (void)argument;
    (void)connection;
    return strlen(text);
}

weir_status
wr_listener_start(weir_server *server, struct wr_listener **out_listener, weir_error *err)
{
    struct wr_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a server");
    }
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = 0 };
    listener->server = server;
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, listener, MHD_OPTION_SOCK_ADDR,
        &address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MAX * 2,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_END);
    if (listener->daemon == NULL) {
        free(listener);
        return wr_fail(err, WEIR_IO, "the server does not start: %s", strerror(errno));
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(listener->url, sizeof listener->url, "http://127.0.0.1:%u", info->port);
    *out_listener = listener;
    return WEIR_OK;
}

const char *
wr_listener_url(const struct wr_listener *listener)
{
    return listener->url;
}

void
wr_listener_stop(struct wr_listener *listener)
{
    MHD_stop_daemon(listener->daemon);
    free(listener);
}

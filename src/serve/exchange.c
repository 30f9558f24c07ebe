/* SPDX-License-Identifier: Apache-2.0 */
/* exchange: what stands between a request's bytes and the router.
 *
 * A body's size is said in its header, or it is not taken: so what it costs is known and paid for,
 * out of one budget for all clients, before a byte of it is read. Whatever is refused there is
 * answered at once and its connection closed.
 */
#include "serve/exchange.h"

#include "serve/access.h"
#include "serve/percent.h"
#include "serve/router.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct wr_exchange {
    char *body; /* NULL: none */
    size_t size;
    size_t room;      /* taken out of the budget */
    bool is_answered; /* refused by its header */
};

/* A header's fields as they are found. */
struct wr_fields {
    struct wr_raw_request *raw;
    const char *content_length;
    bool is_coded;   /* chunked, or in another way without a size */
    bool is_doubled; /* a field that may stand there once stands there twice */
};

/* --- from libmicrohttpd's request to ours --- */

static enum MHD_Result
take_field(void *closure, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct wr_fields *fields = closure;
    struct wr_raw_request *raw = fields->raw;
    const struct {
        const char *name;
        const char **value;
    } known[] = {
        { "Host", &raw->host },
        { "Content-Type", &raw->content_type },
        { "Authorization", &raw->authorization },
        { "Accept", &raw->accept },
        { "Last-Event-ID", &raw->last_event_id },
        { "Content-Length", &fields->content_length },
    };
    (void)kind;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcasecmp(known[i].name, name) == 0) {
            bool may_repeat = known[i].value == &raw->accept;
            fields->is_doubled |= *known[i].value != NULL && !may_repeat;
            *known[i].value = value != NULL ? value : "";
        }
    }
    fields->is_coded |= strcasecmp(name, "Transfer-Encoding") == 0;
    return MHD_YES;
}

struct wr_queries {
    struct wr_query all[WR_QUERY_MAX];
    size_t count;
    char *scratch;
    size_t room;
    bool is_bad;
};

/* The next text, decoded, in the scratch; NULL: malformed. */
static const char *
decode(struct wr_queries *queries, const char *text, size_t size)
{
    char *out = queries->scratch;
    if (text == NULL || !wr_percent_decode(text, size, out, queries->room)) {
        return text == NULL ? "" : NULL;
    }
    size_t used = strlen(out) + 1;
    queries->scratch += used;
    queries->room -= used;
    return out;
}

static enum MHD_Result
take_query(void *closure, enum MHD_ValueKind kind, const char *name, size_t name_size,
           const char *value, size_t value_size)
{
    struct wr_queries *queries = closure;
    (void)kind;
    struct wr_query query = { .name = decode(queries, name, name_size) };
    query.value = decode(queries, value, value_size);
    if (query.name == NULL || query.value == NULL || queries->count == WR_QUERY_MAX) {
        queries->is_bad = true;
        return MHD_NO;
    }
    queries->all[queries->count++] = query;
    return MHD_YES;
}

static struct wr_connection *
connection_of(struct wr_exchanges *exchanges, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return wr_connections_find(&exchanges->connections, info->connect_fd);
}

/* --- the answer --- */

static void
add_headers(struct MHD_Response *response, const struct wr_answer *answer)
{
    /* what an answer says is of its moment, for its client, and no page */
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; frame-ancestors 'none'");
    if (answer->content_type != NULL) {
        MHD_add_response_header(response, "Content-Type", answer->content_type);
    }
    if (answer->allow[0] != '\0') {
        MHD_add_response_header(response, "Allow", answer->allow);
    }
    if (answer->code == 401) {
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"weir\"");
    }
    if (answer->code == 503) {
        MHD_add_response_header(response, "Retry-After", "1");
    }
}

/* Takes what the answer holds. */
static enum MHD_Result
send_answer(struct wr_exchanges *exchanges, struct MHD_Connection *connection,
            struct wr_answer *answer)
{
    struct MHD_Response *response = NULL;
    if (answer->stream.read != NULL) {
        struct wr_connection *place = connection_of(exchanges, connection);
        response = wr_live_start(exchanges, connection, answer->stream, place->socket);
        answer->stream = (struct wr_stream){ .state = NULL };
        place->deadline_ms = UINT64_MAX;
    } else {
        response =
            MHD_create_response_from_buffer(answer->size, answer->text, MHD_RESPMEM_MUST_FREE);
        answer->text = response != NULL ? NULL : answer->text;
    }
    if (response == NULL) {
        return MHD_NO;
    }
    add_headers(response, answer);
    enum MHD_Result result = MHD_queue_response(connection, answer->code, response);
    MHD_destroy_response(response);
    return result;
}

/* --- by its header alone --- */

/* False: the answer says why not. */
static bool
read_length(const char *length, size_t most, size_t *out_size, struct wr_answer *answer)
{
    size_t size = 0;
    for (; *length >= '0' && *length <= '9' && size <= most; length++) {
        size = size * 10 + (size_t)(*length - '0');
    }
    if (size > most) {
        wr_answer_fail(answer, 413, "A body may have %zu bytes", most);
        return false;
    }
    if (*length != '\0') {
        wr_answer_fail(answer, 400, "A Content-Length is a number");
        return false;
    }
    *out_size = size;
    return true;
}

/* Takes room for it. False: the answer says why not. */
static bool
accept_body(struct wr_exchanges *exchanges, struct wr_exchange *exchange,
            const struct wr_fields *fields, struct wr_answer *answer)
{
    const struct wr_limits *limits = &exchanges->server->settings.limits;
    enum wr_role role = WR_ROLE_NONE;
    size_t size = 0;
    if (fields->is_coded) {
        wr_answer_fail(answer, 411, "A body needs its Content-Length");
        return false;
    }
    if (fields->content_length == NULL) {
        return true;
    }
    if (!read_length(fields->content_length, limits->body_bytes, &size, answer)) {
        return false;
    }
    /* a stranger's takes no room from those who may ask */
    if (size > 0 && !wr_access_check(exchanges->server, NULL, fields->raw, &role, answer)) {
        return false;
    }
    if (size > limits->bodies_bytes - exchanges->bodies_bytes) {
        wr_answer_fail(answer, 503, "Too many bodies are under way; try again");
        return false;
    }
    exchange->body = size > 0 ? malloc(size) : NULL;
    if (size > 0 && exchange->body == NULL) {
        wr_answer_fail(answer, 503, "No memory for the body");
        return false;
    }
    exchange->room = size;
    exchanges->bodies_bytes += size;
    return true;
}

static bool
accept_header(struct wr_exchanges *exchanges, struct MHD_Connection *connection,
              struct wr_exchange *exchange, struct wr_answer *answer)
{
    struct wr_raw_request raw = { .method = "",
                                  .is_local = connection_of(exchanges, connection)->is_local };
    struct wr_fields fields = { .raw = &raw };
    size_t header_max = exchanges->server->settings.limits.header_bytes;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info != NULL && info->header_size > header_max) {
        wr_answer_fail(answer, 431, "A header may have %zu bytes", header_max);
        return false;
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, take_field, &fields);
    if (fields.is_doubled) {
        wr_answer_fail(answer, 400, "A field of the header stands there twice");
        return false;
    }
    return accept_body(exchanges, exchange, &fields, answer);
}

/* As the router would say it, for what never gets there. */
static enum wr_dialect
dialect_of(const char *path)
{
    return strncmp(path, "/weir/", 6) == 0 ? WR_DIALECT_WEIR : WR_DIALECT_FLINK;
}

static enum MHD_Result
begin(struct wr_exchanges *exchanges, struct MHD_Connection *connection, const char *path,
      void **state)
{
    struct wr_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return MHD_NO;
    }
    *state = exchange;
    exchanges->under_way++;
    connection_of(exchanges, connection)->deadline_ms =
        exchanges->now_ms + exchanges->server->settings.limits.idle_ms;
    struct wr_answer answer = { .dialect = dialect_of(path) };
    if (accept_header(exchanges, connection, exchange, &answer)) {
        return MHD_YES;
    }
    exchange->is_answered = true;
    enum MHD_Result result = send_answer(exchanges, connection, &answer);
    wr_answer_free(&answer);
    return result;
}

/* --- the whole of it --- */

static enum MHD_Result
answer_whole(struct wr_exchanges *exchanges, struct MHD_Connection *connection, const char *path,
             const char *method, const struct wr_exchange *exchange)
{
    struct wr_queries queries = { .scratch = exchanges->scratch,
                                  .room = sizeof exchanges->scratch };
    struct wr_raw_request raw = {
        .method = method,
        .path = path,
        .queries = queries.all,
        .body = exchange->body,
        .body_size = exchange->size,
        .is_local = connection_of(exchanges, connection)->is_local,
    };
    struct wr_fields fields = { .raw = &raw };
    struct wr_answer answer = { .dialect = dialect_of(path) };
    MHD_get_connection_values(connection, MHD_HEADER_KIND, take_field, &fields);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, take_query, &queries);
    raw.query_count = queries.count;
    if (queries.is_bad) {
        wr_answer_fail(&answer, 400, "The query is malformed, or has more than %d parts",
                       WR_QUERY_MAX);
    } else {
        wr_router_answer(exchanges->server, &raw, &answer);
    }
    enum MHD_Result result = send_answer(exchanges, connection, &answer);
    wr_answer_free(&answer);
    return result;
}

enum MHD_Result
wr_exchange_on_request(void *closure, struct MHD_Connection *connection, const char *path,
                       const char *method, const char *version, const char *data, size_t *data_size,
                       void **state)
{
    struct wr_exchanges *exchanges = closure;
    struct wr_exchange *exchange = *state;
    (void)version;
    if (exchange == NULL) {
        return begin(exchanges, connection, path, state);
    }
    if (*data_size != 0) {
        if (exchange->is_answered || *data_size > exchange->room - exchange->size) {
            return MHD_NO;
        }
        memcpy(exchange->body + exchange->size, data, *data_size);
        exchange->size += *data_size;
        *data_size = 0;
        return MHD_YES;
    }
    return answer_whole(exchanges, connection, path, method, exchange);
}

void
wr_exchange_on_end(void *closure, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct wr_exchanges *exchanges = closure;
    struct wr_exchange *exchange = *state;
    struct wr_connection *place = connection_of(exchanges, connection);
    (void)code;
    if (place != NULL) {
        place->deadline_ms = exchanges->now_ms + exchanges->server->settings.limits.idle_ms;
    }
    if (exchange != NULL) {
        exchanges->under_way--;
        exchanges->bodies_bytes -= exchange->room;
        free(exchange->body);
        free(exchange);
    }
    *state = NULL;
}

void
wr_exchange_on_connection(void *closure, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct wr_exchanges *exchanges = closure;
    (void)socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct wr_connection *place = connection_of(exchanges, connection);
        if (place != NULL) {
            wr_connections_leave(&exchanges->connections, place);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* socket_source: lines from a TCP server. At-most-once: what was read and not yet in a completed
 * checkpoint when the job fails is lost, since a socket cannot be read again.
 *
 *   WAITING   --its time has come--> CONNECTED  [try_connect]
 *   WAITING   --refused------------> WAITING    [on_failure]  or failed, if no attempt is left
 *   CONNECTED --closed by peer-----> WAITING    [on_close]    or end of input, if none is left
 *   CONNECTED --connection lost----> WAITING    [on_failure]  or failed, if none is left
 *
 * Attempts are counted from the last byte that came. A line that has no end yet when the peer
 * closes is emitted as it is; when the connection is lost it is dropped, since the rest of it is
 * unknown.
 */
#include "base/fail.h"
#include "connectors/connector.h"
#include "connectors/line_reader.h"
#include "os/context_os.h"
#include "os/file.h"
#include "weir/connectors.h"

#include <errno.h>

static const uint64_t ms_ns = 1000 * 1000;

enum {
    HOST_SIZE = 256,
    PORT_SIZE = 32
};

struct socket_argument {
    int32_t reconnect_attempts;
    uint64_t reconnect_delay_ms;
    char host[HOST_SIZE];
    char port[PORT_SIZE];
};

struct socket_source {
    struct wr_os *os;
    const struct socket_argument *argument;
    bool is_connected;
    bool has_ended;
    int socket;
    int32_t attempts;   /* to reconnect since the last byte came */
    uint64_t try_at_ns; /* WAITING */
    struct wr_line_reader reader;
};

static weir_status
socket_open(weir_context *context, void *self)
{
    struct socket_source *source = self;
    uint64_t line_max = weir_options_bytes(weir_context_options(context), "weir.source.max-line");
    source->os = wr_context_os(context);
    source->argument = weir_context_argument(context);
    wr_line_reader_init(&source->reader, weir_context_alloc(context), (size_t)line_max);
    weir_context_log(context, 'w',
                     "socket %s:%s cannot be read again: lines in flight at a failure are lost "
                     "(at-most-once); state and checkpoints are kept",
                     source->argument->host, source->argument->port);
    return WEIR_OK;
}

static void
disconnect(struct socket_source *source)
{
    if (source->is_connected) {
        (void)source->os->ops->close(source->os, source->socket);
        source->is_connected = false;
    }
    wr_line_reader_clear(&source->reader);
}

static void
socket_close(weir_context *context, void *self)
{
    (void)context;
    struct socket_source *source = self;
    if (source->os != NULL) {
        disconnect(source);
        wr_line_reader_fini(&source->reader);
    }
}

/* False: no attempt is left. */
static bool
plan_reconnect(struct socket_source *source, weir_context *context)
{
    const struct socket_argument *argument = source->argument;
    if (argument->reconnect_attempts >= 0 && source->attempts >= argument->reconnect_attempts) {
        return false;
    }
    source->attempts += source->attempts < INT32_MAX;
    source->try_at_ns = weir_context_monotonic_ns(context) + argument->reconnect_delay_ms * ms_ns;
    return true;
}

static weir_status
on_failure(struct socket_source *source, weir_context *context, const char *what, int failure)
{
    const struct socket_argument *argument = source->argument;
    bool was_connected = source->is_connected;
    int attempts = (int)source->attempts;
    weir_error error = { .status = WEIR_OK };
    disconnect(source);
    bool again = plan_reconnect(source, context);
    weir_status status =
        wr_fail_errno(&error, failure, "socket %s:%s: %s (%d attempts to reconnect)",
                      argument->host, argument->port, what, attempts);
    if (!again) {
        return wr_connector_fail(context, status, &error);
    }
    if (was_connected) {
        weir_context_log(context, 'w', "%s; connecting again", error.message);
    }
    return WEIR_OK;
}

static weir_status
on_close(struct socket_source *source, weir_context *context, weir_collector *out)
{
    weir_bytes line;
    size_t taken;
    weir_status status = wr_line_reader_rest(&source->reader, &line, &taken);
    if (status == WEIR_OK) {
        status = wr_line_emit(context, line, out);
    }
    disconnect(source);
    source->has_ended = !plan_reconnect(source, context);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* A failure that says that the connection never was, not that it was lost. */
static bool
is_refusal(int failure)
{
    return failure == ECONNREFUSED || failure == ETIMEDOUT || failure == EHOSTUNREACH ||
           failure == ENETUNREACH;
}

static weir_status
try_connect(struct socket_source *source, weir_context *context)
{
    const struct socket_argument *argument = source->argument;
    int failure;
    do {
        failure =
            source->os->ops->connect(source->os, argument->host, argument->port, &source->socket);
    } while (failure == EINTR);
    source->is_connected = failure == 0;
    return failure == 0 ? WEIR_OK : on_failure(source, context, "cannot connect", failure);
}

/* One read behind what is there. */
static weir_status
receive(struct socket_source *source, weir_context *context, weir_collector *out, bool *out_idle)
{
    uint8_t *room = wr_line_reader_room(&source->reader);
    if (room == NULL) {
        return weir_context_fail(context, WEIR_NOMEM, "no memory to read the socket");
    }
    size_t size = 0;
    int failure;
    do {
        failure = source->os->ops->read(source->os, source->socket, room, WR_LINE_BLOCK, &size);
    } while (failure == EINTR);
    *out_idle = failure == EAGAIN;
    if (failure == EAGAIN) {
        return WEIR_OK;
    }
    if (failure != 0) {
        return on_failure(source, context,
                          is_refusal(failure) ? "cannot connect" : "connection lost", failure);
    }
    if (size == 0) {
        return on_close(source, context, out);
    }
    source->attempts = 0;
    wr_line_reader_filled(&source->reader, size);
    return WEIR_OK;
}

static weir_status
emit_lines(struct socket_source *source, weir_context *context, weir_collector *out, size_t most,
           size_t *out_count)
{
    size_t count = 0;
    weir_status status = WEIR_OK;
    while (count < most) {
        weir_bytes line;
        size_t taken;
        status = wr_line_reader_next(&source->reader, &line, &taken);
        if (status != WEIR_OK) {
            break;
        }
        status = wr_line_emit(context, line, out);
        if (status != WEIR_OK) {
            return status;
        }
        count++;
    }
    *out_count = count;
    if (status == WEIR_LIMIT) {
        return weir_context_fail(
            context, WEIR_LIMIT,
            "socket %s:%s: a line is longer than weir.source.max-line, %zu bytes: "
            "raise it, or mend the sender",
            source->argument->host, source->argument->port, source->reader.line_max);
    }
    return WEIR_OK;
}

static weir_status
poll_connected(struct socket_source *source, weir_context *context, weir_collector *out,
               size_t max_records, weir_poll *out_poll)
{
    size_t count = 0;
    bool idle = false;
    weir_status status = emit_lines(source, context, out, max_records, &count);
    if (status == WEIR_OK && count == 0) {
        status = receive(source, context, out, &idle);
    }
    *out_poll = source->has_ended ? WEIR_POLL_END : idle ? WEIR_POLL_IDLE : WEIR_POLL_MORE;
    return status;
}

static weir_status
socket_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    struct socket_source *source = self;
    if (source->has_ended) {
        *out_poll = WEIR_POLL_END;
        return WEIR_OK;
    }
    if (source->is_connected) {
        return poll_connected(source, context, out, max_records, out_poll);
    }
    *out_poll = WEIR_POLL_MORE;
    if (weir_context_monotonic_ns(context) < source->try_at_ns) {
        weir_context_wake_at(context, source->try_at_ns);
        *out_poll = WEIR_POLL_IDLE;
        return WEIR_OK;
    }
    return try_connect(source, context);
}

static const weir_function socket_function = {
    .size = sizeof(weir_function),
    .name = "socket source",
    .instance_size = sizeof(struct socket_source),
    .open = socket_open,
    .poll = socket_poll,
    .close = socket_close,
};

weir_stream *
weir_socket_source(weir_environment *environment, const weir_socket_source_options *options)
{
    weir_socket_source_options taken;
    if (environment == NULL ||
        !wr_connector_take_options(environment, "socket source", options, &taken, sizeof taken)) {
        return NULL;
    }
    struct socket_argument argument = { .reconnect_attempts = taken.reconnect_attempts,
                                        .reconnect_delay_ms = taken.reconnect_delay_ms };
    if (taken.host == NULL || taken.port == NULL || taken.host[0] == '\0' ||
        taken.port[0] == '\0' || strlen(taken.host) >= HOST_SIZE ||
        strlen(taken.port) >= PORT_SIZE) {
        (void)weir_environment_fail(
            environment, WEIR_INVALID,
            "socket source: needs a host of 1 to %d bytes and a port of 1 to %d", HOST_SIZE - 1,
            PORT_SIZE - 1);
        return NULL;
    }
    memcpy(argument.host, taken.host, strlen(taken.host) + 1);
    memcpy(argument.port, taken.port, strlen(taken.port) + 1);
    weir_stream *stream =
        weir_environment_source(environment, "socket source", &socket_function, &argument,
                                sizeof argument, weir_type_of_kind(WEIR_STRING));
    return weir_stream_parallelism(stream, 1);
}

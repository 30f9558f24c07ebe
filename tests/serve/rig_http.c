/* SPDX-License-Identifier: Apache-2.0 */
/* rig_http: sockets that block, and answers cut where HTTP cuts them. */
#include "rig_http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
http_open(struct rig *rig)
{
    assert_ok(wr_listener_start(rig->server, &rig->server->listener, &rig->error), &rig->error);
}

void
http_close(struct rig *rig)
{
    wr_listener_stop(rig->server->listener);
    rig->server->listener = NULL;
}

bool
http_connect_by(struct rig *rig, int socket)
{
    const char *url = wr_listener_url(rig->server->listener);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port =
                                       htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10)) };
    return connect(socket, (struct sockaddr *)&address, sizeof address) == 0;
}

int
http_connect(struct rig *rig)
{
    int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(out >= 0);
    if (!http_connect_by(rig, out)) {
        close(out);
        return -1;
    }
    return out;
}

int
http_connect_local(struct rig *rig)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s",
             wr_listener_socket(rig->server->listener));
    int out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(out >= 0);
    if (connect(out, (struct sockaddr *)&address, sizeof address) != 0) {
        close(out);
        return -1;
    }
    return out;
}

bool
http_send_bytes(int socket, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool
http_send(int socket, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_in_range(size, 1, sizeof text - 1);
    return http_send_bytes(socket, text, (size_t)size);
}

/* One byte more; false: there is none. */
static bool
next_byte(int socket, char *out)
{
    return recv(socket, out, 1, 0) == 1;
}

static size_t
read_body(int socket, struct http_answer *answer)
{
    const char *length = http_field(answer, "Content-Length");
    size_t size = length != NULL ? strtoul(length, NULL, 10) : sizeof answer->body - 1;
    size_t at = 0;
    assert_true(size < sizeof answer->body);
    while (at < size && next_byte(socket, answer->body + at)) {
        at++;
    }
    answer->body[at] = '\0';
    return at;
}

void
http_receive(int socket, bool is_head, struct http_answer *out_answer)
{
    size_t at = 0;
    *out_answer = (struct http_answer){ .code = 0 };
    while (at + 1 < sizeof out_answer->header && next_byte(socket, out_answer->header + at)) {
        at++;
        if (at >= 4 && memcmp(out_answer->header + at - 4, "\r\n\r\n", 4) == 0) {
            assert_memory_equal(out_answer->header, "HTTP/1.", 7);
            unsigned code = (unsigned)strtoul(out_answer->header + 9, NULL, 10);
            out_answer->body_size = is_head ? 0 : read_body(socket, out_answer);
            out_answer->code = code;
            const char *connection = http_field(out_answer, "Connection");
            out_answer->is_closed = connection != NULL && strncasecmp(connection, "close", 5) == 0;
            return;
        }
    }
}

const char *
http_field(const struct http_answer *answer, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = answer->header; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            return line + size + 1 + strspn(line + size + 1, " ");
        }
    }
    return NULL;
}

bool
http_ends(int socket)
{
    char bytes[4096];
    for (;;) {
        ssize_t got = recv(socket, bytes, sizeof bytes, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            return true;
        }
        if (got < 0) {
            return false;
        }
    }
}

unsigned
http_once(struct rig *rig, const char *line, const char *fields, struct http_answer *out_answer)
{
    int out = http_connect(rig);
    assert_true(out >= 0);
    http_send(out, "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", line, fields);
    http_receive(out, strncmp(line, "HEAD ", 5) == 0, out_answer);
    close(out);
    return out_answer->code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* connection: asks, and turns every way of failing into words and an exit code.
 *
 * A token goes over the local socket, to loopback or over TLS, and nowhere else.
 */
#include "connection.h"

#include "cli.h"
#include "token.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_SIZE = 1024
};

struct cli_connection {
    const struct cli_http_table *http;
    void *handle;
    char url[URL_SIZE]; /* without a slash at its end */
    char socket[CLI_PATH_SIZE];
    char name[URL_SIZE + 64];
    const char *ca_file;
    unsigned timeout_ms; /* of one question */
    char token[CLI_TOKEN_SIZE];
};

/* --- words --- */

void
cli_make_printable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            *at = '?';
        } else if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) {
            at[0] = '?'; /* C1: some terminals take them for escapes */
            at[1] = '?';
        }
    }
}

void
cli_member_text(const json_t *object, const char *key, char *out, size_t room)
{
    const char *text = json_string_value(json_object_get(object, key));
    snprintf(out, room, "%s", text != NULL ? text : "");
    cli_make_printable(out);
}

int64_t
cli_member_number(const json_t *object, const char *key)
{
    static const int64_t most = INT64_C(1) << 60;
    const json_t *value = json_object_get(object, key);
    double real = json_real_value(value);
    if (json_is_real(value)) {
        return real > (double)-most && real < (double)most ? (int64_t)real : 0;
    }
    json_int_t number = json_integer_value(value);
    return number > -most && number < most ? number : 0;
}

void
cli_shorten(const char *text, char *out, size_t room)
{
    static const char frame[] = "<Exception on server side:\n";
    text += strncmp(text, frame, sizeof frame - 1) == 0 ? sizeof frame - 1 : 0;
    size_t size = strcspn(text, "\n");
    for (;;) {
        size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789.$_");
        size_t skip = word + 1 + (text[word] == ':' ? strspn(text + word + 1, " ") : 0);
        if (text[word] != ':' || memchr(text, '.', word) == NULL || skip >= size) {
            break;
        }
        text += skip;
        size -= skip;
    }
    snprintf(out, room, "%.*s", (int)(size < room ? size : room - 1), text);
    cli_make_printable(out);
}

/* {"errors":["Internal server error.","<exception and its stack>"]}, or RFC 9457's detail. */
static void
take_words(const json_t *answer, long status, char *out, size_t room)
{
    const json_t *errors = json_object_get(answer, "errors");
    const char *text = NULL;
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const char *one = json_string_value(json_array_get(errors, i));
        if (one != NULL && one[0] != '\0' && strcmp(one, "Internal server error.") != 0) {
            text = one;
            break;
        }
    }
    if (text == NULL) {
        text = json_string_value(json_object_get(answer, "detail"));
    }
    if (text != NULL) {
        cli_shorten(text, out, room);
    } else {
        snprintf(out, room, "the server answers HTTP %ld", status);
    }
}

static int
exit_of(long status)
{
    switch (status) {
    case 404:
        return CLI_NOT_FOUND;
    case 400:
    case 401:
    case 403:
    case 405:
    case 413:
    case 415:
    case 421:
        return CLI_USAGE;
    default:
        return CLI_FAILED;
    }
}

/* --- where --- */

static bool
is_loopback(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    return (size == 9 && strncasecmp(host, "localhost", 9) == 0) ||
           (size == 5 && strncmp(host, "[::1]", 5) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == size);
}

static int
set_url(struct cli_connection *connection, const char *address)
{
    bool has_scheme = strncmp(address, "http://", 7) == 0 || strncmp(address, "https://", 8) == 0;
    int size = snprintf(connection->url, sizeof connection->url, "%s%s",
                        has_scheme ? "" : "http://", address);
    const char *host = has_scheme ? strstr(address, "://") + 3 : address;
    bool has_port = strchr(host, ':') != NULL;
    if (size < 0 || (size_t)size >= sizeof connection->url || host[0] == '\0' ||
        strpbrk(host, " @?#\\\n\r\t") != NULL || (!has_scheme && !has_port)) {
        cli_say('e', "-m wants HOST:PORT, or a URL with http:// or https://; this is neither: %s",
                address);
        return CLI_USAGE;
    }
    while (size > 0 && connection->url[size - 1] == '/') {
        connection->url[--size] = '\0';
    }
    snprintf(connection->name, sizeof connection->name, "%s", address);
    return CLI_OK;
}

static int
set_token(struct cli_connection *connection, const char *path)
{
    if (strncmp(connection->url, "https://", 8) != 0 && !is_loopback(connection->url)) {
        cli_say('e',
                "a token would go over the network for anybody to read: ask %s by "
                "https://HOST:PORT, or without --token-file and WEIR_TOKEN_FILE",
                connection->name);
        return CLI_USAGE;
    }
    return cli_token_read(path, connection->token);
}

/* A registered job is asked by its local socket, which needs no token; else by its URL. */
static int
set_target(struct cli_connection *connection, const struct cli_reach *reach,
           const struct cli_registered *job)
{
    const char *token_file = reach->token_file;
    if (token_file == NULL) {
        token_file = getenv("WEIR_TOKEN_FILE");
        token_file = token_file != NULL && token_file[0] != '\0' ? token_file : NULL;
    }
    if (job != NULL && job->socket != NULL) {
        snprintf(connection->url, sizeof connection->url, "http://localhost");
        snprintf(connection->socket, sizeof connection->socket, "%s", job->socket);
        snprintf(connection->name, sizeof connection->name, "the job's local socket (process %ld)",
                 (long)job->pid);
        return CLI_OK;
    }
    int code = set_url(connection, job != NULL ? job->url : reach->address);
    if (job != NULL && token_file == NULL) {
        token_file = job->token_file;
    }
    return code == CLI_OK && token_file != NULL ? set_token(connection, token_file) : code;
}

int
cli_connection_open(const struct cli_reach *reach, const struct cli_registered *job,
                    struct cli_connection **out_connection)
{
    const struct cli_http_table *http = cli_http();
    if (http == NULL) {
        return CLI_FAILED;
    }
    struct cli_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || (connection->handle = http->open()) == NULL) {
        cli_say('e', "no memory for a connection");
        free(connection);
        return CLI_FAILED;
    }
    connection->http = http;
    connection->ca_file = reach->ca_file;
    connection->timeout_ms = CLI_ASK_MS;
    if (reach->timeout_ms != 0 && reach->timeout_ms < CLI_ASK_MS) {
        connection->timeout_ms = (unsigned)reach->timeout_ms;
    }
    int code = set_target(connection, reach, job);
    if (code != CLI_OK) {
        cli_connection_close(connection);
        return code;
    }
    *out_connection = connection;
    return CLI_OK;
}

void
cli_connection_close(struct cli_connection *connection)
{
    if (connection != NULL) {
        connection->http->close(connection->handle);
        explicit_bzero(connection->token, sizeof connection->token);
        free(connection);
    }
}

const char *
cli_connection_name(const struct cli_connection *connection)
{
    return connection->name;
}

/* --- asking --- */

static void
take_failure(const struct cli_connection *connection, enum cli_http_result result,
             struct cli_http_answer *answer, struct cli_reply *out)
{
    cli_make_printable(answer->failure);
    switch (result) {
    case CLI_HTTP_UNREACHABLE:
        out->code = CLI_NOT_FOUND;
        snprintf(out->words, sizeof out->words, "%s is not reachable: %s", connection->name,
                 answer->failure);
        return;
    case CLI_HTTP_LOST:
        out->code = CLI_NOT_FOUND;
        snprintf(out->words, sizeof out->words, "%s went away before it answered: %s",
                 connection->name, answer->failure);
        return;
    case CLI_HTTP_TIMEOUT:
        out->code = CLI_TIMEOUT;
        snprintf(out->words, sizeof out->words, "%s does not answer: %s", connection->name,
                 answer->failure);
        return;
    case CLI_HTTP_REFUSED:
    case CLI_HTTP_ANSWERED:
        break;
    }
    out->code = CLI_FAILED;
    snprintf(out->words, sizeof out->words, "%s: %s", connection->name, answer->failure);
}

static void
take_answer(const struct cli_connection *connection, const struct cli_http_answer *answer,
            struct cli_reply *out)
{
    json_t *json = json_loadb(answer->body, answer->size, 0, NULL);
    bool is_yes = answer->code >= 200 && answer->code < 300;
    out->status = answer->code;
    if (is_yes && json == NULL && answer->size == 0) {
        json = json_object();
    }
    if (is_yes && json_is_object(json)) {
        out->code = CLI_OK;
        out->json = json;
        return;
    }
    if (is_yes) {
        out->code = CLI_FAILED;
        snprintf(out->words, sizeof out->words, "%s answers with what is no JSON object",
                 connection->name);
    } else {
        out->code = exit_of(answer->code);
        take_words(json, answer->code, out->words, sizeof out->words);
    }
    json_decref(json);
}

/* "words" and what to do about it. */
static void
add_help(const struct cli_connection *connection, struct cli_reply *out)
{
    size_t size = strlen(out->words);
    if (out->status == 401 && connection->token[0] == '\0') {
        snprintf(out->words + size, sizeof out->words - size,
                 " (give a token by --token-file or WEIR_TOKEN_FILE)");
    }
}

void
cli_ask(struct cli_connection *connection, const char *method, const char *path, json_t *body,
        struct cli_reply *out_reply)
{
    memset(out_reply, 0, sizeof *out_reply);
    char url[2 * URL_SIZE];
    snprintf(url, sizeof url, "%s%s", connection->url, path);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool is_lost = body != NULL && text == NULL;
    json_decref(body);
    if (is_lost) {
        out_reply->code = CLI_FAILED;
        snprintf(out_reply->words, sizeof out_reply->words, "no memory for a question");
        return;
    }
    struct cli_http_request request = {
        .method = method,
        .url = url,
        .socket = connection->socket[0] != '\0' ? connection->socket : NULL,
        .ca_file = connection->ca_file,
        .token = connection->token[0] != '\0' ? connection->token : NULL,
        .body = text,
        .timeout_ms = connection->timeout_ms,
    };
    struct cli_http_answer answer;
    enum cli_http_result result = connection->http->ask(connection->handle, &request, &answer);
    if (result == CLI_HTTP_ANSWERED) {
        take_answer(connection, &answer, out_reply);
        add_help(connection, out_reply);
    } else {
        take_failure(connection, result, &answer, out_reply);
    }
    free(answer.body);
    free(text);
}

void
cli_reply_free(struct cli_reply *reply)
{
    json_decref(reply->json);
    reply->json = NULL;
}

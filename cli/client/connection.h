/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h: one server that is asked, question by question: a running weir job's, or any that
 * speaks Flink's REST dialect.
 * Thread: main.
 */
#ifndef CLI_CLIENT_CONNECTION_H
#define CLI_CLIENT_CONNECTION_H

#include "http.h"
#include "reach.h"
#include "registry.h"

#include <jansson.h>
#include <stdbool.h>

enum {
    CLI_ASK_MS = 30000, /* the longest that one question takes */
    CLI_WORDS_SIZE = 1024
};

struct cli_connection;
/* To the job, or where it is NULL to reach->address. Nothing is sent yet. Answers an exit code;
 * failures were said. */
int cli_connection_open(const struct cli_reach *reach, const struct cli_registered *job,
                        struct cli_connection **out_connection);
void cli_connection_close(struct cli_connection *connection); /* NULL: nothing */
/* "127.0.0.1:8081", "the local socket of process 12". Lent. */
const char *cli_connection_name(const struct cli_connection *connection);

struct cli_reply {
    int code;                   /* CLI_OK: `json` is an object, and yes; else the exit code */
    long status;                /* HTTP's; 0: no answer came */
    json_t *json;               /* of a yes; else NULL */
    char words[CLI_WORDS_SIZE]; /* of a no: why, fit for a terminal */
};

/* body is taken; NULL: none. The reply is to be freed, whatever it is. */
void cli_ask(struct cli_connection *connection, const char *method, const char *path, json_t *body,
             struct cli_reply *out_reply);
void cli_reply_free(struct cli_reply *reply);

/* What a server says may hold anything: control characters become '?'. */
void cli_make_printable(char *text);
/* The first line of an exception's text, without the names of Java classes before it; printable. */
void cli_shorten(const char *text, char *out, size_t room);
/* A member's text or number, made printable; "" and 0 where there is none. Numbers are small enough
 * for a few of them to be added and subtracted: others are 0. */
void cli_member_text(const json_t *object, const char *key, char *out, size_t room);
int64_t cli_member_number(const json_t *object, const char *key);

#endif /* CLI_CLIENT_CONNECTION_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* serve/answer.h: what a client is told. A handler fills it by exactly one of these verbs.
 * Thread: server. */
#ifndef WR_SERVE_ANSWER_H
#define WR_SERVE_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* How failures are worded. */
enum wr_dialect {
    WR_DIALECT_FLINK = 1, /* {"errors":["..."]} */
    WR_DIALECT_WEIR = 2   /* RFC 9457: {"type","title","status","detail"} */
};

struct weir_server;
/* An answer that does not end by itself: server-sent events. Called by the server's thread when it
 * has woken or a second has passed: bytes written to out, 0: nothing yet, -1: the end. */
struct wr_stream {
    void *state;
    long (*read)(void *state, struct weir_server *server, char *out, size_t room);
    void (*close)(void *state);
};

struct wr_answer {
    enum wr_dialect dialect; /* set by the router before the handler runs */
    unsigned code;
    const char *content_type; /* static */
    char *text;               /* the body, malloc'ed; NULL: none */
    size_t size;
    char allow[40];          /* of a 405: the methods that the path has; else "" */
    struct wr_stream stream; /* read NULL: not a stream */
};

/* Takes the value, also in failure. NULL: 500, no memory. */
void wr_answer_json(struct wr_answer *answer, unsigned code, json_t *value);
/* Takes the text (malloc'ed). NULL: 500, no memory. */
void wr_answer_text(struct wr_answer *answer, unsigned code, const char *content_type, char *text,
                    size_t size);
/* In the answer's dialect. What goes out is UTF-8, whatever the words hold. */
void wr_answer_fail(struct wr_answer *answer, unsigned code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void wr_answer_stream(struct wr_answer *answer, const char *content_type, struct wr_stream stream);
void wr_answer_free(struct wr_answer *answer); /* its body; a stream is closed */

#endif /* WR_SERVE_ANSWER_H */

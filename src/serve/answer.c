/* SPDX-License-Identifier: Apache-2.0 */
/* answer: bodies of answers. */
#include "serve/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char content_type_json[] = "application/json; charset=UTF-8"; /* as Flink sends it */
static const char content_type_problem[] = "application/problem+json";

void
wr_answer_text(struct wr_answer *answer, unsigned code, const char *content_type, char *text,
               size_t size)
{
    answer->code = text != NULL ? code : 500;
    answer->content_type = content_type;
    answer->text = text;
    answer->size = text != NULL ? size : 0;
}

static void
put_json(struct wr_answer *answer, unsigned code, const char *content_type, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    wr_answer_text(answer, code, content_type, text, text != NULL ? strlen(text) : 0);
}

void
wr_answer_json(struct wr_answer *answer, unsigned code, json_t *value)
{
    put_json(answer, code, content_type_json, value);
}

/* --- failures --- */

static const char *
title(unsigned code)
{
    switch (code) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 421:
        return "Misdirected Request";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

/* Jansson takes nothing but UTF-8; what is not becomes '?'. */
static void
make_ascii_where_needed(char *words)
{
    json_t *probe = json_string(words);
    if (probe == NULL) {
        for (char *at = words; *at != '\0'; at++) {
            *at = (unsigned char)*at < 0x80 ? *at : '?';
        }
    }
    json_decref(probe);
}

void
wr_answer_fail(struct wr_answer *answer, unsigned code, const char *format, ...)
{
    char words[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    make_ascii_where_needed(words);
    if (answer->dialect == WR_DIALECT_FLINK) {
        put_json(answer, code, content_type_json, json_pack("{s:[s]}", "errors", words));
    } else {
        put_json(answer, code, content_type_problem,
                 json_pack("{s:s,s:s,s:i,s:s}", "type", "about:blank", "title", title(code),
                           "status", (int)code, "detail", words));
    }
}

void
wr_answer_stream(struct wr_answer *answer, const char *content_type, struct wr_stream stream)
{
    answer->code = 200;
    answer->content_type = content_type;
    answer->stream = stream;
}

void
wr_answer_free(struct wr_answer *answer)
{
    free(answer->text);
    answer->text = NULL;
    if (answer->stream.read != NULL && answer->stream.close != NULL) {
        answer->stream.close(answer->stream.state);
    }
    answer->stream = (struct wr_stream){ 0 };
}

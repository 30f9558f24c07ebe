/* SPDX-License-Identifier: Apache-2.0 */
/* throwable: words as a serialized Java exception.
 *
 *   OFFSET  WHAT                 (Java Object Serialization Specification, chapter 6, big endian)
 *   0       AC ED 00 05          stream magic, version
 *           73                   an object, whose class is
 *           72 SerializedThrowable, its serial version, serializable, 3 fields, no annotation,
 *           72   java.lang.Exception, no fields,
 *           72     java.lang.Throwable, writes itself, 4 fields
 *           70                     and no super class
 *           of Throwable         cause null, detailMessage, stackTrace null, suppressed null, 78
 *           of Exception         nothing
 *           of SerializedThrowable
 *                                stack trace, class name, the exception itself: null, so that the
 *                                client shows these texts
 *
 * A text is 74, a length in two bytes, and Java's modified UTF-8: what is beyond U+FFFF stands as
 * two surrogates of three bytes each.
 */
#include "serve/throwable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS_MAX = 2048, /* bytes of UTF-8; longer ones are cut */
    BYTES_MAX = 4 * WORDS_MAX + 1024,
    TC_NULL = 0x70,
    TC_OBJECT = 0x73,
    TC_CLASS = 0x72,
    TC_TEXT = 0x74,
    TC_END = 0x78,
    IS_SERIALIZABLE = 2,
    WRITES_ITSELF = 1
};

struct stream {
    uint8_t bytes[BYTES_MAX];
    size_t size;
};

/* --- Java's bytes --- */

static void
put(struct stream *stream, uint64_t number, size_t size)
{
    for (size_t i = size; i-- > 0;) {
        stream->bytes[stream->size++] = (uint8_t)(number >> (8 * i));
    }
}

static void
put_surrogate(struct stream *stream, uint32_t unit)
{
    put(stream, 0xe0 | unit >> 12, 1);
    put(stream, 0x80 | (unit >> 6 & 0x3f), 1);
    put(stream, 0x80 | (unit & 0x3f), 1);
}

/* UTF-8 that was checked. Length first, then modified UTF-8. */
static void
put_text(struct stream *stream, const char *text)
{
    size_t length_at = stream->size;
    stream->size += 2;
    const uint8_t *at = (const uint8_t *)text;
    while (*at != '\0') {
        if (*at < 0xf0) {
            put(stream, *at++, 1);
            continue;
        }
        uint32_t code = (uint32_t)(at[0] & 7) << 18 | (uint32_t)(at[1] & 0x3f) << 12 |
                        (uint32_t)(at[2] & 0x3f) << 6 | (uint32_t)(at[3] & 0x3f);
        put_surrogate(stream, 0xd800 + ((code - 0x10000) >> 10));
        put_surrogate(stream, 0xdc00 + ((code - 0x10000) & 0x3ff));
        at += 4;
    }
    size_t size = stream->size - length_at - 2;
    stream->bytes[length_at] = (uint8_t)(size >> 8);
    stream->bytes[length_at + 1] = (uint8_t)size;
}

static void
put_new_text(struct stream *stream, const char *text)
{
    put(stream, TC_TEXT, 1);
    put_text(stream, text);
}

static void
put_class(struct stream *stream, const char *name, uint64_t serial_version, uint8_t flags,
          uint16_t fields)
{
    put(stream, TC_CLASS, 1);
    put_text(stream, name);
    put(stream, serial_version, 8);
    put(stream, flags, 1);
    put(stream, fields, 2);
}

static void
put_field(struct stream *stream, char kind, const char *name, const char *type)
{
    put(stream, (uint8_t)kind, 1);
    put_text(stream, name);
    put_new_text(stream, type);
}

static void
put_description(struct stream *stream)
{
    put_class(stream, "org.apache.flink.util.SerializedThrowable", 7284183123441947635U,
              IS_SERIALIZABLE, 3);
    put_field(stream, 'L', "fullStringifiedStackTrace", "Ljava/lang/String;");
    put_field(stream, 'L', "originalErrorClassName", "Ljava/lang/String;");
    put_field(stream, '[', "serializedException", "[B");
    put(stream, TC_END, 1);
    put_class(stream, "java.lang.Exception", (uint64_t)-3387516993124229948LL, IS_SERIALIZABLE, 0);
    put(stream, TC_END, 1);
    put_class(stream, "java.lang.Throwable", (uint64_t)-3042686055658047285LL,
              IS_SERIALIZABLE | WRITES_ITSELF, 4);
    put_field(stream, 'L', "cause", "Ljava/lang/Throwable;");
    put_field(stream, 'L', "detailMessage", "Ljava/lang/String;");
    put_field(stream, '[', "stackTrace", "[Ljava/lang/StackTraceElement;");
    put_field(stream, 'L', "suppressedExceptions", "Ljava/util/List;");
    put(stream, TC_END, 1);
    put(stream, TC_NULL, 1);
}

static void
put_exception(struct stream *stream, const char *class_name, const char *words, const char *trace)
{
    put(stream, 0xaced0005, 4);
    put(stream, TC_OBJECT, 1);
    put_description(stream);
    put(stream, TC_NULL, 1); /* cause */
    put_new_text(stream, words);
    put(stream, TC_NULL, 1); /* stackTrace */
    put(stream, TC_NULL, 1); /* suppressedExceptions */
    put(stream, TC_END, 1);
    put_new_text(stream, trace);
    put_new_text(stream, class_name);
    put(stream, TC_NULL, 1); /* serializedException */
}

/* --- JSON --- */

static void
encode_base64(const struct stream *stream, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < stream->size; i += 3) {
        size_t left = stream->size - i;
        uint32_t three = (uint32_t)stream->bytes[i] << 16 |
                         (left > 1 ? (uint32_t)stream->bytes[i + 1] << 8 : 0) |
                         (left > 2 ? (uint32_t)stream->bytes[i + 2] : 0);
        *out++ = letters[three >> 18];
        *out++ = letters[three >> 12 & 63];
        *out++ = left > 1 ? letters[three >> 6 & 63] : '=';
        *out++ = left > 2 ? letters[three & 63] : '=';
    }
    *out = '\0';
}

/* Copies what is UTF-8 as it is, cut between letters; else ASCII alone. */
static void
copy_words(const char *words, char out[WORDS_MAX + 1])
{
    size_t size = strnlen(words, WORDS_MAX);
    while (size > 0 && words[size] != '\0' && ((unsigned char)words[size] & 0xc0) == 0x80) {
        size--;
    }
    memcpy(out, words, size);
    out[size] = '\0';
    json_t *probe = json_string(out);
    for (size_t i = 0; probe == NULL && i < size; i++) {
        out[i] = (unsigned char)out[i] < 0x80 ? out[i] : '?';
    }
    json_decref(probe);
}

json_t *
wr_throwable_json(const char *class_name, const char *words)
{
    char clean[WORDS_MAX + 1];
    char trace[WORDS_MAX + 200];
    char base64[BYTES_MAX / 3 * 4 + 8];
    struct stream stream = { .size = 0 };
    copy_words(words, clean);
    snprintf(trace, sizeof trace, "%s: %s\n", class_name, clean);
    put_exception(&stream, class_name, clean, trace);
    encode_base64(&stream, base64);
    return json_pack("{s:s,s:s,s:s}", "class", class_name, "stack-trace", trace,
                     "serialized-throwable", base64);
}

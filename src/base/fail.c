/* SPDX-License-Identifier: Apache-2.0 */
/* fail: fills a weir_error.
 *
 * Words that do not fit are cut in the middle, at " ... ": what failed stands at the front, why and
 * what to do at the end, and a long path in between is what may go. They are made in a buffer on
 * the stack that holds any two paths, so that an argument may point into the message itself. A cut
 * never splits a UTF-8 character.
 */
#include "base/fail.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    LONG_WORDS = 10000
};

static const char gap[] = " ... ";

static bool
is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0U) == 0x80U;
}

/* Copies `size` bytes of words into the message, less their middle where they are too long. */
static void
set_message(weir_error *err, const char *words, size_t size)
{
    const size_t room = sizeof err->message - 1;
    if (size <= room) {
        memcpy(err->message, words, size);
        err->message[size] = '\0';
        return;
    }
    size_t kept = room - (sizeof gap - 1);
    size_t front = kept / 2;
    size_t back = size - (kept - front);
    while (front > 0 && is_inside_character(words[front])) {
        front--;
    }
    while (back < size && is_inside_character(words[back])) {
        back++;
    }
    memcpy(err->message, words, front);
    memcpy(err->message + front, gap, sizeof gap - 1);
    memcpy(err->message + front + sizeof gap - 1, words + back, size - back);
    err->message[front + sizeof gap - 1 + (size - back)] = '\0';
}

/* Appends to words of LONG_WORDS bytes; returns the new size. */
static size_t
append(char *words, size_t size, const char *more)
{
    size_t more_size = strnlen(more, LONG_WORDS - 1 - size);
    memcpy(words + size, more, more_size);
    words[size + more_size] = '\0';
    return size + more_size;
}

__attribute__((format(printf, 2, 0))) static size_t
format_words(char *words, const char *format, va_list arguments)
{
    int size = vsnprintf(words, LONG_WORDS, format, arguments);
    if (size < 0) {
        return append(words, 0,
                      format); /* an encoding error of the C library's: better than nothing */
    }
    return size < LONG_WORDS ? (size_t)size : LONG_WORDS - 1;
}

weir_status
wr_fail_at_v(weir_error *err, weir_status status, int sys_errno, const char *file, int line,
             const char *format, va_list arguments)
{
    if (sys_errno == ENOMEM && status == WEIR_IO) {
        status = WEIR_NOMEM;
    }
    if (err == NULL) {
        return status;
    }
    char words[LONG_WORDS];
    size_t size = format_words(words, format, arguments);
    if (sys_errno != 0) {
        char reason[128];
        size = append(words, size, ": ");
        size = append(words, size, strerror_r(sys_errno, reason, sizeof reason));
    }
    /* Only now: an argument may point into err->message. */
    set_message(err, words, size);
    err->status = status;
    err->sys_errno = sys_errno;
    err->file = file;
    err->line = line;
    return status;
}

weir_status
wr_fail_at(weir_error *err, weir_status status, int sys_errno, const char *file, int line,
           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    status = wr_fail_at_v(err, status, sys_errno, file, line, format, arguments);
    va_end(arguments);
    return status;
}

weir_status
wr_fail_context(weir_error *err, weir_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    char words[LONG_WORDS];
    va_list arguments;
    va_start(arguments, format);
    size_t size = format_words(words, format, arguments);
    va_end(arguments);
    if (err->status == WEIR_OK) { /* failed without words: what the status means stands for them */
        err->status = status;
        size = append(words, size, weir_status_meaning(status));
    } else {
        size = append(words, size, err->message);
    }
    set_message(err, words, size);
    return status;
}

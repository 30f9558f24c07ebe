/* SPDX-License-Identifier: Apache-2.0 */
/* weir/status.h: what a call answers, and a failure in words. For everyone.
 *
 * Thread: plain values; any.
 */
#ifndef WEIR_STATUS_H
#define WEIR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* X(name, number, what it means, what the caller does next) */
#define WEIR_STATUS_MAP(X)                                                                      \
    X(OK, 0, "success", "go on")                                                                \
    X(NOT_FOUND, -1, "no such key, state, file or checkpoint", "an answer, no failure")         \
    X(INVALID, -2, "argument breaks the contract", "fix the call")                              \
    X(NOMEM, -3, "allocation refused", "free memory or raise the budget")                       \
    X(IO, -4, "the system failed an I/O call", "retry, then fail the checkpoint")               \
    X(CORRUPT, -5, "stored bytes fail their checksum", "restore an older one")                  \
    X(VERSION, -6, "made for another version or shape", "migrate, or use the matching program") \
    X(BUSY, -7, "somebody else holds it, or not ready yet", "wait, or stop the holder")         \
    X(TIMEOUT, -8, "did not happen in time", "retry, or raise the limit")                       \
    X(CANCELLED, -9, "the job is being cancelled", "return")                                    \
    X(LIMIT, -10, "a named limit is reached", "raise the limit, or send less")                  \
    X(USER, -11, "a user's function failed", "read its words")                                  \
    X(UNSUPPORTED, -12, "known, but not to be had here", "choose something else")

/* An ignored status is an error under clang: the enum type itself carries the attribute. */
#if defined(__clang__)
#define WEIR_MUST_USE __attribute__((warn_unused_result))
#else
#define WEIR_MUST_USE
#endif

typedef enum WEIR_MUST_USE weir_status {
#define WEIR_STATUS_ENUM(name, number, meaning, next) WEIR_##name = (number),
    WEIR_STATUS_MAP(WEIR_STATUS_ENUM)
#undef WEIR_STATUS_ENUM
} weir_status;

enum {
    WEIR_ERROR_MESSAGE_SIZE = 1000
};

/* A failure in words. A plain value: copy it, hand it to another thread; it owns nothing. */
typedef struct weir_error {
    weir_status status;
    int sys_errno;    /* errno behind WEIR_IO, else 0 */
    const char *file; /* static string: where the failure was first seen */
    int line;
    char message[WEIR_ERROR_MESSAGE_SIZE]; /* NUL-terminated; a long path is cut in the middle */
} weir_error;

/* The status's name without prefix, for example "CORRUPT"; static string. */
const char *weir_status_name(weir_status status);

/* What the status means, in words; static string. */
const char *weir_status_meaning(weir_status status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_STATUS_H */

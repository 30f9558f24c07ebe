/* SPDX-License-Identifier: Apache-2.0 */
/* base/fail.h: how a failure is made and passed on. The two error macros there are. */
#ifndef WR_BASE_FAIL_H
#define WR_BASE_FAIL_H

#include "weir/status.h"

#include <stdarg.h>

/* Fills `err` (may be NULL) and returns `status`: return wr_fail(err, WEIR_CORRUPT, "...", ...);
 * A message that is too long is cut in the middle. (The status is given here, so that whoever reads
 * the call alone, an analyzer too, sees that it is not OK.) */
#define wr_fail(err, status, ...) \
    ((void)wr_fail_at((err), (status), 0, __FILE__, __LINE__, __VA_ARGS__), (status))

/* The same for a failed system call: WEIR_IO (NOMEM for ENOMEM), the words end in ": <strerror>".
 */
#define wr_fail_errno(err, sys_errno, ...) \
    wr_fail_at((err), WEIR_IO, (sys_errno), __FILE__, __LINE__, __VA_ARGS__)

#define WR_TRY(call)                        \
    do {                                    \
        weir_status wr_try_status = (call); \
        if (wr_try_status != WEIR_OK) {     \
            return wr_try_status;           \
        }                                   \
    } while (0)

weir_status wr_fail_at(weir_error *err, weir_status status, int sys_errno, const char *file,
                       int line, const char *format, ...) __attribute__((format(printf, 6, 7)));
weir_status wr_fail_at_v(weir_error *err, weir_status status, int sys_errno, const char *file,
                         int line, const char *format, va_list arguments)
    __attribute__((format(printf, 6, 0)));

/* Puts words in front of those in err, for example "restore of operator 'counts': ". Returns
 * `status`; an err that was left without words (its status is OK) gets that status and its meaning.
 */
weir_status wr_fail_context(weir_error *err, weir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* WR_BASE_FAIL_H */

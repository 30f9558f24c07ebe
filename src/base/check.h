/* SPDX-License-Identifier: Apache-2.0 */
/* base/check.h: assertions for weir's own invariants. wr_assert stays on in release: O(1) facts
 * only. wr_slow_assert is for the dev and sanitizer builds. */
#ifndef WR_BASE_CHECK_H
#define WR_BASE_CHECK_H

/* Prints the fact and ends the process. */
_Noreturn void wr_assert_failed(const char *fact, const char *file, int line);

#define wr_assert(fact) \
    (__builtin_expect(!!(fact), 1) ? (void)0 : wr_assert_failed(#fact, __FILE__, __LINE__))

#ifdef WEIR_DEV
#define wr_slow_assert(fact) wr_assert(fact)
#else
#define wr_slow_assert(fact) ((void)sizeof(!(fact)))
#endif

#endif /* WR_BASE_CHECK_H */

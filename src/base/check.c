/* SPDX-License-Identifier: Apache-2.0 */
/* check: the end of the process when an invariant of weir's own is broken. There is nobody to
 * return to and state may be wrong, so nothing is cleaned up. The C library's own assertion prints
 * the line and aborts: it needs neither the os table nor an allocator of ours, either of which may
 * be what broke.
 */
#include "base/check.h"

#undef NDEBUG /* with it, assert.h does not declare the function */
#include <assert.h>

_Noreturn void
wr_assert_failed(const char *fact, const char *file, int line)
{
    __assert_fail(fact, file, (unsigned)line, "weir");
}

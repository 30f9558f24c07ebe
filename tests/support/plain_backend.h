/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/plain_backend.h: an engine with the required entries only, for tests of what the
 * dispatch does for those that lack the others: the example's, linked in.
 *
 * Everything is static: each test file that includes it brings its own.
 */
#ifndef WEIR_TESTS_PLAIN_BACKEND_H
#define WEIR_TESTS_PLAIN_BACKEND_H

#include "weir/engine_support.h"

#undef WEIR_BACKEND
#define WEIR_BACKEND(its_factory)                                         \
    static inline const weir_backend_factory *plain_backend_factory(void) \
    {                                                                     \
        return &(its_factory);                                            \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-align"
/* NOLINTNEXTLINE(bugprone-suspicious-include): all of it is to be this file's own */
#include "../../examples/backend/sorted_array.c"
#pragma GCC diagnostic pop

#endif /* WEIR_TESTS_PLAIN_BACKEND_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/test.h: how a test is written: TEST(put_survives_failed_allocation) { assert_...();
 * }
 *
 * A test registers itself before main; each is run as `binary NAME` in a process of its own, and is
 * a ctest entry because CMake reads the TEST( lines. Assertions are cmocka's.
 */
#ifndef WEIR_TESTS_SUPPORT_TEST_H
#define WEIR_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void test_register(const char *name, void (*run)(void **state));

#define TEST(test_name)                                                 \
    static void test_name(void **state);                                \
    __attribute__((constructor)) static void register_##test_name(void) \
    {                                                                   \
        test_register(#test_name, test_name);                           \
    }                                                                   \
    static void test_name(__attribute__((unused)) void **state)

/* Fails the test unless the call returns WEIR_OK; prints what it returned and the words in `error`.
 */
#define assert_ok(call, error) test_assert_ok((int)(call), (error), #call, __FILE__, __LINE__)

struct weir_error;
void test_assert_ok(int status, const struct weir_error *error, const char *call, const char *file,
                    int line);

#endif /* WEIR_TESTS_SUPPORT_TEST_H */

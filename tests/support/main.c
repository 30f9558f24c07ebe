/* SPDX-License-Identifier: Apache-2.0 */
/* main: runs the tests named on the command line, or all; --list prints their names. */
#include "support/test.h"

#include "weir/status.h"

#include <stdio.h>
#include <string.h>

enum {
    TESTS_MAX = 2048
};

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

void
test_register(const char *name, void (*run)(void **state))
{
    if (test_count < TESTS_MAX) {
        tests[test_count++] = (struct CMUnitTest){ .name = name, .test_func = run };
    }
}

void
test_assert_ok(int status, const struct weir_error *error, const char *call, const char *file,
               int line)
{
    if (status != WEIR_OK) {
        print_error("%s returned %s: %s\n", call, weir_status_name((weir_status)status),
                    error != NULL ? error->message : "");
        _fail(file, line);
    }
}

static int
run_one(const char *name)
{
    for (size_t i = 0; i < test_count; i++) {
        if (strcmp(tests[i].name, name) == 0) {
            return _cmocka_run_group_tests(name, &tests[i], 1, NULL, NULL);
        }
    }
    fprintf(stderr, "no test named %s\n", name);
    return 2;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < test_count; i++) {
            puts(tests[i].name);
        }
        return 0;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= run_one(argv[i]);
    }
    if (argc == 1) {
        failed = _cmocka_run_group_tests("all", tests, test_count, NULL, NULL);
    }
    return failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* contract_main: the contract suite as a program.
 *
 *   contract_state ENGINE CASE...    runs these; no case: all
 *   contract_state --list            the cases
 *   contract_state --engines         the engines; ENGINE may also be the path of a shared object
 *   contract_state --table FILE      whether the file's table of Flink's cases is true
 */
#include "contract/contract.h"
#include "contract/flink_cases.h"

#include <stdio.h>
#include <string.h>

enum {
    CASES_MAX = 512
};

static struct {
    const char *name;
    void (*run)(struct contract *c);
} cases[CASES_MAX];
static size_t case_count;
static const struct engine *chosen;

void
contract_register(const char *name, void (*run)(struct contract *c))
{
    if (case_count < CASES_MAX) {
        cases[case_count].name = name;
        cases[case_count++].run = run;
    }
}

bool
contract_has_case(const char *name)
{
    for (size_t i = 0; i < case_count; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            return true;
        }
    }
    return false;
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

static void
run_case(void **state)
{
    void (*run)(struct contract *) = cases[*(const size_t *)*state].run;
    static struct contract c;
    engine_rig_init(&c.rig, chosen);
    assert_ok(engine_task_open(&c.rig, &c.task, 0, c.rig.max_parallelism - 1), &c.rig.error);
    run(&c);
    engine_task_close(&c.rig, &c.task);
    engine_rig_fini(&c.rig);
}

static int
run_one(size_t index)
{
    struct CMUnitTest test = { .name = cases[index].name,
                               .test_func = run_case,
                               .initial_state = &index };
    return _cmocka_run_group_tests(chosen->name, &test, 1, NULL, NULL);
}

static int
run_named(int count, char **names)
{
    int failed = 0;
    for (size_t i = 0; i < case_count; i++) {
        bool is_wanted = count == 0;
        for (int j = 0; j < count; j++) {
            is_wanted = is_wanted || strcmp(names[j], cases[i].name) == 0;
        }
        if (is_wanted) {
            failed |= run_one(i);
        }
    }
    for (int j = 0; j < count; j++) {
        if (!contract_has_case(names[j])) {
            fprintf(stderr, "no case named %s\n", names[j]);
            failed = 1;
        }
    }
    return failed != 0;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < case_count; i++) {
            puts(cases[i].name);
        }
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--engines") == 0) {
        for (const struct engine *engine = engines; engine->name != NULL; engine++) {
            puts(engine->name);
        }
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--table") == 0) {
        return flink_cases_check(argv[2]);
    }
    chosen = argc < 2 ? NULL : engine_find(argv[1]);
    if (chosen == NULL) {
        fprintf(stderr,
                "usage: contract_state ENGINE [CASE...] | --list | --engines | --table FILE\n");
        return 2;
    }
    return run_named(argc - 2, argv + 2);
}

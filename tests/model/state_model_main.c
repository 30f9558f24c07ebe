/* SPDX-License-Identifier: Apache-2.0 */
/* state_model [--seed=0x..] [--operations=N] [--seeds=N]: replays one seed, or goes on from it. */
#include "model/state_model.h"

#include "support/test.h"
#include "weir/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
test_assert_ok(int status, const struct weir_error *error, const char *call, const char *file,
               int line)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "%s:%d: %s returned %s: %s\n", file, line, call,
                weir_status_name((weir_status)status), error != NULL ? error->message : "");
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    uint64_t seed = 1;
    uint64_t operations = 10000;
    uint64_t seeds = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        value = value != NULL ? value + 1 : "";
        if (strncmp(argv[i], "--seed=", 7) == 0) {
            seed = strtoull(value, NULL, 0);
        } else if (strncmp(argv[i], "--operations=", 13) == 0) {
            operations = strtoull(value, NULL, 0);
        } else if (strncmp(argv[i], "--seeds=", 8) == 0) {
            seeds = strtoull(value, NULL, 0);
        } else {
            fprintf(stderr, "usage: state_model [--seed=0x..] [--operations=N] [--seeds=N]\n");
            return 2;
        }
    }
    struct state_model_counts counts = { 0 };
    for (uint64_t i = 0; i < seeds; i++) {
        state_model_run(seed + i, operations, &counts);
    }
    printf("operations %llu, snapshots %llu, aborted %llu, refused %llu\n",
           (unsigned long long)counts.operations, (unsigned long long)counts.snapshots,
           (unsigned long long)counts.aborted, (unsigned long long)counts.refused);
    return 0;
}

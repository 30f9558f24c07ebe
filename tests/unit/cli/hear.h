/* SPDX-License-Identifier: Apache-2.0 */
/* hear.h: what is written to stdout and stderr while a test listens. Not for two threads. */
#ifndef TESTS_UNIT_CLI_HEAR_H
#define TESTS_UNIT_CLI_HEAR_H

#include <stdbool.h>
#include <stdio.h>

enum {
    HEAR_SIZE = 65536
};

struct hear {
    char out[HEAR_SIZE];
    char err[HEAR_SIZE];
    FILE *out_file;
    FILE *err_file;
    int kept_out;
    int kept_err;
};

void hear_begin(struct hear *hear);
/* The two texts are whole from here on. */
void hear_end(struct hear *hear);
bool hear_has(const char *text, const char *part);

#endif /* TESTS_UNIT_CLI_HEAR_H */

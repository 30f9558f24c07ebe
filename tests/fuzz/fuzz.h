/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz.h: what fuzz targets share. Each is a program NAME_fuzz.c with one function, run
 * by libFuzzer (preset fuzz) or by replay.c over its corpus (every other build).
 *
 * A target aborts when what it found must not be: fuzz_expect. Thread: one.
 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

#include "weir/type.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_expect(what)                                                      \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* Types of all kinds; made once. */
enum {
    FUZZ_TYPES = 17
};
const weir_type *fuzz_type(size_t index); /* index % FUZZ_TYPES */

#endif /* WEIR_TESTS_FUZZ_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* utf8_fuzz: what is repaired is well formed, what was well formed stays as it is, three times the
 * size is always room enough, and one byte less than needed is refused. */
#include "fuzz/fuzz.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = 3 * size;
    uint8_t *repaired = malloc(room + 1);
    fuzz_expect(repaired != NULL);
    size_t written = weir_string_repair(data, size, repaired, room);
    fuzz_expect(written <= room);
    fuzz_expect(weir_string_valid(weir_bytes_of(repaired, written)));
    bool was_valid = weir_string_valid(weir_bytes_of(data, size));
    fuzz_expect(was_valid == (written == size && memcmp(data, repaired, size) == 0));
    if (written != 0) {
        fuzz_expect(weir_string_repair(data, size, repaired, written - 1) == SIZE_MAX);
    }
    free(repaired);
    return 0;
}

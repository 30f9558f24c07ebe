/* SPDX-License-Identifier: Apache-2.0 */
/* block_fuzz: weir_type_check_block lets through only blocks that can be read without another look:
 * what it takes is printed, and goes out in Flink's form and comes back.
 *
 *   input   u8 which type | block
 */
#include "fuzz/fuzz.h"

#include "weir/serializer.h"

#include <string.h>

static void
use(const weir_type *type, const void *block, size_t size)
{
    char text[256];
    size_t needed = weir_type_print(type, block, text, sizeof text);
    fuzz_expect(needed < SIZE_MAX / 2);
    size_t bound = weir_type_serialize_bound(type, block);
    uint8_t *bytes = malloc(bound + 1);
    fuzz_expect(bytes != NULL);
    size_t written = weir_type_serialize(type, block, bytes);
    fuzz_expect(written <= bound);
    size_t room = size + 64 * WEIR_NESTING_MAX;
    uint64_t *again = malloc(room);
    size_t again_size = 0;
    size_t taken = 0;
    weir_error error;
    fuzz_expect(again != NULL);
    weir_status status = weir_type_deserialize(type, weir_bytes_of(bytes, written), again, room,
                                               &again_size, &taken, &error);
    fuzz_expect(status == WEIR_OK && taken == written);
    fuzz_expect(weir_type_check_block(type, again, again_size, &error) == WEIR_OK);
    free(again);
    free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_error error;
    if (size == 0) {
        return 0;
    }
    const weir_type *type = fuzz_type(data[0]);
    uint64_t *block = malloc(size); /* aligned, and of its size */
    fuzz_expect(block != NULL);
    memcpy(block, data + 1, size - 1);
    weir_status status = weir_type_check_block(type, block, size - 1, &error);
    fuzz_expect(status == WEIR_OK || status == WEIR_CORRUPT);
    if (status == WEIR_OK) {
        use(type, block, size - 1);
    }
    free(block);
    return 0;
}

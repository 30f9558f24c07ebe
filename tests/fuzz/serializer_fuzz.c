/* SPDX-License-Identifier: Apache-2.0 */
/* serializer_fuzz: bytes that Flink may have written. What is taken makes a good block, and that
 * block's own bytes make the same block again.
 *
 *   input   u8 which type | bytes
 */
#include "fuzz/fuzz.h"

#include "weir/serializer.h"

#include <string.h>

enum {
    ROOM = 1 << 16
};

static void
check_again(const weir_type *type, const void *block, size_t size)
{
    static uint64_t again[ROOM / sizeof(uint64_t)];
    size_t bound = weir_type_serialize_bound(type, block);
    uint8_t *bytes = malloc(bound + 1);
    fuzz_expect(bytes != NULL);
    size_t written = weir_type_serialize(type, block, bytes);
    size_t again_size = 0;
    size_t taken = 0;
    weir_error error;
    fuzz_expect(written <= bound);
    fuzz_expect(weir_type_deserialize(type, weir_bytes_of(bytes, written), again, sizeof again,
                                      &again_size, &taken, &error) == WEIR_OK);
    fuzz_expect(taken == written && again_size == size && memcmp(again, block, size) == 0);
    free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t block[ROOM / sizeof(uint64_t)];
    if (size == 0) {
        return 0;
    }
    const weir_type *type = fuzz_type(data[0]);
    weir_bytes bytes = weir_bytes_of(data + 1, size - 1);
    size_t block_size = 0;
    size_t taken = 0;
    size_t next = 0;
    weir_error error;
    weir_status status =
        weir_type_deserialize(type, bytes, block, sizeof block, &block_size, &taken, &error);
    weir_status walked = weir_type_serialized_next(type, bytes, &next, &error);
    fuzz_expect(status == WEIR_LIMIT || (status == WEIR_OK) == (walked == WEIR_OK));
    if (status == WEIR_OK) {
        fuzz_expect(taken <= bytes.size && next == taken);
        fuzz_expect(weir_type_check_block(type, block, block_size, &error) == WEIR_OK);
        check_again(type, block, block_size);
    }
    return 0;
}

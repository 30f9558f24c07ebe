/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_fuzz: any bytes as a checkpoint's _metadata. What is decoded can be encoded, and that
 * decodes to the same bytes again. The checksum and the length are put right first, or nothing
 * would come past them; but for inputs that begin with 'r'.
 *
 *   input   u8 | manifest
 */
#include "fuzz/fuzz.h"

#include "base/crc32c.h"
#include "base/little.h"
#include "snapshot/manifest_format.h"

#include <string.h>

static void
put_right(uint8_t *bytes, size_t size)
{
    if (size >= WR_MANIFEST_HEAD_SIZE + sizeof(uint32_t)) {
        wr_put_u64(bytes + WR_MANIFEST_LENGTH_AT, size);
        wr_put_u32(bytes + size - sizeof(uint32_t), wr_crc32c(0, bytes, size - sizeof(uint32_t)));
    }
}

static void
check_again(const struct wr_manifest *manifest, const weir_alloc *alloc)
{
    struct wr_buffer first;
    struct wr_buffer second;
    struct wr_manifest again;
    weir_error error;
    wr_buffer_init(&first, alloc);
    wr_buffer_init(&second, alloc);
    fuzz_expect(wr_manifest_encode(manifest, &first, &error) == WEIR_OK);
    wr_manifest_init(&again, alloc);
    fuzz_expect(wr_manifest_decode(&again, "again", weir_bytes_of(first.data, first.size),
                                   &error) == WEIR_OK);
    fuzz_expect(wr_manifest_encode(&again, &second, &error) == WEIR_OK);
    fuzz_expect(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    wr_manifest_fini(&again);
    wr_buffer_fini(&first);
    wr_buffer_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    weir_alloc alloc = wr_memory_system();
    uint8_t *bytes = malloc(size);
    fuzz_expect(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] != 'r') {
        put_right(bytes, size - 1);
    }
    struct wr_manifest manifest;
    weir_error error = { 0 };
    wr_manifest_init(&manifest, &alloc);
    weir_status status =
        wr_manifest_decode(&manifest, "_metadata", weir_bytes_of(bytes, size - 1), &error);
    if (status == WEIR_OK) {
        check_again(&manifest, &alloc);
    } else {
        fuzz_expect(status == WEIR_CORRUPT || status == WEIR_VERSION || status == WEIR_UNSUPPORTED);
        fuzz_expect(error.message[0] != '\0');
    }
    wr_manifest_fini(&manifest);
    free(bytes);
    return 0;
}

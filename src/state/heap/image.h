/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/image.h: the head of an IMAGE block: how the buckets or entries behind it are laid
 * out. Little-endian.
 *
 * A table:
 *
 *     OFFSET SIZE WHAT
 *     0      8    "WEIRIMG1"
 *     8      2    version, 1
 *     10     2    0x0102 in the byte order of the buckets
 *     12     1    hash of keys: 1 (state/key_hash.h)
 *     13     1    slots in a bucket
 *     14     1    key form: 1 one word, 2 two words (state/heap/layout.h)
 *     15     1    part: 0 a table, or the new one of a growing pair; 1 the old one
 *     16     4    key size
 *     20     4    value size
 *     24     4    slot size
 *     28     4    bucket size
 *     32     4    bucket count
 *     36     4    homes below this one have moved to the new table: their entries are void
 *     40     8    hash seed
 *     48     16   zero
 *     64          buckets, back to back: heads, tags and slots as state/heap/layout.h draws them
 *
 * Packed entries, of a state with such tables, in a file of changes:
 *
 *     0      8    "WEIRPCK1"
 *     8      4    key size
 *     12     4    value size; timers: 0
 *     16          entries, back to back: key, value
 *
 * The beginning anew of a key group, in a file of changes: what there was is gone.
 *
 *     0      8    "WEIRCLR1"
 *     8      8    zero
 *
 * How many entries there are stands in the file's directory. Thread: any.
 */
#ifndef WR_STATE_HEAP_IMAGE_H
#define WR_STATE_HEAP_IMAGE_H

#include "state/heap/layout.h"

enum {
    WR_IMAGE_HEAD = 64,
    WR_PACKED_HEAD = 16
};

struct wr_image {
    uint32_t slots;
    enum wr_key_form key_form;
    bool is_old;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t slot_bytes;
    uint32_t bucket_bytes;
    uint32_t bucket_count;
    uint32_t moved;
    uint64_t seed;
};

void wr_image_encode(const struct wr_image *image, uint8_t out[WR_IMAGE_HEAD]);
/* Checks that sizes fit together and to a payload of `payload_size`. `where` is for the words.
 * WEIR_CORRUPT, WEIR_VERSION. */
weir_status wr_image_decode(const uint8_t bytes[WR_IMAGE_HEAD], uint64_t payload_size,
                            const char *where, struct wr_image *out_image, weir_error *err);

void wr_packed_encode(uint32_t key_size, uint32_t value_size, uint8_t out[WR_PACKED_HEAD]);
void wr_clear_encode(uint8_t out[WR_PACKED_HEAD]);
bool wr_clear_is(const uint8_t bytes[WR_PACKED_HEAD]);
/* Whether it is the head of packed entries; the sizes then. */
bool wr_packed_decode(const uint8_t bytes[WR_PACKED_HEAD], uint32_t *out_key_size,
                      uint32_t *out_value_size);

#endif /* WR_STATE_HEAP_IMAGE_H */

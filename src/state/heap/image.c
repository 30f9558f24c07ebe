/* SPDX-License-Identifier: Apache-2.0 */
/* image: encodes and checks the head of an IMAGE block; the table of bytes is in image.h. */
#include "state/heap/image.h"

#include "base/fail.h"

enum {
    IMAGE_VERSION = 1,
    IMAGE_ORDER = 0x0102,
    IMAGE_HASH = 1,
    IMAGE_SLOTS_MOST = 7
};

static const char magic[8] = { 'W', 'E', 'I', 'R', 'I', 'M', 'G', '1' };
static const char clear_magic[WR_PACKED_HEAD] = { 'W', 'E', 'I', 'R', 'C', 'L', 'R', '1' };
static const char packed_magic[8] = { 'W', 'E', 'I', 'R', 'P', 'C', 'K', '1' };

void
wr_image_encode(const struct wr_image *image, uint8_t out[WR_IMAGE_HEAD])
{
    memset(out, 0, WR_IMAGE_HEAD);
    memcpy(out, magic, sizeof magic);
    wr_put_u16(out + 8, IMAGE_VERSION);
    wr_put_u16(out + 10, IMAGE_ORDER);
    out[12] = IMAGE_HASH;
    out[13] = (uint8_t)image->slots;
    out[14] = (uint8_t)image->key_form;
    out[15] = image->is_old;
    wr_put_u32(out + 16, image->key_size);
    wr_put_u32(out + 20, image->value_size);
    wr_put_u32(out + 24, image->slot_bytes);
    wr_put_u32(out + 28, image->bucket_bytes);
    wr_put_u32(out + 32, image->bucket_count);
    wr_put_u32(out + 36, image->moved);
    wr_put_u64(out + 40, image->seed);
}

static bool
is_sound(const struct wr_image *image, uint64_t payload_size)
{
    uint32_t key_part = image->key_form == WR_KEY_WORD ? 8 : 16;
    uint64_t slot_least = key_part + weir_round8(image->value_size);
    bool key_fits = (image->key_form == WR_KEY_WORD || image->key_form == WR_KEY_PAIR) &&
                    image->key_size > 0 && image->key_size <= key_part;
    bool slots_fit = image->slots > 0 && image->slots <= IMAGE_SLOTS_MOST &&
                     image->slot_bytes == slot_least && image->value_size > 0 &&
                     image->value_size <= WR_FLAT_VALUE_MOST;
    uint64_t bucket_least = WR_BUCKET_HEAD + (uint64_t)image->slots * image->slot_bytes;
    bool buckets_fit = image->bucket_bytes >= bucket_least && image->bucket_bytes <= 4096 &&
                       image->bucket_bytes % 8 == 0 && image->bucket_count > 0;
    return key_fits && slots_fit && buckets_fit && image->moved <= image->bucket_count &&
           payload_size == WR_IMAGE_HEAD + (uint64_t)image->bucket_count * image->bucket_bytes;
}

weir_status
wr_image_decode(const uint8_t bytes[WR_IMAGE_HEAD], uint64_t payload_size, const char *where,
                struct wr_image *out_image, weir_error *err)
{
    if (memcmp(bytes, magic, sizeof magic) != 0) {
        return wr_fail(err, WEIR_CORRUPT, "%s: no table image stands there", where);
    }
    if (wr_get_u16(bytes + 8) != IMAGE_VERSION || wr_get_u16(bytes + 10) != IMAGE_ORDER ||
        bytes[12] != IMAGE_HASH) {
        return wr_fail(err, WEIR_VERSION,
                       "%s: table image of version %u, byte order %#x, hash %u; this program "
                       "reads version %d, byte order %#x, hash %d",
                       where, wr_get_u16(bytes + 8), wr_get_u16(bytes + 10), bytes[12],
                       IMAGE_VERSION, IMAGE_ORDER, IMAGE_HASH);
    }
    struct wr_image image = {
        .slots = bytes[13],
        .key_form = bytes[14] == WR_KEY_WORD   ? WR_KEY_WORD
                    : bytes[14] == WR_KEY_PAIR ? WR_KEY_PAIR
                                               : WR_KEY_BYTES,
        .is_old = bytes[15] != 0,
        .key_size = wr_get_u32(bytes + 16),
        .value_size = wr_get_u32(bytes + 20),
        .slot_bytes = wr_get_u32(bytes + 24),
        .bucket_bytes = wr_get_u32(bytes + 28),
        .bucket_count = wr_get_u32(bytes + 32),
        .moved = wr_get_u32(bytes + 36),
        .seed = wr_get_u64(bytes + 40),
    };
    if (!is_sound(&image, payload_size)) {
        return wr_fail(err, WEIR_CORRUPT, "%s: sizes of a table image do not fit together", where);
    }
    *out_image = image;
    return WEIR_OK;
}

void
wr_packed_encode(uint32_t key_size, uint32_t value_size, uint8_t out[WR_PACKED_HEAD])
{
    memcpy(out, packed_magic, sizeof packed_magic);
    wr_put_u32(out + 8, key_size);
    wr_put_u32(out + 12, value_size);
}

bool
wr_packed_decode(const uint8_t bytes[WR_PACKED_HEAD], uint32_t *out_key_size,
                 uint32_t *out_value_size)
{
    *out_key_size = wr_get_u32(bytes + 8);
    *out_value_size = wr_get_u32(bytes + 12);
    return memcmp(bytes, packed_magic, sizeof packed_magic) == 0;
}

void
wr_clear_encode(uint8_t out[WR_PACKED_HEAD])
{
    memcpy(out, clear_magic, sizeof clear_magic);
}

bool
wr_clear_is(const uint8_t bytes[WR_PACKED_HEAD])
{
    return memcmp(bytes, clear_magic, sizeof clear_magic) == 0;
}

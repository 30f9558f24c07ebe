/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_decoder: the pieces of which a manifest's sections are made; see the table in
 * manifest_decode.c.
 */
#include "snapshot/manifest_decoder.h"

#include "base/fail.h"

#include <string.h>

weir_status
wr_decoder_fail_malformed(struct wr_manifest_decoder *decoder, const char *words)
{
    return wr_fail(decoder->err, WEIR_CORRUPT, "manifest %s at offset %llu: %s", decoder->path,
                   (unsigned long long)(decoder->section_at + decoder->cursor.at), words);
}

weir_status
wr_decoder_fail_memory(struct wr_manifest_decoder *decoder)
{
    return wr_fail(decoder->err, WEIR_NOMEM, "manifest %s: no memory to read it", decoder->path);
}

weir_status
wr_decoder_text(struct wr_manifest_decoder *decoder, const char **out_text)
{
    weir_bytes text = wr_cursor_text(&decoder->cursor);
    if (decoder->cursor.failed || text.size > WR_MANIFEST_TEXT_MAX ||
        (text.size > 0 && memchr(text.data, 0, text.size) != NULL)) {
        return wr_decoder_fail_malformed(decoder, "a text is cut off, too long or has a NUL in it");
    }
    char *copy = wr_arena_new(&decoder->manifest->arena, text.size + 1);
    if (copy == NULL) {
        return wr_decoder_fail_memory(decoder);
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    *out_text = copy;
    return WEIR_OK;
}

weir_status
wr_decoder_id(struct wr_manifest_decoder *decoder, char out_id[WR_JOB_ID_SIZE])
{
    const uint8_t *digits = wr_cursor_bytes(&decoder->cursor, WR_JOB_ID_SIZE - 1);
    if (digits != NULL) {
        memcpy(out_id, digits, WR_JOB_ID_SIZE - 1);
        out_id[WR_JOB_ID_SIZE - 1] = '\0';
    }
    if (digits == NULL || !wr_is_hex_id(out_id)) {
        return wr_decoder_fail_malformed(decoder, "an id is not 32 hex digits");
    }
    return WEIR_OK;
}

weir_status
wr_decoder_type(struct wr_manifest_decoder *decoder, const weir_type **out_type)
{
    size_t at = decoder->section_at + decoder->cursor.at;
    weir_type *type = NULL;
    weir_status status =
        wr_type_decode(&decoder->type_alloc, &decoder->cursor, &type, decoder->err);
    if (status != WEIR_OK) {
        return wr_fail_context(decoder->err, status, "manifest %s at offset %llu: ", decoder->path,
                               (unsigned long long)at);
    }
    *out_type = type;
    return WEIR_OK;
}

weir_status
wr_decoder_array(struct wr_manifest_decoder *decoder, size_t size_min, size_t size,
                 uint32_t *out_count, void **out_array)
{
    uint32_t count = wr_cursor_u32(&decoder->cursor);
    if (decoder->cursor.failed || count > wr_cursor_left(&decoder->cursor) / size_min) {
        return wr_decoder_fail_malformed(decoder, "a count is larger than what follows");
    }
    *out_array = wr_arena_new(&decoder->manifest->arena, count * size);
    if (*out_array == NULL) {
        return wr_decoder_fail_memory(decoder);
    }
    *out_count = count;
    return WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_decode: the manifest of a native checkpoint, from the bytes of its `_metadata`.
 * Numbers are little-endian.
 *
 *   OFFSET SIZE WHAT                       a text: u32 length, bytes, no NUL among them
 *    0      8   "WEIRMF01"                 a type: as types/encode.h has it
 *    8      4   version, 2                 a state: as snapshot/descriptor.h has it
 *   12      4   number of sections
 *   16      8   length of the whole        section OPERATOR (2, version 2), any number
 *   24      .   sections                   16 operator id
 *    .      4   CRC32C of all before        . texts: uid, name, backend
 *                                           4 parallelism
 *   section                                 4 max parallelism
 *    0      4   kind                        1 1: key type
 *    4      4   version                     . type if so
 *    8      8   length of the payload       4 number of states, each
 *   16      .   payload                     4 number of subtasks, each:
 *                                             4 index, ascending
 *   section JOB (1, version 1), the first     4 flags: 1 finished
 *    8   checkpoint id                        4 number of files, each:
 *    4   kind: 1 periodic, 2 stop, 3 final      1 role: 1 blocks, 2 engine
 *    8   trigger, ms since 1970                 1 flags: 1 shared, 2 changes, 4 inlined
 *    8   completion, ms since 1970              2 zero
 *    8   hash seed                              . texts: path, engine's name
 *   32   job id, hex digits                     8 its length
 *   32   attempt, hex digits                    4 its CRC32C
 *    .   text job name                          8 checkpoint id, 16 attempt: who wrote it
 *                                               . its bytes, where inlined
 *                                             4 first key group, 4 last
 *                                             4 number of lists, each: 4 the state, 8 elements
 * Version 1 of OPERATOR: states without flags; behind a subtask's flags (1 finished, 2 file) its
 * file, if it has one: text, 8 length, 4 CRC32C.
 *
 * A section whose kind is unknown is skipped where the kind's high bit is set, else refused.
 *
 * Invariants:
 *   (1) Nothing is looked at before length and checksum of the whole hold.
 *   (2) Right checksum or not, any bytes are taken: every count is held against the bytes left
 *       before memory is asked for, every number against its limit, and names must be plain.
 *   (3) All memory, the types' too, is the manifest's arena: a half-made tree needs no undoing.
 */
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "snapshot/manifest_decoder.h"

#include <string.h>

static const uint32_t kind_optional = 0x80000000u;

static weir_status
take_job(struct wr_manifest_decoder *decoder)
{
    struct wr_manifest *manifest = decoder->manifest;
    struct wr_cursor *cursor = &decoder->cursor;
    manifest->checkpoint_id = wr_cursor_u64(cursor);
    uint32_t kind = wr_cursor_u32(cursor);
    manifest->trigger_ms = (int64_t)wr_cursor_u64(cursor);
    manifest->complete_ms = (int64_t)wr_cursor_u64(cursor);
    manifest->hash_seed = wr_cursor_u64(cursor);
    if (cursor->failed || kind < WR_CHECKPOINT_PERIODIC || kind > WR_SAVEPOINT_DRAIN) {
        return wr_decoder_fail_malformed(decoder,
                                         "the job's section is cut off, or of no known kind");
    }
    manifest->kind = (enum wr_checkpoint_kind)kind;
    WR_TRY(wr_decoder_id(decoder, manifest->job_id));
    WR_TRY(wr_decoder_id(decoder, manifest->attempt));
    return wr_decoder_text(decoder, &manifest->job_name);
}

/* One section's payload. `is_first`: it must be JOB. */
static weir_status
take_section(struct wr_manifest_decoder *decoder, uint32_t kind, uint32_t version, bool is_first)
{
    struct wr_manifest *manifest = decoder->manifest;
    if (!is_first && (kind & kind_optional) != 0) {
        return WEIR_OK;
    }
    uint32_t newest =
        kind == WR_SECTION_OPERATOR ? WR_SECTION_OPERATOR_VERSION : WR_SECTION_JOB_VERSION;
    if ((kind != WR_SECTION_JOB && kind != WR_SECTION_OPERATOR) || version == 0 ||
        version > newest) {
        return wr_fail(
            decoder->err, WEIR_VERSION,
            "manifest %s at offset %zu: section of kind %u, version %u is not known to this "
            "version of weir",
            decoder->path, decoder->section_at, kind, version);
    }
    decoder->version = version;
    if (is_first != (kind == WR_SECTION_JOB)) {
        return wr_decoder_fail_malformed(
            decoder, "the job's section must be the first one, and the only one");
    }
    if (kind == WR_SECTION_JOB) {
        WR_TRY(take_job(decoder));
    } else {
        struct wr_manifest_operator *op = &manifest->operators[manifest->operator_count];
        WR_TRY(wr_manifest_decode_operator(decoder, op));
        if (wr_manifest_find(manifest, op->id) != NULL) {
            return wr_decoder_fail_malformed(decoder, "the same operator twice");
        }
        manifest->operator_count++;
    }
    if (decoder->cursor.failed || wr_cursor_left(&decoder->cursor) != 0) {
        return wr_decoder_fail_malformed(decoder, "a section is not as long as it says");
    }
    return WEIR_OK;
}

/* The frame around the sections: magic, version, length, checksum. */
static weir_status
check_frame(struct wr_manifest_decoder *decoder, weir_bytes bytes)
{
    const uint8_t *data = bytes.data;
    if (bytes.size < WR_MANIFEST_HEAD_SIZE + sizeof(uint32_t) ||
        memcmp(data, WR_MANIFEST_MAGIC, WR_MANIFEST_MAGIC_SIZE) != 0) {
        return wr_fail(
            decoder->err, WEIR_CORRUPT,
            "manifest %s at offset 0: %zu bytes that are not the manifest of a checkpoint",
            decoder->path, bytes.size);
    }
    uint64_t length = wr_get_u64(data + WR_MANIFEST_LENGTH_AT);
    if (length != bytes.size) {
        return wr_fail(decoder->err, WEIR_CORRUPT,
                       "manifest %s at offset %d: it is %zu bytes long and says %llu",
                       decoder->path, WR_MANIFEST_LENGTH_AT, bytes.size,
                       (unsigned long long)length);
    }
    size_t body = bytes.size - sizeof(uint32_t);
    uint32_t wanted = wr_get_u32(data + body);
    uint32_t crc = wr_crc32c(0, data, body);
    if (crc != wanted) {
        return wr_fail(decoder->err, WEIR_CORRUPT,
                       "manifest %s at offset %zu: checksum %08x, its bytes have %08x",
                       decoder->path, body, wanted, crc);
    }
    uint32_t version = wr_get_u32(data + WR_MANIFEST_MAGIC_SIZE);
    if (version == 0 || version > WR_MANIFEST_VERSION) {
        return wr_fail(decoder->err, WEIR_VERSION,
                       "manifest %s: its format is version %u, this program reads 1 to %d",
                       decoder->path, version, WR_MANIFEST_VERSION);
    }
    return WEIR_OK;
}

static weir_status
take_sections(struct wr_manifest_decoder *decoder, weir_bytes bytes)
{
    struct wr_cursor whole;
    wr_cursor_init(&whole, bytes.data, bytes.size - sizeof(uint32_t));
    (void)wr_cursor_bytes(&whole, WR_MANIFEST_HEAD_SIZE - sizeof(uint32_t) - sizeof(uint64_t));
    uint32_t count = wr_cursor_u32(&whole);
    (void)wr_cursor_u64(&whole);
    struct wr_manifest *manifest = decoder->manifest;
    if (count == 0 || count > wr_cursor_left(&whole) / WR_SECTION_HEAD_SIZE) {
        return wr_decoder_fail_malformed(decoder, "its number of sections is not possible");
    }
    manifest->operators = wr_arena_new(&manifest->arena, count * sizeof *manifest->operators);
    if (manifest->operators == NULL) {
        return wr_decoder_fail_memory(decoder);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = wr_cursor_u32(&whole);
        uint32_t version = wr_cursor_u32(&whole);
        uint64_t length = wr_cursor_u64(&whole);
        decoder->section_at = whole.at;
        const uint8_t *payload = whole.failed || length > wr_cursor_left(&whole)
                                     ? NULL
                                     : wr_cursor_bytes(&whole, (size_t)length);
        wr_cursor_init(&decoder->cursor, payload, payload != NULL ? (size_t)length : 0);
        if (payload == NULL) {
            return wr_decoder_fail_malformed(decoder, "a section is cut off");
        }
        WR_TRY(take_section(decoder, kind, version, i == 0));
    }
    wr_cursor_init(&decoder->cursor, NULL, 0);
    decoder->section_at = whole.at;
    return wr_cursor_left(&whole) == 0
               ? WEIR_OK
               : wr_decoder_fail_malformed(decoder, "bytes behind the last section");
}

weir_status
wr_manifest_decode(struct wr_manifest *manifest, const char *path, weir_bytes bytes,
                   weir_error *err)
{
    struct wr_manifest_decoder decoder = {
        .manifest = manifest,
        .path = path,
        .type_alloc = wr_arena_as_alloc(&manifest->arena),
        .err = err,
    };
    weir_status status = check_frame(&decoder, bytes);
    if (status == WEIR_OK) {
        status = take_sections(&decoder, bytes);
    }
    if (status != WEIR_OK) {
        wr_manifest_fini(manifest); /* empty again, nothing half-made */
    }
    return status;
}

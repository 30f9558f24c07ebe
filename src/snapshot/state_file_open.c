/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_open: opens a state file and checks all but its payloads. Numbers are little-endian.
 *
 *   header                               directory (its place and size: footer)
 *   OFFSET SIZE WHAT                     OFFSET SIZE WHAT
 *    0      8   "WEIRSF01"                0      4   number of states
 *    8      4   version, 2 (or 1)         4      4   flags: 1 has changes; else 0
 *   12      4   header size, 128          8      8   number of blocks
 *   16      8   checkpoint id            16      .   states, as snapshot/descriptor.h has them
 *   24     16   attempt
 *   40     16   operator id               .     40   each block:
 *   56      4   subtask                                 +0 1 kind       +16 8 length
 *   60     64   zero                                    +1 1 zero       +24 8 entries
 *  124      4   CRC32C of 0..123                        +2 2 state      +32 4 CRC32C of the payload
 *                                                       +4 4 key group  +36 4 zero
 *   footer                                              +8 8 offset
 *    0      8   directory offset          .      4   CRC32C of all of the directory before
 *    8      8   directory size
 *   16      8   checkpoint id            Payloads stand back to back between header and directory,
 *   24     16   operator id              in the order of the directory.
 *   40      4   subtask
 *   44      4   the header's CRC32C: binds the attempt
 *   48      4   version, as in the header
 *   52      4   CRC32C of 0..51
 *   56      8   "WEIRSFEN"
 *
 * Invariants:
 *   (1) Nothing is believed before its checksum and identity hold: footer, directory, header.
 *   (2) Blocks tile the space between header and directory: no byte of the file is uncovered.
 *   (3) Memory asked for is bounded by the file's size, whatever it says of itself.
 */
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "os/file.h"
#include "snapshot/descriptor.h"
#include "snapshot/state_file_ahead.h"
#include "snapshot/state_file_reader.h"
#include "types/key_group.h"

#include <string.h>

enum {
    PAYLOADS_START = WR_HEADER_SIZE
};

static weir_status
fail_at(weir_block_reader *reader, uint64_t offset, const char *words, weir_error *err)
{
    return wr_fail(err, WEIR_CORRUPT,
                   "state file %s at offset %llu: %s; restore an older checkpoint", reader->path,
                   (unsigned long long)(offset), words);
}

static weir_status
check_length(weir_block_reader *reader, weir_error *err)
{
    uint64_t size = reader->bytes.size;
    if (reader->bytes.data == NULL) {
        WR_TRY(wr_file_size(reader->os, reader->file, reader->path, &size, err));
    }
    if (size != reader->size) {
        return wr_fail(err, WEIR_CORRUPT,
                       "state file %s is %llu bytes long, its manifest says %llu; restore an older "
                       "checkpoint",
                       reader->path, (unsigned long long)(size),
                       (unsigned long long)(reader->size));
    }
    if (size < WR_HEADER_SIZE + WR_DIRECTORY_HEAD_SIZE + sizeof(uint32_t) + WR_FOOTER_SIZE) {
        return fail_at(reader, 0, "too short to be a state file", err);
    }
    return WEIR_OK;
}

/* Whose the file is, by the words of the footer or header. */
static weir_status
check_identity(weir_block_reader *reader, uint64_t offset, uint64_t checkpoint_id,
               const uint8_t *operator_id, uint32_t subtask, weir_error *err)
{
    const struct wr_state_file_identity *wanted = &reader->identity;
    if (checkpoint_id != wanted->checkpoint_id) {
        return wr_fail(
            err, WEIR_CORRUPT,
            "state file %s at offset %llu: it is of checkpoint %llu, its manifest of %llu",
            reader->path, (unsigned long long)(offset), (unsigned long long)(checkpoint_id),
            (unsigned long long)(wanted->checkpoint_id));
    }
    if (memcmp(operator_id, wanted->operator_id, sizeof wanted->operator_id) != 0) {
        return fail_at(reader, offset, "it is of another operator than its manifest says", err);
    }
    if (subtask != wanted->subtask) {
        return wr_fail(err, WEIR_CORRUPT,
                       "state file %s at offset %llu: it is of subtask %u, its manifest says %u",
                       reader->path, (unsigned long long)(offset), subtask, wanted->subtask);
    }
    return WEIR_OK;
}

static weir_status
check_version(weir_block_reader *reader, uint64_t offset, uint32_t version, weir_error *err)
{
    if (version == 0 || version > WR_STATE_FILE_VERSION) {
        return wr_fail(
            err, WEIR_VERSION,
            "state file %s at offset %llu: its format is version %u, this program reads 1 to %d",
            reader->path, (unsigned long long)(offset), version, WR_STATE_FILE_VERSION);
    }
    return WEIR_OK;
}

static weir_status
read_footer(weir_block_reader *reader, uint64_t *out_directory_size, weir_error *err)
{
    uint8_t footer[WR_FOOTER_SIZE];
    uint64_t at = reader->size - WR_FOOTER_SIZE;
    WR_TRY(wr_reader_exactly(reader, footer, sizeof footer, at, err));
    if (memcmp(footer + WR_FOOTER_MAGIC, WR_STATE_FILE_FOOTER_MAGIC, WR_STATE_FILE_MAGIC_SIZE) !=
        0) {
        return fail_at(reader, at + WR_FOOTER_MAGIC, "not the end of a state file", err);
    }
    if (wr_get_u32(footer + WR_FOOTER_CRC) != wr_crc32c(0, footer, WR_FOOTER_CRC)) {
        return fail_at(reader, at, "the footer fails its checksum", err);
    }
    WR_TRY(check_version(reader, at, wr_get_u32(footer + WR_FOOTER_VERSION), err));
    WR_TRY(check_identity(reader, at, wr_get_u64(footer + WR_FOOTER_CHECKPOINT),
                          footer + WR_FOOTER_OPERATOR, wr_get_u32(footer + WR_FOOTER_SUBTASK),
                          err));
    uint64_t offset = wr_get_u64(footer + WR_FOOTER_DIRECTORY_OFFSET);
    uint64_t size = wr_get_u64(footer + WR_FOOTER_DIRECTORY_SIZE);
    if (offset < PAYLOADS_START || offset > at || size != at - offset ||
        size < WR_DIRECTORY_HEAD_SIZE + sizeof(uint32_t)) {
        return fail_at(reader, at, "the directory does not fit into the file", err);
    }
    reader->directory_offset = offset;
    reader->footer_header_crc = wr_get_u32(footer + WR_FOOTER_HEADER_CRC);
    *out_directory_size = size;
    return WEIR_OK;
}

static weir_status
read_header(weir_block_reader *reader, weir_error *err)
{
    static const uint8_t zeros[WR_HEADER_CRC - WR_HEADER_RESERVED];
    uint8_t header[WR_HEADER_SIZE];
    WR_TRY(wr_reader_exactly(reader, header, sizeof header, 0, err));
    if (memcmp(header, WR_STATE_FILE_MAGIC, WR_STATE_FILE_MAGIC_SIZE) != 0) {
        return fail_at(reader, 0, "not a state file", err);
    }
    uint32_t crc = wr_get_u32(header + WR_HEADER_CRC);
    if (crc != wr_crc32c(0, header, WR_HEADER_CRC) || crc != reader->footer_header_crc) {
        return fail_at(reader, 0, "the header fails its checksum", err);
    }
    WR_TRY(check_version(reader, 0, wr_get_u32(header + WR_HEADER_VERSION), err));
    WR_TRY(check_identity(reader, 0, wr_get_u64(header + WR_HEADER_CHECKPOINT),
                          header + WR_HEADER_OPERATOR, wr_get_u32(header + WR_HEADER_SUBTASK),
                          err));
    if (memcmp(header + WR_HEADER_ATTEMPT, reader->identity.attempt, 16) != 0) {
        return fail_at(reader, WR_HEADER_ATTEMPT, "it is of another attempt than its manifest says",
                       err);
    }
    if (wr_get_u32(header + WR_HEADER_OWN_SIZE) != WR_HEADER_SIZE ||
        memcmp(header + WR_HEADER_RESERVED, zeros, sizeof zeros) != 0) {
        return fail_at(reader, WR_HEADER_RESERVED, "bytes that must be zero are not", err);
    }
    return WEIR_OK;
}

static weir_status
parse_state(weir_block_reader *reader, struct wr_cursor *cursor, weir_state_descriptor *state,
            weir_error *err)
{
    uint64_t at = reader->directory_offset + cursor->at;
    weir_alloc alloc = wr_arena_as_alloc(&reader->arena);
    weir_status status = wr_descriptor_decode(&alloc, cursor, true, state, err);
    if (status != WEIR_OK) {
        return wr_fail_context(err, status, "state file %s at offset %llu: ", reader->path,
                               (unsigned long long)at);
    }
    return WEIR_OK;
}

static weir_status
parse_states(weir_block_reader *reader, struct wr_cursor *cursor, uint32_t count, weir_error *err)
{
    if (count > wr_cursor_left(cursor) / WR_DESCRIPTOR_SIZE_MIN) {
        return fail_at(reader, reader->directory_offset, "more states than its directory can hold",
                       err);
    }
    reader->states = wr_arena_new(&reader->arena, count * sizeof *reader->states);
    if (reader->states == NULL) {
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory for its directory", reader->path);
    }
    reader->state_count = count;
    for (uint32_t i = 0; i < count; i++) {
        WR_TRY(parse_state(reader, cursor, &reader->states[i], err));
    }
    return WEIR_OK;
}

/* A block that could have been written: of a state that is there, and of its kind. */
static bool
is_sane_block(const weir_block_reader *reader, const uint8_t *entry)
{
    uint16_t state = wr_get_u16(entry + WR_BLOCK_ENTRY_STATE);
    if (state >= reader->state_count || entry[1] != 0 ||
        wr_get_u32(entry + WR_BLOCK_ENTRY_RESERVED) != 0 ||
        wr_get_u32(entry + WR_BLOCK_ENTRY_KEY_GROUP) >= WR_MAX_PARALLELISM_LIMIT) {
        return false;
    }
    const weir_state_descriptor *descriptor = &reader->states[state];
    bool is_keyed = wr_state_kind_is_keyed(descriptor->kind, descriptor->list_mode);
    switch (entry[WR_BLOCK_ENTRY_KIND]) {
    case WEIR_BLOCK_RECORDS:
    case WEIR_BLOCK_IMAGE:
        return is_keyed;
    case WEIR_BLOCK_CHANGES:
        return is_keyed && reader->has_changes;
    case WEIR_BLOCK_LIST:
        return !is_keyed && descriptor->kind == WEIR_STATE_LIST;
    case WEIR_BLOCK_MAP:
        return descriptor->kind == WEIR_STATE_BROADCAST;
    default:
        return false;
    }
}

/* Blocks must follow each other without gap from the header to the directory. */
static weir_status
check_blocks(weir_block_reader *reader, weir_error *err)
{
    uint64_t at = PAYLOADS_START;
    for (uint64_t i = 0; i < reader->block_count; i++) {
        const uint8_t *entry = wr_reader_entry(reader, i);
        uint64_t size = wr_get_u64(entry + WR_BLOCK_ENTRY_LENGTH);
        if (!is_sane_block(reader, entry) || wr_get_u64(entry + WR_BLOCK_ENTRY_OFFSET) != at ||
            size > reader->directory_offset - at ||
            (size == 0 && wr_get_u32(entry + WR_BLOCK_ENTRY_CRC) != 0)) {
            return fail_at(reader, reader->directory_offset,
                           "the directory's entry of a block is malformed", err);
        }
        at += size;
    }
    if (at != reader->directory_offset) {
        return fail_at(reader, at, "bytes that belong to no block", err);
    }
    return WEIR_OK;
}

static weir_status
read_directory(weir_block_reader *reader, uint64_t size, weir_error *err)
{
    uint8_t *bytes = wr_buffer_extend(&reader->directory, (size_t)size);
    if (bytes == NULL) {
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory for its directory", reader->path);
    }
    WR_TRY(wr_reader_exactly(reader, bytes, (size_t)size, reader->directory_offset, err));
    size_t body = (size_t)size - sizeof(uint32_t);
    if (wr_get_u32(bytes + body) != wr_crc32c(0, bytes, body)) {
        return fail_at(reader, reader->directory_offset, "the directory fails its checksum", err);
    }
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, bytes, body);
    uint32_t state_count = wr_cursor_u32(&cursor);
    uint32_t flags = wr_cursor_u32(&cursor);
    if (flags != (reader->has_changes ? (uint32_t)WR_DIRECTORY_HAS_CHANGES : 0)) {
        return fail_at(reader, reader->directory_offset,
                       "its manifest says otherwise whether it holds changes or all", err);
    }
    reader->block_count = wr_cursor_u64(&cursor);
    WR_TRY(parse_states(reader, &cursor, state_count, err));
    size_t left = wr_cursor_left(&cursor);
    if (left % WR_BLOCK_ENTRY_SIZE != 0 || reader->block_count != left / WR_BLOCK_ENTRY_SIZE) {
        return fail_at(reader, reader->directory_offset, "the directory's counts are wrong", err);
    }
    reader->blocks = wr_cursor_bytes(&cursor, left);
    return check_blocks(reader, err);
}

static weir_status
open_file(weir_block_reader *reader, weir_error *err)
{
    weir_status status = wr_file_open(reader->os, reader->path, WR_OPEN_READ, &reader->file, err);
    if (status != WEIR_OK) {
        reader->file = -1;
        return status != WEIR_NOT_FOUND
                   ? status
                   : wr_fail(
                         err, WEIR_CORRUPT,
                         "state file %s is not there, but its manifest names it; restore an older "
                         "checkpoint",
                         reader->path);
    }
    return WEIR_OK;
}

/* An engine's file, whole: what it holds, only the engine knows. */
static weir_status
check_engine_file(weir_block_reader *reader, const struct wr_restore_engine_file *file,
                  weir_error *err)
{
    int source = -1;
    uint64_t size = 0;
    uint32_t crc = 0;
    weir_status status = wr_file_open(reader->os, file->path, WR_OPEN_READ, &source, err);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s is not there, but its manifest names it; restore an older checkpoint",
                       file->path);
    }
    WR_TRY(status);
    for (size_t count = WR_WINDOW_SIZE; status == WEIR_OK && count == WR_WINDOW_SIZE;
         size += count) {
        status = wr_file_read_at(reader->os, source, file->path, reader->window, WR_WINDOW_SIZE,
                                 size, &count, err);
        count = status == WEIR_OK ? count : 0;
        crc = wr_crc32c(crc, reader->window, count);
        wr_reader_count(reader, count);
    }
    wr_file_close(reader->os, source);
    WR_TRY(status);
    if (size != file->size || crc != file->crc) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s at offset 0: %llu bytes of CRC32C %08x, its manifest says %llu of %08x; "
                       "restore an older checkpoint",
                       file->path, (unsigned long long)size, crc, (unsigned long long)file->size,
                       file->crc);
    }
    return WEIR_OK;
}

static weir_status
open_and_check(weir_block_reader *reader, weir_error *err)
{
    if (reader->bytes.data == NULL) {
        WR_TRY(open_file(reader, err));
    }
    uint64_t directory_size = 0;
    WR_TRY(check_length(reader, err));
    WR_TRY(read_footer(reader, &directory_size, err));
    WR_TRY(read_directory(reader, directory_size, err));
    WR_TRY(read_header(reader, err));
    for (size_t i = 0; i < reader->engine_file_count; i++) {
        WR_TRY(check_engine_file(reader, &reader->engine_files[i], err));
    }
    return WEIR_OK;
}

weir_status
wr_state_file_open(const struct wr_state_file_open *parameters, weir_block_reader **out_reader,
                   weir_error *err)
{
    weir_block_reader *reader = wr_memory_new(&parameters->alloc, sizeof *reader);
    if (reader == NULL) {
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory to read it", parameters->path);
    }
    reader->os = parameters->os;
    reader->alloc = parameters->alloc;
    reader->identity = parameters->identity;
    reader->size = parameters->size;
    reader->crc = parameters->crc;
    reader->key_group_first = parameters->key_group_first;
    reader->key_group_last = parameters->key_group_last;
    reader->file = -1;
    reader->bytes = parameters->is_inlined ? parameters->bytes : weir_bytes_of(NULL, 0);
    reader->has_changes = parameters->has_changes;
    reader->engine_files = parameters->engine_files;
    reader->engine_file_count = parameters->engine_file_count;
    reader->read_bytes = parameters->read_bytes;
    reader->ahead_size =
        parameters->ahead_size != 0 ? parameters->ahead_size : (size_t)WR_AHEAD_SIZE;
    reader->writer_key_group_first = parameters->writer_key_group_first;
    reader->writer_key_group_last = parameters->writer_key_group_last;
    wr_arena_init(&reader->arena, &reader->alloc);
    wr_buffer_init(&reader->directory, &reader->alloc);
    reader->path = wr_arena_copy_text(&reader->arena, parameters->path);
    reader->window = wr_memory_resize(&reader->alloc, NULL, 0, WR_WINDOW_SIZE);
    weir_status status;
    if (reader->path == NULL || reader->window == NULL) {
        status = wr_fail(err, WEIR_NOMEM, "state file %s: no memory to read it", parameters->path);
    } else {
        status = open_and_check(reader, err);
    }
    if (status != WEIR_OK) {
        wr_state_file_close(reader);
        return status;
    }
    *out_reader = reader;
    return WEIR_OK;
}

void
wr_state_file_close(weir_block_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    wr_state_file_ahead_close(reader->ahead);
    if (reader->file >= 0) {
        wr_file_close(reader->os, reader->file);
    }
    weir_alloc alloc = reader->alloc;
    wr_memory_free(&alloc, reader->window, WR_WINDOW_SIZE);
    wr_buffer_fini(&reader->directory);
    wr_arena_fini(&reader->arena);
    wr_memory_free(&alloc, reader, sizeof *reader);
}

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
#include "base/check.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "snapshot/descriptor.h"
#include "snapshot/manifest_format.h"
#include "types/encode.h"
#include "types/key_group.h"

#include <string.h>

static const uint32_t kind_optional = 0x80000000u;

struct decoder {
    struct wr_manifest *manifest;
    const char *path;
    struct wr_cursor cursor; /* over the section */
    size_t section_at;       /* its place in the whole */
    weir_alloc type_alloc;
    uint32_t version; /* of the section */
    weir_error *err;
};

/* --- pieces --- */

static weir_status
fail_malformed(struct decoder *decoder, const char *words)
{
    return wr_fail(decoder->err, WEIR_CORRUPT, "manifest %s at offset %llu: %s", decoder->path,
                   (unsigned long long)(decoder->section_at + decoder->cursor.at), words);
}

static weir_status
fail_memory(struct decoder *decoder)
{
    return wr_fail(decoder->err, WEIR_NOMEM, "manifest %s: no memory to read it", decoder->path);
}

static weir_status
take_text(struct decoder *decoder, const char **out_text)
{
    weir_bytes text = wr_cursor_text(&decoder->cursor);
    if (decoder->cursor.failed || text.size > WR_MANIFEST_TEXT_MAX ||
        (text.size > 0 && memchr(text.data, 0, text.size) != NULL)) {
        return fail_malformed(decoder, "a text is cut off, too long or has a NUL in it");
    }
    char *copy = wr_arena_new(&decoder->manifest->arena, text.size + 1);
    if (copy == NULL) {
        return fail_memory(decoder);
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    *out_text = copy;
    return WEIR_OK;
}

static weir_status
take_id(struct decoder *decoder, char out_id[WR_JOB_ID_SIZE])
{
    const uint8_t *digits = wr_cursor_bytes(&decoder->cursor, WR_JOB_ID_SIZE - 1);
    if (digits != NULL) {
        memcpy(out_id, digits, WR_JOB_ID_SIZE - 1);
        out_id[WR_JOB_ID_SIZE - 1] = '\0';
    }
    if (digits == NULL || !wr_is_hex_id(out_id)) {
        return fail_malformed(decoder, "an id is not 32 hex digits");
    }
    return WEIR_OK;
}

static weir_status
take_type(struct decoder *decoder, const weir_type **out_type)
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

/* A count of things that take `size_min` bytes each, and zeroed memory for so many of `size` bytes.
 */
static weir_status
take_array(struct decoder *decoder, size_t size_min, size_t size, uint32_t *out_count,
           void **out_array)
{
    uint32_t count = wr_cursor_u32(&decoder->cursor);
    if (decoder->cursor.failed || count > wr_cursor_left(&decoder->cursor) / size_min) {
        return fail_malformed(decoder, "a count is larger than what follows");
    }
    *out_array = wr_arena_new(&decoder->manifest->arena, count * size);
    if (*out_array == NULL) {
        return fail_memory(decoder);
    }
    *out_count = count;
    return WEIR_OK;
}

/* --- sections --- */

static weir_status
take_job(struct decoder *decoder)
{
    struct wr_manifest *manifest = decoder->manifest;
    struct wr_cursor *cursor = &decoder->cursor;
    manifest->checkpoint_id = wr_cursor_u64(cursor);
    uint32_t kind = wr_cursor_u32(cursor);
    manifest->trigger_ms = (int64_t)wr_cursor_u64(cursor);
    manifest->complete_ms = (int64_t)wr_cursor_u64(cursor);
    manifest->hash_seed = wr_cursor_u64(cursor);
    if (cursor->failed || kind < WR_CHECKPOINT_PERIODIC || kind > WR_SAVEPOINT_DRAIN) {
        return fail_malformed(decoder, "the job's section is cut off, or of no known kind");
    }
    manifest->kind = (enum wr_checkpoint_kind)kind;
    WR_TRY(take_id(decoder, manifest->job_id));
    WR_TRY(take_id(decoder, manifest->attempt));
    return take_text(decoder, &manifest->job_name);
}

static weir_status
take_state(struct decoder *decoder, struct wr_manifest_state *state)
{
    size_t at = decoder->section_at + decoder->cursor.at;
    weir_state_descriptor descriptor;
    weir_status status = wr_descriptor_decode(&decoder->type_alloc, &decoder->cursor,
                                              decoder->version > 1, &descriptor, decoder->err);
    if (status != WEIR_OK) {
        return wr_fail_context(decoder->err, status, "manifest %s at offset %llu: ", decoder->path,
                               (unsigned long long)at);
    }
    wr_assert(state != NULL); /* its array was made for its count */
    *state = (struct wr_manifest_state){ .name = descriptor.name,
                                         .kind = descriptor.kind,
                                         .list_mode = descriptor.list_mode,
                                         .type = descriptor.type,
                                         .map_key_type = descriptor.map_key_type,
                                         .namespace_type = descriptor.namespace_type,
                                         .has_timestamps = descriptor.has_timestamps };
    return WEIR_OK;
}

static weir_status
take_lists(struct decoder *decoder, const struct wr_manifest_operator *op,
           struct wr_manifest_subtask *subtask)
{
    enum {
        LIST_SIZE = 12
    };
    void *lists = NULL;
    WR_TRY(take_array(decoder, LIST_SIZE, sizeof *subtask->lists, &subtask->list_count, &lists));
    subtask->lists = lists;
    wr_assert(lists != NULL || subtask->list_count == 0);
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        subtask->lists[i].state = wr_cursor_u32(&decoder->cursor);
        subtask->lists[i].count = wr_cursor_u64(&decoder->cursor);
        uint32_t state = subtask->lists[i].state;
        if (state >= op->state_count ||
            wr_state_kind_is_keyed(op->states[state].kind, op->states[state].list_mode)) {
            return fail_malformed(decoder, "elements of a state that is no operator state");
        }
    }
    return WEIR_OK;
}

/* Version 1: one file, this checkpoint's own. */
static weir_status
take_single_file(struct decoder *decoder, struct wr_manifest_subtask *subtask)
{
    const struct wr_manifest *manifest = decoder->manifest;
    struct wr_manifest_file *file = wr_arena_new(&decoder->manifest->arena, sizeof *file);
    if (file == NULL) {
        return fail_memory(decoder);
    }
    file->role = WR_FILE_BLOCKS;
    file->name = "";
    file->checkpoint_id = manifest->checkpoint_id;
    wr_hex_id_bytes(manifest->attempt, file->attempt);
    WR_TRY(take_text(decoder, &file->path));
    file->size = wr_cursor_u64(&decoder->cursor);
    file->crc = wr_cursor_u32(&decoder->cursor);
    subtask->files = file;
    subtask->file_count = 1;
    bool is_plain = file->path[0] != '\0' && wr_manifest_file_is_sound(file);
    return is_plain ? WEIR_OK
                    : fail_malformed(decoder, "a file's name is not plain: [A-Za-z0-9._-]+");
}

/* The bytes of an inlined file, copied into the arena. */
static weir_status
take_inlined(struct decoder *decoder, struct wr_manifest_file *file)
{
    if (file->size > wr_cursor_left(&decoder->cursor)) {
        return fail_malformed(decoder, "an inlined file is larger than what follows");
    }
    const uint8_t *bytes = wr_cursor_bytes(&decoder->cursor, (size_t)file->size);
    uint8_t *copy = wr_arena_new(&decoder->manifest->arena, (size_t)file->size);
    if (copy == NULL) {
        return fail_memory(decoder);
    }
    if (file->size > 0) {
        memcpy(copy, bytes, (size_t)file->size);
    }
    file->bytes = weir_bytes_of(copy, (size_t)file->size);
    return WEIR_OK;
}

static weir_status
take_file(struct decoder *decoder, struct wr_manifest_file *file)
{
    struct wr_cursor *cursor = &decoder->cursor;
    wr_assert(file != NULL);
    file->role = (enum wr_manifest_file_role)wr_cursor_u8(cursor);
    unsigned flags = wr_cursor_u8(cursor);
    uint16_t zero = wr_cursor_u16(cursor);
    WR_TRY(take_text(decoder, &file->path));
    WR_TRY(take_text(decoder, &file->name));
    file->size = wr_cursor_u64(cursor);
    file->crc = wr_cursor_u32(cursor);
    file->checkpoint_id = wr_cursor_u64(cursor);
    const uint8_t *attempt = wr_cursor_bytes(cursor, sizeof file->attempt);
    bool is_inlined = (flags & WR_FILE_FLAG_INLINED) != 0;
    if (attempt == NULL || zero != 0 || is_inlined != (file->path[0] == '\0') ||
        flags > (WR_FILE_FLAG_SHARED | WR_FILE_FLAG_CHANGES | WR_FILE_FLAG_INLINED)) {
        return fail_malformed(decoder, "a file is cut off, or has unknown flags");
    }
    memcpy(file->attempt, attempt, sizeof file->attempt);
    file->is_shared = (flags & WR_FILE_FLAG_SHARED) != 0;
    file->has_changes = (flags & WR_FILE_FLAG_CHANGES) != 0;
    if (is_inlined) {
        WR_TRY(take_inlined(decoder, file));
    }
    if (!wr_manifest_file_is_sound(file)) {
        return fail_malformed(decoder, "a file's name or place is not one of ours");
    }
    return WEIR_OK;
}

static weir_status
take_files(struct decoder *decoder, struct wr_manifest_subtask *subtask)
{
    enum {
        FILE_SIZE_MIN = 48
    };
    void *files = NULL;
    WR_TRY(
        take_array(decoder, FILE_SIZE_MIN, sizeof *subtask->files, &subtask->file_count, &files));
    subtask->files = files;
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        WR_TRY(take_file(decoder, &subtask->files[i]));
    }
    if (subtask->file_count != 0 && wr_manifest_own_file(subtask) == NULL) {
        return fail_malformed(decoder, "a subtask has files but no state file");
    }
    return WEIR_OK;
}

static weir_status
take_subtask(struct decoder *decoder, const struct wr_manifest_operator *op,
             struct wr_manifest_subtask *subtask)
{
    struct wr_cursor *cursor = &decoder->cursor;
    wr_assert(subtask != NULL);
    subtask->index = wr_cursor_u32(cursor);
    uint32_t flags = wr_cursor_u32(cursor);
    uint32_t known = WR_SUBTASK_FINISHED;
    known |= decoder->version == 1 ? (uint32_t)WR_SUBTASK_HAS_FILE : 0;
    bool is_in_order = subtask == op->subtasks || subtask->index > subtask[-1].index;
    if (cursor->failed || subtask->index >= op->parallelism || !is_in_order ||
        (flags & ~known) != 0) {
        return fail_malformed(decoder, "a subtask is out of order, or has unknown flags");
    }
    subtask->finished = (flags & WR_SUBTASK_FINISHED) != 0;
    if (decoder->version > 1) {
        WR_TRY(take_files(decoder, subtask));
    } else if ((flags & WR_SUBTASK_HAS_FILE) != 0) {
        WR_TRY(take_single_file(decoder, subtask));
    }
    subtask->key_group_first = wr_cursor_u32(cursor);
    subtask->key_group_last = wr_cursor_u32(cursor);
    if (subtask->key_group_first <= subtask->key_group_last &&
        subtask->key_group_last >= op->max_parallelism) {
        return fail_malformed(decoder, "a key group that the operator does not have");
    }
    return take_lists(decoder, op, subtask);
}

static weir_status
take_operator(struct decoder *decoder, struct wr_manifest_operator *op)
{
    enum {
        STATE_SIZE_MIN = 8,
        SUBTASK_SIZE_MIN = 20
    };
    struct wr_cursor *cursor = &decoder->cursor;
    const uint8_t *id = wr_cursor_bytes(cursor, sizeof op->id);
    if (id == NULL) {
        return fail_malformed(decoder, "an operator's section is cut off");
    }
    memcpy(op->id, id, sizeof op->id);
    WR_TRY(take_text(decoder, &op->uid));
    WR_TRY(take_text(decoder, &op->name));
    WR_TRY(take_text(decoder, &op->backend));
    op->parallelism = wr_cursor_u32(cursor);
    op->max_parallelism = wr_cursor_u32(cursor);
    uint8_t is_keyed = wr_cursor_u8(cursor);
    if (cursor->failed || op->parallelism == 0 || op->parallelism > op->max_parallelism ||
        op->max_parallelism > WR_MAX_PARALLELISM_LIMIT || is_keyed > 1) {
        return fail_malformed(decoder, "an operator's parallelism is not possible");
    }
    if (is_keyed != 0) {
        WR_TRY(take_type(decoder, &op->key_type));
    }
    void *array = NULL;
    WR_TRY(take_array(decoder, STATE_SIZE_MIN, sizeof *op->states, &op->state_count, &array));
    op->states = array;
    for (uint32_t i = 0; i < op->state_count; i++) {
        WR_TRY(take_state(decoder, &op->states[i]));
    }
    WR_TRY(take_array(decoder, SUBTASK_SIZE_MIN, sizeof *op->subtasks, &op->subtask_count, &array));
    op->subtasks = array;
    for (uint32_t i = 0; i < op->subtask_count; i++) {
        WR_TRY(take_subtask(decoder, op, &op->subtasks[i]));
    }
    return WEIR_OK;
}

/* One section's payload. `is_first`: it must be JOB. */
static weir_status
take_section(struct decoder *decoder, uint32_t kind, uint32_t version, bool is_first)
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
        return fail_malformed(decoder, "the job's section must be the first one, and the only one");
    }
    if (kind == WR_SECTION_JOB) {
        WR_TRY(take_job(decoder));
    } else {
        struct wr_manifest_operator *op = &manifest->operators[manifest->operator_count];
        WR_TRY(take_operator(decoder, op));
        if (wr_manifest_find(manifest, op->id) != NULL) {
            return fail_malformed(decoder, "the same operator twice");
        }
        manifest->operator_count++;
    }
    if (decoder->cursor.failed || wr_cursor_left(&decoder->cursor) != 0) {
        return fail_malformed(decoder, "a section is not as long as it says");
    }
    return WEIR_OK;
}

/* The frame around the sections: magic, version, length, checksum. */
static weir_status
check_frame(struct decoder *decoder, weir_bytes bytes)
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
take_sections(struct decoder *decoder, weir_bytes bytes)
{
    struct wr_cursor whole;
    wr_cursor_init(&whole, bytes.data, bytes.size - sizeof(uint32_t));
    (void)wr_cursor_bytes(&whole, WR_MANIFEST_HEAD_SIZE - sizeof(uint32_t) - sizeof(uint64_t));
    uint32_t count = wr_cursor_u32(&whole);
    (void)wr_cursor_u64(&whole);
    struct wr_manifest *manifest = decoder->manifest;
    if (count == 0 || count > wr_cursor_left(&whole) / WR_SECTION_HEAD_SIZE) {
        return fail_malformed(decoder, "its number of sections is not possible");
    }
    manifest->operators = wr_arena_new(&manifest->arena, count * sizeof *manifest->operators);
    if (manifest->operators == NULL) {
        return fail_memory(decoder);
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
            return fail_malformed(decoder, "a section is cut off");
        }
        WR_TRY(take_section(decoder, kind, version, i == 0));
    }
    wr_cursor_init(&decoder->cursor, NULL, 0);
    decoder->section_at = whole.at;
    return wr_cursor_left(&whole) == 0 ? WEIR_OK
                                       : fail_malformed(decoder, "bytes behind the last section");
}

weir_status
wr_manifest_decode(struct wr_manifest *manifest, const char *path, weir_bytes bytes,
                   weir_error *err)
{
    struct decoder decoder = {
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

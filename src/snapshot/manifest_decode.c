/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_decode: the manifest of a native checkpoint, from the bytes of its `_metadata`.
 * Numbers are little-endian.
 *
 *   OFFSET SIZE WHAT                       a text: u32 length, bytes, no NUL among them
 *    0      8   "WEIRMF01"                 a type: as types/encode.h has it
 *    8      4   version, 1
 *   12      4   number of sections         section OPERATOR (2, version 1), any number
 *   16      8   length of the whole        16 operator id       4 number of states, each:
 *   24      .   sections                    . text uid            1 kind
 *    .      4   CRC32C of all before        . text name           1 list mode
 *                                           . text backend        . text name
 *   section                                 4 parallelism         . type
 *    0      4   kind                        4 max parallelism   4 number of subtasks, each:
 *    4      4   version                     1 1: key type         4 index, ascending
 *    8      8   length of the payload       . type if so          4 flags: 1 finished, 2 file
 *   16      .   payload                                           . text file     (flag 2)
 *                                                                 8 its length    (flag 2)
 *   section JOB (1, version 1), the first                         4 its CRC32C    (flag 2)
 *    8   checkpoint id                                            4 first key group
 *    4   kind: 1 periodic, 2 stop, 3 final                        4 last key group
 *    8   trigger, ms since 1970                                   4 number of lists, each:
 *    8   completion, ms since 1970                                  4 number of the state
 *    8   hash seed                                                  8 elements
 *   32   job id, hex digits
 *   32   attempt, hex digits
 *    .   text job name
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
    weir_error *err;
};

/* --- the arena as an allocator: freeing is left to the arena --- */

static void *
arena_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct wr_arena *arena = ctx;
    if (new_size == 0 || (ptr != NULL && new_size <= old_size)) {
        return new_size == 0 ? NULL : ptr;
    }
    void *place = wr_arena_new(arena, new_size);
    if (place != NULL && ptr != NULL) {
        memcpy(place, ptr, old_size);
    }
    return place;
}

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
    if (cursor->failed || kind < WR_CHECKPOINT_PERIODIC || kind > WR_CHECKPOINT_FINAL) {
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
    uint8_t kind = wr_cursor_u8(&decoder->cursor);
    uint8_t mode = wr_cursor_u8(&decoder->cursor);
    bool is_value = kind == WEIR_STATE_VALUE && mode == WEIR_LIST_NONE;
    bool is_list = kind == WEIR_STATE_LIST && (mode == WEIR_LIST_SPLIT || mode == WEIR_LIST_UNION);
    if (!is_value && !is_list) {
        return fail_malformed(decoder, "a state is of no known kind");
    }
    wr_assert(state != NULL); /* its array was made for its count */
    state->kind = (weir_state_kind)kind;
    state->list_mode = (weir_list_mode)mode;
    WR_TRY(take_text(decoder, &state->name));
    return take_type(decoder, &state->type);
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
        if (state >= op->state_count || op->states[state].kind != WEIR_STATE_LIST) {
            return fail_malformed(decoder, "a list of a state that is none");
        }
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
    bool is_in_order = subtask == op->subtasks || subtask->index > subtask[-1].index;
    if (cursor->failed || subtask->index >= op->parallelism || !is_in_order ||
        (flags & ~(uint32_t)(WR_SUBTASK_FINISHED | WR_SUBTASK_HAS_FILE)) != 0) {
        return fail_malformed(decoder, "a subtask is out of order, or has unknown flags");
    }
    subtask->finished = (flags & WR_SUBTASK_FINISHED) != 0;
    if ((flags & WR_SUBTASK_HAS_FILE) != 0) {
        WR_TRY(take_text(decoder, &subtask->file));
        if (!wr_is_plain_name(subtask->file)) {
            return fail_malformed(decoder, "a file's name is not plain: [A-Za-z0-9._-]+");
        }
        subtask->file_size = wr_cursor_u64(cursor);
        subtask->file_crc = wr_cursor_u32(cursor);
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
    if ((kind != WR_SECTION_JOB && kind != WR_SECTION_OPERATOR) || version != WR_SECTION_VERSION) {
        return wr_fail(
            decoder->err, WEIR_VERSION,
            "manifest %s at offset %zu: section of kind %u, version %u is not known to this "
            "version of weir",
            decoder->path, decoder->section_at, kind, version);
    }
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
    if (version != WR_MANIFEST_VERSION) {
        return wr_fail(decoder->err, WEIR_VERSION,
                       "manifest %s: its format is version %u, this program reads %d",
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
        .type_alloc = { .resize = arena_resize, .ctx = &manifest->arena },
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

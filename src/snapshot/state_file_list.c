/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_list: what is read of a state file in one go: operator lists, broadcast maps, and the
 * whole file's checksum.
 *
 * Elements reach the caller one by one, so their block is read twice: first for the checksum alone,
 * since an element must not be believed before, then for the elements.
 */
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "snapshot/state_file_reader.h"

#include <string.h>

weir_status
wr_state_file_verify(weir_block_reader *reader, weir_error *err)
{
    uint8_t *bytes = wr_memory_resize(&reader->alloc, NULL, 0, WR_WINDOW_SIZE);
    if (bytes == NULL) {
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory to read it", reader->path);
    }
    weir_status status = WEIR_OK;
    uint32_t crc = 0;
    for (uint64_t at = 0; at < reader->size && status == WEIR_OK;) {
        uint64_t left = reader->size - at;
        size_t part = left < WR_WINDOW_SIZE ? (size_t)left : (size_t)WR_WINDOW_SIZE;
        status = wr_reader_exactly(reader, bytes, part, at, err);
        crc = wr_crc32c(crc, bytes, part);
        at += part;
    }
    wr_memory_free(&reader->alloc, bytes, WR_WINDOW_SIZE);
    if (status == WEIR_OK && crc != reader->crc) {
        status =
            wr_fail(err, WEIR_CORRUPT,
                    "state file %s: its CRC32C is %08x, its manifest says %08x; restore an older "
                    "checkpoint",
                    reader->path, crc, reader->crc);
    }
    return status;
}

/* Reads the current block to its end, so that its checksum is known before anything is given out.
 */
static weir_status
verify_block(weir_block_reader *reader, weir_error *err)
{
    while (reader->fetched < reader->block.size) {
        uint64_t rest = reader->block.size - reader->fetched;
        size_t part = rest < WR_WINDOW_SIZE ? (size_t)rest : (size_t)WR_WINDOW_SIZE;
        WR_TRY(wr_reader_fetch(reader, reader->window, part, err));
    }
    return WEIR_OK;
}

/* A list or map that is given to the caller, entry by entry. */
struct visit {
    weir_status (*each_element)(void *argument, size_t index, weir_bytes value);
    weir_status (*each_entry)(void *argument, weir_bytes key, weir_bytes value);
    void *argument;
    size_t index;
    struct wr_buffer key;
    struct wr_buffer value;
};

static weir_status
read_bytes(weir_block_reader *reader, uint32_t size, struct wr_buffer *out, weir_error *err)
{
    if (size > WEIR_VALUE_SIZE_MAX) {
        return wr_fail(err, WEIR_CORRUPT, "%s: an element of %u bytes",
                       weir_block_reader_where(reader), size);
    }
    wr_buffer_clear(out);
    uint8_t *bytes = wr_buffer_extend(out, size);
    if (bytes == NULL) {
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory for an element of %u bytes",
                       reader->path, size);
    }
    return weir_block_reader_read(reader, bytes, size, err);
}

static weir_status
visit_one(weir_block_reader *reader, struct visit *visit, weir_error *err)
{
    uint32_t key_size = 0;
    uint32_t size = 0;
    if (visit->each_entry == NULL) {
        WR_TRY(weir_block_reader_read(reader, &size, sizeof size, err));
        WR_TRY(read_bytes(reader, size, &visit->value, err));
        return visit->each_element(visit->argument, visit->index++,
                                   weir_bytes_of(visit->value.data, size));
    }
    WR_TRY(weir_block_reader_read(reader, &key_size, sizeof key_size, err));
    WR_TRY(weir_block_reader_read(reader, &size, sizeof size, err));
    bool is_null = size == UINT32_MAX;
    WR_TRY(read_bytes(reader, key_size, &visit->key, err));
    WR_TRY(read_bytes(reader, is_null ? 0 : size, &visit->value, err));
    weir_bytes value = is_null ? weir_bytes_of(NULL, 0) : weir_bytes_of(visit->value.data, size);
    return visit->each_entry(visit->argument, weir_bytes_of(visit->key.data, key_size), value);
}

static weir_status
visit_block(weir_block_reader *reader, struct visit *visit, weir_error *err)
{
    for (uint64_t i = 0; i < reader->block.entries; i++) {
        WR_TRY(visit_one(reader, visit, err));
    }
    if (reader->block.size != reader->fetched || reader->window_left != 0) {
        return wr_fail(err, WEIR_CORRUPT, "%s: bytes behind the last element",
                       weir_block_reader_where(reader));
    }
    return WEIR_OK;
}

static weir_status
find_state(const weir_block_reader *reader, const char *state_name, bool is_map, size_t *out_state,
           weir_error *err)
{
    for (size_t i = 0; i < reader->state_count; i++) {
        const weir_state_descriptor *state = &reader->states[i];
        bool is_wanted = is_map
                             ? state->kind == WEIR_STATE_BROADCAST
                             : state->kind == WEIR_STATE_LIST && state->list_mode != WEIR_LIST_NONE;
        if (is_wanted && strcmp(state->name, state_name) == 0) {
            *out_state = i;
            return WEIR_OK;
        }
    }
    return wr_fail(err, WEIR_NOT_FOUND, "state file %s holds no %s '%s'", reader->path,
                   is_map ? "broadcast state" : "list", state_name);
}

static weir_status
visit_state(weir_block_reader *reader, const char *state_name, struct visit *visit, weir_error *err)
{
    size_t state = 0;
    WR_TRY(find_state(reader, state_name, visit->each_entry != NULL, &state, err));
    wr_buffer_init(&visit->key, &reader->alloc);
    wr_buffer_init(&visit->value, &reader->alloc);
    weir_status status = WEIR_OK;
    for (uint64_t i = 0; i < reader->block_count && status == WEIR_OK; i++) {
        if (wr_get_u16(wr_reader_entry(reader, i) + WR_BLOCK_ENTRY_STATE) == state) {
            wr_reader_enter(reader, i);
            status = verify_block(reader, err);
            if (status == WEIR_OK) {
                wr_reader_enter(reader, i);
                status = visit_block(reader, visit, err);
            }
        }
    }
    wr_buffer_fini(&visit->key);
    wr_buffer_fini(&visit->value);
    return status;
}

weir_status
wr_state_file_list(weir_block_reader *reader, const char *state_name,
                   weir_status (*each)(void *argument, size_t index, weir_bytes value),
                   void *argument, weir_error *err)
{
    struct visit visit = { .each_element = each, .argument = argument };
    return visit_state(reader, state_name, &visit, err);
}

weir_status
wr_state_file_map(weir_block_reader *reader, const char *state_name,
                  weir_status (*each)(void *argument, weir_bytes key, weir_bytes value),
                  void *argument, weir_error *err)
{
    struct visit visit = { .each_entry = each, .argument = argument };
    return visit_state(reader, state_name, &visit, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_list: what is read of a state file in one go: operator lists, and the whole file's
 * checksum.
 *
 * A list's elements reach the caller one by one, so its block is read twice: first for the checksum
 * alone, since an element must not be believed before, then for the elements.
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

struct list_visit {
    weir_status (*each)(void *argument, size_t index, weir_bytes value);
    void *argument;
    size_t index;
    struct wr_buffer value;
};

static weir_status
visit_elements(weir_block_reader *reader, struct list_visit *visit, weir_error *err)
{
    for (uint64_t i = 0; i < reader->block.entries; i++) {
        uint32_t size = 0;
        WR_TRY(weir_block_reader_read(reader, &size, sizeof size, err));
        if (size > WEIR_VALUE_SIZE_MAX) {
            return wr_fail(err, WEIR_CORRUPT, "%s: a list's element of %u bytes",
                           weir_block_reader_where(reader), size);
        }
        wr_buffer_clear(&visit->value);
        uint8_t *bytes = wr_buffer_extend(&visit->value, size);
        if (bytes == NULL) {
            return wr_fail(err, WEIR_NOMEM,
                           "state file %s: no memory for a list's element of %u bytes",
                           reader->path, size);
        }
        WR_TRY(weir_block_reader_read(reader, bytes, size, err));
        WR_TRY(visit->each(visit->argument, visit->index++, weir_bytes_of(bytes, size)));
    }
    if (reader->block.size != reader->fetched || reader->window_left != 0) {
        return wr_fail(err, WEIR_CORRUPT, "%s: bytes behind a list's last element",
                       weir_block_reader_where(reader));
    }
    return WEIR_OK;
}

static weir_status
find_list(const weir_block_reader *reader, const char *state_name, size_t *out_state,
          weir_error *err)
{
    for (size_t i = 0; i < reader->state_count; i++) {
        if (reader->states[i].kind == WEIR_STATE_LIST &&
            strcmp(reader->states[i].name, state_name) == 0) {
            *out_state = i;
            return WEIR_OK;
        }
    }
    return wr_fail(err, WEIR_NOT_FOUND, "state file %s holds no list '%s'", reader->path,
                   state_name);
}

weir_status
wr_state_file_list(weir_block_reader *reader, const char *state_name,
                   weir_status (*each)(void *argument, size_t index, weir_bytes value),
                   void *argument, weir_error *err)
{
    size_t state = 0;
    WR_TRY(find_list(reader, state_name, &state, err));
    struct list_visit visit = { .each = each, .argument = argument };
    wr_buffer_init(&visit.value, &reader->alloc);
    weir_status status = WEIR_OK;
    for (uint64_t i = 0; i < reader->block_count && status == WEIR_OK; i++) {
        if (wr_get_u16(wr_reader_entry(reader, i) + WR_BLOCK_ENTRY_STATE) == state) {
            wr_reader_enter(reader, i);
            status = verify_block(reader, err);
            if (status == WEIR_OK) {
                wr_reader_enter(reader, i);
                status = visit_elements(reader, &visit, err);
            }
        }
    }
    wr_buffer_fini(&visit.value);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_ahead: a ring of reads that are under way.
 *
 *   file    ....|  wanted blocks  |......|  wanted  |....
 *   pieces    [  0  ][  1  ][  2  ]   [  3  ][  4  ]        of one size, at whole sectors
 *                ^first                    ^planned: where the next one begins at the earliest
 *   slots     each piece stands in slot (its number % SLOTS), from begin to when it is passed
 *
 * Invariants:
 *   (1) Slots first .. first + under_way hold pieces in the order of the file, without overlap.
 *   (2) What is asked for goes forwards: a piece that ends before it is given up, and its slot
 *       begins the next one.
 *   (3) Of a slot whose read was not ended, the system owns the buffer.
 */
#include "snapshot/state_file_ahead.h"

#include "base/little.h"
#include "os/file.h"
#include "snapshot/state_file_format.h"

#include <string.h>

enum {
    SLOTS = 4,
    SECTOR = 4096
};

struct piece {
    uint64_t offset;
    size_t size; /* once is_read: short only at the file's end */
    bool is_read;
};

struct wr_state_file_ahead {
    const weir_block_reader *reader;
    int file;
    struct wr_os_reads *reads;
    uint8_t *memory;
    uint8_t *buffers; /* SLOTS of `size`, in `memory`, at a whole sector */
    size_t size;
    struct piece pieces[SLOTS];
    unsigned first; /* slot */
    unsigned under_way;
    uint64_t planned;
    uint64_t block; /* of the directory: the first that may reach beyond `planned` */
    bool is_over;   /* a read failed: what is there is given out no more */
};

static uint64_t
sector_down(uint64_t offset)
{
    return offset / SECTOR * SECTOR;
}

static size_t
memory_size(const struct wr_state_file_ahead *ahead)
{
    return SLOTS * ahead->size + SECTOR;
}

/* The next piece that holds something of a wanted block. */
static bool
plan(struct wr_state_file_ahead *ahead, uint64_t *out_offset)
{
    for (; ahead->block < ahead->reader->block_count; ahead->block++) {
        const uint8_t *entry = wr_reader_entry(ahead->reader, ahead->block);
        uint64_t start = wr_get_u64(entry + WR_BLOCK_ENTRY_OFFSET);
        uint64_t end = start + wr_get_u64(entry + WR_BLOCK_ENTRY_LENGTH);
        if (wr_reader_wants(ahead->reader, entry) && end > ahead->planned && end > start) {
            *out_offset = start > ahead->planned ? sector_down(start) : ahead->planned;
            *out_offset = *out_offset > ahead->planned ? *out_offset : ahead->planned;
            ahead->planned = *out_offset + ahead->size;
            return true;
        }
    }
    return false;
}

/* In the slot behind the last; false: there is nothing more to read. */
static bool
begin_next(struct wr_state_file_ahead *ahead)
{
    struct wr_os *os = ahead->reader->os;
    unsigned slot = (ahead->first + ahead->under_way) % SLOTS;
    uint64_t offset = 0;
    if (ahead->is_over || !plan(ahead, &offset)) {
        return false;
    }
    if (os->ops->read_begin(os, ahead->reads, slot, ahead->file,
                            ahead->buffers + slot * ahead->size, ahead->size, offset) != 0) {
        ahead->is_over = true;
        return false;
    }
    ahead->pieces[slot] = (struct piece){ .offset = offset };
    ahead->under_way++;
    return true;
}

/* Whatever fails, an interruption too, ends the help: it is not asked for again. */
static bool
is_ended(struct wr_state_file_ahead *ahead, unsigned slot)
{
    struct wr_os *os = ahead->reader->os;
    struct piece *piece = &ahead->pieces[slot];
    piece->is_read = piece->is_read || os->ops->read_end(os, ahead->reads, slot, &piece->size) == 0;
    return piece->is_read;
}

size_t
wr_state_file_ahead_take(struct wr_state_file_ahead *ahead, void *out, size_t size, uint64_t offset)
{
    while (!ahead->is_over && ahead->under_way > 0) {
        const struct piece *piece = &ahead->pieces[ahead->first];
        if (offset < piece->offset) {
            return 0;
        }
        if (!is_ended(ahead, ahead->first)) {
            break;
        }
        if (offset - piece->offset < piece->size) {
            size_t at = (size_t)(offset - piece->offset);
            size_t part = size < piece->size - at ? size : piece->size - at;
            memcpy(out, ahead->buffers + ahead->first * ahead->size + at, part);
            return part;
        }
        if (offset - piece->offset < ahead->size) {
            break; /* short, and not at what the directory ends with */
        }
        ahead->planned =
            sector_down(offset) > ahead->planned ? sector_down(offset) : ahead->planned;
        ahead->first = (ahead->first + 1) % SLOTS;
        ahead->under_way--;
        (void)begin_next(ahead);
    }
    ahead->is_over = true;
    return 0;
}

/* More than one piece is worth it. */
static bool
is_worth_it(const weir_block_reader *reader)
{
    uint64_t wanted = 0;
    for (uint64_t i = 0; i < reader->block_count; i++) {
        const uint8_t *entry = wr_reader_entry(reader, i);
        wanted += wr_reader_wants(reader, entry) ? wr_get_u64(entry + WR_BLOCK_ENTRY_LENGTH) : 0;
    }
    return wanted > reader->ahead_size;
}

struct wr_state_file_ahead *
wr_state_file_ahead_open(const weir_block_reader *reader)
{
    struct wr_os *os = reader->os;
    if (reader->file < 0 || os->ops->reads_open == NULL || !is_worth_it(reader)) {
        return NULL;
    }
    struct wr_state_file_ahead *ahead = wr_memory_new(&reader->alloc, sizeof *ahead);
    if (ahead == NULL) {
        return NULL;
    }
    *ahead =
        (struct wr_state_file_ahead){ .reader = reader, .file = -1, .size = reader->ahead_size };
    ahead->memory = wr_memory_resize(&reader->alloc, NULL, 0, memory_size(ahead));
    if (ahead->memory == NULL || os->ops->reads_open(os, SLOTS, &ahead->reads) != 0 ||
        wr_file_open(os, reader->path, WR_OPEN_READ | WR_OPEN_DIRECT, &ahead->file, NULL) !=
            WEIR_OK) {
        wr_state_file_ahead_close(ahead);
        return NULL;
    }
    size_t misfit = (uintptr_t)ahead->memory % SECTOR;
    ahead->buffers = ahead->memory + (misfit == 0 ? 0 : SECTOR - misfit);
    while (ahead->under_way < SLOTS && begin_next(ahead)) {
    }
    return ahead;
}

void
wr_state_file_ahead_close(struct wr_state_file_ahead *ahead)
{
    if (ahead == NULL) {
        return;
    }
    struct wr_os *os = ahead->reader->os;
    weir_alloc alloc = ahead->reader->alloc;
    if (ahead->reads != NULL) {
        os->ops->reads_close(os, ahead->reads);
    }
    if (ahead->file >= 0) {
        wr_file_close(os, ahead->file);
    }
    wr_memory_free(&alloc, ahead->memory, memory_size(ahead));
    wr_memory_free(&alloc, ahead, sizeof *ahead);
}

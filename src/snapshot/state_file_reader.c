/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_reader: gives the blocks of an open state file. Its table of bytes: state_file_open.c.
 *
 *   file --pread--> window (64 KiB) --copy--> caller      small reads
 *   file --pread------------------------> caller          reads of a window and more
 *        ahead: state_file_ahead.c, where much is to come; else and behind it by pread
 *
 * Invariants:
 *   (1) `fetched` bytes of the current block are in its running checksum; the last `window_left`
 *       of them stand in the window and were not given out so far.
 *   (2) The checksum is compared when the last byte is fetched, that is before it is given out. A
 *       reader that leaves a block early has not verified it, and must not believe it.
 */
#include "snapshot/state_file_reader.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "os/file.h"
#include "snapshot/state_file_ahead.h"

#include <stdio.h>
#include <string.h>

enum {
    CACHED = 256 * 1024 /* checksummed while it is near */
};

/* As much of it as was read ahead. */
static size_t
take_ahead(const weir_block_reader *reader, void *out, size_t size, uint64_t offset)
{
    size_t done = 0;
    for (size_t part = 1; reader->ahead != NULL && done < size && part > 0; done += part) {
        part = wr_state_file_ahead_take(reader->ahead, (uint8_t *)out + done, size - done,
                                        offset + done);
    }
    return done;
}

weir_status
wr_reader_exactly(weir_block_reader *reader, void *out, size_t size, uint64_t offset,
                  weir_error *err)
{
    size_t count = 0;
    if (reader->bytes.data != NULL) {
        uint64_t there = offset < reader->bytes.size ? reader->bytes.size - offset : 0;
        count = size < there ? size : (size_t)there;
        if (count != 0) {
            memcpy(out, (const uint8_t *)reader->bytes.data + offset, count);
        }
    } else {
        count = take_ahead(reader, out, size, offset);
        size_t rest = 0;
        if (count < size) {
            WR_TRY(wr_file_read_at(reader->os, reader->file, reader->path, (uint8_t *)out + count,
                                   size - count, offset + count, &rest, err));
        }
        count += rest;
    }
    if (count != size) {
        return wr_fail(err, WEIR_CORRUPT,
                       "state file %s ends at offset %llu, within what it must hold", reader->path,
                       (unsigned long long)(offset + count));
    }
    return WEIR_OK;
}

size_t
weir_block_reader_state_count(const weir_block_reader *reader)
{
    return reader->state_count;
}

void
weir_block_reader_state(const weir_block_reader *reader, size_t state,
                        weir_state_descriptor *out_descriptor)
{
    *out_descriptor = reader->states[state];
}

size_t
weir_block_reader_file_count(const weir_block_reader *reader)
{
    return reader->engine_file_count;
}

void
weir_block_reader_file(const weir_block_reader *reader, size_t index, weir_snapshot_file *out_file)
{
    const struct wr_restore_engine_file *file = &reader->engine_files[index];
    *out_file = (weir_snapshot_file){ .size = sizeof *out_file,
                                      .name = file->name,
                                      .path = file->path,
                                      .bytes = file->size,
                                      .is_shared = file->is_shared };
}

void
weir_block_reader_key_groups(const weir_block_reader *reader, uint32_t *out_first,
                             uint32_t *out_last)
{
    *out_first = reader->writer_key_group_first;
    *out_last = reader->writer_key_group_last;
}

void
wr_reader_enter(weir_block_reader *reader, uint64_t index)
{
    const uint8_t *entry = wr_reader_entry(reader, index);
    reader->block = (weir_block){
        .kind = (weir_block_kind)entry[WR_BLOCK_ENTRY_KIND],
        .state = wr_get_u16(entry + WR_BLOCK_ENTRY_STATE),
        .key_group = wr_get_u32(entry + WR_BLOCK_ENTRY_KEY_GROUP),
        .entries = wr_get_u64(entry + WR_BLOCK_ENTRY_ENTRIES),
        .size = wr_get_u64(entry + WR_BLOCK_ENTRY_LENGTH),
    };
    reader->block_offset = wr_get_u64(entry + WR_BLOCK_ENTRY_OFFSET);
    reader->block_crc = wr_get_u32(entry + WR_BLOCK_ENTRY_CRC);
    reader->is_broken = false;
    reader->fetched = 0;
    reader->running_crc = 0;
    reader->window_left = 0;
}

bool
wr_reader_wants(const weir_block_reader *reader, const uint8_t *entry)
{
    uint32_t key_group = wr_get_u32(entry + WR_BLOCK_ENTRY_KEY_GROUP);
    unsigned kind = entry[WR_BLOCK_ENTRY_KIND];
    bool is_keyed = kind != WEIR_BLOCK_LIST && kind != WEIR_BLOCK_MAP;
    return is_keyed && key_group >= reader->key_group_first && key_group <= reader->key_group_last;
}

weir_status
weir_block_reader_next(weir_block_reader *reader, weir_block *out_block, weir_error *err)
{
    if (!reader->is_begun) {
        reader->is_begun = true;
        reader->ahead = wr_state_file_ahead_open(reader);
    }
    while (reader->next_block < reader->block_count) {
        uint64_t index = reader->next_block++;
        if (wr_reader_wants(reader, wr_reader_entry(reader, index))) {
            wr_reader_enter(reader, index);
            *out_block = reader->block;
            return WEIR_OK;
        }
    }
    return wr_fail(err, WEIR_NOT_FOUND, "state file %s: no more blocks of key groups %u to %u",
                   reader->path, reader->key_group_first, reader->key_group_last);
}

weir_status
wr_reader_fetch(weir_block_reader *reader, void *to, size_t size, weir_error *err)
{
    for (size_t part; size > 0; to = (uint8_t *)to + part, size -= part) {
        part = size < CACHED ? size : (size_t)CACHED;
        WR_TRY(wr_reader_exactly(reader, to, part, reader->block_offset + reader->fetched, err));
        reader->running_crc = wr_crc32c(reader->running_crc, to, part);
        reader->fetched += part;
        wr_reader_count(reader, part);
    }
    if (reader->fetched == reader->block.size && reader->running_crc != reader->block_crc) {
        reader->is_broken = true;
        return wr_fail(
            err, WEIR_CORRUPT,
            "state file %s at offset %llu: block of %llu bytes (state '%s', key group %u) "
            "fails its checksum; restore an older checkpoint",
            reader->path, (unsigned long long)(reader->block_offset),
            (unsigned long long)(reader->block.size), reader->states[reader->block.state].name,
            reader->block.key_group);
    }
    return WEIR_OK;
}

weir_status
weir_block_reader_read(weir_block_reader *reader, void *out, size_t size, weir_error *err)
{
    uint64_t left = reader->block.size - reader->fetched + reader->window_left;
    if (reader->is_broken || size > left) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: %zu bytes wanted, the block has %llu more; restore an older checkpoint",
                       weir_block_reader_where(reader), size,
                       reader->is_broken ? 0 : (unsigned long long)(left));
    }
    uint8_t *to = out;
    while (size > 0) {
        if (reader->window_left > 0) {
            size_t part = size < reader->window_left ? size : reader->window_left;
            memcpy(to, reader->window + reader->window_at, part);
            reader->window_at += part;
            reader->window_left -= part;
            to += part;
            size -= part;
        } else if (size >= WR_WINDOW_SIZE) {
            return wr_reader_fetch(reader, to, size, err); /* straight to where it is wanted */
        } else {
            uint64_t rest = reader->block.size - reader->fetched;
            size_t part = rest < WR_WINDOW_SIZE ? (size_t)rest : (size_t)WR_WINDOW_SIZE;
            WR_TRY(wr_reader_fetch(reader, reader->window, part, err));
            reader->window_at = 0;
            reader->window_left = part;
        }
    }
    return WEIR_OK;
}

const char *
weir_block_reader_where(weir_block_reader *reader)
{
    enum {
        PATH_SHOWN = WR_WHERE_SIZE - 64
    };
    size_t length = strlen(reader->path);
    const char *path = length > PATH_SHOWN ? reader->path + length - PATH_SHOWN : reader->path;
    snprintf(reader->where, sizeof reader->where, "%s at offset %llu", path,
             (unsigned long long)(reader->block_offset + reader->fetched - reader->window_left));
    return reader->where;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file_format.h: the numbers of the state file's format, for its writer and its
 * reader. The tables of bytes stand in the head of state_file_open.c.
 */
#ifndef WR_SNAPSHOT_STATE_FILE_FORMAT_H
#define WR_SNAPSHOT_STATE_FILE_FORMAT_H

#define WR_STATE_FILE_MAGIC        "WEIRSF01"
#define WR_STATE_FILE_FOOTER_MAGIC "WEIRSFEN"

enum {
    WR_STATE_FILE_VERSION = 2, /* 1, without flags, is read too */
    WR_STATE_FILE_MAGIC_SIZE = 8,

    WR_HEADER_SIZE = 128,
    WR_HEADER_VERSION = 8,
    WR_HEADER_OWN_SIZE = 12,
    WR_HEADER_CHECKPOINT = 16,
    WR_HEADER_ATTEMPT = 24,
    WR_HEADER_OPERATOR = 40,
    WR_HEADER_SUBTASK = 56,
    WR_HEADER_RESERVED = 60,
    WR_HEADER_CRC = 124,

    WR_DIRECTORY_HEAD_SIZE = 16, /* u32 states, u32 flags, u64 blocks */
    WR_DIRECTORY_HAS_CHANGES = 1,

    WR_BLOCK_ENTRY_SIZE = 40,
    WR_BLOCK_ENTRY_KIND = 0, /* u8, and a zero */
    WR_BLOCK_ENTRY_STATE = 2,
    WR_BLOCK_ENTRY_KEY_GROUP = 4,
    WR_BLOCK_ENTRY_OFFSET = 8,
    WR_BLOCK_ENTRY_LENGTH = 16,
    WR_BLOCK_ENTRY_ENTRIES = 24,
    WR_BLOCK_ENTRY_CRC = 32,
    WR_BLOCK_ENTRY_RESERVED = 36,

    WR_FOOTER_SIZE = 64,
    WR_FOOTER_DIRECTORY_OFFSET = 0,
    WR_FOOTER_DIRECTORY_SIZE = 8,
    WR_FOOTER_CHECKPOINT = 16,
    WR_FOOTER_OPERATOR = 24,
    WR_FOOTER_SUBTASK = 40,
    WR_FOOTER_HEADER_CRC = 44,
    WR_FOOTER_VERSION = 48,
    WR_FOOTER_CRC = 52,
    WR_FOOTER_MAGIC = 56
};

#endif /* WR_SNAPSHOT_STATE_FILE_FORMAT_H */

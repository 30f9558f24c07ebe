/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/manifest_format.h: the numbers of the manifest's format, for its writer and its reader,
 * and the checks that both make. The tables of bytes stand in the head of manifest_decode.c.
 */
#ifndef WR_SNAPSHOT_MANIFEST_FORMAT_H
#define WR_SNAPSHOT_MANIFEST_FORMAT_H

#include "snapshot/manifest.h"

#include <stdbool.h>

#define WR_MANIFEST_MAGIC "WEIRMF01"

enum {
    WR_MANIFEST_VERSION = 2, /* 1 is read too */
    WR_MANIFEST_MAGIC_SIZE = 8,
    WR_MANIFEST_HEAD_SIZE = 24, /* magic, u32 version, u32 sections, u64 total length */
    WR_MANIFEST_LENGTH_AT = 16,
    WR_SECTION_HEAD_SIZE = 16, /* u32 kind, u32 version, u64 length */

    WR_SECTION_JOB = 1,
    WR_SECTION_OPERATOR = 2,
    WR_SECTION_JOB_VERSION = 1,
    WR_SECTION_OPERATOR_VERSION = 2, /* 1: one file a subtask, value and list states */

    WR_SUBTASK_FINISHED = 1,
    WR_SUBTASK_HAS_FILE = 2, /* version 1 */

    WR_FILE_FLAG_SHARED = 1,
    WR_FILE_FLAG_CHANGES = 2,
    WR_FILE_FLAG_INLINED = 4,

    WR_MANIFEST_TEXT_MAX = 65535, /* a name, a uid */
    WR_FILE_NAME_MAX = 255,
    WR_ENGINE_NAME_MAX = 127 /* an engine's own file */
};

#define WR_SHARED_PREFIX "../shared/"

/* What one file of a subtask must be like. */
bool wr_manifest_file_is_sound(const struct wr_manifest_file *file);
/* 32 hex digits as 16 bytes. */
void wr_hex_id_bytes(const char *text, uint8_t out[16]);
/* [A-Za-z0-9._-]+, not "." or "..", at most WR_FILE_NAME_MAX bytes: nothing that leads elsewhere.
 */
bool wr_is_plain_name(const char *name);
/* 32 digits 0-9a-f and no more. */
bool wr_is_hex_id(const char *text);

#endif /* WR_SNAPSHOT_MANIFEST_FORMAT_H */

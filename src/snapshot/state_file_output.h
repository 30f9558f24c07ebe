/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file_output.h: the io thread's half of writing a state file: one new file, written
 * front to back, checksummed, made durable or removed. The first failure sticks; what follows is
 * dropped.
 *
 * Thread: io.
 */
#ifndef WR_SNAPSHOT_STATE_FILE_OUTPUT_H
#define WR_SNAPSHOT_STATE_FILE_OUTPUT_H

#include "os/os.h"
#include "weir/status.h"

enum {
    WR_DIRECT_ALIGNMENT = 4096
};

struct wr_state_file_output {
    struct wr_os *os;
    const char *path; /* lent for the output's life */
    int file;
    bool is_open;
    bool is_direct;
    bool is_made;   /* the file is ours: removed when the output fails */
    bool is_padded; /* zeros stand behind `size` */
    uint64_t size;
    uint32_t crc;
    weir_error error; /* the first failure; error.status is OK while there is none */
};

void wr_state_file_output_init(struct wr_state_file_output *output, struct wr_os *os,
                               const char *path);
/* Appends; makes the file on the first call. `data` is 4096-aligned, and so is what stands behind
 * its `size` bytes up to the next multiple of 4096: it may be zeroed. Only the last one may be no
 * multiple. */
void wr_state_file_output_append(struct wr_state_file_output *output, uint8_t *data, size_t size);
/* Cuts padding, fdatasyncs, closes; after a failure: closes and removes. Returns error.status. */
weir_status wr_state_file_output_finish(struct wr_state_file_output *output);

#endif /* WR_SNAPSHOT_STATE_FILE_OUTPUT_H */

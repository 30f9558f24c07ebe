/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/state_file_output.h: the io thread's half of writing a file of a snapshot: one new file,
 * written front to back, checksummed, made durable or removed; or, below a limit, bytes in memory
 * instead. The first failure sticks; what follows is dropped.
 *
 * Thread: io.
 */
#ifndef WR_SNAPSHOT_STATE_FILE_OUTPUT_H
#define WR_SNAPSHOT_STATE_FILE_OUTPUT_H

#include "base/buffer.h"
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
    uint64_t inline_max;
    uint64_t memory_max; /* not 0: never a file */
    struct wr_buffer kept;
    uint64_t size;
    uint32_t crc;
    weir_error error; /* the first failure; error.status is OK while there is none */
};

/* inline_max, memory_max: as in wr_state_file_parameters; `alloc` is for those bytes. */
void wr_state_file_output_init(struct wr_state_file_output *output, struct wr_os *os,
                               const char *path, uint64_t inline_max, uint64_t memory_max,
                               const weir_alloc *alloc);
/* Appends; makes the file on the first call. `data` is 4096-aligned, and so is what stands behind
 * its `size` bytes up to the next multiple of 4096: it may be zeroed. Only the last one may be no
 * multiple. */
void wr_state_file_output_append(struct wr_state_file_output *output, uint8_t *data, size_t size);
/* Cuts padding, fdatasyncs, closes; after a failure: closes and removes. Returns error.status. */
weir_status wr_state_file_output_finish(struct wr_state_file_output *output);
/* After finish: the bytes were kept in memory and no file was made. */
bool wr_state_file_output_is_inlined(const struct wr_state_file_output *output);
void wr_state_file_output_fini(struct wr_state_file_output *output); /* what was kept */

#endif /* WR_SNAPSHOT_STATE_FILE_OUTPUT_H */

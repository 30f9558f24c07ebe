/* SPDX-License-Identifier: Apache-2.0 */
/* common_os_sim_reads: reads beside the caller in a simulated system: each is made when its end is
 * asked for, and counts as the pread that it is then. */
#include "common_os_sim_inner.h"

#include <errno.h>
#include <stdlib.h>

enum {
    SECTOR = 512
};

struct slot {
    int file;
    void *buffer;
    size_t size;
    uint64_t offset;
    bool is_begun;
};

struct wr_os_reads {
    unsigned count;
    struct slot slots[];
};

int
sim_reads_open(struct wr_os *os, unsigned slots, struct wr_os_reads **out_reads)
{
    (void)os;
    struct wr_os_reads *reads = sim_new(sizeof *reads + slots * sizeof reads->slots[0]);
    reads->count = slots;
    *out_reads = reads;
    return 0;
}

int
sim_read_begin(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, int file, void *buffer,
               size_t size, uint64_t offset)
{
    (void)os;
    if (slot >= reads->count || reads->slots[slot].is_begun || (uintptr_t)buffer % SECTOR != 0 ||
        size % SECTOR != 0 || offset % SECTOR != 0) {
        return EINVAL;
    }
    reads->slots[slot] = (struct slot){ file, buffer, size, offset, true };
    return 0;
}

int
sim_read_end(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, size_t *out_size)
{
    struct slot *one = &reads->slots[slot];
    if (slot >= reads->count || !one->is_begun) {
        return EINVAL;
    }
    int result = sim_pread(os, one->file, one->buffer, one->size, one->offset, out_size);
    one->is_begun = result == EINTR;
    return result;
}

void
sim_reads_close(struct wr_os *os, struct wr_os_reads *reads)
{
    (void)os;
    free(reads);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* os/posix_reads.h: the entries of the real os for reads beside the caller; for posix.c's table. */
#ifndef WR_OS_POSIX_READS_H
#define WR_OS_POSIX_READS_H

#include "os/os.h"

int wr_posix_reads_open(struct wr_os *os, unsigned slots, struct wr_os_reads **out_reads);
int wr_posix_read_begin(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, int file,
                        void *buffer, size_t size, uint64_t offset);
int wr_posix_read_end(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, size_t *out_size);
void wr_posix_reads_close(struct wr_os *os, struct wr_os_reads *reads);

#endif /* WR_OS_POSIX_READS_H */

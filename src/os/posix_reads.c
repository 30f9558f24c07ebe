/* SPDX-License-Identifier: Apache-2.0 */
/* posix_reads: reads beside the caller, by the kernel's asynchronous I/O (man 2 io_submit), which
 * runs beside the caller for files opened O_DIRECT. libc has no calls for it. Not io_uring: that is
 * shut off in many containers, and a read of a megabyte gains nothing from it.
 *
 * Invariant: of a slot whose is_done is false, and that was begun, the kernel owns the buffer.
 */
#include "os/posix_reads.h"

#include "base/memory.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

struct slot {
    struct iocb control;
    int64_t result; /* bytes, or a negative errno */
    bool is_done;
};

struct wr_os_reads {
    aio_context_t context;
    unsigned count;
    struct slot slots[];
};

static size_t
reads_size(unsigned slots)
{
    return sizeof(struct wr_os_reads) + slots * sizeof(struct slot);
}

int
wr_posix_reads_open(struct wr_os *os, unsigned slots, struct wr_os_reads **out_reads)
{
    (void)os;
    weir_alloc alloc = wr_memory_system();
    struct wr_os_reads *reads = wr_memory_new(&alloc, reads_size(slots));
    if (reads == NULL) {
        return ENOMEM;
    }
    reads->count = slots;
    if (syscall(SYS_io_setup, slots, &reads->context) != 0) {
        int failure = errno;
        wr_memory_free(&alloc, reads, reads_size(slots));
        return failure;
    }
    *out_reads = reads;
    return 0;
}

int
wr_posix_read_begin(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, int file,
                    void *buffer, size_t size, uint64_t offset)
{
    (void)os;
    struct slot *one = &reads->slots[slot];
    one->is_done = false;
    one->control = (struct iocb){ .aio_data = slot,
                                  .aio_lio_opcode = IOCB_CMD_PREAD,
                                  .aio_fildes = (uint32_t)file,
                                  .aio_buf = (uintptr_t)buffer,
                                  .aio_nbytes = size,
                                  .aio_offset = (int64_t)offset };
    struct iocb *control = &one->control;
    long taken = syscall(SYS_io_submit, reads->context, 1, &control);
    return taken == 1 ? 0 : taken < 0 ? errno : EAGAIN;
}

int
wr_posix_read_end(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, size_t *out_size)
{
    (void)os;
    while (!reads->slots[slot].is_done) {
        struct io_event event;
        if (syscall(SYS_io_getevents, reads->context, 1, 1, &event, NULL) < 0) {
            if (errno == EINTR) { /* of the waiting: the read goes on */
                continue;
            }
            return errno;
        }
        reads->slots[event.data].result = event.res;
        reads->slots[event.data].is_done = true;
    }
    if (reads->slots[slot].result < 0) {
        return (int)-reads->slots[slot].result;
    }
    *out_size = (size_t)reads->slots[slot].result;
    return 0;
}

void
wr_posix_reads_close(struct wr_os *os, struct wr_os_reads *reads)
{
    (void)os;
    weir_alloc alloc = wr_memory_system();
    (void)syscall(SYS_io_destroy, reads->context); /* waits for what is under way */
    wr_memory_free(&alloc, reads, reads_size(reads->count));
}

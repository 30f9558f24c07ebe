/* SPDX-License-Identifier: Apache-2.0 */
/* limit_disk: what the disk takes from one thread that writes 1 MiB at a time past the page cache
 * and ends with fdatasync, and what it gives to one that reads so. Two buffers of unlike content in
 * turn, so that no layer below can make one of many. */
#include "limit.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

static char *
make_buffers(void)
{
    uint64_t *words = bench_memory(2 * CHUNK);
    for (size_t i = 0; i < 2 * CHUNK / sizeof *words; i++) {
        words[i] = bench_mix(i);
    }
    return (char *)words;
}

double
limit_disk_run(const char *path, size_t size, bool *out_direct)
{
    static char *buffers;
    buffers = buffers != NULL ? buffers : make_buffers();
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    int file = open(path, flags | O_DIRECT, 0666);
    *out_direct = file >= 0;
    file = file >= 0 ? file : open(path, flags, 0666);
    if (file < 0) {
        bench_die("opening %s: %s", path, strerror(errno));
    }
    double start = bench_now();
    for (size_t at = 0; at < size; at += CHUNK) {
        if (pwrite(file, buffers + at / CHUNK % 2 * CHUNK, CHUNK, (off_t)at) != (ssize_t)CHUNK) {
            bench_die("writing %s: %s", path, strerror(errno));
        }
    }
    if (fdatasync(file) != 0) {
        bench_die("fdatasync %s: %s", path, strerror(errno));
    }
    double elapsed = bench_now() - start;
    close(file);
    unlink(path);
    return (double)size / elapsed;
}

double
limit_disk_read(const char *path, bool *out_direct)
{
    static char *buffer;
    buffer = buffer != NULL ? buffer : bench_memory(CHUNK);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
    *out_direct = file >= 0;
    file = file >= 0 ? file : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        bench_die("opening %s: %s", path, strerror(errno));
    }
    double start = bench_now();
    size_t size = 0;
    for (ssize_t got = 1; got > 0; size += got > 0 ? (size_t)got : 0) {
        got = pread(file, buffer, CHUNK, (off_t)size);
        if (got < 0) {
            bench_die("reading %s: %s", path, strerror(errno));
        }
    }
    double elapsed = bench_now() - start;
    close(file);
    return (double)size / elapsed;
}

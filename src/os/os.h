/* SPDX-License-Identifier: Apache-2.0 */
/* os/os.h: the only door to the system: files, clock, randomness, threads, sockets, dynamic
 * loading.
 *
 * One ops table. posix.c is the real one, with posix_reads.c; tests bring one that fails and one
 * that is simulated whole. Raw entries return 0 or an errno, may be short and may give EINTR, like
 * the calls behind them: code above uses os/file.h and os/thread.h, which retry, loop and put words
 * to failures. An implementation embeds struct wr_os first. Thread: any, unless said.
 */
#ifndef WR_OS_OS_H
#define WR_OS_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wr_os;
struct wr_os_thread;
struct wr_os_list;
struct wr_os_reads;

enum wr_os_open {
    WR_OPEN_READ = 1,
    WR_OPEN_WRITE = 2,
    WR_OPEN_CREATE = 4,
    WR_OPEN_EXCLUSIVE = 8, /* with CREATE: EEXIST if it is there */
    WR_OPEN_TRUNCATE = 16,
    WR_OPEN_DIRECT = 32,   /* O_DIRECT; EINVAL where the file system refuses it */
    WR_OPEN_DIRECTORY = 64 /* for sync of a directory */
};

enum wr_os_kind {
    WR_OS_FILE = 1,
    WR_OS_DIRECTORY = 2,
    WR_OS_OTHER = 3
};

struct wr_os_stat {
    enum wr_os_kind kind;
    uint64_t size;
    int64_t modified_ms; /* since 1970 */
};

enum {
    WR_OS_STDOUT = 1,
    WR_OS_STDERR = 2,
    WR_OS_NAME_MAX = 256
};

struct wr_os_ops {
    uint32_t size;
    const char *name;

    /* files; paths are NUL-terminated UTF-8 */
    int (*open)(struct wr_os *os, const char *path, unsigned flags, int *out_file);
    int (*close)(struct wr_os *os, int file);
    int (*read)(struct wr_os *os, int file, void *buffer, size_t size,
                size_t *out_size); /* 0: end */
    int (*write)(struct wr_os *os, int file, const void *data, size_t size, size_t *out_size);
    int (*pread)(struct wr_os *os, int file, void *buffer, size_t size, uint64_t offset,
                 size_t *out_size);
    int (*pwrite)(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
                  size_t *out_size);
    /* Reads that go on beside the caller, one a slot, of files opened DIRECT: buffer, size and
     * offset in whole sectors. `end` waits for the read of a slot that `begin` was OK for; `close`
     * waits for all. A buffer is the system's between the two. May be NULL, all four: there are
     * none; open may refuse too. Thread: one at a time. */
    int (*reads_open)(struct wr_os *os, unsigned slots, struct wr_os_reads **out_reads);
    int (*read_begin)(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, int file,
                      void *buffer, size_t size, uint64_t offset);
    int (*read_end)(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, size_t *out_size);
    void (*reads_close)(struct wr_os *os, struct wr_os_reads *reads);
    int (*truncate)(struct wr_os *os, int file, uint64_t size);
    int (*sync)(struct wr_os *os, int file, bool data_only); /* fdatasync, fsync */
    int (*file_size)(struct wr_os *os, int file, uint64_t *out_size);
    int (*lock)(struct wr_os *os,
                int file); /* whole file, exclusive; EWOULDBLOCK: held elsewhere */
    int (*stat)(struct wr_os *os, const char *path, struct wr_os_stat *out_stat);
    /* The same, but a symbolic link is WR_OS_OTHER. NULL: there are none, as stat. */
    int (*stat_link)(struct wr_os *os, const char *path, struct wr_os_stat *out_stat);
    int (*rename)(struct wr_os *os, const char *from, const char *to,
                  bool replace); /* !replace: EEXIST */
    int (*unlink)(struct wr_os *os, const char *path);
    /* Another name for a file: EEXIST; EXDEV, EPERM, EMLINK where the file system cannot. May be
     * NULL: it never can. */
    int (*link)(struct wr_os *os, const char *from, const char *to);
    int (*mkdir)(struct wr_os *os, const char *path); /* 0777 less umask; EEXIST */
    int (*rmdir)(struct wr_os *os, const char *path);
    int (*list_open)(struct wr_os *os, const char *path, struct wr_os_list **out_list);
    /* ENOENT at the end; "." and ".." are left out; order as the file system gives it. */
    int (*list_next)(struct wr_os *os, struct wr_os_list *list, char out_name[WR_OS_NAME_MAX]);
    void (*list_close)(struct wr_os *os, struct wr_os_list *list);

    /* sockets: TCP, never blocking. EAGAIN from read: nothing yet, or still connecting. */
    int (*connect)(struct wr_os *os, const char *host, const char *port, int *out_file);

    /* clock */
    uint64_t (*monotonic_ns)(struct wr_os *os);
    int64_t (*wall_ms)(struct wr_os *os); /* since 1970 */

    /* randomness */
    int (*random)(struct wr_os *os, void *buffer, size_t size);

    /* threads */
    int (*thread_start)(struct wr_os *os, const char *name, void (*run)(void *argument),
                        void *argument, struct wr_os_thread **out_thread);
    void (*thread_join)(struct wr_os *os, struct wr_os_thread *thread);
    /* Sleeps while *word == expected, at most timeout_ns; may return early. */
    void (*wait)(struct wr_os *os, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
    void (*wake)(struct wr_os *os, _Atomic uint32_t *word); /* all; async-signal-safe */

    /* the machine and the process */
    unsigned (*cpu_count)(struct wr_os *os); /* those this process may use */
    uint64_t (*memory_bytes)(
        struct wr_os *os); /* the machine's or the cgroup's limit, the smaller */
    uint64_t (*resident_bytes)(struct wr_os *os); /* of this process; 0: unknown */
    int (*process_id)(struct wr_os *os);
    /* Says the words on stderr and ends the process at once, whatever its threads are at; a
     * simulated one only notes it. */
    void (*process_end)(struct wr_os *os, int code, const char *words);

    /* dynamic loading */
    int (*load)(struct wr_os *os, const char *path, void **out_library, char *words,
                size_t words_size);
    void *(*symbol)(struct wr_os *os, void *library, const char *name); /* NULL: not there */
    void (*unload)(struct wr_os *os, void *library);
    /* By a bare name, on the loader's path; else as load. */
    int (*load_module)(struct wr_os *os, const char *name, void **out_library, char *words,
                       size_t words_size);
    /* The path of the program or shared object that holds this address. */
    int (*object_path)(struct wr_os *os, const void *address, char *out_path, size_t room);
};

struct wr_os {
    const struct wr_os_ops *ops;
};

/* The real system: one for the process. */
struct wr_os *wr_os_posix(void);

#endif /* WR_OS_OS_H */

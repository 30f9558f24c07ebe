/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/common_os_sim.h: a whole system in memory, deterministic from a seed, for one
 * thread.
 *
 * Files with a model of the power cut, processes with descriptors and locks of their own on one
 * file system and one clock, scripted peers, captured output, libraries from a table. Code under
 * test sees struct wr_os alone. Paths are absolute; a relative one starts at "/".
 *
 * Life: os_sim_create, set it up (file_put, listen, library), run code on os_sim_os(sim), then
 * kill, cut the power (crash states) or look (file_get, output, counts); os_sim_destroy frees
 * everything.
 */
#ifndef WEIR_TESTS_COMMON_OS_SIM_H
#define WEIR_TESTS_COMMON_OS_SIM_H

#include "os/os.h"

#include <stdio.h>

struct os_sim;

/* X(NAME, text) for each entry of the os table that is counted. */
#define OS_SIM_OP_MAP(X)            \
    X(OPEN, "open")                 \
    X(CLOSE, "close")               \
    X(READ, "read")                 \
    X(WRITE, "write")               \
    X(PREAD, "pread")               \
    X(PWRITE, "pwrite")             \
    X(TRUNCATE, "truncate")         \
    X(SYNC, "sync")                 \
    X(FILE_SIZE, "file_size")       \
    X(LOCK, "lock")                 \
    X(STAT, "stat")                 \
    X(RENAME, "rename")             \
    X(UNLINK, "unlink")             \
    X(MKDIR, "mkdir")               \
    X(RMDIR, "rmdir")               \
    X(LIST_OPEN, "list_open")       \
    X(LIST_NEXT, "list_next")       \
    X(CONNECT, "connect")           \
    X(RANDOM, "random")             \
    X(THREAD_START, "thread_start") \
    X(LOAD, "load")                 \
    X(KILL, "kill") /* not an entry: what the test did */

enum os_sim_op {
#define OS_SIM_OP_ENUM(name, text) OS_SIM_##name,
    OS_SIM_OP_MAP(OS_SIM_OP_ENUM)
#undef OS_SIM_OP_ENUM
    OS_SIM_OP_COUNT
};

const char *os_sim_op_name(enum os_sim_op op);

/* Zero everywhere is a good default. */
struct os_sim_config {
    uint64_t seed;
    uint64_t clock_step_ns; /* each look at the clock moves it by 0 .. this */
    int64_t wall_ms;        /* at the start; 0: 2025-01-01 */
    unsigned cpu_count;     /* 0: 1 */
    uint64_t memory_bytes;  /* 0: 1 GiB */
    uint64_t space_bytes;   /* what all files may hold; 0: no limit */
    unsigned file_limit;    /* descriptors a process; 0: 1024 */
    bool refuse_direct; /* WR_OPEN_DIRECT gives EINVAL, after the file was created, as Linux does */
    bool no_log;        /* no crash states; saves memory in long runs */
};

struct os_sim *os_sim_create(const struct os_sim_config *config); /* NULL: all zero */
void os_sim_destroy(struct os_sim *sim);                          /* NULL: nothing */
/* A new system with the same files (all durable), libraries and settings, another random sequence.
 */
struct os_sim *os_sim_copy(const struct os_sim *sim);

/* Processes. All share files and clock. A killed one's table stays valid and answers EIO to all, so
 * that what ran on it can be torn down. */
struct wr_os *os_sim_os(struct os_sim *sim); /* the main process; a new one after os_sim_kill */
struct wr_os *os_sim_process_create(struct os_sim *sim);
void os_sim_process_kill(struct os_sim *sim, struct wr_os *process);
/* What it said when it ended itself, and with which code; NULL: it did not. It goes on being
 * stepped by whoever does, as if nothing had been. */
const char *os_sim_process_ended(const struct wr_os *process, int *out_code);
/* SIGKILL for every process: descriptors and locks vanish, completed operations stay. The power is
 * on again. */
void os_sim_kill(struct os_sim *sim);
/* From operation `operation` + 1 on everything fails with EIO and has no effect, until os_sim_kill.
 * 0: never. */
void os_sim_power_off_at(struct os_sim *sim, uint64_t operation);
bool os_sim_power_is_off(const struct os_sim *sim);

/* Files as the test sees them: no descriptors, not counted, not traced. */
void os_sim_file_put(struct os_sim *sim, const char *path, const void *data,
                     size_t size); /* durable */
const uint8_t *os_sim_file_get(const struct os_sim *sim, const char *path,
                               size_t *out_size); /* lent until the next operation; NULL: no file */
bool os_sim_directory_is_there(const struct os_sim *sim, const char *path);
void os_sim_directory_put(struct os_sim *sim, const char *path); /* with parents; durable */
uint64_t os_sim_image_hash(const struct os_sim *sim);            /* of all names and bytes */
/* How many renames and removals there were: while it stays, nothing that is visible has moved. */
uint64_t os_sim_move_count(const struct os_sim *sim);
/* A file or directory at its place: it holds until it is moved, removed or written to. */
struct os_sim_place {
    uint32_t inode; /* 0: none */
    uint32_t parent;
    uint32_t version; /* of the bytes */
};
struct os_sim_place os_sim_place_of(const struct os_sim *sim, const char *path);
bool os_sim_place_holds(const struct os_sim *sim, const struct os_sim_place *place);
/* The at-th name of a directory, from 0, in no order, and where it is; lent until the next
 * operation. NULL: no such directory, or no more names. */
const char *os_sim_name_at(const struct os_sim *sim, const struct os_sim_place *directory,
                           size_t at, struct os_sim_place *out_place);
/* The bytes of a file by its place; lent until the next operation. NULL: it is no file. */
const uint8_t *os_sim_place_get(const struct os_sim *sim, const struct os_sim_place *place,
                                size_t *out_size);
uint64_t os_sim_used_bytes(const struct os_sim *sim);
size_t os_sim_open_count(const struct os_sim *sim); /* descriptors of all processes, past 0-2 */
void os_sim_set_space(struct os_sim *sim, uint64_t space_bytes);
enum {
    OS_SIM_DENY_WRITE = 1,
    OS_SIM_DENY_READ = 2
};
/* From now on changing (reading) anything at or below the path fails with `error`; deny 0: allowed.
 */
void os_sim_deny(struct os_sim *sim, const char *path, unsigned deny, int error);
void os_sim_tree_print(const struct os_sim *sim, FILE *out);

/* Clock. wr_os wait moves it to the timeout. */
void os_sim_advance_ns(struct os_sim *sim, uint64_t ns);
uint64_t os_sim_now_ns(const struct os_sim *sim);
void os_sim_jump_wall_ms(struct os_sim *sim, int64_t ms);
void os_sim_set_cost_ns(struct os_sim *sim, enum os_sim_op op, uint64_t ns); /* a slow disk */

/* Peers: each call is what the next connection to host:port meets; none left: ECONNREFUSED. Past
 * the script's end nothing more comes (EAGAIN). Data is copied. */
enum os_sim_peer_kind {
    OS_SIM_PEER_DATA,   /* `size` bytes: one read gets no more than one of these */
    OS_SIM_PEER_WAIT,   /* EAGAIN `size` times */
    OS_SIM_PEER_CLOSE,  /* end of stream */
    OS_SIM_PEER_REFUSE, /* ECONNREFUSED: first in the script from connect, else from read */
    OS_SIM_PEER_RESET   /* ECONNRESET */
};
struct os_sim_peer {
    enum os_sim_peer_kind kind;
    const void *data;
    size_t size;
};
void os_sim_listen(struct os_sim *sim, const char *host, const char *port,
                   const struct os_sim_peer *script, size_t count);

/* What all processes wrote to WR_OS_STDOUT or WR_OS_STDERR; lent, NUL-terminated. */
const char *os_sim_output(const struct os_sim *sim, int file, size_t *out_size);
void os_sim_output_clear(struct os_sim *sim);

/* Makes `path` loadable. Names are lent, and must live as long as the system. */
struct os_sim_symbol {
    const char *name;
    void *address;
};
void os_sim_library(struct os_sim *sim, const char *path, const struct os_sim_symbol *symbols,
                    size_t count);

/* What happened. The hash covers every operation with its paths, bytes, time and result: the same
 * seed gives the same hash. */
uint64_t os_sim_operation_count(const struct os_sim *sim);
uint64_t os_sim_operation_count_of(const struct os_sim *sim, enum os_sim_op op);
uint64_t os_sim_trace_hash(const struct os_sim *sim);
void os_sim_trace_print(const struct os_sim *sim, FILE *out); /* the last operations */

/* Power cuts. Every change and every sync of a file or directory has a number in the log, from 0;
 * prefix n is the log's first n. A change is durable in a prefix if a sync in it covers it: write,
 * truncate            sync of the file create, unlink, mkdir, rmdir   sync of the directory that
 * holds the name rename                     sync of both directories A rename is atomic (whole or
 * not at all) but for OS_SIM_CRASH_BOTH_NAMES. A state is a prefix, with at most one of its changes
 * that are not durable lost or torn, or a random choice for each of them. */
enum os_sim_crash_kind {
    OS_SIM_CRASH_PREFIX = 1,
    OS_SIM_CRASH_DROP = 2,        /* one change lost */
    OS_SIM_CRASH_SHORT = 4,       /* one write cut at a 512-byte sector: first, middle, last */
    OS_SIM_CRASH_ZEROS = 8,       /* one write's bytes are zeros */
    OS_SIM_CRASH_GARBAGE = 16,    /* one write's bytes are anything */
    OS_SIM_CRASH_BOTH_NAMES = 32, /* a file renamed across directories stands in both */
    OS_SIM_CRASH_RANDOM = 64,     /* each not durable change kept, lost or torn by sectors */
    OS_SIM_CRASH_SINGLE = 31,     /* every prefix, every single loss, every tear */
    OS_SIM_CRASH_ALL = 127
};

struct os_sim_crash_options {
    size_t from; /* prefixes from .. to; to 0: the log's end */
    size_t to;
    unsigned kinds;             /* of os_sim_crash_kind; 0: OS_SIM_CRASH_SINGLE */
    unsigned random_per_prefix; /* with OS_SIM_CRASH_RANDOM; 0: 1 */
    uint64_t seed;
};

size_t os_sim_log_count(const struct os_sim *sim);
/* Grows with each sync that found something to make durable; with a log. */
uint64_t os_sim_covered_count(const struct os_sim *sim);
void os_sim_log_reset(struct os_sim *sim); /* all is durable now; the log is empty */
void os_sim_log_print(const struct os_sim *sim, FILE *out);

struct os_sim_crash;
/* The system must not change until end. options NULL: all zero. */
struct os_sim_crash *os_sim_crash_begin(const struct os_sim *sim,
                                        const struct os_sim_crash_options *options);
bool os_sim_crash_next(struct os_sim_crash *crash); /* to the first, the next state */
const char *os_sim_crash_words(
    struct os_sim_crash *crash); /* "prefix 17 without 12 (rename a -> b)" */
enum os_sim_crash_kind os_sim_crash_kind(const struct os_sim_crash *crash);
size_t os_sim_crash_prefix(const struct os_sim_crash *crash);
/* The system after the power came back: the files of this state, all durable; the wall clock goes
 * on. */
struct os_sim *os_sim_crash_materialize(const struct os_sim_crash *crash);
void os_sim_crash_end(struct os_sim_crash *crash);
size_t os_sim_crash_state_count(const struct os_sim *sim,
                                const struct os_sim_crash_options *options);

#endif /* WEIR_TESTS_COMMON_OS_SIM_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* fault: the n-th fallible call fails.
 *
 * Each entry asks `verdict` first: go on, give this errno, or do it by half. Invariants:
 *   (1) A descriptor, list or thread that the inner system made is never lost: an entry that makes
 * one fails before it does; close closes and then fails. (2) SHORT never makes a size of 0 (that
 * would say "end of file") and keeps whole sectors where whole sectors were asked for, as direct
 * I/O does. Where half cannot be had the point is not hit. (3) Sticky failures leave alone what
 * touches neither files nor sockets: randomness, threads, loading.
 */
#include "support/common_os_fault.h"

#include "base/rng.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    SECTOR = 512,
    GO_ON = 0
};

/* What kind of entry asks. */
enum trait {
    TRAIT_PLAIN = 0,
    TRAIT_SIZED = 1,    /* may be short */
    TRAIT_CHANGES = 2,  /* `after` applies */
    TRAIT_ELSEWHERE = 4 /* neither files nor sockets */
};

static struct os_fault *
fault_of(struct wr_os *os)
{
    return (struct os_fault *)os; /* embedded first */
}

static int
by_chance(struct os_fault *fault)
{
    static const int errors[] = { EIO, ENOSPC, EINTR, OS_FAULT_SHORT };
    struct wr_rng rng = { .state = fault->random_state };
    bool fails = wr_rng_below(&rng, 1000) < fault->plan.per_mille;
    int error = errors[wr_rng_below(&rng, 4)];
    fault->random_state = rng.state;
    return fails ? error : GO_ON;
}

static bool
is_due(const struct os_fault *fault, unsigned traits)
{
    const struct os_fault_plan *plan = &fault->plan;
    if (plan->fail_at == 0 || fault->calls < plan->fail_at) {
        return false;
    }
    if (fault->calls == plan->fail_at) {
        return true;
    }
    if (!plan->sticky || (traits & TRAIT_ELSEWHERE) != 0) {
        return false;
    }
    return plan->error != EINTR || fault->calls < plan->fail_at + OS_FAULT_EINTR_ROW;
}

static size_t
half(size_t size)
{
    return size >= 2 * (size_t)SECTOR && size % SECTOR == 0 ? size / 2 / SECTOR * SECTOR : size / 2;
}

/* 0: go on; an errno; OS_FAULT_SHORT: *size was halved, go on. */
static int
verdict(struct wr_os *os, const char *name, const char *path, unsigned traits, size_t *size)
{
    struct os_fault *fault = fault_of(os);
    if (fault->plan.only != NULL && strcmp(fault->plan.only, name) != 0) {
        return GO_ON;
    }
    fault->calls++;
    bool due = is_due(fault, traits);
    int error = due ? fault->plan.error : (fault->plan.per_mille > 0 ? by_chance(fault) : GO_ON);
    if (error == OS_FAULT_SHORT) {
        if ((traits & TRAIT_SIZED) == 0 || *size < 2 || half(*size) == 0) {
            return GO_ON;
        }
        *size = half(*size);
    }
    if (error == GO_ON) {
        return GO_ON;
    }
    fault->hit = fault->hit || due;
    fault->failed++;
    if (fault->hit_name == NULL) {
        fault->hit_name = name;
        snprintf(fault->hit_path, sizeof fault->hit_path, "%s", path == NULL ? "" : path);
    }
    return error;
}

/* Whether the inner call is made at all. */
static bool
is_done(struct wr_os *os, int error, unsigned traits)
{
    return error == GO_ON || error == OS_FAULT_SHORT ||
           (fault_of(os)->plan.after && (traits & TRAIT_CHANGES) != 0);
}

static struct wr_os *
inner_of(struct wr_os *os)
{
    return fault_of(os)->inner;
}

static int
fault_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    int error = verdict(os, "open", path, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->open(inner_of(os), path, flags, out_file);
}

static int
fault_close(struct wr_os *os, int file)
{
    int error = verdict(os, "close", NULL, TRAIT_PLAIN, NULL);
    int result = inner_of(os)->ops->close(inner_of(os), file);
    return error != GO_ON ? error : result;
}

static int
fault_read(struct wr_os *os, int file, void *buffer, size_t size, size_t *out_size)
{
    int error = verdict(os, "read", NULL, TRAIT_SIZED, &size);
    return is_done(os, error, TRAIT_SIZED)
               ? inner_of(os)->ops->read(inner_of(os), file, buffer, size, out_size)
               : error;
}

static int
fault_pread(struct wr_os *os, int file, void *buffer, size_t size, uint64_t offset,
            size_t *out_size)
{
    int error = verdict(os, "pread", NULL, TRAIT_SIZED, &size);
    return is_done(os, error, TRAIT_SIZED)
               ? inner_of(os)->ops->pread(inner_of(os), file, buffer, size, offset, out_size)
               : error;
}

/* An inner system without such reads has none here either. */
static int
fault_reads_open(struct wr_os *os, unsigned slots, struct wr_os_reads **out_reads)
{
    int error = verdict(os, "reads_open", NULL, TRAIT_PLAIN, NULL);
    if (error != GO_ON || inner_of(os)->ops->reads_open == NULL) {
        return error != GO_ON ? error : ENOSYS;
    }
    return inner_of(os)->ops->reads_open(inner_of(os), slots, out_reads);
}

static int
fault_read_begin(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, int file, void *buffer,
                 size_t size, uint64_t offset)
{
    int error = verdict(os, "read_begin", NULL, TRAIT_SIZED, &size);
    return is_done(os, error, TRAIT_SIZED)
               ? inner_of(os)->ops->read_begin(inner_of(os), reads, slot, file, buffer, size,
                                               offset)
               : error;
}

static int
fault_read_end(struct wr_os *os, struct wr_os_reads *reads, unsigned slot, size_t *out_size)
{
    int error = verdict(os, "read_end", NULL, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error
                          : inner_of(os)->ops->read_end(inner_of(os), reads, slot, out_size);
}

static void
fault_reads_close(struct wr_os *os, struct wr_os_reads *reads)
{
    inner_of(os)->ops->reads_close(inner_of(os), reads);
}

static int
fault_write(struct wr_os *os, int file, const void *data, size_t size, size_t *out_size)
{
    size_t done = 0;
    int error = verdict(os, "write", NULL, TRAIT_SIZED | TRAIT_CHANGES, &size);
    int result = 0;
    if (is_done(os, error, TRAIT_SIZED | TRAIT_CHANGES)) {
        result = inner_of(os)->ops->write(inner_of(os), file, data, size, &done);
    }
    result = error > 0 ? error : result;
    if (result == 0) {
        *out_size = done;
    }
    return result;
}

static int
fault_pwrite(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
             size_t *out_size)
{
    size_t done = 0;
    int error = verdict(os, "pwrite", NULL, TRAIT_SIZED | TRAIT_CHANGES, &size);
    int result = 0;
    if (is_done(os, error, TRAIT_SIZED | TRAIT_CHANGES)) {
        result = inner_of(os)->ops->pwrite(inner_of(os), file, data, size, offset, &done);
    }
    result = error > 0 ? error : result;
    if (result == 0) {
        *out_size = done;
    }
    return result;
}

static int
fault_truncate(struct wr_os *os, int file, uint64_t size)
{
    int error = verdict(os, "truncate", NULL, TRAIT_CHANGES, NULL);
    int result = is_done(os, error, TRAIT_CHANGES)
                     ? inner_of(os)->ops->truncate(inner_of(os), file, size)
                     : 0;
    return error != GO_ON ? error : result;
}

static int
fault_sync(struct wr_os *os, int file, bool data_only)
{
    int error = verdict(os, "sync", NULL, TRAIT_CHANGES, NULL);
    int result = is_done(os, error, TRAIT_CHANGES)
                     ? inner_of(os)->ops->sync(inner_of(os), file, data_only)
                     : 0;
    return error != GO_ON ? error : result;
}

static int
fault_file_size(struct wr_os *os, int file, uint64_t *out_size)
{
    int error = verdict(os, "file_size", NULL, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->file_size(inner_of(os), file, out_size);
}

static int
fault_lock(struct wr_os *os, int file)
{
    int error = verdict(os, "lock", NULL, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->lock(inner_of(os), file);
}

static int
fault_stat(struct wr_os *os, const char *path, struct wr_os_stat *out_stat)
{
    int error = verdict(os, "stat", path, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->stat(inner_of(os), path, out_stat);
}

static int
fault_rename(struct wr_os *os, const char *from, const char *to, bool replace)
{
    int error = verdict(os, "rename", from, TRAIT_CHANGES, NULL);
    int result = is_done(os, error, TRAIT_CHANGES)
                     ? inner_of(os)->ops->rename(inner_of(os), from, to, replace)
                     : 0;
    return error != GO_ON ? error : result;
}

static int
fault_unlink(struct wr_os *os, const char *path)
{
    int error = verdict(os, "unlink", path, TRAIT_CHANGES, NULL);
    int result =
        is_done(os, error, TRAIT_CHANGES) ? inner_of(os)->ops->unlink(inner_of(os), path) : 0;
    return error != GO_ON ? error : result;
}

/* The two that a system may lack. */
static int
fault_stat_link(struct wr_os *os, const char *path, struct wr_os_stat *out_stat)
{
    const struct wr_os_ops *inner = inner_of(os)->ops;
    int error = verdict(os, "stat_link", path, TRAIT_PLAIN, NULL);
    if (error != GO_ON) {
        return error;
    }
    return inner->stat_link != NULL ? inner->stat_link(inner_of(os), path, out_stat)
                                    : inner->stat(inner_of(os), path, out_stat);
}

static int
fault_link(struct wr_os *os, const char *from, const char *to)
{
    const struct wr_os_ops *inner = inner_of(os)->ops;
    int error = verdict(os, "link", from, TRAIT_CHANGES, NULL);
    int result = 0;
    if (is_done(os, error, TRAIT_CHANGES)) {
        result = inner->link != NULL ? inner->link(inner_of(os), from, to) : EOPNOTSUPP;
    }
    return error != GO_ON ? error : result;
}

static int
fault_mkdir(struct wr_os *os, const char *path)
{
    int error = verdict(os, "mkdir", path, TRAIT_CHANGES, NULL);
    int result =
        is_done(os, error, TRAIT_CHANGES) ? inner_of(os)->ops->mkdir(inner_of(os), path) : 0;
    return error != GO_ON ? error : result;
}

static int
fault_rmdir(struct wr_os *os, const char *path)
{
    int error = verdict(os, "rmdir", path, TRAIT_CHANGES, NULL);
    int result =
        is_done(os, error, TRAIT_CHANGES) ? inner_of(os)->ops->rmdir(inner_of(os), path) : 0;
    return error != GO_ON ? error : result;
}

static int
fault_list_open(struct wr_os *os, const char *path, struct wr_os_list **out_list)
{
    int error = verdict(os, "list_open", path, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->list_open(inner_of(os), path, out_list);
}

static int
fault_list_next(struct wr_os *os, struct wr_os_list *list, char out_name[WR_OS_NAME_MAX])
{
    int error = verdict(os, "list_next", NULL, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->list_next(inner_of(os), list, out_name);
}

static void
fault_list_close(struct wr_os *os, struct wr_os_list *list)
{
    inner_of(os)->ops->list_close(inner_of(os), list);
}

static int
fault_connect(struct wr_os *os, const char *host, const char *port, int *out_file)
{
    int error = verdict(os, "connect", host, TRAIT_PLAIN, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->connect(inner_of(os), host, port, out_file);
}

static uint64_t
fault_monotonic_ns(struct wr_os *os)
{
    return inner_of(os)->ops->monotonic_ns(inner_of(os));
}

static int64_t
fault_wall_ms(struct wr_os *os)
{
    return inner_of(os)->ops->wall_ms(inner_of(os));
}

static int
fault_random(struct wr_os *os, void *buffer, size_t size)
{
    int error = verdict(os, "random", NULL, TRAIT_ELSEWHERE, NULL);
    return error != GO_ON ? error : inner_of(os)->ops->random(inner_of(os), buffer, size);
}

static int
fault_thread_start(struct wr_os *os, const char *name, void (*run)(void *argument), void *argument,
                   struct wr_os_thread **out_thread)
{
    int error = verdict(os, "thread_start", name, TRAIT_ELSEWHERE, NULL);
    return error != GO_ON
               ? error
               : inner_of(os)->ops->thread_start(inner_of(os), name, run, argument, out_thread);
}

static void
fault_thread_join(struct wr_os *os, struct wr_os_thread *thread)
{
    inner_of(os)->ops->thread_join(inner_of(os), thread);
}

static void
fault_wait(struct wr_os *os, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    inner_of(os)->ops->wait(inner_of(os), word, expected, timeout_ns);
}

static void
fault_wake(struct wr_os *os, _Atomic uint32_t *word)
{
    inner_of(os)->ops->wake(inner_of(os), word);
}

static unsigned
fault_cpu_count(struct wr_os *os)
{
    return inner_of(os)->ops->cpu_count(inner_of(os));
}

static uint64_t
fault_memory_bytes(struct wr_os *os)
{
    return inner_of(os)->ops->memory_bytes(inner_of(os));
}

static uint64_t
fault_resident_bytes(struct wr_os *os)
{
    return inner_of(os)->ops->resident_bytes(inner_of(os));
}

static int
fault_process_id(struct wr_os *os)
{
    return inner_of(os)->ops->process_id(inner_of(os));
}

static void
fault_process_end(struct wr_os *os, int code, const char *words)
{
    inner_of(os)->ops->process_end(inner_of(os), code, words);
}

static int
fault_load(struct wr_os *os, const char *path, void **out_library, char *words, size_t words_size)
{
    int error = verdict(os, "load", path, TRAIT_ELSEWHERE, NULL);
    if (error != GO_ON) {
        snprintf(words, words_size, "%s: %s", path, strerror(error));
        return error;
    }
    return inner_of(os)->ops->load(inner_of(os), path, out_library, words, words_size);
}

static void *
fault_symbol(struct wr_os *os, void *library, const char *name)
{
    return inner_of(os)->ops->symbol(inner_of(os), library, name);
}

static void
fault_unload(struct wr_os *os, void *library)
{
    inner_of(os)->ops->unload(inner_of(os), library);
}

static int
fault_load_module(struct wr_os *os, const char *name, void **out_library, char *words,
                  size_t words_size)
{
    int error = verdict(os, "load_module", name, TRAIT_ELSEWHERE, NULL);
    if (error != GO_ON) {
        snprintf(words, words_size, "%s: %s", name, strerror(error));
        return error;
    }
    return inner_of(os)->ops->load_module(inner_of(os), name, out_library, words, words_size);
}

static int
fault_object_path(struct wr_os *os, const void *address, char *out_path, size_t room)
{
    return inner_of(os)->ops->object_path(inner_of(os), address, out_path, room);
}

static const struct wr_os_ops fault_ops = {
    .size = sizeof(struct wr_os_ops),
    .name = "fault",
    .open = fault_open,
    .close = fault_close,
    .read = fault_read,
    .write = fault_write,
    .pread = fault_pread,
    .pwrite = fault_pwrite,
    .reads_open = fault_reads_open,
    .read_begin = fault_read_begin,
    .read_end = fault_read_end,
    .reads_close = fault_reads_close,
    .truncate = fault_truncate,
    .sync = fault_sync,
    .file_size = fault_file_size,
    .lock = fault_lock,
    .stat = fault_stat,
    .stat_link = fault_stat_link,
    .rename = fault_rename,
    .unlink = fault_unlink,
    .link = fault_link,
    .mkdir = fault_mkdir,
    .rmdir = fault_rmdir,
    .list_open = fault_list_open,
    .list_next = fault_list_next,
    .list_close = fault_list_close,
    .connect = fault_connect,
    .monotonic_ns = fault_monotonic_ns,
    .wall_ms = fault_wall_ms,
    .random = fault_random,
    .thread_start = fault_thread_start,
    .thread_join = fault_thread_join,
    .wait = fault_wait,
    .wake = fault_wake,
    .cpu_count = fault_cpu_count,
    .memory_bytes = fault_memory_bytes,
    .resident_bytes = fault_resident_bytes,
    .process_id = fault_process_id,
    .process_end = fault_process_end,
    .load = fault_load,
    .symbol = fault_symbol,
    .unload = fault_unload,
    .load_module = fault_load_module,
    .object_path = fault_object_path,
};

void
os_fault_init(struct os_fault *fault, struct wr_os *inner, const struct os_fault_plan *plan)
{
    *fault = (struct os_fault){ .os = { .ops = &fault_ops }, .inner = inner };
    if (plan != NULL) {
        fault->plan = *plan;
    }
    fault->random_state = fault->plan.seed;
}

unsigned
os_fault_every_point(bool (*run)(const struct os_fault_plan *plan))
{
    static const int errors[] = { EIO, ENOSPC, EINTR, OS_FAULT_SHORT };
    unsigned points = 0;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        for (int how = 0; how < 4; how++) {
            struct os_fault_plan plan = { .error = errors[i], .sticky = how & 1, .after = how & 2 };
            if ((plan.error == EINTR || plan.error == OS_FAULT_SHORT) && plan.after) {
                continue;
            }
            for (plan.fail_at = 1; run(&plan); plan.fail_at++) {
                points++;
            }
        }
    }
    return points;
}

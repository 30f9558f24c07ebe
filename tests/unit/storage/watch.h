/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/storage/watch.h: an os table that writes down the calls that change or sync something,
 * and calls a function before the n-th of them: the moment at which a process is stopped.
 */
#ifndef WEIR_TESTS_UNIT_STORAGE_WATCH_H
#define WEIR_TESTS_UNIT_STORAGE_WATCH_H

#include "os/os.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum {
    WATCH_FILES = 64,
    WATCH_PATH = 256,
    WATCH_TEXT = 1 << 16
};

struct watch {
    struct wr_os os;
    struct wr_os *inner;
    char paths[WATCH_FILES][WATCH_PATH]; /* of open files */
    char text[WATCH_TEXT];               /* "sync /d\n" ... */
    size_t size;
    unsigned calls;
    unsigned stop_at; /* 0: never */
    void (*stopped)(void *argument);
    void *argument;
};

static struct wr_os_ops watch_ops;

static inline struct watch *
watch_of(struct wr_os *os)
{
    return (struct watch *)os;
}

static inline struct wr_os *
watch_call(struct wr_os *os, const char *word, const char *path, const char *path_to)
{
    struct watch *watch = watch_of(os);
    if (++watch->calls == watch->stop_at) {
        watch->stopped(watch->argument);
    }
    size_t room = sizeof watch->text - watch->size;
    int size = snprintf(watch->text + watch->size, room, "%s %s%s%s\n", word, path,
                        path_to != NULL ? " -> " : "", path_to != NULL ? path_to : "");
    if (size > 0 && (size_t)size < room) {
        watch->size += (size_t)size;
    }
    return watch->inner;
}

static inline int
watch_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    struct watch *watch = watch_of(os);
    struct wr_os *inner =
        (flags & WR_OPEN_CREATE) != 0 ? watch_call(os, "create", path, NULL) : watch->inner;
    int failure = inner->ops->open(inner, path, flags, out_file);
    if (failure == 0 && *out_file < WATCH_FILES) {
        snprintf(watch->paths[*out_file], WATCH_PATH, "%s", path);
    }
    return failure;
}

static inline int
watch_pwrite(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
             size_t *out_size)
{
    struct wr_os *inner = watch_call(os, "write", watch_of(os)->paths[file], NULL);
    return inner->ops->pwrite(inner, file, data, size, offset, out_size);
}

static inline int
watch_sync(struct wr_os *os, int file, bool data_only)
{
    struct wr_os *inner = watch_call(os, "sync", watch_of(os)->paths[file], NULL);
    return inner->ops->sync(inner, file, data_only);
}

static inline int
watch_rename(struct wr_os *os, const char *from, const char *to, bool replace)
{
    struct wr_os *inner = watch_call(os, "rename", from, to);
    return inner->ops->rename(inner, from, to, replace);
}

static inline int
watch_unlink(struct wr_os *os, const char *path)
{
    struct wr_os *inner = watch_call(os, "unlink", path, NULL);
    return inner->ops->unlink(inner, path);
}

static inline int
watch_mkdir(struct wr_os *os, const char *path)
{
    struct wr_os *inner = watch_call(os, "mkdir", path, NULL);
    return inner->ops->mkdir(inner, path);
}

static inline int
watch_rmdir(struct wr_os *os, const char *path)
{
    struct wr_os *inner = watch_call(os, "rmdir", path, NULL);
    return inner->ops->rmdir(inner, path);
}

/* Entries that change nothing go straight to the table below. */
#define WATCH_PASS(name, declared, passed)         \
    static inline int watch_##name declared        \
    {                                              \
        struct wr_os *inner = watch_of(os)->inner; \
        return inner->ops->name passed;            \
    }
WATCH_PASS(close, (struct wr_os * os, int file), (inner, file))
WATCH_PASS(pread,
           (struct wr_os * os, int file, void *buffer, size_t size, uint64_t offset, size_t *out),
           (inner, file, buffer, size, offset, out))
WATCH_PASS(truncate, (struct wr_os * os, int file, uint64_t size), (inner, file, size))
WATCH_PASS(file_size, (struct wr_os * os, int file, uint64_t *out), (inner, file, out))
WATCH_PASS(lock, (struct wr_os * os, int file), (inner, file))
WATCH_PASS(stat, (struct wr_os * os, const char *path, struct wr_os_stat *out), (inner, path, out))
WATCH_PASS(list_open, (struct wr_os * os, const char *path, struct wr_os_list **out),
           (inner, path, out))
WATCH_PASS(list_next, (struct wr_os * os, struct wr_os_list *list, char *out), (inner, list, out))
WATCH_PASS(process_id, (struct wr_os * os), (inner))
#undef WATCH_PASS

static inline void
watch_list_close(struct wr_os *os, struct wr_os_list *list)
{
    struct wr_os *inner = watch_of(os)->inner;
    inner->ops->list_close(inner, list);
}

static inline void
watch_wait(struct wr_os *os, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    struct wr_os *inner = watch_of(os)->inner;
    inner->ops->wait(inner, word, expected, timeout_ns);
}

static inline void
watch_wake(struct wr_os *os, _Atomic uint32_t *word)
{
    struct wr_os *inner = watch_of(os)->inner;
    inner->ops->wake(inner, word);
}

static inline void
watch_init(struct watch *watch, struct wr_os *inner)
{
    watch_ops = (struct wr_os_ops){ .size = sizeof watch_ops,
                                    .name = "watch",
                                    .open = watch_open,
                                    .close = watch_close,
                                    .pread = watch_pread,
                                    .pwrite = watch_pwrite,
                                    .truncate = watch_truncate,
                                    .sync = watch_sync,
                                    .file_size = watch_file_size,
                                    .lock = watch_lock,
                                    .stat = watch_stat,
                                    .rename = watch_rename,
                                    .unlink = watch_unlink,
                                    .mkdir = watch_mkdir,
                                    .rmdir = watch_rmdir,
                                    .list_open = watch_list_open,
                                    .list_next = watch_list_next,
                                    .list_close = watch_list_close,
                                    .wait = watch_wait,
                                    .wake = watch_wake,
                                    .process_id = watch_process_id };
    memset(watch, 0, sizeof *watch);
    watch->os.ops = &watch_ops;
    watch->inner = inner;
}

/* Puts the scene's code on the watched table. */
static inline void
watch_scene(struct watch *watch, struct scene *scene)
{
    watch_init(watch, scene->os);
    scene->os = &watch->os;
    wr_executor_init(&scene->executor, scene->os);
    wr_parker_init(&scene->parker, scene->os);
}

#endif /* WEIR_TESTS_UNIT_STORAGE_WATCH_H */

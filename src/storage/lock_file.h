/* SPDX-License-Identifier: Apache-2.0 */
/* storage/lock_file.h: the files of a job's lock, and what stands in them; for lock.c, which takes
 * the lock, and dispose.c, which looks whether somebody holds it.
 */
#ifndef WR_STORAGE_LOCK_FILE_H
#define WR_STORAGE_LOCK_FILE_H

#include "os/file.h"
#include "snapshot/manifest.h"

enum {
    WR_LOCK_TEXT_MAX = 1024
};

struct wr_lock_paths {
    char lock[WR_PATH_MAX];
    char next[WR_PATH_MAX];
    char guard[WR_PATH_MAX];
};

struct wr_lock_holder {
    char pid[24]; /* digits; "" where it is not known */
    char attempt[WR_ATTEMPT_SIZE];
    char hidden[WR_JOB_ID_SIZE + 1 + WR_ATTEMPT_SIZE]; /* below `root`: [<job-id>/].<attempt> */
};

/* The lock's files of this job in a checkpoint directory. */
weir_status wr_lock_paths_make(struct wr_lock_paths *paths, const char *root, const char *job_name,
                               weir_error *err);
/* The text of an open file, NUL-terminated: up to WR_LOCK_TEXT_MAX - 1 bytes. */
weir_status wr_lock_read(struct wr_os *os, int file, const char *path, char *out, weir_error *err);
/* False: the text does not say who holds it. */
bool wr_lock_parse(const char *text, struct wr_lock_holder *out_holder);
/* Locks an open file: 0, or the errno; EWOULDBLOCK: somebody holds it. */
int wr_lock_try(struct wr_os *os, int file);
/* Opens and locks the guard, waiting 2 s at most, and puts our pid into it; closing it gives it
 * back. WEIR_BUSY. */
weir_status wr_lock_guard_take(struct wr_os *os, const char *job_name,
                               const struct wr_lock_paths *paths, int *out_guard, weir_error *err);

#endif /* WR_STORAGE_LOCK_FILE_H */

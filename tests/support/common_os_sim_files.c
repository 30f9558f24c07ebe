/* SPDX-License-Identifier: Apache-2.0 */
/* files: the table's entries for files and directories, as POSIX and Linux answer them.
 *
 * Each entry is a check of the arguments in Linux's order, so that the first error is the same one,
 * then one record. The differential test (tests/unit/os/sim_model_test.c) holds this file to the
 * real system.
 */
#include "support/common_os_sim_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
sim_place_name(const struct sim_place *place, char out[SIM_NAME_MAX + 1])
{
    memcpy(out, place->name, place->name_size);
    out[place->name_size] = '\0';
}

/* The error of the nearest denial at or above the inode; 0: allowed. */
int
sim_denied(const struct os_sim *sim, const struct sim_inode *inode, unsigned what)
{
    while (inode != NULL) {
        if ((inode->deny & what) != 0) {
            return inode->deny_error;
        }
        if (inode->id == SIM_ROOT) {
            break;
        }
        inode = sim_image_at(&sim->image, inode->parent);
    }
    return 0;
}

static bool
is_full(const struct os_sim *sim)
{
    return sim->config.space_bytes != 0 && sim->image.used_bytes >= sim->config.space_bytes;
}

struct sim_file *
sim_file_at(struct os_sim_process *process, int file)
{
    if (file < 0 || (size_t)file >= process->file_count || process->files[file].kind == SIM_FREE) {
        return NULL;
    }
    return &process->files[file];
}

int
sim_file_new(struct os_sim_process *process, int *out_file)
{
    size_t at = 0;
    while (at < process->file_count && process->files[at].kind != SIM_FREE) {
        at++;
    }
    if (at >= process->sim->config.file_limit) {
        return EMFILE;
    }
    if (at == process->file_count) {
        size_t count = process->file_count * 2 + 8;
        process->files = sim_grow(process->files, count * sizeof *process->files);
        memset(process->files + at, 0, (count - at) * sizeof *process->files);
        process->file_count = count;
    }
    *out_file = (int)at;
    return 0;
}

static struct sim_inode *
file_inode(struct os_sim_process *process, const struct sim_file *file)
{
    return sim_image_at(&process->sim->image, file->inode);
}

static void
file_drop(struct os_sim_process *process, size_t number)
{
    struct sim_file *file = &process->files[number];
    if (file->kind == SIM_FILE) {
        struct sim_inode *inode = file_inode(process, file);
        if (inode->lock_process == process->id && inode->lock_file == (int)number) {
            inode->lock_process = 0;
        }
        inode->open_count--;
        sim_image_release(&process->sim->image, inode->id);
    }
    memset(file, 0, sizeof *file);
}

void
sim_process_drop_files(struct os_sim_process *process)
{
    for (size_t i = 0; i < process->file_count; i++) {
        if (process->files[i].kind != SIM_FREE) {
            file_drop(process, i);
        }
    }
}

/* What open answers for a path that is there, before it is opened. */
static int
open_check_found(struct os_sim *sim, const struct sim_place *place, unsigned flags)
{
    const struct sim_inode *found = place->found;
    bool changes = (flags & (WR_OPEN_WRITE | WR_OPEN_TRUNCATE)) != 0;
    if ((flags & WR_OPEN_CREATE) != 0 && (flags & WR_OPEN_EXCLUSIVE) != 0) {
        return EEXIST;
    }
    if (found->kind == WR_OS_DIRECTORY) {
        if ((flags & WR_OPEN_CREATE) != 0 || changes) {
            return EISDIR;
        }
    } else if ((flags & WR_OPEN_DIRECTORY) != 0 || place->slash) {
        return ENOTDIR;
    }
    int result = changes ? sim_denied(sim, found, OS_SIM_DENY_WRITE) : 0;
    bool reads = (flags & WR_OPEN_READ) != 0 && (flags & WR_OPEN_DIRECTORY) == 0;
    if (result == 0 && reads) {
        result = sim_denied(sim, found, OS_SIM_DENY_READ);
    }
    return result;
}

int
sim_create_at(struct os_sim *sim, const struct sim_place *place, enum sim_record_kind kind)
{
    int result = sim_denied(sim, place->directory, OS_SIM_DENY_WRITE);
    if (result != 0) {
        return result;
    }
    if (is_full(sim)) {
        return ENOSPC;
    }
    char name[SIM_NAME_MAX + 1];
    sim_place_name(place, name);
    struct sim_record record = {
        .kind = kind, .inode = sim->image.next_id, .directory = place->directory->id, .name = name
    };
    sim_commit(sim, &record, false);
    return 0;
}

static int
open_path(struct os_sim_process *process, const char *path, unsigned flags, int *out_file)
{
    struct os_sim *sim = process->sim;
    struct sim_place place;
    int file = -1;
    int result = sim_file_new(process, &file);
    if (result == 0) {
        result = sim_walk(&sim->image, path, &place);
    }
    if (result != 0) {
        return result;
    }
    if ((flags & WR_OPEN_CREATE) != 0 && place.slash && !place.dots) {
        return EISDIR;
    }
    if (place.found != NULL) {
        result = open_check_found(sim, &place, flags);
    } else if ((flags & WR_OPEN_CREATE) == 0) {
        result = ENOENT;
    } else {
        result = sim_create_at(sim, &place, SIM_RECORD_CREATE);
        place.found = sim_image_at(&sim->image, sim->image.next_id - 1);
    }
    if (result == 0 && (flags & WR_OPEN_DIRECT) != 0 && sim->config.refuse_direct) {
        result = EINVAL; /* Linux looks at the flag last: the file was created */
    }
    if (result != 0) {
        return result;
    }
    if ((flags & WR_OPEN_TRUNCATE) != 0 && place.found->size > 0) {
        struct sim_record record = { .kind = SIM_RECORD_TRUNCATE, .inode = place.found->id };
        sim_commit(sim, &record, false);
    }
    process->files[file] =
        (struct sim_file){ .kind = SIM_FILE, .flags = flags, .inode = place.found->id };
    place.found->open_count++;
    *out_file = file;
    return 0;
}

int
sim_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    struct os_sim_process *process = sim_process(os);
    int file = -1;
    int result = sim_begin(process, OS_SIM_OPEN);
    if (result == 0) {
        result = open_path(process, path, flags, &file);
    }
    if (result == 0) {
        *out_file = file;
    }
    return sim_end(
        process,
        &(struct sim_event){
            .op = OS_SIM_OPEN, .file = file, .path = path, .size = flags, .result = result });
}

int
sim_close(struct wr_os *os, int file)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_CLOSE);
    if (result == 0 && sim_file_at(process, file) == NULL) {
        result = EBADF;
    }
    if (result == 0) {
        file_drop(process, (size_t)file);
    }
    return sim_end(process,
                   &(struct sim_event){ .op = OS_SIM_CLOSE, .file = file, .result = result });
}

static bool
direct_is_misaligned(const struct sim_file *file, const void *buffer, size_t size, uint64_t offset)
{
    return (file->flags & WR_OPEN_DIRECT) != 0 &&
           (((uintptr_t)buffer | size | offset) & (SIM_SECTOR - 1)) != 0;
}

static int
inode_read(struct os_sim_process *process, const struct sim_file *file, void *buffer, size_t size,
           uint64_t offset, size_t *out_size)
{
    bool readable = (file->flags & WR_OPEN_WRITE) == 0 || (file->flags & WR_OPEN_READ) != 0;
    const struct sim_inode *inode = file_inode(process, file);
    if (!readable) {
        return EBADF;
    }
    if (inode->kind == WR_OS_DIRECTORY) {
        return EISDIR;
    }
    if (offset > INT64_MAX || direct_is_misaligned(file, buffer, size, offset)) {
        return EINVAL;
    }
    size_t left = offset >= inode->size ? 0 : inode->size - (size_t)offset;
    *out_size = size < left ? size : left;
    if (*out_size > 0) {
        memcpy(buffer, inode->data + offset, *out_size);
    }
    return 0;
}

int
sim_read(struct wr_os *os, int file, void *buffer, size_t size, size_t *out_size)
{
    struct os_sim_process *process = sim_process(os);
    size_t done = 0;
    uint64_t offset = 0;
    int result = sim_begin(process, OS_SIM_READ);
    struct sim_file *from = sim_file_at(process, file);
    if (result == 0 && from == NULL) {
        result = EBADF;
    } else if (result == 0 && from->kind == SIM_SOCKET) {
        result = sim_socket_read(from, buffer, size, &done);
    } else if (result == 0 && from->kind == SIM_FILE) {
        offset = from->offset;
        result = inode_read(process, from, buffer, size, offset, &done);
    } else if (result == 0 && from->output != NULL) {
        result = EBADF;
    }
    if (result == 0) {
        from->offset += done;
        *out_size = done;
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_READ,
                                                 .file = file,
                                                 .offset = offset,
                                                 .data = buffer,
                                                 .size = done,
                                                 .result = result });
}

int
sim_pread(struct wr_os *os, int file, void *buffer, size_t size, uint64_t offset, size_t *out_size)
{
    struct os_sim_process *process = sim_process(os);
    size_t done = 0;
    int result = sim_begin(process, OS_SIM_PREAD);
    const struct sim_file *from = sim_file_at(process, file);
    if (result == 0 && from == NULL) {
        result = EBADF;
    } else if (result == 0 && from->kind != SIM_FILE) {
        result = ESPIPE;
    } else if (result == 0) {
        result = inode_read(process, from, buffer, size, offset, &done);
    }
    if (result == 0) {
        *out_size = done;
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_PREAD,
                                                 .file = file,
                                                 .offset = offset,
                                                 .data = buffer,
                                                 .size = done,
                                                 .result = result });
}

/* What of the write fits on the disk: all, the first part (whole sectors with DIRECT), or ENOSPC.
 */
static int
inode_room(const struct os_sim *sim, const struct sim_file *file, const struct sim_inode *inode,
           uint64_t offset, size_t *size)
{
    uint64_t end = offset + *size;
    if (sim->config.space_bytes == 0 || end <= inode->size) {
        return 0;
    }
    uint64_t used = sim->image.used_bytes;
    uint64_t free_bytes = used >= sim->config.space_bytes ? 0 : sim->config.space_bytes - used;
    uint64_t limit = inode->size + free_bytes; /* how long the file can get */
    if (end <= limit) {
        return 0;
    }
    uint64_t fits = offset >= limit ? 0 : limit - offset;
    if ((file->flags & WR_OPEN_DIRECT) != 0) {
        fits &= ~(uint64_t)(SIM_SECTOR - 1);
    }
    if (fits == 0) {
        return ENOSPC;
    }
    *size = (size_t)fits;
    return 0;
}

static int
inode_write(struct os_sim_process *process, const struct sim_file *file, const void *data,
            size_t size, uint64_t offset, size_t *out_size)
{
    const struct sim_inode *inode = file_inode(process, file);
    if ((file->flags & WR_OPEN_WRITE) == 0) {
        return EBADF;
    }
    if (offset > INT64_MAX || direct_is_misaligned(file, data, size, offset)) {
        return EINVAL;
    }
    if (offset + size > UINT32_MAX) {
        return EFBIG; /* of the simulation: nothing tested is that long */
    }
    int result = size == 0 ? 0 : inode_room(process->sim, file, inode, offset, &size);
    if (result != 0) {
        return result;
    }
    if (size > 0) {
        struct sim_record record = {
            .kind = SIM_RECORD_WRITE, .inode = inode->id, .offset = offset, .size = size
        };
        memcpy(&record.data, &data, sizeof record.data); /* lent, only read */
        sim_commit(process->sim, &record, false);
    }
    *out_size = size;
    return 0;
}

int
sim_write(struct wr_os *os, int file, const void *data, size_t size, size_t *out_size)
{
    struct os_sim_process *process = sim_process(os);
    size_t done = 0;
    uint64_t offset = 0;
    int result = sim_begin(process, OS_SIM_WRITE);
    struct sim_file *to = sim_file_at(process, file);
    if (result == 0 && to == NULL) {
        result = EBADF;
    } else if (result == 0 && to->kind == SIM_FILE) {
        offset = to->offset;
        result = inode_write(process, to, data, size, offset, &done);
    } else if (result == 0 && to->kind == SIM_STREAM && to->output == NULL) {
        result = EBADF;
    } else if (result == 0) {
        done = size;
        if (to->output != NULL) {
            sim_output_add(to->output, data, size);
        }
    }
    if (result == 0) {
        to->offset += done;
        *out_size = done;
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_WRITE,
                                                 .file = file,
                                                 .offset = offset,
                                                 .data = data,
                                                 .size = done,
                                                 .result = result });
}

int
sim_pwrite(struct wr_os *os, int file, const void *data, size_t size, uint64_t offset,
           size_t *out_size)
{
    struct os_sim_process *process = sim_process(os);
    size_t done = 0;
    int result = sim_begin(process, OS_SIM_PWRITE);
    const struct sim_file *to = sim_file_at(process, file);
    if (result == 0 && to == NULL) {
        result = EBADF;
    } else if (result == 0 && to->kind != SIM_FILE) {
        result = ESPIPE;
    } else if (result == 0) {
        result = inode_write(process, to, data, size, offset, &done);
    }
    if (result == 0) {
        *out_size = done;
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_PWRITE,
                                                 .file = file,
                                                 .offset = offset,
                                                 .data = data,
                                                 .size = done,
                                                 .result = result });
}

static int
file_truncate(struct os_sim_process *process, int number, uint64_t size)
{
    const struct sim_file *file = sim_file_at(process, number);
    if (file == NULL) {
        return EBADF;
    }
    if (file->kind != SIM_FILE || (file->flags & WR_OPEN_WRITE) == 0) {
        return EINVAL;
    }
    const struct sim_inode *inode = file_inode(process, file);
    if (size > UINT32_MAX) {
        return EFBIG;
    }
    uint64_t space_bytes = process->sim->config.space_bytes;
    if (space_bytes != 0 && size > inode->size &&
        process->sim->image.used_bytes + (size - inode->size) > space_bytes) {
        return ENOSPC;
    }
    if (size != inode->size) {
        struct sim_record record = { .kind = SIM_RECORD_TRUNCATE,
                                     .inode = inode->id,
                                     .size = (size_t)size };
        sim_commit(process->sim, &record, false);
    }
    return 0;
}

int
sim_truncate(struct wr_os *os, int file, uint64_t size)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_TRUNCATE);
    if (result == 0) {
        result = file_truncate(process, file, size);
    }
    return sim_end(process,
                   &(struct sim_event){
                       .op = OS_SIM_TRUNCATE, .file = file, .offset = size, .result = result });
}

/* Both kinds of sync make data and size durable; they differ in times, which nothing here relies
 * on. */
int
sim_sync(struct wr_os *os, int file, bool data_only)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_SYNC);
    const struct sim_file *synced = sim_file_at(process, file);
    if (result == 0 && synced == NULL) {
        result = EBADF;
    } else if (result == 0 && synced->kind != SIM_FILE) {
        result = EINVAL;
    } else if (result == 0) {
        struct sim_record record = { .kind = SIM_RECORD_SYNC, .inode = synced->inode };
        sim_commit(process->sim, &record, false);
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_SYNC,
                                                 .file = file,
                                                 .size = data_only ? 1 : 0,
                                                 .result = result });
}

int
sim_file_size(struct wr_os *os, int file, uint64_t *out_size)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_FILE_SIZE);
    const struct sim_file *asked = sim_file_at(process, file);
    if (result == 0 && asked == NULL) {
        result = EBADF;
    }
    if (result == 0) {
        *out_size = asked->kind == SIM_FILE ? file_inode(process, asked)->size : 0;
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_FILE_SIZE,
                                                 .file = file,
                                                 .offset = result == 0 ? *out_size : 0,
                                                 .result = result });
}

int
sim_lock(struct wr_os *os, int file)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_LOCK);
    const struct sim_file *wanted = sim_file_at(process, file);
    if (result == 0 && wanted == NULL) {
        result = EBADF;
    } else if (result == 0 && wanted->kind != SIM_FILE) {
        result = EINVAL;
    } else if (result == 0) {
        struct sim_inode *inode = file_inode(process, wanted);
        if (inode->lock_process == 0) {
            inode->lock_process = process->id;
            inode->lock_file = file;
        } else if (inode->lock_process != process->id || inode->lock_file != file) {
            result = EWOULDBLOCK;
        }
    }
    return sim_end(process,
                   &(struct sim_event){ .op = OS_SIM_LOCK, .file = file, .result = result });
}

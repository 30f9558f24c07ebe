/* SPDX-License-Identifier: Apache-2.0 */
/* paths: the table's entries that change or read directories; the rules as in
 * common_os_sim_files.c. */
#include "base/hash.h"
#include "support/common_os_sim_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct wr_os_list {
    struct wr_os_list *next; /* of the process's open lists */
    size_t count;
    size_t at;
    char (*names)[WR_OS_NAME_MAX];
};

int
sim_stat(struct wr_os *os, const char *path, struct wr_os_stat *out_stat)
{
    struct os_sim_process *process = sim_process(os);
    struct sim_inode *inode = NULL;
    int result = sim_begin(process, OS_SIM_STAT);
    if (result == 0) {
        result = sim_lookup(&process->sim->image, path, &inode);
    }
    if (result == 0) {
        *out_stat =
            (struct wr_os_stat){ .kind = inode->kind,
                                 .size = inode->kind == WR_OS_DIRECTORY ? 4096 : inode->size,
                                 .modified_ms = inode->modified_ms };
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_STAT,
                                                 .file = -1,
                                                 .path = path,
                                                 .offset = result == 0 ? out_stat->size : 0,
                                                 .result = result });
}

static bool
is_at_or_below(const struct sim_image *image, const struct sim_inode *inode,
               const struct sim_inode *above)
{
    while (inode != above && inode->id != SIM_ROOT) {
        inode = sim_image_at(image, inode->parent);
    }
    return inode == above;
}

/* The checks of Linux's renameat2, in its order. */
static int
rename_check(const struct os_sim *sim, const struct sim_place *from, const struct sim_place *to,
             bool replace)
{
    const struct sim_image *image = &sim->image;
    const struct sim_inode *old = from->found;
    const struct sim_inode *target = to->found;
    if (from->dots) {
        return EBUSY;
    }
    if (to->dots) {
        return replace ? EBUSY : EEXIST;
    }
    int result = sim_denied(sim, from->directory, OS_SIM_DENY_WRITE);
    if (result == 0) {
        result = sim_denied(sim, to->directory, OS_SIM_DENY_WRITE);
    }
    if (result != 0) {
        return result;
    }
    if (old == NULL) {
        return ENOENT;
    }
    if (target != NULL && !replace) {
        return EEXIST;
    }
    bool directory = old->kind == WR_OS_DIRECTORY;
    if (!directory && (from->slash || to->slash)) {
        return ENOTDIR;
    }
    if (is_at_or_below(image, to->directory, old)) {
        return EINVAL;
    }
    if (target != NULL && target != old && is_at_or_below(image, from->directory, target)) {
        return from->directory == to->directory ? 0 : ENOTEMPTY;
    }
    if (target == NULL || target == old) {
        return 0;
    }
    if (directory && target->kind != WR_OS_DIRECTORY) {
        return ENOTDIR;
    }
    if (!directory && target->kind == WR_OS_DIRECTORY) {
        return EISDIR;
    }
    return target->child_count > 0 ? ENOTEMPTY : 0;
}

static int
rename_path(struct os_sim *sim, const char *from_path, const char *to_path, bool replace)
{
    struct sim_place from;
    struct sim_place to;
    int result = sim_walk(&sim->image, from_path, &from);
    if (result == 0) {
        result = sim_walk(&sim->image, to_path, &to);
    }
    if (result == 0) {
        result = rename_check(sim, &from, &to, replace);
    }
    if (result != 0 || from.found == to.found) {
        return result;
    }
    char name[SIM_NAME_MAX + 1];
    char name_from[SIM_NAME_MAX + 1];
    sim_place_name(&to, name);
    sim_place_name(&from, name_from);
    uint32_t replaced = to.found == NULL ? 0 : to.found->id;
    struct sim_record record = { .kind = SIM_RECORD_RENAME,
                                 .inode = from.found->id,
                                 .directory = from.directory->id,
                                 .directory_to = to.directory->id,
                                 .name = name,
                                 .name_from = name_from };
    sim_commit(sim, &record, false);
    sim_image_release(&sim->image, replaced);
    return 0;
}

int
sim_rename(struct wr_os *os, const char *from, const char *to, bool replace)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_RENAME);
    if (result == 0) {
        result = rename_path(process->sim, from, to, replace);
    }
    return sim_end(process, &(struct sim_event){ .op = OS_SIM_RENAME,
                                                 .file = -1,
                                                 .path = from,
                                                 .path_to = to,
                                                 .size = replace ? 1 : 0,
                                                 .result = result });
}

static int
remove_check(const struct os_sim *sim, const struct sim_place *place, bool directory)
{
    if (place->dots && !directory) {
        return EISDIR;
    }
    if (place->dots && place->directory == NULL && place->found->id == SIM_ROOT && !place->dotdot) {
        return EBUSY;
    }
    if (place->dots) {
        return place->dotdot ? ENOTEMPTY : EINVAL;
    }
    int result = sim_denied(sim, place->directory, OS_SIM_DENY_WRITE);
    if (result != 0) {
        return result;
    }
    if (place->found == NULL) {
        return ENOENT;
    }
    if (!directory) {
        bool is_directory = place->found->kind == WR_OS_DIRECTORY;
        return is_directory ? EISDIR : (place->slash ? ENOTDIR : 0);
    }
    if (place->found->kind != WR_OS_DIRECTORY) {
        return ENOTDIR;
    }
    return place->found->child_count > 0 ? ENOTEMPTY : 0;
}

static int
remove_path(struct os_sim *sim, const char *path, bool directory)
{
    struct sim_place place;
    int result = sim_walk(&sim->image, path, &place);
    if (result == 0) {
        result = remove_check(sim, &place, directory);
    }
    if (result != 0) {
        return result;
    }
    char name[SIM_NAME_MAX + 1];
    sim_place_name(&place, name);
    struct sim_record record = { .kind = SIM_RECORD_UNLINK,
                                 .inode = place.found->id,
                                 .directory = place.directory->id,
                                 .name = name };
    sim_commit(sim, &record, false);
    sim_image_release(&sim->image, record.inode);
    return 0;
}

static int
path_entry(struct wr_os *os, enum os_sim_op op, const char *path)
{
    struct os_sim_process *process = sim_process(os);
    struct os_sim *sim = process->sim;
    struct sim_place place;
    int result = sim_begin(process, op);
    if (result == 0 && op != OS_SIM_MKDIR) {
        result = remove_path(sim, path, op == OS_SIM_RMDIR);
    } else if (result == 0) {
        result = sim_walk(&sim->image, path, &place);
        if (result == 0) {
            result = place.found != NULL ? EEXIST : sim_create_at(sim, &place, SIM_RECORD_MKDIR);
        }
    }
    return sim_end(process,
                   &(struct sim_event){ .op = op, .file = -1, .path = path, .result = result });
}

int
sim_unlink(struct wr_os *os, const char *path)
{
    return path_entry(os, OS_SIM_UNLINK, path);
}

int
sim_mkdir(struct wr_os *os, const char *path)
{
    return path_entry(os, OS_SIM_MKDIR, path);
}

int
sim_rmdir(struct wr_os *os, const char *path)
{
    return path_entry(os, OS_SIM_RMDIR, path);
}

static struct wr_os_list *
list_new(const struct os_sim *sim, const struct sim_inode *directory)
{
    struct wr_os_list *list = sim_new(sizeof *list);
    uint64_t *order = sim_new(directory->child_count * sizeof *order);
    list->names = sim_new(directory->child_count * WR_OS_NAME_MAX);
    for (size_t i = 0; i < directory->child_count; i++) {
        const char *name = sim_image_at(&sim->image, directory->children[i])->name;
        uint64_t rank = wr_hash64(name, strlen(name), sim->config.seed);
        size_t at = list->count++;
        while (at > 0 && order[at - 1] > rank) { /* insertion, by a hash: no order to rely on */
            order[at] = order[at - 1];
            memcpy(list->names[at], list->names[at - 1], WR_OS_NAME_MAX);
            at--;
        }
        order[at] = rank;
        snprintf(list->names[at], WR_OS_NAME_MAX, "%s", name);
    }
    free(order);
    return list;
}

int
sim_list_open(struct wr_os *os, const char *path, struct wr_os_list **out_list)
{
    struct os_sim_process *process = sim_process(os);
    struct sim_inode *inode = NULL;
    int result = sim_begin(process, OS_SIM_LIST_OPEN);
    if (result == 0) {
        result = sim_lookup(&process->sim->image, path, &inode);
    }
    if (result == 0) {
        result = inode->kind == WR_OS_DIRECTORY ? sim_denied(process->sim, inode, OS_SIM_DENY_READ)
                                                : ENOTDIR;
    }
    if (result == 0) {
        struct wr_os_list *list = list_new(process->sim, inode);
        list->next = process->lists;
        process->lists = list;
        *out_list = list;
    }
    return sim_end(
        process,
        &(struct sim_event){ .op = OS_SIM_LIST_OPEN, .file = -1, .path = path, .result = result });
}

int
sim_list_next(struct wr_os *os, struct wr_os_list *list, char out_name[WR_OS_NAME_MAX])
{
    struct os_sim_process *process = sim_process(os);
    const char *name = NULL;
    int result = sim_begin(process, OS_SIM_LIST_NEXT);
    if (result == 0 && list->at == list->count) {
        result = ENOENT;
    }
    if (result == 0) {
        name = list->names[list->at++];
        memcpy(out_name, name, WR_OS_NAME_MAX);
    }
    return sim_end(
        process,
        &(struct sim_event){ .op = OS_SIM_LIST_NEXT, .file = -1, .path = name, .result = result });
}

static void
list_free(struct wr_os_list *list)
{
    free(list->names);
    free(list);
}

void
sim_list_close(struct wr_os *os, struct wr_os_list *list)
{
    struct os_sim_process *process = sim_process(os);
    struct wr_os_list **at = &process->lists;
    while (*at != NULL && *at != list) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = list->next;
        list_free(list);
    }
}

void
sim_process_drop_lists(struct os_sim_process *process)
{
    while (process->lists != NULL) {
        struct wr_os_list *list = process->lists;
        process->lists = list->next;
        list_free(list);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* store_saves: the savepoints in STORE_SAVES, watched as checkpoints are; but nobody removes one
 * unless he was told to. */
#include "sim/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct store_save *
store_find_save(struct store *store, const char *path)
{
    for (size_t i = 0; i < store->save_count; i++) {
        if (strcmp(store->saves[i].path, path) == 0) {
            return &store->saves[i];
        }
    }
    return NULL;
}

struct store_save *
store_save_of(struct store *store, uint64_t id)
{
    for (size_t i = store->save_count; i > 0; i--) {
        if (store->saves[i - 1].id == id) {
            return &store->saves[i - 1];
        }
    }
    return NULL;
}

void
store_release_save(struct store *store, const char *path)
{
    struct store_save *save = store_find_save(store, path);
    if (save != NULL) {
        save->is_whole = false;
    }
}

void
store_leave_behind(struct store *store, uint64_t restored_id)
{
    for (size_t i = 0; i < store->save_count; i++) {
        struct store_save *save = &store->saves[i];
        save->is_behind = save->is_behind || save->id > restored_id;
    }
}

void
store_forget_saves(struct store *store)
{
    for (size_t i = 0; i < store->save_count; i++) {
        free(store->saves[i].files);
    }
    store->save_count = 0;
}

/* Reads and verifies it, as it is now. */
static bool
take_save(struct store *store, struct store_save *save, const struct os_sim_place *place)
{
    struct store_checkpoint read = { .id = 0 };
    bool good = store_read(store, save->path, &read);
    if (good && !read.is_savepoint) {
        good = store_wrong(store, "%s is no savepoint", save->path);
    }
    free(save->files);
    save->files = read.files;
    save->file_count = read.file_count;
    save->id = read.id;
    save->directory = *place;
    save->has_in_flight = read.has_in_flight;
    save->is_drained = read.is_drained;
    save->is_whole = true;
    return good;
}

static bool
welcome(struct store *store, const char *path, const struct os_sim_place *place)
{
    struct store_save *save = &store->saves[store->save_count++];
    memset(save, 0, sizeof *save);
    snprintf(save->path, sizeof save->path, "%s", path);
    save->is_behind = store->is_fenced;
    return take_save(store, save, place);
}

static bool
is_still_whole(struct store *store, const struct store_save *save)
{
    bool good = os_sim_place_holds(store->lab->sim, &save->directory);
    for (size_t i = 0; good && i < save->file_count; i++) {
        good = os_sim_place_holds(store->lab->sim, &save->files[i]);
        good = good && save->files[i].parent == save->directory.inode;
    }
    return good || store_wrong(store, "savepoint %s is not whole any more, or was not on its own",
                               save->path);
}

static void
forget_save(struct store *store, size_t index)
{
    free(store->saves[index].files);
    store->saves[index] = store->saves[--store->save_count];
}

bool
store_look_at_saves(struct store *store)
{
    struct os_sim_place root = os_sim_place_of(store->lab->sim, STORE_SAVES);
    struct os_sim_place place;
    const char *name;
    for (size_t i = 0; i < store->save_count; i++) {
        struct store_save *save = &store->saves[i];
        bool is_gone = os_sim_place_of(store->lab->sim, save->path).inode == 0;
        if (save->is_whole && !save->is_told && is_gone) { /* taken back: it could not be made */
            forget_save(store, i--);                       /* durable */
        } else if (save->is_whole && !is_still_whole(store, save)) {
            return false;
        }
    }
    for (size_t i = 0; (name = os_sim_name_at(store->lab->sim, &root, i, &place)) != NULL; i++) {
        char path[200];
        snprintf(path, sizeof path, STORE_SAVES "/%s", name);
        if (name[0] != '.' && store_find_save(store, path) == NULL &&
            store->save_count < SAVES_MAX && !welcome(store, path, &place)) {
            return false;
        }
    }
    return true;
}

bool
store_saves_after_cut(struct store *store)
{
    for (size_t i = 0; i < store->save_count; i++) {
        struct store_save *save = &store->saves[i];
        struct os_sim_place place = os_sim_place_of(store->lab->sim, save->path);
        if (!save->is_whole) {
            continue;
        }
        if (place.inode == 0 && save->is_told) {
            return store_wrong(store, "savepoint %s was complete, the power cut took it",
                               save->path);
        }
        if (place.inode == 0) {
            forget_save(store, i--);
        } else if (!take_save(store, save, &place)) {
            return false;
        }
    }
    return true;
}

bool
store_tell_save(struct store *store, const char *path)
{
    if (!store_look(store)) {
        return false;
    }
    struct store_save *save = store_find_save(store, path);
    if (save == NULL && store->save_count < SAVES_MAX && !os_sim_power_is_off(store->lab->sim)) {
        return store_wrong(store, "savepoint %s is said to be complete, and is not there", path);
    }
    if (save != NULL) {
        save->is_told = true;
    }
    return true;
}

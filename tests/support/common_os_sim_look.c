/* SPDX-License-Identifier: Apache-2.0 */
/* look: how a test puts files into the simulated system, and looks at them, from outside any
 * process. */
#include "base/hash.h"
#include "support/common_os_sim_inner.h"

#include <stdlib.h>
#include <string.h>

static _Noreturn void
misused(const char *what, const char *path)
{
    fprintf(stderr, "os_sim: %s: %s\n", what, path);
    abort();
}

/* Creates what is missing of the path; the last part as `kind`. Returns its inode. */
static uint32_t
put_path(struct os_sim *sim, const char *path, enum sim_record_kind kind)
{
    char part[SIM_PATH_MAX];
    struct sim_place place = { .found = NULL };
    size_t size = strlen(path);
    for (size_t end = 1; end <= size; end++) {
        if (path[end] != '/' && path[end] != '\0') {
            continue;
        }
        snprintf(part, sizeof part, "%.*s", (int)end, path);
        if (sim_walk(&sim->image, part, &place) != 0) {
            misused("not a path that can be made", path);
        }
        if (place.found == NULL) {
            char name[SIM_NAME_MAX + 1];
            sim_place_name(&place, name);
            struct sim_record record = { .kind = end == size ? kind : SIM_RECORD_MKDIR,
                                         .inode = sim->image.next_id,
                                         .directory = place.directory->id,
                                         .name = name };
            sim_commit(sim, &record, true);
            place.found = sim_image_at(&sim->image, record.inode);
        }
    }
    if (place.found == NULL) {
        misused("not a path", path);
    }
    return place.found->id;
}

void
os_sim_directory_put(struct os_sim *sim, const char *path)
{
    if (sim_image_at(&sim->image, put_path(sim, path, SIM_RECORD_MKDIR))->kind != WR_OS_DIRECTORY) {
        misused("a file is there, not a directory", path);
    }
}

void
os_sim_file_put(struct os_sim *sim, const char *path, const void *data, size_t size)
{
    struct sim_record record = { .kind = SIM_RECORD_TRUNCATE };
    record.inode = put_path(sim, path, SIM_RECORD_CREATE);
    if (sim_image_at(&sim->image, record.inode)->kind != WR_OS_FILE) {
        misused("a directory is there, not a file", path);
    }
    sim_commit(sim, &record, true);
    if (size > 0) {
        record.kind = SIM_RECORD_WRITE;
        record.size = size;
        memcpy(&record.data, &data, sizeof record.data); /* lent, only read */
        sim_commit(sim, &record, true);
    }
}

const uint8_t *
os_sim_file_get(const struct os_sim *sim, const char *path, size_t *out_size)
{
    struct sim_inode *inode = NULL;
    if (sim_lookup(&sim->image, path, &inode) != 0 || inode->kind != WR_OS_FILE) {
        return NULL;
    }
    if (out_size != NULL) {
        *out_size = inode->size;
    }
    return inode->size == 0 ? (const uint8_t *)"" : inode->data;
}

bool
os_sim_directory_is_there(const struct os_sim *sim, const char *path)
{
    struct sim_inode *inode = NULL;
    return sim_lookup(&sim->image, path, &inode) == 0 && inode->kind == WR_OS_DIRECTORY;
}

uint64_t
os_sim_move_count(const struct os_sim *sim)
{
    return sim->moves;
}

static struct os_sim_place
place_of(const struct sim_inode *inode)
{
    return (struct os_sim_place){ .inode = inode->id,
                                  .parent = inode->parent,
                                  .version = inode->version };
}

struct os_sim_place
os_sim_place_of(const struct os_sim *sim, const char *path)
{
    struct sim_inode *inode = NULL;
    return sim_lookup(&sim->image, path, &inode) == 0 ? place_of(inode)
                                                      : (struct os_sim_place){ .inode = 0 };
}

bool
os_sim_place_holds(const struct os_sim *sim, const struct os_sim_place *place)
{
    const struct sim_inode *inode = sim_image_at(&sim->image, place->inode);
    return inode != NULL && inode->parent == place->parent && inode->version == place->version;
}

const char *
os_sim_name_at(const struct os_sim *sim, const struct os_sim_place *directory, size_t at,
               struct os_sim_place *out_place)
{
    const struct sim_inode *inode = sim_image_at(&sim->image, directory->inode);
    if (inode == NULL || at >= inode->child_count) {
        return NULL;
    }
    const struct sim_inode *child = sim_image_at(&sim->image, inode->children[at]);
    *out_place = place_of(child);
    return child->name;
}

const uint8_t *
os_sim_place_get(const struct os_sim *sim, const struct os_sim_place *place, size_t *out_size)
{
    const struct sim_inode *inode = sim_image_at(&sim->image, place->inode);
    if (inode == NULL || inode->kind != WR_OS_FILE) {
        return NULL;
    }
    *out_size = inode->size;
    return inode->size == 0 ? (const uint8_t *)"" : inode->data;
}

/* A sum of the entries' hashes, so that the order in the directory does not count. */
static uint64_t
tree_hash(const struct sim_image *image, const struct sim_inode *inode)
{
    uint64_t hash = inode->kind == WR_OS_FILE && inode->size > 0
                        ? wr_hash64(inode->data, inode->size, 6)
                        : inode->kind;
    for (size_t i = 0; i < inode->child_count; i++) {
        const struct sim_inode *child = sim_image_at(image, inode->children[i]);
        uint64_t name = wr_hash64(child->name, strlen(child->name), 7);
        hash += wr_hash64_word(tree_hash(image, child), name);
    }
    return wr_hash64_word(hash, inode->kind);
}

uint64_t
os_sim_image_hash(const struct os_sim *sim)
{
    return tree_hash(&sim->image, sim_image_at(&sim->image, SIM_ROOT));
}

uint64_t
os_sim_used_bytes(const struct os_sim *sim)
{
    return sim->image.used_bytes;
}

void
os_sim_set_space(struct os_sim *sim, uint64_t space_bytes)
{
    sim->config.space_bytes = space_bytes;
}

void
os_sim_deny(struct os_sim *sim, const char *path, unsigned deny, int error)
{
    struct sim_inode *inode = NULL;
    if (sim_lookup(&sim->image, path, &inode) != 0) {
        misused("nothing there to deny", path);
    }
    inode->deny = deny;
    inode->deny_error = error;
}

static void
tree_print(const struct sim_image *image, const struct sim_inode *inode, FILE *out)
{
    char path[SIM_PATH_MAX];
    sim_image_path(image, inode->id, path, sizeof path);
    if (inode->kind == WR_OS_FILE) {
        fprintf(out, "%10zu %s\n", inode->size, path);
    } else {
        fprintf(out, "       dir %s\n", path);
    }
    for (size_t i = 0; i < inode->child_count; i++) {
        tree_print(image, sim_image_at(image, inode->children[i]), out);
    }
}

void
os_sim_tree_print(const struct os_sim *sim, FILE *out)
{
    tree_print(&sim->image, sim_image_at(&sim->image, SIM_ROOT), out);
}

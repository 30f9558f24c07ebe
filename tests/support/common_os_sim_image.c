/* SPDX-License-Identifier: Apache-2.0 */
/* image: files and directories as a value, and the one function that changes it.
 *
 * The running system and the replay after a power cut both change an image by sim_image_apply
 * alone, so a crash state cannot differ from the run in anything but the records it lost.
 *
 * Invariants:
 *   (1) An inode has at most one name. Where lost records would give it two, the later place wins.
 *   (2) A record names inodes by number. A number is born by its create record, even if the
 * record's name is lost, so later writes have something to go to. (3) After a replay,
 * sim_image_collect leaves exactly what a path reaches: a file whose directory's name was lost is
 * gone with it.
 */
#include "support/common_os_sim_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *
sim_new(size_t size)
{
    void *ptr = calloc(1, size == 0 ? 1 : size);
    if (ptr == NULL) {
        abort();
    }
    return ptr;
}

void *
sim_grow(void *ptr, size_t new_size)
{
    void *grown = realloc(ptr, new_size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

char *
sim_copy_text(const char *text, size_t size)
{
    char *copy = sim_new(size + 1);
    memcpy(copy, text, size);
    return copy;
}

/* Makes room for the number and all below it, and counts them as given out. */
static void
image_reserve(struct sim_image *image, uint32_t id)
{
    if (id >= image->capacity) {
        uint32_t capacity = image->capacity == 0 ? 16 : image->capacity;
        while (capacity <= id) {
            capacity *= 2;
        }
        image->inodes = sim_grow(image->inodes, capacity * sizeof(struct sim_inode *));
        memset(image->inodes + image->capacity, 0,
               (capacity - image->capacity) * sizeof(struct sim_inode *));
        image->capacity = capacity;
    }
    if (image->next_id <= id) {
        image->next_id = id + 1;
    }
}

static struct sim_inode *
inode_birth(struct sim_image *image, uint32_t id, enum wr_os_kind kind)
{
    image_reserve(image, id);
    if (image->inodes[id] == NULL) {
        struct sim_inode *inode = sim_new(sizeof *inode);
        inode->id = id;
        inode->kind = kind;
        image->inodes[id] = inode;
    }
    return image->inodes[id];
}

static void
inode_free(struct sim_image *image, struct sim_inode *inode)
{
    image->used_bytes -= inode->size;
    image->inodes[inode->id] = NULL;
    free(inode->name);
    free(inode->data);
    free(inode->children);
    free(inode);
}

void
sim_image_init(struct sim_image *image)
{
    memset(image, 0, sizeof *image);
    inode_birth(image, SIM_ROOT, WR_OS_DIRECTORY)->parent = SIM_ROOT;
}

void
sim_image_fini(struct sim_image *image)
{
    for (uint32_t id = 0; id < image->next_id; id++) {
        if (image->inodes[id] != NULL) {
            inode_free(image, image->inodes[id]);
        }
    }
    free(image->inodes);
    memset(image, 0, sizeof *image);
}

struct sim_inode *
sim_image_at(const struct sim_image *image, uint32_t id)
{
    return id < image->next_id ? image->inodes[id] : NULL;
}

struct sim_inode *
sim_image_child(const struct sim_image *image, const struct sim_inode *directory, const char *name,
                size_t size)
{
    for (size_t i = 0; i < directory->child_count; i++) {
        struct sim_inode *child = image->inodes[directory->children[i]];
        if (strncmp(child->name, name, size) == 0 && child->name[size] == '\0') {
            return child;
        }
    }
    return NULL;
}

static void
inode_detach(struct sim_image *image, struct sim_inode *inode)
{
    struct sim_inode *parent = inode->parent == 0 ? NULL : image->inodes[inode->parent];
    for (size_t i = 0; parent != NULL && i < parent->child_count; i++) {
        if (parent->children[i] == inode->id) {
            parent->children[i] = parent->children[--parent->child_count];
            break;
        }
    }
    free(inode->name);
    inode->name = NULL;
    inode->parent = 0;
}

static void
inode_attach(struct sim_image *image, struct sim_inode *inode, uint32_t directory_id,
             const char *name)
{
    struct sim_inode *directory = inode_birth(image, directory_id, WR_OS_DIRECTORY);
    struct sim_inode *there = sim_image_child(image, directory, name, strlen(name));
    if (there == inode) {
        return;
    }
    if (there != NULL) {
        inode_detach(image, there);
    }
    inode_detach(image, inode);
    if (directory->child_count == directory->child_capacity) {
        directory->child_capacity = directory->child_capacity * 2 + 4;
        directory->children =
            sim_grow(directory->children, directory->child_capacity * sizeof(uint32_t));
    }
    directory->children[directory->child_count++] = inode->id;
    inode->parent = directory_id;
    inode->name = sim_copy_text(name, strlen(name));
}

static void
inode_set_size(struct sim_image *image, struct sim_inode *inode, size_t size)
{
    if (size > inode->capacity) {
        size_t capacity = inode->capacity == 0 ? 256 : inode->capacity;
        while (capacity < size) {
            capacity *= 2;
        }
        inode->data = sim_grow(inode->data, capacity);
        inode->capacity = capacity;
    }
    if (size > inode->size) {
        memset(inode->data + inode->size, 0, size - inode->size);
    }
    image->used_bytes = image->used_bytes - inode->size + size;
    inode->size = size;
}

static void
fill_garbage(uint8_t *to, size_t size, uint64_t seed)
{
    struct wr_rng rng;
    wr_rng_init(&rng, seed);
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(wr_rng_next(&rng) >> 32);
    }
}

/* Each sector of the write on its own: as written, as before, zeros, garbage. */
static void
write_mixed(uint8_t *to, const struct sim_record *record, uint64_t seed)
{
    struct wr_rng rng;
    wr_rng_init(&rng, seed);
    for (size_t at = 0; at < record->size;) {
        size_t step = SIM_SECTOR - (size_t)((record->offset + at) % SIM_SECTOR);
        step = step > record->size - at ? record->size - at : step;
        uint64_t choice = wr_rng_below(&rng, 4);
        if (choice == 0) {
            memcpy(to + at, record->data + at, step);
        } else if (choice == 1) {
            memset(to + at, 0, step);
        } else if (choice == 2) {
            fill_garbage(to + at, step, wr_rng_next(&rng));
        }
        at += step;
    }
}

static void
apply_write(struct sim_image *image, const struct sim_record *record, const struct sim_fate *fate)
{
    struct sim_inode *inode = inode_birth(image, record->inode, WR_OS_FILE);
    size_t size = fate->kind == SIM_SHORT ? fate->size : record->size;
    size_t end = (size_t)record->offset + size;
    if (fate->kind == SIM_DROP || size == 0) {
        return;
    }
    if (end > inode->size) {
        inode_set_size(image, inode, end);
    }
    uint8_t *to = inode->data + record->offset;
    switch (fate->kind) {
    case SIM_ZEROS:
        memset(to, 0, size);
        break;
    case SIM_GARBAGE:
        fill_garbage(to, size, fate->seed);
        break;
    case SIM_MIXED:
        write_mixed(to, record, fate->seed);
        break;
    case SIM_KEEP:
    case SIM_SHORT:
    case SIM_DROP:
    default:
        memcpy(to, record->data, size);
        break;
    }
}

void
sim_image_apply(struct sim_image *image, const struct sim_record *record,
                const struct sim_fate *fate)
{
    bool kept = fate->kind != SIM_DROP;
    struct sim_inode *inode = NULL;
    switch (record->kind) {
    case SIM_RECORD_CREATE:
    case SIM_RECORD_MKDIR:
        inode = inode_birth(image, record->inode,
                            record->kind == SIM_RECORD_MKDIR ? WR_OS_DIRECTORY : WR_OS_FILE);
        if (kept) {
            inode_attach(image, inode, record->directory, record->name);
        }
        break;
    case SIM_RECORD_WRITE:
        apply_write(image, record, fate);
        break;
    case SIM_RECORD_TRUNCATE:
        inode = inode_birth(image, record->inode, WR_OS_FILE);
        if (kept) {
            inode_set_size(image, inode, record->size);
        }
        break;
    case SIM_RECORD_RENAME:
        inode = sim_image_at(image, record->inode);
        if (kept && inode != NULL) {
            inode_attach(image, inode, record->directory_to, record->name);
        }
        break;
    case SIM_RECORD_UNLINK:
        inode = sim_image_at(image, record->inode);
        if (kept && inode != NULL && inode->parent == record->directory &&
            strcmp(inode->name, record->name) == 0) {
            inode_detach(image, inode);
        }
        break;
    case SIM_RECORD_SYNC:
    default:
        break;
    }
    if (record->kind <= SIM_RECORD_TRUNCATE) {
        image->inodes[record->inode]->modified_ms = record->at_ms;
        image->inodes[record->inode]->version++;
    }
}

void
sim_image_add_copy(struct sim_image *image, uint32_t file, uint32_t directory, const char *name)
{
    const struct sim_inode *from = sim_image_at(image, file);
    struct sim_inode *parent = sim_image_at(image, directory);
    if (from == NULL || from->kind != WR_OS_FILE || parent == NULL ||
        sim_image_child(image, parent, name, strlen(name)) != NULL) {
        return;
    }
    struct sim_inode *copy = inode_birth(image, image->next_id, from->kind);
    inode_set_size(image, copy, from->size);
    if (from->size > 0) {
        memcpy(copy->data, from->data, from->size);
    }
    copy->modified_ms = from->modified_ms;
    inode_attach(image, copy, directory, name);
}

void
sim_image_copy(struct sim_image *to, const struct sim_image *from)
{
    memset(to, 0, sizeof *to);
    image_reserve(to,
                  from->next_id - 1); /* numbers of files that are gone are not given out again */
    for (uint32_t id = 0; id < from->next_id; id++) {
        const struct sim_inode *inode = from->inodes[id];
        if (inode == NULL) {
            continue;
        }
        struct sim_inode *copy = inode_birth(to, id, inode->kind);
        copy->parent = inode->parent;
        copy->name = inode->name == NULL ? NULL : sim_copy_text(inode->name, strlen(inode->name));
        copy->modified_ms = inode->modified_ms;
        copy->version = inode->version;
        inode_set_size(to, copy, inode->size);
        if (inode->size > 0) {
            memcpy(copy->data, inode->data, inode->size);
        }
        copy->child_count = copy->child_capacity = inode->child_count;
        if (inode->child_count > 0) {
            copy->children = sim_new(inode->child_count * sizeof(uint32_t));
            memcpy(copy->children, inode->children, inode->child_count * sizeof(uint32_t));
        }
    }
    to->next_id = from->next_id;
}

void
sim_image_release(struct sim_image *image, uint32_t id)
{
    struct sim_inode *inode = sim_image_at(image, id);
    if (inode != NULL && inode->parent == 0 && inode->open_count == 0) {
        inode_free(image, inode);
    }
}

void
sim_image_collect(struct sim_image *image)
{
    bool *reached = sim_new(image->next_id * sizeof(bool));
    uint32_t *queue = sim_new(image->next_id * sizeof(uint32_t));
    size_t count = 1;
    queue[0] = SIM_ROOT;
    reached[SIM_ROOT] = true;
    for (size_t i = 0; i < count; i++) {
        const struct sim_inode *inode = image->inodes[queue[i]];
        for (size_t k = 0; k < inode->child_count; k++) {
            reached[inode->children[k]] = true;
            queue[count++] = inode->children[k];
        }
    }
    for (uint32_t id = 0; id < image->next_id; id++) {
        if (image->inodes[id] != NULL && !reached[id]) {
            inode_free(image, image->inodes[id]);
        }
    }
    free(queue);
    free(reached);
}

void
sim_image_path(const struct sim_image *image, uint32_t id, char *out, size_t size)
{
    const struct sim_inode *chain[128];
    size_t depth = 0;
    for (const struct sim_inode *at = sim_image_at(image, id);
         at != NULL && at->id != SIM_ROOT && depth < 128; at = sim_image_at(image, at->parent)) {
        chain[depth++] = at;
    }
    snprintf(out, size, "%s", depth == 0 ? "/" : "");
    while (depth > 0) {
        const char *name = chain[--depth]->name;
        size_t used = strlen(out);
        snprintf(out + used, size - used, "/%s", name == NULL ? "(no name)" : name);
    }
}

static bool
name_is(const char *name, size_t size, const char *text)
{
    return strlen(text) == size && memcmp(name, text, size) == 0;
}

int
sim_walk(const struct sim_image *image, const char *path, struct sim_place *out)
{
    struct sim_inode *at = image->inodes[SIM_ROOT];
    *out = (struct sim_place){ .found = at, .dots = true };
    if (path[0] == '\0') {
        return ENOENT;
    }
    if (strlen(path) >= SIM_PATH_MAX) {
        return ENAMETOOLONG;
    }
    path += strspn(path, "/");
    while (path[0] != '\0') {
        if (at == NULL) {
            return ENOENT;
        }
        if (at->kind != WR_OS_DIRECTORY) {
            return ENOTDIR;
        }
        size_t size = strcspn(path, "/");
        size_t slashes = strspn(path + size, "/");
        *out = (struct sim_place){ .slash = slashes > 0 };
        if (name_is(path, size, ".") || name_is(path, size, "..")) {
            out->dots = true;
            out->dotdot = size == 2;
            at = size == 2 ? image->inodes[at->parent] : at;
        } else {
            if (size > SIM_NAME_MAX) {
                return ENAMETOOLONG;
            }
            out->directory = at;
            out->name = path;
            out->name_size = size;
            at = sim_image_child(image, at, path, size);
        }
        out->found = at;
        path += size + slashes;
    }
    return 0;
}

int
sim_lookup(const struct sim_image *image, const char *path, struct sim_inode **out)
{
    struct sim_place place;
    int result = sim_walk(image, path, &place);
    if (result != 0) {
        return result;
    }
    if (place.found == NULL) {
        return ENOENT;
    }
    if (place.slash && place.found->kind != WR_OS_DIRECTORY) {
        return ENOTDIR;
    }
    *out = place.found;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* local_state: where local copies stand, and what becomes of those that nobody needs.
 *
 *   complete N   chk_K, K < N: what N does not refer to goes; other attempts' copies go  [retain]
 *   abort N      chk_N goes                                                              [drop]
 *   end          jid_<job id> goes, everywhere                                           [remove]
 *
 * A subtask's copies stand in the directory that its index chooses, so that several disks share
 * the load; who reads finds them by the writer's index.
 *
 * Invariants:
 *   (1) Only directories of this job's id are touched: other jobs share the place.
 *   (2) A removal that fails is forgotten: the next one, or the job's end, comes by again.
 */
#include "storage/local_state.h"

#include "base/fail.h"
#include "base/memory.h"
#include "storage/find.h"
#include "storage/layout.h"
#include "storage/local_state_inner.h"

#include <stdio.h>
#include <string.h>

/* --- life --- */

/* The next of the directories in a text; false: no more. */
static bool
next_directory(const char **text, char out[WR_PATH_MAX])
{
    *text += strspn(*text, ",");
    size_t size = strcspn(*text, ",");
    /* ':' separates too, but for that of a scheme */
    size_t scheme = strncmp(*text, "file:", 5) == 0 ? 5 : 0;
    size_t colon = scheme + strcspn(*text + scheme, ":");
    size = colon < size ? colon : size;
    if (size == 0 || size >= WR_PATH_MAX) {
        return false;
    }
    memcpy(out, *text, size);
    out[size] = '\0';
    *text += size;
    *text += **text == ':';
    return true;
}

static weir_status
add_root(struct wr_local_state *local, const char *location, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_location_path(location, path, err));
    WR_TRY(wr_path_join(path, path, "localState", err));
    if (local->root_count == WR_LOCAL_ROOTS_MAX) {
        return wr_fail(err, WEIR_LIMIT, "local copies of state may have %d directories at most",
                       WR_LOCAL_ROOTS_MAX);
    }
    char *root = wr_arena_copy_text(&local->arena, path);
    if (root == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for local copies of state");
    }
    WR_TRY(wr_directory_create_all(local->os, path, err));
    local->roots[local->root_count++] = root;
    return WEIR_OK;
}

static weir_status
add_roots(struct wr_local_state *local, const char *directories, weir_error *err)
{
    char one[WR_PATH_MAX];
    for (const char *text = directories; next_directory(&text, one);) {
        WR_TRY(add_root(local, one, err));
    }
    return local->root_count != 0
               ? WEIR_OK
               : wr_fail(err, WEIR_INVALID, "'%s' names no directory for local copies of state",
                         directories);
}

weir_status
wr_local_state_create(const struct wr_local_state_parameters *parameters,
                      struct wr_local_state **out_local, weir_error *err)
{
    struct wr_local_state *local = wr_memory_new(&parameters->alloc, sizeof *local);
    if (local == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for local copies of state");
    }
    local->os = parameters->os;
    local->alloc = parameters->alloc;
    local->io = parameters->io;
    wr_arena_init(&local->arena, &local->alloc);
    snprintf(local->job_name, sizeof local->job_name, "jid_%s", parameters->job_id);
    weir_status status = add_roots(local, parameters->directories, err);
    if (status != WEIR_OK) {
        wr_local_state_destroy(local);
        return status;
    }
    *out_local = local;
    return WEIR_OK;
}

void
wr_local_state_destroy(struct wr_local_state *local)
{
    if (local != NULL) {
        weir_alloc alloc = local->alloc;
        wr_arena_fini(&local->arena);
        wr_memory_free(&alloc, local, sizeof *local);
    }
}

/* --- names --- */

static size_t
print_hex(char *out, const uint8_t bytes[16])
{
    for (size_t i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return 32;
}

static const char *
root_of(const struct wr_local_state *local, uint32_t subtask)
{
    return local->roots[subtask % local->root_count];
}

static void
print_attempt(char out[WR_LOCAL_NAME_SIZE], const struct wr_local_owner *owner)
{
    size_t size = (size_t)snprintf(out, WR_LOCAL_NAME_SIZE, "aid_");
    (void)print_hex(out + size, owner->attempt);
}

static void
print_subtask(char out[WR_LOCAL_NAME_SIZE], const struct wr_local_owner *owner)
{
    size_t size = (size_t)snprintf(out, WR_LOCAL_NAME_SIZE, "vtx_");
    size += print_hex(out + size, owner->operator_id);
    snprintf(out + size, WR_LOCAL_NAME_SIZE - size, "_sti_%u", owner->subtask);
}

weir_status
wr_local_owner_path(const struct wr_local_state *local, const struct wr_local_owner *owner,
                    unsigned levels, char *out, weir_error *err)
{
    char attempt[WR_LOCAL_NAME_SIZE];
    char subtask[WR_LOCAL_NAME_SIZE];
    print_attempt(attempt, owner);
    print_subtask(subtask, owner);
    const char *const names[] = { attempt, local->job_name, subtask };
    WR_TRY(wr_path_join(out, root_of(local, owner->subtask), "", err));
    for (unsigned i = 0; i < levels; i++) {
        WR_TRY(wr_path_join(out, out, names[i], err));
    }
    return WEIR_OK;
}

weir_status
wr_local_checkpoint_path(const struct wr_local_state *local, const struct wr_local_owner *owner,
                         uint64_t checkpoint_id, char *out, weir_error *err)
{
    char name[WR_LOCAL_NAME_SIZE];
    snprintf(name, sizeof name, "chk_%llu", (unsigned long long)checkpoint_id);
    WR_TRY(wr_local_owner_path(local, owner, WR_LOCAL_LEVELS, out, err));
    return wr_path_join(out, out, name, err);
}

weir_status
wr_local_state_path(const struct wr_local_state *local, const struct wr_local_owner *owner,
                    uint64_t checkpoint_id, const char *name, char *out, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_local_checkpoint_path(local, owner, checkpoint_id, path, err));
    WR_TRY(wr_path_join(path, path, name, err));
    memcpy(out, path, strlen(path) + 1);
    return WEIR_OK;
}

bool
wr_local_state_has(const struct wr_local_state *local, const char *path, uint64_t size)
{
    struct wr_os_stat found;
    return wr_path_stat_link(local->os, path, &found, NULL) == WEIR_OK &&
           found.kind == WR_OS_FILE && found.size == size;
}

/* --- removal --- */

/* One removal, for the io thread; freed by it. */
struct removal {
    struct wr_work work;
    const struct wr_local_state *local;
    struct wr_local_owner owner;
    uint64_t checkpoint_id;
    bool is_drop;            /* of this checkpoint alone */
    struct wr_buffer needed; /* each: u64 checkpoint id, name, NUL */
    /* while it runs */
    char path[WR_PATH_MAX];
    char own_attempt[WR_LOCAL_NAME_SIZE];
    uint64_t looked_at; /* the chk_ that is listed */
};

static bool
is_needed(const struct removal *removal, uint64_t checkpoint_id, const char *name)
{
    const uint8_t *at = removal->needed.data;
    const uint8_t *end = at + removal->needed.size;
    while (at < end) {
        uint64_t id;
        memcpy(&id, at, sizeof id);
        const char *one = (const char *)at + sizeof id;
        if (id == checkpoint_id && strcmp(one, name) == 0) {
            return true;
        }
        at += sizeof id + strlen(one) + 1;
    }
    return false;
}

static weir_status
remove_unneeded(void *argument, const char *name)
{
    struct removal *removal = argument;
    if (!is_needed(removal, removal->looked_at, name)) {
        char path[WR_PATH_MAX];
        WR_TRY(wr_path_join(path, removal->path, name, NULL));
        (void)wr_path_unlink(removal->local->os, path, NULL);
    }
    return WEIR_OK;
}

/* "chk_7"; as in layout.h but for the line. */
static bool
parse_checkpoint(const char *name, uint64_t *out_id)
{
    char text[WR_CHECKPOINT_NAME_SIZE];
    size_t size = strlen(name);
    if (size >= sizeof text || strncmp(name, "chk_", 4) != 0) {
        return false;
    }
    memcpy(text, name, size + 1);
    text[3] = '-';
    return wr_checkpoint_name_parse(text, out_id);
}

/* A chk_K of our own: K must be older. */
static weir_status
thin_checkpoint(void *argument, const char *name)
{
    struct removal *removal = argument;
    const struct wr_local_state *local = removal->local;
    uint64_t id = 0;
    if (!parse_checkpoint(name, &id) || id >= removal->checkpoint_id) {
        return WEIR_OK;
    }
    removal->looked_at = id;
    WR_TRY(wr_local_checkpoint_path(local, &removal->owner, id, removal->path, NULL));
    WR_TRY(
        wr_directory_each(local->os, &local->alloc, removal->path, remove_unneeded, removal, NULL));
    (void)wr_directory_remove(local->os, removal->path, NULL); /* if it is empty now */
    return WEIR_OK;
}

/* "<root>/<attempt>/jid_<job id>[/<name>]" with all below it, then what is empty above. */
static void
remove_of_attempt(const struct wr_local_state *local, const char *root, const char *attempt,
                  const char *name)
{
    char path[WR_PATH_MAX];
    if (wr_path_join(path, root, attempt, NULL) != WEIR_OK ||
        wr_path_join(path, path, local->job_name, NULL) != WEIR_OK ||
        wr_path_join(path, path, name, NULL) != WEIR_OK) {
        return;
    }
    (void)wr_directory_remove_all(local->os, path, NULL);
    while (strlen(path) > strlen(root) + 1) {
        *strrchr(path, '/') = '\0';
        if (strlen(path) <= strlen(root) || wr_directory_remove(local->os, path, NULL) != WEIR_OK) {
            return;
        }
    }
}

static bool
is_attempt(const char *name)
{
    return strncmp(name, "aid_", 4) == 0 && strspn(name + 4, "0123456789abcdef") == 32 &&
           name[4 + 32] == '\0';
}

static weir_status
remove_other_attempt(void *argument, const char *name)
{
    const struct removal *removal = argument;
    if (is_attempt(name) && strcmp(name, removal->own_attempt) != 0) {
        char subtask[WR_LOCAL_NAME_SIZE];
        print_subtask(subtask, &removal->owner);
        remove_of_attempt(removal->local, root_of(removal->local, removal->owner.subtask), name,
                          subtask);
    }
    return WEIR_OK;
}

static void
run_removal(struct wr_work *work)
{
    struct removal *removal = (struct removal *)work;
    const struct wr_local_state *local = removal->local;
    char path[WR_PATH_MAX];
    if (removal->is_drop) {
        if (wr_local_checkpoint_path(local, &removal->owner, removal->checkpoint_id, path, NULL) ==
            WEIR_OK) {
            (void)wr_directory_remove_all(local->os, path, NULL);
        }
    } else if (!removal->needed.refused) {
        print_attempt(removal->own_attempt, &removal->owner);
        if (wr_local_owner_path(local, &removal->owner, WR_LOCAL_LEVELS, path, NULL) == WEIR_OK) {
            (void)wr_directory_each(local->os, &local->alloc, path, thin_checkpoint, removal, NULL);
        }
        (void)wr_directory_each(local->os, &local->alloc, root_of(local, removal->owner.subtask),
                                remove_other_attempt, removal, NULL);
    }
    weir_alloc alloc = local->alloc;
    wr_buffer_fini(&removal->needed);
    wr_memory_free(&alloc, removal, sizeof *removal);
}

static struct removal *
create_removal(const struct wr_local_state *local, const struct wr_local_owner *owner,
               uint64_t checkpoint_id)
{
    struct removal *removal = wr_memory_new(&local->alloc, sizeof *removal);
    if (removal != NULL) {
        removal->work.run = run_removal;
        removal->local = local;
        removal->owner = *owner;
        removal->checkpoint_id = checkpoint_id;
        wr_buffer_init(&removal->needed, &local->alloc);
    }
    return removal; /* NULL: it is left for the next */
}

void
wr_local_state_retain(const struct wr_local_state *local, const struct wr_local_owner *owner,
                      uint64_t checkpoint_id, const struct wr_file_list *needed)
{
    struct removal *removal = create_removal(local, owner, checkpoint_id);
    if (removal == NULL) {
        return;
    }
    for (uint32_t i = 0; needed != NULL && i < needed->count; i++) {
        const struct wr_file_entry *entry = &needed->entries[i];
        wr_buffer_put(&removal->needed, &entry->checkpoint_id, sizeof entry->checkpoint_id);
        wr_buffer_put(&removal->needed, entry->file, strlen(entry->file) + 1);
    }
    wr_executor_push(local->io, &removal->work);
}

void
wr_local_state_drop(const struct wr_local_state *local, const struct wr_local_owner *owner,
                    uint64_t checkpoint_id)
{
    struct removal *removal = create_removal(local, owner, checkpoint_id);
    if (removal != NULL) {
        removal->is_drop = true;
        wr_executor_push(local->io, &removal->work);
    }
}

struct end {
    const struct wr_local_state *local;
    const char *root;
};

static weir_status
remove_attempt(void *argument, const char *name)
{
    const struct end *end = argument;
    if (is_attempt(name)) {
        remove_of_attempt(end->local, end->root, name, "");
    }
    return WEIR_OK;
}

void
wr_local_state_remove(struct wr_local_state *local)
{
    for (uint32_t i = 0; local != NULL && i < local->root_count; i++) {
        struct end end = { .local = local, .root = local->roots[i] };
        (void)wr_directory_each(local->os, &local->alloc, end.root, remove_attempt, &end, NULL);
    }
}

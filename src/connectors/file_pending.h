/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/file_pending.h: files of a sink that are written and not committed: operator list
 * state "pending", and the way from pending to committed.
 *
 * Thread: task.
 */
#ifndef WR_CONNECTORS_FILE_PENDING_H
#define WR_CONNECTORS_FILE_PENDING_H

#include "connectors/file_place.h"

struct wr_pending {
    char path[WR_SINK_NAME_SIZE];       /* ".<attempt>/<name>" */
    char final_name[WR_SINK_NAME_SIZE]; /* "part-..." */
    uint64_t checkpoint_id;
    uint64_t size;
    uint32_t crc32c;
};

struct wr_pendings {
    weir_alloc alloc;
    weir_operator_list *list;
    struct wr_pending *items; /* in order of checkpoints */
    size_t count;
    size_t capacity;
};

/* Registers the list state; takes what was restored. Fails the task with words. */
weir_status wr_pendings_init(struct wr_pendings *pendings, weir_context *context);
void wr_pendings_fini(struct wr_pendings *pendings); /* zeroed: nothing */
weir_status wr_pendings_add(struct wr_pendings *pendings, const struct wr_pending *pending);
weir_status wr_pendings_save(const struct wr_pendings *pendings, weir_context *context);

/* Commits all up to this checkpoint and forgets them: a no-replace rename each, then one fsync.
 * What is committed already, with the same content, is no failure. WEIR_CANCELLED: fenced. */
weir_status wr_pendings_commit(struct wr_pendings *pendings, struct wr_file_place *place,
                               uint64_t checkpoint_id, weir_error *err);

#endif /* WR_CONNECTORS_FILE_PENDING_H */

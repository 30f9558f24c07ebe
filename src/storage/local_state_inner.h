/* SPDX-License-Identifier: Apache-2.0 */
/* storage/local_state_inner.h: the place of local copies; for its two files, local_state.c, which
 * names and removes them, and local_copy.c, which makes them.
 */
#ifndef WR_STORAGE_LOCAL_STATE_INNER_H
#define WR_STORAGE_LOCAL_STATE_INNER_H

#include "base/memory.h"
#include "storage/local_state.h"

enum {
    WR_LOCAL_ROOTS_MAX = 64,
    WR_LOCAL_NAME_SIZE = 64, /* of one level's name */
    WR_LOCAL_LEVELS = 3      /* aid_, jid_, vtx_ */
};

/* Never changed once it is made: any thread may read it. */
struct wr_local_state {
    struct wr_os *os;
    weir_alloc alloc;
    struct wr_executor *io;
    struct wr_arena arena; /* of the paths */
    char job_name[WR_LOCAL_NAME_SIZE];
    const char *roots[WR_LOCAL_ROOTS_MAX];
    uint32_t root_count;
};

/* The owner's root and the first `levels` names below it, into out (WR_PATH_MAX). */
weir_status wr_local_owner_path(const struct wr_local_state *local,
                                const struct wr_local_owner *owner, unsigned levels, char *out,
                                weir_error *err);
/* The owner's chk_<id>. */
weir_status wr_local_checkpoint_path(const struct wr_local_state *local,
                                     const struct wr_local_owner *owner, uint64_t checkpoint_id,
                                     char *out, weir_error *err);

#endif /* WR_STORAGE_LOCAL_STATE_INNER_H */

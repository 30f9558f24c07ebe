/* SPDX-License-Identifier: Apache-2.0 */
/* storage/search.h: which jobs have checkpoints below a directory; for find.c.
 *
 * A job's directory is the one asked about itself (no <job-id> level, or its own <job-id>), or one
 * of 32 hex digits in it; it counts once it holds a chk-N with a `_metadata`, _finished, or the
 * mark of a savepoint.
 */
#ifndef WR_STORAGE_SEARCH_H
#define WR_STORAGE_SEARCH_H

#include "base/memory.h"
#include "snapshot/manifest.h"

/* One job's directory. Texts stand in the search's arena. */
struct wr_job_found {
    struct wr_job_found *next;
    const char *path;
    const char *job_id;   /* of the manifest, else of the directory's name; "" unknown */
    const char *job_name; /* NULL: not one manifest can be read */
    bool is_finished;
    uint64_t newest;       /* highest id with a `_metadata`; 0: none */
    uint64_t older;        /* the next one below; 0: none */
    int64_t complete_ms;   /* of the newest; 0 where it cannot be read */
    uint64_t saved;        /* of the savepoint that ends it, where it is newer; 0: none */
    const char *savepoint; /* its directory */
};

struct wr_job_search {
    struct wr_os *os;
    struct wr_arena arena;
    struct wr_job_found *jobs; /* in byte order of paths, the directory itself first */
    struct wr_job_found **last;
};

void wr_job_search_init(struct wr_job_search *search, struct wr_os *os, const weir_alloc *alloc);
void wr_job_search_fini(struct wr_job_search *search);
/* WEIR_NOT_FOUND: no such directory. */
weir_status wr_job_search_run(struct wr_job_search *search, const char *directory, weir_error *err);

/* Whether it is, or cannot be told not to be, a job of this name. */
bool wr_job_found_may_be(const struct wr_job_found *job, const char *job_name);

#endif /* WR_STORAGE_SEARCH_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/splits.h: the files of one subtask of the file source, and how far each was read.
 * Thread: task. */
#ifndef WR_CONNECTORS_SPLITS_H
#define WR_CONNECTORS_SPLITS_H

#include "weir/function.h"

struct wr_split {
    char *path;
    uint64_t offset; /* of the first byte that was not emitted */
};

struct wr_splits {
    weir_alloc alloc;
    weir_operator_list *list; /* operator list state "splits" */
    struct wr_split *items;
    size_t count;
    size_t capacity;
};

/* From the restored state, or else this subtask's share of the files that `paths` (separated by
 * ',') names. Fails the task with words if an input is missing, unreadable, or no file and no
 * directory. */
weir_status wr_splits_init(struct wr_splits *splits, weir_context *context, const char *paths);
void wr_splits_fini(struct wr_splits *splits); /* zeroed: nothing */
/* Into the list state, from the `first` on. */
weir_status wr_splits_save(const struct wr_splits *splits, weir_context *context, size_t first);

#endif /* WR_CONNECTORS_SPLITS_H */

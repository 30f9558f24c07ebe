/* SPDX-License-Identifier: Apache-2.0 */
/* file_base: made empty at a barrier, filled when its snapshot is written, and from the completion
 * of its checkpoint on shared by the operator and by every snapshot that builds on it.
 */
#include "runtime/file_base.h"

#include "base/check.h"
#include "base/memory.h"

struct wr_file_base *
wr_file_base_create(const weir_alloc *alloc, uint64_t checkpoint_id)
{
    struct wr_file_base *base = wr_memory_new(alloc, sizeof *base);
    if (base != NULL) {
        base->alloc = *alloc;
        base->uses = 1;
        base->checkpoint_id = checkpoint_id;
        wr_file_list_init(&base->files, alloc);
    }
    return base;
}

struct wr_file_base *
wr_file_base_ref(struct wr_file_base *base)
{
    if (base != NULL) {
        base->uses++;
    }
    return base;
}

void
wr_file_base_unref(struct wr_file_base *base)
{
    if (base == NULL) {
        return;
    }
    wr_assert(base->uses != 0);
    if (--base->uses == 0) {
        weir_alloc alloc = base->alloc;
        wr_file_list_fini(&base->files);
        wr_memory_free(&alloc, base, sizeof *base);
    }
}

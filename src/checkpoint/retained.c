/* SPDX-License-Identifier: Apache-2.0 */
/* retained: one array with a border in it, so that dropping needs no memory. */
#include "checkpoint/retained.h"

#include "base/check.h"

#include <string.h>

weir_status
wr_retained_init(struct wr_retained *retained, const weir_alloc *alloc, size_t room)
{
    uint64_t *ids = wr_memory_new(alloc, room * sizeof *ids);
    if (ids == NULL) {
        return WEIR_NOMEM;
    }
    *retained = (struct wr_retained){ .ids = ids, .room = room };
    return WEIR_OK;
}

void
wr_retained_fini(struct wr_retained *retained, const weir_alloc *alloc)
{
    wr_memory_free(alloc, retained->ids, retained->room * sizeof *retained->ids);
}

weir_status
wr_retained_grow(struct wr_retained *retained, const weir_alloc *alloc)
{
    size_t size = retained->room * sizeof *retained->ids;
    uint64_t *ids = wr_memory_resize(alloc, retained->ids, size, size + sizeof *ids);
    if (ids == NULL) {
        return WEIR_NOMEM;
    }
    retained->ids = ids;
    retained->room++;
    return WEIR_OK;
}

/* The io thread answers in the order it was asked, so the new one is the newest; it is put in its
 * place all the same. */
void
wr_retained_add(struct wr_retained *retained, uint64_t id)
{
    size_t at = retained->deleting_count + retained->count;
    wr_assert(at < retained->room);
    for (; at > retained->deleting_count && retained->ids[at - 1] > id; at--) {
        retained->ids[at] = retained->ids[at - 1];
    }
    retained->ids[at] = id;
    retained->count++;
}

uint64_t
wr_retained_oldest(const struct wr_retained *retained)
{
    wr_assert(retained->count > 0);
    return retained->ids[retained->deleting_count];
}

uint64_t
wr_retained_newest(const struct wr_retained *retained)
{
    wr_assert(retained->count > 0);
    return retained->ids[retained->deleting_count + retained->count - 1];
}

bool
wr_retained_has(const struct wr_retained *retained, uint64_t id)
{
    for (size_t i = 0; i < retained->count; i++) {
        if (retained->ids[retained->deleting_count + i] == id) {
            return true;
        }
    }
    return false;
}

size_t
wr_retained_count_to(const struct wr_retained *retained, uint64_t id)
{
    size_t count = retained->count;
    while (count > 0 && retained->ids[retained->deleting_count + count - 1] > id) {
        count--;
    }
    return count;
}

uint64_t
wr_retained_drop(struct wr_retained *retained)
{
    uint64_t id = wr_retained_oldest(retained);
    retained->deleting_count++;
    retained->count--;
    return id;
}

void
wr_retained_deleted(struct wr_retained *retained, uint64_t id)
{
    for (size_t i = 0; i < retained->deleting_count; i++) {
        if (retained->ids[i] == id) {
            size_t behind = retained->deleting_count + retained->count - i - 1;
            memmove(retained->ids + i, retained->ids + i + 1, behind * sizeof *retained->ids);
            retained->deleting_count--;
            return;
        }
    }
}

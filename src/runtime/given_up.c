/* SPDX-License-Identifier: Apache-2.0 */
/* given_up: a short sorted list; the least makes room for a new one. */
#include "runtime/given_up.h"

#include <string.h>

bool
wr_given_up_has(const struct wr_given_up *given_up, uint64_t id)
{
    for (uint32_t i = 0; i < given_up->count; i++) {
        if (given_up->ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* The first `count` are forgotten. */
static void
drop_first(struct wr_given_up *given_up, uint32_t count)
{
    given_up->count -= count;
    memmove(given_up->ids, given_up->ids + count, given_up->count * sizeof *given_up->ids);
}

void
wr_given_up_add(struct wr_given_up *given_up, uint64_t id, uint64_t settled)
{
    uint32_t stale = 0;
    while (stale < given_up->count && given_up->ids[stale] <= settled) {
        stale++;
    }
    drop_first(given_up, stale);
    if (id <= settled || wr_given_up_has(given_up, id)) {
        return;
    }
    if (given_up->count == WR_GIVEN_UP_MAX) {
        drop_first(given_up, 1);
    }
    uint32_t at = given_up->count++;
    for (; at > 0 && given_up->ids[at - 1] > id; at--) {
        given_up->ids[at] = given_up->ids[at - 1];
    }
    given_up->ids[at] = id;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* requests: a sorted array. It is looked through from the front, and short nearly always. */
#include "checkpoint/requests.h"

#include "base/check.h"

#include <string.h>

weir_status
wr_requests_init(struct wr_requests *requests, const weir_alloc *alloc)
{
    struct wr_request *entries = wr_memory_new(alloc, WR_REQUESTS_MAX * sizeof *entries);
    if (entries == NULL) {
        return WEIR_NOMEM;
    }
    *requests = (struct wr_requests){ .entries = entries };
    return WEIR_OK;
}

void
wr_requests_fini(struct wr_requests *requests, const weir_alloc *alloc)
{
    wr_memory_free(alloc, requests->entries, WR_REQUESTS_MAX * sizeof *requests->entries);
}

bool
wr_requests_are_full(const struct wr_requests *requests)
{
    return requests->count == WR_REQUESTS_MAX;
}

void
wr_requests_add(struct wr_requests *requests, struct wr_request request)
{
    wr_assert(!wr_requests_are_full(requests));
    size_t at = requests->count;
    if (wr_checkpoint_is_savepoint(request.kind)) {
        while (at > 0 && !wr_checkpoint_is_savepoint(requests->entries[at - 1].kind)) {
            at--;
        }
    }
    struct wr_request *place = requests->entries + at;
    memmove(place + 1, place, (requests->count - at) * sizeof *place);
    *place = request;
    requests->count++;
}

struct wr_request
wr_requests_take(struct wr_requests *requests, size_t index)
{
    wr_assert(index < requests->count);
    struct wr_request *place = requests->entries + index;
    struct wr_request taken = *place;
    requests->count--;
    memmove(place, place + 1, (requests->count - index) * sizeof *place);
    return taken;
}

bool
wr_requests_have_last(const struct wr_requests *requests)
{
    for (size_t i = 0; i < requests->count; i++) {
        if (wr_request_is_last(&requests->entries[i])) {
            return true;
        }
    }
    return false;
}

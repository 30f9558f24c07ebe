/* SPDX-License-Identifier: Apache-2.0 */
/* whole_list: a list as one value of the engine, in the form of weir/snapshot.h:
 *
 *   | u32 size | item | u32 size | item | ...
 *
 * Adding writes the list anew: right for engines that are small and for lists that are short. Items
 * stand unaligned in it, so one that is read is lent from a copy.
 *
 * cursor: word 0 is where the next item begins.
 */
#include "state/whole_list.h"

#include "base/fail.h"
#include "base/little.h"
#include "state/common.h"

enum {
    SIZE_BYTES = 4
};

/* The list with these items behind it, into `out`. */
static weir_status
append(struct wr_buffer *out, const weir_bytes *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wr_buffer_put_u32(out, (uint32_t)items[i].size);
        wr_buffer_put(out, items[i].data, items[i].size);
    }
    return wr_buffer_status(out);
}

weir_status
wr_whole_list_add(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_buffer *list = &self->common->whole;
    weir_bytes had = weir_bytes_of(NULL, 0);
    weir_status status = self->common->ops->find(self, key, &had);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    WR_TRY(wr_scratch_put(list, had.data, status == WEIR_OK ? had.size : 0));
    WR_TRY(append(list, items, count));
    return self->common->ops->put(self, key, weir_bytes_of(list->data, list->size));
}

weir_status
wr_whole_list_put(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_buffer *list = &self->common->whole;
    wr_buffer_clear(list);
    WR_TRY(append(list, items, count));
    return self->common->ops->put(self, key, weir_bytes_of(list->data, list->size));
}

weir_status
wr_whole_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor, weir_bytes *out_item)
{
    weir_bytes list;
    WR_TRY(self->common->ops->find(self, key, &list));
    uint64_t at = cursor->word[0];
    if (at >= list.size) {
        return WEIR_NOT_FOUND;
    }
    const uint8_t *data = list.data;
    uint32_t size = list.size - at >= SIZE_BYTES ? wr_get_u32(data + at) : UINT32_MAX;
    if (size > list.size - at - SIZE_BYTES) {
        return WEIR_CORRUPT;
    }
    struct wr_buffer *lent = &self->common->lent;
    WR_TRY(wr_scratch_put(lent, data + at + SIZE_BYTES, size));
    cursor->word[0] = at + SIZE_BYTES + size;
    *out_item = weir_bytes_of(lent->data, size);
    return WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* drop: what is left to drop of removed lists and maps; see drop.h. */
#include "state/heap/drop.h"

#include "state/heap/list.h"
#include "state/heap/map.h"

struct wr_drop {
    struct wr_drop *next;
    enum wr_value_form form;
    bool is_sized;     /* of a map: entries of their own size, which may point to blocks */
    uint32_t progress; /* of a map: blocks dropped */
    uint8_t value[WR_COLLECTION_BYTES];
};

bool
wr_drop_later(struct wr_heap *heap, const struct wr_layout *layout, const uint8_t *value)
{
    struct wr_drop *drop = wr_slab_new(&heap->slab, sizeof *drop, NULL);
    if (drop == NULL) {
        return false;
    }
    *drop = (struct wr_drop){ .next = heap->drops,
                              .form = layout->value_form,
                              .is_sized = layout->map_stride == 0 };
    memcpy(drop->value, value, WR_COLLECTION_BYTES);
    heap->drops = drop;
    return true;
}

bool
wr_drop_some(struct wr_heap *heap, size_t blocks)
{
    size_t left = blocks;
    while (heap->drops != NULL && left > 0) {
        struct wr_drop *drop = heap->drops;
        bool is_done =
            drop->form == WR_VALUE_LIST
                ? wr_list_drop_some(heap, drop->value, &left)
                : wr_map_drop_some(heap, drop->is_sized, drop->value, &drop->progress, &left);
        if (is_done) {
            heap->drops = drop->next;
            wr_slab_free(&heap->slab, drop);
        }
    }
    return heap->drops != NULL;
}

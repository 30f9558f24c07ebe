/* SPDX-License-Identifier: Apache-2.0 */
/* operator_list: a list of values.
 *
 *   elements | size 8 | bytes, up to 8 | size 8 | bytes ... |        back to back
 *   offsets  | offset | offset | ...                                 where each begins
 *
 * So a copy for a snapshot is two memcpys, whatever the list holds, and an element is found by
 * index.
 */
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "state/operator_parts.h"
#include "weir/engine_support.h"

struct weir_operator_list *
wr_operator_list_new(const weir_alloc *alloc, const weir_state_descriptor *descriptor)
{
    struct weir_operator_list *list = wr_memory_new(alloc, sizeof *list);
    if (list == NULL) {
        return NULL;
    }
    wr_buffer_init(&list->elements, alloc);
    wr_buffer_init(&list->offsets, alloc);
    if (weir_state_descriptor_copy(alloc, descriptor, &list->descriptor) != WEIR_OK) {
        wr_operator_list_destroy(alloc, list);
        return NULL;
    }
    return list;
}

void
wr_operator_list_destroy(const weir_alloc *alloc, struct weir_operator_list *list)
{
    wr_buffer_fini(&list->elements);
    wr_buffer_fini(&list->offsets);
    weir_state_descriptor_destroy(list->descriptor);
    wr_memory_free(alloc, list, sizeof *list);
}

bool
wr_operator_list_fill(struct weir_operator_list *list, const struct weir_operator_list *from)
{
    wr_buffer_put(&list->elements, from->elements.data, from->elements.size);
    wr_buffer_put(&list->offsets, from->offsets.data, from->offsets.size);
    list->count = from->count;
    return !list->elements.refused && !list->offsets.refused;
}

/* --- weir/state.h --- */

size_t
weir_operator_list_count(const weir_operator_list *list)
{
    return list->count;
}

weir_bytes
weir_operator_list_at(const weir_operator_list *list, size_t index)
{
    if (index >= list->count) {
        return weir_bytes_of(NULL, 0);
    }
    const uint8_t *element = list->elements.data + wr_get_u64(list->offsets.data + index * 8);
    return weir_bytes_of(element + 8, wr_get_u64(element));
}

static weir_status
add(weir_operator_list *list, weir_bytes value)
{
    if ((value.data == NULL && value.size != 0) ||
        value.size < weir_type_fixed_size(list->descriptor->type)) {
        return WEIR_INVALID;
    }
    if (value.size > WEIR_VALUE_SIZE_MAX) {
        return WEIR_LIMIT;
    }
    size_t elements_size = list->elements.size;
    size_t offsets_size = list->offsets.size;
    size_t lent = (size_t)((const uint8_t *)value.data - list->elements.data);
    bool is_own = list->elements.data != NULL && lent < elements_size; /* lent from this list */
    uint8_t *element = wr_buffer_extend(&list->elements, 8 + weir_round8(value.size));
    uint8_t *offset = element != NULL ? wr_buffer_extend(&list->offsets, 8) : NULL;
    if (offset == NULL) { /* as it was, and ready for another try */
        list->elements.size = elements_size;
        list->elements.refused = false;
        list->offsets.size = offsets_size;
        list->offsets.refused = false;
        return WEIR_NOMEM;
    }
    const uint8_t *from = is_own ? list->elements.data + lent : (const uint8_t *)value.data;
    wr_put_u64(offset, elements_size);
    wr_put_u64(element, value.size);
    memset(element + 8, 0, weir_round8(value.size));
    if (value.size != 0) {
        memcpy(element + 8, from, value.size);
    }
    list->count++;
    return WEIR_OK;
}

weir_status
weir_operator_list_add(weir_operator_list *list, weir_bytes value)
{
    if (list == NULL) {
        return WEIR_INVALID;
    }
    return wr_operator_state_leave(list->owner, list->descriptor, add(list, value));
}

void
weir_operator_list_clear(weir_operator_list *list)
{
    wr_buffer_clear(&list->elements);
    wr_buffer_clear(&list->offsets);
    list->count = 0;
}

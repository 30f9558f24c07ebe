/* SPDX-License-Identifier: Apache-2.0 */
/* builder: where reduce and aggregate functions put results of variable size.
 *
 *   | 8 bytes, for a timestamp | the block |
 *
 * so that what was built is an item as it stands.
 */
#include "state/common.h"

#include "types/block.h"
#include "types/type.h"

void
wr_builder_init(weir_value_builder *builder, const weir_alloc *alloc)
{
    *builder = (weir_value_builder){ .is_reserved = false };
    wr_buffer_init(&builder->bytes, alloc);
}

void
wr_builder_fini(weir_value_builder *builder)
{
    wr_buffer_fini(&builder->bytes);
}

void
wr_builder_reset(weir_value_builder *builder)
{
    wr_buffer_clear(&builder->bytes);
    builder->is_reserved = false;
    builder->is_too_big = false;
}

void *
weir_value_builder_reserve(weir_value_builder *builder, size_t size)
{
    wr_builder_reset(builder);
    if (size > WEIR_VALUE_SIZE_MAX) {
        builder->is_too_big = true;
        return NULL;
    }
    uint8_t *room = wr_buffer_extend(&builder->bytes, WR_ITEM_HEAD + size);
    if (room == NULL) {
        return NULL;
    }
    builder->is_reserved = true;
    memset(room, 0, WR_ITEM_HEAD + size);
    return room + WR_ITEM_HEAD;
}

weir_status
wr_builder_block(const weir_value_builder *builder, const weir_type *type, weir_bytes *out_block)
{
    if (builder->is_too_big) {
        return WEIR_LIMIT;
    }
    if (builder->bytes.refused) {
        return WEIR_NOMEM;
    }
    if (!builder->is_reserved) {
        return WEIR_USER;
    }
    weir_bytes block =
        weir_bytes_of(builder->bytes.data + WR_ITEM_HEAD, builder->bytes.size - WR_ITEM_HEAD);
    size_t fixed_size = weir_type_fixed_size(type);
    if (weir_type_is_fixed(type) && block.size == weir_round8(fixed_size)) {
        block.size = fixed_size;
    }
    if (block.size < fixed_size || (weir_type_is_fixed(type) && block.size != fixed_size)) {
        return WEIR_USER;
    }
    *out_block = block;
    return WEIR_OK;
}

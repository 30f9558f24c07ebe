/* SPDX-License-Identifier: Apache-2.0 */
/* types/block.h: what can be told of a block from its type. Thread: any. */
#ifndef WR_TYPES_BLOCK_H
#define WR_TYPES_BLOCK_H

#include "weir/type.h"

/* The size of a well-formed block, variable parts included, rounded up to 8. */
size_t wr_block_size(const weir_type *type, const void *block);

/* Prints a key from its bytes (types/key.h), as weir_type_print does a value: for error messages.
 */
size_t wr_key_print(const weir_type *key_type, weir_bytes key, char *out, size_t room);

#endif /* WR_TYPES_BLOCK_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* types/key.h: the key of a record: its bytes, as engines store them, and its Java hash code.
 *
 * Key bytes, by the key's type:
 *     no string or bytes in it    its fixed part
 *     string, bytes               the content alone
 *     any other                   the whole block, canonical (types/gather.h)
 * Equal keys have equal bytes: every NaN is Java's; 0.0 and -0.0 are different keys, as in Flink.
 *
 * Thread: a plan is immutable; the scratch buffer is the caller's.
 */
#ifndef WR_TYPES_KEY_H
#define WR_TYPES_KEY_H

#include "base/buffer.h"
#include "types/key_group.h"
#include "weir/type.h"

struct wr_key_plan;

/* From the fields of a record, given by index in the key's order: one field is the key itself, more
 * are a struct of them named "key". A record that is no struct is its own key, field 0.
 * WEIR_INVALID with words: no fields, one twice, or none of the record's. */
weir_status wr_key_plan_create(const weir_alloc *alloc, const weir_type *record_type,
                               const size_t *field_indexes, size_t field_count,
                               struct wr_key_plan **out_plan, weir_error *err);
void wr_key_plan_destroy(struct wr_key_plan *plan); /* NULL: nothing */

const weir_type *wr_key_plan_type(const struct wr_key_plan *plan); /* lent: the plan's life */

/* The key is one string field: where it stands in the record. For loops that do all of a key at
 * once. */
bool wr_key_plan_is_text(const struct wr_key_plan *plan, uint32_t *out_offset);

struct wr_extracted_key {
    const void *data;
    uint32_t size;
    int32_t java_hash;
};

/* The keys of a batch. The scratch is emptied first; the keys are lent from the records or from it,
 * until either changes. WEIR_LIMIT: one is larger than WEIR_KEY_SIZE_MAX; WEIR_NOMEM. */
weir_status wr_key_plan_extract_batch(const struct wr_key_plan *plan, const void *const *records,
                                      size_t count, struct wr_buffer *scratch,
                                      struct wr_extracted_key *out_keys);

/* The key of one record, in the same way. */
weir_status wr_key_plan_extract(const struct wr_key_plan *plan, const void *record,
                                struct wr_buffer *scratch, weir_bytes *out_key,
                                int32_t *out_java_hash);

/* The hash code of a key from its bytes. */
int32_t wr_key_java_hash(const weir_type *key_type, weir_bytes key);

/* Checks foreign bytes: whether they are a key of this type. WEIR_CORRUPT with words. */
weir_status wr_key_check(const weir_type *key_type, weir_bytes key, weir_error *err);

#endif /* WR_TYPES_KEY_H */

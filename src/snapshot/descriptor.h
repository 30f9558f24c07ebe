/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/descriptor.h: what a state is called and made of, as it stands in the directory of a
 * state file and in the manifest. For both formats' writers and readers. Thread: any.
 *
 *   OFFSET SIZE WHAT
 *    0      1   kind: 1 value, 2 list, 3 map, 4 reducing, 5 aggregating, 6 timers, 7 broadcast
 *    1      1   list mode: 0 keyed or broadcast, 1 split, 2 union
 *    2      2   flags: 1 items carry timestamps, 2 a map key's type, 4 a namespace's type follows
 *    4      .   text: the name; the type; the map key's type and the namespace's, where so
 */
#ifndef WR_SNAPSHOT_DESCRIPTOR_H
#define WR_SNAPSHOT_DESCRIPTOR_H

#include "base/buffer.h"
#include "weir/snapshot.h"

enum {
    WR_STATE_NAME_SIZE_MAX = 255,
    WR_DESCRIPTOR_SIZE_MIN = 8
};

bool wr_state_kind_is_keyed(weir_state_kind kind, weir_list_mode mode);
/* A name within its limit, and the types that the kind wants, no others. */
bool wr_descriptor_is_sound(const weir_state_descriptor *descriptor);
/* Appends; of a sound one. */
void wr_descriptor_encode(const weir_state_descriptor *descriptor, struct wr_buffer *out);
/* Name and types are made by `alloc` and never freed: an arena's. `has_flags` false: version 1 of
 * the manifest, which has no flags. WEIR_CORRUPT, WEIR_VERSION (a type's), WEIR_NOMEM. */
weir_status wr_descriptor_decode(const weir_alloc *alloc, struct wr_cursor *cursor, bool has_flags,
                                 weir_state_descriptor *out_descriptor, weir_error *err);

#endif /* WR_SNAPSHOT_DESCRIPTOR_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/state/heap_slot.h: what the table of an in-memory state holds under a key. */
#ifndef WEIR_TESTS_HEAP_SLOT_H
#define WEIR_TESTS_HEAP_SLOT_H

#include "support/state_rig.h"

#include "state/heap/entry.h"

/* The slot's value, behind its key part; the key is there. */
static inline uint8_t *
slot_of(const struct rig *rig, weir_state *self, int64_t number)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    weir_key key = rig_number(rig, &number);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, &key);
    assert_true(wr_table_find(state, wr_entry_group(state, &key), &probe, &place));
    return wr_entry_at(state, &place);
}

#endif /* WEIR_TESTS_HEAP_SLOT_H */

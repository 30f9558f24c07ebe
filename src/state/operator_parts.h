/* SPDX-License-Identifier: Apache-2.0 */
/* state/operator_parts.h: what operator state is made of: lists and broadcast maps. For the files
 * operator_*.c and broadcast.c. Thread: task.
 */
#ifndef WR_STATE_OPERATOR_PARTS_H
#define WR_STATE_OPERATOR_PARTS_H

#include "base/buffer.h"
#include "state/operator_state.h"

struct weir_operator_list {
    struct weir_operator_list *next;
    struct wr_operator_state *owner;   /* lent; NULL: a snapshot's copy */
    weir_state_descriptor *descriptor; /* our own */
    size_t count;
    struct wr_buffer elements;
    struct wr_buffer offsets; /* u64 each */
};

struct weir_broadcast {
    struct weir_broadcast *next;
    struct wr_operator_state *owner;   /* lent; NULL: a snapshot's copy */
    weir_state_descriptor *descriptor; /* our own */
    size_t count;
    size_t dead_bytes; /* of entries that are no more */
    struct wr_buffer entries;
    struct wr_buffer offsets; /* u64 each, by ascending key */
    bool is_writable;
};

struct wr_operator_state {
    weir_alloc alloc;
    char *operator_name;
    struct weir_operator_list *lists; /* in the order they came to be known */
    struct weir_broadcast *broadcasts;
    size_t list_count;
    size_t broadcast_count;
    weir_status failure;                   /* of the first verb that failed */
    const weir_state_descriptor *refusing; /* what refused it; lent */
};

/* --- operator_state.c --- */

/* What a verb answers: the first failure stays with the operator's state, and WEIR_NOT_FOUND is
 * none. Gives the status back. */
weir_status wr_operator_state_leave(struct wr_operator_state *state,
                                    const weir_state_descriptor *descriptor, weir_status status);

/* --- operator_list.c --- */

/* An empty list. NULL: no memory. */
struct weir_operator_list *wr_operator_list_new(const weir_alloc *alloc,
                                                const weir_state_descriptor *descriptor);
void wr_operator_list_destroy(const weir_alloc *alloc, struct weir_operator_list *list);
/* Puts a copy of another's elements into an empty list. False: no memory. */
bool wr_operator_list_fill(struct weir_operator_list *list, const struct weir_operator_list *from);

/* --- broadcast.c --- */

struct weir_broadcast *wr_broadcast_new(const weir_alloc *alloc,
                                        const weir_state_descriptor *descriptor);
void wr_broadcast_destroy(const weir_alloc *alloc, struct weir_broadcast *broadcast);
bool wr_broadcast_fill(struct weir_broadcast *broadcast, const struct weir_broadcast *from);
/* Whoever asks; weir_broadcast_put is for functions, while they may. */
weir_status wr_broadcast_put(struct weir_broadcast *broadcast, weir_bytes key, weir_bytes value);
/* The entry at a place by ascending key; a null value: data NULL. */
void wr_broadcast_at(const struct weir_broadcast *broadcast, size_t index, weir_bytes *out_key,
                     weir_bytes *out_value);

#endif /* WR_STATE_OPERATOR_PARTS_H */

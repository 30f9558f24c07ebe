/* SPDX-License-Identifier: Apache-2.0 */
/* operators/rest.h: what reduce and sum keep of a key: the record less its key fields, as value
 * state
 * `_op_state`, Flink's name for it.
 *
 * Thread: task; one per instance.
 */
#ifndef WR_OPERATORS_REST_H
#define WR_OPERATORS_REST_H

#include "weir/function.h"
#include "weir/projection.h"

struct wr_rest_move; /* one run of bytes that stands in both, the rest and the record */

struct wr_rest {
    weir_alloc alloc;
    weir_state *state;
    weir_projection *projection;
    bool is_fixed;              /* the rest has no strings: changed in place */
    struct wr_rest_move *moves; /* is_fixed: the rest's fields, neighbours together */
    size_t move_count;
    size_t move_capacity;
};

/* Fails with words if the operator is not keyed. `what` is said in them: "reduce". */
weir_status wr_rest_init(struct wr_rest *rest, weir_context *context, const char *what);
void wr_rest_fini(struct wr_rest *rest); /* zeroed: nothing */

/* is_fixed: overwrites the rest's fields in a record that has the key already. */
void wr_rest_spread(const struct wr_rest *rest, const void *value, void *record);

/* Emits the record of the key that `record` has and of the rest `value`. */
weir_status wr_rest_emit(const struct wr_rest *rest, const void *record, const void *value,
                         weir_collector *out);

#endif /* WR_OPERATORS_REST_H */

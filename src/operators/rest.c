/* SPDX-License-Identifier: Apache-2.0 */
/* rest: the state of reduce and sum, and its way back into a record.
 *
 * A rest of fixed size goes back by a few copies of bytes at known places, since a record with the
 * same key differs from the one wanted in those fields alone. For the word count that is one copy
 * of eight bytes. Any other rest goes back by the projection's join.
 */
#include "operators/rest.h"

#include "base/memory.h"

struct wr_rest_move {
    size_t from; /* in the rest */
    size_t to;   /* in the record */
    size_t size;
};

static const char state_name[] = "_op_state";

static bool
continues(const struct wr_rest_move *last, size_t from, size_t to)
{
    return last->from + last->size == from && last->to + last->size == to;
}

/* The fields that are not the key's, as runs of bytes. */
static void
plan_moves(struct wr_rest *rest, const weir_type *record_type)
{
    for (size_t i = 0; i < weir_type_field_count(record_type); i++) {
        const weir_field *field = weir_type_field(record_type, i);
        size_t from = 0;
        if (weir_projection_offset(rest->projection, i, &from) != WEIR_OK) {
            continue; /* the key's */
        }
        if (rest->move_count > 0 &&
            continues(&rest->moves[rest->move_count - 1], from, field->offset)) {
            rest->moves[rest->move_count - 1].size += field->size;
        } else {
            rest->moves[rest->move_count++] =
                (struct wr_rest_move){ .from = from, .to = field->offset, .size = field->size };
        }
    }
}

weir_status
wr_rest_init(struct wr_rest *rest, weir_context *context, const char *what)
{
    const weir_type *type = weir_context_input_type(context);
    size_t key_count = 0;
    const size_t *key_fields = weir_context_key_fields(context, &key_count);
    if (key_count == 0) {
        return weir_context_fail(context, WEIR_INVALID,
                                 "%s needs a keyed stream of records: call weir_stream_key_by with "
                                 "fields of '%s' before it",
                                 what, weir_type_name(type));
    }
    rest->alloc = *weir_context_alloc(context);
    weir_error error = { .status = WEIR_OK };
    weir_status status = weir_projection_create(&rest->alloc, type, key_fields, key_count,
                                                &rest->projection, &error);
    if (status != WEIR_OK) {
        return weir_context_fail(context, status, "%s: %s", what, error.message);
    }
    const weir_type *rest_type = weir_projection_type(rest->projection);
    rest->is_fixed = weir_type_is_fixed(rest_type);
    if (rest->is_fixed) {
        rest->move_capacity = weir_type_field_count(type);
        rest->moves = wr_memory_new(&rest->alloc, rest->move_capacity * sizeof *rest->moves);
        if (rest->moves == NULL) {
            return weir_context_fail(context, WEIR_NOMEM, "%s: no memory to open", what);
        }
        plan_moves(rest, type);
    }
    return weir_context_value_state(context, state_name, rest_type, &rest->state);
}

void
wr_rest_fini(struct wr_rest *rest)
{
    if (rest->moves != NULL) {
        wr_memory_free(&rest->alloc, rest->moves, rest->move_capacity * sizeof *rest->moves);
        rest->moves = NULL;
    }
    weir_projection_destroy(rest->projection);
    rest->projection = NULL;
}

void
wr_rest_spread(const struct wr_rest *rest, const void *value, void *record)
{
    const struct wr_rest_move *move = rest->moves;
    if (rest->move_count == 1 && move->size == sizeof(uint64_t)) {
        memcpy((char *)record + move->to, (const char *)value + move->from, sizeof(uint64_t));
        return;
    }
    for (size_t i = 0; i < rest->move_count; i++, move++) {
        memcpy((char *)record + move->to, (const char *)value + move->from, move->size);
    }
}

weir_status
wr_rest_emit(const struct wr_rest *rest, const void *record, const void *value, weir_collector *out)
{
    size_t size = weir_projection_join_size(rest->projection, record, value);
    void *block = weir_collector_emit(out, size);
    if (block == NULL) {
        return WEIR_LIMIT; /* the task has the words */
    }
    weir_projection_join(rest->projection, record, value, block);
    return WEIR_OK;
}

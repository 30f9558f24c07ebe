/* SPDX-License-Identifier: Apache-2.0 */
/* projection: two gathers, there and back.
 *
 *     take   record               -> rest      packed, in declared order
 *     join   key record, rest     -> record    each field from where it is kept
 *
 * A type has one field at least, so a record that is all key leaves a bool behind that is always
 * true; take writes it and join does not look at it.
 */
#include "weir/projection.h"

#include "base/fail.h"
#include "base/memory.h"
#include "types/gather.h"
#include "types/packed.h"
#include "types/type.h"

enum {
    FROM_KEY_RECORD = 0,
    FROM_REST = 1
};

struct weir_projection {
    weir_alloc alloc;
    bool is_all_key;
    weir_type *rest_type;
    struct wr_gather *take; /* NULL if is_all_key */
    struct wr_gather *join;
    size_t field_count;   /* of the record */
    uint32_t *rest_index; /* of each: its place in the rest, or left_out */
};

static const uint32_t left_out = UINT32_MAX;

struct present {
    bool present;
};

static bool
is_key_field(const size_t *key_field_indexes, size_t key_field_count, size_t index)
{
    for (size_t i = 0; i < key_field_count; i++) {
        if (key_field_indexes[i] == index) {
            return true;
        }
    }
    return false;
}

static weir_status
make_type(weir_projection *projection, const weir_type *record_type, const size_t *rest_indexes,
          size_t rest_count)
{
    if (rest_count > 0) {
        return wr_packed_type(&projection->alloc, "rest", record_type, rest_indexes, rest_count,
                              &projection->rest_type);
    }
    static const weir_field present = WEIR_FIELD(struct present, present, BOOL);
    projection->is_all_key = true;
    return weir_type_create_struct(&projection->alloc, "rest", sizeof(struct present), &present, 1,
                                   &projection->rest_type, NULL);
}

/* rest_indexes ascend, so the n-th of them is the n-th field of the rest. */
static weir_status
make_gathers(weir_projection *projection, const weir_type *record_type, const size_t *rest_indexes,
             size_t rest_count)
{
    WR_TRY(wr_gather_create(&projection->alloc, record_type, false, &projection->join));
    if (rest_count > 0) {
        WR_TRY(
            wr_gather_create(&projection->alloc, projection->rest_type, false, &projection->take));
    }
    uint32_t next = 0;
    for (size_t i = 0; i < record_type->field_count; i++) {
        projection->rest_index[i] = left_out;
        const weir_field *field = &record_type->fields[i];
        const weir_type *type = wr_field_type(field);
        if (next < rest_count && rest_indexes[next] == i) {
            uint32_t offset = projection->rest_type->fields[next].offset;
            wr_gather_add(projection->take, 0, field->offset, offset, type);
            wr_gather_add(projection->join, FROM_REST, offset, field->offset, type);
            projection->rest_index[i] = next++;
        } else {
            wr_gather_add(projection->join, FROM_KEY_RECORD, field->offset, field->offset, type);
        }
    }
    return WEIR_OK;
}

static weir_status
plan(weir_projection *projection, const weir_type *record_type, const size_t *key_field_indexes,
     size_t key_field_count)
{
    size_t memory_size = record_type->field_count * sizeof(size_t);
    size_t *rest_indexes = wr_memory_new(&projection->alloc, memory_size);
    if (rest_indexes == NULL) {
        return WEIR_NOMEM;
    }
    size_t rest_count = 0;
    for (size_t i = 0; i < record_type->field_count; i++) {
        if (!is_key_field(key_field_indexes, key_field_count, i)) {
            rest_indexes[rest_count++] = i;
        }
    }
    weir_status status = make_type(projection, record_type, rest_indexes, rest_count);
    if (status == WEIR_OK) {
        status = make_gathers(projection, record_type, rest_indexes, rest_count);
    }
    wr_memory_free(&projection->alloc, rest_indexes, memory_size);
    return status;
}

weir_status
weir_projection_create(const weir_alloc *alloc, const weir_type *record_type,
                       const size_t *left_out_fields, size_t left_out_count,
                       weir_projection **out_projection, weir_error *err)
{
    if (record_type->kind != WEIR_STRUCT) {
        return wr_fail(err, WEIR_INVALID, "a record of type %s has no fields to take away",
                       record_type->name);
    }
    WR_TRY(wr_packed_check(record_type, left_out_fields, left_out_count, "a key", err));
    weir_projection *projection = wr_memory_new(alloc, sizeof *projection);
    if (projection == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the state type of %s", record_type->name);
    }
    projection->alloc = *alloc;
    projection->field_count = record_type->field_count;
    projection->rest_index =
        wr_memory_new(alloc, record_type->field_count * sizeof *projection->rest_index);
    if (projection->rest_index == NULL) {
        weir_projection_destroy(projection);
        return wr_fail(err, WEIR_NOMEM, "no memory for the state type of %s", record_type->name);
    }
    weir_status status = plan(projection, record_type, left_out_fields, left_out_count);
    if (status != WEIR_OK) {
        weir_projection_destroy(projection);
        return wr_fail(err, status, "no memory for the state type of %s", record_type->name);
    }
    *out_projection = projection;
    return WEIR_OK;
}

void
weir_projection_destroy(weir_projection *projection)
{
    if (projection != NULL) {
        wr_gather_destroy(projection->join);
        wr_gather_destroy(projection->take);
        weir_type_destroy(projection->rest_type);
        wr_memory_free(&projection->alloc, projection->rest_index,
                       projection->field_count * sizeof *projection->rest_index);
        weir_alloc alloc = projection->alloc;
        wr_memory_free(&alloc, projection, sizeof *projection);
    }
}

const weir_type *
weir_projection_type(const weir_projection *projection)
{
    return projection->rest_type;
}

weir_status
weir_projection_offset(const weir_projection *projection, size_t record_field, size_t *out_offset)
{
    if (projection->is_all_key || record_field >= projection->field_count ||
        projection->rest_index[record_field] == left_out) {
        return WEIR_NOT_FOUND;
    }
    *out_offset = projection->rest_type->fields[projection->rest_index[record_field]].offset;
    return WEIR_OK;
}

size_t
weir_projection_take_size(const weir_projection *projection, const void *record)
{
    if (projection->rest_type->part_count == 0) {
        return projection->rest_type->fixed_size;
    }
    const void *sources[WR_GATHER_SOURCES] = { record, NULL };
    return wr_gather_size(projection->take, sources);
}

void
weir_projection_take(const weir_projection *projection, const void *record, void *out_rest)
{
    const void *sources[WR_GATHER_SOURCES] = { record, NULL };
    if (projection->is_all_key) {
        *(uint8_t *)out_rest = 1;
    } else if (projection->rest_type->part_count == 0) {
        wr_gather_run_fixed(projection->take, sources, out_rest);
    } else {
        wr_gather_write(projection->take, sources, out_rest);
    }
}

size_t
weir_projection_join_size(const weir_projection *projection, const void *key_record,
                          const void *rest)
{
    const void *sources[WR_GATHER_SOURCES] = { key_record, rest };
    return wr_gather_size(projection->join, sources);
}

void
weir_projection_join(const weir_projection *projection, const void *key_record, const void *rest,
                     void *out_record)
{
    const void *sources[WR_GATHER_SOURCES] = { key_record, rest };
    wr_gather_write(projection->join, sources, out_record);
}

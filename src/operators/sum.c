/* SPDX-License-Identifier: Apache-2.0 */
/* sum: the running sum of one field per key. The hottest code of a word count.
 *
 * With a rest of fixed size a record costs one upsert, one emit and one copy: the emitted block
 * begins as a copy of the record (its key is right already), the state's fields then go over it.
 * The block is taken before the state is touched, since an emit ends the loan of a state's value.
 *
 * Integers wrap as Flink's do; they are added as unsigned numbers, whose overflow C defines.
 */
#include "base/little.h"
#include "base/memory.h"
#include "operators/rest.h"
#include "weir/stream.h"

#include <stdio.h>

enum {
    NAME_SIZE = 300,
    AHEAD = 12 /* values that are fetched before they are needed */
};

struct sum_argument {
    size_t field;
    weir_kind kind;
};

struct sum {
    struct wr_rest rest;
    weir_kind kind;
    size_t from;  /* the field in the record */
    size_t to;    /* and in the rest */
    bool is_word; /* the rest is the sum alone, eight bytes of integer that begin at zero */
};

static bool
is_summable(weir_kind kind)
{
    return kind >= WEIR_I8 && kind <= WEIR_F64;
}

static void
add_f32(void *total, const void *more)
{
    float one;
    float other;
    memcpy(&one, total, sizeof one);
    memcpy(&other, more, sizeof other);
    one += other;
    memcpy(total, &one, sizeof one);
}

static void
add_f64(void *total, const void *more)
{
    double one;
    double other;
    memcpy(&one, total, sizeof one);
    memcpy(&other, more, sizeof other);
    one += other;
    memcpy(total, &one, sizeof one);
}

static void
add(weir_kind kind, void *total, const void *more)
{
    switch (kind) {
    case WEIR_I64:
    case WEIR_U64:
        wr_put_u64(total, wr_get_u64(total) + wr_get_u64(more));
        return;
    case WEIR_I32:
    case WEIR_U32:
        wr_put_u32(total, wr_get_u32(total) + wr_get_u32(more));
        return;
    case WEIR_I16:
    case WEIR_U16:
        wr_put_u16(total, (uint16_t)(wr_get_u16(total) + wr_get_u16(more)));
        return;
    case WEIR_I8:
    case WEIR_U8:
        *(uint8_t *)total = (uint8_t)(*(const uint8_t *)total + *(const uint8_t *)more);
        return;
    case WEIR_F32:
        add_f32(total, more);
        return;
    case WEIR_F64:
        add_f64(total, more);
        return;
    case WEIR_BOOL:
    case WEIR_STRING:
    case WEIR_BYTES:
    case WEIR_STRUCT:
    default:
        return; /* refused by weir_stream_sum */
    }
}

static bool
is_word(const struct sum *sum)
{
    static const uint64_t zero = 0;
    const weir_type *type = weir_projection_type(sum->rest.projection);
    if ((sum->kind != WEIR_I64 && sum->kind != WEIR_U64) || weir_type_kind(type) != WEIR_STRUCT ||
        weir_type_field_count(type) != 1 || weir_type_fixed_size(type) != sizeof zero) {
        return false;
    }
    const void *begin = weir_type_field(type, 0)->default_value;
    return begin == NULL || memcmp(begin, &zero, sizeof zero) == 0;
}

static weir_status
sum_initialize(weir_context *context, void *self)
{
    struct sum *sum = self;
    const struct sum_argument *argument = weir_context_argument(context);
    const weir_type *type = weir_context_input_type(context);
    const weir_field *field = weir_type_field(type, argument->field);
    sum->kind = argument->kind;
    sum->from = field->offset;
    weir_status status = wr_rest_init(&sum->rest, context, "sum");
    if (status != WEIR_OK) {
        return status;
    }
    status = weir_projection_offset(sum->rest.projection, argument->field, &sum->to);
    if (status != WEIR_OK) {
        return weir_context_fail(
            context, WEIR_INVALID,
            "sum(\"%s\"): the field is part of the key of '%s': sum another one", field->name,
            weir_type_name(type));
    }
    sum->is_word = is_word(sum);
    return WEIR_OK;
}

static void
sum_close(weir_context *context, void *self)
{
    (void)context;
    struct sum *sum = self;
    wr_rest_fini(&sum->rest);
}

/* The rest has strings: read, copied, changed, put back. */
static weir_status
sum_variable(const struct sum *sum, weir_context *context, const void *record, weir_collector *out)
{
    const struct wr_rest *rest = &sum->rest;
    weir_bytes old;
    weir_status status = weir_value_get(rest->state, &old);
    bool created = status == WEIR_NOT_FOUND;
    if (status != WEIR_OK && !created) {
        return status;
    }
    size_t size = created ? weir_projection_take_size(rest->projection, record) : old.size;
    void *value = weir_context_scratch(context, size);
    if (value == NULL) {
        return WEIR_NOMEM;
    }
    if (created) {
        weir_projection_take(rest->projection, record, value);
    } else {
        memcpy(value, old.data, size);
        add(sum->kind, (char *)value + sum->to, (const char *)record + sum->from);
    }
    status = weir_value_put(rest->state, weir_bytes_of(value, size));
    return status == WEIR_OK ? wr_rest_emit(rest, record, value, out) : status;
}

static weir_status
sum_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct sum *sum = self;
    const struct wr_rest *rest = &sum->rest;
    if (__builtin_expect(!rest->is_fixed, 0)) {
        return sum_variable(sum, context, record, out);
    }
    size_t size = weir_context_record_size(context);
    void *block = weir_collector_emit(out, size);
    if (block == NULL) {
        return WEIR_LIMIT; /* the task has the words */
    }
    memcpy(block, record, size);
    void *value;
    bool created;
    weir_status status = weir_value_upsert(rest->state, &value, &created);
    if (__builtin_expect(status != WEIR_OK, 0)) {
        return status;
    }
    if (created) {
        weir_projection_take(rest->projection, record, value);
        return WEIR_OK; /* the sum of one record is that record */
    }
    add(sum->kind, (char *)value + sum->to, (const char *)record + sum->from);
    wr_rest_spread(rest, value, block);
    return WEIR_OK;
}

/* The running sums of a batch: all states at once, all records copied at once, then a number each.
 * Declines what takes more than one word a key; and a batch with no room for its keys, since
 * process then names the one that is refused. */
static weir_status
sum_process_batch(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    const struct sum *sum = self;
    const struct wr_rest *rest = &sum->rest;
    size_t count = weir_batch_count(batch);
    const weir_key *keys = weir_context_keys(context);
    void **values = sum->is_word && keys != NULL
                        ? weir_context_scratch(context, 2 * count * sizeof *values)
                        : NULL;
    if (values == NULL || weir_state_upsert_many(rest->state, keys, count, values) != WEIR_OK) {
        return WEIR_UNSUPPORTED;
    }
    void **blocks = values + count;
    weir_status status = weir_collector_emit_batch(out, batch, blocks);
    if (status != WEIR_OK) {
        return status; /* the task has the words */
    }
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(values[i + AHEAD < count ? i + AHEAD : i], 1);
        char *field = (char *)blocks[i] + sum->from;
        uint64_t total = wr_get_u64(values[i]) + wr_get_u64(field);
        wr_put_u64(values[i], total);
        wr_put_u64(field, total);
    }
    return WEIR_OK;
}

static const weir_function sum_function = {
    .size = sizeof(weir_function),
    .name = "sum",
    .instance_size = sizeof(struct sum),
    .initialize_state = sum_initialize,
    .process = sum_process,
    .process_batch = sum_process_batch,
    .close = sum_close,
};

weir_stream *
weir_stream_sum(weir_stream *stream, const char *field)
{
    weir_environment *environment = weir_stream_environment(stream);
    const weir_type *type = weir_stream_type(stream);
    if (type == NULL) {
        return weir_stream_process(stream, "sum", &sum_function, NULL, 0, NULL);
    }
    struct sum_argument argument = { .field = 0 };
    if (field == NULL || weir_type_kind(type) != WEIR_STRUCT ||
        weir_type_find_field(type, field, &argument.field) != WEIR_OK) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "sum(\"%s\"): type '%s' has no such field",
                                    field != NULL ? field : "", weir_type_name(type));
        return NULL;
    }
    argument.kind = weir_type_field(type, argument.field)->kind;
    if (!is_summable(argument.kind)) {
        const weir_type *of = weir_type_of_kind(argument.kind);
        (void)weir_environment_fail(
            environment, WEIR_INVALID,
            "sum(\"%s\"): the field is a %s in '%s'; only integers and floats "
            "have a sum",
            field, of != NULL ? weir_type_name(of) : "struct", weir_type_name(type));
        return NULL;
    }
    size_t key_count = 0;
    const size_t *key_fields = weir_stream_key_fields(stream, &key_count);
    if (key_count == 0) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "sum(\"%s\") needs a keyed stream: call weir_stream_key_by "
                                    "with fields of '%s' before it",
                                    field, weir_type_name(type));
        return NULL;
    }
    for (size_t i = 0; i < key_count; i++) {
        if (key_fields[i] == argument.field) {
            (void)weir_environment_fail(environment, WEIR_INVALID,
                                        "sum(\"%s\"): the field is part of the key of '%s': sum "
                                        "another one",
                                        field, weir_type_name(type));
            return NULL;
        }
    }
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "sum(%.180s)", field);
    return weir_stream_stateful(
        weir_stream_process(stream, name, &sum_function, &argument, sizeof argument, type));
}

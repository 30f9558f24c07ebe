/* SPDX-License-Identifier: Apache-2.0 */
/* state/value: the field's ValueStateBenchmark and TtlValueStateBenchmark. */
#include "state/field.h"

static void
put(struct field *field, uint64_t counter)
{
    bench_expect("put",
                 weir_value_put(field->state, weir_bytes_of(&field->values[counter % FIELD_VALUES],
                                                            sizeof(int64_t))));
}

void
field_value_setup(struct field *field, uint64_t counter)
{
    put(field, counter);
}

static void
update(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
    put(field, counter);
}

static void
add(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->new_keys[counter % field->key_count]);
    put(field, counter);
}

static void
get(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
    weir_bytes value;
    weir_status status = weir_value_get(field->state, &value);
    if (status == WEIR_OK) {
        field->sum += *(const uint64_t *)value.data;
    } else if (field->ttl == NULL || status != WEIR_NOT_FOUND) {
        bench_expect("get", status);
    }
}

const struct field_case field_value_cases[] = {
    { "valueUpdate", WEIR_STATE_VALUE, true, false, 1, update },
    { "valueAdd", WEIR_STATE_VALUE, true, false, 1, add },
    { "valueGet", WEIR_STATE_VALUE, true, false, 1, get },
};
const size_t field_value_case_count = sizeof field_value_cases / sizeof field_value_cases[0];

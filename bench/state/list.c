/* SPDX-License-Identifier: Apache-2.0 */
/* state/list: the field's ListStateBenchmark and TtlListStateBenchmark. Lists begin each iteration
 * with one element. */
#include "state/field.h"

static weir_bytes
element_of(const struct field *field, uint64_t counter)
{
    return weir_bytes_of(&field->values[counter % FIELD_VALUES], sizeof(int64_t));
}

void
field_list_setup(struct field *field, uint64_t counter)
{
    bench_expect("add", weir_list_add(field->state, element_of(field, counter)));
}

static void
update(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
    weir_bytes element = element_of(field, counter);
    bench_expect("update", weir_list_update(field->state, &element, 1));
}

static void
add(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->new_keys[counter % field->key_count]);
    weir_bytes element = element_of(field, counter);
    bench_expect("update", weir_list_update(field->state, &element, 1));
}

static void
append(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
    bench_expect("add", weir_list_add(field->state, element_of(field, counter)));
}

/* Reads the first `most` elements. */
static void
read_some(struct field *field, uint64_t counter, size_t most)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < most && status == WEIR_OK; i++) {
        status = weir_list_next(field->state, &cursor, &element);
        field->sum += status == WEIR_OK ? *(const uint64_t *)element.data : 0;
    }
    if (status != WEIR_NOT_FOUND) {
        bench_expect("next", status);
    }
}

static void
get(struct field *field, uint64_t counter)
{
    read_some(field, counter, 1);
}

static void
get_and_iterate(struct field *field, uint64_t counter)
{
    read_some(field, counter, SIZE_MAX);
}

static void
add_all(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
    weir_bytes elements[FIELD_LIST_VALUES];
    for (size_t i = 0; i < FIELD_LIST_VALUES; i++) {
        elements[i] = element_of(field, i);
    }
    bench_expect("add all", weir_list_add_all(field->state, elements, FIELD_LIST_VALUES));
}

const struct field_case field_list_cases[] = {
    { "listUpdate", WEIR_STATE_LIST, true, true, 1, update },
    { "listAdd", WEIR_STATE_LIST, true, true, 1, add },
    { "listAppend", WEIR_STATE_LIST, true, true, 1, append },
    { "listGet", WEIR_STATE_LIST, true, true, 1, get },
    { "listGetAndIterate", WEIR_STATE_LIST, true, true, 1, get_and_iterate },
    { "listAddAll", WEIR_STATE_LIST, true, true, 1, add_all },
};
const size_t field_list_case_count = sizeof field_list_cases / sizeof field_list_cases[0];

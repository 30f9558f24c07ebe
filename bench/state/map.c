/* SPDX-License-Identifier: Apache-2.0 */
/* state/map: the field's MapStateBenchmark and TtlMapStateBenchmark: ten entries a key, 64-bit
 * integers to doubles. */
#include "state/field.h"

static weir_bytes
map_key_of(const struct field *field, uint64_t counter)
{
    return weir_bytes_of(&field->map_keys[counter % FIELD_MAP_KEYS], sizeof(int64_t));
}

static weir_bytes
value_of(const struct field *field, uint64_t counter)
{
    return weir_bytes_of(&field->map_values[counter % FIELD_VALUES], sizeof(double));
}

static void
put(struct field *field, uint64_t counter)
{
    bench_expect("put",
                 weir_map_put(field->state, map_key_of(field, counter), value_of(field, counter)));
}

static void
put_all(struct field *field, uint64_t counter)
{
    for (uint64_t i = 0; i < FIELD_MAP_KEYS; i++) {
        bench_expect("put",
                     weir_map_put(field->state, map_key_of(field, i), value_of(field, counter)));
    }
}

void
field_map_setup(struct field *field, uint64_t counter)
{
    put_all(field, counter);
}

static void
set_key(struct field *field, uint64_t counter)
{
    field_set_key(field, &field->setup_keys[counter % field->key_count]);
}

static void
update(struct field *field, uint64_t counter)
{
    set_key(field, counter);
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
    set_key(field, counter);
    weir_bytes value;
    weir_status status = weir_map_get(field->state, map_key_of(field, counter), &value);
    if (status == WEIR_OK) {
        field->sum += *(const uint64_t *)value.data;
    } else if (field->ttl == NULL || status != WEIR_NOT_FOUND) {
        bench_expect("get", status);
    }
}

/* Half of these keys are there. */
static void
contains(struct field *field, uint64_t counter)
{
    set_key(field, counter);
    int64_t map_key = field->map_keys[counter % FIELD_MAP_KEYS] * 2;
    field->sum += weir_map_contains(field->state, weir_bytes_of(&map_key, sizeof map_key));
}

static void
is_empty(struct field *field, uint64_t counter)
{
    set_key(field, counter);
    field->sum += weir_map_is_empty(field->state);
}

static void
remove_one(struct field *field, uint64_t counter)
{
    set_key(field, counter);
    bench_expect("remove", weir_map_remove(field->state, map_key_of(field, counter)));
}

static void
update_all(struct field *field, uint64_t counter)
{
    set_key(field, counter);
    put_all(field, counter);
}

/* All entries: what is looked at of them is the bits given. */
static void
walk(struct field *field, uint64_t counter, bool keys, bool values)
{
    set_key(field, counter);
    weir_cursor cursor = { { 0 } };
    weir_bytes key;
    weir_bytes value;
    weir_status status;
    while ((status = weir_map_next(field->state, &cursor, &key, &value)) == WEIR_OK) {
        field->sum += keys ? *(const uint64_t *)key.data : 0;
        field->sum += values ? *(const uint64_t *)value.data : 0;
    }
    if (status != WEIR_NOT_FOUND) {
        bench_expect("next", status);
    }
}

static void
walk_keys(struct field *field, uint64_t counter)
{
    walk(field, counter, true, false);
}

static void
walk_values(struct field *field, uint64_t counter)
{
    walk(field, counter, false, true);
}

static void
walk_entries(struct field *field, uint64_t counter)
{
    walk(field, counter, true, true);
}

const struct field_case field_map_cases[] = {
    { "mapUpdate", WEIR_STATE_MAP, true, false, 1, update },
    { "mapAdd", WEIR_STATE_MAP, true, false, 1, add },
    { "mapGet", WEIR_STATE_MAP, true, false, 1, get },
    { "mapContains", WEIR_STATE_MAP, false, false, 1, contains },
    { "mapIsEmpty", WEIR_STATE_MAP, true, false, 1, is_empty },
    { "mapRemove", WEIR_STATE_MAP, false, false, 1, remove_one },
    { "mapPutAll", WEIR_STATE_MAP, true, false, 1, update_all },
    { "mapKeys", WEIR_STATE_MAP, false, false, FIELD_MAP_KEYS, walk_keys },
    { "mapValues", WEIR_STATE_MAP, false, false, FIELD_MAP_KEYS, walk_values },
    { "mapEntries", WEIR_STATE_MAP, false, false, FIELD_MAP_KEYS, walk_entries },
    { "mapIterator", WEIR_STATE_MAP, true, false, FIELD_MAP_KEYS, walk_entries },
};
const size_t field_map_case_count = sizeof field_map_cases / sizeof field_map_cases[0];

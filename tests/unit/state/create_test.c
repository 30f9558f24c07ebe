/* SPDX-License-Identifier: Apache-2.0 */
/* states come to be and are found again; engines' tables are looked at. */
#include "unit/state/verb_rig.h"

static weir_status
add_up(void *argument, void *accumulated, const void *value)
{
    (void)argument;
    *(int64_t *)accumulated += *(const int64_t *)value;
    return WEIR_OK;
}

static weir_status
add_in_place(void *argument, void *accumulator, weir_bytes value)
{
    return add_up(argument, accumulator, value.data);
}

static const weir_reduce_function adding = { .size = sizeof adding, .reduce_in_place = add_up };

static void
refusals(struct verbs *verbs)
{
    const weir_type *i64 = weir_type_of_kind(WEIR_I64);
    const weir_type *text = weir_type_of_kind(WEIR_STRING);
    static const weir_ttl never = { .size = sizeof never };
    static const weir_ttl second = { .size = sizeof second, .ttl_ms = 1000 };
    static const weir_reduce_function no_reduce = { .size = sizeof no_reduce };
    weir_aggregate_function no_input = { .size = sizeof no_input, .add_in_place = add_in_place };
    char name[258];
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    weir_state_descriptor good = { .kind = WEIR_STATE_VALUE, .name = "s", .type = i64 };
    struct {
        weir_state_descriptor descriptor;
        const char *words;
    } cases[] = {
        { { .kind = WEIR_STATE_VALUE, .type = i64 }, "name and a type" },
        { { .kind = WEIR_STATE_VALUE, .name = "s" }, "name and a type" },
        { { .kind = WEIR_STATE_VALUE, .name = "", .type = i64 }, "1 to 255" },
        { { .kind = WEIR_STATE_VALUE, .name = name, .type = i64 }, "1 to 255" },
        { { .kind = 0, .name = "s", .type = i64 }, "keyed state only" },
        { { .kind = 99, .name = "s", .type = i64 }, "keyed state only" },
        { { .kind = WEIR_STATE_BROADCAST, .name = "s", .type = i64, .map_key_type = i64 },
          "keyed state only" },
        { { .kind = WEIR_STATE_LIST, .list_mode = WEIR_LIST_SPLIT, .name = "s", .type = i64 },
          "keyed state only" },
        { { .kind = WEIR_STATE_MAP, .name = "s", .type = i64 }, "type of its keys" },
        { { .kind = WEIR_STATE_LIST, .name = "s", .type = i64, .map_key_type = i64 },
          "type of its keys" },
        { { .kind = WEIR_STATE_REDUCING, .name = "s", .type = i64 }, "reduce function" },
        { { .kind = WEIR_STATE_REDUCING, .name = "s", .type = i64, .reduce = &no_reduce },
          "reduce function" },
        { { .kind = WEIR_STATE_REDUCING, .name = "s", .type = text, .reduce = &adding },
          "fixed-size types only" },
        { { .kind = WEIR_STATE_AGGREGATING, .name = "s", .type = i64 }, "add function" },
        { { .kind = WEIR_STATE_AGGREGATING, .name = "s", .type = i64, .aggregate = &no_input },
          "input's type" },
        { { .kind = WEIR_STATE_VALUE, .name = "s", .type = i64, .ttl = &never }, "above 0 ms" },
        { { .kind = WEIR_STATE_TIMERS, .name = "s", .type = i64, .ttl = &second },
          "do not expire" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(verbs_refused(verbs, cases[i].descriptor), WEIR_INVALID);
        assert_non_null(strstr(verbs->rig.error.message, cases[i].words));
    }
    name[255] = '\0';
    good.name = name;
    assert_ok(verbs_refused(verbs, good), &verbs->rig.error);
    weir_state *state = NULL;
    assert_int_equal(weir_backend_create_state(NULL, &good, &state, NULL), WEIR_INVALID);
    assert_int_equal(weir_backend_create_state(verbs->backend, NULL, &state, NULL), WEIR_INVALID);
    assert_int_equal(weir_backend_create_state(verbs->backend, &good, NULL, NULL), WEIR_INVALID);
}

TEST(a_descriptor_that_makes_no_state_is_refused_with_the_reason)
{
    on_engines(refusals);
}

static void
compared(struct verbs *verbs)
{
    const weir_type *i64 = weir_type_of_kind(WEIR_I64);
    const weir_type *i32 = weir_type_of_kind(WEIR_I32);
    weir_state_descriptor asked = {
        .kind = WEIR_STATE_MAP, .name = "s", .type = i64, .map_key_type = i64, .namespace_type = i64
    };
    weir_state *state = verbs_state(verbs, asked);
    assert_ptr_equal(state, verbs_state(verbs, asked));
    verbs_bind(verbs, state, 1); /* something to restore */
    assert_ok(weir_state_set_namespace(state, of_number(&verbs->number)), NULL);
    assert_ok(weir_map_put(state, of_number(&verbs->number), of_number(&verbs->number)), NULL);
    for (int round = 0; round < 2; round++) { /* known, and restored */
        weir_state_descriptor other = asked;
        other.type = i32;
        assert_int_equal(verbs_refused(verbs, other), WEIR_VERSION);
        other = asked;
        other.map_key_type = i32;
        assert_int_equal(verbs_refused(verbs, other), WEIR_VERSION);
        other = asked;
        other.namespace_type = NULL;
        assert_int_equal(verbs_refused(verbs, other), WEIR_VERSION);
        other = asked;
        other.kind = WEIR_STATE_LIST;
        other.map_key_type = NULL;
        assert_int_equal(verbs_refused(verbs, other), WEIR_VERSION);
        if (round == 0) {
            verbs_restore(verbs);
        }
    }
    state = verbs_state(verbs, asked);
    const weir_state_descriptor *kept = weir_state_descriptor_of(state);
    assert_int_equal(kept->kind, WEIR_STATE_MAP);
    assert_string_equal(kept->name, "s");
    assert_true(weir_type_equal(kept->map_key_type, i64));
    assert_int_equal(weir_state_entry_count(state), 1);
}

TEST(a_name_has_one_kind_and_one_set_of_types)
{
    on_engines(compared);
}

/* --- engines' tables --- */

static weir_backend_ops partial;

static weir_status
open_partial(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    weir_status status = plain_backend_factory()->open(parameters, out_backend, err);
    if (status == WEIR_OK) {
        weir_backend_ops changed = partial;
        partial = *(*out_backend)->ops;
        partial.size = changed.size != 0 ? changed.size : partial.size;
        partial.find = changed.name != NULL ? NULL : partial.find;
        partial.list_add = changed.list_add;
        partial.map_upsert = changed.map_upsert;
        (*out_backend)->ops = &partial;
    }
    return status;
}

static weir_status
some_list_add(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    (void)self;
    (void)key;
    (void)items;
    return count == 0 ? WEIR_OK : WEIR_NOMEM;
}

static weir_status
some_map_upsert(weir_state *self, const weir_key *key, weir_bytes map_key, void **out_item,
                bool *out_created)
{
    (void)self;
    (void)key;
    (void)map_key;
    (void)out_item;
    *out_created = false;
    return WEIR_NOMEM;
}

static const weir_backend_factory partial_factory = { sizeof partial_factory, "partial",
                                                      open_partial };

static weir_status
try_partial(struct rig *rig, weir_backend_ops changed)
{
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = 8,
                                           .key_group_last = 7,
                                           .state_alloc = rig->alloc,
                                           .snapshot_alloc = rig->copies,
                                           .key_type = weir_type_of_kind(WEIR_I64) };
    weir_backend *backend = NULL;
    partial = changed;
    weir_status status = weir_backend_open(&partial_factory, &parameters, &backend, &rig->error);
    weir_backend_close(backend);
    return status;
}

TEST(an_engine_with_half_a_set_of_entries_is_refused_and_closed)
{
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    assert_ok(try_partial(&rig, (weir_backend_ops){ .size = 0 }), &rig.error);
    assert_int_equal(try_partial(&rig, (weir_backend_ops){ .list_add = some_list_add }),
                     WEIR_INVALID);
    assert_int_equal(try_partial(&rig, (weir_backend_ops){ .map_upsert = some_map_upsert }),
                     WEIR_INVALID);
    assert_int_equal(try_partial(&rig, (weir_backend_ops){ .name = "no find" }), WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, "lacks a required entry"));
    /* a table that ends before its required entries do */
    weir_backend_ops shorter = { .size = offsetof(weir_backend_ops, restore) };
    assert_int_equal(try_partial(&rig, shorter), WEIR_INVALID);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

static bool
create_with_refusal(const weir_backend_factory *engine, uint64_t n)
{
    struct verbs verbs;
    verbs_open(&verbs, engine);
    weir_aggregate_function function = { .size = sizeof function,
                                         .add_in_place = add_in_place,
                                         .input_type = weir_type_of_kind(WEIR_I64) };
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_AGGREGATING,
                                         .name = "sums",
                                         .type = weir_type_of_kind(WEIR_I64),
                                         .aggregate = &function };
    weir_state *state = NULL;
    verbs.fault.fail_at = verbs.fault.requests + n;
    weir_status status =
        weir_backend_create_state(verbs.backend, &descriptor, &state, &verbs.rig.error);
    bool was_refused = status != WEIR_OK;
    if (was_refused) {
        assert_int_equal(status, WEIR_NOMEM);
        assert_null(state);
        assert_ok(weir_backend_create_state(verbs.backend, &descriptor, &state, &verbs.rig.error),
                  &verbs.rig.error);
    }
    int64_t five = 5;
    weir_bytes sum;
    verbs.fault.fail_at = 0;
    verbs_bind(&verbs, state, 1);
    assert_ok(weir_aggregating_add(state, of_number(&five)), NULL);
    assert_ok(weir_aggregating_get(state, &sum), NULL); /* without result: the accumulator */
    assert_int_equal(*(const int64_t *)sum.data, 5);
    verbs_close(&verbs);
    return was_refused;
}

TEST(a_refused_allocation_makes_no_state_and_leaks_none)
{
    with_every_refusal_on_engines(create_with_refusal, 3);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* reducing and aggregating state, in place and by builder, and merging namespaces. */
#include "unit/state/verb_rig.h"

static weir_status
sum_in_place(void *argument, void *accumulated, const void *value)
{
    (void)argument;
    *(int64_t *)accumulated += *(const int64_t *)value;
    return *(const int64_t *)value == 13 ? WEIR_USER : WEIR_OK;
}

static weir_status
sum_built(void *argument, weir_bytes accumulated, weir_bytes value, weir_value_builder *out)
{
    (void)argument;
    int64_t *sum = weir_value_builder_reserve(out, 8);
    if (sum == NULL) {
        return WEIR_OK; /* the builder knows */
    }
    *sum = *(const int64_t *)accumulated.data + *(const int64_t *)value.data;
    return WEIR_OK;
}

/* "a" and "b" make "a,b". */
static weir_status
join_texts(void *argument, weir_bytes accumulated, weir_bytes value, weir_value_builder *out)
{
    (void)argument;
    weir_string parts[2];
    memcpy(&parts[0], accumulated.data, sizeof parts[0]);
    memcpy(&parts[1], value.data, sizeof parts[1]);
    uint32_t size = parts[0].size + 1 + parts[1].size;
    uint8_t *block = weir_value_builder_reserve(out, weir_round8(8 + size));
    if (block == NULL) {
        return WEIR_NOMEM;
    }
    weir_string joined = { .offset = 8, .size = size };
    memcpy(block, &joined, sizeof joined);
    memcpy(block + 8, weir_string_bytes(accumulated.data, parts[0]).data, parts[0].size);
    block[8 + parts[0].size] = ',';
    memcpy(block + 9 + parts[0].size, weir_string_bytes(value.data, parts[1]).data, parts[1].size);
    return WEIR_OK;
}

static const weir_reduce_function sum_placed = { .size = sizeof sum_placed,
                                                 .reduce_in_place = sum_in_place };
static const weir_reduce_function sum_by_builder = { .size = sizeof sum_by_builder,
                                                     .reduce = sum_built };
static const weir_reduce_function joining = { .size = sizeof joining, .reduce = join_texts };

static weir_state *
reducing_state(struct verbs *verbs, const char *name, const weir_reduce_function *reduce,
               weir_kind kind, weir_kind namespace_kind)
{
    return verbs_state(
        verbs, (weir_state_descriptor){
                   .kind = WEIR_STATE_REDUCING,
                   .name = name,
                   .type = weir_type_of_kind(kind),
                   .namespace_type = namespace_kind != 0 ? weir_type_of_kind(namespace_kind) : NULL,
                   .reduce = reduce });
}

static void
reduces(struct verbs *verbs)
{
    weir_state *placed = reducing_state(verbs, "placed", &sum_placed, WEIR_I64, 0);
    weir_state *built = reducing_state(verbs, "built", &sum_by_builder, WEIR_I64, 0);
    weir_state *texts = reducing_state(verbs, "texts", &joining, WEIR_STRING, 0);
    weir_state *const sums[2] = { placed, built };
    weir_bytes value;
    struct text text;
    for (size_t s = 0; s < 2; s++) {
        for (int64_t i = 100; i < 200; i++) {
            verbs_bind(verbs, sums[s], i % 4);
            assert_ok(weir_reducing_add(sums[s], of_number(&i)), NULL);
        }
        verbs_bind(verbs, sums[s], 1);
        assert_ok(weir_reducing_get(sums[s], &value), NULL);
        assert_int_equal(*(const int64_t *)value.data, 25 * 101 + 4 * (24 * 25 / 2));
        assert_ok(weir_reducing_clear(sums[s]), NULL);
        assert_int_equal(weir_reducing_get(sums[s], &value), WEIR_NOT_FOUND);
        assert_int_equal(weir_state_entry_count(sums[s]), 3);
        assert_int_equal(sums[s]->failure, WEIR_OK);
    }
    verbs_bind(verbs, texts, 1);
    assert_ok(weir_reducing_add(texts, of_text(&text, "one")), NULL);
    assert_ok(weir_reducing_add(texts, of_text(&text, "two")), NULL);
    verbs_restore(verbs);
    texts = reducing_state(verbs, "texts", &joining, WEIR_STRING, 0);
    verbs_bind(verbs, texts, 1);
    assert_ok(weir_reducing_add(texts, of_text(&text, "three")), NULL);
    assert_ok(weir_reducing_get(texts, &value), NULL);
    assert_text(value, "one,two,three");
}

TEST(reducing_state_folds_in_place_and_by_builder)
{
    on_engines(reduces);
}

static weir_status
fails(void *argument, weir_bytes accumulated, weir_bytes value, weir_value_builder *out)
{
    (void)accumulated;
    (void)value;
    switch (*(int *)argument) {
    case 0:
        return WEIR_OK; /* and nothing reserved */
    case 1:
        return weir_value_builder_reserve(out, 7) != NULL ? WEIR_OK : WEIR_NOMEM; /* no block */
    case 2:
        return weir_value_builder_reserve(out, WEIR_VALUE_SIZE_MAX + 1) == NULL ? WEIR_OK
                                                                                : WEIR_USER;
    default:
        return WEIR_NOT_FOUND; /* no answer of a function's */
    }
}

static void
bad_functions(struct verbs *verbs)
{
    static int mode;
    static const weir_status expected[] = { WEIR_USER, WEIR_USER, WEIR_LIMIT, WEIR_USER };
    static const weir_reduce_function failing = { .size = sizeof failing,
                                                  .argument = &mode,
                                                  .reduce = fails };
    weir_state *sums = reducing_state(verbs, "sums", &failing, WEIR_I64, 0);
    weir_state *placed = reducing_state(verbs, "placed", &sum_placed, WEIR_I64, 0);
    int64_t one = 1;
    int64_t unlucky = 13;
    weir_bytes value;
    verbs_bind(verbs, sums, 1);
    verbs_bind(verbs, placed, 1);
    assert_ok(weir_reducing_add(sums, of_number(&one)), NULL);
    for (mode = 0; mode < 4; mode++) {
        assert_int_equal(weir_reducing_add(sums, of_number(&one)), expected[mode]);
        verbs_forgive(sums, expected[mode]);
        assert_ok(weir_reducing_get(sums, &value), NULL);
        assert_int_equal(*(const int64_t *)value.data, 1);
    }
    assert_ok(weir_reducing_add(placed, of_number(&one)), NULL);
    assert_int_equal(weir_reducing_add(placed, of_number(&unlucky)), WEIR_USER);
    verbs_forgive(placed, WEIR_USER);
    assert_int_equal(weir_reducing_add(placed, weir_bytes_of(&one, 3)), WEIR_INVALID);
    assert_int_equal(weir_aggregating_add(placed, of_number(&one)), WEIR_INVALID);
}

TEST(a_failing_reduce_function_fails_the_call_and_changes_nothing)
{
    on_engines(bad_functions);
}

/* --- aggregating: the average of numbers --- */

struct average {
    int64_t count;
    int64_t sum;
};

static weir_status
average_add_in_place(void *argument, void *accumulator, weir_bytes value)
{
    (void)argument;
    struct average *average = accumulator;
    average->count++;
    average->sum += *(const int64_t *)value.data;
    return WEIR_OK;
}

static weir_status
average_merge_in_place(void *argument, void *accumulator, const void *other)
{
    (void)argument;
    struct average *average = accumulator;
    average->count += ((const struct average *)other)->count;
    average->sum += ((const struct average *)other)->sum;
    return WEIR_OK;
}

static weir_status
average_add(void *argument, weir_bytes accumulator, weir_bytes value, weir_value_builder *out)
{
    struct average *average = weir_value_builder_reserve(out, sizeof *average);
    if (average == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(average, accumulator.data, sizeof *average);
    return average_add_in_place(argument, average, value);
}

static weir_status
average_result(void *argument, weir_bytes accumulator, weir_value_builder *out)
{
    (void)argument;
    const struct average *average = accumulator.data;
    double *result = weir_value_builder_reserve(out, sizeof *result);
    if (result == NULL) {
        return WEIR_NOMEM;
    }
    *result = (double)average->sum / (double)average->count;
    return WEIR_OK;
}

static weir_type *
average_type(void)
{
    static const int64_t hundred = 100;
    weir_field fields[] = { WEIR_FIELD(struct average, count, I64),
                            WEIR_FIELD(struct average, sum, I64) };
    fields[1].default_value = &hundred; /* a new accumulator holds the defaults */
    weir_alloc alloc = wr_memory_system();
    weir_type *type = NULL;
    weir_error error;
    assert_ok(weir_type_create_struct(&alloc, "average", sizeof(struct average), fields, 2, &type,
                                      &error),
              &error);
    return type;
}

static weir_state *
aggregating_state(struct verbs *verbs, const char *name, bool in_place, bool has_namespace)
{
    weir_type *type = average_type();
    weir_aggregate_function function = { .size = sizeof function,
                                         .input_type = weir_type_of_kind(WEIR_I64),
                                         .result_type = weir_type_of_kind(WEIR_F64),
                                         .result = average_result };
    function.add_in_place = in_place ? average_add_in_place : NULL;
    function.merge_in_place = in_place ? average_merge_in_place : NULL;
    function.add = in_place ? NULL : average_add;
    weir_state *state =
        verbs_state(verbs, (weir_state_descriptor){
                               .kind = WEIR_STATE_AGGREGATING,
                               .name = name,
                               .type = type,
                               .namespace_type = has_namespace ? weir_type_of_kind(WEIR_I64) : NULL,
                               .aggregate = &function });
    weir_type_destroy(type); /* copied, as is the function */
    return state;
}

static void
aggregates(struct verbs *verbs)
{
    for (int in_place = 0; in_place < 2; in_place++) {
        weir_state *state =
            aggregating_state(verbs, in_place ? "placed" : "built", in_place != 0, false);
        weir_bytes result;
        verbs_bind(verbs, state, 7);
        assert_int_equal(weir_aggregating_get(state, &result), WEIR_NOT_FOUND);
        for (int64_t i = 0; i < 10; i++) {
            assert_ok(weir_aggregating_add(state, of_number(&i)), NULL);
        }
        assert_ok(weir_aggregating_get(state, &result), NULL);
        assert_true(*(const double *)result.data == (100.0 + 45.0) / 10.0);
        int64_t one = 1;
        assert_int_equal(weir_aggregating_add(state, weir_bytes_of(&one, 4)), WEIR_INVALID);
        verbs_forgive(state, WEIR_INVALID);
        assert_ok(weir_aggregating_clear(state), NULL);
        assert_int_equal(weir_aggregating_get(state, &result), WEIR_NOT_FOUND);
        assert_int_equal(weir_state_entry_count(state), 0);
    }
}

TEST(aggregating_state_adds_to_an_accumulator_and_answers_its_result)
{
    on_engines(aggregates);
}

/* --- merging namespaces --- */

static void
bind_namespace(weir_state *state, int64_t number)
{
    assert_ok(weir_state_set_namespace(state, of_number(&number)), NULL);
}

static void
merge(weir_state *state, int64_t target, const int64_t *sources, size_t count)
{
    weir_bytes bytes[8];
    for (size_t i = 0; i < count; i++) {
        bytes[i] = of_number(&sources[i]);
    }
    assert_ok(weir_state_merge_namespaces(state, of_number(&target), bytes, count), NULL);
}

static int64_t
sum_under(weir_state *state, int64_t number)
{
    weir_bytes value;
    bind_namespace(state, number);
    weir_status status = weir_reducing_get(state, &value);
    return status == WEIR_OK ? *(const int64_t *)value.data : -1;
}

static void
merges_sums(struct verbs *verbs)
{
    weir_state *state = reducing_state(verbs, "sums", &sum_placed, WEIR_I64, WEIR_I64);
    weir_bytes nothing = weir_bytes_of(NULL, 0);
    int64_t one = 1;
    verbs_bind(verbs, state, 1);
    assert_int_equal(weir_reducing_add(state, of_number(&one)), WEIR_INVALID); /* no namespace */
    verbs_forgive(state, WEIR_INVALID);
    for (int64_t i = 1; i <= 5; i++) {
        int64_t value = i * 100;
        bind_namespace(state, i);
        assert_ok(weir_reducing_add(state, of_number(&value)), NULL);
    }
    merge(state, 9, (int64_t[]){ 1, 8, 2, 1 }, 4); /* an empty one, and one twice */
    assert_int_equal(sum_under(state, 9), 300);
    assert_int_equal(sum_under(state, 1), -1);
    assert_int_equal(sum_under(state, 2), -1);
    merge(state, 9, (int64_t[]){ 9, 3 }, 2); /* the target is a source */
    assert_int_equal(sum_under(state, 9), 600);
    merge(state, 4, (int64_t[]){ 5 }, 1); /* into what is there */
    assert_int_equal(sum_under(state, 4), 900);
    merge(state, 4, (int64_t[]){ 7, 8 }, 2);
    merge(state, 4, NULL, 0);
    assert_int_equal(sum_under(state, 4), 900);
    assert_int_equal(sum_under(state, 7), -1);
    assert_int_equal(weir_state_entry_count(state), 2);
    verbs_bind(verbs, state, 2); /* another key is another world */
    assert_int_equal(sum_under(state, 4), -1);
    assert_int_equal(weir_state_merge_namespaces(state, nothing, NULL, 0), WEIR_INVALID);
    verbs_forgive(state, WEIR_INVALID);
}

static void
merges_texts(struct verbs *verbs)
{
    weir_state *state = reducing_state(verbs, "texts", &joining, WEIR_STRING, WEIR_I64);
    struct text text;
    weir_bytes value;
    static const char *const names[] = { "target", "one", "two" };
    verbs_bind(verbs, state, 1);
    for (int64_t i = 0; i < 3; i++) {
        bind_namespace(state, i);
        assert_ok(weir_reducing_add(state, of_text(&text, names[i])), NULL);
    }
    merge(state, 0, (int64_t[]){ 2, 1 }, 2);
    bind_namespace(state, 0);
    assert_ok(weir_reducing_get(state, &value), NULL);
    assert_text(value, "target,two,one");
}

TEST(merging_folds_the_target_first_and_then_the_sources_in_their_order)
{
    on_engines(merges_texts);
}

TEST(merging_namespaces_folds_the_sources_into_the_target)
{
    on_engines(merges_sums);
}

static void
merges_averages(struct verbs *verbs)
{
    weir_state *state = aggregating_state(verbs, "averages", true, true);
    weir_state *no_merge = aggregating_state(verbs, "no merge", false, true);
    weir_bytes result;
    verbs_bind(verbs, state, 1);
    verbs_bind(verbs, no_merge, 1);
    for (int64_t i = 0; i < 6; i++) {
        bind_namespace(state, i % 3);
        assert_ok(weir_aggregating_add(state, of_number(&i)), NULL);
        bind_namespace(no_merge, i % 3);
        assert_ok(weir_aggregating_add(no_merge, of_number(&i)), NULL);
    }
    merge(state, 0, (int64_t[]){ 1, 2 }, 2);
    bind_namespace(state, 0);
    assert_ok(weir_aggregating_get(state, &result), NULL);
    assert_true(*(const double *)result.data == (300.0 + 15.0) / 6.0);
    weir_bytes sources[2] = { of_number(&(int64_t){ 1 }), of_number(&(int64_t){ 2 }) };
    assert_int_equal(weir_state_merge_namespaces(no_merge, of_number(&(int64_t){ 0 }), sources, 2),
                     WEIR_UNSUPPORTED);
    verbs_forgive(no_merge, WEIR_UNSUPPORTED);
    assert_int_equal(weir_state_entry_count(no_merge), 3);
}

TEST(accumulators_merge_where_the_function_can)
{
    on_engines(merges_averages);
}

static void
merges_lists(struct verbs *verbs)
{
    weir_state *list = verbs_state(
        verbs, (weir_state_descriptor){ .kind = WEIR_STATE_LIST,
                                        .name = "list",
                                        .type = weir_type_of_kind(WEIR_I64),
                                        .namespace_type = weir_type_of_kind(WEIR_I64) });
    verbs_bind(verbs, list, 1);
    for (int64_t i = 0; i < 12; i++) {
        bind_namespace(list, i / 3);
        assert_ok(weir_list_add(list, of_number(&i)), NULL);
    }
    merge(list, 0, (int64_t[]){ 2, 1 }, 2);
    static const int64_t expected[] = { 0, 1, 2, 6, 7, 8, 3, 4, 5 };
    for (int round = 0; round < 2; round++) {
        weir_cursor cursor = { .word = { 0 } };
        weir_bytes element;
        bind_namespace(list, 0);
        for (size_t i = 0; i < 9; i++) {
            assert_ok(weir_list_next(list, &cursor, &element), NULL);
            assert_int_equal(*(const int64_t *)element.data, expected[i]);
        }
        assert_int_equal(weir_list_next(list, &cursor, &element),
                         round == 0 ? WEIR_NOT_FOUND : WEIR_OK);
        if (round == 0) {
            assert_int_equal(weir_state_entry_count(list), 2);
            merge(list, 0, (int64_t[]){ 0, 3 }, 2);
        }
    }
    assert_int_equal(weir_state_entry_count(list), 1);
    assert_int_equal(list->failure, WEIR_OK);
}

TEST(merging_lists_appends_the_sources_in_their_order)
{
    on_engines(merges_lists);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reducing and aggregating state. */
#include "contract/contract.h"

#include <stdio.h>
#include <string.h>

static int64_t
reduced(struct contract *c, weir_state *state, int64_t key, int64_t missing)
{
    weir_bytes value;
    bind(c, state, key);
    weir_status status = weir_reducing_get(state, &value);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    OK(status);
    return number_of(value);
}

static void
reduce(struct contract *c, weir_state *state, int64_t key, int64_t value)
{
    bind(c, state, key);
    OK(weir_reducing_add(state, number(value)));
}

static int64_t
aggregated(struct contract *c, weir_state *state, int64_t key, int64_t missing)
{
    weir_bytes value;
    bind(c, state, key);
    weir_status status = weir_aggregating_get(state, &value);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    OK(status);
    return number_of(value);
}

static void
aggregate(struct contract *c, weir_state *state, int64_t key, int64_t value)
{
    bind(c, state, key);
    OK(weir_aggregating_add(state, number(value)));
}

CASE(reducing_adds_and_gets)
{
    weir_state *sums = make_sum(c, "sums", NULL);
    assert_int_equal(reduced(c, sums, 1, -1), -1);
    reduce(c, sums, 1, 17);
    assert_int_equal(reduced(c, sums, 1, -1), 17);
    reduce(c, sums, 1, 11);
    reduce(c, sums, 2, 3);
    assert_int_equal(reduced(c, sums, 1, -1), 28);
    assert_int_equal(reduced(c, sums, 2, -1), 3);
    bind(c, sums, 1);
    OK(weir_reducing_clear(sums));
    assert_int_equal(reduced(c, sums, 1, -1), -1);
    assert_int_equal(reduced(c, sums, 2, -1), 3);
    bind(c, sums, 2);
    OK(weir_reducing_clear(sums));
    expect_entries(c, sums, 0);
}

CASE(reducing_goes_on_from_a_snapshot)
{
    weir_state *sums = make_sum(c, "sums", NULL);
    for (int round = 1; round <= 4; round++) {
        for (int64_t i = 0; i < 200; i++) {
            reduce(c, sums, i, i);
            assert_int_equal(reduced(c, sums, i, -1), round * i);
        }
        fail_over(c);
        sums = make_sum(c, "sums", NULL);
    }
}

CASE(reducing_refuses_null_and_keyless_calls)
{
    weir_state *sums = make_sum(c, "sums", NULL);
    weir_bytes value;
    assert_int_equal(weir_reducing_add(sums, number(1)), WEIR_INVALID);
    assert_int_equal(weir_reducing_get(sums, &value), WEIR_INVALID);
    assert_int_equal(weir_reducing_clear(sums), WEIR_INVALID);
    bind(c, sums, 1);
    assert_int_equal(weir_reducing_add(sums, weir_bytes_of(NULL, 0)), WEIR_INVALID);
    assert_int_equal(reduced(c, sums, 1, -1), -1);
}

static weir_status
join_texts(void *argument, weir_bytes accumulated, weir_bytes value, weir_value_builder *out)
{
    static char joined[2048];
    (void)argument;
    size_t size = (size_t)snprintf(joined, sizeof joined, "%s,", text_of(accumulated));
    snprintf(joined + size, sizeof joined - size, "%s", text_of(value));
    weir_bytes block = text(joined);
    void *made = weir_value_builder_reserve(out, block.size);
    if (made == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(made, block.data, block.size);
    return WEIR_OK;
}

CASE(reducing_of_a_variable_size_type)
{
    static const weir_reduce_function join = { .size = sizeof join, .reduce = join_texts };
    weir_state_descriptor descriptor = describe(WEIR_STATE_REDUCING, "texts", text_type());
    descriptor.reduce = &join;
    weir_state *texts = make(c, &descriptor);
    weir_bytes value;
    bind(c, texts, 1);
    OK(weir_reducing_add(texts, text("1")));
    OK(weir_reducing_add(texts, text("a second one that does not stand in a slot")));
    fail_over(c);
    texts = make(c, &descriptor);
    bind(c, texts, 1);
    OK(weir_reducing_add(texts, text("u1")));
    OK(weir_reducing_get(texts, &value));
    assert_string_equal(text_of(value), "1,a second one that does not stand in a slot,u1");
}

static weir_status
refuse_to_fold(void *argument, void *accumulated, const void *value)
{
    (void)argument;
    (void)value;
    *(int64_t *)accumulated = 4711;
    return WEIR_USER;
}

CASE(reducing_function_that_fails_fails_the_add)
{
    static const weir_reduce_function refuse = { .size = sizeof refuse,
                                                 .reduce_in_place = refuse_to_fold };
    weir_state_descriptor descriptor = describe(WEIR_STATE_REDUCING, "sums", i64_type());
    descriptor.reduce = &refuse;
    weir_state *sums = make(c, &descriptor);
    bind(c, sums, 1);
    OK(weir_reducing_add(sums, number(1))); /* the first is kept as it is */
    assert_int_equal(weir_reducing_add(sums, number(2)), WEIR_USER);
    assert_int_equal(sums->failure, WEIR_USER);
}

CASE(reducing_needs_its_function)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_REDUCING, "sums", i64_type());
    weir_state *state = NULL;
    assert_int_equal(weir_backend_create_state(c->task.backend, &descriptor, &state, &c->rig.error),
                     WEIR_INVALID);
    assert_non_null(strstr(c->rig.error.message, "sums"));
    descriptor = describe(WEIR_STATE_AGGREGATING, "averages", i64_type());
    assert_int_equal(weir_backend_create_state(c->task.backend, &descriptor, &state, &c->rig.error),
                     WEIR_INVALID);
}

CASE(aggregating_adds_and_gets)
{
    weir_state *averages = make_average(c, "averages", NULL);
    assert_int_equal(aggregated(c, averages, 1, -1), -1);
    aggregate(c, averages, 1, 17);
    assert_int_equal(aggregated(c, averages, 1, -1), 170);
    aggregate(c, averages, 1, 11);
    aggregate(c, averages, 2, 3);
    assert_int_equal(aggregated(c, averages, 1, -1), 140);
    assert_int_equal(aggregated(c, averages, 2, -1), 30);
    bind(c, averages, 1);
    OK(weir_aggregating_clear(averages));
    assert_int_equal(aggregated(c, averages, 1, -1), -1);
    bind(c, averages, 2);
    OK(weir_aggregating_clear(averages));
    expect_entries(c, averages, 0);
}

CASE(aggregating_goes_on_from_a_snapshot)
{
    weir_state *averages = make_average(c, "averages", NULL);
    for (int64_t round = 1; round <= 4; round++) {
        for (int64_t i = 0; i < 200; i++) {
            aggregate(c, averages, i, i + round);
        }
        fail_over(c);
        averages = make_average(c, "averages", NULL);
    }
    for (int64_t i = 0; i < 200; i++) {
        assert_int_equal(aggregated(c, averages, i, -1), i * 10 + 25);
    }
}

CASE(aggregating_refuses_null_and_keyless_calls)
{
    weir_state *averages = make_average(c, "averages", NULL);
    weir_bytes value;
    assert_int_equal(weir_aggregating_add(averages, number(1)), WEIR_INVALID);
    assert_int_equal(weir_aggregating_get(averages, &value), WEIR_INVALID);
    bind(c, averages, 1);
    assert_int_equal(weir_aggregating_add(averages, weir_bytes_of(NULL, 0)), WEIR_INVALID);
    assert_int_equal(aggregated(c, averages, 1, -1), -1);
}

static weir_status
longest_add(void *argument, weir_bytes accumulator, weir_bytes value, weir_value_builder *out)
{
    (void)argument;
    weir_bytes keep = value.size > accumulator.size ? value : accumulator;
    void *made = weir_value_builder_reserve(out, keep.size);
    if (made == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(made, keep.data, keep.size);
    return WEIR_OK;
}

CASE(aggregating_without_in_place_functions)
{
    weir_aggregate_function longest = { .size = sizeof longest,
                                        .input_type = text_type(),
                                        .result_type = text_type(),
                                        .add = longest_add };
    weir_state_descriptor descriptor = describe(WEIR_STATE_AGGREGATING, "longest", text_type());
    descriptor.aggregate = &longest;
    weir_state *state = make(c, &descriptor);
    weir_bytes value;
    bind(c, state, 1);
    OK(weir_aggregating_add(state, text("short")));
    OK(weir_aggregating_add(state, text("a good deal longer")));
    OK(weir_aggregating_add(state, text("mid")));
    fail_over(c);
    state = make(c, &descriptor);
    bind(c, state, 1);
    OK(weir_aggregating_get(state, &value)); /* no result function: the accumulator */
    assert_string_equal(text_of(value), "a good deal longer");
}

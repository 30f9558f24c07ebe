/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/graph: the first mistake of a job's main is kept, and from then on nothing changes.
 */
#include "support/test.h"

#include "base/memory.h"
#include "job/graph.h"
#include "weir/connectors.h"
#include "weir/job.h"

#include <stdio.h>
#include <string.h>

struct pair {
    int64_t key;
    int64_t value;
};

static weir_status
pass(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)context;
    (void)self;
    return weir_collector_emit_copy(out, record, sizeof(struct pair));
}

static weir_status
give(weir_context *context, void *self, weir_collector *out, size_t most, weir_poll *out_poll)
{
    (void)context;
    (void)self;
    (void)out;
    (void)most;
    *out_poll = WEIR_POLL_END;
    return WEIR_OK;
}

static const weir_function source_function = { .size = sizeof(weir_function), .poll = give };
static const weir_function pass_function = { .size = sizeof(weir_function), .process = pass };
static const weir_function empty_function = { .size = sizeof(weir_function) };

static weir_environment *
make_environment(void)
{
    weir_environment *environment = NULL;
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, NULL, &environment));
    return environment;
}

static const weir_type *
make_type(weir_environment *environment)
{
    const weir_field fields[] = { WEIR_FIELD(struct pair, key, I64),
                                  WEIR_FIELD(struct pair, value, I64) };
    return weir_environment_struct(environment, "pair", sizeof(struct pair), fields, 2);
}

static weir_stream *
make_source(weir_environment *environment, const char *name)
{
    return weir_environment_source(environment, name, &source_function, NULL, 0,
                                   make_type(environment));
}

/* The environment is broken with this status and these words, and is freed. */
static void
assert_broken(weir_environment *environment, weir_status status, const char *words)
{
    weir_error error = { .status = WEIR_OK };
    assert_int_equal(status, weir_environment_status(environment, &error));
    if (strstr(error.message, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, error.message);
        fail();
    }
    weir_environment_destroy(environment);
}

TEST(the_first_mistake_is_kept_and_later_calls_change_nothing)
{
    weir_environment *environment = make_environment();
    weir_stream *source = make_source(environment, "numbers");
    assert_non_null(source);
    assert_null(weir_stream_key_by(source, "no_such"));
    uint32_t nodes = environment->node_count;
    weir_environment_set(environment, "no.such.key", "1");
    weir_environment_name_job(environment, "late");
    assert_null(weir_stream_uid(source, "late"));
    assert_null(weir_stream_union(source, source));
    assert_null(weir_stream_sink(source, "late", &pass_function, NULL, 0));
    assert_null(make_source(environment, "late"));
    assert_null(make_type(environment));
    assert_int_equal(nodes, environment->node_count);
    assert_string_equal("", environment->nodes[0]->uid);
    assert_null(environment->job_name);
    assert_broken(environment, WEIR_INVALID, "type 'pair' has no field 'no_such'");
}

TEST(a_null_stream_answers_null_everywhere)
{
    assert_null(weir_stream_uid(NULL, "x"));
    assert_null(weir_stream_name(NULL, "x"));
    assert_null(weir_stream_key_by(NULL, "x"));
    assert_null(weir_stream_rebalance(NULL));
    assert_null(weir_stream_broadcast(NULL));
    assert_null(weir_stream_union(NULL, NULL));
    assert_null(weir_stream_parallelism(NULL, 1));
    assert_null(weir_stream_max_parallelism(NULL, 1));
    assert_null(weir_stream_start_new_chain(NULL));
    assert_null(weir_stream_stateful(NULL));
    assert_null(weir_stream_sum(NULL, "x"));
    assert_null(weir_stream_process(NULL, "x", &pass_function, NULL, 0, NULL));
    assert_null(weir_stream_filter(NULL, "x", &pass_function, NULL, 0));
    assert_null(weir_stream_sink(NULL, "x", &pass_function, NULL, 0));
    assert_null(weir_print_sink(NULL));
    assert_null(weir_discard_sink(NULL));
    assert_null(weir_stream_connect(NULL, NULL, "x", &pass_function, NULL, 0, NULL));
    assert_null(weir_stream_assign_timestamps(NULL, "x", NULL));
    size_t key_count = 1;
    assert_null(weir_stream_key_fields(NULL, &key_count));
    assert_int_equal(key_count, 0);
    assert_null(weir_stream_environment(NULL));
    assert_null(weir_stream_type(NULL));
    assert_int_equal(WEIR_INVALID, weir_environment_status(NULL, NULL));
    weir_environment_destroy(NULL);
}

TEST(a_name_and_a_uid_have_1_to_200_bytes)
{
    char long_name[202];
    memset(long_name, 'x', sizeof long_name);
    long_name[200] = '\0';
    weir_environment *environment = make_environment();
    weir_stream *source = make_source(environment, long_name);
    assert_non_null(source);
    assert_non_null(weir_stream_uid(source, long_name));
    weir_environment_name_job(environment, long_name);
    assert_int_equal(WEIR_OK, weir_environment_status(environment, NULL));
    long_name[200] = 'x';
    long_name[201] = '\0';
    assert_null(weir_stream_uid(source, long_name));
    assert_broken(environment, WEIR_INVALID, "a uid has 1 to 200 bytes");
    environment = make_environment();
    assert_null(make_source(environment, ""));
    assert_broken(environment, WEIR_INVALID, "an operator's name has 1 to 200 bytes");
    environment = make_environment();
    assert_null(weir_stream_uid(make_source(environment, "numbers"), ""));
    assert_broken(environment, WEIR_INVALID, "operator 'numbers': a uid has 1 to 200 bytes");
    environment = make_environment();
    weir_environment_name_job(environment, "");
    assert_broken(environment, WEIR_INVALID, "a job's name has 1 to 200 bytes");
}

TEST(a_function_must_have_its_size_and_the_entry_of_its_role)
{
    weir_function without_size = pass_function;
    without_size.size = 0;
    weir_environment *environment = make_environment();
    weir_stream *source = make_source(environment, "numbers");
    assert_null(weir_stream_sink(source, "end", &without_size, NULL, 0));
    assert_broken(environment, WEIR_INVALID, "set .size = sizeof(weir_function)");
    environment = make_environment();
    source = make_source(environment, "numbers");
    assert_null(weir_stream_process(source, "step", &empty_function, NULL, 0, NULL));
    assert_broken(environment, WEIR_INVALID, "operator 'step' needs a process function");
    environment = make_environment();
    source = make_source(environment, "numbers");
    assert_null(weir_stream_filter(source, "keep", &pass_function, NULL, 0));
    assert_broken(environment, WEIR_INVALID, "operator 'keep' needs a filter function");
    environment = make_environment();
    source = make_source(environment, "numbers");
    assert_null(weir_stream_sink(source, "end", &empty_function, NULL, 0));
    assert_broken(environment, WEIR_INVALID, "sink 'end' needs a process function");
    environment = make_environment();
    assert_null(weir_environment_source(environment, "numbers", &pass_function, NULL, 0,
                                        make_type(environment)));
    assert_broken(environment, WEIR_INVALID, "source 'numbers' needs a poll function");
}

TEST(a_sink_has_no_stream_to_read_from)
{
    weir_environment *environment = make_environment();
    weir_stream *end =
        weir_stream_sink(make_source(environment, "numbers"), "end", &pass_function, NULL, 0);
    assert_non_null(end);
    assert_null(weir_stream_type(end));
    assert_null(weir_stream_sink(end, "behind", &pass_function, NULL, 0));
    assert_broken(environment, WEIR_INVALID, "operator 'behind' reads from a sink");
}

TEST(a_union_is_of_one_type_and_one_job_and_at_most_16_streams)
{
    weir_environment *environment = make_environment();
    weir_environment *other = make_environment();
    weir_stream *here = make_source(environment, "here");
    assert_null(weir_stream_union(here, make_source(other, "there")));
    assert_broken(environment, WEIR_INVALID, "union: both streams must be of one type and one job");
    weir_environment_destroy(other);
    environment = make_environment();
    weir_stream *texts = weir_environment_source(environment, "texts", &source_function, NULL, 0,
                                                 weir_type_of_kind(WEIR_STRING));
    assert_null(weir_stream_union(make_source(environment, "numbers"), texts));
    assert_broken(environment, WEIR_INVALID, "union: both streams must be of one type");
    environment = make_environment();
    weir_stream *all = make_source(environment, "first");
    for (int i = 1; i < WR_LEGS_MAX; i++) {
        all = weir_stream_union(all, make_source(environment, "more"));
        assert_non_null(all);
    }
    assert_null(weir_stream_union(all, make_source(environment, "one too many")));
    assert_broken(environment, WEIR_LIMIT, "union: at most 16 streams");
    environment = make_environment();
    all = weir_stream_union(make_source(environment, "one"), make_source(environment, "two"));
    assert_null(weir_stream_uid(all, "both"));
    assert_broken(environment, WEIR_INVALID, "a union has no operator of its own");
}

TEST(key_by_names_fields_that_are_there)
{
    weir_environment *environment = make_environment();
    weir_stream *source = make_source(environment, "numbers");
    weir_stream *keyed = weir_stream_key_by(source, " value , key");
    assert_non_null(keyed);
    assert_int_equal(2, keyed->legs[0].key_field_count);
    assert_int_equal(1, keyed->legs[0].key_fields[0]);
    assert_int_equal(0, keyed->legs[0].key_fields[1]);
    assert_int_equal(WR_EDGE_FORWARD, source->legs[0].edge); /* the stream itself is as it was */
    assert_null(weir_stream_key_by(source, " , "));
    assert_broken(environment, WEIR_INVALID, "name at least one field of 'pair'");
    environment = make_environment();
    weir_stream *texts = weir_environment_source(environment, "texts", &source_function, NULL, 0,
                                                 weir_type_of_kind(WEIR_STRING));
    keyed = weir_stream_key_by(texts, ""); /* is its own key */
    assert_non_null(keyed);
    assert_int_equal(1, keyed->legs[0].key_field_count);
    weir_environment_destroy(environment);
}

TEST(the_argument_and_the_options_are_copied)
{
    weir_options *options = NULL;
    weir_environment *environment = NULL;
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &options));
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, options, &environment));
    int64_t argument = 42;
    assert_non_null(weir_environment_source(environment, "numbers", &source_function, &argument,
                                            sizeof argument, make_type(environment)));
    argument = 43;
    assert_int_equal(42, *(const int64_t *)environment->nodes[0]->argument);
    assert_int_equal(WEIR_OK, weir_options_set(options, "parallelism.default", "3",
                                               WEIR_LEVEL_COMMAND, NULL, NULL));
    assert_int_equal(1, weir_options_int(environment->options, "parallelism.default"));
    weir_options_destroy(options);
    weir_environment_destroy(environment);
}

TEST(the_job_is_named_by_the_command_line_before_its_code)
{
    weir_options *options = NULL;
    weir_environment *environment = make_environment();
    assert_string_equal("weir-job", wr_environment_job_name(environment));
    weir_environment_name_job(environment, "from-code");
    assert_string_equal("from-code", wr_environment_job_name(environment));
    weir_environment_destroy(environment);
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &options));
    assert_int_equal(WEIR_OK, weir_options_set(options, "pipeline.name", "from-command",
                                               WEIR_LEVEL_COMMAND, NULL, NULL));
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, options, &environment));
    weir_environment_name_job(environment, "from-code");
    assert_string_equal("from-command", wr_environment_job_name(environment));
    weir_environment_destroy(environment);
    weir_options_destroy(options);
}

TEST(options_of_the_code_give_way_to_the_command_line)
{
    weir_options *options = NULL;
    weir_environment *environment = NULL;
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &options));
    assert_int_equal(WEIR_OK, weir_options_set(options, "parallelism.default", "3",
                                               WEIR_LEVEL_COMMAND, NULL, NULL));
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, options, &environment));
    weir_environment_set(environment, "parallelism.default", "5");
    weir_environment_set(environment, "pipeline.max-parallelism", "256");
    assert_int_equal(3, weir_options_int(environment->options, "parallelism.default"));
    assert_int_equal(256, weir_options_int(environment->options, "pipeline.max-parallelism"));
    weir_environment_set(environment, "parallelism.defualt", "5");
    assert_broken(environment, WEIR_INVALID, "parallelism.default");
    weir_options_destroy(options);
}

TEST(a_job_has_at_most_1024_operators)
{
    weir_environment *environment = make_environment();
    weir_stream *stream = make_source(environment, "numbers");
    for (int i = 1; i < WR_NODES_MAX; i++) {
        stream =
            weir_stream_process(stream, "step", &pass_function, NULL, 0, weir_stream_type(stream));
        assert_non_null(stream);
    }
    assert_null(weir_stream_sink(stream, "end", &pass_function, NULL, 0));
    assert_broken(environment, WEIR_LIMIT, "a job has at most 1024 operators");
}

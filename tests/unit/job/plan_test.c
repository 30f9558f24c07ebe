/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/plan: what is fused, what is repartitioned, which operators are refused, and how the
 * plan is shown.
 */
#include "support/test.h"

#include "base/hash.h"
#include "job/plan.h"
#include "weir/job.h"

#include <stdio.h>
#include <string.h>

struct pair {
    int64_t key;
    int64_t value;
};

static weir_status
nothing(weir_context *context, void *self)
{
    (void)context;
    (void)self;
    return WEIR_OK;
}

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
static const weir_function hooked_function = { .size = sizeof(weir_function),
                                               .initialize_state = nothing,
                                               .process = pass };

struct scene {
    weir_environment *environment;
    const weir_type *type;
    struct wr_plan *plan;
    weir_error error;
};

static void
scene_init(struct scene *scene, const char *const *settings)
{
    memset(scene, 0, sizeof *scene);
    assert_int_equal(WEIR_OK, weir_environment_create(NULL, NULL, &scene->environment));
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i += 2) {
        weir_environment_set(scene->environment, settings[i], settings[i + 1]);
    }
    const weir_field fields[] = { WEIR_FIELD(struct pair, key, I64),
                                  WEIR_FIELD(struct pair, value, I64) };
    scene->type =
        weir_environment_struct(scene->environment, "pair", sizeof(struct pair), fields, 2);
    assert_int_equal(WEIR_OK, weir_environment_status(scene->environment, NULL));
}

static void
scene_fini(struct scene *scene)
{
    wr_plan_destroy(scene->plan);
    weir_environment_destroy(scene->environment);
}

static weir_stream *
source(struct scene *scene, const char *name)
{
    return weir_environment_source(scene->environment, name, &source_function, NULL, 0,
                                   scene->type);
}

static weir_stream *
step(struct scene *scene, weir_stream *stream, const char *name)
{
    return weir_stream_process(stream, name, &pass_function, NULL, 0, scene->type);
}

static weir_stream *
end(weir_stream *stream)
{
    return weir_stream_sink(stream, "end", &pass_function, NULL, 0);
}

static void
plan(struct scene *scene)
{
    assert_ok(wr_plan_create(scene->environment, &scene->plan, &scene->error), &scene->error);
}

static void
assert_refused(struct scene *scene, const char *words)
{
    assert_int_equal(WEIR_INVALID, wr_plan_create(scene->environment, &scene->plan, &scene->error));
    assert_null(scene->plan);
    if (strstr(scene->error.message, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, scene->error.message);
        fail();
    }
    scene_fini(scene);
}

/* --- fusing --- */

TEST(forward_and_keyed_edges_are_fused_at_parallelism_1)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *keyed = weir_stream_key_by(source(&scene, "numbers"), "key");
    weir_stream *sums = step(&scene, keyed, "sums");
    weir_stream_uid(sums, "sums");
    end(sums);
    plan(&scene);
    assert_int_equal(1, scene.plan->vertex_count);
    assert_int_equal(3, scene.plan->vertices[0].chain_count);
    assert_int_equal(0, scene.plan->edge_count);
    assert_int_equal(1, scene.plan->task_count);
    assert_true(scene.plan->operators[1].keyed);
    assert_non_null(scene.plan->operators[1].key_plan);
    scene_fini(&scene);
}

TEST(a_keyed_edge_is_an_exchange_above_parallelism_1)
{
    struct scene scene;
    const char *const settings[] = { "parallelism.default", "3", NULL };
    scene_init(&scene, settings);
    weir_stream *sums = step(&scene, weir_stream_key_by(source(&scene, "numbers"), "key"), "sums");
    weir_stream_uid(sums, "sums");
    end(sums);
    plan(&scene);
    assert_int_equal(2, scene.plan->vertex_count);
    assert_int_equal(6, scene.plan->task_count);
    assert_int_equal(3, scene.plan->vertices[1].first_task);
    assert_int_equal(2, scene.plan->vertices[1].chain_count);
    assert_int_equal(1, scene.plan->edge_count);
    assert_int_equal(WR_EDGE_KEYED, scene.plan->edges[0].edge);
    assert_ptr_equal(scene.plan->operators[1].key_plan, scene.plan->edges[0].key_plan);
    scene_fini(&scene);
}

TEST(a_union_a_fork_and_a_new_chain_are_not_fused)
{
    struct scene scene;
    scene_init(&scene, NULL);
    end(weir_stream_union(source(&scene, "one"), source(&scene, "two")));
    plan(&scene);
    assert_int_equal(3, scene.plan->vertex_count);
    assert_int_equal(2, scene.plan->edge_count);
    assert_int_equal(2, scene.plan->edges[0].to);
    assert_int_equal(2, scene.plan->edges[1].to);
    scene_fini(&scene);
    scene_init(&scene, NULL);
    weir_stream *numbers = source(&scene, "numbers");
    end(numbers);
    end(numbers);
    plan(&scene);
    assert_int_equal(3, scene.plan->vertex_count);
    scene_fini(&scene);
    scene_init(&scene, NULL);
    weir_stream *apart = step(&scene, source(&scene, "numbers"), "apart");
    end(weir_stream_start_new_chain(apart));
    plan(&scene);
    assert_int_equal(2, scene.plan->vertex_count);
    assert_int_equal(WR_EDGE_FORWARD, scene.plan->edges[0].edge);
    assert_int_equal(2, scene.plan->vertices[1].chain_count); /* the sink joins the new chain */
    scene_fini(&scene);
}

TEST(nothing_is_fused_when_chaining_is_off)
{
    struct scene scene;
    const char *const settings[] = { "pipeline.operator-chaining.enabled", "false", NULL };
    scene_init(&scene, settings);
    end(step(&scene, source(&scene, "numbers"), "step"));
    plan(&scene);
    assert_int_equal(3, scene.plan->vertex_count);
    assert_int_equal(2, scene.plan->edge_count);
    assert_int_equal(WR_EDGE_FORWARD, scene.plan->edges[0].edge);
    scene_fini(&scene);
}

TEST(forward_between_uneven_parallelisms_becomes_rebalance)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *wide = step(&scene, source(&scene, "numbers"), "wide");
    weir_stream_parallelism(wide, 4);
    end(wide);
    plan(&scene);
    assert_int_equal(3, scene.plan->vertex_count);
    assert_int_equal(WR_EDGE_REBALANCE, scene.plan->edges[0].edge);
    assert_int_equal(WR_EDGE_REBALANCE, scene.plan->edges[1].edge);
    assert_int_equal(6, scene.plan->task_count);
    assert_int_equal(4, scene.plan->parallelism_max);
    scene_fini(&scene);
}

TEST(rebalance_and_broadcast_are_kept_even_at_parallelism_1)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *one = step(&scene, weir_stream_rebalance(source(&scene, "numbers")), "one");
    end(weir_stream_broadcast(one));
    plan(&scene);
    assert_int_equal(3, scene.plan->vertex_count);
    assert_int_equal(WR_EDGE_REBALANCE, scene.plan->edges[0].edge);
    assert_int_equal(WR_EDGE_BROADCAST, scene.plan->edges[1].edge);
    scene_fini(&scene);
}

/* --- uids --- */

TEST(a_stateful_operator_without_uid_is_refused_with_the_line_to_add)
{
    struct scene scene;
    scene_init(&scene, NULL);
    end(step(&scene, weir_stream_key_by(source(&scene, "numbers"), "key"), "sums"));
    assert_refused(&scene, "operator 'sums' keeps state and has no uid, so its state could not be "
                           "found again: add weir_stream_uid(stream, \"sums\")");
    scene_init(&scene, NULL);
    end(weir_stream_stateful(source(&scene, "numbers")));
    assert_refused(&scene, "add weir_stream_uid(stream, \"numbers\")");
    scene_init(&scene, NULL);
    end(weir_stream_process(source(&scene, "numbers"), "hooked", &hooked_function, NULL, 0,
                            scene.type));
    assert_refused(&scene, "add weir_stream_uid(stream, \"hooked\")");
}

TEST(two_operators_with_one_uid_are_refused_by_name)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *numbers = weir_stream_uid(source(&scene, "numbers"), "same");
    end(weir_stream_uid(step(&scene, numbers, "step"), "same"));
    assert_refused(&scene, "Hash collision on user-specified ID 'same': operators 'numbers' and "
                           "'step'");
}

TEST(the_operator_id_is_the_murmur_of_its_uid)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream_uid(end(weir_stream_uid(source(&scene, "numbers"), "the uid")), "");
    assert_int_not_equal(WEIR_OK, weir_environment_status(scene.environment, NULL));
    scene_fini(&scene);
    scene_init(&scene, NULL);
    end(weir_stream_uid(source(&scene, "numbers"), "the uid"));
    plan(&scene);
    uint8_t id[16];
    wr_hash_murmur3_128("the uid", 7, id);
    assert_memory_equal(id, scene.plan->operators[0].id, sizeof id);
    assert_memory_not_equal(id, scene.plan->operators[1].id, sizeof id);
    scene_fini(&scene);
}

/* --- parallelism --- */

TEST(max_parallelism_is_the_operators_then_the_jobs_then_derived)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *numbers = weir_stream_parallelism(source(&scene, "numbers"), 100);
    end(weir_stream_max_parallelism(numbers, 200));
    plan(&scene);
    assert_int_equal(200, scene.plan->operators[0].max_parallelism);
    assert_true(scene.plan->operators[0].max_parallelism_set);
    assert_int_equal(128, scene.plan->operators[1].max_parallelism);
    assert_false(scene.plan->operators[1].max_parallelism_set);
    scene_fini(&scene);
    const char *const settings[] = { "pipeline.max-parallelism", "77", NULL };
    scene_init(&scene, settings);
    end(weir_stream_max_parallelism(source(&scene, "numbers"), 5));
    plan(&scene);
    assert_int_equal(5, scene.plan->operators[0].max_parallelism);
    assert_int_equal(77, scene.plan->operators[1].max_parallelism);
    assert_true(scene.plan->operators[1].max_parallelism_set);
    scene_fini(&scene);
    scene_init(&scene, NULL);
    end(weir_stream_parallelism(source(&scene, "numbers"), 100));
    plan(&scene);
    assert_int_equal(256, scene.plan->operators[0].max_parallelism); /* KG4: 150 -> 256 */
    scene_fini(&scene);
}

TEST(parallelism_is_within_1_and_max_parallelism_within_32768)
{
    struct scene scene;
    scene_init(&scene, NULL);
    end(weir_stream_max_parallelism(weir_stream_parallelism(source(&scene, "numbers"), 6), 5));
    assert_refused(&scene, "operator 'numbers': parallelism is 6");
    scene_init(&scene, NULL);
    end(weir_stream_max_parallelism(source(&scene, "numbers"), 32769));
    assert_refused(&scene, "operator 'numbers': max parallelism is 32769, it must be from 1 to "
                           "32768");
    scene_init(&scene, NULL);
    end(weir_stream_max_parallelism(source(&scene, "numbers"), 32768));
    plan(&scene);
    scene_fini(&scene);
    scene_init(&scene, NULL);
    assert_null(weir_stream_parallelism(source(&scene, "numbers"), 0));
    assert_refused(&scene, "operator 'numbers': parallelism must be at least 1");
}

TEST(streams_keyed_by_different_fields_are_not_read_by_one_operator)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *one = weir_stream_key_by(source(&scene, "one"), "key");
    weir_stream *two = weir_stream_key_by(source(&scene, "two"), "value");
    weir_stream_uid(step(&scene, weir_stream_union(one, two), "sums"), "sums");
    assert_refused(&scene, "operator 'sums' reads streams keyed by different fields");
    scene_init(&scene, NULL);
    one = weir_stream_key_by(source(&scene, "one"), "key");
    weir_stream_uid(step(&scene, weir_stream_union(one, source(&scene, "two")), "sums"), "sums");
    assert_refused(&scene, "key_by after union");
}

TEST(an_empty_job_and_a_broken_one_have_no_plan)
{
    struct scene scene;
    scene_init(&scene, NULL);
    assert_refused(&scene, "the job has no operators");
    scene_init(&scene, NULL);
    (void)weir_environment_fail(scene.environment, WEIR_INVALID, "usage: numbers");
    assert_refused(&scene, "usage: numbers");
}

/* --- event time, two streams --- */

static const weir_function timely_function = { .size = sizeof(weir_function),
                                               .poll = give,
                                               .event_time = true };
static const weir_function pair_function = { .size = sizeof(weir_function),
                                             .process = pass,
                                             .process_other = pass };

static weir_stream *
timely(struct scene *scene, const char *name)
{
    return weir_environment_source(scene->environment, name, &timely_function, NULL, 0,
                                   scene->type);
}

static weir_stream *
pair_up(struct scene *scene, weir_stream *one, weir_stream *other)
{
    return weir_stream_connect(one, other, "both", &pair_function, NULL, 0, scene->type);
}

TEST(only_what_stands_behind_a_maker_of_event_time_has_timestamps)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *plain = step(&scene, source(&scene, "plain"), "step");
    weir_stream *both = pair_up(&scene, plain, timely(&scene, "timely"));
    end(both);
    end(plain);
    plan(&scene);
    static const bool timed[] = { false, false, true, true, true, false };
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(scene.plan->operators[i].timed, timed[i]);
    }
    assert_true(scene.plan->operators[3].timed_input);
    assert_false(scene.plan->operators[2].timed_input);
    uint32_t timed_edges = 0;
    for (uint32_t i = 0; i < scene.plan->edge_count; i++) {
        const struct wr_plan_edge *edge = &scene.plan->edges[i];
        assert_int_equal(edge->timed, edge->side == 1);
        timed_edges += edge->timed;
    }
    assert_int_equal(timed_edges, 1);
    scene_fini(&scene);
}

TEST(two_streams_of_one_operator_may_be_keyed_by_different_fields_of_one_type)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *one = weir_stream_key_by(source(&scene, "one"), "key");
    weir_stream *two = weir_stream_key_by(timely(&scene, "two"), "value");
    size_t count = 0;
    assert_int_equal(*weir_stream_key_fields(two, &count), 1);
    assert_int_equal(count, 1);
    end(weir_stream_uid(pair_up(&scene, one, two), "both"));
    plan(&scene);
    assert_non_null(scene.plan->operators[2].key_plan);
    assert_non_null(scene.plan->operators[2].other_key_plan);
    char text[2048];
    assert_int_not_equal(
        0, weir_environment_print_plan(scene.environment, text, sizeof text, &scene.error));
    assert_non_null(strstr(text, "keyed by key and by value, max"));
    assert_non_null(strstr(text, "vertex 2, its second stream"));
    assert_non_null(strstr(text, "event time"));
    scene_fini(&scene);
}

TEST(a_connected_function_needs_a_process_for_each_stream)
{
    struct scene scene;
    scene_init(&scene, NULL);
    assert_null(weir_stream_connect(source(&scene, "one"), source(&scene, "two"), "both",
                                    &pass_function, NULL, 0, scene.type));
    assert_refused(&scene, "connect 'both' needs a function with process for the first stream and "
                           "process_other for the second");
}

/* --- as text --- */

TEST(the_plan_is_shown_with_vertices_uids_keys_and_edges)
{
    struct scene scene;
    const char *const settings[] = { "parallelism.default", "2", NULL };
    scene_init(&scene, settings);
    weir_environment_name_job(scene.environment, "shown");
    weir_stream *sums =
        step(&scene, weir_stream_key_by(source(&scene, "numbers"), "value,key"), "sums");
    end(weir_stream_uid(sums, "the-sums"));
    char text[2048];
    size_t size = weir_environment_print_plan(scene.environment, text, sizeof text, &scene.error);
    assert_int_equal(strlen(text), size);
    static const char *const wanted[] = { "job shown: 3 operators in 2 vertices, 4 subtasks\n",
                                          "vertex 0  parallelism 2\n  numbers",
                                          "    keyed -> vertex 1\n", "uid the-sums",
                                          "keyed by value,key, max parallelism 128\n" };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_non_null(strstr(text, wanted[i]));
    }
    char little[10];
    assert_int_equal(
        size, weir_environment_print_plan(scene.environment, little, sizeof little, &scene.error));
    assert_string_equal("job shown", little);
    assert_int_equal(size, weir_environment_print_plan(scene.environment, NULL, 0, &scene.error));
    scene_fini(&scene);
}

TEST(a_record_that_is_its_own_key_is_shown)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_stream *texts = weir_environment_source(scene.environment, "texts", &source_function, NULL,
                                                 0, weir_type_of_kind(WEIR_STRING));
    weir_stream_uid(end(weir_stream_key_by(texts, "")), "end");
    char text[2048];
    assert_int_not_equal(
        0, weir_environment_print_plan(scene.environment, text, sizeof text, &scene.error));
    assert_non_null(strstr(text, "keyed by "));
    scene_fini(&scene);
}

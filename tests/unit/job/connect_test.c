/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of connected streams through whole jobs: which function gets which record, with which key,
 * who may write broadcast state, and which graphs are refused.
 */
#include "time_rig.h"

#include "job/plan.h"

/* --- both keyed: state and timers of a key are shared --- */

struct both {
    weir_state *total;
};

static weir_status
both_initialize(weir_context *context, void *self)
{
    struct both *both = self;
    return weir_context_value_state(context, "total", weir_type_of_kind(WEIR_I64), &both->total);
}

static weir_status
both_add(weir_context *context, struct both *both, int64_t expected_key, int64_t value, char side)
{
    void *total = NULL;
    int64_t key = 0;
    weir_status status = weir_value_upsert(both->total, &total, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    memcpy(&key, weir_context_current_key(context).data, sizeof key);
    assert_int_equal(key, expected_key);
    *(int64_t *)total += value;
    note(rig_of(context)->notes, "%c%lld=%lld", side, (long long)key, (long long)*(int64_t *)total);
    return weir_context_register_timer(context, WEIR_EVENT_TIME, 100 + key);
}

static weir_status
both_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct event *event = record;
    (void)out;
    return both_add(context, self, event->key, event->value, 'f');
}

/* The second stream is keyed by its values. */
static weir_status
both_process_other(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct event *event = record;
    (void)out;
    return both_add(context, self, event->value, event->key, 'o');
}

static weir_status
both_timer(weir_context *context, void *self, int64_t timestamp, weir_time_domain domain,
           weir_collector *out)
{
    struct both *both = self;
    const void *total = NULL;
    (void)domain;
    weir_status status = weir_value_find(both->total, &total);
    if (status != WEIR_OK) {
        return status;
    }
    struct event event = { .key = timestamp - 100, .value = *(const int64_t *)total };
    note(rig_of(context)->notes, "t%lld", (long long)event.value);
    return weir_collector_emit_copy(out, &event, sizeof event);
}

static const weir_function both_function = { .size = sizeof(weir_function),
                                             .name = "both",
                                             .instance_size = sizeof(struct both),
                                             .initialize_state = both_initialize,
                                             .process = both_process,
                                             .process_other = both_process_other,
                                             .on_timer = both_timer };

static weir_stream *
connect(struct time_rig *rig, weir_stream *first, weir_stream *second,
        const weir_function *function)
{
    return weir_stream_uid(
        weir_stream_connect(first, second, function->name, function, &rig, sizeof rig, rig->event),
        function->name);
}

static bool
has(const struct time_rig *rig, const char *word)
{
    char text[sizeof rig->notes + sizeof rig->sunk + 3];
    char wanted[64];
    (void)snprintf(text, sizeof text, " %s %s ", rig->notes, rig->sunk);
    (void)snprintf(wanted, sizeof wanted, " %s ", word);
    return strstr(text, wanted) != NULL;
}

TEST(two_keyed_streams_share_the_state_and_timers_of_a_key)
{
    static const struct step first[] = {
        { 'R', 1, 7, 3 }, { 'R', 2, 8, 5 }, { 'W', 200, 0, 0 }, { 0 }
    };
    static const struct step second[] = { { 'R', 1, 20, 7 }, { 'W', 50, 0, 0 }, { 0 } };
    struct time_rig rig;
    time_init(&rig, true);
    time_build(&rig);
    weir_stream *one = weir_stream_key_by(time_play(&rig, 0, first), "key");
    weir_stream *two = weir_stream_key_by(time_play(&rig, 1, second), "value");
    time_sink(&rig, connect(&rig, one, two, &both_function));
    assert_ok(weir_environment_status(rig.environment, &rig.error), &rig.error);
    assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
    assert_true(has(&rig, "f7=3") ? has(&rig, "o7=23") : has(&rig, "o7=20") && has(&rig, "f7=23"));
    assert_true(has(&rig, "f8=5"));
    assert_true(has(&rig, "t23") && has(&rig, "t5"));
    assert_true(has(&rig, "s23@107") && has(&rig, "s5@108"));
    time_fini(&rig);
}

/* --- keyed with broadcast --- */

struct rules {
    weir_state *total;
    weir_broadcast *rules;
};

static weir_status
rules_initialize(weir_context *context, void *self)
{
    struct rules *rules = self;
    const weir_type *number = weir_type_of_kind(WEIR_I64);
    weir_status status = weir_context_value_state(context, "total", number, &rules->total);
    return status != WEIR_OK
               ? status
               : weir_context_broadcast_state(context, "rules", number, number, &rules->rules);
}

/* Value times the factor of the rule of key 0; -1: tries to write a rule, and says nothing of it.
 */
static weir_status
rules_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct rules *rules = self;
    const struct event *event = record;
    static const int64_t zero = 0;
    int64_t factor = 1;
    weir_bytes found;
    void *total = NULL;
    weir_bytes name = weir_bytes_of(&zero, sizeof zero);
    if (event->value == -1) {
        (void)weir_broadcast_put(rules->rules, name, name);
        return WEIR_OK;
    }
    if (weir_broadcast_get(rules->rules, name, &found) == WEIR_OK) {
        memcpy(&factor, found.data, sizeof factor);
    }
    weir_status status = weir_value_upsert(rules->total, &total, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    *(int64_t *)total += event->value * factor;
    (void)context;
    struct event sum = { .key = event->key, .value = *(int64_t *)total };
    return weir_collector_emit_copy(out, &sum, sizeof sum);
}

static weir_status
add_hundred(weir_context *context, void *argument, weir_bytes key)
{
    struct rules *rules = argument;
    void *total = NULL;
    int64_t number = 0;
    memcpy(&number, key.data, sizeof number);
    weir_status status = weir_value_upsert(rules->total, &total, NULL);
    if (status == WEIR_OK) {
        note(rig_of(context)->notes, "k%lld=%lld", (long long)number, (long long)*(int64_t *)total);
        *(int64_t *)total += 100;
    }
    return status;
}

/* A rule; value -2: touches keyed state without a key; 99: goes over all keys. */
static weir_status
rules_process_other(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct rules *rules = self;
    const struct event *rule = record;
    void *total = NULL;
    (void)out;
    assert_int_equal(weir_context_current_key(context).size, 0);
    if (rule->value == -2) {
        (void)weir_value_upsert(rules->total, &total, NULL);
        return WEIR_OK;
    }
    if (rule->value == 99) {
        return weir_context_for_each_key(context, rules->total, add_hundred, rules);
    }
    return weir_broadcast_put(rules->rules, weir_bytes_of(&rule->key, sizeof rule->key),
                              weir_bytes_of(&rule->value, sizeof rule->value));
}

static const weir_function rules_function = { .size = sizeof(weir_function),
                                              .name = "rules",
                                              .instance_size = sizeof(struct rules),
                                              .initialize_state = rules_initialize,
                                              .process = rules_process,
                                              .process_other = rules_process_other };

static void
build_rules(struct time_rig *rig, const struct step *events, const struct step *rules)
{
    time_build(rig);
    weir_stream *one = weir_stream_key_by(time_play(rig, 0, events), "key");
    weir_stream *two = weir_stream_broadcast(time_play(rig, 1, rules));
    time_sink(rig, connect(rig, one, two, &rules_function));
    assert_ok(weir_environment_status(rig->environment, &rig->error), &rig->error);
}

TEST(rules_reach_every_subtask_and_outlive_a_restore_at_another_parallelism)
{
    static const struct step nothing[] = { { 'P', 0, 0, 0 }, { 'R', 5, 1, 3 }, { 'R', 5, 2, 3 },
                                           { 'R', 5, 3, 3 }, { 'R', 5, 4, 3 }, { 0 } };
    static const struct step rules[] = { { 'R', 1, 0, 10 }, { 'P', 0, 0, 0 }, { 0 } };
    static const char *const parallelisms[] = { "2", "3", "1" };
    struct time_rig rig;
    time_init(&rig, true);
    time_set(&rig, "pipeline.max-parallelism", "16");
    for (size_t i = 0; i < 3; i++) {
        time_set(&rig, "parallelism.default", parallelisms[i]);
        build_rules(&rig, nothing, rules);
        rig.go_on = i == 2;
        rig.stop_in_pause = i < 2;
        rig.parameters.restore = i == 0 ? NULL : "latest:" TIME_DIRECTORY;
        weir_job_state end = time_run(&rig);
        assert_string_equal(rig.error.message, "");
        assert_int_equal(end, i == 2 ? WEIR_JOB_FINISHED : WEIR_JOB_STOPPED);
    }
    assert_string_equal(rig.sunk, "s30@5 s30@5 s30@5 s30@5");
    time_fini(&rig);
}

TEST(the_broadcast_side_goes_over_all_keys)
{
    static const struct step events[] = {
        { 'R', 1, 4, 1 }, { 'R', 1, 5, 2 }, { 'P', 0, 0, 0 }, { 'R', 2, 4, 1 }, { 0 }
    };
    static const struct step rules[] = { { 'P', 0, 0, 0 }, { 'R', 1, 0, 99 }, { 0 } };
    struct time_rig rig;
    time_init(&rig, true);
    build_rules(&rig, events, rules);
    rig.stop_in_pause = true;
    assert_int_equal(time_run(&rig), WEIR_JOB_STOPPED);
    build_rules(&rig, events, rules);
    rig.go_on = true;
    rig.parameters.restore = "latest:" TIME_DIRECTORY;
    assert_int_equal(time_run(&rig), WEIR_JOB_FINISHED);
    assert_true(has(&rig, "k5=2"));
    assert_true(has(&rig, "k4=1") ? has(&rig, "s102@2") : has(&rig, "k4=2") && has(&rig, "s2@2"));
    time_fini(&rig);
}

static void
assert_fails(const struct step *events, const struct step *rules, const char *words)
{
    struct time_rig rig;
    time_init(&rig, true);
    build_rules(&rig, events, rules);
    rig.go_on = true;
    assert_int_equal(time_run(&rig), WEIR_JOB_FAILED);
    if (strstr(rig.error.message, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, rig.error.message);
        fail();
    }
    time_fini(&rig);
}

TEST(only_the_broadcast_side_writes_rules_and_only_the_keyed_side_has_a_key)
{
    static const struct step none[] = { { 0 } };
    static const struct step rule[] = { { 'R', 1, 0, 10 }, { 0 } };
    static const struct step writes[] = { { 'W', 1, 0, 0 },  { 'W', 2, 0, 0 },
                                          { 'W', 3, 0, 0 },  { 'W', 4, 0, 0 },
                                          { 'W', 5, 0, 0 },  { 'W', 6, 0, 0 },
                                          { 'R', 9, 4, -1 }, { 0 } }; /* behind the rule */
    static const struct step touches[] = { { 'R', 1, 4, -2 }, { 0 } };
    assert_fails(writes, rule, "broadcast state 'rules' refused a call");
    assert_fails(none, touches, "no key is set here");
}

/* --- graphs that are refused --- */

static void
assert_refused(bool first_keyed, const char *second, const char *words)
{
    static const struct step none[] = { { 0 } };
    struct time_rig rig;
    struct wr_plan *plan = NULL;
    time_init(&rig, true);
    time_build(&rig);
    weir_stream *one = time_play(&rig, 0, none);
    weir_stream *two = time_play(&rig, 1, none);
    one = first_keyed ? weir_stream_key_by(one, "key") : one;
    two = second[0] != '\0' ? weir_stream_key_by(two, second) : two;
    time_sink(&rig, connect(&rig, one, two, &both_function));
    weir_status status = wr_plan_create(rig.environment, &plan, &rig.error);
    assert_int_equal(status, words == NULL ? WEIR_OK : WEIR_INVALID);
    if (words != NULL && strstr(rig.error.message, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, rig.error.message);
        fail();
    }
    wr_plan_destroy(plan);
    time_fini(&rig);
}

TEST(streams_that_could_never_meet_are_refused_with_words)
{
    assert_refused(true, "", "the first stream is keyed and the second is not");
    assert_refused(false, "key", "the second stream is keyed and the first is not");
    assert_refused(true, "key,value", "keyed by different types");
    assert_refused(true, "value", NULL); /* another field of the same type */
    assert_refused(false, "", NULL);
}

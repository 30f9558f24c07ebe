/* SPDX-License-Identifier: Apache-2.0 */
/* limits: payments (account, amount), keyed, and rules (rule, limit), broadcast. An alert (account,
 * rule) when a payment takes the account's total above the limit, or a new rule finds it there. */
#include <weir/connectors.h>
#include <weir/job.h>
struct two {
    int64_t id, n;
};
struct check {
    weir_state *total; /* of the account */
    weir_broadcast *rules;
    struct two rule; /* that is held against the account */
    int64_t before;  /* what the total was */
    weir_collector *out;
};

static weir_status
make(weir_context *context, uint64_t index, weir_collector *out)
{
    const struct two *plan = weir_context_argument(context);
    struct two made = { (int64_t)index % plan->id, plan->n * (1 + (int64_t)index % 7) };
    return weir_collector_emit_copy(out, &made, sizeof made);
}

static weir_status
open_check(weir_context *context, void *self)
{
    struct check *check = self;
    const weir_type *number = weir_type_of_kind(WEIR_I64);
    weir_status status = weir_context_value_state(context, "total", number, &check->total);
    return status ? status
                  : weir_context_broadcast_state(context, "rules", number, number, &check->rules);
}

static weir_status
hold_against(weir_context *context, void *self, weir_bytes account)
{
    (void)context;
    const struct check *check = self;
    const void *total;
    weir_status status = weir_value_find(check->total, &total);
    if (status || check->before > check->rule.n || *(const int64_t *)total <= check->rule.n) {
        return status;
    }
    struct two alert = { *(const int64_t *)account.data, check->rule.id };
    return weir_collector_emit_copy(check->out, &alert, sizeof alert);
}

static weir_status
pay(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct check *check = self;
    weir_cursor cursor = { { 0 } };
    weir_bytes name, limit;
    void *total;
    weir_status status = weir_value_upsert(check->total, &total, NULL);
    if (status == WEIR_OK) {
        check->out = out, check->before = *(int64_t *)total;
        *(int64_t *)total += ((const struct two *)record)->n;
    }
    while (!status && !weir_broadcast_next(check->rules, &cursor, &name, &limit)) {
        check->rule = (struct two){ *(const int64_t *)name.data, *(const int64_t *)limit.data };
        status = hold_against(context, check, weir_context_current_key(context));
    }
    return status;
}

static weir_status
learn(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct check *check = self;
    check->rule = *(const struct two *)record, check->before = 0, check->out = out;
    weir_status status = weir_broadcast_put(check->rules, weir_bytes_of(&check->rule.id, 8),
                                            weir_bytes_of(&check->rule.n, 8));
    return status ? status : weir_context_for_each_key(context, check->total, hold_against, check);
}

static weir_status
limits(weir_environment *environment, int argc, char **argv)
{
    (void)argc, (void)argv;
    const weir_function checks = { sizeof checks, .instance_size = sizeof(struct check),
                                   .initialize_state = open_check, .process = pay,
                                   .process_other = learn };
    const struct two plans[] = { { 10, 1 }, { 5, 100 } };
    const weir_generator_source_options pays = { sizeof pays, make, 1000, 0, &plans[0], 16 };
    const weir_generator_source_options rules = { sizeof rules, make, 5, 0, &plans[1], 16 };
    const weir_field fields[] = { WEIR_FIELD(struct two, id, I64), WEIR_FIELD(struct two, n, I64) };
    const weir_type *type = weir_environment_struct(environment, "two", 16, fields, 2);
    weir_stream *one = weir_generator_source(environment, "payments", &pays, type);
    weir_stream *two = weir_generator_source(environment, "rules", &rules, type);
    one = weir_stream_key_by(weir_stream_uid(one, "payments"), "id");
    two = weir_stream_broadcast(weir_stream_uid(two, "rules"));
    one = weir_stream_connect(one, two, "check", &checks, NULL, 0, type);
    weir_print_sink(weir_stream_uid(one, "check"));
    weir_environment_name_job(environment, "limits");
    return weir_environment_status(environment, NULL);
}
WEIR_JOB(limits)

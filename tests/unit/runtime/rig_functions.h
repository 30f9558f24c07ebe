/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/runtime/rig_functions.h: the functions of the small jobs in task_rig.h: a source, a
 * keyed sum, a flat_map, a filter and a sink, which share a plan of what they are to do and did.
 */
#ifndef WEIR_TESTS_RIG_FUNCTIONS_H
#define WEIR_TESTS_RIG_FUNCTIONS_H

#include "support/test.h"

#include "weir/function.h"

#include <string.h>

#define RIG_UNUSED __attribute__((unused))

enum {
    RIG_ROWS = 200000
};

struct pair {
    int64_t key;
    int64_t value;
};

struct row {
    uint32_t subtask;
    struct pair pair;
};

/* Shared by all functions of a job: what they are to do, and what they did. */
struct plan {
    uint64_t count; /* records of all source subtasks together */
    uint64_t keys;
    uint64_t pause_at; /* records a source subtask emits before it idles; UINT64_MAX: never */
    size_t explode;    /* flat_map: records a record */
    size_t big;        /* the source's records are this long; 0: a pair */
    const char *fail_in;
    uint64_t fail_at; /* value of the record at which process fails */
    struct row *rows;
    size_t row_count;
    uint32_t initialized, opened, finished, closed, snapshots;
    uint64_t completed, aborted;
};

static RIG_UNUSED struct plan *
plan_of(const weir_context *context)
{
    struct plan *plan = NULL;
    memcpy(&plan, weir_context_argument(context), sizeof plan);
    return plan;
}

static weir_status
maybe_fail(weir_context *context, const char *where)
{
    const struct plan *plan = plan_of(context);
    if (plan->fail_in != NULL && strcmp(plan->fail_in, where) == 0) {
        return weir_context_fail(context, WEIR_USER, "planted in %s", where);
    }
    return WEIR_OK;
}

static weir_status
any_open(weir_context *context, void *self)
{
    (void)self;
    plan_of(context)->opened++;
    return maybe_fail(context, "open");
}

static weir_status
any_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    (void)checkpoint_id;
    plan_of(context)->snapshots++;
    return maybe_fail(context, "snapshot_state");
}

static weir_status
any_complete(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    plan_of(context)->completed = checkpoint_id;
    return maybe_fail(context, "notify");
}

static weir_status
any_aborted(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    plan_of(context)->aborted = checkpoint_id;
    return WEIR_OK;
}

static weir_status
any_finish(weir_context *context, void *self, weir_collector *out)
{
    (void)self;
    (void)out;
    plan_of(context)->finished++;
    return maybe_fail(context, "finish");
}

static void
any_close(weir_context *context, void *self)
{
    (void)self;
    plan_of(context)->closed++;
}

struct source {
    weir_operator_list *list;
    int64_t position;
};

static weir_status
source_initialize(weir_context *context, void *self)
{
    struct source *source = self;
    plan_of(context)->initialized++;
    if (weir_context_list_state(context, "position", weir_type_of_kind(WEIR_I64), WEIR_LIST_SPLIT,
                                &source->list) != WEIR_OK) {
        return WEIR_USER;
    }
    if (weir_operator_list_count(source->list) != 0) {
        memcpy(&source->position, weir_operator_list_at(source->list, 0).data,
               sizeof source->position);
    }
    return maybe_fail(context, "initialize_state");
}

static weir_status
source_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct source *source = self;
    weir_operator_list_clear(source->list);
    weir_status status = weir_operator_list_add(
        source->list, weir_bytes_of(&source->position, sizeof source->position));
    return status != WEIR_OK ? status : any_snapshot(context, self, checkpoint_id);
}

/* The position-th record of this subtask. */
static weir_status
source_emit(weir_context *context, struct source *source, weir_collector *out)
{
    const struct plan *plan = plan_of(context);
    uint64_t index = (uint64_t)source->position * weir_context_parallelism(context) +
                     weir_context_subtask(context);
    size_t size = plan->big != 0 ? plan->big : sizeof(struct pair);
    struct pair *pair = weir_collector_emit(out, size);
    if (pair == NULL) {
        return WEIR_USER;
    }
    *pair = (struct pair){ .key = (int64_t)(index % plan->keys), .value = (int64_t)index };
    if (size > sizeof *pair) {
        memset(pair + 1, 0x5a, size - sizeof *pair);
    }
    source->position++;
    return WEIR_OK;
}

static weir_status
source_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
            weir_poll *out_poll)
{
    struct source *source = self;
    const struct plan *plan = plan_of(context);
    uint32_t parallelism = weir_context_parallelism(context);
    uint32_t subtask = weir_context_subtask(context);
    for (size_t i = 0; i < max_records; i++) {
        if ((uint64_t)source->position * parallelism + subtask >= plan->count) {
            *out_poll = WEIR_POLL_END;
            return maybe_fail(context, "poll");
        }
        if ((uint64_t)source->position >= plan->pause_at) {
            *out_poll = WEIR_POLL_IDLE;
            return WEIR_OK;
        }
        weir_status status = source_emit(context, source, out);
        if (status != WEIR_OK) {
            return status;
        }
    }
    *out_poll = WEIR_POLL_MORE;
    return WEIR_OK;
}

static RIG_UNUSED const weir_function source_function = { .size = sizeof(weir_function),
                                                          .name = "source",
                                                          .instance_size = sizeof(struct source),
                                                          .initialize_state = source_initialize,
                                                          .open = any_open,
                                                          .snapshot_state = source_snapshot,
                                                          .notify_checkpoint_complete =
                                                              any_complete,
                                                          .notify_checkpoint_aborted = any_aborted,
                                                          .finish = any_finish,
                                                          .close = any_close,
                                                          .poll = source_poll };

struct sum {
    weir_state *state;
};

static weir_status
sum_initialize(weir_context *context, void *self)
{
    struct sum *sum = self;
    plan_of(context)->initialized++;
    return weir_context_value_state(context, "sum", weir_type_of_kind(WEIR_I64), &sum->state);
}

static weir_status
sum_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct sum *sum = self;
    const struct pair *pair = record;
    const struct plan *plan = plan_of(context);
    if (plan->fail_in != NULL && strcmp(plan->fail_in, "process") == 0 &&
        (uint64_t)pair->value == plan->fail_at) {
        return WEIR_LIMIT; /* without words of its own */
    }
    void *value = NULL;
    if (weir_value_upsert(sum->state, &value, NULL) != WEIR_OK) {
        return WEIR_OK; /* overlooked: the task is to fail all the same */
    }
    int64_t total = 0;
    memcpy(&total, value, sizeof total);
    total += pair->value;
    memcpy(value, &total, sizeof total);
    struct pair *emitted = weir_collector_emit(out, sizeof *emitted);
    if (emitted != NULL) {
        *emitted = (struct pair){ .key = pair->key, .value = total };
    }
    return WEIR_OK;
}

static RIG_UNUSED const weir_function sum_function = { .size = sizeof(weir_function),
                                                       .name = "sum",
                                                       .instance_size = sizeof(struct sum),
                                                       .initialize_state = sum_initialize,
                                                       .open = any_open,
                                                       .snapshot_state = any_snapshot,
                                                       .notify_checkpoint_complete = any_complete,
                                                       .notify_checkpoint_aborted = any_aborted,
                                                       .finish = any_finish,
                                                       .close = any_close,
                                                       .process = sum_process };

static weir_status
explode_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self;
    const struct pair *pair = record;
    const struct plan *plan = plan_of(context);
    for (size_t i = 0; i < plan->explode; i++) {
        struct pair *emitted = weir_collector_emit(out, sizeof *emitted);
        if (emitted != NULL) {
            *emitted = *pair;
        }
    }
    return WEIR_OK;
}

static RIG_UNUSED const weir_function explode_function = { .size = sizeof(weir_function),
                                                           .name = "explode",
                                                           .open = any_open,
                                                           .finish = any_finish,
                                                           .close = any_close,
                                                           .process = explode_process };

static weir_status
even_filter(weir_context *context, void *self, const void *record, bool *out_keep)
{
    (void)context;
    (void)self;
    *out_keep = ((const struct pair *)record)->value % 2 == 0;
    return WEIR_OK;
}

static RIG_UNUSED const weir_function even_function = { .size = sizeof(weir_function),
                                                        .name = "even",
                                                        .filter = even_filter };

static weir_status
sink_batch(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)self;
    assert_null(out);
    struct plan *plan = plan_of(context);
    for (size_t i = 0; i < weir_batch_count(batch); i++) {
        assert_true(plan->row_count < RIG_ROWS);
        struct row *row = &plan->rows[plan->row_count++];
        row->subtask = weir_context_subtask(context);
        memcpy(&row->pair, weir_batch_record(batch, i), sizeof row->pair);
        size_t size = weir_batch_record_size(batch, i);
        if (size > sizeof row->pair) {
            assert_int_equal(((const uint8_t *)weir_batch_record(batch, i))[size - 1], 0x5a);
        }
    }
    return WEIR_OK;
}

static RIG_UNUSED const weir_function sink_function = { .size = sizeof(weir_function),
                                                        .name = "sink",
                                                        .open = any_open,
                                                        .snapshot_state = any_snapshot,
                                                        .notify_checkpoint_complete = any_complete,
                                                        .notify_checkpoint_aborted = any_aborted,
                                                        .finish = any_finish,
                                                        .close = any_close,
                                                        .process_batch = sink_batch };

#endif /* WEIR_TESTS_RIG_FUNCTIONS_H */

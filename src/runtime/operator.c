/* SPDX-License-Identifier: Apache-2.0 */
/* operator: a function's instance with its state, from init to fini.
 *
 * The user's ops table may be older, and so smaller, than ours: it is copied once into a table of
 * full size, and what it did not have is NULL from then on. Nobody looks at the user's table again.
 *
 * Invariants:
 *   (1) close is called iff initialize_state or open was attempted, once.
 *   (2) The backend is open iff a keyed state was asked for or restored; an operator without any
 *       state writes no file.
 *   (3) States are registered in initialize_state and open only, so that every checkpoint of a run
 *       contains the same ones.
 */
#include "runtime/operator.h"

#include "base/check.h"

#include "base/fail.h"
#include "base/memory.h"
#include "runtime/work_directory.h"
#include "types/type.h"

#include <string.h>

enum {
    STATES_FIRST = 4
};

static weir_status
copy_function(struct wr_operator *operator_, weir_error *err)
{
    const struct wr_task_operator *plan = operator_->plan;
    const weir_function *table = plan->function;
    if (table->size < offsetof(weir_function, instance_size) + sizeof table->instance_size) {
        return wr_fail(err, WEIR_INVALID,
                       "operator '%s': its function table says it has %u bytes; set .size = "
                       "sizeof(weir_function)",
                       plan->name, table->size);
    }
    size_t size = table->size < sizeof *table ? table->size : sizeof *table;
    memcpy(&operator_->function, table, size);
    const weir_function *function = &operator_->function;
    bool works =
        function->process != NULL || function->process_batch != NULL || function->filter != NULL;
    if (plan->other_type != NULL) {
        works = function->process != NULL && function->process_other != NULL;
    }
    if (plan->input_type == NULL ? function->poll == NULL : !works) {
        return wr_fail(err, WEIR_INVALID, "operator '%s': its function has no %s", plan->name,
                       plan->input_type == NULL   ? "poll"
                       : plan->other_type != NULL ? "process, or no process_other"
                                                  : "process, process_batch or filter");
    }
    return WEIR_OK;
}

weir_status
wr_operator_init(struct wr_operator *operator_, const struct wr_operator_parameters *parameters,
                 weir_error *err)
{
    const struct wr_task_environment *environment = parameters->environment;
    const struct wr_task_operator *plan = parameters->plan;
    *operator_ = (struct wr_operator){ .plan = plan,
                                       .has_output = plan->output_type != NULL,
                                       .restored_bytes = parameters->restored_bytes,
                                       .watermark = WEIR_NO_WATERMARK,
                                       .kept_watermark = WEIR_NO_WATERMARK,
                                       .finished = plan->restore.finished };
    operator_->context = (struct weir_context){ .environment = environment,
                                                .plan = plan,
                                                .operator_ = operator_,
                                                .failure = parameters->failure,
                                                .subtask = parameters->subtask,
                                                .parallelism = parameters->parallelism };
    WR_TRY(copy_function(operator_, err));
    wr_buffer_init(&operator_->timer_key, &environment->alloc);
    wr_in_flight_queue_init(&operator_->in_flight, &environment->snapshot_alloc);
    operator_->key_group_first = 1; /* none */
    if (plan->key_plan != NULL) {
        WR_TRY(wr_parallelism_check(parameters->parallelism, plan->max_parallelism, err));
        wr_key_group_range(parameters->subtask, parameters->parallelism, plan->max_parallelism,
                           &operator_->key_group_first, &operator_->key_group_last);
        wr_keyed_init(&operator_->keyed, &environment->alloc, plan->key_plan, plan->max_parallelism,
                      environment->hash_seed);
    }
    wr_collector_init(&operator_->collector, &(struct wr_collector_parameters){
                                                 .alloc = environment->network_alloc,
                                                 .type = plan->output_type,
                                                 .batch_count = environment->batch_count,
                                                 .timed = plan->timed,
                                                 .emit_limit_bytes = environment->emit_limit_bytes,
                                                 .context = &operator_->context });
    size_t instance_size = operator_->function.instance_size;
    if (instance_size != 0) {
        operator_->self = wr_memory_new(&environment->alloc, instance_size);
    }
    if ((instance_size != 0 && operator_->self == NULL) ||
        wr_operator_state_create(&environment->list_alloc, plan->name, &operator_->lists) !=
            WEIR_OK) {
        wr_operator_fini(operator_);
        return wr_fail(err, WEIR_NOMEM, "operator '%s': no memory for its function (%zu bytes)",
                       plan->name, instance_size);
    }
    return WEIR_OK;
}

static void
free_state(const weir_alloc *alloc, struct wr_keyed_state *state)
{
    if (state->name != NULL) {
        wr_memory_free(alloc, state->name, strlen(state->name) + 1);
    }
    weir_type_destroy(state->type);
    weir_type_destroy(state->map_key_type);
    weir_type_destroy(state->namespace_type);
}

void
wr_operator_fini(struct wr_operator *operator_)
{
    const weir_alloc *alloc = &operator_->context.environment->alloc;
    wr_operator_close(operator_);
    for (uint32_t i = 0; i < operator_->state_count; i++) {
        free_state(alloc, &operator_->states[i]);
    }
    wr_memory_free(alloc, operator_->states, operator_->state_capacity * sizeof *operator_->states);
    wr_operator_state_destroy(operator_->lists);
    wr_memory_free(alloc, operator_->self, operator_->function.instance_size);
    wr_keyed_fini(&operator_->keyed);
    wr_buffer_fini(&operator_->timer_key);
    wr_collector_fini(&operator_->collector);
    wr_in_flight_queue_fini(&operator_->in_flight);
    wr_context_fini(&operator_->context);
    wr_file_base_unref(operator_->completed_files);
    operator_->completed_files = NULL;
    operator_->states = NULL;
    operator_->state_count = operator_->state_capacity = 0;
    operator_->lists = NULL;
    operator_->self = NULL;
}

/* --- state --- */

weir_status
wr_operator_forget_restored(struct wr_operator *operator_, weir_error *err)
{
    const struct wr_task_environment *environment = operator_->context.environment;
    weir_backend_close(operator_->backend);
    operator_->backend = NULL;
    wr_work_directory_remove(operator_);
    for (uint32_t i = 0; i < operator_->state_count; i++) {
        free_state(&environment->alloc, &operator_->states[i]);
    }
    operator_->state_count = 0;
    wr_in_flight_queue_fini(&operator_->in_flight);
    wr_in_flight_queue_init(&operator_->in_flight, &environment->snapshot_alloc);
    wr_operator_state_destroy(operator_->lists);
    operator_->lists = NULL;
    if (wr_operator_state_create(&environment->list_alloc, operator_->plan->name,
                                 &operator_->lists) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory to restore its state once more");
    }
    return WEIR_OK;
}

weir_status
wr_operator_need_backend(struct wr_operator *operator_, weir_error *err)
{
    if (operator_->backend != NULL) {
        return WEIR_OK;
    }
    const struct wr_task_environment *environment = operator_->context.environment;
    const struct wr_task_operator *plan = operator_->plan;
    if (plan->key_plan == NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "keyed state belongs behind weir_stream_key_by: this operator has no key");
    }
    if (operator_->directory == NULL) {
        WR_TRY(wr_work_directory_make(operator_, err));
    }
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = plan->max_parallelism,
                                           .key_group_first = operator_->key_group_first,
                                           .key_group_last = operator_->key_group_last,
                                           .state_alloc = environment->state_alloc,
                                           .snapshot_alloc = environment->snapshot_alloc,
                                           .key_type = wr_key_plan_type(plan->key_plan),
                                           .hash_seed = environment->hash_seed,
                                           .options = environment->options,
                                           .operator_name = plan->name,
                                           .directory = operator_->directory,
                                           .memory_bytes = environment->backend_memory_bytes,
                                           .subtask = operator_->context.subtask };
    return weir_backend_open(environment->backend_factory, &parameters, &operator_->backend, err);
}

static weir_status
grow_states(struct wr_operator *operator_)
{
    uint32_t capacity =
        operator_->state_capacity == 0 ? STATES_FIRST : 2 * operator_->state_capacity;
    size_t unit = sizeof *operator_->states;
    struct wr_keyed_state *states =
        wr_memory_resize(&operator_->context.environment->alloc, operator_->states,
                         operator_->state_capacity * unit, capacity * unit);
    if (states == NULL) {
        return WEIR_NOMEM;
    }
    operator_->states = states;
    operator_->state_capacity = capacity;
    return WEIR_OK;
}

static weir_status
copy_type(const weir_alloc *alloc, const weir_type *type, weir_type **out_copy)
{
    return type == NULL ? WEIR_OK : wr_type_copy(alloc, type, out_copy);
}

weir_status
wr_operator_enter_state(struct wr_operator *operator_, const weir_state_descriptor *descriptor,
                        struct wr_keyed_state **out_state, weir_error *err)
{
    const char *name = descriptor->name;
    for (uint32_t i = 0; i < operator_->state_count; i++) {
        if (strcmp(operator_->states[i].name, name) == 0) {
            *out_state = &operator_->states[i];
            return WEIR_OK;
        }
    }
    const weir_alloc *alloc = &operator_->context.environment->alloc;
    struct wr_keyed_state state = { .name = wr_memory_copy_text(alloc, name),
                                    .kind = descriptor->kind,
                                    .has_timestamps = descriptor->has_timestamps };
    if (state.name == NULL || copy_type(alloc, descriptor->type, &state.type) != WEIR_OK ||
        copy_type(alloc, descriptor->map_key_type, &state.map_key_type) != WEIR_OK ||
        copy_type(alloc, descriptor->namespace_type, &state.namespace_type) != WEIR_OK ||
        (operator_->state_count == operator_->state_capacity &&
         grow_states(operator_) != WEIR_OK)) {
        free_state(alloc, &state);
        return wr_fail(err, WEIR_NOMEM, "no memory to register state '%s'", name);
    }
    operator_->states[operator_->state_count] = state;
    *out_state = &operator_->states[operator_->state_count++];
    return WEIR_OK;
}

static weir_status
check_registration(const struct wr_operator *operator_, const char *name, const weir_type *type,
                   weir_error *err)
{
    if (!operator_->context.may_register) {
        return wr_fail(err, WEIR_INVALID,
                       "state '%s' was asked for too late: ask in initialize_state or open",
                       name == NULL ? "" : name);
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > WR_NAME_SIZE_MAX || type == NULL) {
        return wr_fail(err, WEIR_INVALID, "a state needs a type and a name of 1 to %d bytes",
                       WR_NAME_SIZE_MAX);
    }
    if (strcmp(name, WR_IN_FLIGHT_NAME) == 0) {
        return wr_fail(err, WEIR_INVALID,
                       "state '%s': the name is kept for records in flight; choose another", name);
    }
    return WEIR_OK;
}

weir_status
wr_operator_keyed_state(struct wr_operator *operator_, const weir_state_descriptor *descriptor,
                        weir_state **out_state, weir_error *err)
{
    WR_TRY(check_registration(operator_, descriptor->name, descriptor->type, err));
    WR_TRY(wr_operator_need_backend(operator_, err));
    weir_state *handle = NULL;
    struct wr_keyed_state *state = NULL;
    WR_TRY(weir_backend_create_state(operator_->backend, descriptor, &handle, err));
    WR_TRY(wr_operator_enter_state(operator_, descriptor, &state, err));
    weir_status status = wr_keyed_add_state(&operator_->keyed, handle);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "state '%s': %s; an operator may have %d keyed states",
                       descriptor->name, weir_status_meaning(status), WR_KEYED_STATES_MAX);
    }
    wr_assert(state != NULL);
    state->handle = handle;
    state->has_timestamps = descriptor->has_timestamps; /* ttl may be switched over a restore */
    *out_state = handle;
    return WEIR_OK;
}

weir_status
wr_operator_list_state(struct wr_operator *operator_, const weir_state_descriptor *descriptor,
                       weir_operator_list **out_list, weir_error *err)
{
    WR_TRY(check_registration(operator_, descriptor->name, descriptor->type, err));
    if (descriptor->list_mode != WEIR_LIST_SPLIT && descriptor->list_mode != WEIR_LIST_UNION) {
        return wr_fail(err, WEIR_INVALID,
                       "list state '%s' must be WEIR_LIST_SPLIT or WEIR_LIST_UNION",
                       descriptor->name);
    }
    return wr_operator_state_list(operator_->lists, descriptor, out_list, err);
}

weir_status
wr_operator_broadcast_state(struct wr_operator *operator_, const weir_state_descriptor *descriptor,
                            weir_broadcast **out_broadcast, weir_error *err)
{
    WR_TRY(check_registration(operator_, descriptor->name, descriptor->type, err));
    if (descriptor->map_key_type == NULL) {
        return wr_fail(err, WEIR_INVALID, "broadcast state '%s' needs a type of its keys",
                       descriptor->name);
    }
    return wr_operator_state_broadcast(operator_->lists, descriptor, out_broadcast, err);
}

/* --- life --- */

/* Both queues of a keyed function with on_timer, and their states among those of checkpoints. */
static weir_status
open_timers(struct wr_operator *operator_, weir_error *err)
{
    if (operator_->plan->key_plan == NULL || operator_->function.on_timer == NULL) {
        return WEIR_OK;
    }
    WR_TRY(wr_operator_need_backend(operator_, err));
    WR_TRY(wr_timers_create(operator_->backend, "user-timers", NULL, &operator_->timers, err));
    const weir_time_domain domains[] = { WEIR_EVENT_TIME, WEIR_PROCESSING_TIME };
    for (size_t i = 0; i < 2; i++) {
        weir_state *handle = wr_timers_state(operator_->timers, domains[i]);
        struct wr_keyed_state *state = NULL;
        WR_TRY(wr_operator_enter_state(operator_, weir_state_descriptor_of(handle), &state, err));
        wr_assert(state != NULL);
        state->handle = handle;
    }
    return WEIR_OK;
}

/* The least of all subtasks' last watermarks: what is behind it is late after a restore too. */
static weir_status
open_watermark(struct wr_operator *operator_, weir_error *err)
{
    if (!operator_->plan->keep_watermark) {
        return WEIR_OK;
    }
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_LIST,
                                         .list_mode = WEIR_LIST_UNION,
                                         .name = "weir_watermark",
                                         .type = weir_type_of_kind(WEIR_I64) };
    weir_operator_list *list = NULL;
    WR_TRY(wr_operator_list_state(operator_, &descriptor, &list, err));
    size_t count = weir_operator_list_count(list);
    int64_t least = count != 0 ? WEIR_MAX_WATERMARK : WEIR_NO_WATERMARK;
    for (size_t i = 0; i < count; i++) {
        int64_t one = WEIR_NO_WATERMARK;
        weir_bytes value = weir_operator_list_at(list, i);
        if (value.size == sizeof one) {
            memcpy(&one, value.data, sizeof one);
        }
        least = one < least ? one : least;
    }
    operator_->watermark = operator_->kept_watermark = least;
    operator_->watermark_list = list;
    return WEIR_OK;
}

static weir_status
open_time(struct wr_operator *operator_, weir_error *err)
{
    WR_TRY(open_timers(operator_, err));
    return open_watermark(operator_, err);
}

weir_status
wr_operator_open(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    const weir_function *function = &operator_->function;
    weir_error err;
    weir_status status = wr_operator_restore_state(operator_, &err);
    context->may_register = true;
    if (status == WEIR_OK) {
        status = open_time(operator_, &err);
    }
    if (status != WEIR_OK) {
        return wr_context_fail_error(context, status, &err);
    }
    operator_->close_due = true;
    if (function->initialize_state != NULL) {
        status = function->initialize_state(context, operator_->self);
        status = wr_context_check(context, status, "initialize_state");
    }
    if (status == WEIR_OK && function->open != NULL) {
        status = function->open(context, operator_->self);
        status = wr_context_check(context, status, "open");
    }
    context->may_register = false;
    operator_->uses_keys = operator_->keyed.bound_count != 0 || operator_->timers != NULL;
    return status;
}

void
wr_operator_close(struct wr_operator *operator_)
{
    if (operator_->close_due) {
        operator_->close_due = false;
        if (operator_->function.close != NULL) {
            operator_->function.close(&operator_->context, operator_->self);
        }
        wr_context_call_ended(&operator_->context);
    }
    wr_timers_destroy(operator_->timers);
    operator_->timers = NULL;
    weir_backend_close(operator_->backend);
    operator_->backend = NULL;
    wr_work_directory_remove(operator_);
    operator_->keyed.bound_count = 0; /* handles went with it */
    operator_->keyed.prefetched_count = 0;
    operator_->idle_work = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_begin: fixes what a checkpoint of a task contains: a writer, the backend's snapshot and
 * a copy of the operator state for each operator, in O(number of states).
 */
#include "base/fail.h"
#include "base/memory.h"
#include "os/file.h"
#include "runtime/report.h"
#include "runtime/snapshot_files.h"
#include "runtime/snapshot_parts.h"

#include <stdio.h>
#include <string.h>

/* A savepoint's files stand in a directory of their own, wherever checkpoints are. */
static bool
has_directory(const struct wr_snapshot_parameters *parameters)
{
    return parameters->directory != NULL && parameters->directory[0] != '\0';
}

/* "<operator>-<subtask><suffix>", and for files that outlive their checkpoint's directory its id
 * and the attempt, which make the name the only one of the job. */
static void
make_name(const struct wr_snapshot_part *part, bool is_unique, const char *suffix, char *out,
          size_t room)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    size_t at = 0;
    for (size_t i = 0; i < 8; i++) {
        at += (size_t)snprintf(out + at, room - at, "%02x", part->operator_->plan->id[i]);
    }
    at += (size_t)snprintf(out + at, room - at, "-%u", part->operator_->context.subtask);
    if (is_unique) {
        at += (size_t)snprintf(out + at, room - at, "-%llu-%s",
                               (unsigned long long)parameters->checkpoint_id,
                               parameters->environment->attempt);
    }
    (void)snprintf(out + at, room - at, "%s", suffix);
}

/* Where a file of this name is made. */
static weir_status
make_path(const struct wr_snapshot_part *part, const char *name, char out[WR_PATH_MAX],
          weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    const struct wr_task_environment *environment = parameters->environment;
    if (!has_directory(parameters)) {
        return environment->snapshot_path(environment->snapshot_path_argument,
                                          parameters->checkpoint_id, name, out, err);
    }
    return wr_path_join(out, parameters->directory, name, err);
}

static weir_status
create_writer(struct wr_snapshot_part *part, weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    const struct wr_task_environment *environment = parameters->environment;
    const struct wr_task_operator *plan = part->operator_->plan;
    uint32_t subtask = part->operator_->context.subtask;
    bool is_shared = wr_part_may_be_shared(part);
    char prefix[WR_FILE_NAME_MAX + 1];
    char path[WR_PATH_MAX];
    char engine_path[WR_PATH_MAX];
    make_name(part, is_shared, ".state", part->file, sizeof part->file);
    make_name(part, true, "-", prefix, sizeof prefix);
    WR_TRY(make_path(part, part->file, path, err));
    WR_TRY(make_path(part, prefix, engine_path, err));
    struct wr_state_file_parameters file = {
        .os = environment->os,
        .executor = environment->io,
        .alloc = environment->snapshot_alloc,
        .path = path,
        .identity = { .checkpoint_id = parameters->checkpoint_id, .subtask = subtask },
        .buffer_size = environment->state_file_buffer_size,
        .may_change = wr_snapshot_may_change(part->base),
        .inline_max = is_shared ? 0 : environment->inline_max,
        .memory_max = has_directory(parameters) ? 0 : environment->memory_max,
        .inline_alloc = environment->alloc,
        .engine_prefix = engine_path,
        .is_known = part->base != NULL ? wr_snapshot_file_is_known : NULL,
        .is_known_argument = part->base,
        .reply_to = parameters->replies,
        .reply_parker = parameters->parker
    };
    memcpy(file.identity.attempt, environment->attempt_bytes, sizeof file.identity.attempt);
    memcpy(file.identity.operator_id, plan->id, sizeof file.identity.operator_id);
    return wr_state_file_create(&file, &part->writer, err);
}

/* What the manifest will say of the states, as they are at the barrier. */
static weir_status
describe_states(struct wr_snapshot_part *part, weir_error *err)
{
    const struct wr_operator *operator_ = part->operator_;
    struct wr_operator_snapshot_result *result = part->result;
    uint32_t keyed_count = part->keyed == NULL ? 0 : operator_->state_count;
    uint32_t list_count =
        part->lists == NULL ? 0 : (uint32_t)wr_operator_snapshot_count(part->lists);
    uint32_t own_count = part->has_in_flight ? 1 : 0;
    if (wr_report_make_states(&part->snapshot->parameters.environment->alloc, result,
                              keyed_count + list_count + own_count,
                              list_count + own_count) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory to report %u states", keyed_count + list_count);
    }
    result->keyed = part->keyed != NULL;
    result->key_group_first = operator_->key_group_first;
    result->key_group_last = operator_->key_group_last;
    for (uint32_t i = 0; i < keyed_count; i++) {
        const struct wr_keyed_state *state = &operator_->states[i];
        result->states[i] = (struct wr_manifest_state){ .name = state->name,
                                                        .kind = state->kind,
                                                        .list_mode = WEIR_LIST_NONE,
                                                        .type = state->type,
                                                        .map_key_type = state->map_key_type,
                                                        .namespace_type = state->namespace_type,
                                                        .has_timestamps = state->has_timestamps };
    }
    for (uint32_t i = 0; i < list_count; i++) {
        weir_state_descriptor live;
        uint64_t count = 0; /* texts and types of the live one: the copy goes with the snapshot */
        wr_operator_state_describe(operator_->lists, i, &live, &count);
        result->states[keyed_count + i] =
            (struct wr_manifest_state){ .name = live.name,
                                        .kind = live.kind,
                                        .list_mode = live.list_mode,
                                        .type = live.type,
                                        .map_key_type = live.map_key_type };
        result->lists[i] = (struct wr_manifest_list){ .state = keyed_count + i, .count = count };
    }
    if (part->has_in_flight) { /* how many is known when all are */
        weir_state_descriptor list = wr_in_flight_descriptor();
        result->states[keyed_count + list_count] = (struct wr_manifest_state){
            .name = list.name, .kind = list.kind, .list_mode = list.list_mode, .type = list.type
        };
        result->lists[list_count] = (struct wr_manifest_list){ .state = keyed_count + list_count };
    }
    return WEIR_OK;
}

/* What the snapshot may refer to, and what later ones may refer to once it has completed. */
static weir_status
choose_base(struct wr_snapshot_part *part, weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    if (!wr_part_may_be_shared(part)) {
        return WEIR_OK;
    }
    part->next = wr_file_base_create(&parameters->environment->alloc, parameters->checkpoint_id);
    if (part->next == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to list the files of checkpoint %llu",
                       (unsigned long long)parameters->checkpoint_id);
    }
    if (parameters->sharing == WR_SHARING_BOTH) {
        part->base = wr_file_base_ref(part->operator_->completed_files);
    }
    return WEIR_OK;
}

/* What was restored and not begun, and what the barrier has overtaken so far. */
static weir_status
begin_in_flight(struct wr_snapshot_part *part, weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    const struct wr_operator *operator_ = part->operator_;
    bool is_first = operator_ == parameters->operators;
    part->is_capturing =
        is_first && parameters->capture != NULL &&
        wr_capture_record(parameters->capture, parameters->checkpoint_id, &part->in_flight);
    if (!part->is_capturing && operator_->in_flight.first == NULL) {
        return WEIR_OK;
    }
    struct wr_in_flight_target target = { .plan = operator_->plan,
                                          .subtask = operator_->context.subtask,
                                          .parallelism = operator_->context.parallelism };
    weir_status status =
        wr_in_flight_log_init(&part->in_flight, &parameters->environment->snapshot_alloc, &target);
    for (const struct weir_batch *batch = operator_->in_flight.first;
         batch != NULL && status == WEIR_OK; batch = batch->next) {
        status = wr_in_flight_log_add(&part->in_flight, batch, batch->side);
    }
    if (status != WEIR_OK) {
        return wr_fail(err, status, "no memory to copy the records in flight of checkpoint %llu",
                       (unsigned long long)parameters->checkpoint_id);
    }
    if (part->is_capturing) {
        WR_TRY(wr_part_capture(part, err));
    }
    part->has_in_flight = part->is_capturing || part->in_flight.count != 0;
    return WEIR_OK;
}

static weir_status
begin_part(struct wr_snapshot_part *part, weir_error *err)
{
    struct wr_operator *operator_ = part->operator_;
    bool has_keyed = operator_->backend != NULL && operator_->state_count != 0;
    bool has_lists = wr_operator_state_count(operator_->lists) != 0;
    part->phase = WR_PART_KEYED;
    WR_TRY(begin_in_flight(part, err));
    if (!has_keyed && !has_lists && !part->has_in_flight) {
        part->phase = WR_PART_NONE;
        return WEIR_OK;
    }
    WR_TRY(choose_base(part, err));
    WR_TRY(create_writer(part, err));
    if (has_keyed) {
        weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                                .checkpoint_id =
                                                    part->snapshot->parameters.checkpoint_id,
                                                .writer = part->writer,
                                                .incremental = wr_snapshot_may_change(part->base) };
        WR_TRY(weir_backend_snapshot_begin(operator_->backend, &parameters, &part->keyed, err));
    } else {
        part->phase = WR_PART_LISTS;
    }
    if (has_lists) {
        WR_TRY(wr_operator_state_copy(operator_->lists, &part->lists, err));
    }
    return describe_states(part, err);
}

static weir_status
begin_parts(struct wr_snapshot *snapshot, weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &snapshot->parameters;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        weir_status status = begin_part(&snapshot->parts[i], err);
        if (status != WEIR_OK) {
            wr_snapshot_abort(snapshot);
            return wr_fail_context(err, status, "snapshot of operator '%s' (%u/%u): ",
                                   parameters->operators[i].plan->name,
                                   parameters->operators[i].context.subtask + 1,
                                   parameters->operators[i].context.parallelism);
        }
    }
    return WEIR_OK;
}

/* NULL: no memory. */
static struct wr_snapshot *
new_snapshot(const struct wr_snapshot_parameters *parameters)
{
    const weir_alloc *alloc = &parameters->environment->alloc;
    size_t size = wr_snapshot_size(parameters->operator_count);
    struct wr_snapshot *snapshot = wr_memory_new(alloc, size);
    if (snapshot == NULL) {
        return NULL;
    }
    snapshot->parameters = *parameters;
    snapshot->part_count = parameters->operator_count;
    snapshot->report = wr_report_create(alloc, WR_TASK_ACKNOWLEDGED, parameters->operator_count);
    if (snapshot->report == NULL) {
        wr_memory_free(alloc, snapshot, size);
        return NULL;
    }
    return snapshot;
}

weir_status
wr_snapshot_begin(const struct wr_snapshot_parameters *parameters,
                  struct wr_snapshot **out_snapshot, weir_error *err)
{
    struct wr_snapshot *snapshot = new_snapshot(parameters);
    if (snapshot == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to begin a snapshot of %u operators",
                       parameters->operator_count);
    }
    snapshot->report->checkpoint_id = parameters->checkpoint_id;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        struct wr_snapshot_part *part = &snapshot->parts[i];
        part->snapshot = snapshot;
        part->operator_ = &parameters->operators[i];
        part->result = &snapshot->report->snapshots[i];
        part->result->finished = part->operator_->finished;
        part->result->key_group_first = 1; /* none */
        part->reply.context = part;
    }
    *out_snapshot = snapshot;
    bool has_storage = parameters->environment->snapshot_path != NULL || has_directory(parameters);
    weir_status status = has_storage ? begin_parts(snapshot, err) : WEIR_OK;
    struct wr_os *os = parameters->environment->os;
    snapshot->synced_ns = os->ops->monotonic_ns(os);
    return status;
}

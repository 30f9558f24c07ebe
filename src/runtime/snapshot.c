/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: one checkpoint of one task: a part for each operator, each part a state file.
 *
 *   part:  NONE      no state, no storage: nothing to write
 *          KEYED     turns of the backend's snapshot      [turn_keyed]
 *          LISTS     turns of the copied lists            [turn_lists]
 *          CLOSING   the directory is written, the io thread has the rest: a reply is due
 *          WRITTEN   durable
 *          ABANDONED given up; a reply may be due
 *
 *   NONE   KEYED --done--> LISTS --done--> CLOSING --reply OK--> WRITTEN
 *          KEYED, LISTS, CLOSING --failure, abort--> ABANDONED
 *
 * The snapshot is complete when every part is NONE or WRITTEN. A failure of one part abandons all.
 *
 * Invariants:
 *   (1) A part's backend snapshot is ended exactly once: completed when its file is durable, else
 *       not.
 *   (2) A writer is destroyed only after its one reply: the io thread works on it until then. So a
 *       snapshot outlives its abort, until no reply is due; the task keeps it in a list.
 *   (3) Nothing of the operator is read after begin but through the backend's snapshot and the
 *       copied lists: records that come behind the barrier are not in it.
 */
#include "runtime/snapshot.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "os/file.h"
#include "runtime/report.h"

#include <stdio.h>
#include <string.h>

enum part_phase {
    PART_NONE,
    PART_KEYED,
    PART_LISTS,
    PART_CLOSING,
    PART_WRITTEN,
    PART_ABANDONED
};

struct part {
    struct wr_snapshot *snapshot;
    struct wr_operator *operator_;
    enum part_phase phase;
    bool reply_due;
    weir_block_writer *writer;
    weir_snapshot *keyed; /* NULL: no keyed state, or ended */
    struct wr_operator_snapshot *lists;
    struct wr_state_file_reply reply;
    struct wr_operator_snapshot_result *result; /* in the snapshot's report */
};

struct wr_snapshot {
    struct wr_snapshot *next;
    struct wr_snapshot_parameters parameters;
    struct wr_task_report *report; /* made at the barrier, so that acknowledging needs no memory */
    bool abandoned;
    uint32_t part_count;
    struct part parts[];
};

static size_t
snapshot_size(uint32_t part_count)
{
    return sizeof(struct wr_snapshot) + part_count * sizeof(struct part);
}

/* --- ending --- */

static void
end_keyed(struct part *part, bool completed)
{
    if (part->keyed != NULL && part->operator_->backend != NULL) {
        weir_backend_snapshot_end(part->operator_->backend, part->keyed, completed);
        part->operator_->idle_work = part->operator_->idle_work || !completed;
    }
    part->keyed = NULL;
}

static void
abandon(struct part *part)
{
    bool is_open = part->phase == PART_KEYED || part->phase == PART_LISTS;
    end_keyed(part, false);
    wr_operator_snapshot_destroy(part->lists);
    part->lists = NULL;
    if (is_open && part->writer != NULL) {
        part->reply_due = true;
        wr_state_file_abort(part->writer, &part->reply);
    }
    if (part->phase != PART_NONE) {
        part->phase = PART_ABANDONED;
    }
}

void
wr_snapshot_abort(struct wr_snapshot *snapshot)
{
    if (snapshot->abandoned || wr_snapshot_is_complete(snapshot)) {
        return;
    }
    snapshot->abandoned = true;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        abandon(&snapshot->parts[i]);
    }
}

/* --- beginning --- */

static weir_status
create_writer(struct part *part, weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    const struct wr_task_environment *environment = parameters->environment;
    const struct wr_task_operator *plan = part->operator_->plan;
    uint32_t subtask = part->operator_->context.subtask;
    char *name = part->result->file;
    size_t at = 0;
    for (size_t i = 0; i < 8; i++) {
        at += (size_t)snprintf(name + at, sizeof part->result->file - at, "%02x", plan->id[i]);
    }
    (void)snprintf(name + at, sizeof part->result->file - at, "-%u.state", subtask);
    char path[WR_PATH_MAX];
    WR_TRY(environment->snapshot_path(environment->snapshot_path_argument,
                                      parameters->checkpoint_id, name, path, err));
    struct wr_state_file_parameters file = {
        .os = environment->os,
        .executor = environment->io,
        .alloc = environment->snapshot_alloc,
        .path = path,
        .identity = { .checkpoint_id = parameters->checkpoint_id, .subtask = subtask },
        .buffer_size = environment->state_file_buffer_size,
        .reply_to = parameters->replies,
        .reply_parker = parameters->parker
    };
    memcpy(file.identity.attempt, environment->attempt_bytes, sizeof file.identity.attempt);
    memcpy(file.identity.operator_id, plan->id, sizeof file.identity.operator_id);
    return wr_state_file_create(&file, &part->writer, err);
}

/* What the manifest will say of the states, as they are at the barrier. */
static weir_status
describe_states(struct part *part, weir_error *err)
{
    const struct wr_operator *operator_ = part->operator_;
    struct wr_operator_snapshot_result *result = part->result;
    uint32_t keyed_count = part->keyed == NULL ? 0 : operator_->state_count;
    uint32_t list_count =
        part->lists == NULL ? 0 : (uint32_t)wr_operator_snapshot_count(part->lists);
    if (wr_report_make_states(&part->snapshot->parameters.environment->alloc, result,
                              keyed_count + list_count, list_count) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory to report %u states", keyed_count + list_count);
    }
    result->keyed = part->keyed != NULL;
    result->key_group_first = operator_->key_group_first;
    result->key_group_last = operator_->key_group_last;
    for (uint32_t i = 0; i < keyed_count; i++) {
        result->states[i] = (struct wr_manifest_state){ .name = operator_->states[i].name,
                                                        .kind = WEIR_STATE_VALUE,
                                                        .list_mode = WEIR_LIST_NONE,
                                                        .type = operator_->states[i].type };
    }
    for (uint32_t i = 0; i < list_count; i++) {
        weir_state_descriptor live;
        uint64_t count = 0; /* texts and types of the live one: the copy goes with the snapshot */
        wr_operator_state_describe(operator_->lists, i, &live, &count);
        result->states[keyed_count + i] = (struct wr_manifest_state){
            .name = live.name, .kind = live.kind, .list_mode = live.list_mode, .type = live.type
        };
        result->lists[i] = (struct wr_manifest_list){ .state = keyed_count + i, .count = count };
    }
    return WEIR_OK;
}

static weir_status
begin_part(struct part *part, weir_error *err)
{
    struct wr_operator *operator_ = part->operator_;
    bool has_keyed = operator_->backend != NULL && operator_->state_count != 0;
    bool has_lists = wr_operator_state_count(operator_->lists) != 0;
    if (!has_keyed && !has_lists) {
        return WEIR_OK;
    }
    part->phase = PART_KEYED;
    WR_TRY(create_writer(part, err));
    if (has_keyed) {
        weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                                .checkpoint_id =
                                                    part->snapshot->parameters.checkpoint_id,
                                                .writer = part->writer };
        WR_TRY(weir_backend_snapshot_begin(operator_->backend, &parameters, &part->keyed, err));
    } else {
        part->phase = PART_LISTS;
    }
    if (has_lists) {
        WR_TRY(wr_operator_state_copy(operator_->lists, &part->lists, err));
    }
    return describe_states(part, err);
}

weir_status
wr_snapshot_begin(const struct wr_snapshot_parameters *parameters,
                  struct wr_snapshot **out_snapshot, weir_error *err)
{
    struct wr_snapshot *snapshot =
        wr_memory_new(&parameters->environment->alloc, snapshot_size(parameters->operator_count));
    if (snapshot == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to begin a snapshot of %u operators",
                       parameters->operator_count);
    }
    snapshot->parameters = *parameters;
    snapshot->part_count = parameters->operator_count;
    snapshot->report = wr_report_create(&parameters->environment->alloc, WR_TASK_ACKNOWLEDGED,
                                        parameters->operator_count);
    if (snapshot->report == NULL) {
        wr_memory_free(&parameters->environment->alloc, snapshot,
                       snapshot_size(parameters->operator_count));
        return wr_fail(err, WEIR_NOMEM, "no memory to begin a snapshot of %u operators",
                       parameters->operator_count);
    }
    snapshot->report->checkpoint_id = parameters->checkpoint_id;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        struct part *part = &snapshot->parts[i];
        part->snapshot = snapshot;
        part->operator_ = &parameters->operators[i];
        part->result = &snapshot->report->snapshots[i];
        part->result->finished = part->operator_->finished;
        part->result->key_group_first = 1; /* none */
        part->reply.context = part;
    }
    *out_snapshot = snapshot;
    if (parameters->environment->snapshot_path == NULL) {
        return WEIR_OK;
    }
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

/* --- turns --- */

static weir_status
turn_keyed(struct part *part, size_t budget_bytes, weir_error *err)
{
    bool done = part->keyed == NULL;
    if (!done) {
        WR_TRY(weir_backend_snapshot_turn(part->operator_->backend, part->keyed, budget_bytes,
                                          &done, err));
    }
    if (done) {
        part->phase = PART_LISTS;
    }
    return WEIR_OK;
}

static weir_status
turn_lists(struct part *part, size_t budget_bytes, weir_error *err)
{
    bool done = part->lists == NULL;
    if (!done) {
        WR_TRY(wr_operator_snapshot_turn(part->lists, part->writer, budget_bytes, &done, err));
    }
    if (!done) {
        return WEIR_OK;
    }
    wr_operator_snapshot_destroy(part->lists);
    part->lists = NULL;
    weir_status status = wr_state_file_finish(part->writer, &part->reply);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "ending %s: %s", part->result->file,
                       weir_status_meaning(status));
    }
    part->reply_due = true;
    part->phase = PART_CLOSING;
    return WEIR_OK;
}

weir_status
wr_snapshot_turn(struct wr_snapshot *snapshot, size_t budget_bytes, bool *out_moved,
                 weir_error *err)
{
    struct part *part = NULL;
    *out_moved = false;
    for (uint32_t i = 0; part == NULL && i < snapshot->part_count; i++) {
        struct part *candidate = &snapshot->parts[i];
        if (candidate->phase == PART_KEYED || candidate->phase == PART_LISTS) {
            part = candidate;
        }
    }
    if (part == NULL) {
        return WEIR_OK;
    }
    enum part_phase phase = part->phase;
    size_t room = weir_block_writer_room(part->writer);
    weir_status status = phase == PART_KEYED ? turn_keyed(part, budget_bytes, err)
                                             : turn_lists(part, budget_bytes, err);
    if (status != WEIR_OK) {
        wr_snapshot_abort(snapshot);
        return wr_fail_context(
            err, status, "snapshot of operator '%s' (%u/%u): ", part->operator_->plan->name,
            part->operator_->context.subtask + 1, part->operator_->context.parallelism);
    }
    *out_moved = part->phase != phase || weir_block_writer_room(part->writer) != room;
    return WEIR_OK;
}

weir_status
wr_snapshot_reply(struct wr_letter *letter, weir_error *err)
{
    struct wr_state_file_reply *reply = (struct wr_state_file_reply *)letter;
    struct part *part = reply->context;
    const struct wr_state_file_result *result = &reply->result;
    wr_assert(part->reply_due);
    part->reply_due = false;
    wr_state_file_destroy(part->writer);
    part->writer = NULL;
    if (part->phase != PART_CLOSING) {
        return WEIR_OK; /* the answer to an abort */
    }
    if (result->status != WEIR_OK) {
        *err = result->error;
        wr_snapshot_abort(part->snapshot);
        return result->status;
    }
    part->result->has_file = true;
    part->result->file_size = result->size;
    part->result->file_crc = result->crc;
    end_keyed(part, true);
    part->phase = PART_WRITTEN;
    return WEIR_OK;
}

/* --- looking --- */

uint64_t
wr_snapshot_checkpoint(const struct wr_snapshot *snapshot)
{
    return snapshot->parameters.checkpoint_id;
}

bool
wr_snapshot_is_complete(const struct wr_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        enum part_phase phase = snapshot->parts[i].phase;
        if (phase != PART_NONE && phase != PART_WRITTEN) {
            return false;
        }
    }
    return !snapshot->abandoned;
}

bool
wr_snapshot_has_ended(const struct wr_snapshot *snapshot)
{
    return snapshot->abandoned || wr_snapshot_is_complete(snapshot);
}

bool
wr_snapshot_is_writing(const struct wr_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        enum part_phase phase = snapshot->parts[i].phase;
        if (phase == PART_KEYED || phase == PART_LISTS) {
            return true;
        }
    }
    return false;
}

bool
wr_snapshot_can_destroy(const struct wr_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        if (snapshot->parts[i].reply_due) {
            return false;
        }
    }
    return wr_snapshot_has_ended(snapshot);
}

bool
wr_snapshot_is_pressed(const struct wr_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        const struct part *part = &snapshot->parts[i];
        if (part->keyed != NULL && part->phase == PART_KEYED &&
            weir_backend_snapshot_pressed(part->operator_->backend)) {
            return true;
        }
    }
    return false;
}

void
wr_snapshot_destroy(struct wr_snapshot *snapshot)
{
    wr_assert(wr_snapshot_can_destroy(snapshot));
    weir_alloc alloc = snapshot->parameters.environment->alloc;
    wr_task_report_free(&alloc, snapshot->report);
    wr_memory_free(&alloc, snapshot, snapshot_size(snapshot->part_count));
}

struct wr_task_report *
wr_snapshot_take_report(struct wr_snapshot *snapshot)
{
    wr_assert(wr_snapshot_is_complete(snapshot) && snapshot->report != NULL);
    struct wr_task_report *report = snapshot->report;
    snapshot->report = NULL;
    return report;
}

struct wr_snapshot *
wr_snapshot_next(const struct wr_snapshot *snapshot)
{
    return snapshot->next;
}

void
wr_snapshot_set_next(struct wr_snapshot *snapshot, struct wr_snapshot *next)
{
    snapshot->next = next;
}

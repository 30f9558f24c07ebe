/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: one checkpoint of one task: a part for each operator, each part a state file.
 *
 *   part:  NONE      no state, no storage: nothing to write
 *          KEYED     turns of the backend's snapshot      [turn_keyed]
 *          LISTS     turns of the copied lists, then of what was in flight, once all that the
 *                    barrier overtook is known           [turn_lists, turn_in_flight]
 *          CLOSING   the directory is written, the io thread has the rest: a reply is due
 *          WRITTEN   durable; the backend's snapshot stays open until the checkpoint is decided,
 * but for a savepoint's, on which nothing will build SETTLED   the coordinator has completed or
 * aborted the checkpoint ABANDONED given up; a reply may be due
 *
 *   NONE   KEYED --done--> LISTS --done--> CLOSING --reply OK--> WRITTEN --settle--> SETTLED
 *          KEYED, LISTS, CLOSING --failure, abort--> ABANDONED
 *
 * The snapshot is complete when every part is NONE, WRITTEN or SETTLED. A failure of one part
 * abandons all.
 *
 * Invariants:
 *   (1) A part's backend snapshot is ended exactly once: as completed when the coordinator has
 *       completed the checkpoint, else not. Only then may the next one build on its files.
 *   (2) A writer is destroyed only after its one reply: the io thread works on it until then. So a
 *       snapshot outlives its abort, until no reply is due; the task keeps it in a list.
 *   (3) Nothing of the operator is read after begin but through the backend's snapshot and the
 *       copied lists: records that come behind the barrier are not in it.
 */
#include "runtime/snapshot_parts.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "os/file.h"
#include "runtime/local_copies.h"
#include "runtime/report.h"
#include "runtime/snapshot_files.h"

#include <string.h>

static uint64_t
now_ns(const struct wr_snapshot *snapshot)
{
    struct wr_os *os = snapshot->parameters.environment->os;
    return os->ops->monotonic_ns(os);
}

/* --- ending --- */

static void
end_keyed(struct wr_snapshot_part *part, bool completed)
{
    if (part->keyed != NULL && part->operator_->backend != NULL) {
        weir_backend_snapshot_end(part->operator_->backend, part->keyed, completed);
        part->operator_->idle_work = part->operator_->idle_work || !completed;
    }
    part->keyed = NULL;
}

static void
end_in_flight(struct wr_snapshot_part *part)
{
    if (part->is_capturing) {
        const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
        wr_capture_stop(parameters->capture, parameters->checkpoint_id);
        part->is_capturing = false;
    }
    wr_in_flight_log_fini(&part->in_flight);
}

static void
abandon(struct wr_snapshot_part *part)
{
    bool is_open = part->phase == WR_PART_KEYED || part->phase == WR_PART_LISTS;
    end_keyed(part, false);
    end_in_flight(part);
    wr_operator_snapshot_destroy(part->lists);
    part->lists = NULL;
    if (is_open && part->writer != NULL) {
        part->reply_due = true;
        wr_state_file_abort(part->writer, &part->reply);
    }
    wr_local_copies_settle(part, false);
    if (part->phase != WR_PART_NONE) {
        part->phase = WR_PART_ABANDONED;
    }
}

/* Later snapshots of the operator build on this one. */
static void
become_base(struct wr_snapshot_part *part)
{
    struct wr_file_base **base = &part->operator_->completed_files;
    bool is_newest =
        *base == NULL || (*base)->checkpoint_id < wr_snapshot_checkpoint(part->snapshot);
    if (part->next != NULL && is_newest) {
        wr_file_base_unref(*base);
        *base = wr_file_base_ref(part->next);
    }
}

void
wr_snapshot_settle(struct wr_snapshot *snapshot, bool completed)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        struct wr_snapshot_part *part = &snapshot->parts[i];
        if (part->phase != WR_PART_WRITTEN) {
            continue;
        }
        end_keyed(part, completed && !wr_snapshot_is_apart(snapshot));
        part->phase = WR_PART_SETTLED;
        wr_local_copies_settle(part, completed);
        if (completed) {
            become_base(part);
        }
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

/* --- turns --- */

static weir_status
turn_keyed(struct wr_snapshot_part *part, size_t budget_bytes, weir_error *err)
{
    bool done = part->keyed == NULL;
    if (!done) {
        WR_TRY(weir_backend_snapshot_turn(part->operator_->backend, part->keyed, budget_bytes,
                                          &done, err));
    }
    if (done) {
        part->phase = WR_PART_LISTS;
    }
    return WEIR_OK;
}

weir_status
wr_part_capture(struct wr_snapshot_part *part, weir_error *err)
{
    const struct wr_snapshot_parameters *parameters = &part->snapshot->parameters;
    switch (wr_capture_look(parameters->capture, parameters->checkpoint_id)) {
    case WR_CAPTURE_OPEN:
        return WEIR_OK;
    case WR_CAPTURE_CLOSED:
        part->is_capturing = false;
        part->snapshot->captured_ns = now_ns(part->snapshot);
        return WEIR_OK;
    case WR_CAPTURE_REFUSED:
        return wr_fail(err, WEIR_NOMEM,
                       "no memory to copy the records in flight of checkpoint %llu; raise "
                       "weir.snapshot.copy-memory",
                       (unsigned long long)parameters->checkpoint_id);
    case WR_CAPTURE_NONE:
    case WR_CAPTURE_LOST:
    default:
        return wr_fail(err, WEIR_CANCELLED,
                       "checkpoint %llu was given up before all its barriers came",
                       (unsigned long long)parameters->checkpoint_id);
    }
}

/* Behind all lists; true: it is written, or there is none. */
static weir_status
turn_in_flight(struct wr_snapshot_part *part, size_t budget_bytes, bool *out_done, weir_error *err)
{
    *out_done = !part->has_in_flight;
    if (*out_done || part->is_capturing) {
        return WEIR_OK;
    }
    weir_status status =
        wr_in_flight_log_turn(&part->in_flight, part->writer, budget_bytes, out_done);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "writing the records in flight to %s: %s", part->file,
                       weir_status_meaning(status));
    }
    if (*out_done) {
        part->result->lists[part->result->list_count - 1].count = part->in_flight.count;
        part->snapshot->parameters.phases.persisted_bytes += part->in_flight.bytes;
        wr_in_flight_log_fini(&part->in_flight);
        part->has_in_flight = false;
    }
    return WEIR_OK;
}

static weir_status
turn_lists(struct wr_snapshot_part *part, size_t budget_bytes, weir_error *err)
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
    WR_TRY(turn_in_flight(part, budget_bytes, &done, err));
    if (!done) {
        return WEIR_OK;
    }
    weir_status status = wr_state_file_finish(part->writer, &part->reply);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "ending %s: %s", part->file, weir_status_meaning(status));
    }
    part->reply_due = true;
    part->phase = WR_PART_CLOSING;
    return WEIR_OK;
}

static weir_status
fail_part(const struct wr_snapshot_part *part, weir_status status, weir_error *err)
{
    return wr_fail_context(
        err, status, "snapshot of operator '%s' (%u/%u): ", part->operator_->plan->name,
        part->operator_->context.subtask + 1, part->operator_->context.parallelism);
}

/* What barriers have overtaken is read on, whatever else there is to do. */
static weir_status
turn_captures(struct wr_snapshot *snapshot, bool *out_moved, weir_error *err)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        struct wr_snapshot_part *part = &snapshot->parts[i];
        if (!part->is_capturing) {
            continue;
        }
        uint64_t count = part->in_flight.count;
        weir_status status = wr_part_capture(part, err);
        if (status != WEIR_OK) {
            return fail_part(part, status, err);
        }
        *out_moved = *out_moved || !part->is_capturing || part->in_flight.count != count;
    }
    return WEIR_OK;
}

/* It has something to write. */
static bool
can_turn(const struct wr_snapshot_part *part)
{
    return part->phase == WR_PART_KEYED ||
           (part->phase == WR_PART_LISTS && (part->lists != NULL || !part->is_capturing));
}

static weir_status
turn_part(struct wr_snapshot_part *part, size_t budget_bytes, bool *out_moved, weir_error *err)
{
    enum wr_part_phase phase = part->phase;
    size_t room = weir_block_writer_room(part->writer);
    weir_status status = phase == WR_PART_KEYED ? turn_keyed(part, budget_bytes, err)
                                                : turn_lists(part, budget_bytes, err);
    if (status != WEIR_OK) {
        return fail_part(part, status, err);
    }
    /* a turn that wrote nothing has spent its budget on looking, unless it lacks room */
    *out_moved = *out_moved || part->phase != phase ||
                 weir_block_writer_room(part->writer) != room ||
                 !wr_state_file_is_short(part->writer);
    return WEIR_OK;
}

weir_status
wr_snapshot_turn(struct wr_snapshot *snapshot, size_t budget_bytes, bool *out_moved,
                 weir_error *err)
{
    *out_moved = false;
    weir_status status = turn_captures(snapshot, out_moved, err);
    struct wr_snapshot_part *part = NULL;
    for (uint32_t i = 0; part == NULL && i < snapshot->part_count; i++) {
        part = can_turn(&snapshot->parts[i]) ? &snapshot->parts[i] : NULL;
    }
    if (status == WEIR_OK && part != NULL) {
        status = turn_part(part, budget_bytes, out_moved, err);
    }
    if (status != WEIR_OK) {
        wr_snapshot_abort(snapshot);
    }
    return status;
}

/* What the reply brings, into the report. */
static weir_status
take_result(struct wr_snapshot_part *part, struct wr_state_file_result *result, weir_error *err)
{
    struct wr_snapshot *snapshot = part->snapshot;
    if (result->status != WEIR_OK) {
        *err = result->error;
        return result->status;
    }
    struct wr_written_part written = { .base = part->base,
                                       .writer = part->writer,
                                       .result = result,
                                       .file = part->file,
                                       .checkpoint_id = snapshot->parameters.checkpoint_id,
                                       .may_be_shared = wr_part_may_be_shared(part) };
    struct wr_file_list *next = part->next == NULL ? NULL : &part->next->files;
    weir_status status = wr_snapshot_list_files(&written, &part->result->files, next);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "%s: no memory to report it", part->file);
    }
    snapshot->inlined_bytes += wr_file_list_inlined_bytes(&part->result->files);
    uint64_t message_max = snapshot->parameters.environment->message_max;
    if (message_max != 0 && snapshot->inlined_bytes > message_max) {
        return wr_fail(err, WEIR_LIMIT,
                       "the acknowledgement of checkpoint %llu would carry %llu bytes of state, "
                       "pekko.framesize allows %llu: set execution.checkpointing.storage: "
                       "filesystem and execution.checkpointing.dir",
                       (unsigned long long)snapshot->parameters.checkpoint_id,
                       (unsigned long long)snapshot->inlined_bytes,
                       (unsigned long long)message_max);
    }
    wr_local_copies_begin(part);
    return WEIR_OK;
}

weir_status
wr_snapshot_reply(struct wr_letter *letter, weir_error *err)
{
    struct wr_state_file_reply *reply = (struct wr_state_file_reply *)letter;
    struct wr_snapshot_part *part = reply->context;
    wr_assert(part->reply_due);
    part->reply_due = false;
    bool is_wanted = part->phase == WR_PART_CLOSING; /* else it answers an abort */
    weir_status status = is_wanted ? take_result(part, &reply->result, err) : WEIR_OK;
    if (reply->result.is_inlined) {
        wr_buffer_fini(&reply->result.bytes);
        reply->result.is_inlined = false;
    }
    wr_state_file_destroy(part->writer);
    part->writer = NULL;
    if (status != WEIR_OK) {
        wr_snapshot_abort(part->snapshot);
    } else if (is_wanted) {
        part->phase = WR_PART_WRITTEN;
        if (wr_snapshot_is_apart(part->snapshot)) {
            end_keyed(part, false); /* nothing will build on it, however it is decided */
        }
    }
    return status;
}

/* --- looking --- */

uint64_t
wr_snapshot_checkpoint(const struct wr_snapshot *snapshot)
{
    return snapshot->parameters.checkpoint_id;
}

bool
wr_snapshot_is_apart(const struct wr_snapshot *snapshot)
{
    return snapshot->parameters.sharing == WR_SHARING_NONE;
}

bool
wr_snapshot_is_complete(const struct wr_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        enum wr_part_phase phase = snapshot->parts[i].phase;
        if (phase != WR_PART_NONE && phase != WR_PART_WRITTEN && phase != WR_PART_SETTLED) {
            return false;
        }
    }
    return !snapshot->abandoned;
}

/* A backend that was closed has ended its snapshots itself. */
static bool
is_open(const struct wr_snapshot_part *part)
{
    return part->phase == WR_PART_WRITTEN && part->keyed != NULL &&
           part->operator_->backend != NULL;
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
        enum wr_part_phase phase = snapshot->parts[i].phase;
        if (phase == WR_PART_KEYED || phase == WR_PART_LISTS) {
            return true;
        }
    }
    return false;
}

bool
wr_snapshot_can_destroy(const struct wr_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        if (snapshot->parts[i].reply_due || is_open(&snapshot->parts[i])) {
            return false;
        }
    }
    return wr_snapshot_has_ended(snapshot);
}

/* Barriers are still to come, and they may wait for records to be taken. */
static bool
is_capturing(const struct wr_snapshot *snapshot)
{
    bool any = false;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        any = any || snapshot->parts[i].is_capturing;
    }
    return any;
}

bool
wr_snapshot_is_pressed(const struct wr_snapshot *snapshot)
{
    bool is_synchronous = snapshot->parameters.environment->synchronous;
    if (is_synchronous && !wr_snapshot_has_ended(snapshot) && !is_capturing(snapshot)) {
        return true;
    }
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        const struct wr_snapshot_part *part = &snapshot->parts[i];
        if (part->keyed != NULL && part->phase == WR_PART_KEYED &&
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
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        wr_in_flight_log_fini(&snapshot->parts[i].in_flight);
        wr_file_base_unref(snapshot->parts[i].base);
        wr_file_base_unref(snapshot->parts[i].next);
    }
    wr_memory_free(&alloc, snapshot, wr_snapshot_size(snapshot->part_count));
}

static uint64_t
between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static struct wr_checkpoint_phases
phases_of(const struct wr_snapshot *snapshot)
{
    const struct wr_snapshot_parameters *parameters = &snapshot->parameters;
    struct wr_checkpoint_phases phases = parameters->phases;
    uint64_t aligned_ns = snapshot->captured_ns != 0 ? snapshot->captured_ns : parameters->begun_ns;
    phases.alignment_ns = between(parameters->first_barrier_ns, aligned_ns);
    phases.sync_ns = between(parameters->begun_ns, snapshot->synced_ns);
    phases.async_ns = between(snapshot->synced_ns, now_ns(snapshot));
    return phases;
}

struct wr_task_report *
wr_snapshot_take_report(struct wr_snapshot *snapshot)
{
    wr_assert(wr_snapshot_is_complete(snapshot) && snapshot->report != NULL);
    struct wr_task_report *report = snapshot->report;
    report->phases = phases_of(snapshot);
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

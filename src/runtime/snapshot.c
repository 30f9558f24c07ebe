/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: one checkpoint of one task: a part for each operator, each part a state file.
 *
 *   part:  NONE      no state, no storage: nothing to write
 *          KEYED     turns of the backend's snapshot      [turn_keyed]
 *          LISTS     turns of the copied lists            [turn_lists]
 *          CLOSING   the directory is written, the io thread has the rest: a reply is due
 *          WRITTEN   durable; the backend's snapshot stays open until the checkpoint is decided
 *          SETTLED   the coordinator has completed or aborted the checkpoint
 *          ABANDONED given up; a reply may be due
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
#include "runtime/report.h"
#include "runtime/snapshot_files.h"

#include <string.h>

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
abandon(struct wr_snapshot_part *part)
{
    bool is_open = part->phase == WR_PART_KEYED || part->phase == WR_PART_LISTS;
    end_keyed(part, false);
    wr_operator_snapshot_destroy(part->lists);
    part->lists = NULL;
    if (is_open && part->writer != NULL) {
        part->reply_due = true;
        wr_state_file_abort(part->writer, &part->reply);
    }
    if (part->phase != WR_PART_NONE) {
        part->phase = WR_PART_ABANDONED;
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
        end_keyed(part, completed);
        part->phase = WR_PART_SETTLED;
        if (completed) {
            struct wr_file_list older = part->operator_->completed_files;
            part->operator_->completed_files = part->next_files;
            part->next_files = older;
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
    weir_status status = wr_state_file_finish(part->writer, &part->reply);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "ending %s: %s", part->file, weir_status_meaning(status));
    }
    part->reply_due = true;
    part->phase = WR_PART_CLOSING;
    return WEIR_OK;
}

weir_status
wr_snapshot_turn(struct wr_snapshot *snapshot, size_t budget_bytes, bool *out_moved,
                 weir_error *err)
{
    struct wr_snapshot_part *part = NULL;
    *out_moved = false;
    for (uint32_t i = 0; part == NULL && i < snapshot->part_count; i++) {
        struct wr_snapshot_part *candidate = &snapshot->parts[i];
        if (candidate->phase == WR_PART_KEYED || candidate->phase == WR_PART_LISTS) {
            part = candidate;
        }
    }
    if (part == NULL) {
        return WEIR_OK;
    }
    enum wr_part_phase phase = part->phase;
    size_t room = weir_block_writer_room(part->writer);
    weir_status status = phase == WR_PART_KEYED ? turn_keyed(part, budget_bytes, err)
                                                : turn_lists(part, budget_bytes, err);
    if (status != WEIR_OK) {
        wr_snapshot_abort(snapshot);
        return wr_fail_context(
            err, status, "snapshot of operator '%s' (%u/%u): ", part->operator_->plan->name,
            part->operator_->context.subtask + 1, part->operator_->context.parallelism);
    }
    /* a turn that wrote nothing has spent its budget on looking, unless it lacks room */
    *out_moved = part->phase != phase || weir_block_writer_room(part->writer) != room ||
                 !wr_state_file_is_short(part->writer);
    return WEIR_OK;
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
    struct wr_written_part written = { .operator_ = part->operator_,
                                       .writer = part->writer,
                                       .result = result,
                                       .file = part->file,
                                       .checkpoint_id = snapshot->parameters.checkpoint_id,
                                       .may_be_shared = wr_part_may_be_shared(part) };
    weir_status status = wr_snapshot_list_files(&written, &part->result->files, &part->next_files);
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

bool
wr_snapshot_is_pressed(const struct wr_snapshot *snapshot)
{
    if (snapshot->parameters.environment->synchronous && !wr_snapshot_has_ended(snapshot)) {
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
        wr_file_list_fini(&snapshot->parts[i].next_files);
    }
    wr_memory_free(&alloc, snapshot, wr_snapshot_size(snapshot->part_count));
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

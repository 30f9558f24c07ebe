/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_json: one checkpoint and the parts that vertices and subtasks have in it.
 *
 * "alignment_buffered" is 0 in every Flink that still has it. "className" tells its clients which
 * of the forms an item has.
 */
#include "serve/checkpoint_json.h"

#include "serve/look.h"
#include "serve/paths.h"
#include "serve/statistics.h"

#include <stdlib.h>

/* --- one checkpoint --- */

static const char *
status_name(const weir_checkpoint_view *checkpoint)
{
    switch (checkpoint->status) {
    case WEIR_CHECKPOINT_IN_PROGRESS:
        return "IN_PROGRESS";
    case WEIR_CHECKPOINT_COMPLETED:
        return "COMPLETED";
    case WEIR_CHECKPOINT_FAILED:
        return "FAILED";
    }
    return "FAILED";
}

static const char *
class_name(const weir_checkpoint_view *checkpoint)
{
    return checkpoint->status == WEIR_CHECKPOINT_COMPLETED ? "completed"
           : checkpoint->status == WEIR_CHECKPOINT_FAILED  ? "failed"
                                                           : "in_progress";
}

static const char *
type_name(const weir_checkpoint_view *checkpoint)
{
    if (checkpoint->is_savepoint) {
        return checkpoint->is_last ? "SYNC_SAVEPOINT" : "SAVEPOINT";
    }
    return checkpoint->is_unaligned ? "UNALIGNED_CHECKPOINT" : "CHECKPOINT";
}

static json_t *
vertices_json(const weir_checkpoint_view *checkpoint, const weir_job_view *view)
{
    json_t *all = json_object();
    for (uint32_t i = 0; view != NULL && i < view->vertex_count && all != NULL; i++) {
        const weir_vertex_view *vertex = &view->vertices[i];
        if (json_object_set_new(all, vertex->id, wr_checkpoint_vertex_json(checkpoint, vertex)) !=
            0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

/* What only one that has ended has. NULL: no memory. */
static json_t *
end_json(const weir_checkpoint_view *checkpoint)
{
    if (checkpoint->status == WEIR_CHECKPOINT_COMPLETED) {
        json_t *path = checkpoint->path != NULL
                           ? wr_path_json(checkpoint->path)
                           : json_string("<checkpoint-not-externally-addressable>");
        return json_pack("{s:o,s:b}", "external_path", path, "discarded",
                         (int)checkpoint->is_discarded);
    }
    if (checkpoint->status == WEIR_CHECKPOINT_FAILED) {
        return json_pack("{s:I,s:o}", "failure_timestamp", (json_int_t)checkpoint->failed_ms,
                         "failure_message", wr_json_text(checkpoint->failure));
    }
    return json_object();
}

json_t *
wr_checkpoint_json(const weir_checkpoint_view *checkpoint, const weir_job_view *vertices)
{
    json_t *value = json_pack(
        "{s:s,s:I,s:s,s:b,s:s?,s:I,s:I,s:I,s:I,s:I,s:i,s:I,s:I,s:i,s:i,s:s,s:o}", "className",
        class_name(checkpoint), "id", (json_int_t)checkpoint->id, "status", status_name(checkpoint),
        "is_savepoint", (int)checkpoint->is_savepoint, "savepointFormat",
        checkpoint->is_savepoint ? "NATIVE" : NULL, "trigger_timestamp",
        (json_int_t)checkpoint->triggered_ms, "latest_ack_timestamp",
        wr_or_minus_one(checkpoint->latest_acknowledged_ms), "checkpointed_size",
        (json_int_t)checkpoint->checkpointed_bytes, "state_size",
        (json_int_t)checkpoint->state_bytes, "end_to_end_duration",
        (json_int_t)checkpoint->duration_ms, "alignment_buffered", 0, "processed_data",
        (json_int_t)checkpoint->processed_bytes, "persisted_data",
        (json_int_t)checkpoint->persisted_bytes, "num_subtasks", (int)checkpoint->task_count,
        "num_acknowledged_subtasks", (int)checkpoint->acknowledged_count, "checkpoint_type",
        type_name(checkpoint), "tasks", vertices_json(checkpoint, vertices));
    json_t *end = end_json(checkpoint);
    bool is_whole = json_object_update(value, end) == 0;
    json_decref(end);
    if (!is_whole) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

/* --- one vertex --- */

struct part {
    weir_checkpoint_task_view sum; /* acknowledged_ms: the latest */
    uint32_t acknowledged_count;
};

static struct part
part_of(const weir_checkpoint_view *checkpoint, const weir_vertex_view *vertex)
{
    struct part part = { 0 };
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        const weir_checkpoint_task_view *task = &checkpoint->tasks[vertex->first_task + i];
        part.acknowledged_count += task->acknowledged;
        part.sum.acknowledged_ms = task->acknowledged_ms > part.sum.acknowledged_ms
                                       ? task->acknowledged_ms
                                       : part.sum.acknowledged_ms;
        part.sum.checkpointed_bytes += task->checkpointed_bytes;
        part.sum.state_bytes += task->state_bytes;
        part.sum.processed_bytes += task->processed_bytes;
        part.sum.persisted_bytes += task->persisted_bytes;
    }
    return part;
}

json_t *
wr_checkpoint_vertex_json(const weir_checkpoint_view *checkpoint, const weir_vertex_view *vertex)
{
    struct part part = part_of(checkpoint, vertex);
    int64_t latest_ms = part.sum.acknowledged_ms;
    return json_pack(
        "{s:I,s:s,s:I,s:I,s:I,s:I,s:i,s:I,s:I,s:i,s:i}", "id", (json_int_t)checkpoint->id, "status",
        status_name(checkpoint), "latest_ack_timestamp", wr_or_minus_one(latest_ms),
        "checkpointed_size", (json_int_t)part.sum.checkpointed_bytes, "state_size",
        (json_int_t)part.sum.state_bytes, "end_to_end_duration",
        latest_ms != 0 ? (json_int_t)(latest_ms - checkpoint->triggered_ms) : -1,
        "alignment_buffered", 0, "processed_data", (json_int_t)part.sum.processed_bytes,
        "persisted_data", (json_int_t)part.sum.persisted_bytes, "num_subtasks",
        (int)vertex->parallelism, "num_acknowledged_subtasks", (int)part.acknowledged_count);
}

/* --- its subtasks --- */

static uint64_t
duration_of(const weir_checkpoint_view *checkpoint, const weir_checkpoint_task_view *task)
{
    return (uint64_t)(task->acknowledged_ms - checkpoint->triggered_ms);
}

static json_t *
subtask_json(const weir_checkpoint_view *checkpoint, const weir_checkpoint_task_view *task,
             uint32_t index)
{
    if (!task->acknowledged) {
        return json_pack("{s:s,s:i,s:s}", "className", "pending", "index", (int)index, "status",
                         "pending_or_failed");
    }
    return json_pack("{s:s,s:i,s:s,s:I,s:I,s:I,s:I,s:{s:I,s:I},s:{s:i,s:I,s:I,s:I},s:I,s:b,s:b}",
                     "className", "completed", "index", (int)index, "status", "completed",
                     "ack_timestamp", (json_int_t)task->acknowledged_ms, "end_to_end_duration",
                     (json_int_t)duration_of(checkpoint, task), "checkpointed_size",
                     (json_int_t)task->checkpointed_bytes, "state_size",
                     (json_int_t)task->state_bytes, "checkpoint", "sync", (json_int_t)task->sync_ms,
                     "async", (json_int_t)task->async_ms, "alignment", "buffered", 0, "processed",
                     (json_int_t)task->processed_bytes, "persisted",
                     (json_int_t)task->persisted_bytes, "duration", (json_int_t)task->alignment_ms,
                     "start_delay", (json_int_t)task->start_delay_ms, "unaligned_checkpoint",
                     (int)task->is_unaligned, "aborted", (int)task->is_aborted);
}

json_t *
wr_checkpoint_subtasks_json(const weir_checkpoint_view *checkpoint, const weir_vertex_view *vertex)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < vertex->parallelism && all != NULL; i++) {
        const weir_checkpoint_task_view *task = &checkpoint->tasks[vertex->first_task + i];
        if (json_array_append_new(all, subtask_json(checkpoint, task, i)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

enum figure {
    CHECKPOINTED,
    STATE,
    DURATION,
    SYNC,
    ASYNC,
    PROCESSED,
    PERSISTED,
    ALIGNMENT,
    START_DELAY
};

static uint64_t
figure_of(const weir_checkpoint_view *checkpoint, const weir_checkpoint_task_view *task,
          enum figure figure)
{
    switch (figure) {
    case CHECKPOINTED:
        return task->checkpointed_bytes;
    case STATE:
        return task->state_bytes;
    case DURATION:
        return duration_of(checkpoint, task);
    case SYNC:
        return task->sync_ms;
    case ASYNC:
        return task->async_ms;
    case PROCESSED:
        return task->processed_bytes;
    case PERSISTED:
        return task->persisted_bytes;
    case ALIGNMENT:
        return task->alignment_ms;
    case START_DELAY:
        return task->start_delay_ms;
    }
    return 0;
}

/* Of the subtasks that have acknowledged. */
static json_t *
summary(const weir_checkpoint_view *checkpoint, const weir_vertex_view *vertex, enum figure figure)
{
    size_t count = 0;
    uint64_t *values = malloc((size_t)vertex->parallelism * sizeof *values);
    if (values == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        const weir_checkpoint_task_view *task = &checkpoint->tasks[vertex->first_task + i];
        if (task->acknowledged) {
            values[count++] = figure_of(checkpoint, task, figure);
        }
    }
    json_t *value = wr_summary_of(values, count);
    free(values);
    return value;
}

json_t *
wr_checkpoint_subtasks_summary(const weir_checkpoint_view *checkpoint,
                               const weir_vertex_view *vertex)
{
    uint64_t nothing = 0;
    return json_pack(
        "{s:o,s:o,s:o,s:{s:o,s:o},s:{s:o,s:o,s:o,s:o},s:o}", "checkpointed_size",
        summary(checkpoint, vertex, CHECKPOINTED), "state_size", summary(checkpoint, vertex, STATE),
        "end_to_end_duration", summary(checkpoint, vertex, DURATION), "checkpoint_duration", "sync",
        summary(checkpoint, vertex, SYNC), "async", summary(checkpoint, vertex, ASYNC), "alignment",
        "buffered", wr_summary_of(&nothing, 1), "processed", summary(checkpoint, vertex, PROCESSED),
        "persisted", summary(checkpoint, vertex, PERSISTED), "duration",
        summary(checkpoint, vertex, ALIGNMENT), "start_delay",
        summary(checkpoint, vertex, START_DELAY));
}

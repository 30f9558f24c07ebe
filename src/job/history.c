/* SPDX-License-Identifier: Apache-2.0 */
/* history: a list of checkpoints, newest first: those under way, and the last that have ended.
 *
 * The newest completed one, the newest savepoint and the newest failed one stay listed beyond the
 * number that is kept, as Flink shows them apart from its history.
 *
 * Invariants:
 *   (1) An id is listed once. What is said of an id that is not listed is not heard: the entry
 *       could not be made, or has left.
 *   (2) An entry under way never leaves the list.
 *   (3) Counts are of all that were triggered, listed or not.
 */
#include "job/history.h"

#include "job/samples.h"

#include <string.h>

struct entry {
    struct entry *next; /* older */
    weir_checkpoint_view view;
    int64_t ended_ms;
    char *path;
    char *failure;
    weir_checkpoint_task_view tasks[];
};

enum figure {
    FIGURE_CHECKPOINTED,
    FIGURE_STATE,
    FIGURE_DURATION,
    FIGURE_PROCESSED,
    FIGURE_PERSISTED,
    FIGURE_COUNT
};

struct wr_history {
    weir_alloc alloc;
    uint32_t kept;
    uint32_t task_count;
    struct entry *newest;
    struct wr_samples figures[FIGURE_COUNT]; /* of completed ones */
    weir_histogram_view phases[WEIR_PHASE_COUNT];
    uint64_t triggered, in_progress, completed, failed, restored;
    uint64_t restored_id;
    int64_t restored_ms;
    bool restored_savepoint;
    char *restored_path;
};

struct wr_history *
wr_history_create(const weir_alloc *alloc, uint32_t kept, uint32_t task_count)
{
    struct wr_history *history = wr_memory_new(alloc, sizeof *history);
    if (history != NULL) {
        history->alloc = *alloc;
        history->kept = kept;
        history->task_count = task_count;
    }
    return history;
}

static void
free_text(const weir_alloc *alloc, char *text)
{
    wr_memory_free(alloc, text, text != NULL ? strlen(text) + 1 : 0);
}

static size_t
entry_size(const struct wr_history *history)
{
    return sizeof(struct entry) + history->task_count * sizeof(weir_checkpoint_task_view);
}

static void
free_entry(const struct wr_history *history, struct entry *entry)
{
    free_text(&history->alloc, entry->path);
    free_text(&history->alloc, entry->failure);
    wr_memory_free(&history->alloc, entry, entry_size(history));
}

void
wr_history_destroy(struct wr_history *history)
{
    if (history == NULL) {
        return;
    }
    while (history->newest != NULL) {
        struct entry *entry = history->newest;
        history->newest = entry->next;
        free_entry(history, entry);
    }
    for (int i = 0; i < FIGURE_COUNT; i++) {
        wr_samples_fini(&history->figures[i], &history->alloc);
    }
    free_text(&history->alloc, history->restored_path);
    weir_alloc alloc = history->alloc;
    wr_memory_free(&alloc, history, sizeof *history);
}

/* --- the list --- */

static struct entry *
find(const struct wr_history *history, uint64_t id)
{
    struct entry *entry = history->newest;
    while (entry != NULL && entry->view.id != id) {
        entry = entry->next;
    }
    return entry;
}

static bool
is_under_way(const struct entry *entry)
{
    return entry->view.status == WEIR_CHECKPOINT_IN_PROGRESS;
}

/* The newest of a status; savepoints are a kind of their own. */
static const struct entry *
latest(const struct wr_history *history, weir_checkpoint_status status, bool savepoint)
{
    const struct entry *entry = history->newest;
    while (entry != NULL &&
           (entry->view.status != status ||
            (status == WEIR_CHECKPOINT_COMPLETED && entry->view.is_savepoint != savepoint))) {
        entry = entry->next;
    }
    return entry;
}

static bool
is_shown_apart(const struct wr_history *history, const struct entry *entry)
{
    return entry == latest(history, WEIR_CHECKPOINT_COMPLETED, false) ||
           entry == latest(history, WEIR_CHECKPOINT_COMPLETED, true) ||
           entry == latest(history, WEIR_CHECKPOINT_FAILED, false);
}

static void
forget_old(struct wr_history *history)
{
    uint32_t ended = 0;
    struct entry **link = &history->newest;
    while (*link != NULL) {
        struct entry *entry = *link;
        ended += !is_under_way(entry);
        if (is_under_way(entry) || ended <= history->kept || is_shown_apart(history, entry)) {
            link = &entry->next;
        } else {
            *link = entry->next;
            free_entry(history, entry);
        }
    }
}

/* --- facts --- */

void
wr_history_triggered(struct wr_history *history, uint64_t id, enum wr_checkpoint_kind kind,
                     int64_t now_ms)
{
    history->triggered++;
    history->in_progress++;
    struct entry *entry = wr_memory_new(&history->alloc, entry_size(history));
    if (entry == NULL) {
        return;
    }
    entry->view = (weir_checkpoint_view){ .id = id,
                                          .status = WEIR_CHECKPOINT_IN_PROGRESS,
                                          .is_savepoint = wr_checkpoint_is_savepoint(kind),
                                          .is_last = wr_checkpoint_is_last(kind),
                                          .triggered_ms = now_ms,
                                          .task_count = history->task_count };
    entry->next = history->newest;
    history->newest = entry;
}

void
wr_history_acknowledged(struct wr_history *history, uint64_t id, uint32_t task,
                        const weir_checkpoint_task_view *part)
{
    struct entry *entry = find(history, id);
    if (entry == NULL || !is_under_way(entry) || task >= history->task_count ||
        entry->tasks[task].acknowledged) {
        return;
    }
    entry->tasks[task] = *part;
    entry->tasks[task].acknowledged = true;
    entry->view.acknowledged_count++;
    entry->view.latest_acknowledged_ms = part->acknowledged_ms;
    entry->view.checkpointed_bytes += part->checkpointed_bytes;
    entry->view.state_bytes += part->state_bytes;
    entry->view.processed_bytes += part->processed_bytes;
    entry->view.persisted_bytes += part->persisted_bytes;
    entry->view.is_unaligned = entry->view.is_unaligned || part->is_unaligned;
}

void
wr_history_declined(struct wr_history *history, uint64_t id, uint32_t task)
{
    struct entry *entry = find(history, id);
    if (entry != NULL && task < history->task_count && !entry->tasks[task].acknowledged) {
        entry->tasks[task].is_aborted = true;
    }
}

void
wr_history_stored(struct wr_history *history, uint64_t id, uint64_t metadata_bytes)
{
    struct entry *entry = find(history, id);
    if (entry != NULL) {
        entry->view.metadata_bytes = metadata_bytes;
    }
}

static uint64_t
since(int64_t then_ms, int64_t now_ms)
{
    return now_ms > then_ms ? (uint64_t)(now_ms - then_ms) : 0; /* the wall clock may go back */
}

static void
end(struct entry *entry, weir_checkpoint_status status, int64_t now_ms)
{
    entry->view.status = status;
    entry->view.duration_ms = since(entry->view.triggered_ms, now_ms);
    entry->ended_ms = now_ms;
}

static void
add_figures(struct wr_history *history, const struct entry *entry)
{
    const weir_checkpoint_view *view = &entry->view;
    const uint64_t values[FIGURE_COUNT] = { [FIGURE_CHECKPOINTED] = view->checkpointed_bytes,
                                            [FIGURE_STATE] = view->state_bytes,
                                            [FIGURE_DURATION] = view->duration_ms,
                                            [FIGURE_PROCESSED] = view->processed_bytes,
                                            [FIGURE_PERSISTED] = view->persisted_bytes };
    for (int i = 0; i < FIGURE_COUNT; i++) {
        wr_samples_add(&history->figures[i], &history->alloc, values[i]);
    }
}

static uint64_t
larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

/* Of the subtasks' phases the longest. */
static void
add_phases(struct wr_history *history, const struct entry *entry)
{
    uint64_t longest[WEIR_PHASE_COUNT] = { [WEIR_PHASE_COMMIT] = since(
                                               entry->view.latest_acknowledged_ms, entry->ended_ms),
                                           [WEIR_PHASE_WHOLE] = entry->view.duration_ms };
    for (uint32_t i = 0; i < history->task_count; i++) {
        const weir_checkpoint_task_view *task = &entry->tasks[i];
        longest[WEIR_PHASE_START_DELAY] =
            larger(longest[WEIR_PHASE_START_DELAY], task->start_delay_ms);
        longest[WEIR_PHASE_ALIGN] = larger(longest[WEIR_PHASE_ALIGN], task->alignment_ms);
        longest[WEIR_PHASE_SYNC] = larger(longest[WEIR_PHASE_SYNC], task->sync_ms);
        longest[WEIR_PHASE_ASYNC] = larger(longest[WEIR_PHASE_ASYNC], task->async_ms);
    }
    for (int i = 0; i < WEIR_PHASE_COUNT; i++) {
        wr_histogram_add(&history->phases[i], longest[i]);
    }
}

void
wr_history_completed(struct wr_history *history, uint64_t id, const char *path, int64_t now_ms)
{
    history->completed++;
    history->in_progress -= history->in_progress > 0;
    struct entry *entry = find(history, id);
    if (entry == NULL || !is_under_way(entry)) {
        return;
    }
    end(entry, WEIR_CHECKPOINT_COMPLETED, now_ms);
    bool is_somewhere = path != NULL && path[0] != '\0';
    entry->path = is_somewhere ? wr_memory_copy_text(&history->alloc, path) : NULL;
    add_figures(history, entry);
    add_phases(history, entry);
    forget_old(history);
}

void
wr_history_failed(struct wr_history *history, uint64_t id, const char *words, int64_t now_ms)
{
    history->failed++;
    history->in_progress -= history->in_progress > 0;
    struct entry *entry = find(history, id);
    if (entry == NULL || !is_under_way(entry)) {
        return;
    }
    end(entry, WEIR_CHECKPOINT_FAILED, now_ms);
    entry->failure = wr_memory_copy_text(&history->alloc, words);
    forget_old(history);
}

void
wr_history_failed_all(struct wr_history *history, const char *words, int64_t now_ms)
{
    struct entry *entry = history->newest;
    while (entry != NULL && !is_under_way(entry)) {
        entry = entry->next;
    }
    while (entry != NULL) {
        wr_history_failed(history, entry->view.id, words, now_ms); /* may free ended ones */
        entry = history->newest;
        while (entry != NULL && !is_under_way(entry)) {
            entry = entry->next;
        }
    }
    history->failed += history->in_progress; /* those that could not be listed */
    history->in_progress = 0;
}

void
wr_history_discarded(struct wr_history *history, uint64_t id)
{
    struct entry *entry = find(history, id);
    if (entry != NULL) {
        entry->view.is_discarded = true;
    }
}

void
wr_history_restored(struct wr_history *history, uint64_t id, bool savepoint, const char *path,
                    int64_t now_ms)
{
    history->restored++;
    history->restored_id = id;
    history->restored_ms = now_ms;
    history->restored_savepoint = savepoint;
    free_text(&history->alloc, history->restored_path);
    history->restored_path = path != NULL ? wr_memory_copy_text(&history->alloc, path) : NULL;
}

/* --- views --- */

static weir_status
copy_text(struct wr_arena *arena, const char *text, const char **out_text)
{
    *out_text = text != NULL ? wr_arena_copy_text(arena, text) : NULL;
    return text == NULL || *out_text != NULL ? WEIR_OK : WEIR_NOMEM;
}

static weir_status
view_entry(const struct wr_history *history, const struct entry *entry, struct wr_arena *arena,
           int64_t now_ms, weir_checkpoint_view *out)
{
    size_t size = history->task_count * sizeof *entry->tasks;
    weir_checkpoint_task_view *tasks = wr_arena_new(arena, size);
    if (tasks == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(tasks, entry->tasks, size);
    *out = entry->view;
    out->tasks = tasks;
    if (is_under_way(entry)) {
        out->duration_ms = since(entry->view.triggered_ms, now_ms);
    } else if (entry->view.status == WEIR_CHECKPOINT_FAILED) {
        out->failed_ms = entry->ended_ms;
    }
    weir_status status = copy_text(arena, entry->path, &out->path);
    return status == WEIR_OK ? copy_text(arena, entry->failure, &out->failure) : status;
}

static weir_status
view_latest(const struct wr_history *history, const struct entry *entry, struct wr_arena *arena,
            int64_t now_ms, const weir_checkpoint_view **out)
{
    if (entry == NULL) {
        return WEIR_OK;
    }
    weir_checkpoint_view *view = wr_arena_new(arena, sizeof *view);
    *out = view;
    return view != NULL ? view_entry(history, entry, arena, now_ms, view) : WEIR_NOMEM;
}

static weir_status
view_list(const struct wr_history *history, struct wr_arena *arena, int64_t now_ms,
          weir_checkpoints_view *out)
{
    uint32_t count = 0;
    for (const struct entry *at = history->newest; at != NULL; at = at->next) {
        count++;
    }
    weir_checkpoint_view *list = wr_arena_new(arena, count * sizeof *list);
    if (list == NULL && count != 0) {
        return WEIR_NOMEM;
    }
    out->history = list;
    uint32_t ended = 0;
    for (const struct entry *at = history->newest; at != NULL; at = at->next) {
        ended += !is_under_way(at);
        if (!is_under_way(at) && ended > history->kept) {
            continue; /* shown apart only */
        }
        weir_status status = view_entry(history, at, arena, now_ms, &list[out->history_count++]);
        if (status != WEIR_OK) {
            return status;
        }
    }
    return WEIR_OK;
}

weir_status
wr_history_view(const struct wr_history *history, struct wr_arena *arena, int64_t now_ms,
                weir_checkpoints_view *out_view)
{
    weir_checkpoints_view *out = out_view;
    *out = (weir_checkpoints_view){ .triggered_count = history->triggered,
                                    .in_progress_count = history->in_progress,
                                    .completed_count = history->completed,
                                    .failed_count = history->failed,
                                    .restored_count = history->restored,
                                    .restored_id = history->restored_id,
                                    .restored_ms = history->restored_ms,
                                    .restored_savepoint = history->restored_savepoint };
    weir_distribution_view *const figures[FIGURE_COUNT] = { &out->checkpointed_bytes,
                                                            &out->state_bytes, &out->duration_ms,
                                                            &out->processed_bytes,
                                                            &out->persisted_bytes };
    memcpy(out->phases, history->phases, sizeof out->phases);
    weir_status status = copy_text(arena, history->restored_path, &out->restored_path);
    for (int i = 0; status == WEIR_OK && i < FIGURE_COUNT; i++) {
        status = wr_samples_view(&history->figures[i], arena, figures[i]);
    }
    const struct {
        const struct entry *entry;
        const weir_checkpoint_view **out;
    } apart[] = {
        { latest(history, WEIR_CHECKPOINT_COMPLETED, false), &out->latest_completed },
        { latest(history, WEIR_CHECKPOINT_COMPLETED, true), &out->latest_savepoint },
        { latest(history, WEIR_CHECKPOINT_FAILED, false), &out->latest_failed },
    };
    for (int i = 0; status == WEIR_OK && i < 3; i++) {
        status = view_latest(history, apart[i].entry, arena, now_ms, apart[i].out);
    }
    return status == WEIR_OK ? view_list(history, arena, now_ms, out) : status;
}

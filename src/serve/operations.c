/* SPDX-License-Identifier: Apache-2.0 */
/* operations: rows by age, each for one request of the job's.
 *
 *   IN_PROGRESS --refresh--> COMPLETED \ --see--> is_seen
 *        \--------refresh--> FAILED    /  \--store duration, or room needed--> gone
 *
 * Invariants:
 *   (1) A row under way never goes.
 *   (2) unseen_count is the number of rows that are not seen.
 *
 * The rows are few and asked for by people: they are looked through.
 */
#include "serve/operations.h"

#include "base/fail.h"
#include "serve/server.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    ROOM_FIRST = 16,
    LOOKS_A_REFRESH = 32 /* each goes through the job's own list */
};

/* --- trigger ids --- */

static weir_status
draw(char out[WR_TRIGGER_ID_SIZE + 1], weir_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[WR_TRIGGER_ID_SIZE / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return wr_fail_errno(err, errno, "no random bytes for a trigger id");
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[WR_TRIGGER_ID_SIZE] = '\0';
    return WEIR_OK;
}

weir_status
wr_trigger_id_make(const char *wanted, char out[WR_TRIGGER_ID_SIZE + 1], weir_error *err)
{
    if (wanted == NULL) {
        return draw(out, err);
    }
    static const char digits[] = "0123456789abcdefABCDEF";
    if (strlen(wanted) != WR_TRIGGER_ID_SIZE || wanted[strspn(wanted, digits)] != '\0') {
        return wr_fail(err, WEIR_INVALID, "a trigger id has %d hex digits", WR_TRIGGER_ID_SIZE);
    }
    for (size_t i = 0; i <= WR_TRIGGER_ID_SIZE; i++) {
        out[i] = (char)tolower((unsigned char)wanted[i]);
    }
    return WEIR_OK;
}

/* --- rows --- */

static void
drop(struct wr_operations *operations, size_t index)
{
    struct wr_operation *row = &operations->rows[index];
    if (!row->is_seen) {
        /* pairs with the acquire in wr_operations_all_seen */
        atomic_fetch_sub_explicit(&operations->unseen_count, 1, memory_order_release);
    }
    free(row->words);
    operations->count--;
    memmove(row, row + 1, (operations->count - index) * sizeof *row);
}

void
wr_operations_fini(struct wr_operations *operations)
{
    while (operations->count > 0) {
        drop(operations, operations->count - 1);
    }
    free(operations->rows);
    *operations = (struct wr_operations){ .count = 0 };
}

static void
answer(struct wr_operation *row, weir_request_state state, const char *words, uint64_t now_ms)
{
    /* without memory for the words they are looked at again, next time */
    row->words = strdup(words);
    if (row->words != NULL) {
        row->state = state;
        row->answered_ms = now_ms;
    }
}

void
wr_operations_look(struct wr_operation *operation, weir_job *job, uint64_t now_ms)
{
    if (operation->state != WEIR_REQUEST_IN_PROGRESS) {
        return;
    }
    weir_request_report report = { .size = sizeof report };
    weir_status status = weir_job_request_wait(job, operation->request, 0, &report);
    if (status != WEIR_OK) {
        answer(operation, WEIR_REQUEST_FAILED,
               "the job keeps its last 1,000 answers, and this one is older: look whether the "
               "snapshot is there",
               now_ms);
        return;
    }
    operation->checkpoint_id = report.checkpoint_id;
    if (report.state != WEIR_REQUEST_IN_PROGRESS) {
        answer(operation, report.state,
               report.state == WEIR_REQUEST_COMPLETED ? report.path : report.error.message, now_ms);
    }
}

void
wr_operations_refresh(struct wr_operations *operations, weir_job *job, uint64_t store_ms,
                      uint64_t now_ms)
{
    size_t looks = 0;
    for (size_t i = 0; i < operations->count;) {
        struct wr_operation *row = &operations->rows[i];
        if (row->state == WEIR_REQUEST_IN_PROGRESS) {
            if (looks++ < LOOKS_A_REFRESH) {
                wr_operations_look(row, job, now_ms);
            }
            i++;
        } else if (now_ms - row->answered_ms >= store_ms) {
            drop(operations, i);
        } else {
            i++;
        }
    }
}

struct wr_operation *
wr_operations_find(struct wr_operations *operations, enum wr_operation_kind kind,
                   const char *trigger_id)
{
    for (size_t i = 0; i < operations->count; i++) {
        struct wr_operation *row = &operations->rows[i];
        if (row->kind == kind && strcmp(row->trigger_id, trigger_id) == 0) {
            return row;
        }
    }
    return NULL;
}

static bool
drop_oldest_answer(struct wr_operations *operations)
{
    for (size_t i = 0; i < operations->count; i++) {
        if (operations->rows[i].state != WEIR_REQUEST_IN_PROGRESS) {
            drop(operations, i);
            return true;
        }
    }
    return false;
}

weir_status
wr_operations_reserve(struct wr_operations *operations, weir_error *err)
{
    if (operations->count == WR_OPERATIONS_MAX && !drop_oldest_answer(operations)) {
        return wr_fail(err, WEIR_LIMIT,
                       "%d operations are under way already; wait for some of them",
                       WR_OPERATIONS_MAX);
    }
    if (operations->count < operations->room) {
        return WEIR_OK;
    }
    size_t room = operations->room == 0 ? ROOM_FIRST : operations->room * 2;
    struct wr_operation *rows = realloc(operations->rows, room * sizeof *rows);
    if (rows == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for an operation");
    }
    operations->rows = rows;
    operations->room = room;
    return WEIR_OK;
}

void
wr_operations_add(struct wr_operations *operations, enum wr_operation_kind kind,
                  const char *trigger_id, uint64_t request)
{
    struct wr_operation *row = &operations->rows[operations->count++];
    *row = (struct wr_operation){ .kind = kind,
                                  .request = request,
                                  .state = WEIR_REQUEST_IN_PROGRESS };
    memcpy(row->trigger_id, trigger_id, sizeof row->trigger_id);
    atomic_fetch_add_explicit(&operations->unseen_count, 1, memory_order_relaxed);
}

void
wr_operations_see(struct wr_operations *operations, struct wr_operation *operation)
{
    if (!operation->is_seen) {
        operation->is_seen = true;
        /* pairs with the acquire in wr_operations_all_seen */
        atomic_fetch_sub_explicit(&operations->unseen_count, 1, memory_order_release);
    }
}

bool
wr_operations_all_seen(const struct weir_server *server)
{
    /* pairs with the releases in drop and wr_operations_see */
    return atomic_load_explicit(&server->operations.unseen_count, memory_order_acquire) == 0;
}

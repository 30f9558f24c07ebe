/* SPDX-License-Identifier: Apache-2.0 */
/* host_requests: rows by number, oldest first, each answered once.
 *
 *   NEW --take--> TAKEN --complete--> COMPLETED \
 *     \             \------fail-----> FAILED     > kept until 1,000 newer answers are there
 *      \---fail_all, close----------> FAILED    /
 *
 * Invariants:
 *   (1) `untaken` and all behind it are NEW; no row before it is.
 *   (2) A row has all the memory that its answer needs: answering cannot fail.
 *   (3) Behind the lock nothing is called that waits, allocates or frees.
 *
 * A lock, and no letter: who asks may be any thread, several may wait for one answer, and it must
 * be there after the coordinator has ended.
 */
#include "job/host_requests.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

struct wr_request_row {
    struct wr_request_row *next; /* newer */
    uint64_t number;
    enum wr_checkpoint_kind kind;
    enum wr_sharing sharing;
    bool cancel;
    bool has_directory;
    bool is_disposal;
    weir_request_state state;
    uint64_t checkpoint_id;
    weir_error error;
    char path[sizeof((weir_request_report *)0)->path]; /* the target's, then the answer's */
};

/* --- rows; all behind the lock --- */

static struct wr_request_row *
find(const struct wr_host_requests *requests, uint64_t number)
{
    struct wr_request_row *row = requests->oldest;
    while (row != NULL && row->number < number) {
        row = row->next;
    }
    return row != NULL && row->number == number ? row : NULL;
}

/* Takes the oldest answer out where there are too many. The caller frees it. */
static struct wr_request_row *
evict(struct wr_host_requests *requests)
{
    if (requests->answered_count <= WR_REQUESTS_KEPT_MAX) {
        return NULL;
    }
    struct wr_request_row *before = NULL;
    struct wr_request_row *row = requests->oldest;
    while (row != NULL && row->state == WEIR_REQUEST_IN_PROGRESS) {
        before = row;
        row = row->next;
    }
    wr_assert(row != NULL); /* it is counted */
    if (before != NULL) {
        before->next = row->next;
    } else {
        requests->oldest = row->next;
    }
    if (requests->newest == row) {
        requests->newest = before;
    }
    requests->answered_count--;
    return row;
}

/* error NULL: completed, and the path is set. */
static void
answer(struct wr_host_requests *requests, struct wr_request_row *row, const weir_error *error)
{
    wr_assert(row->state == WEIR_REQUEST_IN_PROGRESS);
    if (error != NULL) {
        row->error = *error;
        row->path[0] = '\0';
    }
    row->state = error != NULL ? WEIR_REQUEST_FAILED : WEIR_REQUEST_COMPLETED;
    requests->under_way_count--;
    requests->answered_count++;
}

static void
free_row(struct wr_host_requests *requests, struct wr_request_row *row)
{
    if (row != NULL) {
        wr_memory_free(&requests->alloc, row, sizeof *row);
    }
}

/* Behind an answer, without the lock. */
static void
tell_waiters(struct wr_host_requests *requests)
{
    /* pairs with the acquire in wr_host_requests_await */
    atomic_fetch_add_explicit(&requests->answers, 1, memory_order_release);
    requests->os->ops->wake(requests->os, &requests->answers);
}

static void
describe(const struct wr_request_row *row, weir_request_report *out_report)
{
    out_report->state = row->state;
    out_report->checkpoint_id = row->checkpoint_id;
    out_report->error = row->error;
    bool has_path = row->state == WEIR_REQUEST_COMPLETED;
    memcpy(out_report->path, has_path ? row->path : "", has_path ? strlen(row->path) + 1 : 1);
}

static void
describe_wish(const struct wr_request_row *row, struct wr_request_wish *out_wish)
{
    *out_wish = (struct wr_request_wish){ .kind = row->kind,
                                          .sharing = row->sharing,
                                          .cancel = row->cancel,
                                          .directory = row->has_directory ? row->path : NULL,
                                          .is_disposal = row->is_disposal };
}

/* --- life --- */

void
wr_host_requests_init(struct wr_host_requests *requests, struct wr_os *os, const weir_alloc *alloc)
{
    memset(requests, 0, sizeof *requests);
    requests->os = os;
    requests->alloc = *alloc;
    wr_mutex_init(&requests->lock, os);
}

void
wr_host_requests_fini(struct wr_host_requests *requests)
{
    struct wr_request_row *next = NULL;
    for (struct wr_request_row *row = requests->oldest; row != NULL; row = next) {
        next = row->next;
        free_row(requests, row);
    }
    requests->oldest = requests->newest = requests->untaken = NULL;
}

/* --- the hosts' side --- */

static struct wr_request_row *
make_row(struct wr_host_requests *requests, const struct wr_request_wish *wish)
{
    struct wr_request_row *row = wr_memory_new(&requests->alloc, sizeof *row);
    if (row != NULL) {
        row->kind = wish->kind;
        row->sharing = wish->sharing;
        row->cancel = wish->cancel;
        row->has_directory = wish->directory != NULL;
        row->is_disposal = wish->is_disposal;
        row->state = WEIR_REQUEST_IN_PROGRESS;
        snprintf(row->path, sizeof row->path, "%s", wish->directory != NULL ? wish->directory : "");
    }
    return row;
}

static weir_status
append(struct wr_host_requests *requests, struct wr_request_row *row)
{
    if (requests->is_closed) {
        return WEIR_CANCELLED;
    }
    if (requests->under_way_count >= WR_REQUESTS_UNDER_WAY_MAX) {
        return WEIR_LIMIT;
    }
    row->number = ++requests->last_number;
    requests->under_way_count++;
    if (requests->newest != NULL) {
        requests->newest->next = row;
    } else {
        requests->oldest = row;
    }
    requests->newest = row;
    requests->untaken = requests->untaken != NULL ? requests->untaken : row;
    return WEIR_OK;
}

weir_status
wr_host_requests_add(struct wr_host_requests *requests, const struct wr_request_wish *wish,
                     uint64_t *out_number, weir_error *err)
{
    struct wr_request_row *row = make_row(requests, wish);
    if (row == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a request");
    }
    wr_mutex_lock(&requests->lock);
    weir_status status = append(requests, row);
    uint64_t number = row->number;
    wr_mutex_unlock(&requests->lock);
    if (status != WEIR_OK) {
        free_row(requests, row);
        return status == WEIR_LIMIT
                   ? wr_fail(err, WEIR_LIMIT,
                             "TOO_MANY_CHECKPOINT_REQUESTS: %d requests wait for their answers "
                             "already; wait for some of them",
                             WR_REQUESTS_UNDER_WAY_MAX)
                   : wr_fail(err, WEIR_CANCELLED,
                             "CHECKPOINT_COORDINATOR_SHUTDOWN: the job has ended");
    }
    *out_number = number;
    return WEIR_OK;
}

weir_status
wr_host_requests_look(struct wr_host_requests *requests, uint64_t number,
                      weir_request_report *out_report)
{
    wr_mutex_lock(&requests->lock);
    const struct wr_request_row *row = find(requests, number);
    if (row != NULL) {
        describe(row, out_report);
    }
    wr_mutex_unlock(&requests->lock);
    return row != NULL ? WEIR_OK : WEIR_NOT_FOUND;
}

weir_status
wr_host_requests_await(struct wr_host_requests *requests, uint64_t number, uint64_t timeout_ns,
                       weir_request_report *out_report)
{
    struct wr_os *os = requests->os;
    uint64_t begun_ns = os->ops->monotonic_ns(os);
    for (;;) {
        /* pairs with the release in tell_waiters: an answer that this look misses is counted later,
         * so that the wait returns at once */
        uint32_t answers = atomic_load_explicit(&requests->answers, memory_order_acquire);
        WR_TRY(wr_host_requests_look(requests, number, out_report));
        uint64_t passed_ns = timeout_ns == 0 ? 0 : os->ops->monotonic_ns(os) - begun_ns;
        if (out_report->state != WEIR_REQUEST_IN_PROGRESS || passed_ns >= timeout_ns) {
            return WEIR_OK;
        }
        os->ops->wait(os, &requests->answers, answers, timeout_ns - passed_ns);
    }
}

/* --- the coordinator's side --- */

bool
wr_host_requests_take(struct wr_host_requests *requests, uint64_t *out_number,
                      struct wr_request_wish *out_wish)
{
    wr_mutex_lock(&requests->lock);
    struct wr_request_row *row = requests->untaken;
    if (row != NULL) {
        requests->untaken = row->next;
        *out_number = row->number;
        describe_wish(row, out_wish);
    }
    wr_mutex_unlock(&requests->lock);
    return row != NULL;
}

bool
wr_host_requests_recall(struct wr_host_requests *requests, uint64_t number,
                        struct wr_request_wish *out_wish)
{
    wr_mutex_lock(&requests->lock);
    const struct wr_request_row *row = find(requests, number);
    bool is_under_way = row != NULL && row->state == WEIR_REQUEST_IN_PROGRESS;
    if (is_under_way) {
        describe_wish(row, out_wish);
    }
    wr_mutex_unlock(&requests->lock);
    return is_under_way;
}

void
wr_host_requests_begin(struct wr_host_requests *requests, uint64_t number, uint64_t checkpoint_id)
{
    wr_mutex_lock(&requests->lock);
    struct wr_request_row *row = find(requests, number);
    if (row != NULL && row->state == WEIR_REQUEST_IN_PROGRESS) {
        row->checkpoint_id = checkpoint_id;
    }
    wr_mutex_unlock(&requests->lock);
}

/* Exactly one of path and error. */
static void
answer_one(struct wr_host_requests *requests, uint64_t number, const char *path,
           const weir_error *error)
{
    wr_mutex_lock(&requests->lock);
    struct wr_request_row *row = find(requests, number);
    struct wr_request_row *evicted = NULL;
    bool is_news = row != NULL && row->state == WEIR_REQUEST_IN_PROGRESS;
    if (is_news) {
        if (path != NULL) {
            snprintf(row->path, sizeof row->path, "%s", path);
        }
        answer(requests, row, error);
        evicted = evict(requests);
    }
    wr_mutex_unlock(&requests->lock);
    free_row(requests, evicted);
    if (is_news) {
        tell_waiters(requests);
    }
}

void
wr_host_requests_complete(struct wr_host_requests *requests, uint64_t number, const char *path)
{
    answer_one(requests, number, path, NULL);
}

void
wr_host_requests_fail(struct wr_host_requests *requests, uint64_t number, const weir_error *error)
{
    answer_one(requests, number, NULL, error);
}

/* Evicted rows, in a list of their own. */
static struct wr_request_row *
fail_rows(struct wr_host_requests *requests, const struct wr_request_row *end,
          const weir_error *error)
{
    struct wr_request_row *evicted = NULL;
    for (struct wr_request_row *row = requests->oldest; row != end; row = row->next) {
        if (row->state == WEIR_REQUEST_IN_PROGRESS) {
            answer(requests, row, error);
        }
    }
    struct wr_request_row *gone = NULL;
    while ((gone = evict(requests)) != NULL) {
        gone->next = evicted;
        evicted = gone;
    }
    return evicted;
}

static void
fail_some(struct wr_host_requests *requests, bool untaken, bool close, const weir_error *error)
{
    wr_mutex_lock(&requests->lock);
    if (untaken) {
        requests->untaken = NULL;
    }
    struct wr_request_row *evicted = fail_rows(requests, requests->untaken, error);
    requests->is_closed = requests->is_closed || close;
    wr_mutex_unlock(&requests->lock);
    while (evicted != NULL) {
        struct wr_request_row *next = evicted->next;
        free_row(requests, evicted);
        evicted = next;
    }
    tell_waiters(requests);
}

void
wr_host_requests_fail_all(struct wr_host_requests *requests, bool untaken, const weir_error *error)
{
    fail_some(requests, untaken, false, error);
}

void
wr_host_requests_close(struct wr_host_requests *requests, const weir_error *error)
{
    fail_some(requests, true, true, error);
}

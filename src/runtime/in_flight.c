/* SPDX-License-Identifier: Apache-2.0 */
/* in_flight: batches that a checkpoint found on their way, as elements of a list.
 *
 * Each element is a block of type bytes: u32 8, u32 size, then so many bytes. A batch is one
 * element with its head, then its records in pieces of at most PIECE_BYTES.
 *
 *     OFFSET SIZE WHAT (of a head)
 *     0      4    version, 1
 *     4      4    input: 0 or 1
 *     8      4    subtask that they were on their way to
 *     12     4    its operator's parallelism
 *     16     8    hash of the records' type, as types/encode.h writes it
 *     24     8    bytes of all records
 *     32     4    number of records, at least 1
 *     36     4    1: they have timestamps, 0: none
 *     40     8n   the timestamps
 *     ...    4n   where each record ends, multiples of 8; up to the next multiple of 8
 *
 * Why every subtask reads everything: a key's new owner cannot be told from the old one's number
 * without looking at the record, and the order of a key's records must stay what it was.
 */
#include "runtime/in_flight.h"

#include "base/fail.h"
#include "base/hash.h"
#include "base/little.h"
#include "base/memory.h"
#include "types/encode.h"

enum {
    VERSION = 1,
    BLOCK_HEAD = 8,
    HEAD_BYTES = 40,
    PIECE_BYTES = 1 << 20
};

struct wr_in_flight_element {
    struct wr_in_flight_element *next;
    uint32_t size;
    uint8_t bytes[];
};

weir_state_descriptor
wr_in_flight_descriptor(void)
{
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = WEIR_STATE_LIST,
                                    .list_mode = WEIR_LIST_UNION,
                                    .name = WR_IN_FLIGHT_NAME,
                                    .type = weir_type_of_kind(WEIR_BYTES) };
}

/* --- types --- */

static weir_status
hash_type(const weir_alloc *alloc, const weir_type *type, uint64_t *out_hash)
{
    struct wr_buffer bytes;
    wr_buffer_init(&bytes, alloc);
    if (type != NULL) {
        wr_type_encode(type, &bytes);
    }
    weir_status status = wr_buffer_status(&bytes);
    if (status == WEIR_OK) {
        *out_hash = wr_hash64(bytes.data, bytes.size, 0);
    }
    wr_buffer_fini(&bytes);
    return status;
}

static const weir_type *
type_of(const struct wr_in_flight_target *target, uint32_t side)
{
    return side == 1 ? target->plan->other_type : target->plan->input_type;
}

/* --- the log --- */

weir_status
wr_in_flight_log_init(struct wr_in_flight_log *log, const weir_alloc *alloc,
                      const struct wr_in_flight_target *target)
{
    *log = (struct wr_in_flight_log){ .alloc = *alloc, .target = *target };
    for (uint32_t side = 0; side < 2; side++) {
        WR_TRY(hash_type(alloc, type_of(target, side), &log->types[side]));
    }
    return WEIR_OK;
}

static void
free_elements(const weir_alloc *alloc, struct wr_in_flight_element *element)
{
    while (element != NULL) {
        struct wr_in_flight_element *next = element->next;
        wr_memory_free(alloc, element, sizeof *element + element->size);
        element = next;
    }
}

void
wr_in_flight_log_fini(struct wr_in_flight_log *log)
{
    if (log->first != NULL) {
        free_elements(&log->alloc, log->first);
    }
    *log = (struct wr_in_flight_log){ .first = NULL };
}

/* A block of type bytes, its content to be filled in. NULL: no memory. */
static struct wr_in_flight_element *
make_element(const weir_alloc *alloc, size_t content_size)
{
    uint32_t size = (uint32_t)(BLOCK_HEAD + content_size);
    struct wr_in_flight_element *element = wr_memory_resize(alloc, NULL, 0, sizeof *element + size);
    if (element != NULL) {
        element->next = NULL;
        element->size = size;
        wr_put_u32(element->bytes, BLOCK_HEAD);
        wr_put_u32(element->bytes + 4, (uint32_t)content_size);
    }
    return element;
}

static struct wr_in_flight_element *
make_head(const struct wr_in_flight_log *log, const struct weir_batch *batch, uint8_t side)
{
    size_t count = batch->count;
    size_t times_size = batch->times != NULL ? count * sizeof(int64_t) : 0;
    size_t ends_size = count * sizeof(uint32_t);
    struct wr_in_flight_element *element =
        make_element(&log->alloc, HEAD_BYTES + times_size + weir_round8(ends_size));
    if (element == NULL) {
        return NULL;
    }
    uint8_t *at = element->bytes + BLOCK_HEAD;
    wr_put_u32(at, VERSION);
    wr_put_u32(at + 4, side);
    wr_put_u32(at + 8, log->target.subtask);
    wr_put_u32(at + 12, log->target.parallelism);
    wr_put_u64(at + 16, log->types[side]);
    wr_put_u64(at + 24, batch->used);
    wr_put_u32(at + 32, batch->count);
    wr_put_u32(at + 36, batch->times != NULL);
    at += HEAD_BYTES;
    if (times_size != 0) {
        memcpy(at, batch->times, times_size);
        at += times_size;
    }
    memset(at + weir_round8(ends_size) - 8, 0, 8);
    memcpy(at, batch->offsets + 1, ends_size);
    return element;
}

weir_status
wr_in_flight_log_add(struct wr_in_flight_log *log, const struct weir_batch *batch, uint8_t side)
{
    if (batch->count == 0) {
        return WEIR_OK;
    }
    struct wr_in_flight_element *head = make_head(log, batch, side);
    struct wr_in_flight_element *end = head;
    uint64_t count = 1;
    for (size_t at = 0; end != NULL && at < batch->used; count++) {
        size_t left = batch->used - at;
        size_t part = left < PIECE_BYTES ? left : (size_t)PIECE_BYTES;
        end->next = make_element(&log->alloc, part);
        end = end->next;
        if (end != NULL) {
            memcpy(end->bytes + BLOCK_HEAD, batch->data + at, part);
            at += part;
        }
    }
    if (end == NULL) {
        free_elements(&log->alloc, head);
        return WEIR_NOMEM;
    }
    if (log->first == NULL) {
        log->first = head;
    } else {
        log->last->next = head;
    }
    log->last = end;
    log->count += count;
    log->bytes += batch->used;
    return WEIR_OK;
}

/* What is larger than half of all buffers is written when half of them are free. */
static bool
has_room(struct wr_in_flight_log *log, const weir_block_writer *writer, size_t size)
{
    size_t room = weir_block_writer_room(writer);
    log->room_most = room > log->room_most ? room : log->room_most;
    return room >= size || (room >= log->room_most / 2 && room > 0);
}

static weir_status
write_element(weir_block_writer *writer, const struct wr_in_flight_element *element)
{
    uint8_t size[4];
    wr_put_u32(size, element->size);
    WR_TRY(weir_block_writer_write(writer, size, sizeof size));
    return weir_block_writer_write(writer, element->bytes, element->size);
}

weir_status
wr_in_flight_log_turn(struct wr_in_flight_log *log, weir_block_writer *writer, size_t budget_bytes,
                      bool *out_done)
{
    if (!log->is_begun) {
        weir_state_descriptor descriptor = wr_in_flight_descriptor();
        WR_TRY(weir_block_writer_add_state(writer, &descriptor, &log->state));
        log->is_begun = true;
        log->next = log->first;
    }
    for (size_t spent = 0; log->next != NULL && spent <= budget_bytes;
         log->next = log->next->next) {
        if (!has_room(log, writer, sizeof(uint32_t) + log->next->size)) {
            break;
        }
        WR_TRY(write_element(writer, log->next));
        spent += log->next->size;
    }
    if (log->next != NULL) {
        return WEIR_OK;
    }
    weir_block block = { .kind = WEIR_BLOCK_LIST, .state = log->state, .entries = log->count };
    WR_TRY(weir_block_writer_end_block(writer, &block));
    *out_done = true;
    return WEIR_OK;
}

/* --- the queue --- */

void
wr_in_flight_queue_init(struct wr_in_flight_queue *queue, const weir_alloc *alloc)
{
    *queue = (struct wr_in_flight_queue){ .alloc = *alloc };
}

void
wr_in_flight_free(struct wr_in_flight_queue *queue, struct weir_batch *batch)
{
    wr_batch_destroy(&queue->alloc, batch);
}

struct weir_batch *
wr_in_flight_pop(struct wr_in_flight_queue *queue)
{
    struct weir_batch *batch = queue->first;
    if (batch != NULL) {
        queue->first = batch->next;
        queue->last = batch->next != NULL ? queue->last : NULL;
        batch->next = NULL;
    }
    return batch;
}

void
wr_in_flight_queue_fini(struct wr_in_flight_queue *queue)
{
    struct weir_batch *batch;
    while ((batch = wr_in_flight_pop(queue)) != NULL) {
        wr_in_flight_free(queue, batch);
    }
    wr_in_flight_free(queue, queue->reading);
    queue->reading = NULL;
}

static weir_status
corrupt(const struct wr_in_flight_target *target, const char *what, weir_error *err)
{
    return wr_fail(err, WEIR_CORRUPT,
                   "operator '%s': its records in flight cannot be read: %s; restore an older "
                   "checkpoint",
                   target->plan->name, what);
}

static weir_status
check_type(const struct wr_in_flight_queue *queue, const struct wr_in_flight_target *target,
           uint32_t side, uint64_t hash, weir_error *err)
{
    uint64_t now = 0;
    const weir_type *type = type_of(target, side);
    if (hash_type(&queue->alloc, type, &now) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "operator '%s': no memory for its records in flight",
                       target->plan->name);
    }
    if (type == NULL || now != hash) {
        return wr_fail(err, WEIR_VERSION,
                       "operator '%s': the checkpoint holds records in flight to it, and they are "
                       "not of the type %s that it reads now; change the type over a savepoint, or "
                       "drop them by execution.state-recovery.without-channel-state.checkpoint-id",
                       target->plan->name, type != NULL ? weir_type_name(type) : "(none)");
    }
    return WEIR_OK;
}

/* Where the records end, checked; their times. */
static bool
read_ends(struct wr_cursor *cursor, struct weir_batch *batch, size_t fixed_size)
{
    for (uint32_t i = 0; batch->times != NULL && i < batch->count_max; i++) {
        batch->times[i] = (int64_t)wr_cursor_u64(cursor);
    }
    for (uint32_t i = 0; i < batch->count_max; i++) {
        uint32_t end = wr_cursor_u32(cursor);
        if (end % 8 != 0 || end < (uint64_t)batch->offsets[i] + weir_round8(fixed_size)) {
            return false;
        }
        batch->offsets[i + 1] = end;
    }
    return !cursor->failed && batch->offsets[batch->count_max] == batch->capacity;
}

static weir_status
read_head(struct wr_in_flight_queue *queue, const struct wr_in_flight_target *target,
          struct wr_cursor *cursor, weir_error *err)
{
    uint32_t version = wr_cursor_u32(cursor);
    uint32_t side = wr_cursor_u32(cursor);
    queue->subtask = wr_cursor_u32(cursor);
    queue->parallelism = wr_cursor_u32(cursor);
    uint64_t type = wr_cursor_u64(cursor);
    uint64_t size = wr_cursor_u64(cursor);
    uint32_t count = wr_cursor_u32(cursor);
    bool timed = wr_cursor_u32(cursor) != 0;
    if (version > VERSION) {
        return wr_fail(err, WEIR_VERSION,
                       "operator '%s': its records in flight are of version %u, this weir reads "
                       "%d; restore with a newer one",
                       target->plan->name, version, VERSION);
    }
    if (cursor->failed || version == 0 || side > 1 || count == 0 || size > UINT32_MAX ||
        count > wr_cursor_left(cursor) / (timed ? 12 : 4)) {
        return corrupt(target, "a head of a batch is none", err);
    }
    WR_TRY(check_type(queue, target, side, type, err));
    weir_status status =
        timed ? wr_batch_create_timed(&queue->alloc, count, (size_t)size, &queue->reading)
              : wr_batch_create(&queue->alloc, count, (size_t)size, &queue->reading);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "operator '%s': no memory for %llu bytes of records in flight",
                       target->plan->name, (unsigned long long)size);
    }
    queue->reading->side = (uint8_t)side;
    return read_ends(cursor, queue->reading, weir_type_fixed_size(type_of(target, side)))
               ? WEIR_OK
               : corrupt(target, "records without end", err);
}

/* Whose a record is now. */
static weir_status
find_owner(struct wr_in_flight_queue *queue, const struct wr_in_flight_target *target,
           const void *record, struct wr_buffer *scratch, uint32_t *out_subtask)
{
    const struct wr_task_operator *plan = target->plan;
    const struct wr_key_plan *key_plan =
        queue->reading->side == 1 ? plan->other_key_plan : plan->key_plan;
    if (key_plan == NULL) {
        bool is_same = queue->parallelism == target->parallelism;
        *out_subtask = is_same ? queue->subtask : (uint32_t)(queue->turn % target->parallelism);
        queue->turn++;
        return WEIR_OK;
    }
    weir_bytes key;
    int32_t java_hash = 0;
    WR_TRY(wr_key_plan_extract(key_plan, record, scratch, &key, &java_hash));
    *out_subtask = wr_key_group_subtask(wr_key_group_of(java_hash, plan->max_parallelism),
                                        target->parallelism, plan->max_parallelism);
    return WEIR_OK;
}

/* Moves the target's own records together; the others go. */
static weir_status
keep_own(struct wr_in_flight_queue *queue, const struct wr_in_flight_target *target)
{
    struct weir_batch *batch = queue->reading;
    struct wr_buffer scratch;
    wr_buffer_init(&scratch, &queue->alloc);
    weir_status status = WEIR_OK;
    uint32_t begin = 0;
    for (uint32_t i = 0; i < batch->count_max && status == WEIR_OK; i++) {
        uint32_t end = batch->offsets[i + 1]; /* at or behind what is written below */
        uint32_t owner = 0;
        status = find_owner(queue, target, batch->data + begin, &scratch, &owner);
        if (status == WEIR_OK && owner == target->subtask) {
            memmove(batch->data + batch->used, batch->data + begin, end - begin);
            if (batch->times != NULL) {
                batch->times[batch->count] = batch->times[i];
            }
            batch->used += end - begin;
            batch->offsets[++batch->count] = (uint32_t)batch->used;
        }
        begin = end;
    }
    wr_buffer_fini(&scratch);
    return status;
}

static weir_status
end_batch(struct wr_in_flight_queue *queue, const struct wr_in_flight_target *target,
          weir_error *err)
{
    struct weir_batch *batch = queue->reading;
    batch->used = 0;
    weir_status status = keep_own(queue, target);
    queue->reading = NULL;
    if (status != WEIR_OK || batch->count == 0) {
        wr_in_flight_free(queue, batch);
        return status == WEIR_OK ? WEIR_OK
                                 : wr_fail(err, status,
                                           "operator '%s': taking the key of a record in flight: "
                                           "%s",
                                           target->plan->name, weir_status_meaning(status));
    }
    if (queue->first == NULL) {
        queue->first = batch;
    } else {
        queue->last->next = batch;
    }
    queue->last = batch;
    return WEIR_OK;
}

weir_status
wr_in_flight_take(struct wr_in_flight_queue *queue, const struct wr_in_flight_target *target,
                  weir_bytes element, weir_error *err)
{
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, element.data, element.size);
    uint32_t offset = wr_cursor_u32(&cursor);
    uint32_t size = wr_cursor_u32(&cursor);
    if (cursor.failed || offset != BLOCK_HEAD || size > wr_cursor_left(&cursor)) {
        return corrupt(target, "an element is no block of bytes", err);
    }
    struct weir_batch *batch = queue->reading;
    if (batch == NULL) {
        return read_head(queue, target, &cursor, err);
    }
    if (size == 0 || size > batch->capacity - batch->used) {
        return corrupt(target, "more records than were announced", err);
    }
    memcpy(batch->data + batch->used, wr_cursor_bytes(&cursor, size), size);
    batch->used += size;
    return batch->used == batch->capacity ? end_batch(queue, target, err) : WEIR_OK;
}

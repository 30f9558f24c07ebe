/* SPDX-License-Identifier: Apache-2.0 */
/* batch: records back to back in one block of memory, and where each begins.
 *
 * The head, its times and its offsets are one allocation, made once; the data is another, because a
 * record bigger than the batch makes it grow. A batch grows only while it is empty: records that
 * were lent from it never move.
 *
 * Invariants:
 *   (1) offsets[count] == used, so a record's size needs no field of its own.
 *   (2) used and every offset are multiples of 8; the bytes between a record's end and the next
 *       one's start are zero, so that blocks may be compared and hashed.
 */
#include "runtime/batch.h"

#include "base/check.h"
#include "base/memory.h"

enum {
    MARKS_FIRST = 4
};

/* The times first, since they need the greater alignment. */
static size_t
head_size(uint32_t count_max, bool timed)
{
    return sizeof(struct weir_batch) + (timed ? count_max * sizeof(int64_t) : 0) +
           ((size_t)count_max + 1) * sizeof(uint32_t);
}

static weir_status
create(const weir_alloc *alloc, uint32_t count_max, size_t capacity, bool timed,
       struct weir_batch **out_batch)
{
    struct weir_batch *batch = wr_memory_new(alloc, head_size(count_max, timed));
    if (batch == NULL) {
        return WEIR_NOMEM;
    }
    int64_t *times = (int64_t *)(batch + 1);
    batch->count_max = count_max;
    batch->times = timed ? times : NULL;
    batch->offsets = (uint32_t *)(timed ? times + count_max : times);
    if (capacity != 0) {
        batch->data = wr_memory_resize(alloc, NULL, 0, capacity);
        if (batch->data == NULL) {
            wr_memory_free(alloc, batch, head_size(count_max, timed));
            return WEIR_NOMEM;
        }
        batch->capacity = capacity;
    }
    wr_batch_clear(batch);
    *out_batch = batch;
    return WEIR_OK;
}

weir_status
wr_batch_create(const weir_alloc *alloc, uint32_t count_max, size_t capacity,
                struct weir_batch **out_batch)
{
    return create(alloc, count_max, capacity, false, out_batch);
}

weir_status
wr_batch_create_timed(const weir_alloc *alloc, uint32_t count_max, size_t capacity,
                      struct weir_batch **out_batch)
{
    return create(alloc, count_max, capacity, true, out_batch);
}

void
wr_batch_destroy(const weir_alloc *alloc, struct weir_batch *batch)
{
    if (batch != NULL) {
        wr_memory_free(alloc, batch->marks, batch->mark_capacity * sizeof *batch->marks);
        wr_memory_free(alloc, batch->data, batch->capacity);
        wr_memory_free(alloc, batch, head_size(batch->count_max, batch->times != NULL));
    }
}

void
wr_batch_clear(struct weir_batch *batch)
{
    batch->next = NULL;
    batch->kind = WR_BATCH_RECORDS;
    batch->checkpoint_id = 0;
    batch->used = 0;
    batch->count = 0;
    batch->mark_count = 0;
    batch->offsets[0] = 0;
}

weir_status
wr_batch_mark(const weir_alloc *alloc, struct weir_batch *batch, struct wr_time time)
{
    uint32_t count = batch->mark_count;
    if (count != 0 && batch->marks[count - 1].before == batch->count) {
        batch->marks[count - 1].time = wr_time_merge(batch->marks[count - 1].time, time);
        return WEIR_OK;
    }
    if (count == batch->mark_capacity) {
        uint32_t capacity = count == 0 ? MARKS_FIRST : 2 * count;
        struct wr_mark *marks =
            wr_memory_resize(alloc, batch->marks, count * sizeof *marks, capacity * sizeof *marks);
        if (marks == NULL) {
            return WEIR_NOMEM;
        }
        batch->marks = marks;
        batch->mark_capacity = capacity;
    }
    batch->marks[batch->mark_count++] = (struct wr_mark){ .before = batch->count, .time = time };
    return WEIR_OK;
}

void
wr_batch_shrink(const weir_alloc *alloc, struct weir_batch *batch, size_t capacity)
{
    wr_assert(batch->used <= capacity);
    if (batch->capacity <= capacity) {
        return;
    }
    uint8_t *data = wr_memory_resize(alloc, batch->data, batch->capacity, capacity);
    if (data != NULL) { /* refused: the batch stays big, which is no failure */
        batch->data = data;
        batch->capacity = capacity;
    }
}

/* An empty batch gets a block of at least `size` bytes; nothing in the old one is worth a copy. */
static bool
grow(const weir_alloc *alloc, struct weir_batch *batch, size_t size)
{
    uint8_t *data = wr_memory_resize(alloc, NULL, 0, size);
    if (data == NULL) {
        return false;
    }
    wr_memory_free(alloc, batch->data, batch->capacity);
    batch->data = data;
    batch->capacity = size;
    return true;
}

uint8_t *
wr_batch_append(const weir_alloc *alloc, struct weir_batch *batch, size_t size)
{
    size_t rounded = weir_round8(size);
    if (batch->count == batch->count_max) {
        return NULL;
    }
    if (rounded > batch->capacity - batch->used &&
        (batch->count != 0 || !grow(alloc, batch, rounded))) {
        return NULL;
    }
    return wr_batch_bump(batch, rounded);
}

size_t
weir_batch_count(const weir_batch *batch)
{
    return batch == NULL ? 0 : batch->count;
}

const void *
weir_batch_record(const weir_batch *batch, size_t index)
{
    return batch == NULL || index >= batch->count ? NULL : batch->data + batch->offsets[index];
}

size_t
weir_batch_record_size(const weir_batch *batch, size_t index)
{
    return batch == NULL || index >= batch->count
               ? 0
               : batch->offsets[index + 1] - batch->offsets[index];
}

int64_t
weir_batch_timestamp(const weir_batch *batch, size_t index)
{
    return batch == NULL || index >= batch->count || batch->times == NULL ? WEIR_NO_TIMESTAMP
                                                                          : batch->times[index];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* collector: emitting without ever waiting.
 *
 * A record goes behind the last one in the open batch. When that is full it is closed and another
 * is opened: the operator gets no further record until the closed ones are taken, but what its
 * present call emits is kept, under weir.task.emit-limit.
 *
 * Invariants:
 *   (1) Records leave in the order they were emitted: closed batches first, then the open one.
 *   (2) What stands behind the first closed batch (in the other closed ones and the open one) never
 *       exceeds the emit limit. `end` carries that into the fast path as one comparison.
 *   (3) A refused emit fails the task by its context: a function that overlooks it changes nothing.
 *   (4) Timestamps and marks of an open batch are right once it was settled: records behind
 *       `stamped` get `time`, and where records came behind "idle", "active" stands before them.
 */
#include "runtime/collector.h"

#include "base/memory.h"
#include "runtime/context.h"

enum {
    SPARE_MAX = 2
};

void
wr_collector_init(struct weir_collector *collector,
                  const struct wr_collector_parameters *parameters)
{
    *collector = (struct weir_collector){
        .alloc = parameters->alloc,
        .batch_count = parameters->batch_count,
        .emit_limit_bytes = parameters->emit_limit_bytes,
        .context = parameters->context,
        .least_size = 1,
        .timed = parameters->timed,
        .time = WEIR_NO_TIMESTAMP,
        .watermark = WEIR_NO_WATERMARK,
    };
    if (parameters->type != NULL) {
        collector->least_size = weir_type_fixed_size(parameters->type);
    }
}

static void
destroy_list(struct weir_collector *collector, struct weir_batch *batch)
{
    while (batch != NULL) {
        struct weir_batch *next = batch->next;
        wr_batch_destroy(&collector->alloc, batch);
        batch = next;
    }
}

void
wr_collector_fini(struct weir_collector *collector)
{
    destroy_list(collector, collector->first);
    destroy_list(collector, collector->spare);
    destroy_list(collector, collector->open);
    collector->first = collector->last = collector->spare = collector->open = NULL;
}

static void
stamp(struct weir_collector *collector)
{
    struct weir_batch *open = collector->open;
    uint32_t count = (uint32_t)(collector->offset - open->offsets);
    for (uint32_t i = collector->stamped; i < count; i++) {
        open->times[i] = collector->time;
    }
    collector->stamped = count;
}

/* The mark that says idle stands in the open batch, or in one that has gone: it is taken back by
 * another at the same place, or the first record of this batch. */
static weir_status
become_active(struct weir_collector *collector)
{
    struct weir_batch *open = collector->open;
    uint32_t count = open->count;
    open->count = collector->idle_from;
    weir_status status =
        wr_batch_mark(&collector->alloc, open, wr_time_of(WEIR_NO_WATERMARK, WR_TIME_ACTIVE));
    open->count = count;
    collector->idle = false;
    return status;
}

/* What was put into the open batch becomes its own knowledge. */
static void
settle_open(struct weir_collector *collector)
{
    struct weir_batch *open = collector->open;
    if (open == NULL) {
        return;
    }
    open->used = (size_t)(collector->cursor - open->data);
    open->count = (uint32_t)(collector->offset - open->offsets);
    if (collector->timed) {
        stamp(collector);
    }
    if (collector->idle && open->count > collector->idle_from &&
        become_active(collector) != WEIR_OK) {
        (void)weir_context_fail(collector->context, WEIR_NOMEM, "no memory to tell of the time");
    }
}

/* Goes on behind what is in the open batch; sets the end by invariant (2). */
static void
aim(struct weir_collector *collector)
{
    struct weir_batch *open = collector->open;
    if (open == NULL) {
        collector->cursor = collector->end = NULL;
        collector->offset = NULL;
        collector->left = 0;
        return;
    }
    size_t end = open->capacity & ~(size_t)7;
    uint64_t limit = collector->emit_limit_bytes;
    uint64_t allowed = limit > collector->closed_bytes ? limit - collector->closed_bytes : 0;
    if (collector->first != NULL && allowed < end) {
        end = (size_t)allowed & ~(size_t)7;
    }
    collector->cursor = open->data + open->used;
    collector->end = open->data + (end > open->used ? end : open->used);
    collector->offset = open->offsets + open->count;
    collector->left = open->count_max - open->count;
}

static void
close_open(struct weir_collector *collector)
{
    struct weir_batch *batch = collector->open;
    collector->open = NULL;
    batch->next = NULL;
    if (collector->first == NULL) {
        collector->first = batch;
    } else {
        collector->last->next = batch;
        collector->closed_bytes += batch->used;
    }
    collector->last = batch;
}

static weir_status
make_batch(const struct weir_collector *collector, struct weir_batch **out_batch)
{
    return collector->timed ? wr_batch_create_timed(&collector->alloc, collector->batch_count,
                                                    WR_BATCH_BYTES, out_batch)
                            : wr_batch_create(&collector->alloc, collector->batch_count,
                                              WR_BATCH_BYTES, out_batch);
}

static struct weir_batch *
open_new(struct weir_collector *collector)
{
    struct weir_batch *batch = collector->spare;
    if (batch != NULL) {
        collector->spare = batch->next;
        collector->spare_count--;
        batch->next = NULL;
    } else if (make_batch(collector, &batch) != WEIR_OK) {
        return NULL;
    }
    collector->open = batch;
    collector->stamped = 0;
    collector->idle_from = 0;
    return batch;
}

static void *
refuse(struct weir_collector *collector, weir_status status, const char *words, uint64_t number,
       size_t size)
{
    (void)weir_context_fail(collector->context, status,
                            "emitting a record of %zu bytes: %s (%llu bytes)", size, words,
                            (unsigned long long)number);
    return NULL;
}

static uint64_t
network_bytes(const struct weir_collector *collector)
{
    return weir_options_bytes(weir_context_options(collector->context),
                              "taskmanager.network.memory.size");
}

/* Makes sure that the open batch is one that may take the record. NULL: refused. */
static struct weir_batch *
open_for(struct weir_collector *collector, size_t size)
{
    size_t rounded = weir_round8(size);
    struct weir_batch *open = collector->open;
    if (open != NULL && open->count != 0 &&
        (open->count == open->count_max || rounded > open->capacity - open->used)) {
        close_open(collector);
        open = NULL;
    }
    if (open == NULL && (open = open_new(collector)) == NULL) {
        return refuse(collector, WEIR_NOMEM,
                      "no memory for a batch; raise taskmanager.network.memory.size",
                      network_bytes(collector), size);
    }
    if (collector->first != NULL &&
        collector->closed_bytes + open->used + rounded > collector->emit_limit_bytes) {
        return refuse(collector, WEIR_LIMIT,
                      "what one call has emitted beyond the free batches would pass "
                      "weir.task.emit-limit",
                      collector->emit_limit_bytes, size);
    }
    return open;
}

/* Whatever is not an append to an open batch with room. */
static void *
emit_slowly(struct weir_collector *collector, size_t size)
{
    if (wr_context_has_failed(collector->context)) {
        return NULL; /* the first failure's words stay */
    }
    if (size < collector->least_size) {
        return refuse(collector, WEIR_INVALID, "it is smaller than the fixed part of its type",
                      collector->least_size, size);
    }
    if (size > WEIR_VALUE_SIZE_MAX) {
        return refuse(collector, WEIR_LIMIT, "it is over the limit of a record",
                      WEIR_VALUE_SIZE_MAX, size);
    }
    settle_open(collector);
    struct weir_batch *open = open_for(collector, size);
    uint8_t *record = open == NULL ? NULL : wr_batch_append(&collector->alloc, open, size);
    if (record == NULL && open != NULL) {
        (void)refuse(collector, WEIR_NOMEM,
                     "no memory for a batch this big; raise taskmanager.network.memory.size",
                     weir_round8(size), size);
    }
    aim(collector);
    return record;
}

void *
weir_collector_emit(weir_collector *out, size_t size)
{
    if (__builtin_expect(out == NULL, 0)) {
        return NULL; /* a sink has no output */
    }
    uint8_t *record = out->cursor;
    if (__builtin_expect(
            size > (size_t)(out->end - record) || size < out->least_size || out->left == 0, 0)) {
        return emit_slowly(out, size);
    }
    size_t rounded = weir_round8(size); /* still within the end, which is a multiple of 8 away */
    out->left--;
    out->cursor = record + rounded;
    out->offset[1] = out->offset[0] + (uint32_t)rounded;
    out->offset++;
    memset(record + rounded - 8, 0, 8); /* the tail; the record's bytes come over it */
    return record;
}

weir_status
weir_collector_emit_copy(weir_collector *out, const void *block, size_t size)
{
    void *record = weir_collector_emit(out, size);
    if (record == NULL) {
        return out == NULL ? WEIR_INVALID : wr_context_status(out->context);
    }
    memcpy(record, block, size);
    return WEIR_OK;
}

uint64_t
wr_collector_count(const struct weir_collector *collector)
{
    uint64_t count =
        collector->open == NULL ? 0 : (uint64_t)(collector->offset - collector->open->offsets);
    for (const struct weir_batch *batch = collector->first; batch != NULL; batch = batch->next) {
        count += batch->count;
    }
    return count;
}

bool
wr_collector_is_empty(const struct weir_collector *collector)
{
    return wr_collector_count(collector) == 0 &&
           (collector->open == NULL || collector->open->mark_count == 0);
}

/* The whole batch in one copy behind what the open batch holds. False: it does not fit, or holds a
 * record that an emit refuses; nothing has changed. */
static bool
append_batch(struct weir_collector *out, const struct weir_batch *batch, void **out_blocks)
{
    size_t least_size = SIZE_MAX;
    uint32_t base = batch->offsets[0]; /* a run of records within a batch does not begin at 0 */
    size_t used = batch->offsets[batch->count] - base;
    if (used > (size_t)(out->end - out->cursor) || batch->count > out->left) {
        return false;
    }
    uint32_t start = out->offset[0];
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t from = batch->offsets[i] - base;
        uint32_t to = batch->offsets[i + 1] - base;
        least_size = to - from < least_size ? to - from : least_size;
        out_blocks[i] = out->cursor + from;
        out->offset[i + 1] = start + to;
    }
    if (least_size < out->least_size) {
        return false;
    }
    memcpy(out->cursor, batch->data + base, used);
    if (out->timed) {
        stamp(out);
        for (uint32_t i = 0; i < batch->count; i++) {
            out->open->times[out->stamped++] = weir_batch_timestamp(batch, i);
        }
    }
    out->cursor += used;
    out->offset += batch->count;
    out->left -= batch->count;
    return true;
}

weir_status
weir_collector_emit_batch(weir_collector *out, const weir_batch *batch, void **out_blocks)
{
    if (out == NULL || batch == NULL || out_blocks == NULL) {
        return WEIR_INVALID;
    }
    if (out->open == NULL && !wr_context_has_failed(out->context) && open_new(out) != NULL) {
        aim(out);
    }
    if (out->open != NULL && append_batch(out, batch, out_blocks)) {
        return WEIR_OK;
    }
    int64_t time = out->time;
    for (uint32_t i = 0; i < batch->count; i++) {
        size_t size = batch->offsets[i + 1] - batch->offsets[i];
        wr_collector_set_time(out, weir_batch_timestamp(batch, i));
        out_blocks[i] = weir_collector_emit(out, size);
        if (out_blocks[i] == NULL) {
            return wr_context_status(out->context);
        }
        memcpy(out_blocks[i], batch->data + batch->offsets[i], size);
    }
    wr_collector_set_time(out, time);
    return WEIR_OK;
}

/* --- time --- */

void
wr_collector_set_time(struct weir_collector *collector, int64_t time)
{
    if (collector->timed && time != collector->time) {
        if (collector->open != NULL) {
            stamp(collector);
        }
        collector->time = time;
    }
}

weir_status
wr_collector_tell_time(struct weir_collector *collector, struct wr_time time)
{
    settle_open(collector); /* idle is right from here on */
    if (time.watermark <= collector->watermark) {
        time.watermark = WEIR_NO_WATERMARK;
    }
    if (time.watermark != WEIR_NO_WATERMARK && collector->idle && time.status == WR_TIME_SAME) {
        time.status = WR_TIME_ACTIVE;
    }
    bool idle = time.status == WR_TIME_IDLE;
    if (time.status == WR_TIME_SAME || idle == collector->idle) {
        time.status = WR_TIME_SAME;
    }
    if (time.watermark == WEIR_NO_WATERMARK && time.status == WR_TIME_SAME) {
        return WEIR_OK;
    }
    if (collector->open == NULL && open_new(collector) != NULL) {
        aim(collector);
    }
    if (collector->open == NULL ||
        wr_batch_mark(&collector->alloc, collector->open, time) != WEIR_OK) {
        return weir_context_fail(collector->context, WEIR_NOMEM,
                                 "no memory to tell of the time; raise "
                                 "taskmanager.network.memory.size (%llu bytes)",
                                 (unsigned long long)network_bytes(collector));
    }
    if (time.watermark != WEIR_NO_WATERMARK) {
        collector->watermark = time.watermark;
    }
    if (time.status != WR_TIME_SAME) {
        collector->idle = idle;
        collector->idle_from = collector->open->count;
    }
    return WEIR_OK;
}

struct weir_batch *
wr_collector_take(struct weir_collector *collector, bool even_open)
{
    struct weir_batch *batch = collector->first;
    if (batch == NULL && (!even_open || collector->open == NULL)) {
        return NULL;
    }
    settle_open(collector);
    if (batch != NULL) {
        collector->first = batch->next;
        if (collector->first != NULL) {
            collector->closed_bytes -= collector->first->used;
        } else {
            collector->last = NULL;
        }
        batch->next = NULL;
    } else if (collector->open->count != 0 || collector->open->mark_count != 0) {
        batch = collector->open;
        collector->open = NULL;
    }
    aim(collector);
    return batch;
}

void
wr_collector_recycle(struct weir_collector *collector, struct weir_batch *batch)
{
    wr_batch_clear(batch);
    if (collector->spare_count == SPARE_MAX) {
        wr_batch_destroy(&collector->alloc, batch);
        return;
    }
    wr_batch_shrink(&collector->alloc, batch, WR_BATCH_BYTES);
    batch->next = collector->spare;
    collector->spare = batch;
    collector->spare_count++;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* timer_queue: a heap of timers with four children a node, and an index to find them by name.
 *
 *   heap    | timestamp, record, hash | ...       children of i: 4i + 1 .. 4i + 4
 *   record  knows its place in the heap            (timer_store)
 *   index   256 parts by the hash's high bits, each open-addressed: | record, hash | ...
 *
 * So a timer is deleted exactly, at once: nothing stale is left to pile up where timers are set and
 * deleted all the time. A part of the index grows alone, by doubling: 1/256 of it a time.
 *
 * Invariants:
 *   (1) heap[record->position].record is the record's number.
 *   (2) A part's slots are at most 3/4 full; behind a removed one those that follow move up, so a
 *       search ends at the first empty slot.
 */
#include "state/timer_queue.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"

enum {
    CHILDREN = 4,
    FIRST_ROOM = 16
};

struct wr_timer_node {
    int64_t timestamp;
    uint32_t number;
    uint32_t hash;
};

struct wr_timer_slot {
    uint32_t number; /* 0: empty */
    uint32_t hash;
};

void
wr_timer_queue_init(struct wr_timer_queue *queue, const weir_alloc *alloc)
{
    *queue = (struct wr_timer_queue){ .alloc = *alloc };
    wr_timer_store_init(&queue->store, alloc);
}

void
wr_timer_queue_fini(struct wr_timer_queue *queue)
{
    for (size_t i = 0; i < WR_TIMER_INDEX_PARTS; i++) {
        wr_memory_free(&queue->alloc, queue->parts[i].slots,
                       queue->parts[i].room * sizeof *queue->parts[i].slots);
    }
    wr_memory_free(&queue->alloc, queue->heap, queue->room * sizeof *queue->heap);
    wr_timer_store_fini(&queue->store);
}

/* --- the index --- */

static uint32_t
part_of(uint32_t hash)
{
    return hash >> 24;
}

static bool
is_named(const struct wr_timer_record *record, const struct wr_timer_name *name)
{
    return record->timestamp == name->timestamp && record->key_size == name->key.size &&
           record->namespace_size == name->namespace_.size &&
           (record->key_size == 0 ||
            memcmp(record->bytes, name->key.data, record->key_size) == 0) &&
           (record->namespace_size == 0 ||
            memcmp(record->bytes + record->key_size, name->namespace_.data,
                   record->namespace_size) == 0);
}

uint32_t
wr_timer_queue_find(const struct wr_timer_queue *queue, const struct wr_timer_name *name)
{
    const struct wr_timer_index_part *part = &queue->parts[part_of(name->hash)];
    for (uint32_t i = name->hash; part->room != 0; i++) {
        const struct wr_timer_slot *slot = &part->slots[i & (part->room - 1)];
        if (slot->number == 0) {
            break;
        }
        if (slot->hash == name->hash &&
            is_named(wr_timer_store_at(&queue->store, slot->number), name)) {
            return slot->number;
        }
    }
    return 0;
}

static void
slot_insert(struct wr_timer_slot *slots, uint32_t room, struct wr_timer_slot entry)
{
    uint32_t i = entry.hash;
    while (slots[i & (room - 1)].number != 0) {
        i++;
    }
    slots[i & (room - 1)] = entry;
}

static bool
part_reserve(struct wr_timer_queue *queue, struct wr_timer_index_part *part)
{
    if (part->count + 1 <= part->room / 4 * 3) {
        return true;
    }
    uint32_t room = part->room == 0 ? FIRST_ROOM : part->room * 2;
    struct wr_timer_slot *slots = wr_memory_new(&queue->alloc, room * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < part->room; i++) {
        if (part->slots[i].number != 0) {
            slot_insert(slots, room, part->slots[i]);
        }
    }
    wr_memory_free(&queue->alloc, part->slots, part->room * sizeof *slots);
    part->slots = slots;
    part->room = room;
    return true;
}

static void
slot_remove(struct wr_timer_index_part *part, uint32_t number, uint32_t hash)
{
    uint32_t mask = part->room - 1;
    uint32_t hole = hash & mask;
    while (part->slots[hole].number != number) {
        hole = (hole + 1) & mask;
    }
    for (uint32_t i = (hole + 1) & mask; part->slots[i].number != 0; i = (i + 1) & mask) {
        uint32_t home = part->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its home is not behind the hole */
            part->slots[hole] = part->slots[i];
            hole = i;
        }
    }
    part->slots[hole].number = 0;
    part->count--;
}

/* --- the heap --- */

static void
place(struct wr_timer_queue *queue, uint32_t position, struct wr_timer_node node)
{
    queue->heap[position] = node;
    wr_timer_store_at(&queue->store, node.number)->position = position;
}

static void
sift_up(struct wr_timer_queue *queue, uint32_t position, struct wr_timer_node node)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / CHILDREN;
        if (queue->heap[parent].timestamp <= node.timestamp) {
            break;
        }
        place(queue, position, queue->heap[parent]);
        position = parent;
    }
    place(queue, position, node);
}

static void
sift_down(struct wr_timer_queue *queue, uint32_t position, struct wr_timer_node node)
{
    for (;;) {
        uint64_t first = (uint64_t)position * CHILDREN + 1;
        uint64_t least = first;
        for (uint64_t i = first + 1; i < first + CHILDREN && i < queue->count; i++) {
            least = queue->heap[i].timestamp < queue->heap[least].timestamp ? i : least;
        }
        if (least >= queue->count || queue->heap[least].timestamp >= node.timestamp) {
            break;
        }
        place(queue, position, queue->heap[least]);
        position = (uint32_t)least;
    }
    place(queue, position, node);
}

static bool
heap_reserve(struct wr_timer_queue *queue)
{
    if (queue->count < queue->room) {
        return true;
    }
    uint32_t room = queue->room == 0 ? FIRST_ROOM : queue->room * 2;
    void *grown = wr_memory_resize(&queue->alloc, queue->heap, queue->room * sizeof *queue->heap,
                                   room * sizeof *queue->heap);
    if (grown == NULL) {
        return false;
    }
    queue->heap = grown;
    queue->room = room;
    return true;
}

/* --- timers --- */

weir_status
wr_timer_queue_prepare(struct wr_timer_queue *queue, const struct wr_timer_name *name,
                       uint32_t *out_number)
{
    if (!heap_reserve(queue) || !part_reserve(queue, &queue->parts[part_of(name->hash)])) {
        return WEIR_NOMEM;
    }
    uint32_t number = wr_timer_store_new(&queue->store, name->key.size + name->namespace_.size);
    if (number == 0) {
        return WEIR_NOMEM;
    }
    struct wr_timer_record *record = wr_timer_store_at(&queue->store, number);
    *record = (struct wr_timer_record){ .timestamp = name->timestamp,
                                        .key_group = name->key_group,
                                        .key_size = (uint32_t)name->key.size,
                                        .namespace_size = (uint32_t)name->namespace_.size };
    if (name->key.size != 0) {
        memcpy(record->bytes, name->key.data, name->key.size);
    }
    if (name->namespace_.size != 0) {
        memcpy(record->bytes + name->key.size, name->namespace_.data, name->namespace_.size);
    }
    *out_number = number;
    return WEIR_OK;
}

void
wr_timer_queue_enter(struct wr_timer_queue *queue, uint32_t number, uint32_t hash)
{
    struct wr_timer_index_part *part = &queue->parts[part_of(hash)];
    wr_assert(queue->count < queue->room && part->count < part->room);
    slot_insert(part->slots, part->room, (struct wr_timer_slot){ number, hash });
    part->count++;
    int64_t timestamp = wr_timer_store_at(&queue->store, number)->timestamp;
    sift_up(queue, queue->count++, (struct wr_timer_node){ timestamp, number, hash });
}

void
wr_timer_queue_forget(struct wr_timer_queue *queue, uint32_t number)
{
    wr_timer_store_free(&queue->store, number);
}

void
wr_timer_queue_remove(struct wr_timer_queue *queue, uint32_t number)
{
    uint32_t position = wr_timer_store_at(&queue->store, number)->position;
    struct wr_timer_node node = queue->heap[position];
    wr_assert(node.number == number);
    slot_remove(&queue->parts[part_of(node.hash)], number, node.hash);
    struct wr_timer_node last = queue->heap[--queue->count];
    if (position < queue->count) {
        if (last.timestamp < node.timestamp) {
            sift_up(queue, position, last);
        } else {
            sift_down(queue, position, last);
        }
    }
    wr_timer_store_free(&queue->store, number);
}

const struct wr_timer_record *
wr_timer_queue_at(const struct wr_timer_queue *queue, uint32_t position, uint32_t *out_number)
{
    if (position >= queue->count) {
        return NULL;
    }
    *out_number = queue->heap[position].number;
    return wr_timer_store_at(&queue->store, *out_number);
}

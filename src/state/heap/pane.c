/* SPDX-License-Identifier: Apache-2.0 */
/* pane: rows of tables by namespace; see the picture in pane.h.
 *
 * A row whose entries are gone serves the next new namespace, so rows are as many as there were
 * namespaces at a time. A cleared row's tables are freed, or retired while snapshots have yet to
 * read them: an empty one stands in front then.
 *
 * Only what stands in the tables can go without looking at entries: blocks of the slab are dropped
 * one by one, and so are keys where a log of removals is kept for incremental snapshots.
 */
#include "state/heap/pane.h"

#include "base/fail.h"
#include "base/memory.h"
#include "state/heap/entry.h"

enum {
    NAMESPACE_TAIL = 4 /* the size behind a namespace of variable size */
};

static uint8_t *
name_of(const struct wr_panes *panes, uint32_t pane)
{
    return panes->names + (size_t)pane * panes->name_size;
}

static void
arrays_free(struct wr_heap *heap, struct wr_panes *panes)
{
    wr_memory_free(&heap->alloc, panes->panes, panes->capacity * sizeof(struct wr_pane));
    wr_memory_free(&heap->alloc, panes->names, (size_t)panes->capacity * panes->name_size);
}

static bool
arrays_new(struct wr_heap *heap, struct wr_panes *panes)
{
    panes->panes = wr_memory_new(&heap->alloc, panes->capacity * sizeof(struct wr_pane));
    panes->names = wr_memory_new(&heap->alloc, (size_t)panes->capacity * panes->name_size);
    if (panes->panes == NULL || panes->names == NULL) {
        arrays_free(heap, panes);
        return false;
    }
    return true;
}

struct wr_panes *
wr_panes_new(struct wr_heap *heap, uint32_t name_size)
{
    struct wr_panes *panes = wr_memory_new(&heap->alloc, sizeof *panes);
    if (panes == NULL) {
        return NULL;
    }
    *panes = (struct wr_panes){ .name_size = name_size, .capacity = 1 };
    if (!arrays_new(heap, panes)) {
        wr_memory_free(&heap->alloc, panes, sizeof *panes);
        return NULL;
    }
    return panes;
}

void
wr_panes_destroy(struct wr_heap *heap, struct wr_panes *panes)
{
    if (panes != NULL) {
        arrays_free(heap, panes);
        wr_memory_free(&heap->alloc, panes, sizeof *panes);
    }
}

static uint32_t
find_name(struct wr_panes *panes, const void *name)
{
    uint32_t last = panes->last;
    if (panes->panes[last].is_named && memcmp(name_of(panes, last), name, panes->name_size) == 0) {
        return last;
    }
    for (uint32_t pane = 0; pane < panes->capacity; pane++) {
        if (panes->panes[pane].is_named &&
            memcmp(name_of(panes, pane), name, panes->name_size) == 0) {
            panes->last = pane;
            return pane;
        }
    }
    return panes->capacity;
}

static const void *
name_in_key(const struct wr_panes *panes, const void *key, uint32_t key_size)
{
    return (const uint8_t *)key + (key_size - panes->name_size);
}

uint32_t
wr_pane_find(struct wr_panes *panes, const void *key, uint32_t key_size)
{
    return key_size >= panes->name_size ? find_name(panes, name_in_key(panes, key, key_size))
                                        : panes->capacity;
}

/* Twice as many rows. WEIR_NOMEM: refused, all is as it was. */
static weir_status
grow(struct wr_heap_state *state)
{
    struct wr_heap *heap = state->heap;
    struct wr_panes *panes = state->panes;
    struct wr_panes grown = { .name_size = panes->name_size, .capacity = panes->capacity * 2 };
    size_t table_bytes = sizeof(struct wr_table *);
    uint64_t table_count = (uint64_t)grown.capacity * heap->key_group_count;
    if (table_count > UINT32_MAX / 2 || !arrays_new(heap, &grown)) {
        return WEIR_NOMEM;
    }
    struct wr_table **tables = wr_memory_new(&heap->alloc, (table_count + 1) * table_bytes);
    if (tables == NULL) {
        arrays_free(heap, &grown);
        return WEIR_NOMEM;
    }
    memcpy(grown.panes, panes->panes, panes->capacity * sizeof(struct wr_pane));
    memcpy(grown.names, panes->names, (size_t)panes->capacity * panes->name_size);
    memcpy(tables, state->tables, state->table_count * table_bytes);
    arrays_free(heap, panes);
    wr_memory_free(&heap->alloc, state->tables, (state->table_count + 1) * table_bytes);
    *panes = grown;
    state->tables = tables;
    state->table_count = (uint32_t)table_count;
    return WEIR_OK;
}

/* Whether the batch in progress will make entries there. */
static bool
is_reserved(const struct wr_heap_state *state, uint32_t pane)
{
    const uint32_t key_groups = state->heap->key_group_count;
    for (uint32_t group = pane * key_groups; group < (pane + 1) * key_groups; group++) {
        if (state->tables[group] != NULL && state->tables[group]->reserved != 0) {
            return true;
        }
    }
    return false;
}

weir_status
wr_pane_open(struct wr_heap_state *state, const void *key, uint32_t key_size, uint32_t *out_pane)
{
    struct wr_panes *panes = state->panes;
    uint32_t pane = 0;
    while (pane < panes->capacity && panes->panes[pane].is_named &&
           (panes->panes[pane].count != 0 || is_reserved(state, pane))) {
        pane++;
    }
    if (pane == panes->capacity) {
        WR_TRY(grow(state));
    }
    memcpy(name_of(panes, pane), name_in_key(panes, key, key_size), panes->name_size);
    panes->panes[pane] = (struct wr_pane){ .is_named = true };
    panes->last = pane;
    *out_pane = pane;
    return WEIR_OK;
}

/* Whether a whole key ends with this namespace. */
static bool
has_namespace(const struct wr_heap_state *state, weir_bytes key, weir_bytes namespace_)
{
    const uint8_t *end = (const uint8_t *)key.data + key.size;
    if (!weir_type_is_fixed(state->namespace_type)) {
        if (key.size < NAMESPACE_TAIL + namespace_.size ||
            wr_get_u32(end - NAMESPACE_TAIL) != namespace_.size) {
            return false;
        }
        end -= NAMESPACE_TAIL;
    } else if (key.size < namespace_.size) {
        return false;
    }
    return namespace_.size == 0 ||
           memcmp(end - namespace_.size, namespace_.data, namespace_.size) == 0;
}

/* The slot's entry, if it is live and of this namespace. */
static bool
entry_at(const struct wr_heap_state *state, struct wr_table *table, uint32_t at,
         weir_bytes namespace_, struct wr_place *out_place)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_bucket *bucket = wr_table_bucket(layout, table, at / layout->slots);
    uint32_t slot = at % layout->slots;
    uint8_t *bytes = wr_bucket_slot(layout, bucket, slot);
    if (wr_bucket_tag(bucket, slot) == 0) {
        return false;
    }
    uint64_t seed = state->heap->hash_seed;
    if (table->moved != 0 &&
        wr_home_of(wr_slot_high(layout, bytes, seed), table->bucket_count) < table->moved) {
        return false;
    }
    *out_place = (struct wr_place){ table, bucket, slot, bytes };
    return has_namespace(state, wr_slot_key(layout, bytes), namespace_);
}

/* Takes the namespace's entries out of one table. False: a removal has put another table in front,
 * or ended the growth. */
static bool
clear_table(struct wr_heap_state *state, uint32_t group, struct wr_table *table,
            weir_bytes namespace_)
{
    const struct wr_table *first = state->tables[group];
    const bool was_growing = first->growing;
    for (uint32_t at = 0; at < table->ready * state->layout.slots; at++) {
        struct wr_place place;
        if (!entry_at(state, table, at, namespace_, &place)) {
            continue;
        }
        wr_entry_take(state, group, &place);
        if (state->tables[group] != first || first->growing != was_growing) {
            return false;
        }
    }
    return true;
}

/* Takes every entry of this namespace out of one group of tables, one by one. Of a growing pair the
 * old table comes first: removals move entries from it to the new one, never back. */
static void
clear_entries(struct wr_heap_state *state, uint32_t group, weir_bytes namespace_)
{
    bool is_done = state->tables[group] == NULL;
    while (!is_done) {
        struct wr_table *table = state->tables[group];
        is_done = (!table->growing || clear_table(state, group, table->older, namespace_)) &&
                  clear_table(state, group, table, namespace_);
    }
}

/* Lets go of the tables of a group that hold nothing but what stands in them. False: no memory for
 * the one that is to stand in front of them for snapshots. */
static bool
retire_tables(struct wr_heap_state *state, uint32_t group)
{
    struct wr_heap *heap = state->heap;
    struct wr_table *table = state->tables[group];
    struct wr_table *front = NULL;
    if (table == NULL) {
        return true;
    }
    if (heap->snapshot_count != 0) {
        front = wr_table_new(state, 1, true);
        if (front == NULL) {
            return false;
        }
    }
    if (table->growing) {
        table->growing = false;
        table->older->retired = heap->epoch;
    }
    table->retired = heap->epoch;
    if (front != NULL) {
        front->older = table;
        state->tables[group] = front;
        wr_cow_sweep(state, group);
        return true;
    }
    state->tables[group] = NULL;
    while (table != NULL) {
        struct wr_table *older = table->older;
        wr_cow_drop_table(state, table);
        table = older;
    }
    return true;
}

/* Whether entries can go without being looked at. */
static bool
is_plain(const struct wr_heap_state *state)
{
    return !state->layout.value_in_slab && state->layout.key_form != WR_KEY_BYTES &&
           state->heap->log_epoch == 0;
}

static uint64_t
count_in(const struct wr_table *table)
{
    if (table == NULL) {
        return 0;
    }
    return (uint64_t)table->count + (table->growing ? table->older->count : 0);
}

weir_status
wr_heap_clear_namespace(weir_state *self, weir_bytes namespace_)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    struct wr_panes *panes = state->panes;
    if (state->namespace_type == NULL) {
        return WEIR_INVALID;
    }
    if (panes == NULL) {
        for (uint32_t group = 0; group < state->table_count; group++) {
            clear_entries(state, group, namespace_);
        }
        return WEIR_OK;
    }
    uint32_t pane =
        namespace_.size == panes->name_size ? find_name(panes, namespace_.data) : panes->capacity;
    if (pane == panes->capacity) {
        return WEIR_OK;
    }
    const uint32_t key_groups = state->heap->key_group_count;
    const bool is_at_once = is_plain(state);
    for (uint32_t group = pane * key_groups; group < (pane + 1) * key_groups; group++) {
        uint64_t count = count_in(state->tables[group]);
        if (is_at_once && count != 0 && retire_tables(state, group)) {
            state->count -= count;
            panes->panes[pane].count -= count;
            continue;
        }
        clear_entries(state, group, namespace_);
    }
    panes->panes[pane].is_named = false;
    return WEIR_OK;
}

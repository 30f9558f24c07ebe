/* SPDX-License-Identifier: Apache-2.0 */
/* heap: the engine "hashmap": opening, states, closing, and its table of verbs.
 *
 * One region serves all states of a backend: tables and slab pages are cut from it, and closing
 * gives back its extents instead of walking what stands in them. All of the engine's memory is
 * counted on its way to the state allocator; copies for snapshots are asked from the snapshot
 * allocator first (copies.c).
 */
#include "state/heap/heap.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "types/describe.h"
#include "types/type.h"

static void *
counted_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct wr_heap *heap = ctx;
    void *result = heap->parent.resize(heap->parent.ctx, ptr, old_size, new_size);
    if (result != NULL || new_size == 0) {
        heap->used_bytes += new_size;
        heap->used_bytes -= ptr != NULL ? old_size : 0;
    }
    return result;
}

/* Writes a fixed type's defaults; structs in structs are at most WEIR_NESTING_MAX deep. */
static void
write_defaults(const weir_type *type, uint8_t *out)
{
    for (size_t i = 0; i < weir_type_field_count(type); i++) {
        const weir_field *field = weir_type_field(type, i);
        if (field->default_value != NULL) {
            memcpy(out + field->offset, field->default_value, field->size);
        } else if (field->kind == WEIR_STRUCT) {
            write_defaults(field->type, out + field->offset);
        }
    }
}

static void
state_destroy(struct wr_heap *heap, struct wr_heap_state *state)
{
    if (state == NULL) {
        return;
    }
    if (state->defaults != NULL) {
        wr_memory_free(&heap->alloc, state->defaults,
                       weir_round8(weir_type_fixed_size(state->type)));
    }
    if (state->name != NULL) {
        wr_memory_free(&heap->alloc, state->name, strlen(state->name) + 1);
    }
    wr_memory_free(&heap->alloc, state->tables, heap->key_group_count * sizeof(struct wr_table *));
    weir_type_destroy(state->type);
    wr_memory_free(&heap->alloc, state, sizeof *state);
}

static struct wr_heap_state *
find_state(const struct wr_heap *heap, const char *name)
{
    for (uint32_t i = 0; i < heap->state_count; i++) {
        if (strcmp(heap->states[i]->name, name) == 0) {
            return heap->states[i];
        }
    }
    return NULL;
}

static bool
reserve_state(struct wr_heap *heap)
{
    if (heap->state_count < heap->state_capacity) {
        return true;
    }
    uint32_t capacity = heap->state_capacity == 0 ? 4 : heap->state_capacity * 2;
    void *grown = wr_memory_resize(&heap->alloc, heap->states,
                                   heap->state_capacity * sizeof(struct wr_heap_state *),
                                   capacity * sizeof(struct wr_heap_state *));
    if (grown == NULL) {
        return false;
    }
    heap->states = grown;
    heap->state_capacity = capacity;
    return true;
}

/* NULL: refused. */
static struct wr_heap_state *
state_new(struct wr_heap *heap, const weir_state_descriptor *descriptor)
{
    struct wr_heap_state *state = wr_memory_new(&heap->alloc, sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    state->heap = heap;
    state->tables = wr_memory_new(&heap->alloc, heap->key_group_count * sizeof(struct wr_table *));
    state->name = wr_memory_copy_text(&heap->alloc, descriptor->name);
    if (state->tables == NULL || state->name == NULL ||
        wr_type_copy(&heap->alloc, descriptor->type, &state->type) != WEIR_OK) {
        state_destroy(heap, state);
        return NULL;
    }
    wr_layout_init(&state->layout, heap->key_type, state->type);
    if (state->layout.value_size != 0) {
        state->defaults = wr_memory_new(&heap->alloc, weir_round8(state->layout.value_size));
        if (state->defaults == NULL) {
            state_destroy(heap, state);
            return NULL;
        }
        write_defaults(state->type, state->defaults);
    }
    return state;
}

weir_status
wr_heap_add_state(struct wr_heap *heap, const weir_state_descriptor *descriptor,
                  struct wr_heap_state **out_state, weir_error *err)
{
    struct wr_heap_state *found = find_state(heap, descriptor->name);
    if (found != NULL && !weir_type_equal(found->type, descriptor->type)) {
        char had[WR_DESCRIPTION_SIZE];
        char asked[WR_DESCRIPTION_SIZE];
        return wr_fail(
            err, WEIR_VERSION, "operator '%s', state '%s': the stored type is %s, the job's is %s",
            heap->operator_name, descriptor->name, wr_type_describe(found->type, had, sizeof had),
            wr_type_describe(descriptor->type, asked, sizeof asked));
    }
    if (found != NULL) {
        *out_state = found;
        return WEIR_OK;
    }
    struct wr_heap_state *state = reserve_state(heap) ? state_new(heap, descriptor) : NULL;
    if (state == NULL) {
        return wr_fail(err, WEIR_NOMEM,
                       "operator '%s', state '%s': the memory budget is reached; raise "
                       "taskmanager.memory.managed.size",
                       heap->operator_name, descriptor->name);
    }
    state->base = (weir_state){ .backend = &heap->base, .type = state->type };
    state->index = heap->state_count;
    heap->states[heap->state_count++] = state;
    *out_state = state;
    return WEIR_OK;
}

static weir_status
create_state(weir_backend *self, const weir_state_descriptor *descriptor, weir_state **out_state,
             weir_error *err)
{
    struct wr_heap_state *state = NULL;
    WR_TRY(wr_heap_add_state(wr_heap_of(self), descriptor, &state, err));
    *out_state = &state->base;
    return WEIR_OK;
}

static uint64_t
entry_count(const weir_state *self)
{
    return ((const struct wr_heap_state *)self)->count;
}

static uint64_t
used_bytes(const weir_backend *self)
{
    return ((const struct wr_heap *)self)->used_bytes;
}

static void
close_heap(weir_backend *self)
{
    struct wr_heap *heap = wr_heap_of(self);
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->state_ids != NULL) {
            wr_memory_free(&heap->alloc, snapshot->state_ids,
                           (snapshot->state_count + 1) * sizeof(uint16_t));
        }
    }
    wr_copies_fini(&heap->copies);
    wr_slab_fini(&heap->slab);
    wr_region_fini(&heap->region);
    for (uint32_t i = 0; i < heap->state_count; i++) {
        state_destroy(heap, heap->states[i]);
    }
    wr_memory_free(&heap->alloc, heap->states,
                   heap->state_capacity * sizeof(struct wr_heap_state *));
    wr_slow_assert(heap->used_bytes == 0);
    weir_alloc parent = heap->parent;
    wr_memory_free(&parent, heap, sizeof *heap);
}

static const weir_backend_ops heap_ops = {
    .size = sizeof heap_ops,
    .name = "hashmap",
    .create_state = create_state,
    .prefetch = wr_heap_prefetch,
    .find = wr_heap_find,
    .upsert = wr_heap_upsert,
    .upsert_many = wr_heap_upsert_many,
    .put = wr_heap_put,
    .remove = wr_heap_remove,
    .iterate = wr_heap_iterate,
    .entry_count = entry_count,
    .snapshot_begin = wr_heap_snapshot_begin,
    .snapshot_turn = wr_heap_snapshot_turn,
    .snapshot_end = wr_heap_snapshot_end,
    .idle_turn = wr_heap_idle_turn,
    .restore = wr_heap_restore,
    .used_bytes = used_bytes,
    .close = close_heap,
    .snapshot_pressed = wr_heap_snapshot_pressed,
};

static weir_status
open_heap(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    struct wr_heap *heap = wr_memory_new(&parameters->state_alloc, sizeof *heap);
    if (heap == NULL) {
        return wr_fail(err, WEIR_NOMEM, "operator '%s': no memory to open its state",
                       parameters->operator_name);
    }
    heap->base.ops = &heap_ops;
    heap->parent = parameters->state_alloc;
    heap->alloc = (weir_alloc){ .resize = counted_resize, .ctx = heap };
    heap->key_type = parameters->key_type;
    heap->operator_name = parameters->operator_name != NULL ? parameters->operator_name : "";
    heap->hash_seed = parameters->hash_seed;
    heap->max_parallelism = parameters->max_parallelism;
    heap->key_group_first = parameters->key_group_first;
    heap->key_group_count = parameters->key_group_last - parameters->key_group_first + 1;
    heap->epoch = 1;
    heap->stamped_epoch = 1;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        heap->snapshots[i] = (struct weir_snapshot){ .heap = heap, .slot = i };
    }
    wr_region_init(&heap->region, &heap->alloc);
    wr_slab_init(&heap->slab, &heap->region, &heap->alloc);
    wr_copies_init(&heap->copies, &parameters->snapshot_alloc, &heap->alloc);
    *out_backend = &heap->base;
    return WEIR_OK;
}

const weir_backend_factory *
weir_backend_factory_hashmap(void)
{
    static const weir_backend_factory factory = {
        .size = sizeof factory,
        .name = "hashmap",
        .open = open_heap,
    };
    return &factory;
}

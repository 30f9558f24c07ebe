/* SPDX-License-Identifier: Apache-2.0 */
/* heap: the engine "hashmap": opening, states, closing, and its table of verbs.
 *
 * Two regions serve all states of a backend: tables are cut from one, slab pages and logs from the
 * other. Closing gives back their extents instead of walking what stands in them. All of the
 * engine's memory is counted on its way to the state allocator; copies for snapshots are asked from
 * the snapshot allocator first (copies.c).
 */
#include "state/heap/heap.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "state/heap/convert.h"
#include "state/heap/list.h"
#include "state/heap/map.h"
#include "types/describe.h"
#include "types/type.h"

/* False: there were none. */
static bool
drop_idle_copies(struct wr_heap *heap)
{
    bool has_dropped = wr_copies_drop_idle(&heap->copies);
    return wr_copies_drop_idle(&heap->wide_copies) || has_dropped;
}

/* What is kept for the next snapshot goes before anything is refused. */
static void *
resize(struct wr_heap *heap, const weir_alloc *alloc, void *ptr, size_t old_size, size_t new_size)
{
    void *result = alloc->resize(alloc->ctx, ptr, old_size, new_size);
    if (result == NULL && new_size != 0 && drop_idle_copies(heap)) {
        result = alloc->resize(alloc->ctx, ptr, old_size, new_size);
    }
    return result;
}

static void *
copies_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct wr_heap *heap = ctx;
    return resize(heap, &heap->snapshot_parent, ptr, old_size, new_size);
}

static void *
counted_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct wr_heap *heap = ctx;
    void *result = resize(heap, &heap->parent, ptr, old_size, new_size);
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

void
wr_heap_state_destroy(struct wr_heap *heap, struct wr_heap_state *state)
{
    if (state == NULL) {
        return;
    }
    if (state->defaults != NULL) {
        wr_memory_free(&heap->alloc, state->defaults, weir_round8(state->layout.item_size));
    }
    if (state->name != NULL) {
        wr_memory_free(&heap->alloc, state->name, strlen(state->name) + 1);
    }
    wr_memory_free(&heap->alloc, state->tables,
                   ((size_t)state->table_count + 1) * sizeof(struct wr_table *));
    wr_panes_destroy(heap, state->panes);
    weir_type_destroy(state->type);
    weir_type_destroy(state->map_key_type);
    weir_type_destroy(state->namespace_type);
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

/* NULL is copied to NULL. */
static bool
copy_type(const struct wr_heap *heap, const weir_type *type, weir_type **out_type)
{
    *out_type = NULL;
    return type == NULL || wr_type_copy(&heap->alloc, type, out_type) == WEIR_OK;
}

/* A fixed item with the type's defaults and a timestamp of zero, if it has one. */
static bool
make_defaults(struct wr_heap *heap, struct wr_heap_state *state)
{
    const struct wr_layout *layout = &state->layout;
    if (layout->item_size == 0) {
        return true;
    }
    state->defaults = wr_memory_new(&heap->alloc, weir_round8(layout->item_size));
    if (state->defaults == NULL) {
        return false;
    }
    if (!layout->is_set) {
        write_defaults(state->type, state->defaults + (layout->has_timestamps ? 8 : 0));
    }
    return true;
}

/* NULL: no memory. */
static uint64_t *
open_cell(struct wr_heap *heap)
{
    struct wr_heap_cell *cell = wr_memory_new(&heap->alloc, sizeof *cell);
    if (cell == NULL) {
        return NULL;
    }
    cell->next = heap->cells;
    heap->cells = cell;
    return &cell->bytes;
}

struct wr_heap_state *
wr_heap_state_new(struct wr_heap *heap, const weir_state_descriptor *descriptor)
{
    struct wr_heap_state *state = wr_memory_new(&heap->alloc, sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    state->heap = heap;
    state->slab_bytes = open_cell(heap);
    state->kind = descriptor->kind;
    state->is_pane = descriptor->namespace_is_pane && descriptor->namespace_type != NULL &&
                     weir_type_is_fixed(descriptor->namespace_type);
    state->table_count = heap->key_group_count;
    wr_layout_init(&state->layout, heap->key_type, descriptor);
    state->tables =
        wr_memory_new(&heap->alloc, ((size_t)state->table_count + 1) * sizeof(struct wr_table *));
    if (state->is_pane) {
        state->panes =
            wr_panes_new(heap, (uint32_t)weir_type_fixed_size(descriptor->namespace_type));
    }
    state->name = wr_memory_copy_text(&heap->alloc, descriptor->name);
    if (state->slab_bytes == NULL || state->tables == NULL || state->name == NULL ||
        (state->is_pane && state->panes == NULL) ||
        !copy_type(heap, descriptor->type, &state->type) ||
        !copy_type(heap, descriptor->map_key_type, &state->map_key_type) ||
        !copy_type(heap, descriptor->namespace_type, &state->namespace_type) ||
        !make_defaults(heap, state)) {
        wr_heap_state_destroy(heap, state);
        return NULL;
    }
    state->base = (weir_state){ .backend = &heap->base, .type = state->type };
    return state;
}

static bool
same_type(const weir_type *one, const weir_type *other)
{
    return one == other || (one != NULL && other != NULL && weir_type_equal(one, other));
}

static weir_status
refuse_type(const struct wr_heap *heap, const struct wr_heap_state *found, const char *what,
            const weir_type *asked, weir_error *err)
{
    const weir_type *had = strcmp(what, "type") == 0      ? found->type
                           : strcmp(what, "map key") == 0 ? found->map_key_type
                                                          : found->namespace_type;
    char had_text[WR_DESCRIPTION_SIZE] = "none";
    char asked_text[WR_DESCRIPTION_SIZE] = "none";
    if (had != NULL) {
        wr_type_describe(had, had_text, sizeof had_text);
    }
    if (asked != NULL) {
        wr_type_describe(asked, asked_text, sizeof asked_text);
    }
    return wr_fail(err, WEIR_VERSION,
                   "operator '%s', state '%s': the stored %s is %s, the job's "
                   "is %s",
                   heap->operator_name, found->name, what, had_text, asked_text);
}

/* Whether a state that is there is the one asked for. */
static weir_status
compare(const struct wr_heap *heap, const struct wr_heap_state *found,
        const weir_state_descriptor *descriptor, weir_error *err)
{
    if (found->kind != descriptor->kind) {
        return wr_fail(err, WEIR_VERSION,
                       "operator '%s', state '%s': the stored state is of kind %u, the job's of %u",
                       heap->operator_name, found->name, (unsigned)found->kind,
                       (unsigned)descriptor->kind);
    }
    if (!same_type(found->type, descriptor->type)) {
        return refuse_type(heap, found, "type", descriptor->type, err);
    }
    if (!same_type(found->map_key_type, descriptor->map_key_type)) {
        return refuse_type(heap, found, "map key", descriptor->map_key_type, err);
    }
    if (!same_type(found->namespace_type, descriptor->namespace_type)) {
        return refuse_type(heap, found, "namespace", descriptor->namespace_type, err);
    }
    return WEIR_OK;
}

weir_status
wr_heap_add_state(struct wr_heap *heap, const weir_state_descriptor *descriptor,
                  struct wr_heap_state **out_state, weir_error *err)
{
    struct wr_heap_state *found = find_state(heap, descriptor->name);
    if (found != NULL) {
        WR_TRY(compare(heap, found, descriptor, err));
        *out_state = found;
        return WEIR_OK;
    }
    struct wr_heap_state *state = reserve_state(heap) ? wr_heap_state_new(heap, descriptor) : NULL;
    if (state == NULL) {
        return wr_fail(err, WEIR_NOMEM,
                       "operator '%s', state '%s': the memory budget is reached; raise "
                       "taskmanager.memory.managed.size",
                       heap->operator_name, descriptor->name);
    }
    state->index = heap->state_count;
    heap->states[heap->state_count++] = state;
    *out_state = state;
    return WEIR_OK;
}

weir_state_descriptor
wr_heap_descriptor(const struct wr_heap_state *state)
{
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = state->kind,
                                    .list_mode = WEIR_LIST_NONE,
                                    .name = state->name,
                                    .type = state->type,
                                    .map_key_type = state->map_key_type,
                                    .namespace_type = state->namespace_type,
                                    .has_timestamps = state->layout.has_timestamps,
                                    .namespace_is_pane = state->is_pane,
                                    .ttl = state->has_ttl ? &state->ttl : NULL };
}

static weir_status
create_state(weir_backend *self, const weir_state_descriptor *descriptor, weir_state **out_state,
             weir_error *err)
{
    struct wr_heap_state *state = NULL;
    WR_TRY(wr_heap_add_state(wr_heap_of(self), descriptor, &state, err));
    wr_assert(state != NULL);
    bool is_pane = descriptor->namespace_is_pane && state->namespace_type != NULL &&
                   weir_type_is_fixed(state->namespace_type);
    if (state->layout.has_timestamps != descriptor->has_timestamps || state->is_pane != is_pane) {
        WR_TRY(wr_heap_convert(wr_heap_of(self), state, descriptor, &state, err));
        wr_assert(state != NULL);
    }
    state->has_ttl = descriptor->ttl != NULL;
    if (state->has_ttl) {
        state->ttl = *descriptor->ttl;
    }
    *out_state = &state->base;
    return WEIR_OK;
}

static bool
restored(const weir_backend *self, const char *name, weir_state_descriptor *out_descriptor)
{
    const struct wr_heap_state *found = find_state((const struct wr_heap *)self, name);
    if (found == NULL) {
        return false;
    }
    *out_descriptor = wr_heap_descriptor(found);
    return true;
}

static uint64_t
entry_count(const weir_state *self)
{
    return ((const struct wr_heap_state *)self)->count;
}

/* What it holds of tables and blocks; what both have free, and copies for snapshots, are nobody's.
 */
static void
measure(const weir_state *self, weir_state_size *out_size)
{
    const struct wr_heap_state *state = (const struct wr_heap_state *)self;
    *out_size = (weir_state_size){ .entries = state->count,
                                   .bytes = state->bucket_bytes + *state->slab_bytes,
                                   .is_exact = true };
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
    wr_heap_snapshots_fini(heap);
    wr_copies_fini(&heap->copies);
    wr_copies_fini(&heap->wide_copies);
    wr_slab_fini(&heap->slab);
    wr_region_fini(&heap->region);
    wr_region_fini(&heap->tables);
    for (uint32_t i = 0; i < heap->state_count; i++) {
        wr_heap_state_destroy(heap, heap->states[i]);
    }
    wr_memory_free(&heap->alloc, heap->states,
                   heap->state_capacity * sizeof(struct wr_heap_state *));
    while (heap->cells != NULL) {
        struct wr_heap_cell *cell = heap->cells;
        heap->cells = cell->next;
        wr_memory_free(&heap->alloc, cell, sizeof *cell);
    }
    wr_slow_assert(heap->used_bytes == 0);
    weir_alloc parent = heap->parent;
    wr_memory_free(&parent, heap, sizeof *heap);
}

static const weir_backend_ops heap_ops = {
    .size = sizeof heap_ops,
    .name = "hashmap",
    .create_state = create_state,
    .restored = restored,
    .prefetch = wr_heap_prefetch,
    .find = wr_heap_find,
    .upsert = wr_heap_upsert,
    .upsert_many = wr_heap_upsert_many,
    .put = wr_heap_put,
    .remove = wr_heap_remove,
    .iterate = wr_heap_iterate,
    .list_add = wr_heap_list_add,
    .list_put = wr_heap_list_put,
    .list_next = wr_heap_list_next,
    .map_find = wr_heap_map_find,
    .map_put = wr_heap_map_put,
    .map_upsert = wr_heap_map_upsert,
    .map_remove = wr_heap_map_remove,
    .map_next = wr_heap_map_next,
    .expire = wr_heap_expire,
    .clear_namespace = wr_heap_clear_namespace,
    .entry_count = entry_count,
    .snapshot_begin = wr_heap_snapshot_begin,
    .snapshot_turn = wr_heap_snapshot_turn,
    .snapshot_end = wr_heap_snapshot_end,
    .idle_turn = wr_heap_idle_turn,
    .restore = wr_heap_restore,
    .used_bytes = used_bytes,
    .close = close_heap,
    .snapshot_pressed = wr_heap_snapshot_pressed,
    .measure = measure,
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
    heap->snapshot_parent = parameters->snapshot_alloc;
    heap->alloc = (weir_alloc){ .resize = counted_resize, .ctx = heap };
    heap->key_type = parameters->key_type;
    heap->operator_name = parameters->operator_name != NULL ? parameters->operator_name : "";
    heap->hash_seed = parameters->hash_seed;
    heap->max_parallelism = parameters->max_parallelism;
    heap->key_group_first = parameters->key_group_first;
    heap->key_group_count = parameters->key_group_last - parameters->key_group_first + 1;
    heap->is_logging =
        parameters->options != NULL &&
        weir_options_bool(parameters->options, "execution.checkpointing.incremental");
    heap->epoch = 1;
    heap->stamped_epoch = 1;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        heap->snapshots[i] = (struct weir_snapshot){ .heap = heap, .slot = i };
    }
    wr_region_init(&heap->tables, &heap->alloc, WR_REGION_UNIT);
    wr_region_init(&heap->region, &heap->alloc, WR_SLAB_ALIGNMENT);
    wr_slab_init(&heap->slab, &heap->region, &heap->alloc);
    weir_alloc copies = { .resize = copies_resize, .ctx = heap };
    wr_copies_init(&heap->copies, WR_BUCKET_BYTES, &copies, &heap->alloc);
    wr_copies_init(&heap->wide_copies, WR_BUCKET_BYTES_WIDE, &copies, &heap->alloc);
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

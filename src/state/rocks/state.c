/* SPDX-License-Identifier: Apache-2.0 */
/* state: a state and its column family.
 *
 *   restored   the family is there, its descriptor came with the snapshot   [wr_rocks_state_add]
 *   created    the program has asked for it   [wr_rocks_create_state]
 *
 * A state that the program no longer asks for stays restored: its rows go into the next snapshot as
 * they are. Texts and types are copied, for what is restored lives longer than its reader.
 */
#include "base/memory.h"
#include "state/rocks/convert.h"
#include "state/rocks/merge.h"
#include "state/rocks/row.h"
#include "state/rocks/type_copy.h"
#include "weir/serializer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint64_t days_30_ms = 30ULL * 24 * 3600 * 1000;

struct wr_rocks_state *
wr_rocks_state_find(const struct wr_rocks *rocks, const char *name)
{
    struct wr_rocks_state *state = rocks->states;
    while (state != NULL && strcmp(state->descriptor.name, name) != 0) {
        state = state->next;
    }
    return state;
}

static void
free_defaults(struct wr_rocks_state *state)
{
    wr_memory_free(&state->rocks->alloc, state->defaults, weir_round8(state->item_size));
    state->defaults = NULL;
}

void
wr_rocks_state_destroy(struct wr_rocks_state *state)
{
    const weir_alloc *alloc = &state->rocks->alloc;
    weir_state_descriptor *descriptor = &state->descriptor;
    for (size_t i = 0; i < WR_ROCKS_WALKS_MOST; i++) {
        wr_rocks_walk_end(&state->walks[i]);
        wr_rocks_arena_fini(&state->walks[i].arena);
        wr_buffer_fini(&state->walks[i].last);
    }
    wr_rocks_cache_fini(&state->cache);
    wr_buffer_fini(&state->row);
    wr_buffer_fini(&state->map_row);
    wr_buffer_fini(&state->value);
    free_defaults(state);
    if (state->options != NULL) {
        rocksdb_options_destroy(state->options);
    }
    wr_rocks_big_fini(&state->big);
    wr_rocks_type_destroy(descriptor->type);
    wr_rocks_type_destroy(descriptor->map_key_type);
    wr_rocks_type_destroy(descriptor->namespace_type);
    if (descriptor->name != NULL) {
        char *name;
        memcpy(&name, &descriptor->name, sizeof name); /* the state's own copy */
        wr_memory_free(alloc, name, strlen(name) + 1);
    }
    wr_memory_free(alloc, state, sizeof *state);
}

/* Texts and types of its own; what is of the program alone is left out. */
static weir_status
keep_descriptor(struct wr_rocks_state *state, const weir_state_descriptor *descriptor)
{
    const weir_alloc *alloc = &state->rocks->alloc;
    weir_state_descriptor *kept = &state->descriptor;
    kept->size = sizeof *kept;
    kept->kind = descriptor->kind;
    kept->list_mode = descriptor->list_mode;
    kept->has_timestamps = descriptor->has_timestamps;
    kept->namespace_is_pane = descriptor->namespace_is_pane;
    kept->name = wr_memory_copy_text(alloc, descriptor->name);
    if (kept->name == NULL) {
        return WEIR_NOMEM;
    }
    WR_TRY(wr_rocks_type_copy(alloc, descriptor->type, &kept->type));
    WR_TRY(wr_rocks_type_copy(alloc, descriptor->map_key_type, &kept->map_key_type));
    return wr_rocks_type_copy(alloc, descriptor->namespace_type, &kept->namespace_type);
}

/* What follows from has_timestamps. */
static weir_status
shape_items(struct wr_rocks_state *state)
{
    free_defaults(state);
    state->item_size = weir_state_item_size(&state->descriptor);
    if (state->item_size == 0) {
        return WEIR_OK;
    }
    state->defaults = wr_memory_new(&state->rocks->alloc, weir_round8(state->item_size));
    if (state->defaults == NULL) {
        return WEIR_NOMEM;
    }
    size_t time = state->descriptor.has_timestamps ? WR_ROCKS_TIME_SIZE : 0;
    wr_rocks_type_defaults(state->descriptor.type, state->defaults + time);
    return WEIR_OK;
}

static void
make_options(struct wr_rocks_state *state)
{
    struct wr_rocks *rocks = state->rocks;
    state->options = rocksdb_options_create_copy(rocks->options);
    if (state->descriptor.kind == WEIR_STATE_LIST) {
        rocksdb_options_set_merge_operator(state->options, wr_rocks_merge_operator(&state->big));
    }
    if (state->descriptor.kind != WEIR_STATE_TIMERS) {
        rocksdb_options_set_compaction_filter_factory(state->options,
                                                      wr_rocks_filter_factory(&state->filter));
    }
}

static weir_status
fill_state(struct wr_rocks_state *state, const weir_state_descriptor *descriptor, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    weir_status status = keep_descriptor(state, descriptor);
    if (status == WEIR_OK) {
        status = shape_items(state);
    }
    if (status != WEIR_OK) {
        return wr_fail(err, status, "rocksdb: operator '%s': no memory for the state '%s'",
                       rocks->operator_name, descriptor->name);
    }
    state->base.backend = &rocks->base;
    state->base.type = state->descriptor.type;
    state->has_lengths = weir_type_serialized_size(rocks->key_type) == 0 &&
                         state->descriptor.namespace_type != NULL &&
                         weir_type_serialized_size(state->descriptor.namespace_type) == 0;
    state->filter.now_ms = &rocks->now_ms;
    state->filter.type = state->descriptor.type;
    state->filter.kind = state->descriptor.kind;
    make_options(state);
    return WEIR_OK;
}

weir_status
wr_rocks_state_add(struct wr_rocks *rocks, const weir_state_descriptor *descriptor,
                   struct wr_rocks_state **out_state, weir_error *err)
{
    if (strcmp(descriptor->name, "default") == 0) {
        return wr_fail(err, WEIR_INVALID,
                       "rocksdb: operator '%s': a state cannot be called 'default': RocksDB's own "
                       "column family is; give it another name",
                       rocks->operator_name);
    }
    struct wr_rocks_state *state = wr_memory_new(&rocks->alloc, sizeof *state);
    if (state == NULL) {
        return wr_fail(err, WEIR_NOMEM, "rocksdb: operator '%s': no memory for the state '%s'",
                       rocks->operator_name, descriptor->name);
    }
    state->rocks = rocks;
    wr_rocks_cache_init(&state->cache, &rocks->alloc);
    wr_buffer_init(&state->row, &rocks->alloc);
    wr_buffer_init(&state->map_row, &rocks->alloc);
    wr_buffer_init(&state->value, &rocks->alloc);
    for (size_t i = 0; i < WR_ROCKS_WALKS_MOST; i++) {
        wr_rocks_arena_init(&state->walks[i].arena, &rocks->alloc);
        wr_buffer_init(&state->walks[i].last, &rocks->alloc);
    }
    wr_rocks_big_init(&state->big, rocks->settings.list_count_from);
    weir_status status = fill_state(state, descriptor, err);
    if (status != WEIR_OK) {
        wr_rocks_state_destroy(state);
        return status;
    }
    state->next = rocks->states;
    rocks->states = state;
    *out_state = state;
    return WEIR_OK;
}

static weir_status
create_family(struct wr_rocks *rocks, struct wr_rocks_state *state, weir_error *err)
{
    char *words = NULL;
    rocksdb_column_family_handle_t *family =
        rocks->api->create_family(rocks->db, state->options, state->descriptor.name, &words);
    weir_status status = wr_rocks_judge(rocks, state, words, "creating its column family", err);
    if (status == WEIR_OK) {
        state->family = family;
    } else if (family != NULL) {
        rocksdb_column_family_handle_destroy(family); /* it was made, what came behind it failed */
    }
    return status;
}

weir_status
wr_rocks_state_make(struct wr_rocks *rocks, const weir_state_descriptor *descriptor,
                    struct wr_rocks_state **out_state, weir_error *err)
{
    struct wr_rocks_state *state = NULL;
    WR_TRY(wr_rocks_database_open(rocks, err));
    WR_TRY(wr_rocks_state_add(rocks, descriptor, &state, err));
    weir_status status = create_family(rocks, state, err);
    if (status != WEIR_OK) {
        rocks->states = state->next;
        wr_rocks_state_destroy(state);
        return status;
    }
    *out_state = state;
    return WEIR_OK;
}

/* Compactions that nobody else would cause, so that what expired is dropped at last. */
static weir_status
set_periodic(struct wr_rocks_state *state, const weir_ttl *ttl, weir_error *err)
{
    uint64_t period_ms = ttl->periodic_compaction_ms;
    uint64_t period_s = (period_ms == 0 ? days_30_ms : period_ms) / 1000;
    char text[24];
    if (period_ms == UINT64_MAX) {
        period_s = 0;
    }
    snprintf(text, sizeof text, "%" PRIu64, period_s);
    const char *const key = "periodic_compaction_seconds";
    const char *const value = text;
    char *words = NULL;
    state->rocks->api->set_options(state->rocks->db, state->family, 1, &key, &value, &words);
    return wr_rocks_judge(state->rocks, state, words, "setting the compaction period", err);
}

static weir_status
set_ttl(struct wr_rocks_state *state, const weir_ttl *ttl, weir_error *err)
{
    struct wr_rocks_filter_rule *rule = &state->filter;
    if (ttl == NULL || ttl->no_background_cleanup) {
        atomic_store_explicit(&rule->ttl_ms, 0, memory_order_release);
        return WEIR_OK;
    }
    WR_TRY(set_periodic(state, ttl, err));
    uint64_t entries = ttl->compaction_entries == 0 ? 1000 : ttl->compaction_entries;
    atomic_store_explicit(&rule->entries_between, entries, memory_order_relaxed);
    uint64_t ttl_ms = ttl->ttl_ms < INT64_MAX ? ttl->ttl_ms : INT64_MAX;
    /* Pairs with the filter's acquire: every row has its time by now. */
    atomic_store_explicit(&rule->ttl_ms, ttl_ms, memory_order_release);
    return WEIR_OK;
}

static weir_status
convert(struct wr_rocks_state *state, bool has_timestamps, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    weir_status status = wr_rocks_convert(state, has_timestamps, rocks->base.now_ms, err);
    if (status == WEIR_OK) {
        state->descriptor.has_timestamps = has_timestamps;
        status = shape_items(state);
    }
    if (status != WEIR_OK) {
        /* Some rows are converted, some are not: nothing may be made of them any more. */
        rocks->broken.status = status;
        (void)wr_fail(&rocks->broken, status,
                      "rocksdb: operator '%s': a rewrite of the state '%s' failed half-way; start "
                      "again from the snapshot",
                      rocks->operator_name, state->descriptor.name);
    }
    return status;
}

weir_status
wr_rocks_create_state(weir_backend *self, const weir_state_descriptor *descriptor,
                      weir_state **out_state, weir_error *err)
{
    struct wr_rocks *rocks = wr_rocks_of(self);
    wr_rocks_tick(rocks);
    if (rocks->broken.status != WEIR_OK) {
        return wr_fail(err, rocks->broken.status, "%s", rocks->broken.message);
    }
    struct wr_rocks_state *state = wr_rocks_state_find(rocks, descriptor->name);
    if (state == NULL) {
        WR_TRY(wr_rocks_state_make(rocks, descriptor, &state, err));
    } else if (state->descriptor.has_timestamps != descriptor->has_timestamps) {
        WR_TRY(convert(state, descriptor->has_timestamps, err));
    }
    WR_TRY(set_ttl(state, descriptor->ttl, err));
    state->is_created = true;
    *out_state = &state->base;
    return WEIR_OK;
}

bool
wr_rocks_restored(const weir_backend *self, const char *name, weir_state_descriptor *out_descriptor)
{
    const struct wr_rocks_state *state = wr_rocks_state_find((const struct wr_rocks *)self, name);
    if (state == NULL || state->is_created) {
        return false;
    }
    *out_descriptor = state->descriptor;
    return true;
}

static weir_status
write_entry(struct wr_rocks_state *state, const struct wr_rocks_entry *entry, weir_error *err)
{
    const weir_key key = { .data = entry->key,
                           .size = entry->key_size,
                           .key_group = entry->key_group };
    weir_bytes map_key = weir_bytes_of(NULL, 0);
    if (state->descriptor.kind == WEIR_STATE_MAP) {
        map_key = weir_bytes_of(entry->key + entry->key_size, entry->map_key_size);
    }
    WR_TRY(wr_rocks_row_key(state, &key, map_key, &state->row, err));
    const char *row = (const char *)state->row.data;
    if (entry->content == WR_ROCKS_ABSENT) {
        rocksdb_writebatch_delete_cf(state->rocks->batch, state->family, row, state->row.size);
        return WEIR_OK;
    }
    weir_bytes item = weir_bytes_of(entry->item, entry->item_size);
    WR_TRY(wr_rocks_value_write(state, item, entry->content == WR_ROCKS_NULL, &state->value));
    rocksdb_writebatch_put_cf(state->rocks->batch, state->family, row, state->row.size,
                              (const char *)state->value.data, state->value.size);
    return WEIR_OK;
}

static weir_status
write_entries(struct wr_rocks_state *state, weir_error *err)
{
    for (size_t i = 0; i < state->cache.count; i++) {
        if (state->cache.filled[i]->is_dirty) {
            WR_TRY(write_entry(state, state->cache.filled[i], err));
        }
    }
    return WEIR_OK;
}

weir_status
wr_rocks_state_write(struct wr_rocks_state *state, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    if (state->cache.dirty_count == 0) {
        return WEIR_OK;
    }
    weir_status status = write_entries(state, err);
    if (status != WEIR_OK) {
        return wr_fail(err, status,
                       "rocksdb: operator '%s', subtask %u, state '%s': no memory to write changes",
                       rocks->operator_name, rocks->subtask, state->descriptor.name);
    }
    WR_TRY(wr_rocks_batch_write(rocks, state, err));
    for (size_t i = 0; i < state->cache.count; i++) {
        state->cache.filled[i]->is_dirty = false;
    }
    state->cache.dirty_count = 0;
    return WEIR_OK;
}

weir_status
wr_rocks_write_all(struct wr_rocks *rocks, weir_error *err)
{
    for (struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        WR_TRY(wr_rocks_state_write(state, err));
    }
    return rocks->db != NULL ? wr_rocks_batch_write(rocks, NULL, err) : WEIR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* engine: the engine "rocksdb", opened and closed; its table; the library's words.
 *
 * The database is opened late, with the first state or restore: what a restore brings becomes the
 * database itself where it can (restore.c). Closing writes nothing: what matters is in checkpoints.
 */
#include "base/memory.h"
#include "state/rocks/rocks.h"

#include <string.h>

static weir_status
status_of(const char *words)
{
    if (strncmp(words, "Corruption", 10) == 0) {
        return WEIR_CORRUPT;
    }
    if (strstr(words, "Memory limit") != NULL || strncmp(words, "Aborted: Memory", 15) == 0) {
        return WEIR_NOMEM;
    }
    return strncmp(words, "Invalid argument", 16) == 0 ? WEIR_INVALID : WEIR_IO;
}

weir_status
wr_rocks_judge(struct wr_rocks *rocks, const struct wr_rocks_state *state, char *words,
               const char *what, weir_error *err)
{
    if (words == NULL) {
        return WEIR_OK;
    }
    weir_status status = status_of(words);
    if (state != NULL) {
        status = wr_fail(err, status, "rocksdb: operator '%s', subtask %u, state '%s': %s: %s",
                         rocks->operator_name, rocks->subtask, state->descriptor.name, what, words);
    } else {
        status = wr_fail(err, status, "rocksdb: operator '%s', subtask %u: %s: %s",
                         rocks->operator_name, rocks->subtask, what, words);
    }
    rocksdb_free(words);
    return status;
}

static uint64_t
used_bytes(const weir_backend *self)
{
    const struct wr_rocks *rocks = (const struct wr_rocks *)self;
    uint64_t used = 0;
    for (const struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        uint64_t tables = 0;
        used += state->cache.arena.used_bytes;
        if (state->family != NULL &&
            rocksdb_property_int_cf(rocks->db, state->family, "rocksdb.size-all-mem-tables",
                                    &tables) == 0) {
            used += tables;
        }
    }
    return used + (rocks->block_cache != NULL ? rocksdb_cache_get_usage(rocks->block_cache) : 0);
}

/* The database first: its threads may still use what the states own. */
static void
close_engine(weir_backend *self)
{
    struct wr_rocks *rocks = wr_rocks_of(self);
    weir_alloc alloc = rocks->alloc;
    while (rocks->snapshots != NULL) {
        wr_rocks_snapshot_end(self, (weir_snapshot *)rocks->snapshots, false);
    }
    wr_rocks_database_close(rocks);
    while (rocks->states != NULL) {
        struct wr_rocks_state *state = rocks->states;
        rocks->states = state->next;
        wr_rocks_state_destroy(state);
    }
    while (rocks->restored_files != NULL) {
        struct wr_rocks_file *file = rocks->restored_files;
        rocks->restored_files = file->next;
        wr_memory_free(&alloc, file, sizeof *file + strlen(file->name) + 1);
    }
    rocksdb_writebatch_destroy(rocks->batch);
    rocksdb_readoptions_destroy(rocks->scan_options);
    rocksdb_readoptions_destroy(rocks->read_options);
    rocksdb_writeoptions_destroy(rocks->write_options);
    rocksdb_options_destroy(rocks->options);
    rocksdb_cache_destroy(rocks->block_cache);
    wr_rocks_remove_tree(rocks->directory);
    wr_memory_free(&alloc, rocks, sizeof *rocks);
}

static bool
explain(const weir_backend *self, weir_error *out_err)
{
    const struct wr_rocks *rocks = (const struct wr_rocks *)self;
    if (rocks->last.status != WEIR_OK) {
        *out_err = rocks->last;
    }
    return rocks->last.status != WEIR_OK;
}

static const weir_backend_ops ops = {
    .size = sizeof ops,
    .name = "rocksdb",
    .create_state = wr_rocks_create_state,
    .restored = wr_rocks_restored,
    .find = wr_rocks_find,
    .upsert = wr_rocks_upsert,
    .upsert_many = wr_rocks_upsert_many,
    .put = wr_rocks_put,
    .remove = wr_rocks_remove,
    .iterate = wr_rocks_iterate,
    .entry_count = wr_rocks_entry_count,
    .list_add = wr_rocks_list_add,
    .list_next = wr_rocks_list_next,
    .list_put = wr_rocks_list_put,
    .map_find = wr_rocks_map_find,
    .map_put = wr_rocks_map_put,
    .map_upsert = wr_rocks_map_upsert,
    .map_remove = wr_rocks_map_remove,
    .map_next = wr_rocks_map_next,
    .first = wr_rocks_first,
    .snapshot_begin = wr_rocks_snapshot_begin,
    .snapshot_turn = wr_rocks_snapshot_turn,
    .snapshot_end = wr_rocks_snapshot_end,
    .restore = wr_rocks_restore,
    .used_bytes = used_bytes,
    .gauges = wr_rocks_gauges,
    .measure = wr_rocks_measure,
    .close = close_engine,
    .explain = explain,
};

static void
make_options(struct wr_rocks *rocks)
{
    rocks->block_cache = rocksdb_cache_create_lru(rocks->settings.cache_bytes);
    rocks->options = rocksdb_options_create();
    wr_rocks_settings_apply(&rocks->settings, rocks->block_cache, rocks->options);
    rocks->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(rocks->write_options, 1);
    rocks->read_options = rocksdb_readoptions_create();
    rocks->scan_options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(rocks->scan_options, 0);
    rocksdb_readoptions_set_total_order_seek(rocks->scan_options, 1);
    rocks->batch = rocksdb_writebatch_create();
}

/* What the C API has no calls for. */
static weir_status
more_options(struct wr_rocks *rocks, weir_error *err)
{
    static const char text[] = "avoid_flush_during_shutdown=true";
    char *words = NULL;
    rocksdb_options_t *more = rocksdb_options_create();
    rocks->api->options_from_text(rocks->options, text, more, &words);
    weir_status status = wr_rocks_judge(rocks, NULL, words, "setting options", err);
    if (status == WEIR_OK) {
        rocksdb_options_destroy(rocks->options);
        rocks->options = more;
    } else {
        rocksdb_options_destroy(more);
    }
    return status;
}

static void
take_parameters(struct wr_rocks *rocks, const weir_backend_parameters *parameters)
{
    rocks->base.ops = &ops;
    rocks->alloc = parameters->state_alloc;
    rocks->max_parallelism = parameters->max_parallelism;
    rocks->key_group_first = parameters->key_group_first;
    rocks->key_group_last = parameters->key_group_last;
    rocks->key_type = parameters->key_type;
    rocks->hash_seed = parameters->hash_seed;
    rocks->operator_name = parameters->operator_name != NULL ? parameters->operator_name : "?";
    rocks->directory = parameters->directory;
    rocks->subtask = parameters->subtask;
}

weir_status
wr_rocks_open_with(const struct wr_rocks_api *api, const weir_backend_parameters *parameters,
                   weir_backend **out_backend, weir_error *err)
{
    const char *name = parameters->operator_name != NULL ? parameters->operator_name : "?";
    if (parameters->directory == NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "rocksdb: operator '%s': the engine keeps files and was given no directory; "
                       "set state.backend.rocksdb.localdir",
                       name);
    }
    struct wr_rocks_settings settings;
    WR_TRY(wr_rocks_settings_make(parameters->options, parameters->memory_bytes, &settings, err));
    struct wr_rocks *rocks = wr_memory_new(&parameters->state_alloc, sizeof *rocks);
    if (rocks == NULL) {
        return wr_fail(err, WEIR_NOMEM, "rocksdb: operator '%s': no memory to begin with", name);
    }
    take_parameters(rocks, parameters);
    rocks->api = api;
    rocks->settings = settings;
    make_options(rocks);
    weir_status status = more_options(rocks, err);
    if (status != WEIR_OK) {
        close_engine(&rocks->base);
        return status;
    }
    *out_backend = &rocks->base;
    return WEIR_OK;
}

static weir_status
open_engine(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    return wr_rocks_open_with(wr_rocks_api_real(), parameters, out_backend, err);
}

const weir_backend_factory wr_rocks_factory = {
    .size = sizeof wr_rocks_factory,
    .name = "rocksdb",
    .open = open_engine,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* scan: walks over all rows of a state, or over the first timers of a key group.
 *
 * Rows of one map stand together, so its key is given once: when it differs from the row before.
 * Changes are written first; keys and items are decoded into memory of the scan's own, for what is
 * called may read the state.
 */
#include "state/rocks/row.h"

#include <string.h>

struct scan {
    struct wr_rocks_state *state;
    rocksdb_iterator_t *iterator;
    struct wr_buffer key;
    struct wr_buffer before; /* what the rows of the map before begin with */
    struct wr_rocks_arena arena;
};

static weir_status
scan_begin(struct scan *scan, struct wr_rocks_state *state)
{
    struct wr_rocks *rocks = state->rocks;
    WR_TRY(wr_rocks_state_write(state, &rocks->last));
    WR_TRY(wr_rocks_batch_write(rocks, state, &rocks->last));
    scan->state = state;
    wr_buffer_init(&scan->key, &rocks->alloc);
    wr_buffer_init(&scan->before, &rocks->alloc);
    wr_rocks_arena_init(&scan->arena, &rocks->alloc);
    scan->iterator = rocksdb_create_iterator_cf(rocks->db, rocks->scan_options, state->family);
    return WEIR_OK;
}

static weir_status
scan_end(struct scan *scan, weir_status status)
{
    struct wr_rocks *rocks = scan->state->rocks;
    if (status == WEIR_OK) {
        char *words = NULL;
        rocks->api->iterator_error(scan->iterator, &words);
        status = wr_rocks_judge(rocks, scan->state, words, "reading its rows", &rocks->last);
    }
    rocksdb_iter_destroy(scan->iterator);
    wr_buffer_fini(&scan->key);
    wr_buffer_fini(&scan->before);
    wr_rocks_arena_fini(&scan->arena);
    return status;
}

static weir_bytes
row_of(const struct scan *scan)
{
    weir_bytes row;
    row.data = rocksdb_iter_key(scan->iterator, &row.size);
    return row;
}

static bool
is_seen(const struct scan *scan, weir_bytes row)
{
    return scan->before.size != 0 && row.size >= scan->before.size &&
           memcmp(row.data, scan->before.data, scan->before.size) == 0;
}

/* *out_is_new: false where the row is another of the map that was given. */
static weir_status
read_key(struct scan *scan, weir_key *out_key, bool *out_is_new)
{
    weir_error *err = &scan->state->rocks->last;
    weir_bytes row = row_of(scan);
    bool is_map = scan->state->descriptor.kind == WEIR_STATE_MAP;
    size_t taken = 0;
    *out_is_new = !is_map || !is_seen(scan, row);
    if (!*out_is_new) {
        return WEIR_OK;
    }
    WR_TRY(wr_rocks_row_read(scan->state, row, &scan->key, out_key, &taken, err));
    if (is_map) {
        wr_buffer_clear(&scan->before);
        wr_buffer_put(&scan->before, row.data, taken);
        return wr_buffer_status(&scan->before);
    }
    return taken == row.size
               ? WEIR_OK
               : wr_fail(err, WEIR_CORRUPT,
                         "rocksdb: operator '%s', subtask %u, state '%s': %zu bytes "
                         "behind a row's key",
                         scan->state->rocks->operator_name, scan->state->rocks->subtask,
                         scan->state->descriptor.name, row.size - taken);
}

static weir_status
read_item(struct scan *scan, weir_bytes *out_item)
{
    weir_state_kind kind = scan->state->descriptor.kind;
    *out_item = weir_bytes_of(NULL, 0);
    if (kind == WEIR_STATE_MAP || kind == WEIR_STATE_LIST) {
        return WEIR_OK;
    }
    weir_bytes value;
    value.data = rocksdb_iter_value(scan->iterator, &value.size);
    wr_rocks_arena_clear(&scan->arena);
    return wr_rocks_value_read(scan->state, value, &scan->arena, out_item,
                               &scan->state->rocks->last);
}

weir_status
wr_rocks_iterate(weir_state *self,
                 weir_status (*each)(void *argument, const weir_key *key, weir_bytes item),
                 void *argument)
{
    struct scan scan;
    WR_TRY(scan_begin(&scan, wr_rocks_state_of(self)));
    weir_status status = WEIR_OK;
    rocksdb_iter_seek_to_first(scan.iterator);
    for (; status == WEIR_OK && rocksdb_iter_valid(scan.iterator);
         rocksdb_iter_next(scan.iterator)) {
        weir_key key;
        weir_bytes item;
        bool is_new = false;
        status = read_key(&scan, &key, &is_new);
        if (status != WEIR_OK || !is_new) {
            continue;
        }
        status = read_item(&scan, &item);
        if (status == WEIR_OK) {
            status = each(argument, &key, item);
        }
    }
    return scan_end(&scan, status);
}

weir_status
wr_rocks_first(weir_state *self, uint32_t key_group, size_t most,
               weir_status (*each)(void *argument, const weir_key *key), void *argument)
{
    struct scan scan;
    WR_TRY(scan_begin(&scan, wr_rocks_state_of(self)));
    uint8_t group[2];
    size_t group_size = wr_rocks_group_size(scan.state->rocks);
    wr_rocks_row_group(scan.state->rocks, key_group, group);
    weir_status status = WEIR_OK;
    rocksdb_iter_seek(scan.iterator, (const char *)group, group_size);
    for (size_t i = 0; i < most && status == WEIR_OK && rocksdb_iter_valid(scan.iterator); i++) {
        weir_bytes row = row_of(&scan);
        if (row.size < group_size || memcmp(row.data, group, group_size) != 0) {
            break;
        }
        weir_key key;
        bool is_new = false;
        status = read_key(&scan, &key, &is_new);
        if (status == WEIR_OK) {
            status = each(argument, &key);
        }
        rocksdb_iter_next(scan.iterator);
    }
    return scan_end(&scan, status);
}

/* 0: RocksDB does not say. */
static uint64_t
property_of(const struct wr_rocks_state *state, const char *name)
{
    uint64_t value = 0;
    bool is_open = state->rocks->db != NULL && state->family != NULL;
    return is_open && rocksdb_property_int_cf(state->rocks->db, state->family, name, &value) == 0
               ? value
               : 0;
}

uint64_t
wr_rocks_entry_count(const weir_state *self)
{
    return property_of((const struct wr_rocks_state *)self, "rocksdb.estimate-num-keys");
}

/* The block cache is of all states together, and nobody's here. */
void
wr_rocks_measure(const weir_state *self, weir_state_size *out_size)
{
    const struct wr_rocks_state *state = (const struct wr_rocks_state *)self;
    *out_size =
        (weir_state_size){ .entries = property_of(state, "rocksdb.estimate-num-keys"),
                           .bytes = property_of(state, "rocksdb.size-all-mem-tables") +
                                    state->cache.arena.used_bytes,
                           .disk_bytes = property_of(state, "rocksdb.live-sst-files-size") };
}

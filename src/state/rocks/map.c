/* SPDX-License-Identifier: Apache-2.0 */
/* map: the walk over a map's rows. They stand together, in the order of their bytes, behind what
 * their keys begin with. Rows are read ahead, some at a time, as Flink's backend does: between two
 * calls no iterator is held that would keep files alive, and the entry given last may be changed.
 */
#include "state/rocks/row.h"

#include <string.h>

enum {
    ROWS_AHEAD = 128
};

static weir_status
no_memory(const struct wr_rocks_state *state)
{
    return wr_fail(&state->rocks->last, WEIR_NOMEM,
                   "rocksdb: operator '%s', subtask %u, state '%s': no memory to walk over a map",
                   state->rocks->operator_name, state->rocks->subtask, state->descriptor.name);
}

static bool
is_of_map(const struct wr_rocks_walk *walk, const char *row, size_t size)
{
    return size >= walk->prefix_size && memcmp(row, walk->last.data, walk->prefix_size) == 0;
}

static weir_status
read_row(struct wr_rocks_state *state, struct wr_rocks_walk *walk,
         const rocksdb_iterator_t *iterator, const char *row, size_t row_size)
{
    weir_error *err = &state->rocks->last;
    struct wr_rocks_map_row *out = &walk->rows[walk->row_count];
    weir_bytes map_key = weir_bytes_of(row + walk->prefix_size, row_size - walk->prefix_size);
    weir_bytes value;
    value.data = rocksdb_iter_value(iterator, &value.size);
    WR_TRY(wr_rocks_row_map_key(state, map_key, &walk->arena, &out->map_key, err));
    WR_TRY(wr_rocks_value_read(state, value, &walk->arena, &out->item, err));
    walk->row_count++;
    return WEIR_OK;
}

/* Reads rows until there are enough, or none of this map is left; the last one read is noted. */
static weir_status
read_rows(struct wr_rocks_state *state, struct wr_rocks_walk *walk, rocksdb_iterator_t *iterator,
          bool is_new)
{
    for (; walk->row_count < ROWS_AHEAD; rocksdb_iter_next(iterator)) {
        size_t size = 0;
        const char *row = rocksdb_iter_valid(iterator) ? rocksdb_iter_key(iterator, &size) : NULL;
        if (row == NULL || !is_of_map(walk, row, size)) {
            walk->is_read = true;
            return WEIR_OK;
        }
        if (!is_new && size == walk->last.size && memcmp(row, walk->last.data, size) == 0) {
            continue; /* given already */
        }
        WR_TRY(read_row(state, walk, iterator, row, size));
        wr_buffer_clear(&walk->last);
        wr_buffer_put(&walk->last, row, size);
        if (wr_buffer_status(&walk->last) != WEIR_OK) {
            return no_memory(state);
        }
        is_new = false;
    }
    return WEIR_OK;
}

static weir_status
read_ahead(struct wr_rocks_state *state, struct wr_rocks_walk *walk, bool is_new)
{
    struct wr_rocks *rocks = state->rocks;
    wr_rocks_arena_clear(&walk->arena);
    walk->row_count = 0;
    walk->row_next = 0;
    walk->rows = wr_rocks_arena_take(&walk->arena, ROWS_AHEAD * sizeof *walk->rows);
    if (walk->rows == NULL) {
        return no_memory(state);
    }
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(rocks->db, rocks->read_options, state->family);
    rocksdb_iter_seek(iterator, (const char *)walk->last.data, walk->last.size);
    weir_status status = read_rows(state, walk, iterator, is_new);
    if (status == WEIR_OK) {
        char *words = NULL;
        rocks->api->iterator_error(iterator, &words);
        status = wr_rocks_judge(rocks, state, words, "reading a map's rows", &rocks->last);
    }
    rocksdb_iter_destroy(iterator);
    return status;
}

static weir_status
begin_walk(struct wr_rocks_state *state, const weir_key *key, struct wr_rocks_walk *walk)
{
    WR_TRY(wr_rocks_state_write(state, &state->rocks->last));
    WR_TRY(wr_rocks_row_key(state, key, weir_bytes_of(NULL, 0), &walk->last, &state->rocks->last));
    walk->prefix_size = walk->last.size;
    return read_ahead(state, walk, true);
}

weir_status
wr_rocks_map_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                  weir_bytes *out_map_key, weir_bytes *out_item)
{
    struct wr_rocks_state *state = wr_rocks_state_of(self);
    struct wr_rocks_walk *walk = NULL;
    bool is_new = false;
    if (cursor->word[1] != 0) {
        return WEIR_NOT_FOUND;
    }
    WR_TRY(wr_rocks_walk_of(state, cursor, &walk, &is_new));
    if (is_new) {
        WR_TRY(begin_walk(state, key, walk));
    } else if (walk->row_next == walk->row_count && !walk->is_read) {
        WR_TRY(read_ahead(state, walk, false));
    }
    if (walk->row_next == walk->row_count) {
        cursor->word[1] = 1;
        wr_rocks_walk_end(walk);
        return WEIR_NOT_FOUND;
    }
    const struct wr_rocks_map_row *row = &walk->rows[walk->row_next++];
    *out_map_key = row->map_key;
    *out_item = row->item;
    return WEIR_OK;
}

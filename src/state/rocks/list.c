/* SPDX-License-Identifier: Apache-2.0 */
/* list: elements are added by merges, without a look at the list, and read all at once.
 *
 *     | [time] element | , | [time] element | , ...
 *
 * Every element says itself where it ends; the comma behind it is skipped. What was read stays
 * where it was lent until the state is changed, so elements are decoded into the walk's arena.
 */
#include "state/rocks/row.h"
#include "weir/serializer.h"

#include <inttypes.h>

static weir_status
no_memory(const struct wr_rocks_state *state)
{
    return wr_fail(&state->rocks->last, WEIR_NOMEM,
                   "rocksdb: operator '%s', subtask %u, state '%s': no memory for a list",
                   state->rocks->operator_name, state->rocks->subtask, state->descriptor.name);
}

static weir_status
too_long(const struct wr_rocks_state *state, uint64_t size)
{
    return wr_fail(&state->rocks->last, WEIR_LIMIT,
                   "rocksdb: operator '%s', subtask %u, state '%s': a list would have %" PRIu64
                   " bytes, at most %" PRIu64
                   " can be read again: spread it over more keys, or clear it in time",
                   state->rocks->operator_name, state->rocks->subtask, state->descriptor.name, size,
                   state->rocks->settings.list_limit);
}

static weir_status
read_list(struct wr_rocks_state *state, rocksdb_pinnableslice_t **out_slice)
{
    struct wr_rocks *rocks = state->rocks;
    char *words = NULL;
    WR_TRY(wr_rocks_batch_write(rocks, state, &rocks->last));
    *out_slice = rocks->api->get(rocks->db, rocks->read_options, state->family,
                                 (const char *)state->row.data, state->row.size, &words);
    return wr_rocks_judge(rocks, state, words, "reading a list", &rocks->last);
}

/* The counted size may be that of a list that is gone (a merge told it late): look before refusing.
 */
static weir_status
check_limit(struct wr_rocks_state *state, weir_bytes row, size_t added)
{
    uint64_t limit = state->rocks->settings.list_limit;
    uint64_t size = wr_rocks_big_size(&state->big, row);
    if (added > limit) {
        return too_long(state, added);
    }
    if (size == 0 || size + 1 + added <= limit) {
        return WEIR_OK;
    }
    rocksdb_pinnableslice_t *slice = NULL;
    WR_TRY(read_list(state, &slice));
    size_t real = 0;
    if (slice != NULL) {
        (void)rocksdb_pinnableslice_value(slice, &real);
        rocksdb_pinnableslice_destroy(slice);
    }
    wr_rocks_big_forget(&state->big, row);
    wr_rocks_big_seen(&state->big, row, real);
    return real + 1 + added <= limit ? WEIR_OK : too_long(state, real + 1 + added);
}

static void
end_walks(struct wr_rocks_state *state)
{
    for (size_t i = 0; i < WR_ROCKS_WALKS_MOST; i++) {
        if (state->walks[i].number != 0) {
            wr_rocks_walk_end(&state->walks[i]);
        }
    }
}

/* The elements into state->value, joined, and the row's key into state->row. */
static weir_status
join_elements(struct wr_rocks_state *state, const weir_key *key, const weir_bytes *items,
              size_t count)
{
    struct wr_buffer *value = &state->value;
    wr_rocks_tick(state->rocks);
    wr_buffer_clear(value);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            wr_buffer_put_u8(value, WR_ROCKS_SEPARATOR);
        }
        if (wr_rocks_item_write(state, items[i], value) != WEIR_OK) {
            return no_memory(state);
        }
    }
    if (wr_buffer_status(value) != WEIR_OK) {
        return no_memory(state);
    }
    return wr_rocks_row_key(state, key, weir_bytes_of(NULL, 0), &state->row, &state->rocks->last);
}

weir_status
wr_rocks_list_add(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_rocks_state *state = wr_rocks_state_of(self);
    struct wr_rocks *rocks = state->rocks;
    if (count == 0) {
        return WEIR_OK;
    }
    WR_TRY(join_elements(state, key, items, count));
    weir_bytes row = weir_bytes_of(state->row.data, state->row.size);
    WR_TRY(check_limit(state, row, state->value.size));
    rocksdb_writebatch_merge_cf(rocks->batch, state->family, (const char *)row.data, row.size,
                                (const char *)state->value.data, state->value.size);
    wr_rocks_big_add(&state->big, row, 1 + state->value.size);
    end_walks(state);
    return wr_rocks_batch_check(rocks, state, &rocks->last);
}

weir_status
wr_rocks_list_put(weir_state *self, const weir_key *key, const weir_bytes *items, size_t count)
{
    struct wr_rocks_state *state = wr_rocks_state_of(self);
    struct wr_rocks *rocks = state->rocks;
    WR_TRY(join_elements(state, key, items, count));
    weir_bytes row = weir_bytes_of(state->row.data, state->row.size);
    if (state->value.size > rocks->settings.list_limit) {
        return too_long(state, state->value.size);
    }
    rocksdb_writebatch_put_cf(rocks->batch, state->family, (const char *)row.data, row.size,
                              (const char *)state->value.data, state->value.size);
    wr_rocks_big_forget(&state->big, row);
    wr_rocks_big_seen(&state->big, row, state->value.size);
    end_walks(state);
    return wr_rocks_batch_check(rocks, state, &rocks->last);
}

static weir_status
begin_walk(struct wr_rocks_state *state, const weir_key *key, struct wr_rocks_walk *walk)
{
    WR_TRY(wr_rocks_row_key(state, key, weir_bytes_of(NULL, 0), &state->row, &state->rocks->last));
    WR_TRY(read_list(state, &walk->slice));
    if (walk->slice != NULL) {
        size_t size = 0;
        (void)rocksdb_pinnableslice_value(walk->slice, &size);
        wr_rocks_big_seen(&state->big, weir_bytes_of(state->row.data, state->row.size), size);
    }
    return WEIR_OK;
}

/* The next element's bytes, measured first: the arena is to give no more room than it takes. */
static weir_status
next_element(struct wr_rocks_state *state, struct wr_rocks_walk *walk, weir_bytes list,
             weir_bytes *out_item)
{
    const uint8_t *at = (const uint8_t *)list.data + walk->at;
    size_t left = list.size - walk->at;
    size_t time = state->descriptor.has_timestamps ? WR_ROCKS_TIME_SIZE : 0;
    size_t size = 0;
    weir_error *err = &state->rocks->last;
    weir_status status =
        left < time
            ? wr_fail(err, WEIR_CORRUPT, "%zu bytes where an element's time should be", left)
            : weir_type_serialized_next(state->base.type, weir_bytes_of(at + time, left - time),
                                        &size, err);
    if (status != WEIR_OK) {
        return wr_fail_context(err, status,
                               "rocksdb: operator '%s', subtask %u, state '%s': byte %zu of a "
                               "list: ",
                               state->rocks->operator_name, state->rocks->subtask,
                               state->descriptor.name, walk->at);
    }
    size_t taken = 0;
    WR_TRY(wr_rocks_item_read(state, weir_bytes_of(at, time + size), &walk->arena, out_item, &taken,
                              err));
    walk->at += taken + 1;
    return WEIR_OK;
}

weir_status
wr_rocks_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor, weir_bytes *out_item)
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
    }
    weir_bytes list = { NULL, 0 };
    if (walk->slice != NULL) {
        list.data = rocksdb_pinnableslice_value(walk->slice, &list.size);
    }
    if (walk->at >= list.size) {
        cursor->word[1] = 1;
        return WEIR_NOT_FOUND;
    }
    return next_element(state, walk, list, out_item);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* walk: walks over lists and maps, known to their cursors by number.
 *
 * A cursor has no room for a row's key, so what a walk has read stands with the state, for a few
 * walks at a time. A walk that was given up is ended when its place is needed.
 *
 *     cursor   word 0: the walk's number; word 1: 1 once the end was told
 */
#include "state/rocks/rocks.h"

void
wr_rocks_walk_end(struct wr_rocks_walk *walk)
{
    if (walk->slice != NULL) {
        rocksdb_pinnableslice_destroy(walk->slice);
        walk->slice = NULL;
    }
    wr_rocks_arena_clear(&walk->arena);
    walk->number = 0;
    walk->at = 0;
    walk->rows = NULL;
    walk->row_count = 0;
    walk->row_next = 0;
    walk->is_read = false;
}

static weir_status
find_walk(struct wr_rocks_state *state, uint64_t number, struct wr_rocks_walk **out_walk)
{
    for (size_t i = 0; i < WR_ROCKS_WALKS_MOST; i++) {
        if (state->walks[i].number == number) {
            *out_walk = &state->walks[i];
            return WEIR_OK;
        }
    }
    return wr_fail(&state->rocks->last, WEIR_LIMIT,
                   "rocksdb: operator '%s', subtask %u, state '%s': a walk goes on behind a change "
                   "of the state, or there are more than %d at a time",
                   state->rocks->operator_name, state->rocks->subtask, state->descriptor.name,
                   WR_ROCKS_WALKS_MOST);
}

weir_status
wr_rocks_walk_of(struct wr_rocks_state *state, weir_cursor *cursor, struct wr_rocks_walk **out_walk,
                 bool *out_is_new)
{
    *out_is_new = cursor->word[0] == 0;
    if (cursor->word[0] != 0) {
        return find_walk(state, cursor->word[0], out_walk);
    }
    struct wr_rocks_walk *oldest = &state->walks[0];
    for (size_t i = 1; i < WR_ROCKS_WALKS_MOST; i++) {
        if (state->walks[i].number < oldest->number) {
            oldest = &state->walks[i]; /* a free one is 0, older than all */
        }
    }
    wr_rocks_walk_end(oldest);
    oldest->number = ++state->walk_number;
    cursor->word[0] = oldest->number;
    *out_walk = oldest;
    return WEIR_OK;
}

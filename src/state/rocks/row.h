/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/row.h: the bytes of rows: Flink's keys and values of its RocksDB backend, which are
 * those of a canonical savepoint. Numbers are big-endian.
 *
 *     SIZE  WHAT (keys)
 *     1, 2  key group: 1 byte where the maximum parallelism is at most 128
 *     8     TIMERS: the timestamp, its sign bit flipped, so that bytes are in order of time
 *     ...   key, serialized
 *     0..4  its size, low byte first, at least one byte: only if neither key nor namespace has a
 *           fixed size, and never in TIMERS
 *     ...   namespace, serialized; the void one is a zero byte
 *     0..4  its size, as above
 *     ...   MAP: the map key, serialized
 *
 *     VALUE, REDUCING, AGGREGATING   [i64 time] value
 *     MAP                            0 [i64 time] value, or 1 [i64 time]: null
 *     LIST                           [i64 time] element { ',' [i64 time] element }
 *     TIMERS                         nothing
 *
 * The time stands where the state has timestamps. Items say there that a map's value is null by bit
 * 62 of their time, before a block of zeros; rows by Flink's flag. Thread: task, but for what
 * filters use.
 */
#ifndef WR_STATE_ROCKS_ROW_H
#define WR_STATE_ROCKS_ROW_H

#include "base/little.h"
#include "state/rocks/rocks.h"

enum {
    WR_ROCKS_TIME_SIZE = 8,
    WR_ROCKS_SEPARATOR = ','
};

#define WR_ROCKS_NULL_TIME (1ULL << 62)

static inline uint64_t
wr_rocks_get_u64(const uint8_t *at)
{
    return __builtin_bswap64(wr_get_u64(at));
}

static inline void
wr_rocks_put_u64(uint8_t *at, uint64_t value)
{
    wr_put_u64(at, __builtin_bswap64(value));
}

/* Bytes of the key group in front of a row. */
static inline size_t
wr_rocks_group_size(const struct wr_rocks *rocks)
{
    return rocks->max_parallelism <= 128 ? 1 : 2;
}

/* Whether the key is of this subtask's; WEIR_INVALID with words else, as Flink refuses it. */
weir_status wr_rocks_row_check(struct wr_rocks_state *state, const weir_key *key, weir_error *err);
/* The key of a row into `row`, emptied first. With a map key (data not NULL) that of its row, else
 * what all rows of the key begin with. WEIR_NOMEM, WEIR_CORRUPT (no key of the state's), and as
 * above; with words. */
weir_status wr_rocks_row_key(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
                             struct wr_buffer *row, weir_error *err);
/* The key group alone, as rows begin with. `key_group` may be one past the last. */
void wr_rocks_row_group(const struct wr_rocks *rocks, uint32_t key_group, uint8_t out[2]);

/* Makes a key of a row's; its bytes stand in `key`, emptied first. *out_taken: what stands behind
 * is the map key. WEIR_CORRUPT with words. */
weir_status wr_rocks_row_read(struct wr_rocks_state *state, weir_bytes row, struct wr_buffer *key,
                              weir_key *out_key, size_t *out_taken, weir_error *err);
/* A map key from the bytes behind the prefix, lent from the arena. */
weir_status wr_rocks_row_map_key(struct wr_rocks_state *state, weir_bytes bytes,
                                 struct wr_rocks_arena *arena, weir_bytes *out_map_key,
                                 weir_error *err);

/* Appends an item as it stands in a value. */
weir_status wr_rocks_item_write(const struct wr_rocks_state *state, weir_bytes item,
                                struct wr_buffer *value);
/* Reads one; lent from the arena. *out_taken: how many bytes it took. */
weir_status wr_rocks_item_read(struct wr_rocks_state *state, weir_bytes bytes,
                               struct wr_rocks_arena *arena, weir_bytes *out_item,
                               size_t *out_taken, weir_error *err);
/* Of a whole value: VALUE and the like, TIMERS, and MAP with its flag (null: data NULL). */
weir_status wr_rocks_value_read(struct wr_rocks_state *state, weir_bytes bytes,
                                struct wr_rocks_arena *arena, weir_bytes *out_item,
                                weir_error *err);
/* The value of an entry's row, emptied first. */
weir_status wr_rocks_value_write(const struct wr_rocks_state *state, weir_bytes item, bool is_null,
                                 struct wr_buffer *value);

#endif /* WR_STATE_ROCKS_ROW_H */

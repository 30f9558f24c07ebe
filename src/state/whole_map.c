/* SPDX-License-Identifier: Apache-2.0 */
/* whole_map: a map as one value of the engine, in the form of weir/snapshot.h:
 *
 *   | u32 key size | u32 item size (UINT32_MAX: null) | key | item | ...
 *
 * A new entry goes behind the others, a changed one keeps its place, so that a walk can tell what
 * the entry it gave last has become. Writing writes the map anew: right for engines that are small
 * and for maps that are short. Entries stand unaligned in it; one that is read is lent from a copy.
 *
 * cursor: word 0 is where the next entry begins, word 1 how many have been given before it, word 2
 * and 3 the size and the number of entries then. The map is another size: the walk counts anew, and
 * one entry less means that the one given last was removed.
 */
#include "state/whole_map.h"

#include "base/fail.h"
#include "base/little.h"
#include "state/common.h"

enum {
    HEAD_BYTES = 8
};

static const uint32_t null_size = UINT32_MAX;

/* One entry of a map, lent from it. */
struct entry {
    size_t begin;
    size_t end;
    weir_bytes key;
    weir_bytes item; /* data NULL: null */
};

/* The entry that begins at `at`. WEIR_NOT_FOUND: the map ends there. */
static weir_status
entry_at(weir_bytes map, size_t at, struct entry *out_entry)
{
    const uint8_t *data = map.data;
    if (at >= map.size) {
        return WEIR_NOT_FOUND;
    }
    if (map.size - at < HEAD_BYTES) {
        return WEIR_CORRUPT;
    }
    uint32_t key_size = wr_get_u32(data + at);
    uint32_t item_size = wr_get_u32(data + at + 4);
    bool is_null = item_size == null_size;
    size_t body = (size_t)key_size + (is_null ? 0 : item_size);
    if (map.size - at - HEAD_BYTES < body) {
        return WEIR_CORRUPT;
    }
    const uint8_t *key = data + at + HEAD_BYTES;
    *out_entry = (struct entry){ .begin = at,
                                 .end = at + HEAD_BYTES + body,
                                 .key = weir_bytes_of(key, key_size),
                                 .item = is_null ? weir_bytes_of(NULL, 0)
                                                 : weir_bytes_of(key + key_size, item_size) };
    return WEIR_OK;
}

static bool
has_key(const struct entry *entry, weir_bytes key)
{
    return entry->key.size == key.size &&
           (key.size == 0 || memcmp(entry->key.data, key.data, key.size) == 0);
}

/* WEIR_NOT_FOUND: no such entry, or no map at all. */
static weir_status
search(weir_bytes map, weir_bytes map_key, struct entry *out_entry)
{
    size_t at = 0;
    for (;;) {
        WR_TRY(entry_at(map, at, out_entry));
        if (has_key(out_entry, map_key)) {
            return WEIR_OK;
        }
        at = out_entry->end;
    }
}

/* The map of the key; empty if there is none. */
static weir_status
read_map(weir_state *self, const weir_key *key, weir_bytes *out_map)
{
    weir_status status = self->common->ops->find(self, key, out_map);
    if (status == WEIR_NOT_FOUND) {
        *out_map = weir_bytes_of(NULL, 0);
        return WEIR_OK;
    }
    return status;
}

weir_status
wr_whole_map_find(weir_state *self, const weir_key *key, weir_bytes map_key, weir_bytes *out_item)
{
    weir_bytes map;
    struct entry entry;
    WR_TRY(read_map(self, key, &map));
    WR_TRY(search(map, map_key, &entry));
    if (entry.item.data == NULL) {
        *out_item = entry.item;
        return WEIR_OK;
    }
    struct wr_buffer *lent = &self->common->lent;
    WR_TRY(wr_scratch_put(lent, entry.item.data, entry.item.size));
    *out_item = weir_bytes_of(lent->data, lent->size);
    return WEIR_OK;
}

weir_status
wr_whole_map_put(weir_state *self, const weir_key *key, weir_bytes map_key, weir_bytes item)
{
    weir_bytes map;
    WR_TRY(read_map(self, key, &map));
    struct entry entry;
    weir_status status = search(map, map_key, &entry);
    if (status == WEIR_NOT_FOUND) {
        entry = (struct entry){ .begin = map.size, .end = map.size };
    } else if (status != WEIR_OK) {
        return status;
    }
    struct wr_buffer *out = &self->common->whole;
    WR_TRY(wr_scratch_put(out, map.data, entry.begin));
    wr_buffer_put_u32(out, (uint32_t)map_key.size);
    wr_buffer_put_u32(out, item.data == NULL ? null_size : (uint32_t)item.size);
    wr_buffer_put(out, map_key.data, map_key.size);
    wr_buffer_put(out, item.data, item.size);
    if (entry.end < map.size) {
        wr_buffer_put(out, (const uint8_t *)map.data + entry.end, map.size - entry.end);
    }
    WR_TRY(wr_buffer_status(out));
    return self->common->ops->put(self, key, weir_bytes_of(out->data, out->size));
}

weir_status
wr_whole_map_remove(weir_state *self, const weir_key *key, weir_bytes map_key)
{
    weir_bytes map;
    struct entry entry;
    WR_TRY(read_map(self, key, &map));
    weir_status status = search(map, map_key, &entry);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    if (entry.end - entry.begin == map.size) { /* it was the last */
        return self->common->ops->remove(self, key);
    }
    struct wr_buffer *out = &self->common->whole;
    WR_TRY(wr_scratch_put(out, map.data, entry.begin));
    wr_buffer_put(out, (const uint8_t *)map.data + entry.end, map.size - entry.end);
    WR_TRY(wr_buffer_status(out));
    return self->common->ops->put(self, key, weir_bytes_of(out->data, out->size));
}

/* Where the walk stands in a map that has changed since. */
static weir_status
find_place(weir_bytes map, weir_cursor *cursor)
{
    uint64_t count = 0;
    struct entry entry;
    weir_status status;
    for (size_t at = 0; (status = entry_at(map, at, &entry)) == WEIR_OK; at = entry.end) {
        count++;
    }
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    if (cursor->word[1] != 0 && count + 1 == cursor->word[3]) {
        cursor->word[1]--;
    }
    size_t at = 0;
    for (uint64_t i = 0; i < cursor->word[1] && entry_at(map, at, &entry) == WEIR_OK; i++) {
        at = entry.end;
    }
    cursor->word[0] = at;
    cursor->word[2] = map.size;
    cursor->word[3] = count;
    return WEIR_OK;
}

weir_status
wr_whole_map_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                  weir_bytes *out_map_key, weir_bytes *out_item)
{
    weir_bytes map;
    WR_TRY(read_map(self, key, &map));
    if (map.size != cursor->word[2]) {
        WR_TRY(find_place(map, cursor));
    }
    struct entry entry;
    WR_TRY(entry_at(map, (size_t)cursor->word[0], &entry));
    size_t item_at = weir_round8(entry.key.size);
    size_t item_size = entry.item.size;
    struct wr_buffer *lent = &self->common->lent;
    wr_buffer_clear(lent);
    uint8_t *room = wr_buffer_extend(lent, item_at + item_size);
    if (room == NULL) {
        return WEIR_NOMEM;
    }
    if (entry.key.size != 0) {
        memcpy(room, entry.key.data, entry.key.size);
    }
    if (item_size != 0) {
        memcpy(room + item_at, entry.item.data, item_size);
    }
    cursor->word[0] = entry.end;
    cursor->word[1]++;
    *out_map_key = weir_bytes_of(room, entry.key.size);
    *out_item =
        entry.item.data == NULL ? weir_bytes_of(NULL, 0) : weir_bytes_of(room + item_at, item_size);
    return WEIR_OK;
}

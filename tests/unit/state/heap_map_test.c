/* SPDX-License-Identifier: Apache-2.0 */
/* maps of the in-memory engine, by the engine's own entries, against arrays. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"
#include "unit/state/heap_slot.h"

#include "state/heap/map_block.h"
#include "state/heap/map_directory.h"

#include <stdlib.h>

enum {
    KEYS_MOST = 20000,
    ITEM_MOST = 3000
};

/* A map of numbers to numbers, or of texts to blocks of any size, and what should stand in it. */
struct model {
    struct rig *rig;
    weir_state *state;
    bool is_text;
    int64_t number;
    size_t count;
    int value[KEYS_MOST]; /* 0: absent, -1: null */
};

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

static weir_state *
map_state(struct rig *rig, weir_backend *backend, bool is_text)
{
    const weir_type *type = is_text ? weir_type_of_kind(WEIR_STRING) : i64_type();
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_MAP,
                                         .name = "map",
                                         .type = type,
                                         .map_key_type = type };
    weir_state *state = NULL;
    assert_ok(backend->ops->create_state(backend, &descriptor, &state, &rig->error), &rig->error);
    return state;
}

/* Map key `index`, in `out` of 700 bytes; some of the texts are long. */
static weir_bytes
key_of(const struct model *model, size_t index, uint8_t *out)
{
    if (!model->is_text) {
        int64_t number = (int64_t)index * 3;
        memcpy(out, &number, sizeof number);
        return weir_bytes_of(out, sizeof number);
    }
    size_t padding = index % 50 == 7 ? 600 : index % 17;
    memset(out, 'k', 700);
    int size = snprintf((char *)out + padding, 20, "%zu", index);
    return weir_bytes_of(out, padding + (size_t)size);
}

static weir_bytes
item_of(const struct model *model, int value, uint8_t *out)
{
    if (!model->is_text) {
        int64_t number = value;
        memcpy(out, &number, sizeof number);
        return weir_bytes_of(out, sizeof number);
    }
    size_t size = value % 40 == 3 ? 2000 : (size_t)(value % 9 + 1) * 8;
    memset(out, value, size);
    return weir_bytes_of(out, size);
}

static weir_status
put(struct model *model, size_t index, int value)
{
    uint8_t key_bytes[700];
    uint8_t item_bytes[ITEM_MOST];
    weir_bytes map_key = key_of(model, index, key_bytes);
    weir_bytes item = value < 0 ? weir_bytes_of(NULL, 0) : item_of(model, value, item_bytes);
    weir_key key = rig_number(model->rig, &model->number);
    weir_status status = model->state->backend->ops->map_put(model->state, &key, map_key, item);
    if (status == WEIR_OK) {
        model->count += model->value[index] == 0;
        model->value[index] = value;
    }
    return status;
}

static weir_status
take(struct model *model, size_t index)
{
    uint8_t key_bytes[700];
    weir_bytes map_key = key_of(model, index, key_bytes);
    weir_key key = rig_number(model->rig, &model->number);
    weir_status status = model->state->backend->ops->map_remove(model->state, &key, map_key);
    if (status == WEIR_OK) {
        model->count -= model->value[index] != 0;
        model->value[index] = 0;
    }
    return status;
}

static void
check_item(const struct model *model, size_t index, weir_bytes item)
{
    uint8_t bytes[ITEM_MOST];
    assert_int_not_equal(model->value[index], 0);
    if (model->value[index] < 0) {
        assert_null(item.data);
        assert_int_equal(item.size, 0);
        return;
    }
    weir_bytes wanted = item_of(model, model->value[index], bytes);
    assert_int_equal(item.size, wanted.size);
    assert_int_equal((uintptr_t)item.data % 8, 0);
    assert_memory_equal(item.data, wanted.data, item.size);
}

static void
check_one(const struct model *model, size_t index)
{
    uint8_t key_bytes[700];
    weir_bytes map_key = key_of(model, index, key_bytes);
    weir_key key = rig_number(model->rig, &model->number);
    weir_bytes item;
    weir_status status = model->state->backend->ops->map_find(model->state, &key, map_key, &item);
    assert_int_equal(status, model->value[index] == 0 ? WEIR_NOT_FOUND : WEIR_OK);
    if (status == WEIR_OK) {
        check_item(model, index, item);
    }
}

static size_t
index_of(const struct model *model, weir_bytes map_key)
{
    if (!model->is_text) {
        int64_t number;
        memcpy(&number, map_key.data, sizeof number);
        return (size_t)number / 3;
    }
    char text[701] = { 0 };
    memcpy(text, map_key.data, map_key.size);
    return (size_t)strtoul(text + strspn(text, "k"), NULL, 10);
}

/* Walks over all entries and holds them against the model; `change`: in between each tenth one is
 * removed and each seventh put anew, and the walk meets all the same. */
static void
check_walk(struct model *model, bool change)
{
    static bool seen[KEYS_MOST];
    memset(seen, 0, sizeof seen);
    const size_t count = model->count;
    weir_key key = rig_number(model->rig, &model->number);
    weir_cursor cursor = { { 0 } };
    weir_bytes map_key;
    weir_bytes item;
    size_t met = 0;
    while (model->state->backend->ops->map_next(model->state, &key, &cursor, &map_key, &item) ==
           WEIR_OK) {
        size_t index = index_of(model, map_key);
        assert_true(index < KEYS_MOST && !seen[index]);
        seen[index] = true;
        check_item(model, index, item);
        met++;
        if (change && index % 10 == 3) {
            assert_ok(take(model, index), NULL);
        } else if (change && index % 7 == 2) {
            assert_ok(put(model, index, (int)(met % 120) + 1), NULL);
        } else if (change && index % 7 == 4) {
            assert_ok(put(model, index, -1), NULL);
        }
    }
    assert_int_equal(met, count);
}

static void
model_init(struct model *model, struct rig *rig, weir_state *state, bool is_text, int64_t number)
{
    memset(model, 0, sizeof *model);
    *model = (struct model){ .rig = rig, .state = state, .is_text = is_text, .number = number };
}

static void
churn(bool is_text, size_t keys, int steps)
{
    static struct model model;
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *state = map_state(&rig, backend, is_text);
    model_init(&model, &rig, state, is_text, 5);
    struct wr_rng rng;
    wr_rng_init(&rng, 11 + keys);
    for (int step = 0; step < steps; step++) {
        size_t index = (size_t)wr_rng_below(&rng, keys);
        uint64_t kind = wr_rng_below(&rng, 10);
        bool is_shrinking = step / (steps / 4) % 2 == 1;
        if (kind < (is_shrinking ? 7u : 3u)) {
            assert_ok(take(&model, index), NULL);
        } else {
            assert_ok(put(&model, index, kind == 9 ? -1 : (int)wr_rng_below(&rng, 200) + 1), NULL);
        }
        check_one(&model, index);
        check_one(&model, (size_t)wr_rng_below(&rng, keys));
        if (step % (steps / 10) == 0) {
            check_walk(&model, false);
            check_walk(&model, true);
        }
        assert_int_equal(backend->ops->entry_count(state), model.count != 0);
    }
    check_walk(&model, false);
    for (size_t index = 0; index < keys; index++) {
        assert_ok(take(&model, index), NULL);
    }
    assert_int_equal(backend->ops->entry_count(state), 0);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

TEST(maps_of_numbers_hold_what_was_put_at_every_size)
{
    static const size_t keys[] = { 1, 3, 16, 17, 60, 700 };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        churn(false, keys[i], 3000);
    }
    churn(false, 12000, 60000); /* two levels of directories */
}

TEST(maps_of_texts_hold_what_was_put_at_every_size)
{
    static const size_t keys[] = { 1, 3, 16, 17, 60, 700 };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        churn(true, keys[i], 3000);
    }
    churn(true, 9000, 40000);
}

TEST(a_null_value_is_neither_empty_nor_absent)
{
    static struct model model;
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *maps = map_state(&rig, backend, false);
    model_init(&model, &rig, maps, false, 1);
    assert_ok(put(&model, 4, -1), NULL);
    check_one(&model, 4);
    check_one(&model, 5);
    int64_t number = 1;
    weir_key key = rig_number(&rig, &number);
    int64_t map_key = 12;
    void *item = NULL;
    bool created = false;
    weir_bytes bytes = weir_bytes_of(&map_key, sizeof map_key);
    assert_ok(backend->ops->map_upsert(maps, &key, bytes, &item, &created), NULL);
    assert_true(created);
    assert_int_equal(*(int64_t *)item, 0);
    *(int64_t *)item = 77;
    assert_ok(backend->ops->map_upsert(maps, &key, bytes, &item, &created), NULL);
    assert_false(created);
    assert_int_equal(*(int64_t *)item, 77);
    model.value[4] = 77;
    check_one(&model, 4);
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* A map is filled, thinned and changed. Memory is refused once the first extent is full, whose free
 * part is made smaller from call to call: so the refusal meets one allocation after the other. */
static bool
churn_with_refusal(bool is_text, size_t filled)
{
    static struct model model;
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *state = map_state(&rig, backend, is_text);
    model_init(&model, &rig, state, is_text, 5);
    assert_non_null(wr_region_new(&wr_heap_of(backend)->region, filled));
    fault.fail_at = fault.requests + 1;
    fault.sticky = true; /* until the refusal was looked at */
    for (size_t step = 0; step < 900; step++) {
        size_t index = step * 7 % 300;
        bool is_take = step % 5 == 4;
        weir_status status =
            is_take ? take(&model, index) : put(&model, index, (int)step % 200 + 1);
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_NOMEM);
            check_walk(&model, false);
            fault.fail_at = 0;
            fault.sticky = false;
            assert_ok(put(&model, index, (int)step % 200 + 1), NULL);
        }
    }
    bool was_refused = fault.refused != 0;
    fault.fail_at = 0;
    check_walk(&model, false);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
    return was_refused;
}

TEST(map_changes_survive_every_failed_allocation)
{
    size_t refused = 0;
    for (size_t filled = 128; filled < 64000; filled += 640) {
        refused += churn_with_refusal(false, filled);
        refused += churn_with_refusal(true, filled);
    }
    assert_true(refused > 120);
}

/* What stood in the map when its slot was copied stays readable through the copy. */
static void
check_copy(bool is_text, size_t keys)
{
    static struct model model;
    static struct model before;
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *state = map_state(&rig, backend, is_text);
    const struct wr_layout *layout = &wr_heap_state_of(state)->layout;
    model_init(&model, &rig, state, is_text, 5);
    for (size_t i = 0; i < keys; i++) {
        assert_ok(put(&model, i, i % 11 == 0 ? -1 : (int)(i % 100) + 1), NULL);
    }
    uint8_t copy[WR_COLLECTION_BYTES];
    memcpy(copy, slot_of(&rig, state, 5), sizeof copy);
    memcpy(&before, &model, sizeof before);
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    for (size_t i = 0; i < keys * 2; i++) {
        assert_ok(i % 3 == 0 ? take(&model, i) : put(&model, i, (int)(i % 90) + 5), NULL);
        if (i % 16 == 1 && !is_text) {
            int64_t map_key = (int64_t)i * 3;
            weir_key key = rig_number(&rig, &model.number);
            void *item = NULL;
            bool created = false;
            assert_ok(
                backend->ops->map_upsert(state, &key, weir_bytes_of(&map_key, 8), &item, &created),
                NULL);
            *(int64_t *)item = 123;
            model.count += model.value[i] == 0;
            model.value[i] = 123;
        }
    }
    check_walk(&model, false);
    weir_key key = rig_number(&rig, &model.number);
    assert_ok(backend->ops->remove(state, &key), NULL);
    while (weir_backend_idle_turn(backend, 4096)) { /* what is left of the map is dropped */
    }
    weir_cursor cursor = { { 0 } };
    weir_bytes map_key;
    weir_bytes item;
    size_t met = 0;
    size_t record_bytes = 0;
    while (wr_map_walk(layout, copy, &cursor, &map_key, &item)) {
        check_item(&before, index_of(&before, map_key), item);
        record_bytes += 8 + map_key.size + item.size;
        met++;
    }
    assert_int_equal(met, before.count);
    assert_int_equal(wr_map_record_bytes(copy), record_bytes);
    rig_file_abort(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, false);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_copy_of_the_slot_is_the_map_as_it_was)
{
    static const size_t keys[] = { 1, 2, 15, 16, 17, 100, 3000, 7000 };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        check_copy(false, keys[i]);
        check_copy(true, keys[i]);
    }
}

/* How many blocks of the map have room for one more entry of one size. */
static uint32_t
blocks_with_room(const uint8_t *slot)
{
    struct wr_map map;
    uint32_t count = 0;
    memcpy(&map, slot, sizeof map);
    for (uint32_t i = 0; i < map.blocks; i++) {
        const struct wr_map_block *block = wr_map_block_at(&map, i);
        count += block != NULL && block->count < block->capacity && block->room - block->used >= 2;
    }
    return count;
}

/* With the slab's head of 8 bytes: 192. */
TEST(ten_entries_of_8_and_8_bytes_take_three_lines)
{
    static struct model model;
    struct rig rig;
    struct wr_map map;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *maps = map_state(&rig, backend, false);
    model_init(&model, &rig, maps, false, 5);
    for (size_t i = 0; i < 10; i++) {
        assert_ok(put(&model, i, 1), NULL);
    }
    memcpy(&map, slot_of(&rig, maps, 5), sizeof map);
    const struct wr_map_block *block = wr_map_block_at(&map, 0);
    assert_int_equal(block->count, 10);
    assert_int_equal(block->capacity, 10);
    assert_int_equal(wr_map_block_head(10) + wr_map_block_used_bytes(block), 184);
    assert_int_equal(wr_slab_good_size(184), 184);
    assert_int_equal(((uintptr_t)block - 8) % 64, 0);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_block_counts_its_room_in_words_up_to_what_they_hold)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *texts = map_state(&rig, backend, true);
    struct wr_map_source source = wr_map_source_of(wr_heap_state_of(texts));
    struct wr_map_block *block = wr_map_block_new(&source, 1, WR_MAP_BLOCK_BYTES_MOST);
    assert_non_null(block);
    assert_int_equal(block->room, UINT16_MAX);
    wr_slab_free(source.slab, block);
    assert_null(wr_map_block_new(&source, 1, WR_MAP_BLOCK_BYTES_MOST + WR_MAP_BLOCK_WORD));
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* Entries put beside an open snapshot into blocks that it shares; false: none has room for one. */
static bool
check_shared_room(size_t keys)
{
    static struct model model;
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *state = map_state(&rig, backend, false);
    const struct wr_layout *layout = &wr_heap_state_of(state)->layout;
    model_init(&model, &rig, state, false, 5);
    for (size_t i = 0; i < keys; i++) {
        assert_ok(put(&model, i, (int)i + 1), NULL);
    }
    uint8_t copy[WR_COLLECTION_BYTES];
    memcpy(copy, slot_of(&rig, state, 5), sizeof copy);
    bool had_room = blocks_with_room(copy) != 0;
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    for (size_t i = keys; i < keys + (had_room ? 12 : 0); i++) {
        assert_ok(put(&model, i, 7), NULL);
        weir_cursor cursor = { { 0 } };
        weir_bytes map_key;
        weir_bytes item;
        for (size_t met = 0; met < keys; met++) { /* all that was there, and nothing new */
            assert_true(wr_map_walk(layout, copy, &cursor, &map_key, &item));
            assert_int_equal(*(const int64_t *)item.data, *(const int64_t *)map_key.data / 3 + 1);
        }
        assert_false(wr_map_walk(layout, copy, &cursor, &map_key, &item));
    }
    check_walk(&model, false);
    rig_file_abort(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, false);
    weir_backend_close(backend);
    rig_fini(&rig);
    return had_room;
}

TEST(an_entry_beside_a_snapshot_leaves_the_blocks_that_it_shares)
{
    uint32_t with_room = 0;
    for (size_t keys = 1; keys < 80; keys++) {
        with_room += check_shared_room(keys);
    }
    assert_in_range(with_room, 60, 79);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* the in-memory engine's other kinds: timers, namespaces, items with timestamps, and what expires.
 */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

#include "state/key_hash.h"

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

static weir_state *
make_state(struct rig *rig, weir_backend *backend, const weir_state_descriptor *descriptor)
{
    weir_state *state = NULL;
    assert_ok(backend->ops->create_state(backend, descriptor, &state, &rig->error), &rig->error);
    return state;
}

/* A key of several parts that lie behind each other; its group is that of the first eight bytes. */
static weir_key
whole_key(const struct rig *rig, const void *parts, size_t size)
{
    weir_key key = rig_key(rig, i64_type(), parts, 8);
    key.size = (uint32_t)size;
    key.hash = wr_key_hash(parts, size, rig->seed);
    return key;
}

static weir_status
count_keys(void *argument, const weir_key *key, weir_bytes item)
{
    size_t *count = argument;
    assert_int_equal(item.size, 0);
    assert_int_equal(key->size, 24);
    ++*count;
    return WEIR_OK;
}

TEST(timers_are_a_set_of_keys)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_TIMERS,
                                         .name = "timers",
                                         .type = weir_type_of_kind(WEIR_BOOL),
                                         .namespace_type = i64_type() };
    weir_state *timers = make_state(&rig, backend, &descriptor);
    const weir_bytes nothing = weir_bytes_of(NULL, 0);
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 3000; i++) {
            int64_t parts[3] = { i / 7, i % 7, -i };
            weir_key key = whole_key(&rig, parts, sizeof parts);
            weir_bytes item;
            assert_int_equal(backend->ops->find(timers, &key, &item),
                             round == 0 ? WEIR_NOT_FOUND : WEIR_OK);
            assert_ok(backend->ops->put(timers, &key, nothing), NULL);
            assert_ok(backend->ops->find(timers, &key, &item), NULL);
            assert_int_equal(item.size, 0);
        }
    }
    size_t count = 0;
    assert_ok(backend->ops->iterate(timers, count_keys, &count), NULL);
    assert_int_equal(count, 3000);
    for (int64_t i = 0; i < 3000; i += 2) {
        int64_t parts[3] = { i / 7, i % 7, -i };
        weir_key key = whole_key(&rig, parts, sizeof parts);
        assert_ok(backend->ops->remove(timers, &key), NULL);
    }
    assert_int_equal(backend->ops->entry_count(timers), 1500);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(namespaces_of_a_key_hold_values_of_their_own)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_VALUE,
                                         .name = "windows",
                                         .type = i64_type(),
                                         .namespace_type = i64_type() };
    weir_state *state_of_windows = make_state(&rig, backend, &descriptor);
    assert_int_equal(wr_heap_state_of(state_of_windows)->layout.key_form, WR_KEY_PAIR);
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < 5000; i++) {
            int64_t parts[2] = { i % 100, i / 100 };
            weir_key key = whole_key(&rig, parts, sizeof parts);
            void *value = NULL;
            bool created = false;
            assert_ok(backend->ops->upsert(state_of_windows, &key, &value, &created), NULL);
            assert_int_equal(created, round == 0);
            assert_int_equal(*(int64_t *)value, round * i);
            *(int64_t *)value += i;
        }
    }
    int64_t bare = 5;
    weir_key key = rig_number(&rig, &bare);
    void *value = NULL;
    bool created = false;
    assert_int_equal(backend->ops->upsert(state_of_windows, &key, &value, &created), WEIR_INVALID);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_key_with_its_namespace_may_be_longer_than_a_key)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    const weir_type *text = weir_type_of_kind(WEIR_STRING);
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_VALUE,
                                         .name = "named",
                                         .type = i64_type(),
                                         .namespace_type = text };
    weir_state *named = make_state(&rig, backend, &descriptor);
    static uint8_t bytes[2 * WEIR_KEY_SIZE_MAX + 16];
    int64_t value = 4;
    weir_key key = whole_key(&rig, bytes, 2 * WEIR_KEY_SIZE_MAX + 4);
    assert_ok(backend->ops->put(named, &key, weir_bytes_of(&value, 8)), NULL);
    weir_bytes item;
    assert_ok(backend->ops->find(named, &key, &item), NULL);
    key = whole_key(&rig, bytes, 2 * WEIR_KEY_SIZE_MAX + 5);
    assert_int_equal(backend->ops->put(named, &key, weir_bytes_of(&value, 8)), WEIR_LIMIT);
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* --- items with timestamps --- */

static const weir_ttl hundred_ms = { .size = sizeof hundred_ms, .ttl_ms = 100 };

static weir_state *
ttl_state(struct rig *rig, weir_backend *backend, weir_state_kind kind)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = kind,
                                         .name = "expiring",
                                         .type = i64_type(),
                                         .map_key_type = kind == WEIR_STATE_MAP ? i64_type() : NULL,
                                         .has_timestamps = true,
                                         .ttl = &hundred_ms };
    return make_state(rig, backend, &descriptor);
}

TEST(an_item_with_a_timestamp_begins_as_zero_and_defaults)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *values = ttl_state(&rig, backend, WEIR_STATE_VALUE);
    int64_t number = 3;
    weir_key key = rig_number(&rig, &number);
    void *item = NULL;
    bool created = false;
    assert_ok(backend->ops->upsert(values, &key, &item, &created), NULL);
    assert_int_equal(((int64_t *)item)[0], 0);
    assert_int_equal(((int64_t *)item)[1], 0);
    ((int64_t *)item)[1] = 9;
    weir_bytes found;
    assert_ok(backend->ops->find(values, &key, &found), NULL);
    assert_int_equal(found.size, 16);
    assert_int_equal(backend->ops->put(values, &key, weir_bytes_of(&number, 8)), WEIR_INVALID);
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* Writes an item of that time under key or map key `number`. */
static void
write_at(const struct rig *rig, weir_state *self, weir_state_kind kind, int64_t number,
         int64_t written_ms)
{
    const weir_backend_ops *ops = self->backend->ops;
    int64_t item[2] = { written_ms, number };
    weir_bytes bytes = weir_bytes_of(item, sizeof item);
    int64_t owner = kind == WEIR_STATE_VALUE ? number : number / 20;
    weir_key key = rig_number(rig, &owner);
    if (kind == WEIR_STATE_LIST) {
        assert_ok(ops->list_add(self, &key, &bytes, 1), NULL);
    } else if (kind == WEIR_STATE_MAP) {
        assert_ok(ops->map_put(self, &key, weir_bytes_of(&number, 8), bytes), NULL);
    } else {
        assert_ok(ops->put(self, &key, bytes), NULL);
    }
}

/* How many items there are; all of them written at `least_ms` or later, or before. */
static size_t
count_items(const struct rig *rig, weir_state *self, weir_state_kind kind, int64_t keys,
            int64_t *out_oldest)
{
    const weir_backend_ops *ops = self->backend->ops;
    size_t count = 0;
    *out_oldest = INT64_MAX;
    for (int64_t owner = 0; owner < keys; owner++) {
        weir_key key = rig_number(rig, &owner);
        weir_cursor cursor = { { 0 } };
        weir_bytes map_key;
        weir_bytes item;
        for (;;) {
            weir_status status =
                kind == WEIR_STATE_LIST  ? ops->list_next(self, &key, &cursor, &item)
                : kind == WEIR_STATE_MAP ? ops->map_next(self, &key, &cursor, &map_key, &item)
                : cursor.word[0]++ == 0  ? ops->find(self, &key, &item)
                                         : WEIR_NOT_FOUND;
            if (status != WEIR_OK) {
                break;
            }
            int64_t written = *(const int64_t *)item.data;
            *out_oldest = written < *out_oldest ? written : *out_oldest;
            count++;
        }
    }
    return count;
}

/* Half of the items expire while tables grow and entries are removed; all of them go, none else. */
static void
check_expiry(weir_state_kind kind)
{
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *values = ttl_state(&rig, backend, kind);
    enum {
        ITEMS = 12000
    };
    for (int64_t i = 0; i < ITEMS; i++) {
        write_at(&rig, values, kind, i, i % 2 == 0 ? 1000 : 1050);
    }
    weir_backend_set_time(backend, 1099);
    int64_t oldest = 0;
    for (int i = 0; i < ITEMS; i++) { /* nothing is due yet */
        backend->ops->expire(values, 5);
    }
    assert_int_equal(count_items(&rig, values, kind, ITEMS, &oldest), ITEMS);
    weir_backend_set_time(backend, 1100);
    for (int64_t i = 0; i < ITEMS; i++) { /* and meanwhile the tables grow */
        backend->ops->expire(values, 5);
        write_at(&rig, values, kind, ITEMS + i, 1060);
    }
    for (int i = 0; i < ITEMS; i++) {
        backend->ops->expire(values, 5);
    }
    assert_int_equal(count_items(&rig, values, kind, 2 * ITEMS, &oldest), ITEMS / 2 + ITEMS);
    assert_int_equal(oldest, 1050);
    weir_backend_set_time(backend, 2000);
    for (int i = 0; i < 40 * ITEMS && backend->ops->entry_count(values) != 0; i++) {
        backend->ops->expire(values, 5);
    }
    assert_int_equal(backend->ops->entry_count(values), 0);
    assert_int_equal(count_items(&rig, values, kind, 2 * ITEMS, &oldest), 0);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

TEST(expired_values_go)
{
    check_expiry(WEIR_STATE_VALUE);
}

TEST(expired_elements_go)
{
    check_expiry(WEIR_STATE_LIST);
}

TEST(expired_map_entries_go)
{
    check_expiry(WEIR_STATE_MAP);
}

/* How many elements of list 0 were written at that time. */
static size_t
count_written_at(const struct rig *rig, weir_state *lists, int64_t written_ms)
{
    int64_t owner = 0;
    weir_key key = rig_number(rig, &owner);
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    size_t count = 0;
    while (lists->backend->ops->list_next(lists, &key, &cursor, &item) == WEIR_OK) {
        count += *(const int64_t *)item.data == written_ms;
    }
    return count;
}

/* One list or map of so many items, half of which expire but for a few, then all: no call may look
 * at more than a few chunks or blocks of it. */
static void
check_large_expiry(weir_state_kind kind)
{
    enum {
        ITEMS = 40000,
        MIXED = ITEMS / 2 / 1000 * 1000 - 5000, /* from here on each thousandth lives on */
        LIVE = ITEMS / 2 + 5,
        A_CALL_MOST = 1200 /* four chunks of 4 KiB hold 1020 elements of 16; a block a few */
    };
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *values = ttl_state(&rig, backend, kind);
    for (int64_t i = 0; i < ITEMS; i++) {
        bool lives = i >= ITEMS / 2 || (i >= MIXED && i % 1000 == 500);
        int64_t item[2] = { lives ? 1050 : 1000, i };
        int64_t owner = 0;
        weir_key key = rig_number(&rig, &owner);
        weir_bytes bytes = weir_bytes_of(item, sizeof item);
        weir_status status =
            kind == WEIR_STATE_LIST
                ? backend->ops->list_add(values, &key, &bytes, 1)
                : backend->ops->map_put(values, &key, weir_bytes_of(&i, sizeof i), bytes);
        assert_ok(status, NULL);
    }
    int64_t oldest = 0;
    size_t left = ITEMS;
    for (int64_t now_ms = 1100; now_ms <= 1150; now_ms += 50) {
        weir_backend_set_time(backend, now_ms);
        for (int call = 0; call < 3000; call++) {
            backend->ops->expire(values, 50);
            if (call % 16 != 0 && call > 8) {
                continue;
            }
            size_t now = count_items(&rig, values, kind, 1, &oldest);
            assert_in_range(left - now, 0, call > 8 ? 16 * A_CALL_MOST : A_CALL_MOST);
            left = now;
        }
        /* of a list, what has expired behind one that lives stays with it */
        size_t behind = kind == WEIR_STATE_LIST && now_ms == 1100 ? ITEMS / 2 - MIXED : 0;
        size_t wanted = now_ms == 1100 ? LIVE : 0;
        assert_in_range(left, wanted, wanted + behind);
        if (kind == WEIR_STATE_LIST) {
            assert_int_equal(count_written_at(&rig, values, 1050), wanted);
        }
    }
    assert_int_equal(backend->ops->entry_count(values), 0);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

TEST(a_large_list_expires_in_steps)
{
    check_large_expiry(WEIR_STATE_LIST);
}

TEST(a_large_map_expires_in_steps)
{
    check_large_expiry(WEIR_STATE_MAP);
}

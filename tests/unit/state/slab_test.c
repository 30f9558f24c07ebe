/* SPDX-License-Identifier: Apache-2.0 */
/* slab: keys and values of any size, up to their limits; the region below it. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

static const weir_type *
text_type(void)
{
    return weir_type_of_kind(WEIR_STRING);
}

/* A block of the string type in `out`: header, text of one letter. Returns its size. */
static size_t
text_block(uint8_t *out, char letter, size_t size)
{
    weir_string head = { 8, (uint32_t)size };
    memset(out, 0, 8 + weir_round8(size));
    memcpy(out, &head, sizeof head);
    memset(out + 8, letter, size);
    return 8 + weir_round8(size);
}

static weir_status
put_text(const struct rig *rig, weir_state *texts, weir_bytes key_bytes, weir_bytes value)
{
    weir_key key = rig_key(rig, text_type(), key_bytes.data, key_bytes.size);
    weir_state_bind(texts, &key);
    weir_status status = weir_value_put(texts, value);
    weir_state_bind(texts, NULL);
    return status;
}

static weir_status
get_text(const struct rig *rig, weir_state *texts, weir_bytes key_bytes, weir_bytes *out_value)
{
    weir_key key = rig_key(rig, text_type(), key_bytes.data, key_bytes.size);
    weir_state_bind(texts, &key);
    weir_status status = weir_value_get(texts, out_value);
    weir_state_bind(texts, NULL);
    return status;
}

TEST(keys_of_every_length_are_told_apart)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, text_type());
    weir_state *counts = rig_state(&rig, backend, "counts", weir_type_of_kind(WEIR_I64));
    static char bytes[600];
    for (size_t round = 0; round < 3; round++) {
        for (size_t size = 0; size < 300; size++) {
            for (size_t letter = 0; letter < 3; letter++) {
                memset(bytes, (int)('a' + letter), sizeof bytes);
                weir_key key = rig_key(&rig, text_type(), bytes + letter, size);
                void *value = NULL;
                bool created = false;
                weir_state_bind(counts, &key);
                assert_ok(weir_value_upsert(counts, &value, &created), NULL);
                assert_int_equal(created, round == 0 && (size != 0 || letter == 0));
                *(int64_t *)value += (int64_t)size + 1;
            }
        }
    }
    assert_int_equal(weir_state_entry_count(counts), 299 * 3 + 1);
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    backend = rig_restore(&rig, text_type(), &file);
    counts = rig_state(&rig, backend, "counts", weir_type_of_kind(WEIR_I64));
    assert_int_equal(weir_state_entry_count(counts), 299 * 3 + 1);
    for (size_t size = 1; size < 300; size++) {
        memset(bytes, 'b', sizeof bytes);
        weir_key key = rig_key(&rig, text_type(), bytes, size);
        const void *value = NULL;
        weir_state_bind(counts, &key);
        assert_ok(weir_value_find(counts, &value), NULL);
        assert_int_equal(*(const int64_t *)value, 3 * (int64_t)(size + 1));
        assert_ok(weir_value_clear(counts), NULL);
    }
    assert_int_equal(weir_state_entry_count(counts), 299 * 2 + 1);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(keys_and_values_are_limited_at_their_limits)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, text_type());
    weir_state *texts = rig_state(&rig, backend, "texts", text_type());
    uint8_t *big = test_calloc(1, WEIR_VALUE_SIZE_MAX + 64);
    uint8_t small[64];
    size_t small_size = text_block(small, 'v', 3);
    weir_bytes value = weir_bytes_of(small, small_size);
    assert_ok(put_text(&rig, texts, weir_bytes_of(big, WEIR_KEY_SIZE_MAX), value), NULL);
    assert_int_equal(put_text(&rig, texts, weir_bytes_of(big, WEIR_KEY_SIZE_MAX + 1), value),
                     WEIR_LIMIT);
    weir_bytes key = weir_bytes_of_text("key");
    size_t big_size = text_block(big, 'x', WEIR_VALUE_SIZE_MAX - 8);
    assert_int_equal(big_size, WEIR_VALUE_SIZE_MAX);
    assert_ok(put_text(&rig, texts, key, weir_bytes_of(big, big_size)), NULL);
    assert_int_equal(put_text(&rig, texts, key, weir_bytes_of(big, big_size + 1)), WEIR_LIMIT);
    assert_int_equal(put_text(&rig, texts, key, weir_bytes_of(big, 4)), WEIR_INVALID);
    weir_bytes found;
    assert_ok(get_text(&rig, texts, key, &found), NULL);
    assert_int_equal(found.size, big_size);
    assert_memory_equal(found.data, big, big_size);
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    backend = rig_restore(&rig, text_type(), &file);
    texts = rig_state(&rig, backend, "texts", text_type());
    assert_ok(get_text(&rig, texts, key, &found), NULL);
    assert_int_equal(found.size, big_size);
    assert_memory_equal(found.data, big, big_size);
    assert_ok(put_text(&rig, texts, key, value), NULL);
    assert_ok(get_text(&rig, texts, key, &found), NULL);
    assert_int_equal(found.size, small_size);
    weir_backend_close(backend);
    test_free(big);
    rig_fini(&rig);
}

TEST(a_value_that_changes_its_size_is_whole_and_its_memory_is_used_again)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, text_type());
    weir_state *texts = rig_state(&rig, backend, "texts", text_type());
    static uint8_t block[70000];
    struct wr_rng rng;
    wr_rng_init(&rng, 3);
    uint64_t settled = 0;
    for (int round = 0; round < 20000; round++) {
        char name[16];
        int size = snprintf(name, sizeof name, "k%d", round % 50);
        size_t length = (size_t)wr_rng_below(&rng, round % 100 == 0 ? 60000 : 900);
        size_t block_size = text_block(block, (char)('a' + round % 26), length);
        assert_ok(put_text(&rig, texts, weir_bytes_of(name, (size_t)size),
                           weir_bytes_of(block, block_size)),
                  NULL);
        weir_bytes found;
        assert_ok(get_text(&rig, texts, weir_bytes_of(name, (size_t)size), &found), NULL);
        assert_int_equal(found.size, block_size);
        assert_memory_equal(found.data, block, block_size);
        if (round == 5000) {
            settled = weir_backend_used_bytes(backend);
        }
    }
    assert_true(weir_backend_used_bytes(backend) < settled * 2);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_put_that_is_refused_leaves_the_old_value)
{
    bool was_refused = true;
    for (uint64_t n = 1; was_refused; n++) {
        struct rig rig;
        struct alloc_fault fault;
        rig_init(&rig);
        alloc_fault_init(&fault, 0, false);
        rig.alloc = alloc_fault_alloc(&fault);
        weir_backend *backend = rig_open(&rig, text_type());
        weir_state *texts = rig_state(&rig, backend, "texts", text_type());
        fault.fail_at = fault.requests + n;
        static uint8_t block[40000];
        for (int i = 0; i < 300; i++) {
            char name[64];
            memset(name, 'n', sizeof name);
            int size = snprintf(name, sizeof name, "a key that is not short %d", i % 60);
            size_t block_size = text_block(block, (char)('a' + i % 26), (size_t)i * 100);
            weir_bytes key = weir_bytes_of(name, (size_t)size);
            weir_bytes before = { 0 };
            weir_status had = get_text(&rig, texts, key, &before);
            static uint8_t kept[40000]; /* what is lent is gone with the next call */
            memcpy(kept, had == WEIR_OK ? before.data : "", had == WEIR_OK ? before.size : 0);
            weir_status status = put_text(&rig, texts, key, weir_bytes_of(block, block_size));
            if (status == WEIR_NOMEM) {
                weir_bytes after = { 0 };
                assert_int_equal(get_text(&rig, texts, key, &after), had);
                assert_int_equal(before.size, after.size);
                assert_true(had != WEIR_OK || memcmp(kept, after.data, after.size) == 0);
                status = put_text(&rig, texts, key, weir_bytes_of(block, block_size));
            }
            assert_ok(status, NULL);
        }
        was_refused = fault.refused != 0;
        weir_backend_close(backend);
        assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
        alloc_fault_fini(&fault);
        rig_fini(&rig);
    }
}

TEST(blocks_that_an_open_snapshot_reads_stay_as_they_are)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 2;
    weir_backend *backend = rig_open(&rig, text_type());
    weir_state *texts = rig_state(&rig, backend, "texts", text_type());
    enum {
        KEYS = 400
    };
    static uint8_t block[4096];
    char name[64];
    for (int i = 0; i < KEYS; i++) {
        int size = snprintf(name, sizeof name, "%.*s%d", i % 20, "ssssssssssssssssssss", i);
        size_t block_size = text_block(block, (char)('a' + i % 26), (size_t)(i * 7 % 3000));
        assert_ok(put_text(&rig, texts, weir_bytes_of(name, (size_t)size),
                           weir_bytes_of(block, block_size)),
                  NULL);
    }
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    bool done = false;
    for (int i = 0; !done; i++) { /* change, remove and make anew between turns */
        assert_ok(weir_backend_snapshot_turn(backend, snapshot, 500, &done, &rig.error),
                  &rig.error);
        rig_io(&rig);
        int at = i * 31 % KEYS;
        int size = snprintf(name, sizeof name, "%.*s%d", at % 20, "ssssssssssssssssssss", at);
        weir_key key = rig_key(&rig, text_type(), name, (size_t)size);
        weir_state_bind(texts, &key);
        assert_ok(weir_value_clear(texts), NULL);
        size_t block_size = text_block(block, 'Z', (size_t)(i * 11 % 3000));
        if (i % 3 != 0) {
            assert_ok(weir_value_put(texts, weir_bytes_of(block, block_size)), NULL);
            assert_ok(weir_value_put(texts, weir_bytes_of(block, block_size)), NULL);
        }
    }
    rig_file_finish(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, true);
    while (weir_backend_idle_turn(backend, 4096)) {
    }
    weir_backend_close(backend);
    backend = rig_restore(&rig, text_type(), &file);
    texts = rig_state(&rig, backend, "texts", text_type());
    assert_int_equal(weir_state_entry_count(texts), KEYS);
    for (int i = 0; i < KEYS; i++) {
        int size = snprintf(name, sizeof name, "%.*s%d", i % 20, "ssssssssssssssssssss", i);
        size_t block_size = text_block(block, (char)('a' + i % 26), (size_t)(i * 7 % 3000));
        weir_bytes found;
        assert_ok(get_text(&rig, texts, weir_bytes_of(name, (size_t)size), &found), NULL);
        assert_int_equal(found.size, block_size);
        assert_memory_equal(found.data, block, block_size);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(the_region_joins_what_is_given_back)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_region region;
    wr_region_init(&region, &alloc, WR_REGION_UNIT);
    enum {
        PIECES = 200
    };
    static uint8_t *pieces[PIECES];
    static size_t sizes[PIECES];
    struct wr_rng rng;
    wr_rng_init(&rng, 5);
    for (int round = 0; round < 20000; round++) {
        size_t at = (size_t)wr_rng_below(&rng, PIECES);
        if (pieces[at] != NULL) {
            for (size_t i = 0; i < sizes[at]; i += 97) {
                assert_int_equal(pieces[at][i], (uint8_t)at);
            }
            wr_region_free(&region, pieces[at], sizes[at]);
        }
        size_t power = (size_t)128 << wr_rng_below(&rng, 12);
        sizes[at] = wr_rng_below(&rng, 2) == 0 ? power : power / 2 * 3;
        if (wr_rng_below(&rng, 10) == 0) {
            sizes[at] = 1 + (size_t)wr_rng_below(&rng, 100000);
        }
        pieces[at] = wr_region_new(&region, sizes[at]);
        assert_non_null(pieces[at]);
        assert_int_equal((uintptr_t)pieces[at] % WR_REGION_UNIT, 0);
        memset(pieces[at], (int)at, sizes[at]);
    }
    for (size_t i = 0; i < PIECES; i++) {
        if (pieces[i] != NULL) {
            wr_region_free(&region, pieces[i], sizes[i]);
        }
    }
    assert_true(fault.live_count <= 2); /* the newest extent and its head */
    void *large = wr_region_new(&region, (size_t)100 << 20);
    assert_non_null(large);
    wr_region_free(&region, large, (size_t)100 << 20);
    assert_true(fault.live_count <= 2);
    wr_region_fini(&region);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
}

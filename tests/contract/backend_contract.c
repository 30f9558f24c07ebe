/* SPDX-License-Identifier: Apache-2.0 */
/* backend_contract: cases that hold for every state backend.
 *
 * They see the public headers and the real snapshot files, nothing of an engine, so that a new
 * engine is tested by one more list of TEST lines.
 */
#include "contract/backend_contract.h"

#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

static void
start(struct rig *rig, const weir_backend_factory *factory)
{
    rig_init(rig);
    rig->factory = factory;
}

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

void
contract_reads_what_was_written(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    for (int64_t i = 0; i < 5000; i++) {
        rig_add(&rig, counts, i, i);
    }
    for (int64_t i = 0; i < 5000; i += 2) {
        rig_clear(&rig, counts, i);
    }
    for (int64_t i = 0; i < 5000; i++) {
        int64_t number = i;
        weir_key key = rig_number(&rig, &number);
        weir_bytes value;
        weir_state_bind(counts, &key);
        weir_status status = weir_value_get(counts, &value);
        assert_int_equal(status, i % 2 == 0 ? WEIR_NOT_FOUND : WEIR_OK);
        if (status == WEIR_OK) {
            assert_int_equal(value.size, 8);
            assert_int_equal(*(const int64_t *)value.data, i);
        }
        int64_t put = i * 2;
        assert_ok(weir_value_put(counts, weir_bytes_of(&put, sizeof put)), NULL);
    }
    for (int64_t i = 0; i < 5000; i++) {
        assert_int_equal(rig_look(&rig, counts, i, -1), i * 2);
    }
    assert_int_equal(weir_state_entry_count(counts), 5000);
    weir_backend_close(backend);
    rig_fini(&rig);
}

void
contract_states_and_keys_are_apart(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *ones = rig_state(&rig, backend, "ones", i64_type());
    weir_state *twos = rig_state(&rig, backend, "twos", i64_type());
    assert_ptr_equal(ones, rig_state(&rig, backend, "ones", i64_type()));
    for (int64_t i = 0; i < 100; i++) {
        rig_add(&rig, ones, i, 1);
        rig_add(&rig, twos, i * 2, 2);
    }
    for (int64_t i = 0; i < 200; i++) {
        assert_int_equal(rig_look(&rig, ones, i, 0), i < 100 ? 1 : 0);
        assert_int_equal(rig_look(&rig, twos, i, 0), i % 2 == 0 ? 2 : 0);
    }
    weir_backend_close(backend);
    weir_backend_close(NULL);
    rig_fini(&rig);
}

struct with_defaults {
    int64_t count;
    double least;
    int32_t flags[16]; /* as words: makes it too wide for a slot */
};

void
contract_defaults_are_the_types(const weir_backend_factory *factory)
{
    static const double least_default = 1e9;
    static const int32_t flag_default = 7;
    static const char *const names[16] = { "f0", "f1", "f2",  "f3",  "f4",  "f5",  "f6",  "f7",
                                           "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15" };
    weir_field fields[18] = { WEIR_FIELD(struct with_defaults, count, I64),
                              WEIR_FIELD(struct with_defaults, least, F64) };
    fields[1].default_value = &least_default;
    for (uint32_t i = 0; i < 16; i++) {
        fields[2 + i] = (weir_field){ names[i], WEIR_I32, 16 + 4 * i, 4, NULL, &flag_default };
    }
    for (size_t flags = 0; flags <= 16; flags += 16) { /* in a slot, and not */
        struct rig rig;
        start(&rig, factory);
        weir_alloc alloc = wr_memory_system();
        weir_type *type = NULL;
        assert_ok(weir_type_create_struct(&alloc, "with_defaults", 16 + 4 * flags, fields,
                                          2 + flags, &type, &rig.error),
                  &rig.error);
        weir_backend *backend = rig_open(&rig, i64_type());
        weir_state *wide = rig_state(&rig, backend, "wide", type);
        weir_type_destroy(type); /* the engine keeps its own */
        for (int64_t i = 0; i < 100; i++) {
            weir_key key = rig_number(&rig, &i);
            void *value = NULL;
            bool created = false;
            weir_state_bind(wide, &key);
            assert_ok(weir_value_upsert(wide, &value, &created), NULL);
            assert_true(created);
            struct with_defaults *made = value;
            assert_int_equal(made->count, 0);
            assert_true(made->least == least_default);
            for (size_t j = 0; j < flags; j++) {
                assert_int_equal(made->flags[j], 7);
            }
            memset(value, 0xff, 16 + 4 * flags);
        }
        weir_backend_close(backend);
        rig_fini(&rig);
    }
}

void
contract_bad_calls_are_answered(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open_range(&rig, i64_type(), 0, 3);
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    weir_state *texts = rig_state(&rig, backend, "texts", weir_type_of_kind(WEIR_STRING));
    void *value = NULL;
    weir_bytes bytes;
    assert_int_equal(weir_value_get(counts, &bytes), WEIR_INVALID); /* no key */
    assert_int_equal(weir_value_clear(counts), WEIR_INVALID);
    assert_int_equal(weir_value_upsert(NULL, &value, NULL), WEIR_INVALID);
    for (int64_t i = 0; i < 50; i++) {
        weir_key key = rig_number(&rig, &i);
        weir_state_bind(counts, &key);
        weir_state_bind(texts, &key);
        if (key.key_group > 3) {
            assert_int_equal(weir_value_upsert(counts, &value, NULL), WEIR_INVALID);
            assert_int_equal(weir_value_get(counts, &bytes), WEIR_INVALID);
            assert_int_equal(weir_value_clear(counts), WEIR_INVALID);
            continue;
        }
        assert_int_equal(weir_value_upsert(texts, &value, NULL), WEIR_INVALID); /* no fixed size */
        assert_int_equal(weir_value_put(counts, weir_bytes_of("1234567", 7)), WEIR_INVALID);
        assert_int_equal(weir_value_put(counts, weir_bytes_of("123456789abc", 12)), WEIR_INVALID);
    }
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_VALUE,
                                         .name = "counts",
                                         .type = weir_type_of_kind(WEIR_F64) };
    assert_int_equal(weir_backend_create_state(backend, &descriptor, &counts, &rig.error),
                     WEIR_VERSION);
    descriptor.name = "";
    assert_int_equal(weir_backend_create_state(backend, &descriptor, &counts, &rig.error),
                     WEIR_INVALID);
    weir_backend_close(backend);
    rig_fini(&rig);
}

void
contract_batches_agree_with_single_calls(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, weir_type_of_kind(WEIR_STRING));
    weir_state *single = rig_state(&rig, backend, "single", i64_type());
    weir_state *batched = rig_state(&rig, backend, "batched", i64_type());
    enum {
        BATCH = 200
    };
    static char names[BATCH][40];
    static weir_key keys[BATCH];
    static void *values[BATCH];
    struct wr_rng rng;
    wr_rng_init(&rng, 11);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < BATCH; i++) {
            int size =
                snprintf(names[i], sizeof names[i], "word%.*s-%u", (int)wr_rng_below(&rng, 2) * 20,
                         "xxxxxxxxxxxxxxxxxxxx", (unsigned)wr_rng_below(&rng, 300));
            keys[i] = rig_key(&rig, weir_type_of_kind(WEIR_STRING), names[i], (size_t)size);
            void *value = NULL;
            weir_state_bind(single, &keys[i]);
            assert_ok(weir_value_upsert(single, &value, NULL), NULL);
            *(int64_t *)value += i;
        }
        weir_state_prefetch(batched, keys, BATCH);
        assert_ok(weir_state_upsert_many(batched, keys, BATCH, values), NULL);
        for (int i = 0; i < BATCH; i++) {
            *(int64_t *)values[i] += i;
        }
        for (int i = 0; i < BATCH; i++) {
            const void *one = NULL;
            weir_state_bind(single, &keys[i]);
            assert_ok(weir_value_find(single, &one), NULL);
            assert_int_equal(*(const int64_t *)one, *(const int64_t *)values[i]);
        }
    }
    assert_ok(weir_state_upsert_many(batched, NULL, 0, NULL), NULL);
    assert_int_equal(weir_state_entry_count(single), weir_state_entry_count(batched));
    weir_backend_close(backend);
    rig_fini(&rig);
}

static weir_status
stop_at_ten(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    (void)value;
    return ++*(int *)argument == 10 ? WEIR_USER : WEIR_OK;
}

void
contract_iterate_stops_at_the_first_failure(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    int visited = 0;
    assert_ok(weir_state_iterate(counts, stop_at_ten, &visited), NULL);
    for (int64_t i = 0; i < 100; i++) {
        rig_add(&rig, counts, i, 1);
    }
    assert_int_equal(weir_state_iterate(counts, stop_at_ten, &visited), WEIR_USER);
    assert_int_equal(visited, 10);
    weir_backend_close(backend);
    rig_fini(&rig);
}

void
contract_every_type_survives_a_snapshot(const weir_backend_factory *factory)
{
    static const weir_kind kinds[] = { WEIR_BOOL, WEIR_I8,  WEIR_U8,  WEIR_I16, WEIR_U16, WEIR_I32,
                                       WEIR_U32,  WEIR_I64, WEIR_U64, WEIR_F32, WEIR_F64 };
    enum {
        KINDS = sizeof kinds / sizeof kinds[0]
    };
    for (size_t key_kind = 0; key_kind < KINDS; key_kind++) {
        struct rig rig;
        start(&rig, factory);
        const weir_type *key_type = weir_type_of_kind(kinds[key_kind]);
        size_t key_size = weir_type_fixed_size(key_type);
        weir_backend *backend = rig_open(&rig, key_type);
        struct rig_file file;
        for (int round = 0; round < 2; round++) { /* written, and then read */
            for (size_t kind = 0; kind < KINDS; kind++) {
                const weir_type *type = weir_type_of_kind(kinds[kind]);
                weir_state *values = rig_state(&rig, backend, weir_type_name(type), type);
                for (uint64_t i = 0; i < (key_size == 1 ? 2u : 40u); i++) {
                    weir_key key = rig_key(&rig, key_type, &i, key_size);
                    uint64_t expected = i & 1;
                    weir_state_bind(values, &key);
                    if (round == 0) {
                        assert_ok(weir_value_put(
                                      values, weir_bytes_of(&expected, weir_type_fixed_size(type))),
                                  NULL);
                    }
                    weir_bytes found;
                    assert_ok(weir_value_get(values, &found), NULL);
                    assert_int_equal(found.size, weir_type_fixed_size(type));
                    assert_memory_equal(found.data, &expected, found.size);
                }
            }
            if (round == 0) {
                rig_snapshot(&rig, backend, 1, &file);
                weir_backend_close(backend);
                backend = rig_restore(&rig, key_type, &file);
            }
        }
        weir_backend_close(backend);
        rig_fini(&rig);
    }
}

void
contract_a_snapshot_is_of_its_moment(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    for (int64_t i = 0; i < 2000; i++) {
        rig_add(&rig, counts, i, i);
    }
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    rig_state(&rig, backend, "made later", i64_type());
    bool done = false;
    for (int64_t i = 0; !done; i++) {
        rig_add(&rig, counts, i % 2000, 1);
        rig_clear(&rig, counts, 1999 - i % 2000);
        rig_add(&rig, counts, 2000 + i, 1);
        assert_ok(weir_backend_snapshot_turn(backend, snapshot, 300, &done, &rig.error),
                  &rig.error);
        rig_io(&rig);
    }
    rig_file_finish(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, true);
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &file);
    counts = rig_state(&rig, backend, "counts", i64_type());
    assert_int_equal(weir_state_entry_count(counts), 2000);
    for (int64_t i = 0; i < 2000; i++) {
        assert_int_equal(rig_look(&rig, counts, i, -1), i);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

void
contract_an_aborted_snapshot_changes_nothing(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    struct rig_file file;
    for (int64_t round = 0; round < 30; round++) {
        for (int64_t i = 0; i < 1000; i++) {
            rig_add(&rig, counts, i, 1);
        }
        weir_snapshot *snapshot = NULL;
        bool done = false;
        rig_file_begin(&rig, &file, (uint64_t)round + 1, 4096);
        assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
        for (int64_t i = 0; i < round && !done; i++) {
            assert_ok(weir_backend_snapshot_turn(backend, snapshot, 600, &done, &rig.error),
                      &rig.error);
            rig_io(&rig);
            rig_add(&rig, counts, i, 0);
        }
        rig_file_abort(&rig, &file);
        weir_backend_snapshot_end(backend, snapshot, false);
    }
    rig_snapshot(&rig, backend, 100, &file);
    while (weir_backend_idle_turn(backend, 1000)) {
    }
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &file);
    counts = rig_state(&rig, backend, "counts", i64_type());
    for (int64_t i = 0; i < 1000; i++) {
        assert_int_equal(rig_look(&rig, counts, i, -1), 30);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

void
contract_any_parallelism_restores(const weir_backend_factory *factory)
{
    static const uint32_t parallelisms[] = { 1, 2, 3, 5, 7, 8 };
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    for (int64_t i = 0; i < 3000; i++) {
        rig_add(&rig, counts, i, i);
    }
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    for (size_t p = 0; p < sizeof parallelisms / sizeof parallelisms[0]; p++) {
        uint64_t total = 0;
        for (uint32_t i = 0; i < parallelisms[p]; i++) {
            uint32_t first = (i * rig.max_parallelism + parallelisms[p] - 1) / parallelisms[p];
            uint32_t last = ((i + 1) * rig.max_parallelism - 1) / parallelisms[p];
            backend = rig_restore_range(&rig, i64_type(), &file, first, last);
            counts = rig_state(&rig, backend, "counts", i64_type());
            total += weir_state_entry_count(counts);
            for (int64_t j = 0; j < 3000; j++) {
                weir_key key = rig_number(&rig, &j);
                if (key.key_group >= first && key.key_group <= last) {
                    assert_int_equal(rig_look(&rig, counts, j, -1), j);
                }
            }
            weir_backend_close(backend);
        }
        assert_int_equal(total, 3000);
    }
    rig_fini(&rig);
}

void
contract_close_ends_open_snapshots(const weir_backend_factory *factory)
{
    struct rig rig;
    struct alloc_fault fault;
    start(&rig, factory);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    rig.copies = rig.alloc;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    bool done = false;
    for (int64_t i = 0; i < 500; i++) {
        rig_add(&rig, counts, i, i);
    }
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    assert_ok(weir_backend_snapshot_turn(backend, snapshot, 100, &done, &rig.error), &rig.error);
    for (int64_t i = 0; i < 500; i++) {
        rig_add(&rig, counts, i, 1);
    }
    weir_backend_close(backend);
    rig_file_abort(&rig, &file);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

/* Restores from a changed file: no crash, and a failure wherever its reader can tell. */
void
contract_a_damaged_block_is_refused(const weir_backend_factory *factory)
{
    struct rig rig;
    start(&rig, factory);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    weir_state *texts = rig_state(&rig, backend, "texts", weir_type_of_kind(WEIR_STRING));
    for (int64_t i = 0; i < 20; i++) {
        rig_add(&rig, counts, i, i);
        weir_key key = rig_number(&rig, &i);
        uint64_t block[3] = { 8 | (UINT64_C(12) << 32), UINT64_C(0x6161616161616161), 0x61616161 };
        weir_state_bind(texts, &key);
        assert_ok(weir_value_put(texts, weir_bytes_of(block, sizeof block)), NULL);
    }
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    char path[64];
    rig_path(1, path);
    size_t size = 0;
    const uint8_t *bytes = os_sim_file_get(rig.sim, path, &size);
    uint8_t *damaged = test_malloc(size);
    memcpy(damaged, bytes, size);
    for (size_t at = 128; at < size; at += 3) {
        damaged[at] ^= (uint8_t)(1u << (at % 8));
        os_sim_file_put(rig.sim, path, damaged, size);
        backend = rig_open(&rig, i64_type());
        struct wr_state_file_open parameters = { .os = rig.os,
                                                 .alloc = wr_memory_system(),
                                                 .path = path,
                                                 .identity = rig_identity(1),
                                                 .size = size,
                                                 .crc = file.result.crc,
                                                 .key_group_last = rig.max_parallelism - 1 };
        weir_block_reader *reader = NULL;
        weir_status status = wr_state_file_open(&parameters, &reader, &rig.error);
        if (status == WEIR_OK) {
            status = weir_backend_restore(backend, reader, &rig.error);
        }
        assert_int_not_equal(status, WEIR_OK);
        assert_int_not_equal(rig.error.message[0], 0);
        wr_state_file_close(reader);
        weir_backend_close(backend);
        damaged[at] ^= (uint8_t)(1u << (at % 8));
    }
    test_free(damaged);
    rig_fini(&rig);
}

void
contract_no_memory_leaks(const weir_backend_factory *factory)
{
    bool was_refused = true;
    for (uint64_t n = 1; was_refused; n++) { /* every allocation of a small life fails once */
        struct rig rig;
        struct alloc_fault fault;
        start(&rig, factory);
        alloc_fault_init(&fault, n, false);
        weir_backend_parameters parameters = { .size = sizeof parameters,
                                               .max_parallelism = rig.max_parallelism,
                                               .key_group_last = rig.max_parallelism - 1,
                                               .state_alloc = alloc_fault_alloc(&fault),
                                               .snapshot_alloc = alloc_fault_alloc(&fault),
                                               .key_type = i64_type(),
                                               .hash_seed = rig.seed,
                                               .operator_name = "counts" };
        weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                             .kind = WEIR_STATE_VALUE,
                                             .name = "counts",
                                             .type = i64_type() };
        weir_backend *backend = NULL;
        weir_state *counts = NULL;
        if (weir_backend_open(factory, &parameters, &backend, &rig.error) == WEIR_OK &&
            weir_backend_create_state(backend, &descriptor, &counts, &rig.error) == WEIR_OK) {
            for (int64_t i = 0; i < 300; i++) {
                weir_key key = rig_number(&rig, &i);
                void *value = NULL;
                weir_state_bind(counts, &key);
                weir_status status = weir_value_upsert(counts, &value, NULL);
                assert_true(status == WEIR_OK || status == WEIR_NOMEM);
            }
            struct rig_file file;
            weir_snapshot *snapshot = NULL;
            rig_file_begin(&rig, &file, n, 4096);
            if (full_snapshot_begin(backend, file.writer, &snapshot, &rig.error) == WEIR_OK) {
                bool done = false;
                weir_status status = WEIR_OK;
                while (!done && status == WEIR_OK) {
                    status = weir_backend_snapshot_turn(backend, snapshot, 800, &done, &rig.error);
                    rig_io(&rig);
                }
                weir_backend_snapshot_end(backend, snapshot, false);
            }
            rig_file_abort(&rig, &file);
        }
        weir_backend_close(backend);
        was_refused = fault.refused != 0;
        assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
        alloc_fault_fini(&fault);
        rig_fini(&rig);
    }
}

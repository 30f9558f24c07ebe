/* SPDX-License-Identifier: Apache-2.0 */
/* state_model: the oracle is one number a key: 0 is "not there", any other says what its value
 * must be.
 *
 *   operation --> backend
 *       '-------> oracle[key]
 *
 * At a snapshot's begin the whole array is kept, and what is restored from its file, at some other
 * parallelism, must equal it. Keys are few and tables tiny, so that growing, shrinking, removal
 * and copies happen all the time; up to three snapshots are open at once, memory is refused now
 * and then, and the io thread is late.
 */
#include "model/state_model.h"

#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

#include <stdlib.h>

enum {
    KEYS_MOST = 3000,
    OPEN_MOST = 3,
    BATCH_MOST = 64,
    VALUE_MOST = 512,
    KEY_MOST = 64
};

enum key_shape {
    KEY_I64,
    KEY_I32,
    KEY_PAIR,
    KEY_STRING,
    KEY_SHAPES
};
enum value_shape {
    VALUE_I64,
    VALUE_I16,
    VALUE_48,
    VALUE_56,
    VALUE_STRING,
    VALUE_SHAPES
};

struct open_snapshot {
    weir_snapshot *snapshot; /* NULL: free */
    struct rig_file file;
    bool done;
    uint64_t oracle[KEYS_MOST];
};

struct model {
    struct rig rig;
    struct wr_rng rng;
    struct alloc_fault state_fault;
    struct alloc_fault copy_fault;
    enum key_shape key_shape;
    enum value_shape value_shape;
    weir_type *key_struct;
    weir_type *value_struct;
    const weir_type *key_type;
    const weir_type *value_type;
    weir_backend *backend;
    weir_state *state;
    uint32_t key_count;
    uint64_t next_file;
    uint64_t oracle[KEYS_MOST];
    struct open_snapshot open[OPEN_MOST];
    struct state_model_counts counts;
};

/* For the line that replays a failure. */
static uint64_t running_seed;
static uint64_t running_operations;

__attribute__((destructor)) static void
print_replay(void)
{
    if (running_operations != 0) {
        fprintf(stderr, "replay: state_model --seed=0x%llx --operations=%llu\n",
                (unsigned long long)running_seed, (unsigned long long)running_operations);
    }
}

static void
expect(bool fact, const char *what, int line)
{
    if (!fact) {
        fprintf(stderr, "state_model.c:%d: not so: %s\n", line, what);
        exit(1);
    }
}
#define EXPECT(fact) expect((fact), #fact, __LINE__)

/* --- what keys and values look like --- */

static weir_key
key_of(const struct model *model, uint32_t number, uint8_t bytes[KEY_MOST])
{
    size_t size = 0;
    int64_t wide = (int64_t)number * 1000003;
    memset(bytes, 0, KEY_MOST);
    switch (model->key_shape) {
    case KEY_I64:
        memcpy(bytes, &wide, size = 8);
        break;
    case KEY_I32:
        memcpy(bytes, &number, size = 4);
        break;
    case KEY_PAIR:
        memcpy(bytes, &wide, 8);
        memcpy(bytes + 8, &number, 4);
        size = 16;
        break;
    case KEY_STRING: /* 1 to 40 bytes: in the slot and in the slab */
        size = (size_t)snprintf((char *)bytes, KEY_MOST, "%u%.*s", number, (int)(number * 7 % 36),
                                "abcdefghijklmnopqrstuvwxyzabcdefghijkl");
        break;
    case KEY_SHAPES:
    default:
        abort();
    }
    return rig_key(&model->rig, model->key_type, bytes, size);
}

/* The value that a number stands for; returns its size. */
static size_t
value_of(const struct model *model, uint64_t number, uint8_t bytes[VALUE_MOST])
{
    size_t size = weir_type_fixed_size(model->value_type);
    memset(bytes, 0, VALUE_MOST);
    if (model->value_shape == VALUE_STRING) {
        weir_string head = { 8, (uint32_t)(number % 400) };
        memcpy(bytes, &head, sizeof head);
        memset(bytes + 8, (int)('a' + number % 26), head.size);
        return 8 + weir_round8(head.size);
    }
    for (size_t at = 0; number != 1 && at < size; at += 2) { /* 1: the type's defaults */
        uint16_t part = (uint16_t)(number * (at + 1));
        memcpy(bytes + at, &part, 2);
    }
    return size;
}

static bool
is_value(const struct model *model, uint64_t number, const void *data, size_t size)
{
    uint8_t expected[VALUE_MOST];
    size_t expected_size = value_of(model, number, expected);
    return size == expected_size && memcmp(data, expected, size) == 0;
}

static uint64_t
new_number(struct model *model)
{
    return 2 + wr_rng_below(&model->rng, 1u << 20);
}

static bool
is_fixed(const struct model *model)
{
    return model->value_shape != VALUE_STRING;
}

/* --- single operations --- */

static void
run_find(struct model *model, uint32_t number)
{
    uint8_t bytes[KEY_MOST];
    weir_key key = key_of(model, number, bytes);
    weir_state_bind(model->state, &key);
    weir_bytes value;
    weir_status status = weir_value_get(model->state, &value);
    if (model->oracle[number] == 0) {
        EXPECT(status == WEIR_NOT_FOUND);
    } else {
        EXPECT(status == WEIR_OK);
        EXPECT(is_value(model, model->oracle[number], value.data, value.size));
    }
}

static void
run_upsert(struct model *model, uint32_t number)
{
    uint8_t bytes[KEY_MOST];
    weir_key key = key_of(model, number, bytes);
    weir_state_bind(model->state, &key);
    void *value = NULL;
    bool created = false;
    weir_status status = weir_value_upsert(model->state, &value, &created);
    if (!is_fixed(model)) {
        EXPECT(status == WEIR_INVALID);
        return;
    }
    if (status == WEIR_NOMEM) {
        model->counts.refused++;
        run_find(model, number);
        return;
    }
    EXPECT(status == WEIR_OK);
    EXPECT(created == (model->oracle[number] == 0));
    size_t size = weir_type_fixed_size(model->value_type);
    EXPECT(is_value(model, created ? 1 : model->oracle[number], value, size));
    uint8_t fresh[VALUE_MOST];
    model->oracle[number] = new_number(model);
    memcpy(value, fresh, value_of(model, model->oracle[number], fresh));
}

static void
run_put(struct model *model, uint32_t number)
{
    uint8_t bytes[KEY_MOST];
    uint8_t value[VALUE_MOST];
    weir_key key = key_of(model, number, bytes);
    uint64_t fresh = new_number(model);
    size_t size = value_of(model, fresh, value);
    weir_state_bind(model->state, &key);
    weir_status status = weir_value_put(model->state, weir_bytes_of(value, size));
    if (status == WEIR_NOMEM) {
        model->counts.refused++;
        run_find(model, number);
        return;
    }
    EXPECT(status == WEIR_OK);
    model->oracle[number] = fresh;
}

static void
run_remove(struct model *model, uint32_t number)
{
    uint8_t bytes[KEY_MOST];
    weir_key key = key_of(model, number, bytes);
    weir_state_bind(model->state, &key);
    EXPECT(weir_value_clear(model->state) == WEIR_OK);
    model->oracle[number] = 0;
}

/* Entries that a refused batch has made stay, with defaults. */
static void
after_refused_batch(struct model *model, const uint32_t *numbers, size_t count)
{
    model->counts.refused++;
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[KEY_MOST];
        weir_key key = key_of(model, numbers[i], bytes);
        weir_bytes value;
        weir_state_bind(model->state, &key);
        if (model->oracle[numbers[i]] == 0 && weir_value_get(model->state, &value) == WEIR_OK) {
            model->oracle[numbers[i]] = 1;
        }
        run_find(model, numbers[i]);
    }
}

static void
run_batch(struct model *model)
{
    static uint8_t bytes[BATCH_MOST][KEY_MOST];
    static uint32_t numbers[BATCH_MOST];
    static weir_key keys[BATCH_MOST];
    static void *values[BATCH_MOST];
    size_t count = (size_t)wr_rng_below(&model->rng, BATCH_MOST + 1);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (uint32_t)wr_rng_below(&model->rng, model->key_count);
        keys[i] = key_of(model, numbers[i], bytes[i]);
    }
    if (!is_fixed(model)) {
        return;
    }
    weir_state_prefetch(model->state, keys, count);
    weir_status status = weir_state_upsert_many(model->state, keys, count, values);
    if (status == WEIR_NOMEM) {
        after_refused_batch(model, numbers, count);
        return;
    }
    EXPECT(status == WEIR_OK);
    size_t size = weir_type_fixed_size(model->value_type);
    for (size_t i = 0; i < count; i++) {
        uint64_t had = model->oracle[numbers[i]];
        EXPECT(is_value(model, had != 0 ? had : 1, values[i], size));
        uint8_t fresh[VALUE_MOST];
        model->oracle[numbers[i]] = new_number(model);
        memcpy(values[i], fresh, value_of(model, model->oracle[numbers[i]], fresh));
    }
    for (size_t i = 0; i < count; i++) { /* all pointers are still good */
        EXPECT(is_value(model, model->oracle[numbers[i]], values[i], size));
    }
}

/* --- all entries --- */

struct comparison {
    const struct model *model;
    const uint64_t *oracle;
    bool seen[KEYS_MOST];
    uint64_t count;
};

static uint32_t
number_of(const struct model *model, const weir_key *key)
{
    uint32_t number = 0;
    int64_t wide = 0;
    switch (model->key_shape) {
    case KEY_I64:
        memcpy(&wide, key->data, 8);
        return (uint32_t)(wide / 1000003);
    case KEY_I32:
        memcpy(&number, key->data, 4);
        return number;
    case KEY_PAIR:
        memcpy(&number, (const uint8_t *)key->data + 8, 4);
        return number;
    case KEY_STRING:
        for (const char *at = key->data;
             number < KEYS_MOST && at < (const char *)key->data + key->size && *at >= '0' &&
             *at <= '9';
             at++) {
            number = number * 10 + (uint32_t)(*at - '0');
        }
        return number;
    case KEY_SHAPES:
    default:
        abort();
    }
}

static weir_status
compare_entry(void *argument, const weir_key *key, weir_bytes value)
{
    struct comparison *comparison = argument;
    uint32_t number = number_of(comparison->model, key);
    EXPECT(number < comparison->model->key_count);
    EXPECT(!comparison->seen[number]);
    EXPECT(comparison->oracle[number] != 0);
    EXPECT(is_value(comparison->model, comparison->oracle[number], value.data, value.size));
    uint8_t bytes[KEY_MOST];
    weir_key made = key_of(comparison->model, number, bytes);
    EXPECT(made.hash == key->hash && made.key_group == key->key_group && made.size == key->size);
    comparison->seen[number] = true;
    comparison->count++;
    return WEIR_OK;
}

static void
compare_all(const struct model *model, weir_state *state, struct comparison *comparison)
{
    uint64_t before = comparison->count;
    EXPECT(weir_state_iterate(state, compare_entry, comparison) == WEIR_OK);
    EXPECT(comparison->count - before == weir_state_entry_count(state));
    (void)model;
}

static void
expect_all(const struct comparison *comparison)
{
    for (uint32_t i = 0; i < comparison->model->key_count; i++) {
        EXPECT(comparison->seen[i] == (comparison->oracle[i] != 0));
    }
}

static void
run_iterate(struct model *model)
{
    struct comparison comparison = { .model = model, .oracle = model->oracle };
    compare_all(model, model->state, &comparison);
    expect_all(&comparison);
}

/* --- snapshots --- */

static void
run_begin(struct model *model)
{
    struct open_snapshot *open = &model->open[wr_rng_below(&model->rng, OPEN_MOST)];
    if (open->snapshot != NULL) {
        return;
    }
    rig_file_begin(&model->rig, &open->file, model->next_file++, 4096);
    weir_status status =
        full_snapshot_begin(model->backend, open->file.writer, &open->snapshot, &model->rig.error);
    if (status == WEIR_NOMEM) {
        open->snapshot = NULL;
        rig_file_abort(&model->rig, &open->file);
        return;
    }
    EXPECT(status == WEIR_OK);
    open->done = false;
    memcpy(open->oracle, model->oracle, sizeof model->oracle);
}

static void
run_abort(struct model *model, struct open_snapshot *open)
{
    rig_file_abort(&model->rig, &open->file);
    weir_backend_snapshot_end(model->backend, open->snapshot, false);
    open->snapshot = NULL;
    model->counts.aborted++;
}

static void
run_turn(struct model *model)
{
    struct open_snapshot *open = &model->open[wr_rng_below(&model->rng, OPEN_MOST)];
    if (open->snapshot == NULL || open->done) {
        return;
    }
    size_t budget = (size_t)wr_rng_below(&model->rng, 1u << wr_rng_below(&model->rng, 15));
    weir_status status = weir_backend_snapshot_turn(model->backend, open->snapshot, budget,
                                                    &open->done, &model->rig.error);
    if (status == WEIR_NOMEM) { /* a copy found none */
        run_abort(model, open);
        return;
    }
    EXPECT(status == WEIR_OK);
}

static void
compare_restored(struct model *model, const struct open_snapshot *open)
{
    struct rig *rig = &model->rig;
    struct comparison comparison = { .model = model, .oracle = open->oracle };
    uint32_t parts = 1 + (uint32_t)wr_rng_below(&model->rng, rig->max_parallelism);
    if (wr_rng_below(&model->rng, 8) == 0) {
        rig->seed++; /* images do not fit: slot by slot */
    }
    uint64_t restored_seed = rig->seed;
    for (uint32_t part = 0; part < parts; part++) {
        uint32_t first = (part * rig->max_parallelism + parts - 1) / parts;
        uint32_t last = ((part + 1) * rig->max_parallelism - 1) / parts;
        weir_backend *restored = rig_restore_range(rig, model->key_type, &open->file, first, last);
        weir_state *state = rig_state(rig, restored, "state", model->value_type);
        compare_all(model, state, &comparison);
        weir_backend_close(restored);
    }
    expect_all(&comparison);
    rig->seed = restored_seed;
}

/* Goes on with what was restored, as after a failure. */
static void
fail_over(struct model *model, const struct open_snapshot *from)
{
    for (size_t i = 0; i < OPEN_MOST; i++) {
        if (model->open[i].snapshot != NULL) {
            run_abort(model, &model->open[i]);
        }
    }
    weir_backend_close(model->backend);
    model->backend = rig_restore(&model->rig, model->key_type, &from->file);
    model->state = rig_state(&model->rig, model->backend, "state", model->value_type);
    memcpy(model->oracle, from->oracle, sizeof model->oracle);
}

static void
run_complete(struct model *model)
{
    struct open_snapshot *open = &model->open[wr_rng_below(&model->rng, OPEN_MOST)];
    if (open->snapshot == NULL || !open->done) {
        return;
    }
    uint64_t fail_at = model->state_fault.fail_at; /* restoring is not what is being refused here */
    model->state_fault.fail_at = 0;
    rig_file_finish(&model->rig, &open->file);
    weir_backend_snapshot_end(model->backend, open->snapshot, true);
    open->snapshot = NULL;
    model->counts.snapshots++;
    uint64_t seed = model->rig.seed;
    compare_restored(model, open);
    if (wr_rng_below(&model->rng, 6) == 0) {
        fail_over(model, open);
    } else {
        model->rig.seed = seed; /* the live backend keeps its own */
    }
    rig_file_drop(&model->rig, &open->file);
    model->state_fault.fail_at = fail_at;
}

static void
run_refusals(struct model *model)
{
    bool is_refusing = wr_rng_below(&model->rng, 2) == 0;
    model->state_fault.fail_at = is_refusing ? 1 : 0;
    model->state_fault.sticky = true;
    model->copy_fault.fail_at = wr_rng_below(&model->rng, 2);
    model->copy_fault.sticky = true;
}

/* --- the run --- */

static void
step(struct model *model)
{
    uint32_t number = (uint32_t)wr_rng_below(&model->rng, model->key_count);
    uint64_t dice = wr_rng_below(&model->rng, 1000);
    if (dice < 300) {
        run_upsert(model, number);
    } else if (dice < 500) {
        run_put(model, number);
    } else if (dice < 700) {
        run_find(model, number);
    } else if (dice < 880) {
        run_remove(model, number);
    } else if (dice < 910) {
        run_batch(model);
    } else if (dice < 960) {
        run_turn(model);
    } else if (dice < 972) {
        run_begin(model);
    } else if (dice < 985) {
        run_complete(model);
    } else if (dice < 990) {
        rig_io(&model->rig);
    } else if (dice < 992) {
        struct open_snapshot *open = &model->open[wr_rng_below(&model->rng, OPEN_MOST)];
        if (open->snapshot != NULL) {
            run_abort(model, open);
        }
    } else if (dice < 997) {
        weir_backend_idle_turn(model->backend, (size_t)wr_rng_below(&model->rng, 5000));
    } else if (dice < 998) {
        run_iterate(model);
    } else {
        run_refusals(model);
    }
    model->counts.operations++;
}

static weir_type *
struct_of(const char *name, size_t words)
{
    static const char *const names[7] = { "a", "b", "c", "d", "e", "f", "g" };
    weir_field fields[7];
    for (size_t i = 0; i < words; i++) {
        fields[i] = (weir_field){ names[i], WEIR_I64, (uint32_t)i * 8, 8, NULL, NULL };
    }
    weir_alloc alloc = wr_memory_system();
    weir_type *type = NULL;
    EXPECT(weir_type_create_struct(&alloc, name, words * 8, fields, words, &type, NULL) == WEIR_OK);
    return type;
}

static void
choose_types(struct model *model)
{
    static const weir_kind key_kinds[KEY_SHAPES] = {
        [KEY_I64] = WEIR_I64, [KEY_I32] = WEIR_I32, [KEY_STRING] = WEIR_STRING
    };
    static const weir_kind value_kinds[VALUE_SHAPES] = {
        [VALUE_I64] = WEIR_I64, [VALUE_I16] = WEIR_I16, [VALUE_STRING] = WEIR_STRING
    };
    model->key_shape = (enum key_shape)wr_rng_below(&model->rng, KEY_SHAPES);
    model->value_shape = (enum value_shape)wr_rng_below(&model->rng, VALUE_SHAPES);
    if (model->key_shape == KEY_PAIR) {
        model->key_struct = struct_of("pair", 2);
    }
    if (model->value_shape == VALUE_48 || model->value_shape == VALUE_56) {
        model->value_struct = struct_of("wide", model->value_shape == VALUE_48 ? 6 : 7);
    }
    model->key_type = model->key_struct != NULL ? model->key_struct
                                                : weir_type_of_kind(key_kinds[model->key_shape]);
    model->value_type = model->value_struct != NULL
                            ? model->value_struct
                            : weir_type_of_kind(value_kinds[model->value_shape]);
}

static void
finish(struct model *model)
{
    for (size_t i = 0; i < OPEN_MOST; i++) {
        if (model->open[i].snapshot != NULL) {
            run_abort(model, &model->open[i]);
        }
    }
    run_iterate(model);
    weir_backend_close(model->backend);
    EXPECT(alloc_fault_leaks(&model->state_fault, stderr) == 0);
    EXPECT(alloc_fault_leaks(&model->copy_fault, stderr) == 0);
    alloc_fault_fini(&model->state_fault);
    alloc_fault_fini(&model->copy_fault);
    weir_type_destroy(model->key_struct);
    weir_type_destroy(model->value_struct);
    rig_fini(&model->rig);
}

void
state_model_run(uint64_t seed, uint64_t operations, struct state_model_counts *counts)
{
    static const uint32_t parallelisms[5] = { 1, 2, 3, 5, 8 };
    running_seed = seed;
    running_operations = operations;
    static struct model model;
    memset(&model, 0, sizeof model);
    wr_rng_init(&model.rng, seed);
    rig_init(&model.rig);
    alloc_fault_init(&model.state_fault, 0, false);
    alloc_fault_init(&model.copy_fault, 0, false);
    model.rig.alloc = alloc_fault_alloc(&model.state_fault);
    model.rig.copies = alloc_fault_alloc(&model.copy_fault);
    model.rig.seed = wr_rng_next(&model.rng);
    model.rig.max_parallelism = parallelisms[wr_rng_below(&model.rng, 5)];
    model.key_count =
        1 + (uint32_t)wr_rng_below(&model.rng, 1u << (1 + wr_rng_below(&model.rng, 11)));
    model.key_count = model.key_count < KEYS_MOST ? model.key_count : KEYS_MOST;
    choose_types(&model);
    model.backend = rig_open(&model.rig, model.key_type);
    model.state = rig_state(&model.rig, model.backend, "state", model.value_type);
    if (wr_rng_below(&model.rng, 3) == 0) {
        run_refusals(&model);
    }
    while (model.counts.operations < operations) {
        step(&model);
    }
    finish(&model);
    counts->operations += model.counts.operations;
    counts->snapshots += model.counts.snapshots;
    counts->aborted += model.counts.aborted;
    counts->refused += model.counts.refused;
    running_operations = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* panes: namespaces that are cleared whole, also while tables grow and snapshots read. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

#include "state/key_hash.h"

enum {
    KEYS = 400,
    NAMES = 24
};

/* A value state of (key, namespace) and what should stand in it. */
struct model {
    struct rig *rig;
    weir_state *state;
    size_t count;
    int64_t value[KEYS][NAMES]; /* 0: none */
};

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

static weir_state *
window_state(struct rig *rig, weir_backend *backend, const weir_type *type, bool is_pane)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_VALUE,
                                         .name = "windows",
                                         .type = type,
                                         .namespace_type = i64_type(),
                                         .namespace_is_pane = is_pane };
    weir_state *state = NULL;
    assert_ok(backend->ops->create_state(backend, &descriptor, &state, &rig->error), &rig->error);
    return state;
}

static weir_key
window_key(const struct rig *rig, int64_t parts[2], int64_t number, int64_t name)
{
    parts[0] = number;
    parts[1] = name * 1000;
    weir_key key = rig_key(rig, i64_type(), parts, 8);
    key.size = 16;
    key.hash = wr_key_hash(parts, 16, rig->seed);
    return key;
}

static weir_status
put(struct model *model, int64_t number, int64_t name, int64_t value)
{
    int64_t parts[2];
    weir_key key = window_key(model->rig, parts, number, name);
    weir_status status =
        model->state->backend->ops->put(model->state, &key, weir_bytes_of(&value, sizeof value));
    if (status == WEIR_OK) {
        model->count += model->value[number][name] == 0;
        model->value[number][name] = value;
    }
    return status;
}

static void
take(struct model *model, int64_t number, int64_t name)
{
    int64_t parts[2];
    weir_key key = window_key(model->rig, parts, number, name);
    assert_ok(model->state->backend->ops->remove(model->state, &key), NULL);
    model->count -= model->value[number][name] != 0;
    model->value[number][name] = 0;
}

static void
clear(struct model *model, int64_t name)
{
    int64_t bytes = name * 1000;
    assert_ok(model->state->backend->ops->clear_namespace(model->state, weir_bytes_of(&bytes, 8)),
              NULL);
    for (int64_t number = 0; number < KEYS; number++) {
        model->count -= model->value[number][name] != 0;
        model->value[number][name] = 0;
    }
}

static weir_status
check_entry(void *argument, const weir_key *key, weir_bytes item)
{
    struct model *model = argument;
    int64_t parts[2];
    assert_int_equal(key->size, 16);
    memcpy(parts, key->data, 16);
    assert_int_equal(rig_number(model->rig, &parts[0]).key_group, key->key_group);
    int64_t value;
    memcpy(&value, item.data, sizeof value);
    assert_int_equal(value, model->value[parts[0]][parts[1] / 1000]);
    return WEIR_OK;
}

static void
check(struct model *model)
{
    const weir_backend_ops *ops = model->state->backend->ops;
    size_t found = 0;
    for (int64_t number = 0; number < KEYS; number++) {
        for (int64_t name = 0; name < NAMES; name++) {
            int64_t parts[2];
            weir_key key = window_key(model->rig, parts, number, name);
            weir_bytes item;
            weir_status status = ops->find(model->state, &key, &item);
            assert_int_equal(status, model->value[number][name] == 0 ? WEIR_NOT_FOUND : WEIR_OK);
            if (status == WEIR_OK) {
                assert_int_equal(*(const int64_t *)item.data, model->value[number][name]);
                found++;
            }
        }
    }
    assert_int_equal(found, model->count);
    assert_int_equal(ops->entry_count(model->state), model->count);
    assert_ok(ops->iterate(model->state, check_entry, model), NULL);
}

static void
step(struct model *model, struct wr_rng *rng)
{
    int64_t number = (int64_t)wr_rng_below(rng, KEYS);
    int64_t name = (int64_t)wr_rng_below(rng, NAMES);
    uint64_t kind = wr_rng_below(rng, 300);
    if (kind == 0) {
        clear(model, name);
    } else if (kind < 60) {
        take(model, number, name);
    } else {
        assert_ok(put(model, number, name, (int64_t)wr_rng_below(rng, 1000) + 1), NULL);
    }
}

/* Random changes, among them clearings, with and without a snapshot that holds the old tables. */
static void
churn(bool is_pane)
{
    static struct model model;
    static struct model before;
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    memset(&model, 0, sizeof model);
    model.rig = &rig;
    model.state = window_state(&rig, backend, i64_type(), is_pane);
    struct wr_rng rng;
    wr_rng_init(&rng, 17);
    for (int i = 0; i < 20000; i++) {
        step(&model, &rng);
    }
    check(&model);
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    memcpy(&before, &model, sizeof before);
    bool done = false;
    while (!done) {
        assert_ok(weir_backend_snapshot_turn(backend, snapshot, 1000, &done, &rig.error),
                  &rig.error);
        rig_io(&rig);
        for (int i = 0; i < 100; i++) {
            step(&model, &rng);
        }
    }
    rig_file_finish(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, true);
    check(&model);
    for (int64_t name = 0; name < NAMES; name++) {
        clear(&model, name);
    }
    check(&model);
    assert_int_equal(model.count, 0);
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &file);
    before.state = window_state(&rig, backend, i64_type(), is_pane);
    check(&before);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

TEST(panes_hold_what_was_put_and_go_when_they_are_cleared)
{
    churn(true);
}

TEST(other_namespaces_are_cleared_as_well)
{
    churn(false);
}

TEST(clearing_a_pane_gives_its_tables_back)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *windows = window_state(&rig, backend, i64_type(), true);
    uint64_t settled = 0;
    for (int64_t name = 0; name < 60; name++) { /* one window after the other, two at a time */
        for (int64_t number = 0; number < 5000; number++) {
            int64_t parts[2];
            weir_key key = window_key(&rig, parts, number, name);
            void *value = NULL;
            bool created = false;
            assert_ok(backend->ops->upsert(windows, &key, &value, &created), NULL);
            assert_true(created);
        }
        int64_t past = (name - 1) * 1000;
        assert_ok(backend->ops->clear_namespace(windows, weir_bytes_of(&past, 8)), NULL);
        assert_int_equal(backend->ops->entry_count(windows), 5000);
        if (name == 3) {
            settled = weir_backend_used_bytes(backend);
        }
    }
    assert_true(weir_backend_used_bytes(backend) <= settled * 2);
    assert_int_equal(wr_heap_state_of(windows)->panes->capacity, 2);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_batch_may_open_several_panes)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *windows = window_state(&rig, backend, i64_type(), true);
    int64_t parts[64][2];
    weir_key keys[64];
    void *values[64];
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < 64; i++) {
            keys[i] = window_key(&rig, parts[i], i % 7, i % 13 + round);
        }
        assert_ok(backend->ops->upsert_many(windows, keys, 64, values), NULL);
        for (size_t i = 0; i < 64; i++) {
            *(int64_t *)values[i] = (int64_t)(i % 7 * 100 + i % 13) + round;
        }
        for (size_t i = 0; i < 64; i++) {
            assert_int_equal(*(int64_t *)values[i], (int64_t)(i % 7 * 100 + i % 13) + round);
        }
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_pane_that_finds_no_memory_changes_nothing)
{
    bool was_refused = true;
    for (uint64_t n = 1; was_refused; n++) {
        static struct model model;
        struct rig rig;
        struct alloc_fault fault;
        rig_init(&rig);
        alloc_fault_init(&fault, 0, false);
        rig.alloc = alloc_fault_alloc(&fault);
        weir_backend *backend = rig_open(&rig, i64_type());
        memset(&model, 0, sizeof model);
        model.rig = &rig;
        model.state = window_state(&rig, backend, i64_type(), true);
        fault.fail_at = fault.requests + n;
        for (int64_t i = 0; i < 3000; i++) {
            weir_status status = put(&model, i % KEYS, i % NAMES, i + 1);
            if (status != WEIR_OK) {
                assert_int_equal(status, WEIR_NOMEM);
                check(&model);
                assert_ok(put(&model, i % KEYS, i % NAMES, i + 1), NULL);
            }
        }
        check(&model);
        was_refused = fault.refused != 0;
        weir_backend_close(backend);
        assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
        alloc_fault_fini(&fault);
        rig_fini(&rig);
    }
}

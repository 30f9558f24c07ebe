/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: their moment, aborted ones, several at once, chains of changes. */
#include "contract/contract.h"

#include "support/common_alloc_fault.h"

#include <string.h>

CASE(snapshot_of_an_empty_backend_restores)
{
    fail_over(c);
    weir_state *counts = make_value(c, "counts", i64_type());
    assert_int_equal(get(c, counts, 1, -1), -1);
    fail_over(c); /* a state without entries */
    counts = make_value(c, "counts", i64_type());
    put(c, counts, 1, 1);
    fail_over(c);
    counts = make_value(c, "counts", i64_type());
    assert_int_equal(get(c, counts, 1, -1), 1);
}

CASE(snapshot_is_of_its_moment)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    for (int64_t i = 0; i < 2000; i++) {
        put(c, counts, i, i);
    }
    struct engine_snapshot open;
    struct engine_set *set = NULL;
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    make_value(c, "made later", i64_type());
    for (int64_t i = 0; !open.is_done || i < 1000; i++) {
        put(c, counts, i % 2000, -1);
        clear(c, counts, 1999 - i % 2000);
        put(c, counts, 2000 + i, 1);
        OK(engine_snapshot_turn(&c->rig, &open, 300));
        engine_rig_io(&c->rig);
    }
    OK(engine_snapshot_complete(&c->rig, &open, &set));
    restart(c, set);
    engine_set_release(&c->rig, set);
    counts = make_value(c, "counts", i64_type());
    expect_entries(c, counts, 2000);
    for (int64_t i = 0; i < 2000; i++) {
        assert_int_equal(get(c, counts, i, -1), i);
    }
}

CASE(snapshot_that_is_aborted_changes_nothing)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    for (int64_t round = 0; round < 20; round++) {
        for (int64_t i = 0; i < 500; i++) {
            put(c, counts, i, round);
        }
        struct engine_snapshot open;
        OK(engine_snapshot_begin(&c->rig, &c->task, &open));
        for (int64_t i = 0; i < round && !open.is_done; i++) {
            OK(engine_snapshot_turn(&c->rig, &open, 600));
            engine_rig_io(&c->rig);
            put(c, counts, i, round);
        }
        engine_snapshot_abort(&c->rig, &open);
    }
    fail_over(c);
    while (weir_backend_idle_turn(c->task.backend, 1000)) {
    }
    counts = make_value(c, "counts", i64_type());
    for (int64_t i = 0; i < 500; i++) {
        assert_int_equal(get(c, counts, i, -1), 19);
    }
}

/* Changes of an attempt that was aborted are in the next one; so are deletions. */
static void
abort_one(struct contract *c, bool is_written)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    for (int64_t i = 0; i < 1000; i++) {
        put(c, counts, i, i);
    }
    engine_set_release(&c->rig, snapshot(c));
    engine_set_release(&c->rig, snapshot(c)); /* the second may be one of changes */
    for (int64_t i = 0; i < 30; i++) {
        put(c, counts, i, 7000 + i);
        clear(c, counts, 500 + i);
    }
    struct engine_snapshot open;
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    put(c, counts, 40, 7040);
    OK(engine_snapshot_turn(&c->rig, &open, 5000));
    while (is_written && !open.is_done) {
        OK(engine_snapshot_turn(&c->rig, &open, 5000));
        engine_rig_io(&c->rig);
    }
    put(c, counts, 501, -1);
    engine_snapshot_abort(&c->rig, &open);
    clear(c, counts, 600);
    fail_over(c);
    counts = make_value(c, "counts", i64_type());
    for (int64_t i = 0; i < 1000; i++) {
        int64_t expected = i < 30 || i == 40 ? 7000 + i : i == 501 ? -1 : i;
        bool is_gone = (i >= 500 && i < 530 && i != 501) || i == 600;
        assert_int_equal(get(c, counts, i, -2), is_gone ? -2 : expected);
    }
}

CASE(snapshot_after_an_aborted_one_has_its_changes)
{
    abort_one(c, false);
}

CASE(snapshot_after_one_aborted_when_written_has_its_changes)
{
    abort_one(c, true);
}

CASE(snapshots_in_a_chain_restore_each_one)
{
    enum {
        ROUNDS = 8,
        KEYS = 400
    };
    struct engine_set *sets[ROUNDS];
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_state *maps = make_map(c, "maps", i64_type());
    for (int64_t key = 0; key < KEYS; key++) {
        put(c, counts, key, 0);
        list_add(c, lists, key, 0);
        map_put(c, maps, key, 0, 0);
    }
    bool has_chain = false;
    for (int64_t round = 0; round < ROUNDS; round++) {
        for (int64_t key = round; key < KEYS; key += 50) {
            put(c, counts, key, round + 1);
            list_add(c, lists, key, round + 1);
            map_put(c, maps, key, round + 1, round);
        }
        clear(c, counts, 100 + round);
        bind(c, lists, 100 + round);
        OK(weir_list_clear(lists));
        sets[round] = snapshot(c);
        has_chain = has_chain || engine_set_has_changes(sets[round]);
    }
    assert_int_equal(has_chain, c->rig.engine->is_incremental && !c->rig.engine->keeps_files);
    for (int64_t round = 0; round < ROUNDS; round++) {
        restart(c, sets[round]);
        counts = make_value(c, "counts", i64_type());
        lists = make_list(c, "lists", i64_type());
        maps = make_map(c, "maps", i64_type());
        for (int64_t key = 0; key < KEYS; key++) {
            int64_t changed = key % 50 < ROUNDS && key % 50 <= round ? key % 50 + 1 : 0;
            bool is_gone = key >= 100 && key <= 100 + round;
            assert_int_equal(get(c, counts, key, -1), is_gone ? -1 : changed);
            bind(c, lists, key);
            bind(c, maps, key);
            assert_int_equal(strlen(list_of(c, lists)), is_gone ? 0 : changed != 0 ? 3 : 1);
            assert_int_equal(strlen(map_of(c, maps)), changed != 0 ? 7 : 3);
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        engine_set_release(&c->rig, sets[round]);
    }
}

CASE(snapshots_may_be_open_at_once)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    struct engine_snapshot open[3];
    struct engine_set *sets[3];
    for (int64_t i = 0; i < 1500; i++) {
        put(c, counts, i, 0);
    }
    for (int64_t n = 0; n < 3; n++) {
        OK(engine_snapshot_begin(&c->rig, &c->task, &open[n]));
        for (int64_t i = 0; i < 1500; i++) {
            put(c, counts, i, n + 1);
        }
        OK(engine_snapshot_turn(&c->rig, &open[n], 2000));
    }
    for (int n = 0; n < 3; n++) {
        while (!open[n].is_done) {
            OK(engine_snapshot_turn(&c->rig, &open[n], 2000));
            engine_rig_io(&c->rig);
        }
        OK(engine_snapshot_complete(&c->rig, &open[n], &sets[n]));
    }
    for (int64_t n = 0; n < 3; n++) {
        restart(c, sets[n]);
        counts = make_value(c, "counts", i64_type());
        for (int64_t i = 0; i < 1500; i++) {
            assert_int_equal(get(c, counts, i, -1), n);
        }
    }
    for (int n = 0; n < 3; n++) {
        engine_set_release(&c->rig, sets[n]);
    }
}

CASE(snapshot_after_restore_has_all_states)
{
    weir_state *ones = make_value(c, "ones", i64_type());
    weir_state *twos = make_list(c, "twos", i64_type());
    for (int64_t i = 0; i < 100; i++) {
        put(c, ones, i, i);
        list_add(c, twos, i, i);
    }
    fail_over(c);
    ones = make_value(c, "ones", i64_type()); /* nobody asks for the other */
    put(c, ones, 5, 500);
    fail_over(c);
    ones = make_value(c, "ones", i64_type());
    twos = make_list(c, "twos", i64_type());
    assert_int_equal(get(c, ones, 5, -1), 500);
    bind(c, twos, 42);
    assert_string_equal(list_of(c, twos), "42");
}

CASE(snapshots_open_at_close_are_ended)
{
    struct alloc_fault fault;
    weir_state *counts;
    engine_task_close(&c->rig, &c->task);
    alloc_fault_init(&fault, 0, false);
    c->rig.alloc = alloc_fault_alloc(&fault);
    c->rig.copies = c->rig.alloc;
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    counts = make_value(c, "counts", i64_type());
    struct engine_snapshot open;
    for (int64_t i = 0; i < 500; i++) {
        put(c, counts, i, i);
    }
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    OK(engine_snapshot_turn(&c->rig, &open, 100));
    for (int64_t i = 0; i < 500; i++) {
        put(c, counts, i, 1);
    }
    engine_rig_io(&c->rig);
    struct wr_state_file_reply reply = { .context = &open };
    weir_backend_close(c->task.backend);
    wr_state_file_abort(open.writer, &reply);
    engine_rig_io(&c->rig);
    assert_non_null(wr_mailbox_pop(&c->rig.replies));
    wr_state_file_destroy(open.writer);
    c->task.backend = NULL;
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
}

/* From a changed file: no crash, and a failure, since no byte is without a checksum. */
CASE(snapshot_that_is_damaged_is_refused)
{
    if (c->rig.sim == NULL) {
        return; /* on the real system the files' checksums are tested with whole jobs */
    }
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state *texts = make_list(c, "texts", text_type());
    weir_state *maps = make_map(c, "maps", i64_type());
    for (int64_t i = 0; i < 6; i++) {
        put(c, counts, i, i);
        bind(c, texts, i);
        OK(weir_list_add(texts, text("damage")));
        map_put(c, maps, i, i, i);
    }
    struct engine_set *set = snapshot(c);
    size_t size = 0;
    const uint8_t *bytes = os_sim_file_get(c->rig.sim, set->blocks[0]->path, &size);
    uint8_t *damaged = test_malloc(size);
    memcpy(damaged, bytes, size);
    for (size_t at = 0; at < size; at += 3) {
        damaged[at] ^= (uint8_t)(1u << (at % 8));
        os_sim_file_put(c->rig.sim, set->blocks[0]->path, damaged, size);
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
        c->rig.error.message[0] = 0;
        assert_int_not_equal(engine_task_restore(&c->rig, &c->task, set), WEIR_OK);
        assert_int_not_equal(c->rig.error.message[0], 0);
        damaged[at] ^= (uint8_t)(1u << (at % 8));
    }
    test_free(damaged);
    engine_set_release(&c->rig, set);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Several snapshots on their way, and those that stand apart: a savepoint is whole by itself, and
 * changes nothing for the checkpoints around it. */
#include "base/rng.h"
#include "contract/contract.h"

#include <string.h>

enum {
    KEYS = 300,
    OPEN_MOST = 4
};

/* What the state holds, 0: nothing. */
struct model {
    int64_t values[KEYS];
};

static void
change(struct contract *c, weir_state *counts, struct model *model, struct wr_rng *rng,
       uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        int64_t key = (int64_t)wr_rng_below(rng, KEYS);
        if (wr_rng_below(rng, 4) == 0) {
            clear(c, counts, key);
            model->values[key] = 0;
        } else {
            model->values[key] = 1 + (int64_t)wr_rng_below(rng, 1 << 20);
            put(c, counts, key, model->values[key]);
        }
    }
}

/* What another backend reads of the set. */
static void
expect_set(struct contract *c, const struct engine_set *set, const struct model *model)
{
    struct engine_task kept = c->task;
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    OK(engine_task_restore(&c->rig, &c->task, set));
    weir_state *counts = make_value(c, "counts", i64_type());
    for (int64_t key = 0; key < KEYS; key++) {
        assert_int_equal(get(c, counts, key, 0), model->values[key]);
    }
    engine_task_close(&c->rig, &c->task);
    c->task = kept;
}

/* Whether both hold a file in common. */
static bool
have_common(const struct engine_set *one, const struct engine_set *other)
{
    for (size_t i = 0; i < one->block_count; i++) {
        for (size_t j = 0; j < other->block_count; j++) {
            if (one->blocks[i] == other->blocks[j]) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < one->engine_count; i++) {
        for (size_t j = 0; j < other->engine_count; j++) {
            if (one->engine[i] == other->engine[j]) {
                return true;
            }
        }
    }
    return false;
}

/* Takes a checkpoint, a few changes, a savepoint, a few changes, a checkpoint. */
CASE(savepoint_between_two_checkpoints_changes_nothing_of_them)
{
    struct model models[4] = { 0 };
    struct wr_rng rng;
    wr_rng_init(&rng, 1);
    weir_state *counts = make_value(c, "counts", i64_type());
    change(c, counts, &models[0], &rng, 2000);
    engine_set_release(&c->rig, snapshot(c));
    models[1] = models[0];
    change(c, counts, &models[1], &rng, 10);
    struct engine_set *before = snapshot(c);
    models[2] = models[1];
    change(c, counts, &models[2], &rng, 10);
    struct engine_snapshot open;
    struct engine_set *apart = NULL;
    OK(engine_snapshot_begin_full(&c->rig, &c->task, true, &open));
    models[3] = models[2];
    change(c, counts, &models[3], &rng, 10);
    OK(engine_snapshot_write(&c->rig, &open, &apart));
    struct engine_set *after = snapshot(c);
    assert_true(have_common(before, after) || !c->rig.engine->is_incremental);
    assert_false(have_common(before, apart));
    assert_false(have_common(apart, after));
    expect_set(c, before, &models[1]);
    expect_set(c, after, &models[3]);
    engine_set_release(&c->rig, before);
    engine_set_release(&c->rig, after);
    restart(c, apart); /* no file of any checkpoint is there any more */
    expect_set(c, apart, &models[2]);
    engine_set_release(&c->rig, apart);
}

CASE(savepoint_needs_no_file_although_checkpoints_complete_beside_it)
{
    struct model models[3] = { 0 };
    struct wr_rng rng;
    wr_rng_init(&rng, 2);
    weir_state *counts = make_value(c, "counts", i64_type());
    change(c, counts, &models[0], &rng, 1500);
    engine_set_release(&c->rig, snapshot(c));
    struct engine_snapshot open;
    struct engine_set *apart = NULL;
    OK(engine_snapshot_begin_full(&c->rig, &c->task, true, &open));
    models[1] = models[0];
    for (int i = 0; i < 3; i++) {
        change(c, counts, &models[1], &rng, 10);
        struct engine_set *set = snapshot(c); /* begun and completed while it is open */
        expect_set(c, set, &models[1]);
        engine_set_release(&c->rig, set);
    }
    OK(engine_snapshot_write(&c->rig, &open, &apart));
    models[2] = models[1];
    change(c, counts, &models[2], &rng, 10);
    struct engine_set *after = snapshot(c);
    expect_set(c, after, &models[2]);
    engine_set_release(&c->rig, after);
    expect_set(c, apart, &models[0]);
    engine_set_release(&c->rig, apart);
}

CASE(snapshot_builds_on_what_was_complete_when_it_began)
{
    struct model models[5] = { 0 };
    struct wr_rng rng;
    wr_rng_init(&rng, 3);
    weir_state *counts = make_value(c, "counts", i64_type());
    change(c, counts, &models[0], &rng, 2000);
    engine_set_release(&c->rig, snapshot(c));
    struct engine_snapshot open[4];
    struct engine_set *sets[4];
    for (int i = 0; i < 4; i++) { /* the third begins when the first is complete, on it */
        if (i >= 2) {
            OK(engine_snapshot_write(&c->rig, &open[i - 2], &sets[i - 2]));
        }
        OK(engine_snapshot_begin(&c->rig, &c->task, &open[i]));
        models[i + 1] = models[i];
        change(c, counts, &models[i + 1], &rng, 8);
    }
    OK(engine_snapshot_write(&c->rig, &open[2], &sets[2]));
    OK(engine_snapshot_write(&c->rig, &open[3], &sets[3]));
    struct engine_set *last = snapshot(c);
    for (int i = 0; i < 4; i++) {
        expect_set(c, sets[i], &models[i]);
        engine_set_release(&c->rig, sets[i]);
    }
    expect_set(c, last, &models[4]);
    engine_set_release(&c->rig, last);
}

CASE(snapshot_aborted_under_a_newer_one_takes_nothing_from_it)
{
    struct model models[4] = { 0 };
    struct wr_rng rng;
    wr_rng_init(&rng, 4);
    weir_state *counts = make_value(c, "counts", i64_type());
    change(c, counts, &models[0], &rng, 2000);
    engine_set_release(&c->rig, snapshot(c));
    for (int round = 0; round < 4; round++) {
        struct engine_snapshot older;
        struct engine_snapshot newer;
        struct engine_set *set = NULL;
        change(c, counts, &models[0], &rng, 8);
        OK(engine_snapshot_begin(&c->rig, &c->task, &older));
        change(c, counts, &models[0], &rng, 8);
        OK(engine_snapshot_turn(&c->rig, &older, (size_t)round * 1000));
        engine_rig_io(&c->rig);
        OK(engine_snapshot_begin(&c->rig, &c->task, &newer));
        models[1] = models[0];
        change(c, counts, &models[0], &rng, 8);
        OK(engine_snapshot_turn(&c->rig, &newer, 500));
        engine_snapshot_abort(&c->rig, &older);
        change(c, counts, &models[0], &rng, 8);
        OK(engine_snapshot_write(&c->rig, &newer, &set));
        expect_set(c, set, &models[1]);
        engine_set_release(&c->rig, set);
    }
    struct engine_set *last = snapshot(c);
    expect_set(c, last, &models[0]);
    engine_set_release(&c->rig, last);
}

/* --- at random --- */

struct flight {
    struct engine_snapshot snapshot;
    struct model model;
};

struct flights {
    uint32_t count;
    struct flight open[OPEN_MOST]; /* the oldest first */
};

static void
take_out(struct flights *flights, uint32_t at)
{
    flights->count--;
    memmove(&flights->open[at], &flights->open[at + 1],
            (flights->count - at) * sizeof flights->open[0]);
}

static void
begin_one(struct contract *c, struct flights *flights, const struct model *model,
          struct wr_rng *rng)
{
    struct flight *flight = &flights->open[flights->count++];
    flight->model = *model;
    uint64_t kind = wr_rng_below(rng, 4);
    if (kind >= 2) {
        OK(engine_snapshot_begin(&c->rig, &c->task, &flight->snapshot));
    } else {
        OK(engine_snapshot_begin_full(&c->rig, &c->task, kind == 0, &flight->snapshot));
    }
}

/* Completes one; as the runtime does, older checkpoints are given up for it, savepoints are not. */
static void
complete_one(struct contract *c, struct flights *flights, uint32_t at)
{
    struct flight flight = flights->open[at];
    take_out(flights, at);
    for (uint32_t i = at; !flight.snapshot.is_apart && i > 0; i--) {
        if (!flights->open[i - 1].snapshot.is_apart) {
            engine_snapshot_abort(&c->rig, &flights->open[i - 1].snapshot);
            take_out(flights, i - 1);
        }
    }
    struct engine_set *set = NULL;
    OK(engine_snapshot_write(&c->rig, &flight.snapshot, &set));
    expect_set(c, set, &flight.model);
    engine_set_release(&c->rig, set);
}

CASE(snapshots_of_every_kind_at_random)
{
    struct model model = { 0 };
    struct flights flights = { 0 };
    struct wr_rng rng;
    wr_rng_init(&rng, 5);
    uint32_t rounds = c->rig.engine->keeps_files ? 100 : 3000;
    weir_state *counts = make_value(c, "counts", i64_type());
    change(c, counts, &model, &rng, 2000);
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t one = flights.count == 0 ? 0 : (uint32_t)wr_rng_below(&rng, flights.count);
        uint64_t what = wr_rng_below(&rng, 8);
        if (flights.count == 0 || (what < 3 && flights.count < OPEN_MOST)) {
            begin_one(c, &flights, &model, &rng);
        } else if (what == 3) {
            engine_snapshot_abort(&c->rig, &flights.open[one].snapshot);
            take_out(&flights, one);
        } else if (what == 4) {
            complete_one(c, &flights, one);
        } else {
            OK(engine_snapshot_turn(&c->rig, &flights.open[one].snapshot, 700));
            engine_rig_io(&c->rig);
        }
        change(c, counts, &model, &rng, (uint32_t)wr_rng_below(&rng, 6));
    }
    while (flights.count != 0) {
        complete_one(c, &flights, 0);
    }
}

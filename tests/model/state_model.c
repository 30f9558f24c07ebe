/* SPDX-License-Identifier: Apache-2.0 */
/* state_model: one run.
 *
 *   operation --> subtasks' states
 *       '-------> oracle
 *
 * At a snapshot's begin the oracle is kept, and what is restored from its files, at some other
 * parallelism, must equal it. Keys are few and buffers tiny, so that growing, shrinking, removal
 * and copies happen all the time; up to two snapshots are open at once, memory is refused now and
 * then, and the io thread is late.
 */
#include "model/state_model.h"

#include "model/world.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const char *
model_op_name(enum model_op_kind kind)
{
    static const char *const names[OP_KINDS] = {
#define MODEL_OP_NAME(name, group, weight) #name,
        MODEL_OP_MAP(MODEL_OP_NAME)
#undef MODEL_OP_NAME
    };
    return names[kind];
}

const char *
model_group_name(enum model_group group)
{
    static const char *const names[GROUPS] = {
#define MODEL_GROUP_NAME(name) #name,
        MODEL_GROUP_MAP(MODEL_GROUP_NAME)
#undef MODEL_GROUP_NAME
    };
    return names[group];
}

enum model_group
model_op_group(enum model_op_kind kind)
{
    static const enum model_group groups[OP_KINDS] = {
#define MODEL_OP_GROUP(name, group, weight) GROUP_##group,
        MODEL_OP_MAP(MODEL_OP_GROUP)
#undef MODEL_OP_GROUP
    };
    return groups[kind];
}

static void
carry_out(struct world *world, const struct model_op *drawn)
{
    struct model_op op = *drawn;
    op.key %= world->key_count;
    bool done = value_operation(world, &op) || list_operation(world, &op) ||
                map_operation(world, &op) || window_operation(world, &op) ||
                ttl_operation(world, &op) || timer_operation(world, &op) ||
                iterate_operation(world, &op) || snapshot_operation(world, &op);
    EXPECT(done);
}

static void
set_up(struct world *world, const struct model_run *run, struct model_counts *counts)
{
    static const uint32_t groups[] = { 1, 2, 3, 5, 8, 16 };
    struct wr_rng rng;
    memset(world, 0, sizeof *world);
    wr_rng_init(&rng, run->seed);
    engine_rig_init(&world->rig, run->engine);
    alloc_fault_init(&world->state_fault, 0, false);
    alloc_fault_init(&world->copy_fault, 0, false);
    if (run->engine->counts_memory) {
        world->rig.alloc = alloc_fault_alloc(&world->state_fault);
        world->rig.copies = alloc_fault_alloc(&world->copy_fault);
    }
    world->counts = counts;
    world->is_planted = run->is_planted;
    world->rig.seed = wr_rng_next(&rng);
    world->rig.max_parallelism = groups[wr_rng_below(&rng, 6)];
    world->key_count = 1 + (uint32_t)wr_rng_below(&rng, 2u << wr_rng_below(&rng, 8));
    world->key_count = world->key_count < KEYS_MOST ? world->key_count : KEYS_MOST;
    uint32_t room = CELLS / world->key_count;
    world->list_room = room < 1500 ? room : 1500;
    world->map_room = room < 900 ? room : 900;
    shapes_choose(world, &rng);
    world->rig.key_type = world->key_type;
    world->ttl = (weir_ttl){ .size = sizeof world->ttl, .ttl_ms = TTL_MS };
    world->ttl.update = (weir_ttl_update)wr_rng_below(&rng, 2);
    world->ttl.no_background_cleanup = wr_rng_below(&rng, 3) == 0;
    world->ttl.cleanup_full_snapshot = wr_rng_below(&rng, 3) == 0;
    world->has_ttl = wr_rng_below(&rng, 4) != 0;
    world->now_ms = 1000000;
    world->oracle = calloc(1, sizeof *world->oracle);
    EXPECT(world->oracle != NULL);
    shapes_make_keys(world);
    world_open(world, &world->tasks, 1 + (uint32_t)wr_rng_below(&rng, 3));
    world_make_states(world, &world->tasks);
}

static void
tear_down(struct world *world)
{
    world->is_refusing = false;
    world->state_fault.fail_at = world->copy_fault.fail_at = 0;
    snapshots_abort_all(world);
    compare_all(world, &world->tasks, world->oracle);
    world_close(world, &world->tasks);
    if (world->rig.engine->counts_memory) {
        EXPECT(alloc_fault_leaks(&world->state_fault, stderr) == 0);
        EXPECT(alloc_fault_leaks(&world->copy_fault, stderr) == 0);
    }
    alloc_fault_fini(&world->state_fault);
    alloc_fault_fini(&world->copy_fault);
    shapes_destroy(world);
    free(world->oracle);
    engine_rig_fini(&world->rig);
}

void
state_model_run(const struct model_run *run, struct model_counts *counts)
{
    static struct world world;
    set_up(&world, run, counts);
    for (size_t i = 0; i < run->op_count; i++) {
        carry_out(&world, &run->ops[i]);
        counts->operations++;
        counts->by_group[model_op_group(run->ops[i].kind)]++;
    }
    tear_down(&world);
}

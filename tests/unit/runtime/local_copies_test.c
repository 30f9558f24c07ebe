/* SPDX-License-Identifier: Apache-2.0 */
/* A task and its local copies: when they are made and go, and that a restore which turns from a
 * damaged one to the checkpoint ends right or in words, whatever fails meanwhile. */
#include "rig_restore.h"

#include "storage/local_state.h"
#include "support/common_os_fault.h"

#include <errno.h>

static const weir_function *const fused[] = { &source_function, &sum_function, &sink_function,
                                              NULL };

enum {
    FIRST = 600,
    SUM = 1 /* the operator in the chain */
};

static struct wr_local_state *local;

static void
open_rig(struct rig *rig)
{
    rig_init(rig);
    struct wr_local_state_parameters parameters = { .os = rig->os,
                                                    .alloc = wr_memory_system(),
                                                    .io = &rig->io,
                                                    .directories = "/local",
                                                    .job_id = "0123" };
    assert_ok(wr_local_state_create(&parameters, &local, &rig->error), &rig->error);
    rig->environment.local_state = local;
    rig->environment.keeps_local = true;
    rig->environment.restores_local = true;
    rig->plan.keys = 50;
    rig->plan.count = 2 * FIRST;
    rig->plan.pause_at = FIRST;
    os_sim_directory_put(rig->sim, "/sp");
    (void)rig_vertex(rig, 1, fused);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
    rig_run(rig);
}

static void
close_rig(struct rig *rig)
{
    rig_fini(rig);
    wr_local_state_destroy(local);
}

static void
take(struct rig *rig, uint64_t id, enum wr_checkpoint_kind kind,
     const struct wr_checkpoint_plan *plan)
{
    rig_trigger_as(rig, id, kind, plan);
    rig_run(rig);
    assert_int_equal(rig->acknowledged_of[id], rig->task_count);
}

/* Where the copy of the sum's file of a checkpoint is. */
static void
copy_path(const struct rig *rig, uint64_t id, char out[WR_PATH_MAX])
{
    const struct wr_file_list *files = &rig->acks[0]->snapshots[SUM].files;
    const struct wr_task_operator *plan = &rig->operators[0][SUM];
    struct wr_local_owner owner = { .subtask = 0 };
    char name[WR_PATH_MAX];
    memcpy(owner.attempt, rig->environment.attempt_bytes, sizeof owner.attempt);
    memcpy(owner.operator_id, plan->id, sizeof owner.operator_id);
    snprintf(name, sizeof name, "%llu-%s", (unsigned long long)id, files->entries[0].file);
    assert_ok(wr_local_state_path(local, &owner, id, name, out, NULL), NULL);
}

static bool
has_copy(const struct rig *rig, uint64_t id)
{
    char path[WR_PATH_MAX];
    size_t size = 0;
    copy_path(rig, id, path);
    return os_sim_file_get(rig->sim, path, &size) != NULL;
}

TEST(a_keyed_file_has_a_copy_until_a_newer_checkpoint_completes_or_its_own_does_not)
{
    struct rig rig;
    open_rig(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    assert_true(has_copy(&rig, 1));
    assert_true(rig_send_all(&rig, WR_TASK_COMPLETE, 1));
    take(&rig, 2, WR_CHECKPOINT_PERIODIC, NULL);
    assert_true(has_copy(&rig, 1) && has_copy(&rig, 2));
    assert_true(rig_send_all(&rig, WR_TASK_ABORT, 2));
    rig_run(&rig);
    assert_true(has_copy(&rig, 1));
    assert_false(has_copy(&rig, 2));
    take(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    assert_true(rig_send_all(&rig, WR_TASK_COMPLETE, 3));
    rig_run(&rig);
    assert_false(has_copy(&rig, 1));
    assert_true(has_copy(&rig, 3));
    rig_end(&rig, WR_TASK_CANCEL);
    close_rig(&rig);
}

TEST(a_savepoint_has_no_local_copy)
{
    struct rig rig;
    struct wr_checkpoint_plan plan = { .sharing = WR_SHARING_NONE,
                                       .unaligned_at_ns = UINT64_MAX,
                                       .directory = "/sp" };
    open_rig(&rig);
    take(&rig, 1, WR_SAVEPOINT, &plan);
    assert_true(rig_send_all(&rig, WR_TASK_RELEASE, 1));
    rig_run(&rig);
    assert_true(rig.acks[0]->snapshots[SUM].files.count > 0);
    assert_false(os_sim_directory_is_there(rig.sim, "/local/localState/aid_"
                                                    "04050607000000000000000000000000"));
    rig_end(&rig, WR_TASK_CANCEL);
    close_rig(&rig);
}

/* --- a damaged copy, and more that fails --- */

static void
damage(struct rig *rig)
{
    char path[WR_PATH_MAX];
    size_t size = 0;
    copy_path(rig, 1, path);
    const uint8_t *data = os_sim_file_get(rig->sim, path, &size);
    assert_non_null(data);
    uint8_t *bytes = test_malloc(size);
    memcpy(bytes, data, size);
    bytes[size / 2] ^= 1; /* in a block behind others: some are in the backend by then */
    os_sim_file_put(rig->sim, path, bytes, size);
    test_free(bytes);
}

struct failing {
    uint64_t allocation;         /* that is refused, from 1; 0: none */
    struct os_fault_plan system; /* fail_at 0: nothing fails */
};

/* Restores from the damaged copy while that fails. False: it was past the end. */
static bool
run_failing(const struct failing *failing)
{
    struct rig rig;
    struct os_fault fault;
    open_rig(&rig);
    take(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    assert_true(rig_send_all(&rig, WR_TASK_COMPLETE, 1));
    rig_run(&rig);
    damage(&rig);
    struct rig_restore *restore = rig_note(&rig);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_tear_down(&rig);
    rig.plan.row_count = 0;
    rig.plan.pause_at = UINT64_MAX;
    os_fault_init(&fault, rig.os, &failing->system);
    rig.environment.os = &fault.os;
    (void)rig_vertex(&rig, 1, fused);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    assert_true(rig_send_all(&rig, WR_TASK_INITIALIZE, 0));
    uint64_t refused_before = rig.fault.refused;
    rig.fault.fail_at = failing->allocation != 0 ? rig.fault.requests + failing->allocation : 0;
    fault.calls = 0;
    while (rig.failed == 0 && rig.initialized == 0 && rig_round(&rig)) {
    }
    rig.fault.fail_at = 0;
    bool was_hit = fault.hit || rig.fault.refused != refused_before;
    fault.plan.fail_at = 0;
    rig_run(&rig);
    if (rig.failed == 0) {
        assert_true(rig_send_all(&rig, WR_TASK_START, 0));
        rig_run(&rig);
        assert_int_equal(rig.plan.row_count, rig.plan.count - FIRST);
        rig_check_sums(&rig);
        rig_end(&rig, WR_TASK_FINISH);
    } else {
        assert_true(was_hit);
        assert_true(rig.failure.message[0] != '\0');
    }
    test_free(restore);
    close_rig(&rig);
    return was_hit;
}

TEST(every_failed_allocation_while_it_falls_back_is_survived_or_told)
{
    struct failing failing = { .allocation = 0 };
    assert_false(run_failing(&failing));
    unsigned points = 0;
    for (failing.allocation = 1; run_failing(&failing); failing.allocation++) {
        points++;
    }
    print_message("%u points\n", points);
    assert_true(points > 50);
}

TEST(every_failed_call_while_it_falls_back_is_survived_or_told)
{
    unsigned points = 0;
    for (int sticky = 0; sticky < 2; sticky++) {
        struct failing failing = { .system = { .error = EIO, .sticky = sticky != 0 } };
        for (failing.system.fail_at = 1; run_failing(&failing); failing.system.fail_at++) {
            points++;
        }
    }
    print_message("%u points\n", points);
    assert_true(points > 20);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Dropping old checkpoints that share files: what can still be seen stays whole, though its own
 * removal failed.
 */
#include "job_rig.h"

#include "snapshot/manifest.h"
#include "support/common_os_fault.h"

#include <errno.h>

static struct os_fault fault;

static bool
has_eight(struct rig *rig)
{
    return rig_look(rig).checkpoints_completed >= 8;
}

/* Every file that its manifest names is there. */
static void
assert_whole(const struct rig *rig, const char *directory)
{
    struct wr_manifest manifest;
    weir_alloc alloc = wr_memory_system();
    weir_error error;
    char path[1400];
    snprintf(path, sizeof path, "%s/_metadata", directory);
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_manifest_read(&manifest, os_sim_os(rig->sim), path, &error), &error);
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        for (uint32_t j = 0; j < manifest.operators[i].subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &manifest.operators[i].subtasks[j];
            for (uint32_t k = 0; k < subtask->file_count; k++) {
                size_t size = 0;
                snprintf(path, sizeof path, "%s/%s", directory, subtask->files[k].path);
                assert_non_null(os_sim_file_get(rig->sim, path, &size));
                assert_int_equal(size, subtask->files[k].size);
            }
        }
    }
    wr_manifest_fini(&manifest);
}

/* All that can be seen; answers how many checkpoints these are. */
static size_t
assert_all_whole(const struct rig *rig)
{
    struct wr_os *os = os_sim_process_create(rig->sim);
    struct wr_os_list *list;
    char name[WR_OS_NAME_MAX];
    char directory[256];
    size_t count = 0;
    rig_job_directory(rig, directory);
    assert_int_equal(os->ops->list_open(os, directory, &list), 0);
    while (os->ops->list_next(os, list, name) == 0) {
        char path[600];
        if (strncmp(name, "chk-", 4) == 0) {
            snprintf(path, sizeof path, "%s/%s", directory, name);
            assert_whole(rig, path);
            count++;
        }
    }
    os->ops->list_close(os, list);
    return count;
}

/* Each rename in turn, so the one that takes an old checkpoint away too: with it the checkpoint
 * stays, beside the one that is retained. */
TEST(a_checkpoint_that_could_not_be_dropped_keeps_the_files_that_it_shares)
{
    unsigned stayed = 0;
    bool was_hit = true;
    for (uint64_t at = 1; was_hit; at++) {
        struct rig rig;
        struct os_fault_plan plan = { .error = EIO, .only = "rename" };
        rig_init(&rig);
        rig_set(&rig, "execution.checkpointing.incremental", "true");
        rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "100");
        os_fault_init(&fault, os_sim_os(rig.sim), &plan);
        rig.os = &fault.os;
        assert_int_equal(rig_create(&rig), WEIR_OK);
        assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
        fault.plan.fail_at = fault.calls + at;
        rig_step_until(&rig, has_eight);
        was_hit = fault.hit;
        stayed += assert_all_whole(&rig) > 2; /* the retained one, and perhaps the next */
        rig_fini(&rig);
    }
    assert_true(stayed >= 3);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Incremental checkpoints of whole jobs: chains, their compaction, their restore, and that `shared`
 * always holds what the retained checkpoints need, and nothing else. */
#include "job_rig.h"

#include "snapshot/manifest.h"
#include "support/common_os_fault.h"

#include <errno.h>

enum {
    NAMES_MAX = 600,
    NAME_SIZE = 160
};

struct names {
    char names[NAMES_MAX][NAME_SIZE];
    size_t count;
};

/* What an incremental run showed. */
struct seen {
    uint32_t chain_longest; /* state files of one subtask */
    uint32_t full_after_chain;
    uint32_t checked;
    uint32_t exact; /* of these: nothing was under way */
    uint64_t checked_id;
    bool last_had_chain;
    uint32_t last_longest;
};

static struct seen seen_now;
static struct names needed_now; /* too large for a stack */

static void
add_name(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) == 0) {
            return;
        }
    }
    assert_true(names->count < NAMES_MAX && strlen(name) < NAME_SIZE);
    snprintf(names->names[names->count++], NAME_SIZE, "%s", name);
}

/* The manifest of a checkpoint's directory, its shared names into the set. */
static void
collect(struct rig *rig, const char *directory, struct names *names)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_manifest manifest;
    char path[512];
    uint32_t longest = 0;
    snprintf(path, sizeof path, "%s/_metadata", directory);
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_manifest_read(&manifest, os_sim_os(rig->sim), path, &rig->error), &rig->error);
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        for (uint32_t j = 0; j < manifest.operators[i].subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &manifest.operators[i].subtasks[j];
            longest = subtask->file_count > longest ? subtask->file_count : longest;
            for (uint32_t k = 0; k < subtask->file_count; k++) {
                const char *name = wr_manifest_shared_name(&subtask->files[k]);
                if (name != NULL) {
                    add_name(names, name);
                }
            }
        }
    }
    if (manifest.checkpoint_id > seen_now.checked_id) {
        seen_now.checked_id = manifest.checkpoint_id;
        seen_now.full_after_chain += seen_now.last_had_chain && longest == 1;
        seen_now.last_had_chain = longest > 1;
        seen_now.last_longest = longest;
    }
    seen_now.chain_longest = longest > seen_now.chain_longest ? longest : seen_now.chain_longest;
    wr_manifest_fini(&manifest);
}

/* What stands in shared is the union of what the complete checkpoints name; and more only while a
 * removal is under way. */
static void
assert_shared_is_exact(struct rig *rig)
{
    char job[256];
    char path[300];
    char name[WR_OS_NAME_MAX];
    struct wr_os_list *list;
    struct wr_os *os = os_sim_process_create(rig->sim);
    rig_job_directory(rig, job);
    needed_now.count = 0;
    assert_int_equal(0, os->ops->list_open(os, job, &list));
    while (os->ops->list_next(os, list, name) == 0) {
        if (strncmp(name, "chk-", 4) == 0) {
            snprintf(path, sizeof path, "%s/%.20s", job, name);
            collect(rig, path, &needed_now);
        }
    }
    os->ops->list_close(os, list);
    snprintf(path, sizeof path, "%s/shared", job);
    size_t there = rig_count_names(rig, path, "");
    assert_true(needed_now.count <= there);
    if (rig->job->io_outstanding == 0) {
        assert_int_equal(needed_now.count, there);
        seen_now.exact++;
    }
    for (size_t i = 0; i < needed_now.count; i++) {
        assert_int_equal(1, rig_count_names(rig, path, needed_now.names[i]));
    }
    seen_now.checked++;
}

static void
set_up(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "execution.checkpointing.incremental", "true");
    rig_set(rig, "execution.checkpointing.num-retained", "2");
    rig_set(rig, "pipeline.max-parallelism", "4"); /* few blocks: files as large as their keys */
    rig->keys = RIG_KEYS_MAX;
    rig->rate = 4000;
    memset(&seen_now, 0, sizeof seen_now);
}

static bool
checks_always(struct rig *rig)
{
    assert_shared_is_exact(rig);
    return false;
}

TEST(shared_holds_what_retained_checkpoints_need_after_every_step)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, checks_always));
    rig_assert_exactly_once(&rig);
    assert_true(seen_now.checked > 1000 && seen_now.exact > seen_now.checked / 2);
    assert_true(seen_now.chain_longest >= 3);
    assert_true(seen_now.full_after_chain >= 2); /* the chains were compacted */
    char path[300];
    rig_job_directory(&rig, path);
    strcat(path, "/shared");
    assert_int_equal(0, rig_count_names(&rig, path, "")); /* a finished job keeps nothing */
    rig_fini(&rig);
}

/* When a chain has just begun, so that the stop's own checkpoint goes on with it. */
static bool
stops_in_a_chain(struct rig *rig)
{
    if (rig_look(rig).checkpoints_completed >= 12 && seen_now.last_longest == 2) {
        weir_job_stop(rig->job);
    } else if (rig_look(rig).checkpoints_completed > rig->completed_before) {
        rig->completed_before = rig_look(rig).checkpoints_completed;
        assert_shared_is_exact(rig);
    }
    return false;
}

static void
assert_last_is_a_chain(struct rig *rig)
{
    seen_now.last_longest = 0;
    collect(rig, rig_look(rig).last_checkpoint_path, &needed_now);
    assert_true(seen_now.last_longest >= 3);
}

static bool
is_over_one(struct rig *rig)
{
    return rig_look(rig).checkpoints_completed >= 1;
}

/* When two files of changes stand behind the base. */
static bool
stops_in_a_long_chain(struct rig *rig)
{
    if (rig_look(rig).checkpoints_completed >= 100 && seen_now.last_longest == 3) {
        weir_job_stop(rig->job);
    } else if (rig_look(rig).checkpoints_completed > rig->completed_before) {
        rig->completed_before = rig_look(rig).checkpoints_completed;
        assert_shared_is_exact(rig);
    }
    return false;
}

/* Keys 0 to 3 have another value in each file of a chain, so that their order is told. */
TEST(a_chain_is_restored_at_any_parallelism_and_the_next_checkpoint_is_full)
{
    for (uint64_t parallelism = 1; parallelism <= 4; parallelism++) {
        struct rig rig;
        set_up(&rig);
        rig.keys = 500;
        rig.rate = 1000;
        rig.hot_every = 2;
        rig_set(&rig, "parallelism.default", "2");
        assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, stops_in_a_long_chain));
        assert_last_is_a_chain(&rig);
        uint64_t restored = rig_look(&rig).last_checkpoint_id;
        rig_set_number(&rig, "parallelism.default", parallelism);
        rig.parameters.restore = "latest:" RIG_DIRECTORY;
        assert_ok(rig_create(&rig), &rig.error);
        assert_shared_is_exact(&rig); /* nothing was swept that the restored one needs */
        assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
        rig_step_until(&rig, is_over_one);
        assert_int_equal(restored, rig_look(&rig).restored_checkpoint_id);
        char path[300];
        rig_job_directory(&rig, path);
        snprintf(path + strlen(path), 30, "/chk-%llu", (unsigned long long)restored + 1);
        seen_now.chain_longest = 0;
        needed_now.count = 0;
        collect(&rig, path, &needed_now);
        assert_int_equal(1, seen_now.chain_longest);
        rig_step_until(&rig, NULL);
        assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
        rig_assert_exactly_once(&rig);
        rig_fini(&rig);
    }
}

TEST(files_that_a_kill_left_in_shared_are_swept_at_the_next_start)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, stops_in_a_chain));
    char job[256];
    char orphan[400];
    rig_job_directory(&rig, job);
    rig_forget_job(&rig);
    snprintf(orphan, sizeof orphan, "%s/shared/0123-0-99-%032x.state", job, 0);
    os_sim_file_put(rig.sim, orphan, "half", 4);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(&rig), &rig.error);
    size_t size = 0;
    assert_null(os_sim_file_get(rig.sim, orphan, &size));
    assert_shared_is_exact(&rig);
    rig_fini(&rig);
}

/* Some byte of a file is damaged: the restore says so, with the file's name. */
static void
assert_damage_is_noticed(struct rig *rig, const char *path, const char *name)
{
    static uint8_t bytes[1 << 16];
    size_t size = 0;
    const uint8_t *there = os_sim_file_get(rig->sim, path, &size);
    assert_non_null(there);
    assert_true(size <= sizeof bytes);
    memcpy(bytes, there, size);
    for (size_t at = 0; at < size; at += size / 40 + 1) {
        bytes[at] ^= 0x10;
        os_sim_file_put(rig->sim, path, bytes, size);
        bytes[at] ^= 0x10;
        weir_status status = rig_create(rig);
        if (status == WEIR_OK) {
            assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
            rig_step_until(rig, is_over_one);
            status = weir_job_failure(rig->job, &rig->error);
        }
        assert_int_equal(WEIR_CORRUPT, status);
        rig_assert_says(rig->error.message, name);
        rig_forget_job(rig);
    }
    os_sim_file_put(rig->sim, path, bytes, size);
}

TEST(damage_in_any_file_of_a_chain_is_noticed)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, stops_in_a_chain));
    char chk[1024];
    char job[256];
    snprintf(chk, sizeof chk, "%s", rig_look(&rig).last_checkpoint_path);
    rig_job_directory(&rig, job);
    needed_now.count = 0;
    collect(&rig, chk, &needed_now);
    assert_true(needed_now.count >= 2);
    rig_forget_job(&rig);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    size_t count = needed_now.count;
    for (size_t i = 0; i < count; i++) {
        char path[500];
        snprintf(path, sizeof path, "%s/shared/%s", job, needed_now.names[i]);
        assert_damage_is_noticed(&rig, path, needed_now.names[i]);
    }
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL)); /* it was the damage */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- checkpoints that fail between the tasks' files and their completion --- */

static struct os_fault fault_now;
static unsigned turn_now;

/* Behind every second completed checkpoint one sync of the next fails, each time another one. (Not
 * the two of the drop that may come before: what a drop that failed leaves goes at the next start.)
 */
static bool
fails_syncs_in_turn(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    if (report.checkpoints_completed >= 30 && seen_now.last_longest == 2) {
        fault_now.plan.fail_at = 0;
        weir_job_stop(rig->job);
    } else if (report.checkpoints_completed > rig->completed_before) {
        rig->completed_before = report.checkpoints_completed;
        assert_shared_is_exact(rig);
        turn_now++;
        fault_now.plan.fail_at = turn_now % 2 == 0 ? fault_now.calls + 3 + turn_now / 2 % 7 : 0;
        fault_now.hit = false;
    }
    return false;
}

TEST(no_checkpoint_builds_on_one_that_failed)
{
    struct rig rig;
    struct os_fault_plan plan = { .error = EIO, .only = "sync" };
    set_up(&rig);
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "1000");
    rig_set(&rig, "parallelism.default", "2");
    rig.count = 6000;
    os_fault_init(&fault_now, os_sim_os(rig.sim), &plan);
    turn_now = 0;
    rig.os = &fault_now.os;
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, fails_syncs_in_turn));
    assert_true(rig_look(&rig).checkpoints_failed >= 10);
    assert_true(seen_now.chain_longest >= 3);
    assert_last_is_a_chain(&rig);
    fault_now.plan.fail_at = 0;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig.os = NULL;
    rig_fini(&rig);
}

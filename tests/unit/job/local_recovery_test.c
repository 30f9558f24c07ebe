/* SPDX-License-Identifier: Apache-2.0 */
/* Local recovery of whole jobs: state comes back from its local copies alone where they are whole,
 * from the checkpoint where anything is wrong with them, and right in any case. */
#include "job_rig.h"

#include <errno.h>
#include <stdlib.h>

enum {
    FILES_MAX = 64
};

#define LOCAL "/local/localState"

/* A system that counts opened files by what their paths contain. */
static const struct wr_os_ops *counted_inner;
static struct wr_os_ops counted_ops;
static unsigned local_opens;
static unsigned primary_opens; /* keyed state files of the checkpoint directory */
static char keyed_prefix[20];  /* what those files' names begin with */

static int
counted_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    const char *name = strrchr(path, '/');
    bool is_keyed = name != NULL && keyed_prefix[0] != '\0' &&
                    strncmp(name + 1, keyed_prefix, strlen(keyed_prefix)) == 0;
    if (is_keyed && (flags & WR_OPEN_WRITE) == 0) {
        local_opens += strncmp(path, "/local/", 7) == 0;
        /* not below a hidden directory: there copies are read to be made */
        primary_opens +=
            strncmp(path, RIG_DIRECTORY, strlen(RIG_DIRECTORY)) == 0 && strstr(path, "/.") == NULL;
    }
    return counted_inner->open(os, path, flags, out_file);
}

static void
count_opens(struct rig *rig)
{
    struct wr_os *os = os_sim_os(rig->sim);
    if (os->ops != &counted_ops) {
        counted_inner = os->ops;
        counted_ops = *os->ops;
        counted_ops.open = counted_open;
        os->ops = &counted_ops;
    }
    local_opens = primary_opens = 0;
}

static void
set_up(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "state.backend.local-recovery", "true");
    rig_set(rig, "execution.checkpointing.local-backup.dirs", "/local");
    rig_set(rig, "parallelism.default", "2");
    rig_set(rig, "pipeline.max-parallelism", "8");
    os_sim_directory_put(rig->sim, "/local");
    keyed_prefix[0] = '\0';
}

/* --- the files that are there --- */

struct files {
    char paths[FILES_MAX][300];
    size_t count;
};

static void
list_below(struct rig *rig, const char *path, struct files *files)
{
    struct wr_os *os = os_sim_process_create(rig->sim);
    struct wr_os_list *list;
    char name[WR_OS_NAME_MAX];
    size_t size = 0;
    if (os_sim_file_get(rig->sim, path, &size) != NULL) {
        assert_true(files->count < FILES_MAX);
        snprintf(files->paths[files->count++], sizeof files->paths[0], "%s", path);
        return;
    }
    if (os->ops->list_open(os, path, &list) != 0) {
        return;
    }
    while (os->ops->list_next(os, list, name) == 0) {
        char below[300];
        snprintf(below, sizeof below, "%.200s/%.90s", path, name);
        list_below(rig, below, files);
    }
    os->ops->list_close(os, list);
}

static int
compare_paths(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* In order, as directories give names in any: a file has the same number in a copy of the system.
 */
static struct files
local_files(struct rig *rig)
{
    struct files files = { .count = 0 };
    list_below(rig, LOCAL, &files);
    qsort(files.paths, files.count, sizeof files.paths[0], compare_paths);
    for (size_t i = 0; i < files.count; i++) { /* "<operator>-<subtask>..." */
        const char *name = strrchr(files.paths[i], '/') + 1;
        snprintf(keyed_prefix, sizeof keyed_prefix, "%.16s", name);
    }
    return files;
}

/* --- runs --- */

/* Three checkpoints are complete, and the copies are those of the newest alone. */
static bool
has_settled(struct rig *rig)
{
    char newest[40];
    struct files files = local_files(rig);
    weir_job_report report = rig_look(rig);
    snprintf(newest, sizeof newest, "/chk_%d/", (int)report.last_checkpoint_id);
    for (size_t i = 0; i < files.count; i++) {
        if (strstr(files.paths[i], newest) == NULL) {
            return false;
        }
    }
    return report.checkpoints_completed >= 3 && files.count == 2;
}

/* Runs until then, and kills the process. */
static void
run_and_kill(struct rig *rig)
{
    (void)rig_run(rig, has_settled);
    assert_true(has_settled(rig));
    os_sim_kill(rig->sim);
    rig_forget_job(rig);
}

/* Goes on where the killed process was, to the end. */
static void
go_on(struct rig *rig)
{
    rig->parameters.restore = "latest:" RIG_DIRECTORY;
    count_opens(rig);
    rig->log[0] = '\0';
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(rig, NULL));
    assert_true(rig_look(rig).restored);
    rig_assert_exactly_once(rig);
}

/* The same on a copy of the files, changed by `change`. */
struct damaged {
    struct rig rig;
    struct files files;
};

static void
begin_damaged(struct damaged *damaged, const struct rig *base)
{
    damaged->rig = *base;
    damaged->rig.parameters.log_argument = &damaged->rig;
    damaged->rig.sim = os_sim_copy(base->sim);
    damaged->files = local_files(&damaged->rig);
}

static void
end_damaged(struct damaged *damaged)
{
    go_on(&damaged->rig);
    rig_forget_job(&damaged->rig);
    os_sim_destroy(damaged->rig.sim);
}

static void
assert_fell_back(struct damaged *damaged)
{
    end_damaged(damaged);
    assert_true(primary_opens > 0);
    rig_assert_says(damaged->rig.log, "not from its local copy");
}

/* --- whole copies --- */

TEST(after_a_kill_keyed_state_is_restored_from_its_local_copies_alone)
{
    struct rig rig;
    set_up(&rig);
    run_and_kill(&rig);
    struct files files = local_files(&rig);
    assert_true(files.count >= 2); /* a file a subtask */
    for (size_t i = 0; i < files.count; i++) {
        assert_non_null(strstr(files.paths[i], "/aid_"));
        assert_non_null(strstr(files.paths[i], "/jid_"));
        assert_non_null(strstr(files.paths[i], "/vtx_"));
        assert_non_null(strstr(files.paths[i], "/chk_"));
    }
    go_on(&rig);
    assert_true(local_opens >= 2);
    assert_int_equal(primary_opens, 0);
    assert_null(strstr(rig.log, "not from its local copy"));
    rig_forget_job(&rig);
    assert_int_equal(local_files(&rig).count, 0); /* a finished job leaves nothing */
    rig_fini(&rig);
}

TEST(without_from_local_the_copies_are_made_and_not_read)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "execution.state-recovery.from-local", "false");
    run_and_kill(&rig);
    assert_true(local_files(&rig).count >= 2);
    go_on(&rig);
    assert_int_equal(local_opens, 0);
    assert_true(primary_opens >= 2);
    rig_fini(&rig);
}

TEST(without_local_backup_there_are_none)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "execution.checkpointing.local-backup.enabled", "false");
    (void)rig_run(&rig, rig_has_three_checkpoints);
    os_sim_kill(rig.sim);
    rig_forget_job(&rig);
    assert_int_equal(local_files(&rig).count, 0);
    go_on(&rig);
    assert_int_equal(local_files(&rig).count, 0);
    rig_fini(&rig);
}

TEST(a_restart_in_the_process_uses_them_too)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.attempts", "1");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 ms");
    rig.failure = RIG_FAIL_AGAIN;
    rig.fails_every = 1000;
    atomic_store(&rig.fails_left, 1);
    (void)rig_run(&rig, has_settled);
    count_opens(&rig);
    rig_step_until(&rig, NULL);
    assert_int_equal(rig_look(&rig).state, WEIR_JOB_FINISHED);
    assert_int_equal(rig_look(&rig).restarts, 1);
    rig_assert_exactly_once(&rig);
    assert_true(local_opens >= 2);
    assert_int_equal(primary_opens, 0);
    rig_forget_job(&rig);
    assert_int_equal(local_files(&rig).count, 0);
    rig_fini(&rig);
}

TEST(another_parallelism_reads_them_as_well)
{
    struct rig rig;
    set_up(&rig);
    run_and_kill(&rig);
    (void)local_files(&rig);
    rig_set(&rig, "parallelism.default", "3");
    go_on(&rig);
    assert_true(local_opens >= 2);
    assert_int_equal(primary_opens, 0);
    rig_fini(&rig);
}

static bool
has_ten_checkpoints(struct rig *rig)
{
    return rig_look(rig).checkpoints_completed >= 10;
}

static void
check_incremental(const char *backend)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "state.backend.type", backend);
    rig_set(&rig, "execution.checkpointing.incremental", "true");
    rig.keys = RIG_KEYS_MAX;
    rig.rate = 4000;
    (void)rig_run(&rig, has_ten_checkpoints);
    os_sim_kill(rig.sim);
    rig_forget_job(&rig);
    struct files files = local_files(&rig);
    assert_true(files.count > 2 && files.count < 40); /* chains, and what was not needed went */
    go_on(&rig);
    assert_true(local_opens > 2);
    assert_int_equal(primary_opens, 0);
    rig_fini(&rig);
}

TEST(a_chain_of_changes_has_all_its_local_copies)
{
    check_incremental("hashmap");
}

/* --- copies that are not whole --- */

static void
put_damaged(struct damaged *damaged, size_t number, const uint8_t *data, size_t size)
{
    os_sim_file_put(damaged->rig.sim, damaged->files.paths[number], data, size);
}

TEST(a_flipped_bit_anywhere_is_noticed_and_the_checkpoint_restored)
{
    struct rig base;
    set_up(&base);
    base.keys = 24; /* small files: every region is reached */
    run_and_kill(&base);
    unsigned flips = 0;
    unsigned fallbacks = 0;
    size_t files = local_files(&base).count;
    for (size_t i = 0; i < files; i++) {
        size_t size = 0;
        (void)os_sim_file_get(base.sim, local_files(&base).paths[i], &size);
        for (size_t at = 0; at < size; at += size / 40 + 1) {
            static struct damaged damaged;
            begin_damaged(&damaged, &base);
            const uint8_t *data = os_sim_file_get(damaged.rig.sim, damaged.files.paths[i], &size);
            uint8_t *copy = test_malloc(size);
            memcpy(copy, data, size);
            copy[at] ^= (uint8_t)(1u << (at % 8));
            put_damaged(&damaged, i, copy, size);
            test_free(copy);
            end_damaged(&damaged);
            flips++;
            fallbacks += primary_opens > 0 && strstr(damaged.rig.log, "not from its local copy");
        }
    }
    print_message("%u flips, %u fallbacks\n", flips, fallbacks);
    assert_true(flips >= 60);
    assert_int_equal(fallbacks, flips); /* at the same parallelism every byte is read */
    rig_fini(&base);
}

TEST(a_missing_a_short_and_a_long_copy_are_left_alone)
{
    struct rig base;
    set_up(&base);
    run_and_kill(&base);
    for (int how = 0; how < 4; how++) {
        static struct damaged damaged;
        begin_damaged(&damaged, &base);
        size_t size = 0;
        const uint8_t *data = os_sim_file_get(damaged.rig.sim, damaged.files.paths[0], &size);
        uint8_t *copy = test_malloc(size + 1);
        memcpy(copy, data, size);
        copy[size] = 0;
        if (how == 0) {
            struct wr_os *os = os_sim_os(damaged.rig.sim);
            assert_int_equal(os->ops->unlink(os, damaged.files.paths[0]), 0);
        } else {
            put_damaged(&damaged, 0, copy, how == 1 ? 0 : how == 2 ? size - 1 : size + 1);
        }
        test_free(copy);
        end_damaged(&damaged);
        assert_true(primary_opens > 0 && local_opens > 0); /* the other subtask's is whole */
    }
    rig_fini(&base);
}

/* The file number `number` gets these bytes, whose identity is another's. */
static void
check_swapped(const struct rig *base, size_t number, const uint8_t *data, size_t size)
{
    static struct damaged damaged;
    begin_damaged(&damaged, base);
    put_damaged(&damaged, number, data, size);
    end_damaged(&damaged);
    assert_true(primary_opens > 0);
}

TEST(files_of_other_subtasks_checkpoints_and_jobs_are_not_taken)
{
    struct rig base;
    struct rig other;
    set_up(&base);
    run_and_kill(&base);
    struct files files = local_files(&base);
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(base.sim, files.paths[1], &size);
    check_swapped(&base, 0, data, size); /* of the other subtask */

    set_up(&other); /* the same job once more: another id, another attempt */
    other.parameters.job_id = "0000000000000000000000000000000b";
    run_and_kill(&other);
    struct files others = local_files(&other);
    data = os_sim_file_get(other.sim, others.paths[0], &size);
    check_swapped(&base, 0, data, size);
    rig_fini(&other);

    static struct damaged older; /* an older checkpoint of the same subtask */
    set_up(&other);
    (void)rig_run(&other, rig_has_three_checkpoints);
    files = local_files(&other);
    data = os_sim_file_get(other.sim, files.paths[0], &size);
    uint8_t *kept = test_malloc(size);
    size_t kept_size = size;
    memcpy(kept, data, size);
    rig_step_until(&other, has_ten_checkpoints);
    os_sim_kill(other.sim);
    rig_forget_job(&other);
    begin_damaged(&older, &other);
    put_damaged(&older, 0, kept, kept_size);
    end_damaged(&older);
    assert_true(primary_opens > 0);
    test_free(kept);
    rig_fini(&other);
    rig_fini(&base);
}

TEST(copies_that_cannot_be_read_or_made_cost_nothing_but_time)
{
    struct rig base;
    set_up(&base);
    run_and_kill(&base);
    static struct damaged damaged;
    begin_damaged(&damaged, &base);
    os_sim_deny(damaged.rig.sim, LOCAL, OS_SIM_DENY_READ, EIO);
    assert_fell_back(&damaged);
    rig_fini(&base);

    struct rig rig;
    set_up(&rig);
    os_sim_deny(rig.sim, "/local", OS_SIM_DENY_WRITE, ENOSPC);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_assert_says(rig.log, "w there will be no local copies of state");
    rig_fini(&rig);

    set_up(&rig);
    os_sim_directory_put(rig.sim, LOCAL);
    os_sim_deny(rig.sim, LOCAL, OS_SIM_DENY_WRITE, ENOSPC);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    assert_int_equal(local_files(&rig).count, 0);
    rig_fini(&rig);
}

/* --- what is left --- */

static bool
keeps_few(struct rig *rig)
{
    /* two subtasks; one checkpoint complete, one under way, and one whose copies are to go */
    assert_true(local_files(rig).count <= 6);
    return false;
}

TEST(only_the_newest_checkpoints_copies_are_kept)
{
    struct rig rig;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, keeps_few));
    rig_forget_job(&rig);
    assert_int_equal(rig_count_names(&rig, LOCAL, "aid_"), 0);
    rig_fini(&rig);
}

TEST(a_failed_job_whose_parent_goes_on_keeps_its_copies)
{
    struct rig rig;
    set_up(&rig);
    rig.parameters.no_restart = true;
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, rig_breaks_after_three));
    rig_forget_job(&rig);
    assert_true(local_files(&rig).count >= 2);
    rig.failure = RIG_WELL;
    go_on(&rig);
    assert_int_equal(primary_opens, 0);
    rig_fini(&rig);
}

/* What was overtaken is in no copy: such a checkpoint is restored from its own files. */
TEST(beside_unaligned_checkpoints_nothing_is_lost_or_doubled)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "execution.checkpointing.unaligned.enabled", "true");
    rig.rate = 0; /* always full channels */
    rig.count = RIG_NUMBERS_MAX;
    (void)rig_run(&rig, rig_has_three_checkpoints);
    rig_assert_says(rig.log, "records in flight have no local copy");
    os_sim_kill(rig.sim);
    rig_forget_job(&rig);
    go_on(&rig);
    rig_fini(&rig);
}

TEST(states_in_memory_have_no_local_copies)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "execution.checkpointing.storage", "jobmanager");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_false(os_sim_directory_is_there(rig.sim, LOCAL));
    rig_fini(&rig);
}

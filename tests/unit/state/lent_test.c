/* SPDX-License-Identifier: Apache-2.0 */
/* what a state lends: in the builds that check, a copy that ends with the loan. */
#include "support/state_rig.h"

#include "state/common.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether the call ends the process with these words. */
static void
assert_dies(void (*call)(void *argument), void *argument, const char *words)
{
    int ends[2];
    char said[1024] = "";
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        call(argument);
        _exit(0);
    }
    close(ends[1]);
    size_t size = 0;
    ssize_t got;
    while ((got = read(ends[0], said + size, sizeof said - 1 - size)) > 0) {
        size += (size_t)got;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (strstr(said, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, said);
        fail();
    }
}

/* --- the copies themselves --- */

static void
give(struct wr_lent *lent, weir_bytes *bytes)
{
    wr_lent_give(lent, &bytes, 1);
}

TEST(what_is_lent_is_a_copy_that_can_be_read_until_its_loan_ends)
{
    struct wr_lent lent;
    wr_lent_init(&lent);
    const char own[] = "the engine's own";
    weir_bytes first = weir_bytes_of(own, sizeof own);
    weir_bytes second = weir_bytes_of(own, 5);
    give(&lent, &first);
    assert_ptr_not_equal(first.data, own);
    assert_memory_equal(first.data, own, sizeof own);
    wr_lent_take_back(&lent); /* a verb begins, whose argument this may be */
    assert_memory_equal(first.data, own, sizeof own);
    give(&lent, &second);
    assert_memory_equal(first.data, own, sizeof own);
    wr_lent_poison(&lent);
    assert_int_equal(*(const uint8_t *)first.data, WR_LENT_POISON);
    assert_memory_equal(second.data, own, 5);
    weir_bytes null = weir_bytes_of(NULL, 0);
    weir_bytes empty = weir_bytes_of("", 0);
    wr_lent_take_back(&lent);
    wr_lent_give(&lent, (weir_bytes *[]){ &null, &empty }, 2);
    assert_null(null.data);
    assert_non_null(empty.data);
    wr_lent_poison(&lent);
    wr_lent_fini(&lent);
}

TEST(what_is_lent_for_change_goes_to_its_place)
{
    struct wr_lent lent;
    wr_lent_init(&lent);
    uint32_t own[3] = { 1, 2, 3 };
    void *place = &own[1];
    wr_lent_give_place(&lent, &place, sizeof own[1]);
    assert_ptr_not_equal(place, &own[1]);
    *(uint32_t *)place += 40;
    assert_int_equal(own[1], 2);
    wr_lent_take_back(&lent);
    wr_lent_poison(&lent);
    assert_int_equal(own[1], 42);
    assert_int_equal(own[0] + own[2], 4);
    wr_lent_fini(&lent);
}

static void
write_what_is_read(void *argument)
{
    struct wr_lent *lent = argument;
    weir_bytes bytes = weir_bytes_of("abcdefgh", 8);
    give(lent, &bytes);
    ((uint8_t *)(uintptr_t)bytes.data)[3] = 'x';
    wr_lent_take_back(lent);
}

static void
write_too_late(void *argument)
{
    struct wr_lent *lent = argument;
    uint64_t own = 7;
    void *place = &own;
    wr_lent_give_place(lent, &place, sizeof own);
    wr_lent_take_back(lent);
    wr_lent_poison(lent);
    *(uint64_t *)place = 8;
    wr_lent_fini(lent);
}

TEST(a_write_to_what_is_lent_for_reading_ends_the_process)
{
    struct wr_lent lent;
    wr_lent_init(&lent);
    assert_dies(write_what_is_read, &lent, "a_value_lent_for_reading_was_written");
    assert_dies(write_too_late, &lent, "written_after_the_call_that_ended_its_loan");
    wr_lent_fini(&lent);
}

/* --- by the verbs --- */

struct scene {
    struct rig rig;
    weir_backend *backend;
    weir_state *counts;
    int64_t numbers[2];
    weir_key keys[2];
};

static void
scene_init(struct scene *scene)
{
    rig_init(&scene->rig);
    scene->backend = rig_open(&scene->rig, weir_type_of_kind(WEIR_I64));
    scene->counts = rig_state(&scene->rig, scene->backend, "counts", weir_type_of_kind(WEIR_I64));
    for (int i = 0; i < 2; i++) {
        scene->numbers[i] = i;
        scene->keys[i] = rig_number(&scene->rig, &scene->numbers[i]);
    }
}

static void
scene_fini(struct scene *scene)
{
    weir_backend_close(scene->backend);
    rig_fini(&scene->rig);
}

static int64_t *
upsert(struct scene *scene, int key)
{
    void *value = NULL;
    weir_state_bind(scene->counts, &scene->keys[key]);
    assert_ok(weir_value_upsert(scene->counts, &value, NULL), NULL);
    return value;
}

/* A function that keeps a pointer for the next record. */
static void
keep_a_pointer(void *argument)
{
    struct scene *scene = argument;
    int64_t *kept = upsert(scene, 0);
    *kept = 5;
    *upsert(scene, 1) = 6;
    *kept = 7; /* the loan has ended with the second call */
    upsert(scene, 0);
}

/* The same over a snapshot. */
static void
keep_a_pointer_over_a_barrier(void *argument)
{
    struct scene *scene = argument;
    int64_t *kept = upsert(scene, 0);
    *kept = 5;
    weir_backend_set_time(scene->backend, 100);
    *kept = 7;
    weir_backend_close(scene->backend);
}

static void
write_through_a_read(void *argument)
{
    struct scene *scene = argument;
    *upsert(scene, 0) = 5;
    const void *value = NULL;
    assert_ok(weir_value_find(scene->counts, &value), NULL);
    *(int64_t *)(uintptr_t)value = 6;
    upsert(scene, 1);
}

TEST(a_value_kept_beyond_its_loan_is_found)
{
    if (!wr_lends_copies) {
        skip();
    }
    struct scene scene;
    scene_init(&scene);
    assert_dies(keep_a_pointer, &scene, "written_after_the_call_that_ended_its_loan");
    assert_dies(keep_a_pointer_over_a_barrier, &scene,
                "written_after_the_call_that_ended_its_loan");
    assert_dies(write_through_a_read, &scene, "a_value_lent_for_reading_was_written");
    scene_fini(&scene);
}

TEST(values_changed_in_place_are_there_for_whoever_looks)
{
    struct scene scene;
    scene_init(&scene);
    *upsert(&scene, 0) = 5;
    *upsert(&scene, 0) += 1;
    *upsert(&scene, 1) = 9; /* lent still, when the snapshot begins */
    struct rig_file file;
    rig_snapshot(&scene.rig, scene.backend, 1, &file);
    *upsert(&scene, 1) += 100; /* lent still, when many are looked at */
    void *values[2];
    assert_ok(weir_state_upsert_many(scene.counts, scene.keys, 2, values), NULL);
    assert_int_equal(*(int64_t *)values[0], 6);
    assert_int_equal(*(int64_t *)values[1], 109);
    weir_backend *restored = rig_restore(&scene.rig, weir_type_of_kind(WEIR_I64), &file);
    weir_backend_close(scene.backend);
    scene.backend = restored;
    scene.counts = rig_state(&scene.rig, restored, "counts", weir_type_of_kind(WEIR_I64));
    assert_int_equal(*upsert(&scene, 0), 6);
    assert_int_equal(*upsert(&scene, 1), 9);
    scene_fini(&scene);
}

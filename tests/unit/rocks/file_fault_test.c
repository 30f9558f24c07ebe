/* SPDX-License-Identifier: Apache-2.0 */
/* file faults: inside the library each operation on a file fails in turn. What weir answers is then
 * a failure in words, or the truth: a snapshot that was taken is whole. */
#include "rocks_rig.h"

#include "support/rocks_env.h"

enum {
    KEYS = 200
};

static struct engine_rig rig;
static struct wr_rocks_api api;

static void
options_in_env(const rocksdb_options_t *base, const char *text, rocksdb_options_t *options,
               char **words)
{
    rocksdb_get_options_from_string(base, text, options, words);
    rocks_env_use(options);
}

static weir_status
open_in_env(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    return wr_rocks_open_with(&api, parameters, out_backend, err);
}

static const weir_backend_factory in_env = { .size = sizeof in_env,
                                             .name = "rocksdb",
                                             .open = open_in_env };

static weir_status
create(struct engine_task *task, weir_state **out_state)
{
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "sum", WEIR_I64);
    return weir_backend_create_state(task->backend, &descriptor, out_state, &rig.error);
}

/* What a verb fails with has words, and it is no answer. */
static weir_status
add(struct engine_task *task, weir_state *sums, int64_t number, int64_t more)
{
    struct rocks_key key;
    void *value = NULL;
    rocks_bind(&rig, sums, &key, number);
    weir_status status = wr_rocks_upsert(sums, &key.key, &value, NULL);
    if (status != WEIR_OK) {
        assert_true(weir_backend_explain(task->backend, &rig.error));
        return status;
    }
    *(int64_t *)value += more;
    return WEIR_OK;
}

/* Two rounds of changes, so that the second reads files; a snapshot behind each. */
static weir_status
live(struct engine_set *out_sets[2])
{
    struct engine_task task = { .first = 0 };
    weir_state *sums = NULL;
    weir_status status = engine_task_open(&rig, &task, 0, rig.max_parallelism - 1);
    if (status == WEIR_OK) {
        status = create(&task, &sums);
    }
    for (size_t round = 0; round < 2 && status == WEIR_OK; round++) {
        for (int64_t i = 0; i < KEYS && status == WEIR_OK; i++) {
            status = add(&task, sums, i, 1 + (int64_t)round);
        }
        if (status == WEIR_OK) {
            status = engine_snapshot_take(&rig, &task, &out_sets[round]);
            wr_rocks_cache_clear(&wr_rocks_state_of(sums)->cache);
        }
    }
    engine_task_close(&rig, &task);
    return status;
}

static void
assert_whole(const struct engine_set *set, int64_t sum)
{
    struct engine_task task;
    weir_state *sums = NULL;
    rocks_reopen(&rig, &task, set);
    assert_ok(create(&task, &sums), &rig.error);
    for (int64_t i = 0; i < KEYS; i++) {
        assert_int_equal(rocks_look(&rig, sums, i, -1), sum);
    }
    engine_task_close(&rig, &task);
}

TEST(every_failed_file_operation_is_told_or_harmless)
{
    api = *wr_rocks_api_real();
    api.options_from_text = options_in_env;
    rocks_begin(&rig, &rocks_full);
    rig.factory = &in_env;
    struct engine_set *sets[2] = { NULL, NULL };
    rocks_env_fail_at(0);
    assert_ok(live(sets), &rig.error);
    uint64_t all = rocks_env_count();
    assert_true(all > 30);
    size_t told = 0;
    for (uint64_t n = 0; n <= all; n++) {
        if (n > 0) {
            rocks_env_fail_at(n);
            memset(&rig.error, 0, sizeof rig.error);
            weir_status status = live(sets);
            assert_true(status == WEIR_OK || strstr(rig.error.message, "rocksdb") != NULL);
            told += status != WEIR_OK;
        }
        rocks_env_fail_at(0);
        for (size_t round = 0; round < 2; round++) {
            if (sets[round] != NULL) {
                assert_whole(sets[round], round == 0 ? 1 : 3);
            }
            engine_set_release(&rig, sets[round]);
            sets[round] = NULL;
        }
    }
    assert_true(told > all / 2);
    engine_rig_fini(&rig);
}

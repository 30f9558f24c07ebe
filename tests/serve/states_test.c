/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what a client reads of the sizes of states and of memory, held against the job's own
 * view and against what the job has counted. */
#include "rig.h"

#include <string.h>

enum {
    NUMBERS = 2000
};

/* The job has ended: what it held at the end stays to be seen. */
static void
run_to_end(struct rig *rig)
{
    rig_init(rig);
    rig->count = NUMBERS;
    rig->rate = 0;
    rig_start(rig);
    rig_wait_state(rig, WEIR_JOB_FINISHED);
}

/* As the view has it; its parts are its sums. */
static void
assert_shown(const json_t *one, const weir_job_view *view, const weir_state_view *shown)
{
    json_int_t entries = 0;
    json_int_t bytes = 0;
    assert_string_equal(shown->name, rig_text_at(one, "name"));
    assert_string_equal(shown->kind, rig_text_at(one, "kind"));
    assert_string_equal(shown->backend, rig_text_at(one, "backend"));
    assert_string_equal(shown->operator_->uid, rig_text_at(one, "operator.uid"));
    assert_string_equal(view->vertices[shown->vertex].id, rig_text_at(one, "vertex-id"));
    assert_int_equal(shown->all.entries, rig_number_at(one, "entries"));
    assert_int_equal(shown->all.bytes, rig_number_at(one, "bytes"));
    assert_int_equal(shown->subtask_count, json_array_size(rig_at(one, "subtasks")));
    for (size_t j = 0; j < shown->subtask_count; j++) {
        const json_t *subtask = json_array_get(rig_at(one, "subtasks"), j);
        assert_int_equal(j, rig_number_at(subtask, "subtask"));
        entries += rig_number_at(subtask, "entries");
        bytes += rig_number_at(subtask, "bytes");
    }
    assert_int_equal(rig_number_at(one, "entries"), entries);
    assert_int_equal(rig_number_at(one, "bytes"), bytes);
}

TEST(states_are_shown_with_their_size_in_all_and_in_each_subtask)
{
    struct rig rig;
    run_to_end(&rig);
    struct rig_answer *answer = rig_get(&rig, "/weir/v1/states");
    assert_int_equal(200, answer->code);
    const weir_job_view *view = rig_view(&rig);
    assert_string_equal(view->id, rig_text_at(answer->json, "job-id"));
    size_t count = json_array_size(rig_at(answer->json, "states"));
    assert_int_equal(view->state_count, count);
    assert_true(count >= 1);
    bool has_sum = false;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(rig_at(answer->json, "states"), i);
        assert_shown(one, view, &view->states[i]);
        if (strcmp(view->states[i].name, "sum") == 0) {
            has_sum = true;
            assert_string_equal("VALUE", rig_text_at(one, "kind"));
            assert_string_equal("hashmap", rig_text_at(one, "backend"));
            assert_string_equal("sums", rig_text_at(one, "operator.uid"));
            assert_true(json_is_true(rig_at(one, "exact")));
            assert_int_equal(RIG_KEYS, rig_number_at(one, "entries"));
            assert_true(rig_number_at(one, "bytes") > 0);
        }
    }
    assert_true(has_sum);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(memory_is_shown_by_pool_with_what_each_may_use)
{
    struct rig rig;
    run_to_end(&rig);
    struct rig_answer *answer = rig_get(&rig, "/weir/v1/memory");
    assert_int_equal(200, answer->code);
    const weir_job_view *view = rig_view(&rig);
    size_t count = json_array_size(rig_at(answer->json, "pools"));
    assert_int_equal(view->memory_count, count);
    assert_int_equal(4, count); /* the hashmap engine has no memory of its own */
    for (size_t i = 0; i < count; i++) {
        const json_t *pool = json_array_get(rig_at(answer->json, "pools"), i);
        assert_string_equal(view->memory[i].name, rig_text_at(pool, "name"));
        assert_int_equal(view->memory[i].peak_bytes, rig_number_at(pool, "peak-bytes"));
        assert_true(rig_number_at(pool, "used-bytes") <= rig_number_at(pool, "peak-bytes"));
        assert_true(rig_number_at(pool, "peak-bytes") <= rig_number_at(pool, "budget-bytes"));
    }
    assert_string_equal("state", rig_text_at(answer->json, "pools.0.name"));
    assert_true(rig_number_at(answer->json, "pools.0.peak-bytes") > 0);
    assert_int_equal(64 << 20, rig_number_at(answer->json, "pools.0.budget-bytes"));
    weir_job_view_free(view);
    rig_fini(&rig);
}

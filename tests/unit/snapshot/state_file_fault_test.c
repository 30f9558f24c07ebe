/* SPDX-License-Identifier: Apache-2.0 */
/* A state file under faults: every call of the system, every allocation and every bit, each in
 * turn. */
#include "scene.h"

#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>

static const char path[] = "/d/f";
static const struct content content = {
    .seed = 11, .block_count = 12, .block_size_max = 2500, .list_count = 3
};

/* Writes the file and reads it back, on scene->os and scene->alloc; the first failure's status.
 * Everything is closed behind it. */
static weir_status
write_and_read(struct scene *scene, struct wr_state_file_result *out_result)
{
    struct wr_state_file_identity identity = scene_identity(7, 3);
    struct wr_state_file_parameters parameters = scene_parameters(scene, path, identity);
    weir_block_writer *writer = NULL;
    WR_TRY(wr_state_file_create(&parameters, &writer, &scene->err));
    weir_status status = content_try_write(scene, &content, writer);
    struct wr_state_file_reply reply = { .context = scene };
    if (status == WEIR_OK) {
        status = wr_state_file_finish(writer, &reply);
        assert_int_equal(status, WEIR_OK);
    } else {
        snprintf(scene->err.message, sizeof scene->err.message, "writing: %d", (int)status);
        wr_state_file_abort(writer, &reply);
    }
    scene_run_io(scene);
    assert_ptr_equal(wr_mailbox_pop(&scene->replies), &reply.letter);
    wr_state_file_destroy(writer);
    *out_result = reply.result;
    WR_TRY(status);
    if (reply.result.status != WEIR_OK) {
        scene->err = reply.result.error;
        return reply.result.status;
    }
    struct wr_state_file_open open = scene_open(scene, path, identity, &reply.result);
    open.ahead_size = 4096; /* the content is of several */
    weir_block_reader *reader = NULL;
    WR_TRY(wr_state_file_open(&open, &reader, &scene->err));
    uint32_t blocks = 0;
    status = content_read(&content, reader, 100, &blocks, &scene->err);
    if (status == WEIR_OK) {
        assert_int_equal(blocks, content.block_count);
        status = wr_state_file_verify(reader, &scene->err);
    }
    wr_state_file_close(reader);
    return status;
}

/* A close; the direct open that is tried again; what reads ahead, whose reader then reads for
 * itself: its open is the only one that can fail and all be well. */
static bool
may_fail_unseen(const struct os_fault *fault)
{
    static const char *const names[] = { "close", "open", "reads_open", "read_begin", "read_end" };
    bool may = fault->plan.error == EINVAL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        may = may || strcmp(fault->hit_name, names[i]) == 0;
    }
    return may;
}

/* One point; true: it was reached. A failure has words; a file that was not finished is gone. */
static bool
run_point(const struct os_fault_plan *plan)
{
    struct scene scene;
    struct os_fault fault;
    scene_init(&scene, NULL);
    os_fault_init(&fault, scene.os, plan);
    scene.os = &fault.os;
    wr_executor_init(&scene.executor, scene.os);
    wr_parker_init(&scene.parker, scene.os);
    struct wr_state_file_result result = { .status = WEIR_IO };
    weir_status status = write_and_read(&scene, &result);
    bool hit = fault.hit;
    bool is_absorbed = plan->error == EINTR || plan->error == OS_FAULT_SHORT;
    if (status != WEIR_OK) {
        assert_true(hit);
        assert_true(plan->sticky || strncmp(fault.hit_name, "read_", 5) != 0); /* only a help */
        assert_true(scene.err.message[0] != '\0');
    } else if (hit && !is_absorbed) {
        assert_true(may_fail_unseen(&fault));
    }
    if (result.status != WEIR_OK && !plan->sticky) {
        size_t size = 0;
        bool is_there = os_sim_file_get(scene.sim, path, &size) != NULL;
        assert_true(!is_there || strcmp(fault.hit_name, "open") == 0);
    }
    scene_fini(&scene);
    return hit;
}

TEST(every_failed_call_fails_the_state_file_with_words)
{
    static const int errors[] = { EIO, ENOSPC, EINTR, EINVAL, OS_FAULT_SHORT };
    unsigned points = 0;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        for (int how = 0; how < 4; how++) {
            struct os_fault_plan plan = { .error = errors[i], .sticky = how & 1, .after = how & 2 };
            if ((plan.error == EINTR || plan.error == OS_FAULT_SHORT) && plan.after) {
                continue;
            }
            for (plan.fail_at = 1; run_point(&plan); plan.fail_at++) {
                points++;
            }
        }
    }
    print_message("%u points\n", points);
    assert_true(points > 200);
}

TEST(every_failed_allocation_fails_the_state_file)
{
    unsigned unseen = 0;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        alloc_fault_init(&fault, fail_at, fail_at % 2 == 0);
        scene.alloc = alloc_fault_alloc(&fault);
        struct wr_state_file_result result;
        weir_status status = write_and_read(&scene, &result);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        bool was_refused = fault.refused > 0;
        scene_fini(&scene);
        if (!was_refused) {
            assert_ok(status, &scene.err);
            assert_true(fail_at > 10);
            break;
        }
        if (status == WEIR_OK) {
            unseen++;
            continue;
        }
        assert_int_equal(status, WEIR_NOMEM);
    }
    assert_in_range(unseen, 1, 2); /* what reads ahead, and its buffers, where others get theirs */
}

/* Opens and reads all of the bytes in `data`; they must be refused, whole or not. */
static void
assert_refused(struct scene *scene, const struct wr_state_file_result *result, const uint8_t *data,
               size_t size)
{
    os_sim_file_put(scene->sim, path, data, size);
    struct wr_state_file_open open = scene_open(scene, path, scene_identity(7, 3), result);
    weir_block_reader *reader = NULL;
    scene->err.message[0] = '\0';
    weir_status status = wr_state_file_open(&open, &reader, &scene->err);
    if (status == WEIR_OK) {
        uint32_t blocks = 0;
        status = content_read(&content, reader, 100, &blocks, &scene->err);
        wr_state_file_close(reader);
    }
    assert_true(status == WEIR_CORRUPT || status == WEIR_VERSION);
    assert_non_null(strstr(scene->err.message, path));
}

/* The file's bytes, to be freed with test_free. */
static uint8_t *
make_bytes(struct scene *scene, struct wr_state_file_result *out_result)
{
    *out_result = content_make(scene, &content, path, scene_identity(7, 3));
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(scene->sim, path, &size);
    uint8_t *copy = test_malloc(size);
    memcpy(copy, data, size);
    return copy;
}

TEST(every_truncation_of_a_state_file_is_noticed)
{
    struct os_sim_config config = { .no_log = true };
    struct scene scene;
    scene_init(&scene, &config);
    struct wr_state_file_result result;
    uint8_t *data = make_bytes(&scene, &result);
    for (size_t size = 0; size < result.size;
         size += size < 300 || size + 900 > result.size ? 1 : 37) {
        assert_refused(&scene, &result, data, size);
        struct wr_state_file_result lied = { .size = size, .crc = result.crc };
        assert_refused(&scene, &lied, data, size); /* the manifest says the same */
    }
    test_free(data);
    scene_fini(&scene);
}

TEST(a_state_file_of_garbage_with_right_checksums_neither_crashes_nor_takes_memory)
{
    struct os_sim_config config = { .no_log = true };
    struct scene scene;
    scene_init(&scene, &config);
    struct wr_state_file_result result;
    uint8_t *data = make_bytes(&scene, &result);
    uint8_t *copy = test_malloc(result.size);
    size_t footer = result.size - 64;
    size_t directory = (size_t)wr_get_u64(data + footer);
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    scene.alloc = alloc_fault_alloc(&fault);
    struct wr_rng rng;
    wr_rng_init(&rng, 99);
    for (int round = 0; round < 20000; round++) {
        memcpy(copy, data, result.size);
        for (uint64_t i = 0; i <= wr_rng_below(&rng, 3); i++) {
            uint64_t where = wr_rng_below(&rng, 8);
            size_t first = where == 0 ? footer : where == 1 ? 0 : directory;
            size_t end = where == 0 ? result.size : where == 1 ? 128 : footer;
            uint8_t value = (uint8_t)wr_rng_next(&rng);
            copy[first + wr_rng_below(&rng, end - first)] = value % 3 == 0 ? 0xff : value;
        }
        wr_put_u32(copy + 124, wr_crc32c(0, copy, 124));
        wr_put_u32(copy + footer - 4, wr_crc32c(0, copy + directory, footer - 4 - directory));
        wr_put_u32(copy + footer + 44, wr_get_u32(copy + 124));
        wr_put_u32(copy + footer + 52, wr_crc32c(0, copy + footer, 52));
        os_sim_file_put(scene.sim, path, copy, result.size);
        struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
        weir_block_reader *reader = NULL;
        weir_status status = wr_state_file_open(&open, &reader, &scene.err);
        assert_true(status == WEIR_OK || status == WEIR_CORRUPT || status == WEIR_VERSION);
        weir_block block;
        while (status == WEIR_OK &&
               (status = weir_block_reader_next(reader, &block, &scene.err)) == WEIR_OK) {
            uint8_t byte;
            for (uint64_t i = 0; i < block.size && status == WEIR_OK; i++) {
                status = weir_block_reader_read(reader, &byte, 1, &scene.err);
            }
            assert_int_equal(weir_block_reader_read(reader, &byte, 1, &scene.err), WEIR_CORRUPT);
        }
        wr_state_file_close(reader);
        assert_true(fault.live_bytes_max < 256 * 1024);
    }
    test_free(copy);
    test_free(data);
    assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
    scene_fini(&scene);
}

TEST(a_file_of_another_checkpoint_subtask_operator_or_attempt_is_refused)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_state_file_identity identity = scene_identity(7, 3);
    struct wr_state_file_result result = content_make(&scene, &content, path, identity);
    for (int i = 0; i < 4; i++) {
        struct wr_state_file_open open = scene_open(&scene, path, identity, &result);
        open.identity.checkpoint_id += i == 0;
        open.identity.subtask += i == 1;
        open.identity.operator_id[15] ^= i == 2;
        open.identity.attempt[15] ^= i == 3;
        weir_block_reader *reader = NULL;
        assert_int_equal(wr_state_file_open(&open, &reader, &scene.err), WEIR_CORRUPT);
        assert_non_null(strstr(scene.err.message, path));
    }
    struct wr_state_file_open open = scene_open(&scene, "/d/none", identity, &result);
    weir_block_reader *reader = NULL;
    assert_int_equal(wr_state_file_open(&open, &reader, &scene.err), WEIR_CORRUPT);
    scene_fini(&scene);
}

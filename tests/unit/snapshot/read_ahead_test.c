/* SPDX-License-Identifier: Apache-2.0 */
/* What is read ahead of a restore is what a reader would have read for itself: the same bytes, of
 * the wanted blocks alone, each once; and where it cannot be, the reader does without. */
#include "scene.h"

#include "support/common_os_fault.h"

#include <errno.h>

static const char path[] = "/d/f";

enum {
    PIECE = 4096,
    BLOCKS = 60
};

static const struct content content = {
    .seed = 21, .block_count = BLOCKS, .block_size_max = 9000, .list_count = 3
};

/* Reads the blocks of key groups [first, last] by `step` bytes, read ahead by `piece` at a time.
 * How many calls of `name` that took. */
static uint64_t
reads(struct scene *scene, const struct wr_state_file_result *result, const char *name,
      uint32_t first, uint32_t last, size_t piece, size_t step)
{
    struct os_fault counter;
    struct os_fault_plan plan = { .only = name };
    os_fault_init(&counter, scene->os, &plan);
    struct wr_state_file_open open = scene_open(scene, path, scene_identity(7, 3), result);
    open.os = &counter.os;
    open.key_group_first = first;
    open.key_group_last = last;
    open.ahead_size = piece;
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene->err), &scene->err);
    uint32_t blocks = 0;
    assert_ok(content_read(&content, reader, step, &blocks, &scene->err), &scene->err);
    assert_int_equal(blocks, last - first + 1);
    wr_state_file_close(reader);
    return counter.calls;
}

/* Of the file's sectors, those that hold bytes of the blocks of [first, last]. */
static uint64_t
sectors_of(uint32_t first, uint32_t last)
{
    static uint8_t bytes[9000];
    uint64_t at = 128;
    uint64_t start = 0;
    for (uint32_t i = 0; i <= last; i++) {
        start = i == first ? at : start;
        at += content_block(&content, i, bytes);
    }
    return (at + PIECE - 1) / PIECE - start / PIECE;
}

static struct wr_state_file_result
begin(struct scene *scene, const struct os_sim_config *config)
{
    scene_init(scene, config);
    return content_make(scene, &content, path, scene_identity(7, 3));
}

TEST(each_sector_of_the_wanted_blocks_is_read_ahead_once)
{
    static const uint32_t ranges[][2] = { { 0, BLOCKS - 1 }, { 10, 19 },         { 0, 5 },
                                          { 59, 59 },        { 40, BLOCKS - 1 }, { 7, 8 } };
    static const size_t steps[] = { 1, 700, 4096, 70000 };
    struct scene scene;
    struct wr_state_file_result result = begin(&scene, NULL);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint64_t wanted = sectors_of(ranges[i][0], ranges[i][1]);
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            uint64_t begun =
                reads(&scene, &result, "read_begin", ranges[i][0], ranges[i][1], PIECE, steps[k]);
            assert_true(begun == wanted || (begun == 0 && wanted <= 2));
        }
    }
    scene_fini(&scene);
}

TEST(a_piece_may_hold_many_blocks_or_a_part_of_one)
{
    struct scene scene;
    struct wr_state_file_result result = begin(&scene, NULL);
    for (size_t piece = PIECE; piece < 40 * (size_t)PIECE; piece += PIECE) {
        uint64_t ended = reads(&scene, &result, "read_end", 3, 50, piece, 5000);
        uint64_t sectors = sectors_of(3, 50);
        assert_in_range(ended, sectors / (piece / PIECE), sectors / (piece / PIECE) + 1);
    }
    scene_fini(&scene);
}

TEST(little_is_not_read_ahead)
{
    struct scene scene;
    struct wr_state_file_result result = begin(&scene, NULL);
    assert_int_equal(reads(&scene, &result, "reads_open", 0, BLOCKS - 1, 0, 700), 0);
    scene_fini(&scene);
}

TEST(a_file_system_without_direct_reads_is_read_as_ever)
{
    struct scene scene;
    struct os_sim_config config = { .refuse_direct = true };
    struct wr_state_file_result result = begin(&scene, &config);
    assert_int_equal(reads(&scene, &result, "read_begin", 0, BLOCKS - 1, PIECE, 700), 0);
    scene_fini(&scene);
}

/* An engine may leave blocks early, or pass over them. */
TEST(blocks_that_are_left_early_do_not_stop_it)
{
    struct scene scene;
    struct wr_state_file_result result = begin(&scene, NULL);
    struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
    open.ahead_size = PIECE;
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    static uint8_t bytes[9000];
    static uint8_t got[9000];
    weir_block block;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        assert_ok(weir_block_reader_next(reader, &block, &scene.err), &scene.err);
        size_t size = content_block(&content, i, bytes);
        assert_int_equal(block.size, size);
        size_t wanted = i % 7 < 4 ? 0 : i % 7 == 4 ? size / 3 : size;
        assert_ok(weir_block_reader_read(reader, got, wanted, &scene.err), &scene.err);
        assert_memory_equal(got, bytes, wanted);
    }
    wr_state_file_close(reader);
    scene_fini(&scene);
}

/* The first bytes that were read ahead may be wrong: the checksum says so as ever. */
TEST(a_flipped_bit_is_refused_when_read_ahead_too)
{
    struct scene scene;
    struct wr_state_file_result result = begin(&scene, NULL);
    size_t size = 0;
    const uint8_t *there = os_sim_file_get(scene.sim, path, &size);
    uint8_t *bytes = test_malloc(size);
    memcpy(bytes, there, size);
    bytes[5000] ^= 4;
    os_sim_file_put(scene.sim, path, bytes, size);
    test_free(bytes);
    struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
    open.ahead_size = PIECE;
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    weir_status status = WEIR_OK;
    weir_block block;
    static uint8_t got[9000];
    while (status == WEIR_OK && weir_block_reader_next(reader, &block, &scene.err) == WEIR_OK) {
        status = weir_block_reader_read(reader, got, (size_t)block.size, &scene.err);
    }
    assert_int_equal(status, WEIR_CORRUPT);
    wr_state_file_close(reader);
    scene_fini(&scene);
}

/* A read that ends badly, again and again, must not be waited for: the reader reads for itself. */
TEST(a_read_that_fails_is_not_asked_for_again)
{
    static const int errors[] = { EIO, EINTR };
    struct scene scene;
    struct wr_state_file_result result = begin(&scene, NULL);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct os_fault fault;
        struct os_fault_plan plan = { .only = "read_end", .error = errors[i], .fail_at = 1 };
        os_fault_init(&fault, scene.os, &plan);
        struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
        open.os = &fault.os;
        open.ahead_size = PIECE;
        weir_block_reader *reader = NULL;
        assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
        uint32_t blocks = 0;
        assert_ok(content_read(&content, reader, 700, &blocks, &scene.err), &scene.err);
        assert_int_equal(blocks, BLOCKS);
        assert_int_equal(fault.calls, 1);
        wr_state_file_close(reader);
    }
    scene_fini(&scene);
}

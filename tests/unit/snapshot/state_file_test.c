/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to a state file is read from it, whatever the sizes of blocks, buffers and reads.
 */
#include "scene.h"

static const char path[] = "/d/f";

static void
round_trip(const struct os_sim_config *config, const struct content *content)
{
    struct scene scene;
    scene_init(&scene, config);
    struct wr_state_file_identity identity = scene_identity(7, 3);
    struct wr_state_file_result result = content_make(&scene, content, path, identity);
    size_t size = 0;
    assert_non_null(os_sim_file_get(scene.sim, path, &size));
    assert_int_equal(size, result.size); /* padding was cut */
    static const size_t steps[] = { 1, 13, 4096, 65536, 200000 };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct wr_state_file_open open = scene_open(&scene, path, identity, &result);
        weir_block_reader *reader = NULL;
        assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
        uint32_t blocks = 0;
        assert_ok(content_read(content, reader, steps[i], &blocks, &scene.err), &scene.err);
        assert_int_equal(blocks, content->block_count);
        assert_ok(wr_state_file_verify(reader, &scene.err), &scene.err);
        wr_state_file_close(reader);
    }
    scene_fini(&scene);
}

TEST(a_state_file_gives_back_what_was_written)
{
    struct content content = {
        .seed = 1, .block_count = 60, .block_size_max = 900, .list_count = 9
    };
    round_trip(NULL, &content);
}

TEST(blocks_span_buffers)
{
    struct content content = { .seed = 2, .block_count = 5, .block_size_max = 150000 };
    round_trip(NULL, &content);
}

TEST(many_tiny_blocks_stand_in_one_buffer)
{
    struct content content = {
        .seed = 3, .block_count = 128, .block_size_max = 3, .list_count = 1
    };
    round_trip(NULL, &content);
}

TEST(an_empty_state_file_is_read)
{
    struct content content = { .seed = 4 };
    round_trip(NULL, &content);
}

TEST(a_file_system_without_direct_writes_is_written_buffered)
{
    struct os_sim_config config = { .refuse_direct = true };
    struct content content = {
        .seed = 5, .block_count = 60, .block_size_max = 900, .list_count = 2
    };
    round_trip(&config, &content);
}

TEST(every_length_around_a_buffers_end_is_read_back)
{
    /* header, blocks and directory end before, at and behind the multiples of 4096 */
    for (size_t size = 4096 - 128 - 300; size < 4096 - 128 + 40; size++) {
        struct scene scene;
        scene_init(&scene, NULL);
        struct wr_state_file_identity identity = scene_identity(1, 0);
        struct wr_state_file_parameters parameters = scene_parameters(&scene, path, identity);
        weir_block_writer *writer = NULL;
        assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
        weir_state_descriptor value = { .size = sizeof value,
                                        .kind = WEIR_STATE_VALUE,
                                        .name = "s",
                                        .type = weir_type_of_kind(WEIR_BYTES) };
        uint16_t number;
        assert_int_equal(weir_block_writer_add_state(writer, &value, &number), WEIR_OK);
        uint8_t bytes[8192];
        memset(bytes, 0x5A, sizeof bytes);
        assert_int_equal(weir_block_writer_write(writer, bytes, size), WEIR_OK);
        weir_block block = { .kind = WEIR_BLOCK_IMAGE, .key_group = 3, .entries = 1 };
        assert_int_equal(weir_block_writer_end_block(writer, &block), WEIR_OK);
        struct wr_state_file_result result = scene_finish(&scene, writer);
        assert_ok(result.status, &result.error);
        struct wr_state_file_open open = scene_open(&scene, path, identity, &result);
        weir_block_reader *reader = NULL;
        assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
        assert_ok(weir_block_reader_next(reader, &block, &scene.err), &scene.err);
        assert_int_equal(block.size, size);
        assert_int_equal(block.kind, WEIR_BLOCK_IMAGE);
        uint8_t got[8192];
        assert_ok(weir_block_reader_read(reader, got, size, &scene.err), &scene.err);
        assert_memory_equal(got, bytes, size);
        assert_ok(wr_state_file_verify(reader, &scene.err), &scene.err);
        wr_state_file_close(reader);
        scene_fini(&scene);
    }
}

TEST(only_blocks_of_wanted_key_groups_are_given)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct content content = {
        .seed = 6, .block_count = 50, .block_size_max = 90, .list_count = 3
    };
    struct wr_state_file_identity identity = scene_identity(7, 3);
    struct wr_state_file_result result = content_make(&scene, &content, path, identity);
    struct wr_state_file_open open = scene_open(&scene, path, identity, &result);
    open.key_group_first = 10;
    open.key_group_last = 19;
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    uint32_t blocks = 0;
    assert_ok(content_read(&content, reader, 11, &blocks, &scene.err), &scene.err);
    assert_int_equal(blocks, 10);
    wr_state_file_close(reader);
    scene_fini(&scene);
}

TEST(states_come_back_with_names_and_types)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct content content = { .seed = 6, .list_count = 3 };
    struct wr_state_file_identity identity = scene_identity(7, 3);
    struct wr_state_file_result result = content_make(&scene, &content, path, identity);
    struct wr_state_file_open open = scene_open(&scene, path, identity, &result);
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    assert_int_equal(weir_block_reader_state_count(reader), 2);
    weir_state_descriptor descriptor;
    weir_block_reader_state(reader, 0, &descriptor);
    assert_string_equal(descriptor.name, "counts");
    assert_int_equal(descriptor.kind, WEIR_STATE_VALUE);
    assert_int_equal(weir_type_kind(descriptor.type), WEIR_I64);
    weir_block_reader_state(reader, 1, &descriptor);
    assert_string_equal(descriptor.name, "offsets");
    assert_int_equal(descriptor.kind, WEIR_STATE_LIST);
    assert_int_equal(descriptor.list_mode, WEIR_LIST_SPLIT);
    uint32_t count = 0;
    assert_int_equal(
        wr_state_file_list(reader, "others", content_check_element, &count, &scene.err),
        WEIR_NOT_FOUND);
    wr_state_file_close(reader);
    scene_fini(&scene);
}

TEST(room_is_what_can_be_written_without_waiting)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_state_file_parameters parameters =
        scene_parameters(&scene, path, scene_identity(1, 0));
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    assert_int_equal(weir_block_writer_room(writer), 2 * 4096 - 128);
    uint8_t bytes[5 * 4096] = { 1 };
    assert_int_equal(weir_block_writer_write(writer, bytes, 2 * 4096 - 128), WEIR_OK);
    assert_int_equal(weir_block_writer_room(writer), 0);
    assert_true(
        wr_executor_step(&scene.executor)); /* the first buffer is written, and free again */
    assert_int_equal(weir_block_writer_room(writer), 4096);
    /* more than there is room for: extra buffers, nothing is short */
    assert_int_equal(weir_block_writer_write(writer, bytes, sizeof bytes), WEIR_OK);
    weir_state_descriptor value = { .size = sizeof value,
                                    .kind = WEIR_STATE_VALUE,
                                    .name = "s",
                                    .type = weir_type_of_kind(WEIR_BYTES) };
    uint16_t number;
    assert_int_equal(weir_block_writer_add_state(writer, &value, &number), WEIR_OK);
    weir_block block = { .kind = WEIR_BLOCK_IMAGE, .state = number };
    assert_int_equal(weir_block_writer_end_block(writer, &block), WEIR_OK);
    struct wr_state_file_result result = scene_finish(&scene, writer);
    assert_ok(result.status, &result.error);
    assert_true(result.size > 7 * 4096 - 128);
    scene_fini(&scene);
}

TEST(finish_within_a_block_is_refused)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_state_file_parameters parameters =
        scene_parameters(&scene, path, scene_identity(1, 0));
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    assert_int_equal(weir_block_writer_write(writer, "x", 1), WEIR_OK);
    weir_block block = { .kind = WEIR_BLOCK_IMAGE, .state = 0 };
    assert_int_equal(weir_block_writer_end_block(writer, &block), WEIR_INVALID); /* no such state */
    struct wr_state_file_reply reply;
    assert_int_equal(wr_state_file_finish(writer, &reply), WEIR_INVALID);
    wr_state_file_abort(writer, &reply);
    scene_run_io(&scene);
    assert_ptr_equal(wr_mailbox_pop(&scene.replies), &reply.letter);
    assert_int_equal(reply.result.status, WEIR_CANCELLED);
    wr_state_file_destroy(writer);
    scene_fini(&scene);
}

TEST(an_aborted_state_file_is_removed)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_state_file_parameters parameters =
        scene_parameters(&scene, path, scene_identity(1, 0));
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    uint8_t bytes[3 * 4096] = { 1 };
    assert_int_equal(weir_block_writer_write(writer, bytes, sizeof bytes), WEIR_OK);
    assert_true(wr_executor_step(&scene.executor));
    assert_non_null(os_sim_file_get(scene.sim, path, &(size_t){ 0 }));
    struct wr_state_file_reply reply;
    wr_state_file_abort(writer, &reply);
    scene_run_io(&scene);
    assert_ptr_equal(wr_mailbox_pop(&scene.replies), &reply.letter);
    assert_int_equal(reply.result.status, WEIR_CANCELLED);
    assert_null(os_sim_file_get(scene.sim, path, &(size_t){ 0 }));
    wr_state_file_destroy(writer);
    scene_fini(&scene);
}

TEST(a_file_that_is_there_is_never_written_over)
{
    struct scene scene;
    scene_init(&scene, NULL);
    os_sim_file_put(scene.sim, path, "precious", 8);
    struct wr_state_file_parameters parameters =
        scene_parameters(&scene, path, scene_identity(1, 0));
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    struct wr_state_file_result result = scene_finish(&scene, writer);
    assert_int_equal(result.status, WEIR_IO);
    assert_non_null(strstr(result.error.message, path));
    size_t size = 0;
    assert_memory_equal(os_sim_file_get(scene.sim, path, &size), "precious", 8);
    scene_fini(&scene);
}

TEST(a_full_disk_fails_the_state_file_with_its_path)
{
    struct os_sim_config config = { .space_bytes = 6000 };
    struct scene scene;
    scene_init(&scene, &config);
    struct content content = { .seed = 1, .block_count = 60, .block_size_max = 900 };
    struct wr_state_file_parameters parameters =
        scene_parameters(&scene, path, scene_identity(1, 0));
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    content_write(&scene, &content, writer);
    struct wr_state_file_result result = scene_finish(&scene, writer);
    assert_int_equal(result.status, WEIR_IO);
    assert_non_null(strstr(result.error.message, path));
    assert_null(os_sim_file_get(scene.sim, path, &(size_t){ 0 }));
    scene_fini(&scene);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The files that an engine keeps itself travel with the state file: copied, checksummed, verified
 * before anybody looks into them; what the last checkpoint contains is not copied again. */
#include "scene.h"

#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>

static const char path[] = "/d/f";
static const char prefix[] = "/d/op-3-7-a-";

enum {
    BIG = 3 * 4096 + 100
};

static bool
knows_one(void *argument, const char *name, uint64_t bytes)
{
    (void)argument;
    return strcmp(name, "000001.sst") == 0 && bytes == 5;
}

static void
put_sources(struct scene *scene)
{
    uint8_t big[BIG];
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (uint8_t)(i * 7);
    }
    os_sim_directory_put(scene->sim, "/e");
    os_sim_file_put(scene->sim, "/e/CURRENT", "MANIFEST-4\n", 11);
    os_sim_file_put(scene->sim, "/e/000001.sst", "known", 5);
    os_sim_file_put(scene->sim, "/e/000002.sst", big, sizeof big);
    os_sim_file_put(scene->sim, "/e/EMPTY", "", 0);
}

static weir_status
add(weir_block_writer *writer, const char *name, uint64_t bytes, bool is_shared)
{
    char source[256];
    snprintf(source, sizeof source, "/e/%s", name);
    weir_snapshot_file file = {
        .size = sizeof file, .name = name, .path = source, .bytes = bytes, .is_shared = is_shared
    };
    return weir_block_writer_add_file(writer, &file);
}

static weir_status
add_all(weir_block_writer *writer)
{
    WR_TRY(add(writer, "CURRENT", 11, false));
    WR_TRY(add(writer, "000001.sst", 5, true));
    WR_TRY(add(writer, "000002.sst", BIG, true));
    return add(writer, "EMPTY", 0, false);
}

static weir_block_writer *
open_writer(struct scene *scene, uint64_t inline_max, uint64_t memory_max)
{
    struct wr_state_file_parameters parameters =
        scene_parameters(scene, path, scene_identity(7, 3));
    parameters.engine_prefix = prefix;
    parameters.is_known = knows_one;
    parameters.inline_max = inline_max;
    parameters.memory_max = memory_max;
    parameters.inline_alloc = scene->alloc;
    weir_block_writer *writer = NULL;
    weir_status status = wr_state_file_create(&parameters, &writer, &scene->err);
    return status == WEIR_OK ? writer : NULL;
}

/* Enters all and finishes; the writer is not destroyed. */
static struct wr_state_file_result
finish(struct scene *scene, weir_block_writer *writer)
{
    struct wr_state_file_reply reply = { .context = scene };
    assert_int_equal(wr_state_file_finish(writer, &reply), WEIR_OK);
    scene_run_io(scene);
    assert_ptr_equal(wr_mailbox_pop(&scene->replies), &reply.letter);
    return reply.result;
}

TEST(engine_files_are_copied_and_given_back_where_they_lie)
{
    struct scene scene;
    scene_init(&scene, NULL);
    put_sources(&scene);
    weir_block_writer *writer = open_writer(&scene, 0, 0);
    assert_non_null(writer);
    assert_int_equal(add_all(writer), WEIR_OK);
    struct wr_state_file_result result = finish(&scene, writer);
    assert_ok(result.status, &result.error);
    assert_int_equal(wr_state_file_engine_count(writer), 4);
    struct wr_restore_engine_file files[4];
    char paths[4][64];
    size_t count = 0;
    struct wr_state_file_engine *engine = wr_state_file_engine_first(writer);
    for (; engine != NULL; engine = engine->next) {
        size_t size = 0;
        snprintf(paths[count], sizeof paths[count], "/d/%s", engine->file);
        bool is_there = os_sim_file_get(scene.sim, paths[count], &size) != NULL;
        assert_int_equal(engine->is_known, strcmp(engine->name, "000001.sst") == 0);
        assert_int_equal(is_there, !engine->is_known);
        if (!engine->is_known) {
            assert_int_equal(size, engine->size);
            files[count] = (struct wr_restore_engine_file){
                .name = engine->name, .path = paths[count], .size = size, .crc = engine->crc
            };
            count++;
        }
    }
    assert_int_equal(count, 3);
    struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
    open.engine_files = files;
    open.engine_file_count = count;
    open.writer_key_group_first = 10;
    open.writer_key_group_last = 20;
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    assert_int_equal(weir_block_reader_file_count(reader), 3);
    weir_snapshot_file file;
    weir_block_reader_file(reader, 1, &file);
    assert_string_equal(file.name, "000002.sst");
    assert_string_equal(file.path, "/d/op-3-7-a-000002.sst");
    assert_int_equal(file.bytes, BIG);
    uint32_t first = 0;
    uint32_t last = 0;
    weir_block_reader_key_groups(reader, &first, &last);
    assert_int_equal(first, 10);
    assert_int_equal(last, 20);
    wr_state_file_close(reader);
    files[1].crc ^= 1;
    assert_int_equal(wr_state_file_open(&open, &reader, &scene.err), WEIR_CORRUPT);
    assert_non_null(strstr(scene.err.message, "000002.sst"));
    wr_state_file_destroy(writer);
    scene_fini(&scene);
}

TEST(an_engine_file_that_is_not_as_long_as_it_said_fails_the_snapshot)
{
    for (int more = -1; more <= 1; more += 2) {
        struct scene scene;
        scene_init(&scene, NULL);
        put_sources(&scene);
        weir_block_writer *writer = open_writer(&scene, 0, 0);
        assert_int_equal(add(writer, "000002.sst", (uint64_t)(BIG + more), true), WEIR_OK);
        struct wr_state_file_result result = finish(&scene, writer);
        assert_int_equal(result.status, WEIR_IO);
        assert_non_null(strstr(result.error.message, "/e/000002.sst"));
        wr_state_file_destroy(writer);
        scene_fini(&scene);
    }
}

TEST(a_file_that_no_engine_may_name_is_refused)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_block_writer *writer = open_writer(&scene, 0, 0);
    assert_int_equal(add(writer, "../up", 1, false), WEIR_INVALID);
    char name[200];
    memset(name, 'n', sizeof name);
    name[127] = '\0';
    assert_int_equal(add(writer, name, 1, false), WEIR_OK);
    name[127] = 'n';
    name[128] = '\0';
    assert_int_equal(add(writer, name, 1, false), WEIR_INVALID);
    struct wr_state_file_reply reply;
    wr_state_file_abort(writer, &reply);
    scene_run_io(&scene);
    assert_ptr_equal(wr_mailbox_pop(&scene.replies), &reply.letter);
    wr_state_file_destroy(writer);
    scene_fini(&scene);
}

/* --- in memory --- */

TEST(what_is_below_the_limit_makes_no_file_and_is_read_back)
{
    struct content content = {
        .seed = 5, .block_count = 9, .block_size_max = 600, .list_count = 4
    };
    for (uint64_t limit = 3000; limit < 20000; limit += 500) {
        struct scene scene;
        scene_init(&scene, NULL);
        put_sources(&scene);
        weir_block_writer *writer = open_writer(&scene, limit, 0);
        content_write(&scene, &content, writer);
        assert_int_equal(add(writer, "CURRENT", 11, false), WEIR_OK);
        assert_int_equal(add(writer, "000002.sst", BIG, true), WEIR_OK);
        struct wr_state_file_result result = finish(&scene, writer);
        assert_ok(result.status, &result.error);
        size_t size = 0;
        bool is_file = os_sim_file_get(scene.sim, path, &size) != NULL;
        assert_int_equal(result.is_inlined, result.size <= limit);
        assert_int_equal(is_file, !result.is_inlined);
        struct wr_state_file_engine *current = wr_state_file_engine_first(writer);
        assert_true(current->is_inlined);
        assert_memory_equal(current->bytes.data, "MANIFEST-4\n", 11);
        assert_false(current->next->is_inlined); /* shared: it outlives this manifest */
        struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
        open.is_inlined = result.is_inlined;
        open.bytes = weir_bytes_of(result.bytes.data, result.bytes.size);
        weir_block_reader *reader = NULL;
        assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
        uint32_t blocks = 0;
        assert_ok(content_read(&content, reader, 100, &blocks, &scene.err), &scene.err);
        assert_ok(wr_state_file_verify(reader, &scene.err), &scene.err);
        assert_int_equal(blocks, 9);
        wr_state_file_close(reader);
        if (result.is_inlined) {
            wr_buffer_fini(&result.bytes);
        }
        wr_state_file_destroy(writer);
        scene_fini(&scene);
    }
}

TEST(more_than_memory_may_hold_is_refused_in_flinks_words)
{
    struct content content = { .seed = 5, .block_count = 9, .block_size_max = 600 };
    uint64_t size = 0;
    for (int round = 0; round < 3; round++) { /* learn the size; at the limit; one byte below */
        struct scene scene;
        scene_init(&scene, NULL);
        put_sources(&scene);
        weir_block_writer *writer =
            open_writer(&scene, 0, round == 0 ? 1 << 20 : size - (round == 2));
        content_write(&scene, &content, writer);
        struct wr_state_file_result result = finish(&scene, writer);
        if (round == 2) {
            assert_int_equal(result.status, WEIR_LIMIT);
            assert_non_null(strstr(result.error.message,
                                   "Size of the state is larger than the maximum permitted "
                                   "memory-backed state."));
            assert_int_equal(
                add(writer = (wr_state_file_destroy(writer), open_writer(&scene, 0, 9)), "CURRENT",
                    11, false),
                WEIR_UNSUPPORTED);
            struct wr_state_file_reply reply;
            wr_state_file_abort(writer, &reply);
            scene_run_io(&scene);
            (void)wr_mailbox_pop(&scene.replies);
        } else {
            assert_ok(result.status, &result.error);
            assert_true(result.is_inlined);
            size = result.size;
            wr_buffer_fini(&result.bytes);
        }
        wr_state_file_destroy(writer);
        scene_fini(&scene);
    }
}

/* --- changes and kinds --- */

static weir_status
write_changes(struct scene *scene, weir_block_writer *writer)
{
    uint16_t state = 0;
    weir_state_descriptor windows = { .size = sizeof windows,
                                      .kind = WEIR_STATE_MAP,
                                      .name = "windows",
                                      .type = weir_type_of_kind(WEIR_I64),
                                      .map_key_type = weir_type_of_kind(WEIR_STRING),
                                      .namespace_type = weir_type_of_kind(WEIR_I32),
                                      .has_timestamps = true };
    weir_state_descriptor rules = { .size = sizeof rules,
                                    .kind = WEIR_STATE_BROADCAST,
                                    .name = "rules",
                                    .type = weir_type_of_kind(WEIR_STRING),
                                    .map_key_type = weir_type_of_kind(WEIR_I32) };
    WR_TRY(weir_block_writer_add_state(writer, &windows, &state));
    WR_TRY(weir_block_writer_add_state(writer, &rules, &state));
    WR_TRY(content_write_bytes(scene, writer, (const uint8_t *)"gone", 4));
    weir_block changes = { .kind = WEIR_BLOCK_CHANGES, .state = 0, .key_group = 3, .entries = 1 };
    WR_TRY(weir_block_writer_end_block(writer, &changes));
    static const uint32_t numbers[] = { 1, 2, 1, UINT32_MAX };
    WR_TRY(weir_block_writer_write(writer, numbers, 8));
    WR_TRY(weir_block_writer_write(writer, "kvv", 3));
    WR_TRY(weir_block_writer_write(writer, numbers + 2, 8));
    WR_TRY(weir_block_writer_write(writer, "n", 1));
    weir_block map = { .kind = WEIR_BLOCK_MAP, .state = 1, .entries = 2 };
    return weir_block_writer_end_block(writer, &map);
}

static weir_status
check_entry(void *argument, weir_bytes key, weir_bytes value)
{
    uint32_t index = (*(uint32_t *)argument)++;
    assert_memory_equal(key.data, index == 0 ? "k" : "n", 1);
    assert_int_equal(value.size, index == 0 ? 2 : 0);
    assert_int_equal(value.data == NULL, index == 1);
    return WEIR_OK;
}

TEST(changes_and_broadcast_maps_and_all_types_are_read_back)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_state_file_parameters parameters =
        scene_parameters(&scene, path, scene_identity(7, 3));
    parameters.may_change = true;
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene.err), &scene.err);
    weir_block_writer_set_changes(writer);
    assert_int_equal(write_changes(&scene, writer), WEIR_OK);
    struct wr_state_file_result result = finish(&scene, writer);
    assert_ok(result.status, &result.error);
    assert_true(result.has_changes);
    wr_state_file_destroy(writer);
    struct wr_state_file_open open = scene_open(&scene, path, scene_identity(7, 3), &result);
    weir_block_reader *reader = NULL;
    assert_int_equal(wr_state_file_open(&open, &reader, &scene.err), WEIR_CORRUPT);
    open.has_changes = true;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    weir_state_descriptor windows;
    weir_block_reader_state(reader, 0, &windows);
    assert_int_equal(windows.kind, WEIR_STATE_MAP);
    assert_int_equal(weir_type_kind(windows.map_key_type), WEIR_STRING);
    assert_int_equal(weir_type_kind(windows.namespace_type), WEIR_I32);
    assert_true(windows.has_timestamps);
    weir_block block;
    assert_ok(weir_block_reader_next(reader, &block, &scene.err), &scene.err);
    assert_int_equal(block.kind, WEIR_BLOCK_CHANGES);
    assert_int_equal(weir_block_reader_next(reader, &block, &scene.err), WEIR_NOT_FOUND);
    uint32_t entries = 0;
    assert_ok(wr_state_file_map(reader, "rules", check_entry, &entries, &scene.err), &scene.err);
    assert_int_equal(entries, 2);
    wr_state_file_close(reader);
    scene_fini(&scene);
}

TEST(changes_that_nobody_asked_for_are_refused)
{
    struct scene scene;
    scene_init(&scene, NULL);
    weir_block_writer *writer = open_writer(&scene, 0, 0);
    assert_int_equal(write_changes(&scene, writer), WEIR_INVALID); /* CHANGES in a whole file */
    struct wr_state_file_reply reply;
    wr_state_file_abort(writer, &reply);
    scene_run_io(&scene);
    (void)wr_mailbox_pop(&scene.replies);
    wr_state_file_destroy(writer);
    writer = open_writer(&scene, 0, 0);
    weir_block_writer_set_changes(writer);
    struct wr_state_file_result result = finish(&scene, writer);
    assert_int_equal(result.status, WEIR_INVALID);
    assert_non_null(strstr(result.error.message, "changes"));
    wr_state_file_destroy(writer);
    scene_fini(&scene);
}

/* --- faults --- */

/* Writes all of it; the first failure. */
static weir_status
write_all(struct scene *scene, uint64_t inline_max)
{
    weir_block_writer *writer = open_writer(scene, inline_max, 0);
    if (writer == NULL) {
        return scene->err.status;
    }
    weir_status status = add_all(writer);
    struct wr_state_file_reply reply = { .context = scene };
    if (status == WEIR_OK) {
        assert_int_equal(wr_state_file_finish(writer, &reply), WEIR_OK);
    } else {
        wr_state_file_abort(writer, &reply);
    }
    scene_run_io(scene);
    assert_ptr_equal(wr_mailbox_pop(&scene->replies), &reply.letter);
    if (status == WEIR_OK && reply.result.status != WEIR_OK) {
        status = reply.result.status;
        scene->err = reply.result.error;
    }
    if (reply.result.is_inlined && reply.result.status == WEIR_OK) {
        wr_buffer_fini(&reply.result.bytes);
    }
    wr_state_file_destroy(writer);
    return status;
}

TEST(every_failed_call_of_a_copy_fails_the_snapshot_with_words)
{
    static const int errors[] = { EIO, ENOSPC };
    unsigned points = 0;
    for (size_t i = 0; i < 2; i++) {
        bool hit = true;
        for (uint64_t fail_at = 1; hit; fail_at++) {
            struct scene scene;
            struct os_fault fault;
            struct os_fault_plan plan = { .error = errors[i], .fail_at = fail_at };
            scene_init(&scene, NULL);
            put_sources(&scene);
            os_fault_init(&fault, scene.os, &plan);
            scene.os = &fault.os;
            wr_executor_init(&scene.executor, scene.os);
            wr_parker_init(&scene.parker, scene.os);
            weir_status status = write_all(&scene, 0);
            hit = fault.hit;
            if (hit && strcmp(fault.hit_name, "close") != 0) {
                assert_int_not_equal(status, WEIR_OK);
                assert_true(scene.err.message[0] != '\0');
            } else {
                assert_ok(status, &scene.err);
            }
            points += hit;
            scene_fini(&scene);
        }
    }
    assert_true(points > 30);
}

TEST(every_failed_allocation_of_a_copy_fails_the_snapshot)
{
    bool was_refused = true;
    for (uint64_t fail_at = 1; was_refused; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        put_sources(&scene);
        alloc_fault_init(&fault, fail_at, false);
        scene.alloc = alloc_fault_alloc(&fault);
        weir_status status = write_all(&scene, 4096);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        was_refused = fault.refused > 0;
        assert_int_equal(status, was_refused ? WEIR_NOMEM : WEIR_OK);
        scene_fini(&scene);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/snapshot/scene.h: a simulated system, an executor stepped by hand, and state files
 * whose content is drawn from a number, so that what is read can be compared with what was written.
 */
#ifndef WEIR_TESTS_UNIT_SNAPSHOT_SCENE_H
#define WEIR_TESTS_UNIT_SNAPSHOT_SCENE_H

#include "base/fail.h"
#include "base/memory.h"
#include "base/rng.h"
#include "os/executor.h"
#include "os/file.h"
#include "snapshot/state_file.h"
#include "support/common_os_sim.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct scene {
    struct os_sim *sim;
    struct wr_os *os;
    weir_alloc alloc;
    struct wr_executor executor;
    struct wr_mailbox replies;
    struct wr_parker parker;
    weir_error err;
};

static inline void
scene_init(struct scene *scene, const struct os_sim_config *config)
{
    memset(scene, 0, sizeof *scene);
    scene->sim = os_sim_create(config);
    scene->os = os_sim_os(scene->sim);
    scene->alloc = wr_memory_system();
    wr_executor_init(&scene->executor, scene->os);
    wr_mailbox_init(&scene->replies);
    wr_parker_init(&scene->parker, scene->os);
    os_sim_directory_put(scene->sim, "/d");
}

/* The same files through another system, with an executor and replies of its own; `scene` stays and
 * is the one to end. */
static inline void
scene_behind(struct scene *out, const struct scene *scene, struct wr_os *os)
{
    *out = *scene;
    out->os = os;
    wr_executor_init(&out->executor, os);
    wr_mailbox_init(&out->replies);
    wr_parker_init(&out->parker, os);
}

static inline void
scene_fini(struct scene *scene)
{
    assert_int_equal(os_sim_open_count(scene->sim), 0);
    os_sim_destroy(scene->sim);
}

static inline struct wr_state_file_identity
scene_identity(uint64_t checkpoint_id, uint32_t subtask)
{
    struct wr_state_file_identity identity = { .checkpoint_id = checkpoint_id, .subtask = subtask };
    memset(identity.attempt, 0xA7, sizeof identity.attempt);
    memset(identity.operator_id, 0x0B, sizeof identity.operator_id);
    return identity;
}

static inline struct wr_state_file_parameters
scene_parameters(struct scene *scene, const char *path, struct wr_state_file_identity identity)
{
    return (struct wr_state_file_parameters){
        .os = scene->os,
        .executor = &scene->executor,
        .alloc = scene->alloc,
        .path = path,
        .identity = identity,
        .buffer_size = 4096,
        .buffer_count = 2,
        .reply_to = &scene->replies,
        .reply_parker = &scene->parker,
    };
}

static inline void
scene_run_io(struct scene *scene)
{
    while (wr_executor_step(&scene->executor)) {
    }
}

static inline struct wr_state_file_open
scene_open(struct scene *scene, const char *path, struct wr_state_file_identity identity,
           const struct wr_state_file_result *result)
{
    return (struct wr_state_file_open){
        .os = scene->os,
        .alloc = scene->alloc,
        .path = path,
        .identity = identity,
        .size = result->size,
        .crc = result->crc,
        .key_group_first = 0,
        .key_group_last = 127,
    };
}

/* Finishes, steps the io thread, and destroys the writer. */
static inline struct wr_state_file_result
scene_finish(struct scene *scene, weir_block_writer *writer)
{
    struct wr_state_file_reply reply = { .context = scene };
    assert_int_equal(wr_state_file_finish(writer, &reply), WEIR_OK);
    scene_run_io(scene);
    assert_ptr_equal(wr_mailbox_pop(&scene->replies), &reply.letter);
    wr_state_file_destroy(writer);
    return reply.result;
}

/* --- content: block `i` of `count` is of key group i, its bytes are drawn from (seed, i) --- */

struct content {
    uint64_t seed;
    uint32_t block_count;
    uint32_t block_size_max; /* sizes are drawn below this */
    uint32_t list_count;     /* elements of the list "offsets" */
};

static inline size_t
content_block(const struct content *content, uint32_t index, uint8_t *out)
{
    struct wr_rng rng;
    wr_rng_init(&rng, content->seed * 1000003 + index);
    size_t size = content->block_size_max > 0
                      ? (size_t)wr_rng_below(&rng, (uint64_t)content->block_size_max)
                      : 0;
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)wr_rng_next(&rng);
    }
    return size;
}

static inline weir_status
content_write_list(const struct content *content, weir_block_writer *writer, uint16_t number)
{
    for (uint32_t i = 0; i < content->list_count; i++) {
        char text[32];
        uint32_t size = (uint32_t)snprintf(text, sizeof text, "element %u", i);
        WR_TRY(weir_block_writer_write(writer, &size, sizeof size));
        WR_TRY(weir_block_writer_write(writer, text, size));
    }
    weir_block list = { .kind = WEIR_BLOCK_LIST, .state = number, .entries = content->list_count };
    return weir_block_writer_end_block(writer, &list);
}

/* The bytes of a block, piece by piece; the io thread is stepped wherever there is no room. */
static inline weir_status
content_write_bytes(struct scene *scene, weir_block_writer *writer, const uint8_t *bytes,
                    size_t size)
{
    enum {
        PIECE = 700
    };
    for (size_t at = 0; at < size; at += PIECE) {
        while (weir_block_writer_room(writer) < PIECE && wr_executor_step(&scene->executor)) {
        }
        size_t part = size - at < PIECE ? size - at : PIECE;
        WR_TRY(weir_block_writer_write(writer, bytes + at, part));
    }
    return WEIR_OK;
}

static inline weir_status
content_try_write(struct scene *scene, const struct content *content, weir_block_writer *writer)
{
    uint16_t counts = 99;
    uint16_t offsets = 99;
    weir_state_descriptor value = { .size = sizeof value,
                                    .kind = WEIR_STATE_VALUE,
                                    .name = "counts",
                                    .type = weir_type_of_kind(WEIR_I64) };
    weir_state_descriptor list = { .size = sizeof list,
                                   .kind = WEIR_STATE_LIST,
                                   .list_mode = WEIR_LIST_SPLIT,
                                   .name = "offsets",
                                   .type = weir_type_of_kind(WEIR_STRING) };
    WR_TRY(weir_block_writer_add_state(writer, &value, &counts));
    WR_TRY(weir_block_writer_add_state(writer, &list, &offsets));
    assert_int_equal(counts, 0);
    assert_int_equal(offsets, 1);
    uint8_t *bytes = test_malloc(content->block_size_max + 1);
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < content->block_count && status == WEIR_OK; i++) {
        size_t size = content_block(content, i, bytes);
        status = content_write_bytes(scene, writer, bytes, size);
        weir_block block = { .kind = WEIR_BLOCK_RECORDS, .key_group = i, .entries = size };
        if (status == WEIR_OK) {
            status = weir_block_writer_end_block(writer, &block);
        }
    }
    test_free(bytes);
    return status == WEIR_OK ? content_write_list(content, writer, offsets) : status;
}

static inline void
content_write(struct scene *scene, const struct content *content, weir_block_writer *writer)
{
    assert_int_equal(content_try_write(scene, content, writer), WEIR_OK);
}

static inline struct wr_state_file_result
content_make(struct scene *scene, const struct content *content, const char *path,
             struct wr_state_file_identity identity)
{
    struct wr_state_file_parameters parameters = scene_parameters(scene, path, identity);
    weir_block_writer *writer = NULL;
    assert_ok(wr_state_file_create(&parameters, &writer, &scene->err), &scene->err);
    content_write(scene, content, writer);
    struct wr_state_file_result result = scene_finish(scene, writer);
    assert_ok(result.status, &result.error);
    return result;
}

static inline weir_status
content_check_element(void *argument, size_t index, weir_bytes value)
{
    char text[32];
    int size = snprintf(text, sizeof text, "element %zu", index);
    assert_int_equal(value.size, size);
    assert_memory_equal(value.data, text, value.size);
    ++*(uint32_t *)argument;
    return WEIR_OK;
}

/* Reads every keyed block in range with reads of `step` bytes, and the list; OK only if all is as
 * written. A first failure is returned: callers that expect none assert on it. */
static inline weir_status
content_read(const struct content *content, weir_block_reader *reader, size_t step,
             uint32_t *out_blocks, weir_error *err)
{
    uint8_t *wanted = test_malloc(content->block_size_max + 1);
    uint8_t *got = test_malloc(content->block_size_max + 1);
    weir_block block;
    weir_status status;
    *out_blocks = 0;
    while ((status = weir_block_reader_next(reader, &block, err)) == WEIR_OK) {
        size_t size = content_block(content, block.key_group, wanted);
        assert_int_equal(block.size, size);
        assert_int_equal(block.entries, size);
        for (size_t at = 0; at < size && status == WEIR_OK; at += step) {
            size_t part = size - at < step ? size - at : step;
            status = weir_block_reader_read(reader, got + at, part, err);
        }
        if (status != WEIR_OK) {
            break;
        }
        assert_memory_equal(got, wanted, size);
        ++*out_blocks;
    }
    test_free(wanted);
    test_free(got);
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    uint32_t elements = 0;
    status = wr_state_file_list(reader, "offsets", content_check_element, &elements, err);
    if (status == WEIR_OK) {
        assert_int_equal(elements, content->list_count);
    }
    return status;
}

#endif /* WEIR_TESTS_UNIT_SNAPSHOT_SCENE_H */

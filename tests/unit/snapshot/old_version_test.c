/* SPDX-License-Identifier: Apache-2.0 */
/* What version 1 wrote is read by this one. Its bytes are made here as its table had them. */
#include "base/crc32c.h"
#include "base/little.h"
#include "scene.h"
#include "snapshot/manifest_format.h"
#include "snapshot/state_file_format.h"
#include "types/encode.h"

static const char path[] = "/d/f";

TEST(a_state_file_of_version_1_is_read)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct content content = {
        .seed = 8, .block_count = 9, .block_size_max = 600, .list_count = 4
    };
    struct wr_state_file_identity identity = scene_identity(7, 3);
    struct wr_state_file_result result = content_make(&scene, &content, path, identity);
    size_t size = 0;
    const uint8_t *there = os_sim_file_get(scene.sim, path, &size);
    uint8_t *bytes = test_malloc(size);
    memcpy(bytes, there, size);
    uint8_t *footer = bytes + size - WR_FOOTER_SIZE;
    wr_put_u32(bytes + WR_HEADER_VERSION, 1);
    wr_put_u32(bytes + WR_HEADER_CRC, wr_crc32c(0, bytes, WR_HEADER_CRC));
    wr_put_u32(footer + WR_FOOTER_HEADER_CRC, wr_get_u32(bytes + WR_HEADER_CRC));
    wr_put_u32(footer + WR_FOOTER_VERSION, 1);
    wr_put_u32(footer + WR_FOOTER_CRC, wr_crc32c(0, footer, WR_FOOTER_CRC));
    os_sim_file_put(scene.sim, path, bytes, size);
    result.crc = wr_crc32c(0, bytes, size);
    struct wr_state_file_open open = scene_open(&scene, path, identity, &result);
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&open, &reader, &scene.err), &scene.err);
    uint32_t blocks = 0;
    assert_ok(content_read(&content, reader, 100, &blocks, &scene.err), &scene.err);
    assert_int_equal(blocks, 9);
    wr_state_file_close(reader);
    test_free(bytes);
    scene_fini(&scene);
}

static void
put_section(struct wr_buffer *out, uint32_t kind, const struct wr_buffer *payload)
{
    wr_buffer_put_u32(out, kind);
    wr_buffer_put_u32(out, 1);
    wr_buffer_put_u64(out, payload->size);
    wr_buffer_put(out, payload->data, payload->size);
}

static void
put_operator(struct wr_buffer *out)
{
    wr_buffer_put(out, "0123456789abcdef", 16);
    wr_buffer_put_text(out, "c1");
    wr_buffer_put_text(out, "count");
    wr_buffer_put_text(out, "hashmap");
    wr_buffer_put_u32(out, 2);
    wr_buffer_put_u32(out, 128);
    wr_buffer_put_u8(out, 1);
    wr_type_encode(weir_type_of_kind(WEIR_STRING), out);
    wr_buffer_put_u32(out, 1); /* states, without flags */
    wr_buffer_put_u8(out, WEIR_STATE_VALUE);
    wr_buffer_put_u8(out, WEIR_LIST_NONE);
    wr_buffer_put_text(out, "counts");
    wr_type_encode(weir_type_of_kind(WEIR_I64), out);
    wr_buffer_put_u32(out, 2);
    for (uint32_t i = 0; i < 2; i++) {
        wr_buffer_put_u32(out, i);
        wr_buffer_put_u32(out, i == 0 ? WR_SUBTASK_HAS_FILE : WR_SUBTASK_FINISHED);
        if (i == 0) {
            wr_buffer_put_text(out, "0123-0.state");
            wr_buffer_put_u64(out, 4711);
            wr_buffer_put_u32(out, 0xC0FFEE);
        }
        wr_buffer_put_u32(out, i * 64);
        wr_buffer_put_u32(out, i * 64 + 63);
        wr_buffer_put_u32(out, 0);
    }
}

TEST(a_manifest_of_version_1_is_read)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer bytes;
    struct wr_buffer payload;
    wr_buffer_init(&bytes, &alloc);
    wr_buffer_init(&payload, &alloc);
    wr_buffer_put(&bytes, WR_MANIFEST_MAGIC, WR_MANIFEST_MAGIC_SIZE);
    wr_buffer_put_u32(&bytes, 1);
    wr_buffer_put_u32(&bytes, 2);
    wr_buffer_put_u64(&bytes, 0);
    wr_buffer_put_u64(&payload, 42);
    wr_buffer_put_u32(&payload, WR_CHECKPOINT_STOP);
    wr_buffer_put_u64(&payload, 1);
    wr_buffer_put_u64(&payload, 2);
    wr_buffer_put_u64(&payload, 3);
    wr_buffer_put(&payload, "0123456789abcdef0123456789abcdef", 32);
    wr_buffer_put(&payload, "fedcba9876543210fedcba9876543210", 32);
    wr_buffer_put_text(&payload, "word count");
    put_section(&bytes, WR_SECTION_JOB, &payload);
    wr_buffer_clear(&payload);
    put_operator(&payload);
    put_section(&bytes, WR_SECTION_OPERATOR, &payload);
    wr_put_u64(bytes.data + WR_MANIFEST_LENGTH_AT, bytes.size + 4);
    wr_buffer_put_u32(&bytes, wr_crc32c(0, bytes.data, bytes.size));

    struct wr_manifest manifest;
    weir_error err;
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_manifest_decode(&manifest, "m", weir_bytes_of(bytes.data, bytes.size), &err),
              &err);
    const struct wr_manifest_operator *op = &manifest.operators[0];
    assert_string_equal(op->states[0].name, "counts");
    const struct wr_manifest_file *own = wr_manifest_own_file(&op->subtasks[0]);
    assert_non_null(own);
    assert_string_equal(own->path, "0123-0.state");
    assert_int_equal(own->size, 4711);
    assert_int_equal(own->checkpoint_id, 42);
    assert_int_equal(own->attempt[0], 0xfe);
    assert_int_equal(own->attempt[15], 0x10);
    assert_true(op->subtasks[1].finished);
    assert_int_equal(op->subtasks[1].file_count, 0);
    wr_manifest_fini(&manifest);
    wr_buffer_fini(&payload);
    wr_buffer_fini(&bytes);
}

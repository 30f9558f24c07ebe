/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest is read back as it was written, or not at all. */
#include "manifest_scene.h"

#include "base/crc32c.h"
#include "base/little.h"
#include "base/rng.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_sim.h"

static void
encode(const struct wr_manifest *manifest, struct wr_buffer *out, const weir_alloc *alloc)
{
    weir_error err;
    wr_buffer_init(out, alloc);
    assert_ok(wr_manifest_encode(manifest, out, &err), &err);
}

TEST(a_manifest_is_read_back_as_it_was_written)
{
    weir_alloc alloc = wr_memory_system();
    struct manifest_scene scene;
    manifest_scene_init(&scene, &alloc);
    struct wr_buffer bytes;
    encode(&scene.manifest, &bytes, &alloc);
    struct wr_manifest read;
    weir_error err;
    wr_manifest_init(&read, &alloc);
    assert_ok(wr_manifest_decode(&read, "m", weir_bytes_of(bytes.data, bytes.size), &err), &err);
    wr_buffer_fini(&bytes);

    assert_string_equal(read.job_name, "word count");
    assert_string_equal(read.job_id, scene.manifest.job_id);
    assert_string_equal(read.attempt, scene.manifest.attempt);
    assert_int_equal(read.checkpoint_id, 42);
    assert_int_equal(read.kind, WR_CHECKPOINT_STOP);
    assert_int_equal(read.trigger_ms, 1700000000000);
    assert_int_equal(read.complete_ms, 1700000000123);
    assert_int_equal(read.hash_seed, 0x1122334455667788u);
    assert_int_equal(read.operator_count, 2);
    const struct wr_manifest_operator *op = wr_manifest_find(&read, scene.operators[0].id);
    assert_ptr_equal(op, &read.operators[0]);
    assert_string_equal(op->uid, "counter");
    assert_string_equal(op->name, "count words");
    assert_string_equal(op->backend, "hashmap");
    assert_int_equal(weir_type_kind(op->key_type), WEIR_STRING);
    assert_int_equal(op->parallelism, 3);
    assert_int_equal(op->max_parallelism, 128);
    assert_int_equal(op->state_count, 4);
    assert_int_equal(op->states[2].kind, WEIR_STATE_MAP);
    assert_true(op->states[2].has_timestamps);
    assert_int_equal(weir_type_kind(op->states[2].namespace_type), WEIR_I32);
    assert_int_equal(weir_type_kind(op->states[3].map_key_type), WEIR_I32);
    assert_string_equal(op->states[0].name, "counts");
    assert_true(weir_type_equal(op->states[0].type, scene.pair));
    assert_int_equal(op->states[1].list_mode, WEIR_LIST_UNION);
    assert_int_equal(op->subtask_count, 3);
    assert_int_equal(op->subtasks[0].file_count, 3);
    assert_string_equal(wr_manifest_shared_name(&op->subtasks[0].files[0]), "base.state");
    const struct wr_manifest_file *own = wr_manifest_own_file(&op->subtasks[0]);
    assert_ptr_equal(own, &op->subtasks[0].files[1]);
    assert_string_equal(own->path, "state-0b0b-0");
    assert_null(wr_manifest_shared_name(own));
    assert_int_equal(own->size, 123456789012);
    assert_int_equal(own->crc, 0xDEADBEEF);
    assert_int_equal(own->attempt[15], 0x5A);
    assert_true(own->has_changes);
    assert_string_equal(op->subtasks[0].files[2].name, "000012.sst");
    assert_int_equal(op->subtasks[0].files[2].checkpoint_id, 41);
    assert_int_equal(op->subtasks[1].files[0].bytes.size, 5);
    assert_memory_equal(op->subtasks[1].files[0].bytes.data, "bytes", 5);
    assert_int_equal(op->subtasks[2].file_count, 0);
    assert_int_equal(op->subtasks[1].lists[0].count, 17);
    assert_int_equal(op->subtasks[1].key_group_last, 79);
    assert_true(op->subtasks[2].finished);
    assert_null(read.operators[1].key_type);
    uint8_t other[16] = { 1 };
    assert_null(wr_manifest_find(&read, other));

    struct wr_buffer again;
    encode(&read, &again, &alloc);
    encode(&scene.manifest, &bytes, &alloc);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.data, bytes.data, bytes.size);
    wr_buffer_fini(&bytes);
    wr_buffer_fini(&again);
    wr_manifest_fini(&read);
    manifest_scene_fini(&scene);
}

/* Decodes bytes that must be refused. */
static void
assert_refused(const uint8_t *data, size_t size)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_manifest read;
    weir_error err;
    wr_manifest_init(&read, &alloc);
    weir_status status = wr_manifest_decode(&read, "m", weir_bytes_of(data, size), &err);
    assert_true(status == WEIR_CORRUPT || status == WEIR_VERSION);
    assert_int_equal(read.operator_count, 0);
    wr_manifest_fini(&read);
}

TEST(every_bit_and_every_truncation_of_a_manifest_is_noticed)
{
    weir_alloc alloc = wr_memory_system();
    struct manifest_scene scene;
    manifest_scene_init(&scene, &alloc);
    struct wr_buffer bytes;
    encode(&scene.manifest, &bytes, &alloc);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_refused(bytes.data, bytes.size);
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t size = 0; size < bytes.size; size++) {
        assert_refused(bytes.data, size);
    }
    wr_buffer_put_u8(&bytes, 0);
    assert_refused(bytes.data, bytes.size);
    wr_buffer_fini(&bytes);
    manifest_scene_fini(&scene);
}

TEST(a_manifest_of_garbage_with_a_right_checksum_neither_crashes_nor_takes_memory)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct manifest_scene scene;
    manifest_scene_init(&scene, &alloc);
    struct wr_buffer bytes;
    encode(&scene.manifest, &bytes, &alloc);
    struct wr_rng rng;
    wr_rng_init(&rng, 4711);
    size_t body = bytes.size - 4;
    uint8_t *copy = test_malloc(bytes.size);
    for (int round = 0; round < 20000; round++) {
        memcpy(copy, bytes.data, bytes.size);
        uint64_t changes = 1 + wr_rng_below(&rng, 4);
        for (uint64_t i = 0; i < changes; i++) {
            static const uint8_t extreme[] = { 0, 1, 0x7f, 0x80, 0xff };
            uint64_t at = wr_rng_below(&rng, body);
            copy[at] = wr_rng_below(&rng, 2) == 0 ? extreme[wr_rng_below(&rng, 5)]
                                                  : (uint8_t)wr_rng_next(&rng);
        }
        wr_put_u32(copy + body, wr_crc32c(0, copy, body));
        struct wr_manifest read;
        weir_error err = { .message = "" };
        fault.live_bytes_max = fault.live_bytes;
        size_t before = fault.live_bytes;
        wr_manifest_init(&read, &alloc);
        weir_status status = wr_manifest_decode(&read, "m", weir_bytes_of(copy, bytes.size), &err);
        assert_true(status == WEIR_OK || status == WEIR_CORRUPT || status == WEIR_VERSION);
        assert_true(status == WEIR_OK || err.message[0] != '\0');
        assert_true(fault.live_bytes_max - before < 256 * 1024);
        wr_manifest_fini(&read);
    }
    test_free(copy);
    wr_buffer_fini(&bytes);
    manifest_scene_fini(&scene);
    assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
}

TEST(a_manifest_that_could_not_be_read_is_not_written)
{
    weir_alloc alloc = wr_memory_system();
    static const char *const names[] = { "..",         "a/b",          "../x",
                                         "a b",        "\n",           "a\\b",
                                         "ä",          "/etc/passwd",  ".",
                                         "../shared/", "../shared/..", "../shared/a/b" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct manifest_scene scene;
        manifest_scene_init(&scene, &alloc);
        scene.files[0].path = names[i];
        scene.files[0].is_shared = names[i][0] == '.';
        struct wr_buffer bytes;
        wr_buffer_init(&bytes, &alloc);
        weir_error err;
        assert_int_equal(wr_manifest_encode(&scene.manifest, &bytes, &err), WEIR_INVALID);
        assert_int_equal(bytes.size, 0);
        wr_buffer_fini(&bytes);
        manifest_scene_fini(&scene);
    }
    struct manifest_scene scene;
    manifest_scene_init(&scene, &alloc);
    scene.manifest.job_id[31] = 'G';
    struct wr_buffer bytes;
    wr_buffer_init(&bytes, &alloc);
    weir_error err;
    assert_int_equal(wr_manifest_encode(&scene.manifest, &bytes, &err), WEIR_INVALID);
    scene.manifest.job_id[31] = 'f';
    scene.lists[0].state = 0; /* a value */
    assert_int_equal(wr_manifest_encode(&scene.manifest, &bytes, &err), WEIR_INVALID);
    wr_buffer_fini(&bytes);
    manifest_scene_fini(&scene);
}

/* The manifest with one more section at its end, of a kind. */
static void
encode_with_section(struct wr_buffer *bytes, const weir_alloc *alloc, uint32_t kind)
{
    struct manifest_scene scene;
    manifest_scene_init(&scene, alloc);
    encode(&scene.manifest, bytes, alloc);
    bytes->size -= 4;
    wr_buffer_put_u32(bytes, kind);
    wr_buffer_put_u32(bytes, 9);
    wr_buffer_put_u64(bytes, 5);
    wr_buffer_put(bytes, "hello", 5);
    wr_put_u32(bytes->data + 12, wr_get_u32(bytes->data + 12) + 1);
    wr_put_u64(bytes->data + 16, bytes->size + 4);
    wr_buffer_put_u32(bytes, wr_crc32c(0, bytes->data, bytes->size));
    manifest_scene_fini(&scene);
}

TEST(sections_of_a_later_version_are_skipped_only_where_they_say_so)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err;
    struct wr_manifest read;
    wr_manifest_init(&read, &alloc);
    struct wr_buffer bytes;
    encode_with_section(&bytes, &alloc, 0x80000007u);
    assert_ok(wr_manifest_decode(&read, "m", weir_bytes_of(bytes.data, bytes.size), &err), &err);
    assert_int_equal(read.operator_count, 2);
    wr_buffer_fini(&bytes);
    wr_manifest_fini(&read);
    encode_with_section(&bytes, &alloc, 7);
    assert_int_equal(wr_manifest_decode(&read, "m", weir_bytes_of(bytes.data, bytes.size), &err),
                     WEIR_VERSION);
    assert_non_null(strstr(err.message, "kind 7"));
    wr_buffer_fini(&bytes);
    wr_manifest_fini(&read);
}

TEST(a_savepoint_of_flink_is_refused_by_name)
{
    static const uint8_t flink[] = { 0x49, 0x60, 0x67, 0x2D, 0, 0, 0, 4 };
    weir_alloc alloc = wr_memory_system();
    struct os_sim *sim = os_sim_create(NULL);
    os_sim_file_put(sim, "/_metadata", flink, sizeof flink);
    struct wr_manifest read;
    weir_error err;
    wr_manifest_init(&read, &alloc);
    assert_int_equal(wr_manifest_read(&read, os_sim_os(sim), "/_metadata", &err), WEIR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Flink"));
    assert_int_equal(wr_manifest_read(&read, os_sim_os(sim), "/nothing", &err), WEIR_NOT_FOUND);
    wr_manifest_fini(&read);
    os_sim_destroy(sim);
}

TEST(every_failed_allocation_of_a_manifest_is_reported)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct alloc_fault fault;
        weir_alloc plain = wr_memory_system();
        struct manifest_scene scene;
        manifest_scene_init(&scene, &plain);
        alloc_fault_init(&fault, fail_at, false);
        weir_alloc alloc = alloc_fault_alloc(&fault);
        struct wr_buffer bytes;
        wr_buffer_init(&bytes, &alloc);
        struct wr_manifest read;
        wr_manifest_init(&read, &alloc);
        weir_error err = { .message = "" };
        weir_status status = wr_manifest_encode(&scene.manifest, &bytes, &err);
        if (status == WEIR_OK) {
            status = wr_manifest_decode(&read, "m", weir_bytes_of(bytes.data, bytes.size), &err);
        }
        wr_buffer_fini(&bytes);
        wr_manifest_fini(&read);
        manifest_scene_fini(&scene);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        if (fault.refused == 0) {
            assert_ok(status, &err);
            break;
        }
        assert_int_equal(status, WEIR_NOMEM);
        assert_true(err.message[0] != '\0');
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots that fail for memory, and restores of what is damaged or was never sound. */
#include "heap_scene_check.h"

#include "state/heap/image.h"
#include "support/common_alloc_fault.h"

#include <stdlib.h>

static struct scene scene;
static struct scene_chain chain;

static void
write_some(uint32_t count, uint32_t keys)
{
    for (uint32_t i = 0; i < count; i++) {
        scene_change(&scene, i % SCENE_STATES, (uint32_t)wr_rng_below(&scene.rng, keys));
    }
}

/* A chain of a full snapshot and one of changes. */
static void
take_chain(uint32_t count, uint32_t keys)
{
    chain.count = 0;
    write_some(count, keys);
    assert_false(scene_snapshot(&scene, &chain, true));
    for (uint32_t i = 0; i < 4; i++) {
        scene_write(&scene, i * 2, i, (struct scene_item){ .seed = 77 + i, .size = 9 });
    }
    wr_changes_lose((struct wr_heap_state *)scene.states[9]); /* written whole among the others */
    scene_remove(&scene, 0, 1);
    scene_remove(&scene, 8, 2);
    assert_true(scene_snapshot(&scene, &chain, true));
}

/* Restores the chain; the backend is closed again. */
static weir_status
try_restore(void)
{
    weir_backend *backend = rig_open(&scene.rig, weir_type_of_kind(WEIR_I64));
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < chain.count && status == WEIR_OK; i++) {
        const struct rig_file *file = &chain.files[i];
        char path[64];
        rig_path(file->id, path);
        struct wr_state_file_open parameters = { .os = scene.rig.os,
                                                 .alloc = wr_memory_system(),
                                                 .path = path,
                                                 .identity = rig_identity(file->id),
                                                 .size = file->result.size,
                                                 .crc = file->result.crc,
                                                 .has_changes = file->result.has_changes,
                                                 .key_group_last = scene.rig.max_parallelism - 1 };
        weir_block_reader *reader = NULL;
        status = wr_state_file_open(&parameters, &reader, &scene.rig.error);
        if (status == WEIR_OK) {
            status = weir_backend_restore(backend, reader, &scene.rig.error);
            wr_state_file_close(reader);
        }
    }
    weir_backend_close(backend);
    return status;
}

TEST(every_bit_and_every_truncation_of_a_full_file_and_one_of_changes_is_noticed)
{
    scene_init(&scene, 1);
    weir_backend_close(scene.backend);
    scene.rig.max_parallelism = 1;
    scene.backend = rig_open(&scene.rig, weir_type_of_kind(WEIR_I64));
    scene_states(&scene, scene.backend, scene.states);
    take_chain(130, 7);
    assert_ok(try_restore(), &scene.rig.error);
    size_t bits = 0;
    for (size_t i = 0; i < chain.count; i++) {
        char path[64];
        size_t size = 0;
        rig_path(chain.files[i].id, path);
        const uint8_t *content = os_sim_file_get(scene.rig.sim, path, &size);
        uint8_t *bytes = malloc(size);
        assert_non_null(bytes);
        memcpy(bytes, content, size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            os_sim_file_put(scene.rig.sim, path, bytes, size);
            bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            weir_status status = try_restore();
            assert_true(status == WEIR_CORRUPT || status == WEIR_VERSION);
            assert_non_null(strstr(scene.rig.error.message, path));
        }
        for (size_t cut = 0; cut < size; cut++) {
            os_sim_file_put(scene.rig.sim, path, bytes, cut);
            assert_int_equal(try_restore(), WEIR_CORRUPT);
        }
        os_sim_file_put(scene.rig.sim, path, bytes, size);
        free(bytes);
        bits += size * 8;
    }
    assert_ok(try_restore(), &scene.rig.error);
    printf("%zu bits\n", bits);
    scene_fini(&scene);
}

/* --- memory --- */

TEST(a_restore_without_memory_says_so_and_leaks_nothing)
{
    scene_init(&scene, 2);
    take_chain(4000, SCENE_KEYS);
    struct alloc_fault states;
    alloc_fault_init(&states, 0, false);
    scene.rig.alloc = alloc_fault_alloc(&states);
    weir_backend *backend = rig_open(&scene.rig, weir_type_of_kind(WEIR_I64));
    uint64_t open_requests = states.requests;
    weir_backend_close(backend);
    weir_status status = WEIR_NOMEM;
    uint64_t refused = 0;
    for (; status == WEIR_NOMEM; refused++) {
        states.fail_at = states.requests + open_requests + refused + 1;
        status = try_restore();
        states.fail_at = 0;
        if (status == WEIR_NOMEM) {
            assert_non_null(strstr(scene.rig.error.message, "operator 'counts'"));
        }
        assert_int_equal(alloc_fault_leaks(&states, stdout), 0);
    }
    assert_ok(status, &scene.rig.error);
    assert_true(refused > 30);
    scene.rig.alloc = wr_memory_system();
    scene_fini(&scene);
}

/* One snapshot while state changes; the n-th request for memory of state is refused, and all for
 * copies. */
static weir_status
snapshot_without_memory(struct scene_taken *taken, bool *out_began)
{
    scene_file_begin(&scene, &taken->file, true);
    weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                            .writer = taken->file.writer,
                                            .incremental = true };
    taken->is_done = false;
    weir_status status =
        weir_backend_snapshot_begin(scene.backend, &parameters, &taken->snapshot, &scene.rig.error);
    *out_began = status == WEIR_OK;
    if (!*out_began) {
        rig_file_abort(&scene.rig, &taken->file);
        return status;
    }
    taken->world = scene.world;
    for (uint32_t i = 0; status == WEIR_OK && !taken->is_done; i++) {
        uint8_t room[64];
        weir_key key = scene_key(&scene, 0, i % SCENE_KEYS, room);
        void *value;
        bool created;
        if (scene.world.cells[0][i % SCENE_KEYS].count != 0) { /* asks for no memory of its own */
            assert_ok(wr_heap_upsert(scene.states[0], &key, &value, &created), NULL);
        }
        status = weir_backend_snapshot_turn(scene.backend, taken->snapshot, 300, &taken->is_done,
                                            &scene.rig.error);
        rig_io(&scene.rig);
    }
    return status;
}

TEST(a_snapshot_without_memory_fails_and_the_next_is_right)
{
    struct alloc_fault states;
    struct alloc_fault copies;
    struct scene_taken *taken = calloc(1, sizeof *taken);
    assert_non_null(taken);
    alloc_fault_init(&states, 0, false);
    alloc_fault_init(&copies, 1, true);
    scene_init(&scene, 3);
    weir_backend_close(scene.backend);
    scene.rig.alloc = alloc_fault_alloc(&states);
    scene.rig.copies = alloc_fault_alloc(&copies);
    scene.backend = rig_open(&scene.rig, weir_type_of_kind(WEIR_I64));
    scene_states(&scene, scene.backend, scene.states);
    take_chain(4000, SCENE_KEYS);
    weir_status status = WEIR_NOMEM;
    uint64_t refused = 0;
    for (; status == WEIR_NOMEM; refused++) {
        bool began = false;
        states.fail_at = states.requests + refused + 1;
        states.sticky = true;
        status = snapshot_without_memory(taken, &began);
        states.fail_at = 0;
        states.sticky = false;
        if (status == WEIR_NOMEM) {
            assert_non_null(strstr(scene.rig.error.message, "operator 'counts'"));
            if (began) {
                scene_abandon(&scene, taken);
            }
            scene_check(&scene, scene.backend, &scene.world);
            scene_write(&scene, 3, 4, (struct scene_item){ .seed = 5 });
            scene_snapshot(&scene, &chain, true);
            scene.rig.alloc = wr_memory_system();
            scene_check_chain(&scene, &chain, &scene.world);
            scene.rig.alloc = alloc_fault_alloc(&states);
        }
    }
    assert_ok(status, &scene.rig.error);
    assert_true(refused >= 3);
    scene_complete(&scene, taken, &chain);
    scene.rig.alloc = wr_memory_system();
    scene_check_chain(&scene, &chain, &taken->world);
    free(taken);
    scene_fini(&scene);
    assert_int_equal(alloc_fault_leaks(&states, stdout), 0);
}

/* --- content that no snapshot has --- */

struct odd {
    const char *why;
    size_t kind; /* of the scene's states */
    weir_block_kind block;
    uint32_t entries;
    uint32_t words[12]; /* the payload */
    size_t size;
};

static const struct odd odds[] = {
    { "a head that is cut", 0, WEIR_BLOCK_RECORDS, 1, { 8 }, 4 },
    { "a key over the end", 0, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0 }, 12 },
    { "a value over the end", 0, WEIR_BLOCK_RECORDS, 1, { 8, 9, 0, 0, 1, 1 }, 24 },
    { "a value that is too short", 0, WEIR_BLOCK_RECORDS, 1, { 8, 4, 0, 0, 1 }, 20 },
    { "a key of 4 bytes", 0, WEIR_BLOCK_RECORDS, 1, { 4, 8, 0, 1, 1 }, 20 },
    { "a key of 2 GiB", 0, WEIR_BLOCK_RECORDS, 1, { 1U << 31, 8, 0, 0, 1, 1 }, 24 },
    { "a deletion where there is none", 0, WEIR_BLOCK_RECORDS, 1, { 8, UINT32_MAX, 0, 0 }, 16 },
    { "a key twice", 0, WEIR_BLOCK_RECORDS, 2, { 8, 8, 0, 0, 1, 1, 8, 8, 0, 0, 1, 1 }, 48 },
    { "one record where the directory has two", 0, WEIR_BLOCK_RECORDS, 2, { 8, 8 }, 24 },
    { "a key of another group", 0, WEIR_BLOCK_RECORDS, 1, { 8, 8, 4711, 99, 1, 1 }, 24 },
    { "a string that is no block", 1, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0, 0, 9, 9 }, 24 },
    { "a key without its namespace", 3, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0, 0, 1, 1 }, 24 },
    { "a namespace that is too long", 4, WEIR_BLOCK_RECORDS, 1, { 12, 4, 0, 0, 99, 1 }, 24 },
    { "a namespace without its size", 4, WEIR_BLOCK_RECORDS, 1, { 2, 4, 0, 1 }, 14 },
    { "an empty list", 5, WEIR_BLOCK_RECORDS, 1, { 8, 0, 0, 0 }, 16 },
    { "an element over the end", 5, WEIR_BLOCK_RECORDS, 1, { 8, 12, 0, 0, 9, 1, 1 }, 28 },
    { "an element of another size", 5, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0, 0, 4, 1 }, 24 },
    { "a list over the end", 5, WEIR_BLOCK_RECORDS, 1, { 8, 13, 0, 0, 8, 1, 1 }, 28 },
    { "an element's size that is cut", 5, WEIR_BLOCK_RECORDS, 1, { 8, 2, 0, 0, 8 }, 18 },
    { "a map entry that is cut", 7, WEIR_BLOCK_RECORDS, 1, { 8, 4, 0, 0, 8 }, 20 },
    { "a map key over the end", 7, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0, 0, 8, 8 }, 24 },
    { "a map key of 1 MiB", 8, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0, 0, 1 << 20, 8 }, 24 },
    { "a map key of 4 bytes", 7, WEIR_BLOCK_RECORDS, 1, { 8, 20, 0, 0, 4, 8, 1, 1, 1 }, 36 },
    { "a map value over the end", 7, WEIR_BLOCK_RECORDS, 1, { 8, 16, 0, 0, 8, 8, 1, 0 }, 32 },
    { "a timer with a value", 9, WEIR_BLOCK_RECORDS, 1, { 16, 8, 0, 0, 5, 0, 1, 1 }, 32 },
    { "a value shorter than its timestamp", 12, WEIR_BLOCK_RECORDS, 1, { 8, 8, 0, 0, 4, 1 }, 24 },
    { "packed entries of another size", 0, WEIR_BLOCK_IMAGE, 1, { 0, 0, 8, 4, 0, 0, 1 }, 28 },
    { "packed entries that are cut", 0, WEIR_BLOCK_IMAGE, 1, { 0, 0, 8, 8, 0, 0, 1 }, 28 },
    { "fewer packed entries", 0, WEIR_BLOCK_IMAGE, 2, { 0, 0, 8, 8, 0, 0, 1, 1 }, 32 },
    { "packed entries of a list", 5, WEIR_BLOCK_IMAGE, 1, { 0, 0, 8, 8, 0, 0, 1, 1 }, 32 },
    { "a packed entry of another group", 0, WEIR_BLOCK_IMAGE, 1, { 0, 0, 8, 8, 4711, 9 }, 32 },
    { "a change of another group", 0, WEIR_BLOCK_CHANGES, 1, { 8, UINT32_MAX, 4711, 99 }, 16 },
    { "a deletion with a value", 0, WEIR_BLOCK_CHANGES, 1, { 8, UINT32_MAX, 0, 0, 1, 1 }, 24 },
};

/* A file with this one block. */
static void
write_odd(const struct odd *odd)
{
    struct rig_file *file = &chain.files[0];
    uint8_t room[64];
    uint8_t payload[sizeof odd->words];
    chain.count = 1;
    memcpy(payload, odd->words, sizeof payload);
    if (odd->block == WEIR_BLOCK_IMAGE) {
        wr_packed_encode(odd->words[2], odd->words[3], payload);
    }
    scene_file_begin(&scene, file, true);
    weir_block_writer_set_changes(file->writer);
    weir_state_descriptor descriptor =
        scene_descriptor(&scene, odd->kind, scene_specs[odd->kind].has_timestamps);
    weir_block block = { .kind = odd->block,
                         .key_group = scene_key(&scene, 0, 0, room).key_group,
                         .entries = odd->entries };
    assert_ok(weir_block_writer_add_state(file->writer, &descriptor, &block.state), NULL);
    assert_ok(weir_block_writer_write(file->writer, payload, odd->size), NULL);
    assert_ok(weir_block_writer_end_block(file->writer, &block), NULL);
    rig_file_finish(&scene.rig, file);
}

TEST(records_that_no_snapshot_has_are_refused_with_the_place)
{
    scene_init(&scene, 4);
    scene.rig.max_parallelism = 1024; /* so that two keys do not share a group by chance */
    for (size_t i = 0; i < sizeof odds / sizeof odds[0]; i++) {
        write_odd(&odds[i]);
        weir_status status = try_restore();
        if (status != WEIR_CORRUPT || strstr(scene.rig.error.message, "/snapshot-") == NULL ||
            strstr(scene.rig.error.message, "offset") == NULL) {
            print_error("%s: %s, %s\n", odds[i].why, weir_status_name(status),
                        scene.rig.error.message);
            fail();
        }
    }
    scene_fini(&scene);
}

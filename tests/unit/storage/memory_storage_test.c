/* SPDX-License-Identifier: Apache-2.0 */
/* JobManager storage without a directory gives back what it was given, and no more than is kept. */
#include "storage/memory_storage.h"

#include "base/memory.h"
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include <string.h>

struct tree {
    struct wr_manifest manifest;
    struct wr_manifest_file file;
    struct wr_manifest_subtask subtask;
    struct wr_manifest_operator op;
};

static const struct wr_manifest *
tree_of(struct tree *tree, const weir_alloc *alloc, uint64_t id)
{
    memset(tree, 0, sizeof *tree);
    wr_manifest_init(&tree->manifest, alloc);
    tree->file = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                            .path = "",
                                            .name = "",
                                            .size = 5,
                                            .checkpoint_id = id,
                                            .bytes = weir_bytes_of("state", 5) };
    tree->subtask = (struct wr_manifest_subtask){ .files = &tree->file, .file_count = 1 };
    tree->op = (struct wr_manifest_operator){ .uid = "c",
                                              .name = "c",
                                              .backend = "",
                                              .parallelism = 1,
                                              .max_parallelism = 128,
                                              .subtasks = &tree->subtask,
                                              .subtask_count = 1 };
    memcpy(tree->manifest.job_id, "0000000000000000000000000000000a", 33);
    memcpy(tree->manifest.attempt, "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1", 33);
    tree->manifest.checkpoint_id = id;
    tree->manifest.kind = WR_CHECKPOINT_PERIODIC;
    tree->manifest.operators = &tree->op;
    tree->manifest.operator_count = 1;
    return &tree->manifest;
}

TEST(a_checkpoint_kept_in_memory_is_read_back_until_it_is_dropped)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_memory_storage *storage = NULL;
    struct tree tree;
    weir_error err;
    assert_int_equal(wr_memory_storage_create(&alloc, &storage), WEIR_OK);
    assert_int_equal(wr_memory_storage_newest(storage), 0);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_ok(wr_memory_storage_complete(storage, tree_of(&tree, &alloc, id), &err), &err);
        assert_int_equal(wr_memory_storage_newest(storage), id);
    }
    struct wr_manifest read;
    wr_manifest_init(&read, &alloc);
    assert_ok(wr_memory_storage_read(storage, 2, &read, &err), &err);
    assert_int_equal(read.checkpoint_id, 2);
    assert_memory_equal(read.operators[0].subtasks[0].files[0].bytes.data, "state", 5);
    wr_manifest_fini(&read);
    uint64_t bytes = wr_memory_storage_bytes(storage);
    wr_memory_storage_drop(storage, 2);
    wr_memory_storage_drop(storage, 2);
    assert_int_equal(wr_memory_storage_bytes(storage), bytes / 3 * 2);
    assert_int_equal(wr_memory_storage_read(storage, 2, &read, &err), WEIR_NOT_FOUND);
    tree_of(&tree, &alloc, 4);
    tree.file.path = "file";
    assert_int_equal(wr_memory_storage_complete(storage, &tree.manifest, &err), WEIR_INVALID);
    assert_int_equal(wr_memory_storage_newest(storage), 3);
    wr_memory_storage_destroy(storage);
}

TEST(a_refused_allocation_keeps_no_half_checkpoint)
{
    bool was_refused = true;
    for (uint64_t fail_at = 1; was_refused; fail_at++) {
        struct alloc_fault fault;
        alloc_fault_init(&fault, fail_at, false);
        weir_alloc alloc = alloc_fault_alloc(&fault);
        struct wr_memory_storage *storage = NULL;
        struct tree tree;
        weir_error err;
        weir_status status = wr_memory_storage_create(&alloc, &storage);
        if (status == WEIR_OK) {
            status = wr_memory_storage_complete(storage, tree_of(&tree, &alloc, 1), &err);
            assert_int_equal(wr_memory_storage_newest(storage), status == WEIR_OK ? 1 : 0);
        }
        was_refused = fault.refused > 0;
        assert_int_equal(status, was_refused ? WEIR_NOMEM : WEIR_OK);
        wr_memory_storage_destroy(storage);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
    }
}

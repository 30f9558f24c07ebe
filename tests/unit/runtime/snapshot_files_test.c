/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a checkpoint has: what may be built on, for how long, and what is handed on. */
#include "runtime/snapshot_files.h"

#include "base/memory.h"
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void
add(struct wr_file_base *base, enum wr_manifest_file_role role, uint64_t size, bool has_changes,
    const char *name)
{
    struct wr_file_entry entry = {
        .role = role, .is_shared = true, .has_changes = has_changes, .size = size
    };
    snprintf(entry.file, sizeof entry.file, "file-%u", base->files.count);
    snprintf(entry.name, sizeof entry.name, "%s", name);
    assert_int_equal(wr_file_list_add(&base->files, &entry), WEIR_OK);
}

TEST(changes_are_allowed_until_they_are_half_of_their_base)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_file_base *base = wr_file_base_create(&alloc, 7);
    assert_non_null(base);
    assert_false(wr_snapshot_may_change(NULL)); /* nothing to build on */
    assert_false(wr_snapshot_may_change(base));
    add(base, WR_FILE_BLOCKS, 1000, false, "");
    assert_true(wr_snapshot_may_change(base));
    add(base, WR_FILE_BLOCKS, 300, true, "");
    add(base, WR_FILE_BLOCKS, 200, true, "");
    assert_true(wr_snapshot_may_change(base)); /* half: not more */
    add(base, WR_FILE_BLOCKS, 1, true, "");
    assert_false(wr_snapshot_may_change(base));
    wr_file_base_unref(base);
}

TEST(a_chain_has_at_most_a_hundred_files)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_file_base *base = wr_file_base_create(&alloc, 7);
    assert_non_null(base);
    add(base, WR_FILE_BLOCKS, 1 << 30, false, "");
    for (int i = 0; i < 98; i++) {
        add(base, WR_FILE_BLOCKS, 1, true, "");
    }
    assert_true(wr_snapshot_may_change(base));
    add(base, WR_FILE_BLOCKS, 1, true, "");
    assert_false(wr_snapshot_may_change(base));
    wr_file_base_unref(base);
}

TEST(an_engines_file_is_known_by_name_and_size)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_file_base *base = wr_file_base_create(&alloc, 7);
    assert_non_null(base);
    add(base, WR_FILE_ENGINE, 77, false, "000012.sst");
    assert_true(wr_snapshot_may_change(base));
    assert_true(wr_snapshot_file_is_known(base, "000012.sst", 77));
    assert_false(wr_snapshot_file_is_known(base, "000012.sst", 78));
    assert_false(wr_snapshot_file_is_known(base, "000013.sst", 77));
    wr_file_base_unref(base);
}

TEST(only_what_is_shared_is_handed_on_and_it_has_no_bytes)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_file_list list;
    struct wr_file_list next;
    wr_file_list_init(&list, &alloc);
    wr_file_list_init(&next, &alloc);
    struct wr_file_entry inlined = { .role = WR_FILE_BLOCKS, .is_inlined = true, .size = 4 };
    struct wr_file_entry base = { .role = WR_FILE_BLOCKS, .is_shared = true, .size = 10 };
    struct wr_file_entry engine = { .role = WR_FILE_ENGINE, .is_shared = true, .size = 20 };
    wr_buffer_init(&inlined.bytes, &alloc);
    wr_buffer_put(&inlined.bytes, "here", 4);
    assert_int_equal(wr_file_list_add(&list, &inlined), WEIR_OK);
    assert_int_equal(wr_file_list_add(&list, &base), WEIR_OK);
    assert_int_equal(wr_file_list_add(&list, &engine), WEIR_OK);
    assert_int_equal(wr_file_list_inlined_bytes(&list), 4);
    assert_int_equal(wr_file_list_blocks_bytes(&list, false), 10);
    assert_int_equal(wr_file_list_add_shared(&next, &list, WR_FILE_BLOCKS), WEIR_OK);
    assert_int_equal(next.count, 1);
    assert_int_equal(wr_file_list_add_shared(&next, &list, 0), WEIR_OK);
    assert_int_equal(next.count, 3);
    assert_int_equal(wr_file_list_inlined_bytes(&next), 0);
    wr_file_list_fini(&next);
    wr_file_list_fini(&list);
}

TEST(a_refused_allocation_leaves_the_list_as_it_was)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 3, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_file_list list;
    struct wr_file_entry base = { .role = WR_FILE_BLOCKS, .is_shared = true, .size = 10 };
    wr_file_list_init(&list, &alloc);
    assert_int_equal(wr_file_list_add(&list, &base), WEIR_OK);
    assert_int_equal(wr_file_list_add(&list, &base), WEIR_OK);
    assert_int_equal(wr_file_list_add(&list, &base), WEIR_NOMEM);
    assert_int_equal(list.count, 2);
    assert_int_equal(wr_file_list_add(&list, &base), WEIR_OK); /* the next one is granted again */
    wr_file_list_fini(&list);
    assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
}

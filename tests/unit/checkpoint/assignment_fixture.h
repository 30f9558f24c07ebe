/* SPDX-License-Identifier: Apache-2.0 */
/* assignment_fixture: a manifest of one operator or two, made by hand, and the job it is restored
 * into. */
#ifndef WR_TESTS_ASSIGNMENT_FIXTURE_H
#define WR_TESTS_ASSIGNMENT_FIXTURE_H

#include "support/test.h"

#include "checkpoint/assignment.h"
#include "snapshot/manifest_format.h"
#include "types/key_group.h"

#include <stdio.h>
#include <string.h>

enum {
    PARALLELISM_MAX = 16,
    STATES_MAX = 8
};

/* One old operator; states are all lists. */
struct old_operator {
    struct wr_manifest_state states[STATES_MAX];
    struct wr_manifest_subtask subtasks[PARALLELISM_MAX];
    struct wr_manifest_list lists[PARALLELISM_MAX][STATES_MAX];
    struct wr_manifest_file entries[PARALLELISM_MAX];
    char files[PARALLELISM_MAX][32];
};

struct fixture {
    struct wr_manifest manifest;
    struct wr_manifest_operator olds[2];
    struct old_operator parts[2];
    struct wr_assignment_operator operators[3];
    struct wr_arena arena;
    weir_error err;
};

static inline void
name_id(uint8_t id[16], const char *uid)
{
    wr_hash_murmur3_128(uid, strlen(uid), id);
}

/* A keyed operator of `parallelism` subtasks, each with a file, without lists. */
static inline void
make_old(struct fixture *f, size_t at, const char *uid, uint32_t parallelism,
         uint32_t max_parallelism)
{
    struct old_operator *part = &f->parts[at];
    struct wr_manifest_operator *old = &f->olds[at];
    *part = (struct old_operator){ 0 };
    *old = (struct wr_manifest_operator){ .uid = uid,
                                          .name = uid,
                                          .backend = "hashmap",
                                          .key_type = weir_type_of_kind(WEIR_STRING),
                                          .parallelism = parallelism,
                                          .max_parallelism = max_parallelism,
                                          .states = part->states,
                                          .subtasks = part->subtasks,
                                          .subtask_count = parallelism };
    name_id(old->id, uid);
    for (uint32_t i = 0; i < parallelism; i++) {
        struct wr_manifest_subtask *subtask = &part->subtasks[i];
        snprintf(part->files[i], sizeof part->files[i], "%.20s-%u", uid, i);
        subtask->index = i;
        part->entries[i] = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                                      .path = part->files[i],
                                                      .name = "",
                                                      .size = 1000 + i,
                                                      .crc = 77 + i,
                                                      .checkpoint_id = 42 };
        wr_hex_id_bytes("00112233445566778899aabbccddeeff", part->entries[i].attempt);
        subtask->files = &part->entries[i];
        subtask->file_count = 1;
        subtask->lists = part->lists[i];
        wr_key_group_range(i, parallelism, max_parallelism, &subtask->key_group_first,
                           &subtask->key_group_last);
    }
}

/* A list state with counts[i] elements in old subtask i. */
static inline void
add_list(struct fixture *f, size_t at, weir_list_mode mode, const uint64_t *counts)
{
    struct wr_manifest_operator *old = &f->olds[at];
    uint32_t state = old->state_count++;
    old->states[state] = (struct wr_manifest_state){ .name = "list",
                                                     .kind = WEIR_STATE_LIST,
                                                     .list_mode = mode,
                                                     .type = weir_type_of_kind(WEIR_I64) };
    for (uint32_t i = 0; i < old->parallelism; i++) {
        struct wr_manifest_subtask *subtask = &old->subtasks[i];
        subtask->lists[subtask->list_count++] =
            (struct wr_manifest_list){ .state = state, .count = counts[i] };
    }
}

static inline void
make_new(struct fixture *f, size_t at, const char *uid, uint32_t parallelism)
{
    f->operators[at] =
        (struct wr_assignment_operator){ .uid = uid,
                                         .name = uid,
                                         .parallelism = parallelism,
                                         .max_parallelism = wr_max_parallelism_default(parallelism),
                                         .key_type = weir_type_of_kind(WEIR_STRING) };
    name_id(f->operators[at].id, uid);
}

static inline void
setup(struct fixture *f, uint32_t old_count)
{
    weir_alloc alloc = wr_memory_system();
    memset(f, 0, sizeof *f);
    wr_arena_init(&f->arena, &alloc);
    f->manifest.checkpoint_id = 42;
    snprintf(f->manifest.attempt, sizeof f->manifest.attempt, "%s",
             "00112233445566778899aabbccddeeff");
    f->manifest.operators = f->olds;
    f->manifest.operator_count = old_count;
}

static inline void
teardown(struct fixture *f)
{
    wr_arena_fini(&f->arena);
}

static inline void
check(struct fixture *f, size_t operator_count)
{
    assert_ok(wr_assignment_check(&f->manifest, f->operators, operator_count, false, NULL, &f->err),
              &f->err);
}

static inline struct wr_operator_restore
assign(struct fixture *f, size_t at, uint32_t subtask)
{
    struct wr_operator_restore restore;
    assert_ok(wr_assignment_make(&f->manifest, "/c/chk-42", &f->operators[at], subtask, &f->arena,
                                 &restore, &f->err),
              &f->err);
    return restore;
}

static inline void
assert_words(const struct fixture *f, const char *words)
{
    if (strstr(f->err.message, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, f->err.message);
    }
}

#endif /* WR_TESTS_ASSIGNMENT_FIXTURE_H */

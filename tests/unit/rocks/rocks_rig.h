/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/rocks/rocks_rig.h: the engine in the rig of all engines, linked in, so that a test can
 * look at its rows and fail its calls. */
#ifndef WEIR_TESTS_UNIT_ROCKS_RIG_H
#define WEIR_TESTS_UNIT_ROCKS_RIG_H

#include "support/engine_rig.h"
#include "support/test.h"

#include "base/memory.h"
#include "state/common.h"
#include "state/rocks/rocks.h"
#include "weir/state.h"

#include <stdio.h>
#include <string.h>

#define ROCKS_UNUSED   __attribute__((unused))
#define BYTES(literal) weir_bytes_of((literal), sizeof(literal) - 1)

static const struct engine rocks_full = { .name = "rocks", .keeps_files = true };
static const struct engine rocks_incremental = { .name = "rocks-incremental",
                                                 .keeps_files = true,
                                                 .is_incremental = true };

static ROCKS_UNUSED void
rocks_begin(struct engine_rig *rig, const struct engine *engine)
{
    engine_rig_init(rig, engine);
    rig->factory = &wr_rocks_factory;
}

static ROCKS_UNUSED void
rocks_open(struct engine_rig *rig, struct engine_task *task)
{
    assert_ok(engine_task_open(rig, task, 0, rig->max_parallelism - 1), &rig->error);
}

/* A new task of all key groups with what the set holds. */
static ROCKS_UNUSED void
rocks_reopen(struct engine_rig *rig, struct engine_task *task, const struct engine_set *set)
{
    rocks_open(rig, task);
    assert_ok(engine_task_restore(rig, task, set), &rig->error);
}

static ROCKS_UNUSED weir_state_descriptor
rocks_descriptor(weir_state_kind kind, const char *name, weir_kind type)
{
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = kind,
                                    .name = name,
                                    .type = weir_type_of_kind(type),
                                    .map_key_type = kind == WEIR_STATE_MAP
                                                        ? weir_type_of_kind(WEIR_STRING)
                                                        : NULL };
}

static ROCKS_UNUSED weir_state *
rocks_create(struct engine_rig *rig, struct engine_task *task,
             const weir_state_descriptor *descriptor)
{
    weir_state *state = NULL;
    assert_ok(weir_backend_create_state(task->backend, descriptor, &state, &rig->error),
              &rig->error);
    return state;
}

static ROCKS_UNUSED weir_state *
rocks_state(struct engine_rig *rig, struct engine_task *task, weir_state_kind kind,
            const char *name, weir_kind type)
{
    weir_state_descriptor descriptor = rocks_descriptor(kind, name, type);
    return rocks_create(rig, task, &descriptor);
}

/* --- keys of i64 --- */

struct rocks_key {
    int64_t number;
    weir_key key;
};

static ROCKS_UNUSED void
rocks_bind(const struct engine_rig *rig, weir_state *state, struct rocks_key *key, int64_t number)
{
    key->number = number;
    key->key = weir_key_make(rig->key_type, weir_bytes_of(&key->number, sizeof key->number),
                             rig->max_parallelism, rig->seed);
    weir_state_bind(state, &key->key);
}

static ROCKS_UNUSED void
rocks_add(const struct engine_rig *rig, weir_state *state, int64_t number, int64_t add)
{
    struct rocks_key key;
    void *value = NULL;
    rocks_bind(rig, state, &key, number);
    assert_ok(weir_value_upsert(state, &value, NULL), NULL);
    *(int64_t *)value += add;
    wr_backend_end_loans(state->common->backend); /* before anybody looks behind the verbs */
    weir_state_bind(state, NULL);
}

static ROCKS_UNUSED int64_t
rocks_look(const struct engine_rig *rig, weir_state *state, int64_t number, int64_t missing)
{
    struct rocks_key key;
    const void *value = NULL;
    rocks_bind(rig, state, &key, number);
    weir_status status = weir_value_find(state, &value);
    weir_state_bind(state, NULL);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    assert_ok(status, NULL);
    return *(const int64_t *)value;
}

/* The block of a string; returns its size. */
static ROCKS_UNUSED size_t
rocks_text(void *room, const char *text)
{
    weir_string string;
    uint32_t end = weir_string_write(room, &string, sizeof string, weir_bytes_of_text(text));
    memcpy(room, &string, sizeof string);
    memset((char *)room + end, 0, weir_round8(end) - end);
    return weir_round8(end);
}

static ROCKS_UNUSED weir_bytes
rocks_text_of(weir_bytes block)
{
    weir_string string;
    memcpy(&string, block.data, sizeof string);
    return weir_string_bytes(block.data, string);
}

/* --- rows as they stand in the database --- */

static ROCKS_UNUSED struct wr_rocks *
rocks_of(const struct engine_task *task)
{
    return (struct wr_rocks *)task->backend;
}

/* All rows of a state: "key=value;" in hexadecimal, in order. Changes are written first. */
static ROCKS_UNUSED const char *
rocks_rows(const struct engine_task *task, const char *name)
{
    static char out[4096];
    struct wr_rocks *rocks = rocks_of(task);
    wr_backend_end_loans(task->backend->common);
    assert_ok(wr_rocks_write_all(rocks, NULL), NULL);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        rocks->db, rocks->scan_options, wr_rocks_state_find(rocks, name)->family);
    size_t at = 0;
    out[0] = '\0';
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        size_t sizes[2] = { 0, 0 };
        const char *parts[2] = { rocksdb_iter_key(iterator, &sizes[0]),
                                 rocksdb_iter_value(iterator, &sizes[1]) };
        for (size_t part = 0; part < 2; part++) {
            for (size_t i = 0; i < sizes[part]; i++) {
                assert_true(at + 4 < sizeof out);
                at += (size_t)snprintf(out + at, sizeof out - at, "%02x",
                                       (unsigned char)parts[part][i]);
            }
            at += (size_t)snprintf(out + at, sizeof out - at, part == 0 ? "=" : ";");
        }
    }
    rocksdb_iter_destroy(iterator);
    return out;
}

#endif /* WEIR_TESTS_UNIT_ROCKS_RIG_H */

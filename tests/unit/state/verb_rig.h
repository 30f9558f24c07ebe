/* SPDX-License-Identifier: Apache-2.0 */
/* verb_rig: what a test of the dispatch's verbs stands on: a backend of i64 keys on an allocator
 * that counts and refuses, over the in-memory engine or over one with the required entries only.
 */
#ifndef WEIR_TESTS_VERB_RIG_H
#define WEIR_TESTS_VERB_RIG_H

#include "support/common_alloc_fault.h"
#include "support/plain_backend.h"
#include "support/state_rig.h"

struct verbs {
    struct rig rig;
    struct alloc_fault fault;
    weir_backend *backend;
    int64_t number; /* of the bound key */
    weir_key key;
};

static RIG_UNUSED void
verbs_open(struct verbs *verbs, const weir_backend_factory *engine)
{
    rig_init(&verbs->rig);
    alloc_fault_init(&verbs->fault, 0, false);
    verbs->rig.factory = engine;
    verbs->rig.alloc = alloc_fault_alloc(&verbs->fault);
    verbs->backend = rig_open(&verbs->rig, weir_type_of_kind(WEIR_I64));
    weir_backend_set_time(verbs->backend, 1000);
}

static RIG_UNUSED void
verbs_close(struct verbs *verbs)
{
    weir_backend_close(verbs->backend);
    assert_int_equal(alloc_fault_leaks(&verbs->fault, stdout), 0);
    alloc_fault_fini(&verbs->fault);
    rig_fini(&verbs->rig);
}

/* The case over each engine. */
static RIG_UNUSED void
on_engines(void (*run)(struct verbs *verbs))
{
    const weir_backend_factory *engines[] = { weir_backend_factory_hashmap(),
                                              plain_backend_factory() };
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        struct verbs verbs;
        verbs_open(&verbs, engines[i]);
        run(&verbs);
        verbs_close(&verbs);
    }
}

/* Runs with the first request for memory refused, then with the second ... until a run makes none
 * that is; of at least so many.
 */
static RIG_UNUSED void
with_every_refusal(bool (*run)(const weir_backend_factory *engine, uint64_t n),
                   const weir_backend_factory *engine, uint64_t least)
{
    uint64_t n = 1;
    while (run(engine, n)) {
        n++;
    }
    assert_true(n > least);
}

static RIG_UNUSED void
with_every_refusal_on_engines(bool (*run)(const weir_backend_factory *engine, uint64_t n),
                              uint64_t least)
{
    with_every_refusal(run, weir_backend_factory_hashmap(), least);
    with_every_refusal(run, plain_backend_factory(), least);
}

static RIG_UNUSED weir_state *
verbs_state(struct verbs *verbs, weir_state_descriptor descriptor)
{
    weir_state *state = NULL;
    descriptor.size = sizeof descriptor;
    assert_ok(weir_backend_create_state(verbs->backend, &descriptor, &state, &verbs->rig.error),
              &verbs->rig.error);
    return state;
}

static RIG_UNUSED weir_status
verbs_refused(struct verbs *verbs, weir_state_descriptor descriptor)
{
    weir_state *state = NULL;
    descriptor.size = sizeof descriptor;
    return weir_backend_create_state(verbs->backend, &descriptor, &state, &verbs->rig.error);
}

static RIG_UNUSED void
verbs_bind(struct verbs *verbs, weir_state *state, int64_t number)
{
    verbs->number = number;
    verbs->key = rig_number(&verbs->rig, &verbs->number);
    weir_state_bind(state, &verbs->key);
}

/* A failure that was meant to be. */
static RIG_UNUSED void
verbs_forgive(weir_state *state, weir_status status)
{
    assert_int_equal(state->failure, status);
    state->failure = WEIR_OK;
}

/* The snapshot of all there is, read by a backend of its own, which takes the other's place. */
static RIG_UNUSED void
verbs_restore(struct verbs *verbs)
{
    static uint64_t id = 0;
    struct rig_file file;
    rig_snapshot(&verbs->rig, verbs->backend, ++id, &file);
    int64_t now_ms = verbs->backend->now_ms;
    weir_backend_close(verbs->backend);
    verbs->backend = rig_restore(&verbs->rig, weir_type_of_kind(WEIR_I64), &file);
    weir_backend_set_time(verbs->backend, now_ms);
    rig_file_drop(&verbs->rig, &file);
}

static RIG_UNUSED weir_bytes
of_number(const int64_t *number)
{
    return weir_bytes_of(number, sizeof *number);
}

/* A block of type string. */
struct text {
    weir_string string;
    char bytes[56];
};

static RIG_UNUSED weir_bytes
of_text(struct text *text, const char *words)
{
    memset(text, 0, sizeof *text);
    uint32_t end =
        weir_string_write(text, &text->string, sizeof text->string, weir_bytes_of_text(words));
    return weir_bytes_of(text, weir_round8(end));
}

static RIG_UNUSED void
assert_text(weir_bytes block, const char *words)
{
    assert_int_equal((uintptr_t)block.data % 8, 0);
    weir_string string;
    memcpy(&string, block.data, sizeof string);
    assert_int_equal(string.size, strlen(words));
    assert_memory_equal((const char *)block.data + string.offset, words, string.size);
}

#endif /* WEIR_TESTS_VERB_RIG_H */

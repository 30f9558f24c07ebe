/* SPDX-License-Identifier: Apache-2.0 */
/* backend: one dispatch for all engines. Arguments that a caller can get wrong are answered here
 * with WEIR_INVALID, so that an engine sees sound ones only; whether a key belongs to the backend's
 * range is the engine's to know (Flink's "Key group is not in KeyGroupRange": a shuffle that is not
 * deterministic).
 *
 * The calls by key take the key that the runtime has bound; none bound is WEIR_INVALID. Every
 * access is counted in the state: the runtime looks ahead only for states that the last batch has
 * touched.
 */
#include "base/fail.h"
#include "state/key_hash.h"
#include "types/java_hash.h"
#include "types/key.h"
#include "types/type.h"
#include "weir/state.h"

enum {
    MAX_PARALLELISM_MOST = 1 << 15,
    STATE_NAME_MOST = 255
};

weir_key
weir_key_make(const weir_type *key_type, weir_bytes bytes, uint32_t max_parallelism,
              uint64_t hash_seed)
{
    int32_t code = 0;
    weir_kind kind = key_type->kind;
    if ((kind == WEIR_I64 || kind == WEIR_U64) && bytes.size == 8) { /* the most frequent */
        code = wr_java_hash_word(wr_get_u64(bytes.data));
    } else {
        code = wr_key_java_hash(key_type, bytes);
    }
    return (weir_key){ .data = bytes.data,
                       .size = (uint32_t)bytes.size,
                       .key_group = wr_key_group_of(code, max_parallelism),
                       .hash = wr_key_hash(bytes.data, bytes.size, hash_seed) };
}

static bool
is_complete(const weir_backend_ops *ops)
{
    return ops->create_state != NULL && ops->find != NULL && ops->upsert != NULL &&
           ops->upsert_many != NULL && ops->put != NULL && ops->remove != NULL &&
           ops->iterate != NULL && ops->entry_count != NULL && ops->snapshot_begin != NULL &&
           ops->snapshot_turn != NULL && ops->snapshot_end != NULL && ops->restore != NULL &&
           ops->used_bytes != NULL && ops->close != NULL;
}

weir_status
weir_backend_open(const weir_backend_factory *factory, const weir_backend_parameters *parameters,
                  weir_backend **out_backend, weir_error *err)
{
    if (factory == NULL || factory->open == NULL || parameters == NULL || out_backend == NULL ||
        parameters->key_type == NULL || parameters->state_alloc.resize == NULL ||
        parameters->snapshot_alloc.resize == NULL) {
        return wr_fail(err, WEIR_INVALID, "a backend needs a factory, a key type and allocators");
    }
    if (parameters->max_parallelism == 0 || parameters->max_parallelism > MAX_PARALLELISM_MOST ||
        parameters->key_group_first > parameters->key_group_last ||
        parameters->key_group_last >= parameters->max_parallelism) {
        return wr_fail(err, WEIR_INVALID, "key groups %u to %u of max parallelism %u are no range",
                       parameters->key_group_first, parameters->key_group_last,
                       parameters->max_parallelism);
    }
    weir_backend *backend;
    WR_TRY(factory->open(parameters, &backend, err));
    if (!is_complete(backend->ops)) {
        if (backend->ops->close != NULL) {
            backend->ops->close(backend);
        }
        return wr_fail(err, WEIR_INVALID, "state backend '%s' lacks a required entry",
                       factory->name);
    }
    *out_backend = backend;
    return WEIR_OK;
}

void
weir_backend_close(weir_backend *backend)
{
    if (backend != NULL) {
        backend->ops->close(backend);
    }
}

weir_status
weir_backend_create_state(weir_backend *backend, const weir_state_descriptor *descriptor,
                          weir_state **out_state, weir_error *err)
{
    if (backend == NULL || descriptor == NULL || out_state == NULL || descriptor->name == NULL ||
        descriptor->type == NULL) {
        return wr_fail(err, WEIR_INVALID, "a state needs a name and a type");
    }
    size_t name_size = strlen(descriptor->name);
    if (name_size == 0 || name_size > STATE_NAME_MOST) {
        return wr_fail(err, WEIR_INVALID, "a state's name has 1 to %d bytes, not %zu",
                       STATE_NAME_MOST, name_size);
    }
    if (descriptor->kind != WEIR_STATE_VALUE || descriptor->list_mode != WEIR_LIST_NONE) {
        return wr_fail(err, WEIR_INVALID, "state '%s': a backend holds keyed value state only",
                       descriptor->name);
    }
    return backend->ops->create_state(backend, descriptor, out_state, err);
}

void
weir_backend_set_time(weir_backend *backend, int64_t now_ms)
{
    backend->now_ms = now_ms;
}

void
weir_state_bind(weir_state *state, const weir_key *key)
{
    state->current_key = key;
}

void
weir_state_prefetch(weir_state *state, const weir_key *keys, size_t count)
{
    const weir_backend_ops *ops = state->backend->ops;
    if (ops->prefetch != NULL) {
        ops->prefetch(state, keys, count);
    }
}

weir_status
weir_state_upsert_many(weir_state *state, const weir_key *keys, size_t count, void **out_values)
{
    if (state == NULL || (count != 0 && (keys == NULL || out_values == NULL))) {
        return WEIR_INVALID;
    }
    state->accesses += count;
    return state->backend->ops->upsert_many(state, keys, count, out_values);
}

weir_status
weir_state_iterate(weir_state *state,
                   weir_status (*each)(void *argument, const weir_key *key, weir_bytes value),
                   void *argument)
{
    if (state == NULL || each == NULL) {
        return WEIR_INVALID;
    }
    return state->backend->ops->iterate(state, each, argument);
}

uint64_t
weir_state_entry_count(const weir_state *state)
{
    return state->backend->ops->entry_count(state);
}

weir_status
weir_backend_snapshot_begin(weir_backend *backend, const weir_snapshot_parameters *parameters,
                            weir_snapshot **out_snapshot, weir_error *err)
{
    if (backend == NULL || parameters == NULL || parameters->writer == NULL ||
        out_snapshot == NULL) {
        return wr_fail(err, WEIR_INVALID, "a snapshot needs a backend and a writer");
    }
    return backend->ops->snapshot_begin(backend, parameters, out_snapshot, err);
}

weir_status
weir_backend_snapshot_turn(weir_backend *backend, weir_snapshot *snapshot, size_t budget_bytes,
                           bool *out_done, weir_error *err)
{
    if (backend == NULL || snapshot == NULL || out_done == NULL) {
        return wr_fail(err, WEIR_INVALID, "a turn needs a snapshot that has begun");
    }
    return backend->ops->snapshot_turn(backend, snapshot, budget_bytes, out_done, err);
}

void
weir_backend_snapshot_end(weir_backend *backend, weir_snapshot *snapshot, bool completed)
{
    if (snapshot != NULL) {
        backend->ops->snapshot_end(backend, snapshot, completed);
    }
}

bool
weir_backend_idle_turn(weir_backend *backend, size_t budget_bytes)
{
    const weir_backend_ops *ops = backend->ops;
    return ops->idle_turn != NULL && ops->idle_turn(backend, budget_bytes);
}

bool
weir_backend_snapshot_pressed(const weir_backend *backend)
{
    const weir_backend_ops *ops = backend->ops;
    bool has_entry = ops->size >= offsetof(weir_backend_ops, snapshot_pressed) + sizeof(void *);
    return has_entry && ops->snapshot_pressed != NULL && ops->snapshot_pressed(backend);
}

weir_status
weir_backend_restore(weir_backend *backend, weir_block_reader *reader, weir_error *err)
{
    if (backend == NULL || reader == NULL) {
        return wr_fail(err, WEIR_INVALID, "a restore needs a backend and a reader");
    }
    return backend->ops->restore(backend, reader, err);
}

uint64_t
weir_backend_used_bytes(const weir_backend *backend)
{
    return backend->ops->used_bytes(backend);
}

/* Whether a call by key can go to the engine; counts it. */
static inline bool
enter(weir_state *state)
{
    if (__builtin_expect(state == NULL || state->current_key == NULL, 0)) {
        return false;
    }
    state->accesses++;
    return true;
}

/* The first failure of a call stays with the state: the runtime looks, whatever the function does.
 */
static inline weir_status
leave(weir_state *state, weir_status status)
{
    if (__builtin_expect(status != WEIR_OK && status != WEIR_NOT_FOUND, 0) && state != NULL &&
        state->failure == WEIR_OK) {
        state->failure = status;
    }
    return status;
}

weir_status
weir_value_upsert(weir_state *state, void **out_value, bool *out_created)
{
    if (!enter(state) || out_value == NULL) {
        return leave(state, WEIR_INVALID);
    }
    bool created = false;
    bool *where = out_created != NULL ? out_created : &created;
    return leave(state, state->backend->ops->upsert(state, state->current_key, out_value, where));
}

weir_status
weir_value_find(weir_state *state, const void **out_value)
{
    if (!enter(state) || out_value == NULL) {
        return leave(state, WEIR_INVALID);
    }
    weir_bytes value;
    WR_TRY(leave(state, state->backend->ops->find(state, state->current_key, &value)));
    *out_value = value.data;
    return WEIR_OK;
}

weir_status
weir_value_get(weir_state *state, weir_bytes *out_value)
{
    if (!enter(state) || out_value == NULL) {
        return leave(state, WEIR_INVALID);
    }
    return leave(state, state->backend->ops->find(state, state->current_key, out_value));
}

weir_status
weir_value_put(weir_state *state, weir_bytes value)
{
    if (!enter(state) || (value.data == NULL && value.size != 0)) {
        return leave(state, WEIR_INVALID);
    }
    if (value.size < weir_type_fixed_size(state->type)) {
        return leave(state, WEIR_INVALID); /* not a whole block */
    }
    return leave(state, state->backend->ops->put(state, state->current_key, value));
}

weir_status
weir_value_clear(weir_state *state)
{
    if (!enter(state)) {
        return leave(state, WEIR_INVALID);
    }
    return leave(state, state->backend->ops->remove(state, state->current_key));
}

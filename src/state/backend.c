/* SPDX-License-Identifier: Apache-2.0 */
/* backend: one dispatch for all engines. Arguments that a caller can get wrong are answered here
 * with WEIR_INVALID, so that an engine sees sound ones only; whether a key belongs to the backend's
 * range is the engine's to know (Flink's "Key group is not in KeyGroupRange": a shuffle that is not
 * deterministic).
 *
 * The dispatch calls the engine by a copy of its table: what an older engine's shorter one lacks is
 * NULL in it, and where there are no lists or no maps the whole ones stand (whole_list, whole_map).
 * The verbs by key are in a file for each kind of state.
 */
#include "base/fail.h"
#include "base/memory.h"
#include "state/common.h"
#include "state/key_hash.h"
#include "state/whole_list.h"
#include "state/whole_map.h"
#include "types/java_hash.h"
#include "types/key.h"
#include "types/type.h"

enum {
    MAX_PARALLELISM_MOST = 1 << 15
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

/* Optional entries come in sets. */
static bool
has_whole_sets(const weir_backend_ops *ops)
{
    bool has_list = ops->list_add != NULL;
    bool has_map = ops->map_find != NULL;
    return (ops->list_next != NULL) == has_list && (has_list || ops->list_put == NULL) &&
           (ops->map_put != NULL) == has_map && (ops->map_remove != NULL) == has_map &&
           (ops->map_next != NULL) == has_map && (has_map || ops->map_upsert == NULL);
}

static bool
is_complete(const weir_backend_ops *ops)
{
    return ops->create_state != NULL && ops->find != NULL && ops->upsert != NULL &&
           ops->upsert_many != NULL && ops->put != NULL && ops->remove != NULL &&
           ops->iterate != NULL && ops->entry_count != NULL && ops->snapshot_begin != NULL &&
           ops->snapshot_turn != NULL && ops->snapshot_end != NULL && ops->restore != NULL &&
           ops->used_bytes != NULL && ops->close != NULL && has_whole_sets(ops);
}

/* The engine's table as the dispatch calls it. */
static void
copy_ops(struct wr_backend_common *common, const weir_backend_ops *ops)
{
    memcpy(&common->ops, ops, ops->size < sizeof common->ops ? ops->size : sizeof common->ops);
    common->ops.size = sizeof common->ops;
    if (!is_complete(&common->ops)) {
        return;
    }
    if (common->ops.list_add == NULL) {
        common->ops.list_add = wr_whole_list_add;
        common->ops.list_next = wr_whole_list_next;
        common->ops.list_put = wr_whole_list_put;
    }
    if (common->ops.map_find == NULL) {
        common->ops.map_find = wr_whole_map_find;
        common->ops.map_put = wr_whole_map_put;
        common->ops.map_remove = wr_whole_map_remove;
        common->ops.map_next = wr_whole_map_next;
    }
}

static weir_status
adopt(weir_backend *backend, const weir_backend_factory *factory,
      const weir_backend_parameters *parameters, weir_error *err)
{
    struct wr_backend_common *common = wr_memory_new(&parameters->state_alloc, sizeof *common);
    if (common == NULL) {
        return wr_fail(err, WEIR_NOMEM, "operator '%s': no memory to open its state",
                       parameters->operator_name != NULL ? parameters->operator_name : "");
    }
    common->backend = backend;
    common->alloc = parameters->state_alloc;
    common->key_type = parameters->key_type;
    common->operator_name = parameters->operator_name != NULL ? parameters->operator_name : "";
    common->hash_seed = parameters->hash_seed;
    common->max_parallelism = parameters->max_parallelism;
    common->key_group_first = parameters->key_group_first;
    common->key_group_last = parameters->key_group_last;
    copy_ops(common, backend->ops);
    if (!is_complete(&common->ops)) {
        wr_memory_free(&parameters->state_alloc, common, sizeof *common);
        return wr_fail(err, WEIR_INVALID, "state backend '%s' lacks a required entry",
                       factory->name);
    }
    backend->common = common;
    return WEIR_OK;
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
    weir_backend *backend = NULL;
    WR_TRY(factory->open(parameters, &backend, err));
    weir_status status = adopt(backend, factory, parameters, err);
    if (status != WEIR_OK) {
        if (backend->ops->close != NULL) {
            backend->ops->close(backend);
        }
        return status;
    }
    *out_backend = backend;
    return WEIR_OK;
}

void
weir_backend_close(weir_backend *backend)
{
    if (backend == NULL) {
        return;
    }
    struct wr_backend_common *common = backend->common;
    backend->ops->close(backend);
    while (common->states != NULL) {
        struct wr_state_common *state = common->states;
        common->states = state->next;
        wr_state_destroy(state);
    }
    weir_alloc alloc = common->alloc;
    wr_memory_free(&alloc, common, sizeof *common);
}

weir_status
weir_backend_create_state(weir_backend *backend, const weir_state_descriptor *descriptor,
                          weir_state **out_state, weir_error *err)
{
    if (backend == NULL || descriptor == NULL || out_state == NULL) {
        return wr_fail(err, WEIR_INVALID, "a state needs a backend and a descriptor");
    }
    return wr_state_create(backend->common, descriptor, out_state, err);
}

void
weir_backend_set_time(weir_backend *backend, int64_t now_ms)
{
    wr_backend_end_loans(backend->common);
    backend->now_ms = now_ms;
    backend->common->turn++;
}

void
weir_state_bind(weir_state *state, const weir_key *key)
{
    state->current_key = key;
}

const weir_state_descriptor *
weir_state_descriptor_of(const weir_state *state)
{
    return state->common->descriptor;
}

uint64_t
weir_state_entry_count(const weir_state *state)
{
    return state->common->ops->entry_count(state);
}

void
weir_state_measure(const weir_state *state, weir_state_size *out_size)
{
    const weir_backend_ops *ops = state->common->ops;
    *out_size = (weir_state_size){ 0 };
    if (ops->measure != NULL) {
        ops->measure(state, out_size);
    } else {
        out_size->entries = ops->entry_count(state);
    }
}

/* What has been lent for change belongs into the snapshot. */
static weir_status
flush_all(const struct wr_backend_common *backend, weir_error *err)
{
    for (struct wr_state_common *common = backend->states; common != NULL; common = common->next) {
        weir_status status = wr_state_flush(common);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "operator '%s', state '%s': a value is refused",
                           backend->operator_name, common->descriptor->name);
        }
    }
    return WEIR_OK;
}

weir_status
weir_backend_snapshot_begin(weir_backend *backend, const weir_snapshot_parameters *parameters,
                            weir_snapshot **out_snapshot, weir_error *err)
{
    if (backend == NULL || parameters == NULL || parameters->writer == NULL ||
        out_snapshot == NULL) {
        return wr_fail(err, WEIR_INVALID, "a snapshot needs a backend and a writer");
    }
    wr_backend_end_loans(backend->common);
    WR_TRY(flush_all(backend->common, err));
    return backend->common->ops.snapshot_begin(backend, parameters, out_snapshot, err);
}

weir_status
weir_backend_snapshot_turn(weir_backend *backend, weir_snapshot *snapshot, size_t budget_bytes,
                           bool *out_done, weir_error *err)
{
    if (backend == NULL || snapshot == NULL || out_done == NULL) {
        return wr_fail(err, WEIR_INVALID, "a turn needs a snapshot that has begun");
    }
    wr_backend_end_loans(backend->common);
    return backend->common->ops.snapshot_turn(backend, snapshot, budget_bytes, out_done, err);
}

void
weir_backend_snapshot_end(weir_backend *backend, weir_snapshot *snapshot, bool completed)
{
    if (snapshot != NULL) {
        backend->common->ops.snapshot_end(backend, snapshot, completed);
    }
}

bool
weir_backend_idle_turn(weir_backend *backend, size_t budget_bytes)
{
    const weir_backend_ops *ops = &backend->common->ops;
    wr_backend_end_loans(backend->common);
    return ops->idle_turn != NULL && ops->idle_turn(backend, budget_bytes);
}

bool
weir_backend_snapshot_pressed(const weir_backend *backend)
{
    const weir_backend_ops *ops = &backend->common->ops;
    return ops->snapshot_pressed != NULL && ops->snapshot_pressed(backend);
}

weir_status
weir_backend_restore(weir_backend *backend, weir_block_reader *reader, weir_error *err)
{
    if (backend == NULL || reader == NULL) {
        return wr_fail(err, WEIR_INVALID, "a restore needs a backend and a reader");
    }
    return backend->common->ops.restore(backend, reader, err);
}

uint64_t
weir_backend_used_bytes(const weir_backend *backend)
{
    return backend->common->ops.used_bytes(backend);
}

size_t
weir_backend_gauges(const weir_backend *backend, const char **out_names, uint64_t *out_values,
                    size_t room)
{
    const weir_backend_ops *ops = &backend->common->ops;
    return ops->gauges != NULL ? ops->gauges(backend, out_names, out_values, room) : 0;
}

bool
weir_backend_explain(const weir_backend *backend, weir_error *out_err)
{
    const weir_backend_ops *ops = &backend->common->ops;
    return ops->explain != NULL && ops->explain(backend, out_err);
}

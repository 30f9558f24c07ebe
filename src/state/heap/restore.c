/* SPDX-License-Identifier: Apache-2.0 */
/* restore: from the blocks of a snapshot to live tables.
 *
 *   IMAGE            restore_image.c
 *   RECORDS, CHANGES restore_records.c; files with changes come behind what they change
 *
 * The checksum of a block is known only behind its last byte. Until then its content is used for
 * nothing but filling memory that was sized by the directory, and every size in it is checked
 * against what is left of the block; a failure ends the restore, and with it the backend.
 */
#include "state/heap/restore.h"

#include "base/fail.h"
#include "base/memory.h"
#include "state/key_hash.h"
#include "types/key.h"

weir_status
wr_restore_refused(const struct wr_restore *restore, const struct wr_heap_state *state,
                   weir_error *err)
{
    return wr_fail(err, WEIR_NOMEM,
                   "restore of operator '%s', state '%s': the memory budget is reached at %llu "
                   "bytes; raise taskmanager.memory.managed.size",
                   restore->heap->operator_name, state->name,
                   (unsigned long long)restore->heap->used_bytes);
}

weir_status
wr_restore_key(const struct wr_restore *restore, const struct wr_heap_state *state,
               const weir_block *block, weir_bytes bytes, weir_key *out_key, weir_error *err)
{
    const struct wr_heap *heap = restore->heap;
    weir_state_descriptor descriptor = wr_heap_descriptor(state);
    weir_key_parts parts;
    if (weir_key_split(heap->key_type, &descriptor, bytes, &parts) != WEIR_OK) {
        return wr_fail(err, WEIR_CORRUPT, "%s: %zu bytes are no key of state '%s'",
                       weir_block_reader_where(restore->reader), bytes.size, state->name);
    }
    weir_status status = wr_key_check(heap->key_type, parts.key, err);
    if (status == WEIR_OK && state->namespace_type != NULL) {
        status = wr_key_check(state->namespace_type, parts.namespace_, err);
    }
    if (status != WEIR_OK) {
        return wr_fail_context(err, status, "%s: ", weir_block_reader_where(restore->reader));
    }
    weir_key key = weir_key_make(heap->key_type, parts.key, heap->max_parallelism, heap->hash_seed);
    if (key.key_group != block->key_group) {
        return wr_fail(err, WEIR_CORRUPT, "%s: a key of key group %u stands in key group %u",
                       weir_block_reader_where(restore->reader), key.key_group, block->key_group);
    }
    *out_key = (weir_key){ .data = bytes.data,
                           .size = (uint32_t)bytes.size,
                           .key_group = key.key_group,
                           .hash = wr_key_hash(bytes.data, bytes.size, heap->hash_seed) };
    return WEIR_OK;
}

weir_status
wr_restore_insert(const struct wr_restore *restore, struct wr_heap_state *state,
                  const weir_key *key, weir_bytes item, weir_error *err)
{
    uint64_t before = state->count;
    weir_status status = wr_heap_put(&state->base, key, item);
    if (status == WEIR_NOMEM) {
        return wr_restore_refused(restore, state, err);
    }
    if (status != WEIR_OK || state->count == before) {
        return wr_fail(err, WEIR_CORRUPT, "%s: %s", weir_block_reader_where(restore->reader),
                       status == WEIR_OK ? "a key stands there twice" : "a value has a wrong size");
    }
    return WEIR_OK;
}

static weir_status
restore_block(struct wr_restore *restore, const weir_block *block, weir_error *err)
{
    const struct wr_heap *heap = restore->heap;
    struct wr_heap_state *state =
        block->state < restore->state_count ? restore->states[block->state] : NULL;
    uint32_t group = block->key_group - heap->key_group_first;
    if (state == NULL || group >= heap->key_group_count) {
        return wr_fail(err, WEIR_CORRUPT, "%s: a block of state %u, key group %u is not expected",
                       weir_block_reader_where(restore->reader), block->state, block->key_group);
    }
    switch (block->kind) {
    case WEIR_BLOCK_IMAGE:
        return wr_restore_image(restore, state, block, err);
    case WEIR_BLOCK_RECORDS:
    case WEIR_BLOCK_CHANGES:
        return wr_restore_records(restore, state, block, err);
    case WEIR_BLOCK_LIST:
    case WEIR_BLOCK_MAP:
    default:
        return wr_fail(err, WEIR_CORRUPT, "%s: a block of kind %u where keyed state is expected",
                       weir_block_reader_where(restore->reader), (unsigned)block->kind);
    }
}

/* Finds or makes the states of the file. */
static weir_status
restore_states(struct wr_restore *restore, weir_error *err)
{
    for (size_t i = 0; i < restore->state_count; i++) {
        weir_state_descriptor descriptor = { .size = sizeof descriptor };
        weir_block_reader_state(restore->reader, i, &descriptor);
        if (descriptor.list_mode != WEIR_LIST_NONE || descriptor.kind == WEIR_STATE_BROADCAST) {
            continue; /* operator state */
        }
        WR_TRY(wr_heap_add_state(restore->heap, &descriptor, &restore->states[i], err));
        if (restore->states[i]->layout.has_timestamps != descriptor.has_timestamps) {
            return wr_fail(err, WEIR_CORRUPT,
                           "restore of operator '%s', state '%s': one file has timestamps and "
                           "another has none",
                           restore->heap->operator_name, descriptor.name);
        }
    }
    return WEIR_OK;
}

static weir_status
restore_blocks(struct wr_restore *restore, weir_error *err)
{
    WR_TRY(restore_states(restore, err));
    for (;;) {
        weir_block block;
        weir_status status = weir_block_reader_next(restore->reader, &block, err);
        if (status == WEIR_NOT_FOUND) {
            return WEIR_OK;
        }
        if (status == WEIR_OK) {
            status = restore_block(restore, &block, err);
        }
        if (status != WEIR_OK) {
            return wr_fail_context(err, status,
                                   "restore of operator '%s': ", restore->heap->operator_name);
        }
    }
}

weir_status
wr_heap_restore(weir_backend *self, weir_block_reader *reader, weir_error *err)
{
    struct wr_heap *heap = wr_heap_of(self);
    struct wr_restore restore = { .heap = heap,
                                  .reader = reader,
                                  .state_count = weir_block_reader_state_count(reader) };
    size_t states_size = (restore.state_count + 1) * sizeof(struct wr_heap_state *);
    restore.states = wr_memory_new(&heap->alloc, states_size);
    if (restore.states == NULL) {
        return wr_fail(err, WEIR_NOMEM, "restore of operator '%s': no memory to begin",
                       heap->operator_name);
    }
    wr_buffer_init(&restore.key, &heap->alloc);
    wr_buffer_init(&restore.item, &heap->alloc);
    weir_status status = restore_blocks(&restore, err);
    wr_buffer_fini(&restore.item);
    wr_buffer_fini(&restore.key);
    wr_memory_free(&heap->alloc, restore.states, states_size);
    return status;
}

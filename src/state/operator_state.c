/* SPDX-License-Identifier: Apache-2.0 */
/* operator_state: named lists of values, one set an operator subtask.
 *
 *   list     | size 8 | bytes, up to 8 | size 8 | bytes ... |        elements, back to back
 *            | offset | offset | ...                               where each begins
 *
 * So a copy for a snapshot is two memcpys a list, whatever it holds, and an element is found by
 * index. Lists restored from a snapshot wait under their name until the function asks for them;
 * those it never asks for are copied into the next snapshot like all others, so nothing is lost by
 * a function that forgot one. Lists are kept in the order they came to be known.
 *
 * The copy holds types of its own: it may be written after the operator has been closed.
 */
#include "state/operator_state.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "types/describe.h"
#include "types/type.h"

struct weir_operator_list {
    struct weir_operator_list *next;
    char *name;
    weir_type *type;
    weir_list_mode mode;
    size_t count;
    struct wr_buffer elements;
    struct wr_buffer offsets; /* u64 each */
};

struct wr_operator_state {
    weir_alloc alloc;
    char *operator_name;
    struct weir_operator_list *first;
    struct weir_operator_list **end;
    size_t count;
};

/* Lists copied, and how far they are written. */
struct wr_operator_snapshot {
    weir_alloc alloc;
    struct wr_operator_state *copy;
    const struct weir_operator_list *list; /* being written */
    size_t written;                        /* elements of it */
    uint16_t state;                        /* its number in the file */
    bool in_block;
    size_t room_most;
};

static void
list_destroy(const weir_alloc *alloc, struct weir_operator_list *list)
{
    wr_buffer_fini(&list->elements);
    wr_buffer_fini(&list->offsets);
    weir_type_destroy(list->type);
    if (list->name != NULL) {
        wr_memory_free(alloc, list->name, strlen(list->name) + 1);
    }
    wr_memory_free(alloc, list, sizeof *list);
}

/* Adds an empty list. NULL: no memory. */
static struct weir_operator_list *
list_new(struct wr_operator_state *state, const char *name, const weir_type *type,
         weir_list_mode mode)
{
    struct weir_operator_list *list = wr_memory_new(&state->alloc, sizeof *list);
    if (list == NULL) {
        return NULL;
    }
    list->mode = mode;
    wr_buffer_init(&list->elements, &state->alloc);
    wr_buffer_init(&list->offsets, &state->alloc);
    list->name = wr_memory_copy_text(&state->alloc, name);
    if (list->name == NULL || wr_type_copy(&state->alloc, type, &list->type) != WEIR_OK) {
        list_destroy(&state->alloc, list);
        return NULL;
    }
    *state->end = list;
    state->end = &list->next;
    state->count++;
    return list;
}

static const char *
mode_name(weir_list_mode mode)
{
    return mode == WEIR_LIST_UNION ? "UNION" : mode == WEIR_LIST_SPLIT ? "SPLIT_DISTRIBUTE" : "?";
}

/* Finds the list of the descriptor, or adds it. */
static weir_status
find_or_add(struct wr_operator_state *state, const weir_state_descriptor *descriptor,
            struct weir_operator_list **out_list, weir_error *err)
{
    if (descriptor->name == NULL || descriptor->type == NULL ||
        descriptor->kind != WEIR_STATE_LIST ||
        (descriptor->list_mode != WEIR_LIST_SPLIT && descriptor->list_mode != WEIR_LIST_UNION)) {
        return wr_fail(err, WEIR_INVALID,
                       "operator '%s': a list state needs a name, a type and a mode",
                       state->operator_name);
    }
    struct weir_operator_list *list = state->first;
    while (list != NULL && strcmp(list->name, descriptor->name) != 0) {
        list = list->next;
    }
    if (list == NULL) {
        list = list_new(state, descriptor->name, descriptor->type, descriptor->list_mode);
        if (list == NULL) {
            return wr_fail(err, WEIR_NOMEM, "operator '%s', list '%s': no memory",
                           state->operator_name, descriptor->name);
        }
    }
    if (list->mode != descriptor->list_mode) {
        return wr_fail(
            err, WEIR_VERSION,
            "operator '%s', list '%s': Incompatible state assignment modes: restored %s, "
            "asked for %s",
            state->operator_name, list->name, mode_name(list->mode),
            mode_name(descriptor->list_mode));
    }
    if (!weir_type_equal(list->type, descriptor->type)) {
        char had[WR_DESCRIPTION_SIZE];
        char asked[WR_DESCRIPTION_SIZE];
        return wr_fail(
            err, WEIR_VERSION, "operator '%s', list '%s': the stored type is %s, the job's is %s",
            state->operator_name, list->name, wr_type_describe(list->type, had, sizeof had),
            wr_type_describe(descriptor->type, asked, sizeof asked));
    }
    *out_list = list;
    return WEIR_OK;
}

weir_status
wr_operator_state_create(const weir_alloc *alloc, const char *operator_name,
                         struct wr_operator_state **out_state)
{
    struct wr_operator_state *state = wr_memory_new(alloc, sizeof *state);
    if (state == NULL) {
        return WEIR_NOMEM;
    }
    state->alloc = *alloc;
    state->end = &state->first;
    state->operator_name = wr_memory_copy_text(alloc, operator_name != NULL ? operator_name : "");
    if (state->operator_name == NULL) {
        wr_operator_state_destroy(state);
        return WEIR_NOMEM;
    }
    *out_state = state;
    return WEIR_OK;
}

void
wr_operator_state_destroy(struct wr_operator_state *state)
{
    if (state == NULL) {
        return;
    }
    weir_alloc alloc = state->alloc;
    while (state->first != NULL) {
        struct weir_operator_list *list = state->first;
        state->first = list->next;
        list_destroy(&alloc, list);
    }
    if (state->operator_name != NULL) {
        wr_memory_free(&alloc, state->operator_name, strlen(state->operator_name) + 1);
    }
    wr_memory_free(&alloc, state, sizeof *state);
}

weir_status
wr_operator_state_list(struct wr_operator_state *state, const weir_state_descriptor *descriptor,
                       weir_operator_list **out_list, weir_error *err)
{
    return find_or_add(state, descriptor, out_list, err);
}

weir_status
wr_operator_state_restore(struct wr_operator_state *state, const weir_state_descriptor *descriptor,
                          weir_bytes value, weir_error *err)
{
    struct weir_operator_list *list = NULL;
    WR_TRY(find_or_add(state, descriptor, &list, err));
    wr_assert(list != NULL);
    WR_TRY(weir_type_check_block(list->type, value.data, value.size, err));
    weir_status status = weir_operator_list_add(list, value);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "operator '%s', list '%s': an element of %zu bytes is refused",
                       state->operator_name, list->name, value.size);
    }
    return WEIR_OK;
}

size_t
wr_operator_state_count(const struct wr_operator_state *state)
{
    return state->count;
}

void
wr_operator_state_describe(const struct wr_operator_state *state, size_t index,
                           weir_state_descriptor *out_descriptor, uint64_t *out_count)
{
    const struct weir_operator_list *list = state->first;
    for (; index > 0; index--) {
        list = list->next;
    }
    *out_descriptor = (weir_state_descriptor){ .size = sizeof *out_descriptor,
                                               .kind = WEIR_STATE_LIST,
                                               .list_mode = list->mode,
                                               .name = list->name,
                                               .type = list->type };
    *out_count = list->count;
}

/* Adds a copy of the list to `copy`. */
static bool
copy_list(struct wr_operator_state *copy, const struct weir_operator_list *list)
{
    struct weir_operator_list *twin = list_new(copy, list->name, list->type, list->mode);
    if (twin == NULL) {
        return false;
    }
    wr_buffer_put(&twin->elements, list->elements.data, list->elements.size);
    wr_buffer_put(&twin->offsets, list->offsets.data, list->offsets.size);
    twin->count = list->count;
    return !twin->elements.refused && !twin->offsets.refused;
}

weir_status
wr_operator_state_copy(const struct wr_operator_state *state,
                       struct wr_operator_snapshot **out_snapshot, weir_error *err)
{
    struct wr_operator_snapshot *snapshot = wr_memory_new(&state->alloc, sizeof *snapshot);
    bool is_copied =
        snapshot != NULL &&
        wr_operator_state_create(&state->alloc, state->operator_name, &snapshot->copy) == WEIR_OK;
    for (const struct weir_operator_list *list = state->first; is_copied && list != NULL;
         list = list->next) {
        is_copied = copy_list(snapshot->copy, list);
    }
    if (!is_copied) {
        if (snapshot != NULL) {
            wr_operator_state_destroy(snapshot->copy);
            wr_memory_free(&state->alloc, snapshot, sizeof *snapshot);
        }
        return wr_fail(err, WEIR_NOMEM, "operator '%s': no memory to copy its lists for a snapshot",
                       state->operator_name);
    }
    snapshot->alloc = state->alloc;
    snapshot->list = snapshot->copy->first;
    *out_snapshot = snapshot;
    return WEIR_OK;
}

size_t
wr_operator_snapshot_count(const struct wr_operator_snapshot *snapshot)
{
    return wr_operator_state_count(snapshot->copy);
}

void
wr_operator_snapshot_describe(const struct wr_operator_snapshot *snapshot, size_t index,
                              weir_state_descriptor *out_descriptor, uint64_t *out_count)
{
    wr_operator_state_describe(snapshot->copy, index, out_descriptor, out_count);
}

/* As the keyed walk: what is larger than half of all buffers is written when half of them are free.
 */
static bool
has_room(struct wr_operator_snapshot *snapshot, const weir_block_writer *writer, size_t size)
{
    size_t room = weir_block_writer_room(writer);
    snapshot->room_most = room > snapshot->room_most ? room : snapshot->room_most;
    return room >= size || (room >= snapshot->room_most / 2 && room > 0);
}

static weir_status
enter_list(struct wr_operator_snapshot *snapshot, weir_block_writer *writer)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_LIST,
                                         .list_mode = snapshot->list->mode,
                                         .name = snapshot->list->name,
                                         .type = snapshot->list->type };
    WR_TRY(weir_block_writer_add_state(writer, &descriptor, &snapshot->state));
    snapshot->in_block = true;
    return WEIR_OK;
}

static weir_status
write_element(weir_block_writer *writer, weir_bytes value)
{
    uint8_t head[4];
    wr_put_u32(head, (uint32_t)value.size);
    WR_TRY(weir_block_writer_write(writer, head, sizeof head));
    return weir_block_writer_write(writer, value.data, value.size);
}

static weir_status
end_list(struct wr_operator_snapshot *snapshot, weir_block_writer *writer)
{
    weir_block block = { .kind = WEIR_BLOCK_LIST,
                         .state = snapshot->state,
                         .entries = snapshot->list->count };
    snapshot->in_block = false;
    snapshot->list = snapshot->list->next;
    snapshot->written = 0;
    return weir_block_writer_end_block(writer, &block);
}

static weir_status
write_lists(struct wr_operator_snapshot *snapshot, weir_block_writer *writer, size_t budget_bytes)
{
    size_t spent = 0;
    while (snapshot->list != NULL && spent < budget_bytes) {
        if (!snapshot->in_block) {
            WR_TRY(enter_list(snapshot, writer));
        }
        if (snapshot->written == snapshot->list->count) {
            WR_TRY(end_list(snapshot, writer));
            continue;
        }
        weir_bytes value = weir_operator_list_at(snapshot->list, snapshot->written);
        if (!has_room(snapshot, writer, 4 + value.size)) {
            break;
        }
        WR_TRY(write_element(writer, value));
        snapshot->written++;
        spent += 4 + value.size;
    }
    return WEIR_OK;
}

weir_status
wr_operator_snapshot_turn(struct wr_operator_snapshot *snapshot, weir_block_writer *writer,
                          size_t budget_bytes, bool *out_done, weir_error *err)
{
    weir_status status = write_lists(snapshot, writer, budget_bytes > 0 ? budget_bytes : 1);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "snapshot of operator '%s', list '%s': writing failed",
                       snapshot->copy->operator_name,
                       snapshot->list != NULL ? snapshot->list->name : "");
    }
    *out_done = snapshot->list == NULL;
    return WEIR_OK;
}

void
wr_operator_snapshot_destroy(struct wr_operator_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    weir_alloc alloc = snapshot->alloc;
    wr_operator_state_destroy(snapshot->copy);
    wr_memory_free(&alloc, snapshot, sizeof *snapshot);
}

/* --- weir/state.h --- */

size_t
weir_operator_list_count(const weir_operator_list *list)
{
    return list->count;
}

weir_bytes
weir_operator_list_at(const weir_operator_list *list, size_t index)
{
    if (index >= list->count) {
        return weir_bytes_of(NULL, 0);
    }
    const uint8_t *element = list->elements.data + wr_get_u64(list->offsets.data + index * 8);
    return weir_bytes_of(element + 8, wr_get_u64(element));
}

weir_status
weir_operator_list_add(weir_operator_list *list, weir_bytes value)
{
    if (list == NULL || (value.data == NULL && value.size != 0) ||
        value.size < weir_type_fixed_size(list->type)) {
        return WEIR_INVALID;
    }
    if (value.size > WEIR_VALUE_SIZE_MAX) {
        return WEIR_LIMIT;
    }
    size_t elements_size = list->elements.size;
    size_t offsets_size = list->offsets.size;
    size_t lent = (size_t)((const uint8_t *)value.data - list->elements.data);
    bool is_own = list->elements.data != NULL && lent < elements_size; /* lent from this list */
    uint8_t *element = wr_buffer_extend(&list->elements, 8 + weir_round8(value.size));
    uint8_t *offset = element != NULL ? wr_buffer_extend(&list->offsets, 8) : NULL;
    if (offset == NULL) { /* as it was, and ready for another try */
        list->elements.size = elements_size;
        list->elements.refused = false;
        list->offsets.size = offsets_size;
        list->offsets.refused = false;
        return WEIR_NOMEM;
    }
    const uint8_t *from = is_own ? list->elements.data + lent : (const uint8_t *)value.data;
    wr_put_u64(offset, elements_size);
    wr_put_u64(element, value.size);
    memset(element + 8, 0, weir_round8(value.size));
    if (value.size != 0) {
        memcpy(element + 8, from, value.size);
    }
    list->count++;
    return WEIR_OK;
}

void
weir_operator_list_clear(weir_operator_list *list)
{
    wr_buffer_clear(&list->elements);
    wr_buffer_clear(&list->offsets);
    list->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* operator_state: named lists and broadcast maps, one set an operator subtask.
 *
 * What is restored from a snapshot waits under its name until the function asks for it; what it
 * never asks for is copied into the next snapshot like all others, so nothing is lost by a function
 * that forgot one. Lists and maps are kept in the order they came to be known.
 */
#include "state/operator_state.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "state/operator_parts.h"
#include "types/describe.h"

static const char *
mode_name(const weir_state_descriptor *descriptor)
{
    if (descriptor->kind == WEIR_STATE_BROADCAST) {
        return "BROADCAST";
    }
    return descriptor->list_mode == WEIR_LIST_UNION   ? "UNION"
           : descriptor->list_mode == WEIR_LIST_SPLIT ? "SPLIT_DISTRIBUTE"
                                                      : "?";
}

static weir_status
check_descriptor(const struct wr_operator_state *state, const weir_state_descriptor *descriptor,
                 weir_error *err)
{
    bool is_list =
        descriptor->kind == WEIR_STATE_LIST &&
        (descriptor->list_mode == WEIR_LIST_SPLIT || descriptor->list_mode == WEIR_LIST_UNION);
    bool is_map = descriptor->kind == WEIR_STATE_BROADCAST && descriptor->map_key_type != NULL;
    if (descriptor->name != NULL && descriptor->type != NULL && (is_list || is_map)) {
        return WEIR_OK;
    }
    return wr_fail(err, WEIR_INVALID,
                   "operator '%s': a list state needs a name, a type and a mode; a broadcast state "
                   "a name, a type and its keys' type",
                   state->operator_name);
}

static struct weir_operator_list *
find_list(const struct wr_operator_state *state, const char *name)
{
    struct weir_operator_list *list = state->lists;
    while (list != NULL && strcmp(list->descriptor->name, name) != 0) {
        list = list->next;
    }
    return list;
}

static struct weir_broadcast *
find_broadcast(const struct wr_operator_state *state, const char *name)
{
    struct weir_broadcast *broadcast = state->broadcasts;
    while (broadcast != NULL && strcmp(broadcast->descriptor->name, name) != 0) {
        broadcast = broadcast->next;
    }
    return broadcast;
}

static weir_status
compare_types(const struct wr_operator_state *state, const char *name, const weir_type *had,
              const weir_type *asked, weir_error *err)
{
    if (weir_type_equal(had, asked)) {
        return WEIR_OK;
    }
    char had_words[WR_DESCRIPTION_SIZE];
    char asked_words[WR_DESCRIPTION_SIZE];
    return wr_fail(err, WEIR_VERSION,
                   "operator '%s', list '%s': the stored type is %s, the job's is %s",
                   state->operator_name, name, wr_type_describe(had, had_words, sizeof had_words),
                   wr_type_describe(asked, asked_words, sizeof asked_words));
}

/* Whether what is there under this name is what is asked for. */
static weir_status
compare(const struct wr_operator_state *state, const weir_state_descriptor *had,
        const weir_state_descriptor *asked, weir_error *err)
{
    if (had->kind != asked->kind || had->list_mode != asked->list_mode) {
        return wr_fail(
            err, WEIR_VERSION,
            "operator '%s', list '%s': Incompatible state assignment modes: restored %s, "
            "asked for %s",
            state->operator_name, had->name, mode_name(had), mode_name(asked));
    }
    if (asked->kind == WEIR_STATE_BROADCAST) {
        WR_TRY(compare_types(state, had->name, had->map_key_type, asked->map_key_type, err));
    }
    return compare_types(state, had->name, had->type, asked->type, err);
}

/* The descriptor of what is there under this name; NULL: nothing. */
static const weir_state_descriptor *
find_any(const struct wr_operator_state *state, const char *name)
{
    const struct weir_operator_list *list = find_list(state, name);
    const struct weir_broadcast *broadcast = find_broadcast(state, name);
    return list != NULL ? list->descriptor : broadcast != NULL ? broadcast->descriptor : NULL;
}

/* Checks the descriptor against itself and against what is there. */
static weir_status
check(const struct wr_operator_state *state, const weir_state_descriptor *descriptor,
      weir_error *err)
{
    WR_TRY(check_descriptor(state, descriptor, err));
    const weir_state_descriptor *had = find_any(state, descriptor->name);
    return had == NULL ? WEIR_OK : compare(state, had, descriptor, err);
}

static weir_status
no_memory(const struct wr_operator_state *state, const char *name, weir_error *err)
{
    return wr_fail(err, WEIR_NOMEM, "operator '%s', list '%s': no memory", state->operator_name,
                   name);
}

weir_status
wr_operator_state_leave(struct wr_operator_state *state, const weir_state_descriptor *descriptor,
                        weir_status status)
{
    if (__builtin_expect(status != WEIR_OK && status != WEIR_NOT_FOUND, 0) && state != NULL &&
        state->failure == WEIR_OK) {
        state->failure = status;
        state->refusing = descriptor;
    }
    return status;
}

weir_status
wr_operator_state_failure(const struct wr_operator_state *state, weir_error *err)
{
    if (__builtin_expect(state->failure == WEIR_OK, 1)) {
        return WEIR_OK;
    }
    bool is_map = state->refusing->kind == WEIR_STATE_BROADCAST;
    const char *advice = "";
    if (state->failure == WEIR_NOMEM) {
        advice = "; raise taskmanager.memory.managed.size";
    } else if (state->failure == WEIR_INVALID && is_map) {
        advice = "; only the broadcast side may write, and only whole keys and values of its types";
    }
    return wr_fail(err, state->failure, "%s '%s' refused a call: %s%s",
                   is_map ? "broadcast state" : "operator list state", state->refusing->name,
                   weir_status_meaning(state->failure), advice);
}

static void
append_list(struct wr_operator_state *state, struct weir_operator_list *list)
{
    list->owner = state;
    struct weir_operator_list **end = &state->lists;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = list;
    state->list_count++;
}

static void
append_broadcast(struct wr_operator_state *state, struct weir_broadcast *broadcast)
{
    broadcast->owner = state;
    struct weir_broadcast **end = &state->broadcasts;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = broadcast;
    state->broadcast_count++;
}

/* --- life --- */

weir_status
wr_operator_state_create(const weir_alloc *alloc, const char *operator_name,
                         struct wr_operator_state **out_state)
{
    struct wr_operator_state *state = wr_memory_new(alloc, sizeof *state);
    if (state == NULL) {
        return WEIR_NOMEM;
    }
    state->alloc = *alloc;
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
    while (state->lists != NULL) {
        struct weir_operator_list *list = state->lists;
        state->lists = list->next;
        wr_operator_list_destroy(&alloc, list);
    }
    while (state->broadcasts != NULL) {
        struct weir_broadcast *broadcast = state->broadcasts;
        state->broadcasts = broadcast->next;
        wr_broadcast_destroy(&alloc, broadcast);
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
    if (descriptor->kind != WEIR_STATE_LIST) {
        return wr_fail(err, WEIR_INVALID, "operator '%s': list state is of kind LIST",
                       state->operator_name);
    }
    WR_TRY(check(state, descriptor, err));
    struct weir_operator_list *list = find_list(state, descriptor->name);
    if (list == NULL) {
        list = wr_operator_list_new(&state->alloc, descriptor);
        if (list == NULL) {
            return no_memory(state, descriptor->name, err);
        }
        append_list(state, list);
    }
    *out_list = list;
    return WEIR_OK;
}

weir_status
wr_operator_state_restore(struct wr_operator_state *state, const weir_state_descriptor *descriptor,
                          weir_bytes value, weir_error *err)
{
    struct weir_operator_list *list = NULL;
    WR_TRY(wr_operator_state_list(state, descriptor, &list, err));
    wr_assert(list != NULL);
    WR_TRY(weir_type_check_block(list->descriptor->type, value.data, value.size, err));
    weir_status status = weir_operator_list_add(list, value);
    if (status != WEIR_OK) {
        return wr_fail(err, status, "operator '%s', list '%s': an element of %zu bytes is refused",
                       state->operator_name, list->descriptor->name, value.size);
    }
    return WEIR_OK;
}

weir_status
wr_operator_state_broadcast(struct wr_operator_state *state,
                            const weir_state_descriptor *descriptor, weir_broadcast **out_broadcast,
                            weir_error *err)
{
    if (descriptor->kind != WEIR_STATE_BROADCAST) {
        return wr_fail(err, WEIR_INVALID, "operator '%s': broadcast state is of kind BROADCAST",
                       state->operator_name);
    }
    WR_TRY(check(state, descriptor, err));
    struct weir_broadcast *broadcast = find_broadcast(state, descriptor->name);
    if (broadcast == NULL) {
        broadcast = wr_broadcast_new(&state->alloc, descriptor);
        if (broadcast == NULL) {
            return no_memory(state, descriptor->name, err);
        }
        append_broadcast(state, broadcast);
    }
    *out_broadcast = broadcast;
    return WEIR_OK;
}

weir_status
wr_operator_state_restore_entry(struct wr_operator_state *state,
                                const weir_state_descriptor *descriptor, weir_bytes key,
                                weir_bytes value, weir_error *err)
{
    struct weir_broadcast *broadcast = NULL;
    WR_TRY(wr_operator_state_broadcast(state, descriptor, &broadcast, err));
    wr_assert(broadcast != NULL);
    weir_status status = value.data != NULL
                             ? weir_type_check_block(descriptor->type, value.data, value.size, err)
                             : WEIR_OK;
    WR_TRY(status);
    status = wr_broadcast_put(broadcast, key, value);
    if (status != WEIR_OK) {
        return wr_fail(err, status == WEIR_NOMEM ? WEIR_NOMEM : WEIR_CORRUPT,
                       "operator '%s', broadcast state '%s': an entry of %zu and %zu bytes is "
                       "refused",
                       state->operator_name, descriptor->name, key.size, value.size);
    }
    return WEIR_OK;
}

void
wr_operator_state_set_writable(struct wr_operator_state *state, bool is_writable)
{
    for (struct weir_broadcast *broadcast = state->broadcasts; broadcast != NULL;
         broadcast = broadcast->next) {
        broadcast->is_writable = is_writable;
    }
}

size_t
wr_operator_state_count(const struct wr_operator_state *state)
{
    return state->list_count + state->broadcast_count;
}

/* NULL: it is a broadcast state's place. */
static const struct weir_operator_list *
list_at(const struct wr_operator_state *state, size_t index)
{
    const struct weir_operator_list *list = state->lists;
    for (; list != NULL && index > 0; index--) {
        list = list->next;
    }
    return list;
}

static const struct weir_broadcast *
broadcast_at(const struct wr_operator_state *state, size_t index)
{
    const struct weir_broadcast *broadcast = state->broadcasts;
    for (index -= state->list_count; index > 0; index--) {
        broadcast = broadcast->next;
    }
    return broadcast;
}

void
wr_operator_state_describe(const struct wr_operator_state *state, size_t index,
                           weir_state_descriptor *out_descriptor, uint64_t *out_count)
{
    const struct weir_operator_list *list = list_at(state, index);
    if (list != NULL) {
        *out_descriptor = *list->descriptor;
        *out_count = list->count;
        return;
    }
    const struct weir_broadcast *broadcast = broadcast_at(state, index);
    *out_descriptor = *broadcast->descriptor;
    *out_count = broadcast->count;
}

void
wr_operator_state_measure(const struct wr_operator_state *state, size_t index,
                          weir_state_size *out_size)
{
    const struct weir_operator_list *list = list_at(state, index);
    *out_size = (weir_state_size){ .is_exact = true };
    if (list != NULL) {
        out_size->entries = list->count;
        out_size->bytes = list->elements.capacity + list->offsets.capacity;
        return;
    }
    const struct weir_broadcast *broadcast = broadcast_at(state, index);
    out_size->entries = broadcast->count;
    out_size->bytes = broadcast->entries.capacity + broadcast->offsets.capacity;
}

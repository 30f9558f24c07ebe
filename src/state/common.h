/* SPDX-License-Identifier: Apache-2.0 */
/* state/common.h: what the dispatch keeps of a backend and of each of its states, and how a verb
 * begins and ends. For the files of this room.
 *
 *   verb:  wr_state_enter (kind, key, namespace; what is expired is looked for)
 *          -> the engine's entry, or the whole-list and whole-map ones where it has none
 *          -> wr_state_leave (the first failure stays with the state)
 *
 * Thread: task.
 */
#ifndef WR_STATE_COMMON_H
#define WR_STATE_COMMON_H

#include "base/buffer.h"
#include "state/lent.h"
#include "weir/backend.h"

enum {
    WR_ITEM_HEAD = 8 /* bytes of the timestamp before the block of an item */
};

/* Where functions put results: room for a timestamp, then the block. */
struct weir_value_builder {
    struct wr_buffer bytes;
    bool is_reserved;
    bool is_too_big;
};

/* What was lent for change by an engine that cannot lend: written back at the next call. */
struct wr_write_back {
    bool is_due;
    uint32_t key_group;
    uint64_t hash;
    struct wr_buffer key;
    struct wr_buffer map_key;
    struct wr_buffer item;
};

struct wr_backend_common {
    weir_backend_ops ops; /* the engine's; what its table lacks is NULL, or ours (whole_list.h) */
    weir_backend *backend;
    weir_alloc alloc; /* of state */
    const weir_type *key_type;
    const char *operator_name;
    uint64_t hash_seed;
    uint32_t max_parallelism;
    uint32_t key_group_first;
    uint32_t key_group_last;
    uint32_t turn;                  /* counts weir_backend_set_time */
    struct wr_state_common *states; /* newest first */
};

struct wr_state_common {
    /* the way of a state in the void namespace without ttl: this line and no more */
    bool is_direct;    /* it is one */
    bool is_plain;     /* a value state that is one */
    bool is_in_place;  /* of a plain one: of a fixed size too */
    bool is_fixed;     /* the type */
    bool has_ttl;      /* items have timestamps */
    bool is_hidden;    /* with ttl: expired ones are never returned */
    bool is_refreshed; /* with ttl: reading writes the timestamp */
    bool has_namespace_bound;
    uint32_t fixed_size; /* of the type */
    weir_state_kind kind;
    const weir_backend_ops *ops;
    weir_status (*upsert)(weir_state *self, const weir_key *key, void **out_item,
                          bool *out_created);
    weir_status (*find)(weir_state *self, const weir_key *key, weir_bytes *out_item);

    struct wr_state_common *next;
    struct wr_backend_common *backend;
    weir_state *state;
    weir_state_descriptor *descriptor; /* all it points to is our own */
    weir_ttl ttl;
    weir_reduce_function reduce;
    weir_aggregate_function aggregate;
    weir_type *input_type; /* of what is added to an AGGREGATING one; our own */
    weir_type *result_type;
    const uint8_t *defaults; /* a block of the type, its parts empty; lent from the descriptor */
    size_t cleanup_entries;  /* looked at for what is expired, with every access; 0: none */

    /* A walk over a list or map that has given something and not come to its end: nothing is
     * removed behind its back while the same key is bound in the same turn. */
    const weir_key *walked_key;
    const weir_cursor *walker; /* whose walk it is: compared only */
    uint32_t walked_turn;
    bool walk_met_expired;

    weir_key key;                 /* the bound key with the namespace, lent from key_bytes */
    struct wr_buffer key_bytes;   /* | key | namespace | size | */
    struct wr_buffer namespace_;  /* | namespace | size |, as it stands in keys */
    uint32_t namespace_size;      /* without the size behind it */
    struct wr_buffer item;        /* made for the engine */
    struct wr_buffer items;       /* weir_bytes, made for the engine */
    struct wr_buffer whole;       /* a list or map that is one value of the engine */
    struct wr_buffer lent;        /* what is lent to the caller, where the engine's own cannot be */
    weir_value_builder builder;   /* results of functions */
    struct wr_write_back pending; /* of weir_map_upsert */
    struct wr_lent loan;          /* what the last verb has lent, in builds that lend copies */
};

/* --- common.c --- */

/* What begins a verb on a state that is not direct, or has something to write back. */
weir_status wr_state_enter_slowly(weir_state *state, const weir_key **out_key);

/* Begins a verb that acts on the bound key. WEIR_INVALID: no key, no namespace where there must be
 * one, or a state of another kind. *out_key is lent until the next call on the state. */
static inline weir_status
wr_state_enter(weir_state *state, weir_state_kind kind, const weir_key **out_key)
{
    if (__builtin_expect(state == NULL || state->current_key == NULL, 0)) {
        return WEIR_INVALID;
    }
    struct wr_state_common *common = state->common;
    if (__builtin_expect(common->kind != kind, 0)) {
        return WEIR_INVALID;
    }
    wr_lent_enter(&common->loan);
    state->accesses++;
    *out_key = state->current_key;
    if (__builtin_expect(common->is_direct && !common->pending.is_due, 1)) {
        return WEIR_OK;
    }
    return wr_state_enter_slowly(state, out_key);
}

/* All of a clear verb: what stands under the bound key goes. */
weir_status wr_state_clear(weir_state *state, weir_state_kind kind);
/* The first failure of a call stays with the state: the runtime looks, whatever the function does.
 */
static inline weir_status
wr_state_leave(weir_state *state, weir_status status)
{
    if (__builtin_expect(status != WEIR_OK && status != WEIR_NOT_FOUND, 0) && state != NULL &&
        state->failure == WEIR_OK) {
        state->failure = status;
    }
    if (wr_lends_copies && state != NULL) {
        wr_lent_leave(&state->common->loan);
    }
    return status;
}

/* The same for verbs that lend bytes to be read. */
static inline weir_status
wr_state_lend(weir_state *state, weir_status status, weir_bytes *bytes)
{
    if (wr_lends_copies && status == WEIR_OK) {
        wr_lent_bytes(&state->common->loan, bytes);
    }
    return wr_state_leave(state, status);
}

/* The same for verbs that lend a value of a fixed size to be changed. */
static inline weir_status
wr_state_lend_place(weir_state *state, weir_status status, void **place)
{
    if (wr_lends_copies && status == WEIR_OK) {
        wr_lent_place(&state->common->loan, place, state->common->fixed_size);
    }
    return wr_state_leave(state, status);
}

/* Whether a walk over this key is under way, and whether this cursor may make one of its own or has
 * it. */
bool wr_state_is_walked(const struct wr_state_common *common);
bool wr_state_is_walker(const struct wr_state_common *common, const weir_cursor *cursor);
/* The cursor has given something, or come to the end. */
void wr_state_mark_walk(struct wr_state_common *common, const weir_cursor *cursor, bool goes_on);
void wr_state_end_walk(struct wr_state_common *common);

/* Writes back what weir_map_upsert has lent, if anything; ends the loan of the last verb. */
weir_status wr_state_flush(struct wr_state_common *common);
/* Ends the loans of all states: their functions have returned. */
void wr_backend_end_loans(struct wr_backend_common *backend);

/* Whether bytes may be a block of the type, cut to their size: WEIR_INVALID, WEIR_LIMIT. */
static inline weir_status
wr_state_check_block(const struct wr_state_common *common, weir_bytes *block)
{
    if (block->data == NULL || block->size < common->fixed_size) {
        return WEIR_INVALID;
    }
    if (common->is_fixed) { /* the fixed part, or the whole block: rounded up */
        if (block->size != common->fixed_size && block->size != weir_round8(common->fixed_size)) {
            return WEIR_INVALID;
        }
        block->size = common->fixed_size;
    }
    return block->size <= WEIR_VALUE_SIZE_MAX ? WEIR_OK : WEIR_LIMIT;
}

/* The item of a block, written at now_ms where items have timestamps; lent: the block itself, or
 * common->item. The block may be lent from common->lent. WEIR_NOMEM. */
weir_status wr_state_item(struct wr_state_common *common, weir_bytes block, weir_bytes *out_item);
/* The block of an item. */
static inline weir_bytes
wr_state_block(const struct wr_state_common *common, weir_bytes item)
{
    if (common->has_ttl && item.size >= WR_ITEM_HEAD) {
        return weir_bytes_of((const uint8_t *)item.data + WR_ITEM_HEAD, item.size - WR_ITEM_HEAD);
    }
    return item;
}

/* Empties a scratch buffer and puts these bytes into it; it may be tried again after a refusal.
 * The bytes may not be the buffer's own. */
weir_status wr_scratch_put(struct wr_buffer *buffer, const void *data, size_t size);

/* --- create.c --- */

weir_status wr_state_create(struct wr_backend_common *backend, const weir_state_descriptor *given,
                            weir_state **out_state, weir_error *err);
void wr_state_destroy(struct wr_state_common *common);

/* --- namespace.c --- */

/* Makes common->key from the key and the namespace that stands in common->namespace_. */
weir_status wr_namespace_key(struct wr_state_common *common, const weir_key *key,
                             const weir_key **out_key);
/* Appends the namespace as it stands in keys. */
void wr_namespace_put(const struct wr_state_common *common, weir_bytes namespace_,
                      struct wr_buffer *out);
/* The key with another namespace, into a buffer of the caller's. WEIR_INVALID: it is none. */
weir_status wr_namespace_compose(const struct wr_state_common *common, const weir_key *key,
                                 weir_bytes namespace_, struct wr_buffer *bytes, weir_key *out_key);
/* Whether the bytes are a namespace of the state: WEIR_INVALID, WEIR_LIMIT. */
weir_status wr_namespace_check(const struct wr_state_common *common, weir_bytes namespace_);

/* --- builder.c --- */

void wr_builder_init(weir_value_builder *builder, const weir_alloc *alloc);
void wr_builder_fini(weir_value_builder *builder);
void wr_builder_reset(weir_value_builder *builder);
/* What was built: a whole block of the type, lent until the builder is used again. WEIR_USER: the
 * function has reserved nothing, or no block of this type; WEIR_NOMEM, WEIR_LIMIT. */
weir_status wr_builder_block(const weir_value_builder *builder, const weir_type *type,
                             weir_bytes *out_block);

#endif /* WR_STATE_COMMON_H */

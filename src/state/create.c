/* SPDX-License-Identifier: Apache-2.0 */
/* create: a state comes to be, or is found again.
 *
 *   asked for before         the same handle, if kind, types and ttl are the same
 *   restored, not yet asked  the engine's, if kind and types are the same; ttl may have been
 *                            switched on or off since: the engine gives or takes the timestamps
 *   neither                  new
 *
 * Everything that a descriptor points to is copied, the functions' arguments excepted.
 */
#include "state/common.h"

#include "base/fail.h"
#include "base/memory.h"
#include "types/describe.h"
#include "types/type.h"
#include "weir/engine_support.h"

enum {
    STATE_NAME_MOST = 255,
    CLEANUP_ENTRIES = 5 /* Flink's, looked at an access */
};

/* Copies what the caller's struct has of a struct that may have grown since. */
static void
copy_sized(void *out, size_t out_size, const void *from, uint32_t from_size)
{
    memset(out, 0, out_size);
    memcpy(out, from, from_size < out_size ? from_size : out_size);
}

static const char *
kind_name(weir_state_kind kind)
{
    static const char *const names[] = { [WEIR_STATE_VALUE] = "VALUE",
                                         [WEIR_STATE_LIST] = "LIST",
                                         [WEIR_STATE_MAP] = "MAP",
                                         [WEIR_STATE_REDUCING] = "REDUCING",
                                         [WEIR_STATE_AGGREGATING] = "AGGREGATING",
                                         [WEIR_STATE_TIMERS] = "TIMERS",
                                         [WEIR_STATE_BROADCAST] = "BROADCAST" };
    size_t index = (size_t)kind;
    return index < sizeof names / sizeof names[0] && names[index] != NULL ? names[index] : "?";
}

static weir_status
check_reduce(const weir_state_descriptor *descriptor, weir_error *err)
{
    weir_reduce_function reduce = { .size = 0 };
    if (descriptor->reduce != NULL) {
        copy_sized(&reduce, sizeof reduce, descriptor->reduce, descriptor->reduce->size);
    }
    bool in_place = reduce.reduce_in_place != NULL && weir_type_is_fixed(descriptor->type);
    return in_place || reduce.reduce != NULL
               ? WEIR_OK
               : wr_fail(err, WEIR_INVALID,
                         "state '%s': reducing state needs a reduce function; reduce_in_place "
                         "serves fixed-size types only",
                         descriptor->name);
}

static weir_status
check_aggregate(const weir_state_descriptor *descriptor, weir_error *err)
{
    weir_aggregate_function aggregate = { .size = 0 };
    if (descriptor->aggregate != NULL) {
        copy_sized(&aggregate, sizeof aggregate, descriptor->aggregate,
                   descriptor->aggregate->size);
    }
    bool in_place = aggregate.add_in_place != NULL && weir_type_is_fixed(descriptor->type);
    if ((in_place || aggregate.add != NULL) && aggregate.input_type != NULL &&
        (aggregate.result == NULL || aggregate.result_type != NULL)) {
        return WEIR_OK;
    }
    return wr_fail(err, WEIR_INVALID,
                   "state '%s': aggregating state needs an add function (add_in_place serves "
                   "fixed-size accumulators only), the input's type, and with `result` its type",
                   descriptor->name);
}

/* What only some kinds have. */
static weir_status
check_kind(const weir_state_descriptor *descriptor, weir_error *err)
{
    if (descriptor->list_mode != WEIR_LIST_NONE || descriptor->kind < WEIR_STATE_VALUE ||
        descriptor->kind > WEIR_STATE_TIMERS) {
        return wr_fail(err, WEIR_INVALID, "state '%s': a backend holds keyed state only",
                       descriptor->name);
    }
    if ((descriptor->kind == WEIR_STATE_MAP) != (descriptor->map_key_type != NULL)) {
        return wr_fail(err, WEIR_INVALID,
                       "state '%s': map state, and no other, needs the type of its keys",
                       descriptor->name);
    }
    if (descriptor->kind == WEIR_STATE_REDUCING) {
        return check_reduce(descriptor, err);
    }
    return descriptor->kind == WEIR_STATE_AGGREGATING ? check_aggregate(descriptor, err) : WEIR_OK;
}

static weir_status
check_ttl(const weir_state_descriptor *descriptor, weir_error *err)
{
    const weir_ttl *ttl = descriptor->ttl;
    if (ttl == NULL) {
        return WEIR_OK;
    }
    if (ttl->size < offsetof(weir_ttl, ttl_ms) + sizeof ttl->ttl_ms || ttl->ttl_ms == 0) {
        return wr_fail(err, WEIR_INVALID, "state '%s': the time to live must be above 0 ms",
                       descriptor->name);
    }
    return descriptor->kind != WEIR_STATE_TIMERS
               ? WEIR_OK
               : wr_fail(err, WEIR_INVALID, "state '%s': timers do not expire", descriptor->name);
}

static weir_status
check_descriptor(const weir_state_descriptor *descriptor, weir_error *err)
{
    if (descriptor->name == NULL || descriptor->type == NULL) {
        return wr_fail(err, WEIR_INVALID, "a state needs a name and a type");
    }
    size_t name_size = strlen(descriptor->name);
    if (name_size == 0 || name_size > STATE_NAME_MOST) {
        return wr_fail(err, WEIR_INVALID, "a state's name has 1 to %d bytes, not %zu",
                       STATE_NAME_MOST, name_size);
    }
    WR_TRY(check_kind(descriptor, err));
    return check_ttl(descriptor, err);
}

/* One of the types of a stored state and the one that is asked for. */
static weir_status
compare_types(const struct wr_backend_common *backend, const char *name, const char *what,
              const weir_type *had, const weir_type *asked, weir_error *err)
{
    if (had == asked || (had != NULL && asked != NULL && weir_type_equal(had, asked))) {
        return WEIR_OK;
    }
    char had_words[WR_DESCRIPTION_SIZE] = "none";
    char asked_words[WR_DESCRIPTION_SIZE] = "none";
    if (had != NULL) {
        wr_type_describe(had, had_words, sizeof had_words);
    }
    if (asked != NULL) {
        wr_type_describe(asked, asked_words, sizeof asked_words);
    }
    return wr_fail(err, WEIR_VERSION,
                   "operator '%s', state '%s': the stored %stype is %s, the job's is %s",
                   backend->operator_name, name, what, had_words, asked_words);
}

static weir_status
compare(const struct wr_backend_common *backend, const weir_state_descriptor *had,
        const weir_state_descriptor *asked, weir_error *err)
{
    if (had->kind != asked->kind) {
        return wr_fail(err, WEIR_VERSION,
                       "operator '%s', state '%s': stored as %s state, asked for as %s state",
                       backend->operator_name, asked->name, kind_name(had->kind),
                       kind_name(asked->kind));
    }
    WR_TRY(compare_types(backend, asked->name, "", had->type, asked->type, err));
    WR_TRY(compare_types(backend, asked->name, "map key's ", had->map_key_type, asked->map_key_type,
                         err));
    return compare_types(backend, asked->name, "namespace's ", had->namespace_type,
                         asked->namespace_type, err);
}

/* The state of this name that was asked for before; NULL: none. */
static struct wr_state_common *
find_known(const struct wr_backend_common *backend, const char *name)
{
    struct wr_state_common *common = backend->states;
    while (common != NULL && strcmp(common->descriptor->name, name) != 0) {
        common = common->next;
    }
    return common;
}

void
wr_state_destroy(struct wr_state_common *common)
{
    if (common == NULL) {
        return;
    }
    weir_alloc alloc = common->backend->alloc;
    struct wr_buffer *const buffers[] = { &common->key_bytes,      &common->namespace_,
                                          &common->item,           &common->items,
                                          &common->lent,           &common->whole,
                                          &common->pending.key,    &common->pending.item,
                                          &common->pending.map_key };
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        wr_buffer_fini(buffers[i]);
    }
    wr_builder_fini(&common->builder);
    wr_lent_fini(&common->loan);
    weir_type_destroy(common->input_type);
    weir_type_destroy(common->result_type);
    weir_state_descriptor_destroy(common->descriptor);
    wr_memory_free(&alloc, common, sizeof *common);
}

static void
init_buffers(struct wr_state_common *common, const weir_alloc *alloc)
{
    wr_buffer_init(&common->key_bytes, alloc);
    wr_buffer_init(&common->namespace_, alloc);
    wr_buffer_init(&common->item, alloc);
    wr_buffer_init(&common->items, alloc);
    wr_buffer_init(&common->whole, alloc);
    wr_buffer_init(&common->lent, alloc);
    wr_buffer_init(&common->pending.key, alloc);
    wr_buffer_init(&common->pending.map_key, alloc);
    wr_buffer_init(&common->pending.item, alloc);
    wr_builder_init(&common->builder, alloc);
    wr_lent_init(&common->loan);
}

static void
take_ttl(struct wr_state_common *common, const weir_ttl *ttl)
{
    copy_sized(&common->ttl, sizeof common->ttl, ttl, ttl->size);
    common->ttl.size = sizeof common->ttl;
    common->descriptor->ttl = &common->ttl;
    common->has_ttl = true;
    common->is_hidden = common->ttl.visibility == WEIR_TTL_NEVER_RETURN_EXPIRED;
    common->is_refreshed = common->ttl.update == WEIR_TTL_ON_READ_AND_WRITE;
    if (!common->ttl.no_background_cleanup && common->ops->expire != NULL) {
        common->cleanup_entries =
            common->ttl.cleanup_entries != 0 ? common->ttl.cleanup_entries : CLEANUP_ENTRIES;
    }
}

static weir_status
take_functions(struct wr_state_common *common, const weir_state_descriptor *descriptor)
{
    const weir_alloc *alloc = &common->backend->alloc;
    if (descriptor->kind == WEIR_STATE_REDUCING) {
        copy_sized(&common->reduce, sizeof common->reduce, descriptor->reduce,
                   descriptor->reduce->size);
        common->descriptor->reduce = &common->reduce;
    }
    if (descriptor->kind != WEIR_STATE_AGGREGATING) {
        return WEIR_OK;
    }
    weir_aggregate_function *aggregate = &common->aggregate;
    copy_sized(aggregate, sizeof *aggregate, descriptor->aggregate, descriptor->aggregate->size);
    WR_TRY(wr_type_copy(alloc, aggregate->input_type, &common->input_type));
    aggregate->input_type = common->input_type;
    if (aggregate->result_type != NULL) {
        WR_TRY(wr_type_copy(alloc, aggregate->result_type, &common->result_type));
        aggregate->result_type = common->result_type;
    }
    common->descriptor->aggregate = aggregate;
    return WEIR_OK;
}

/* All of a new state that is the dispatch's. */
static weir_status
make_common(struct wr_backend_common *backend, const weir_state_descriptor *descriptor,
            struct wr_state_common **out_common)
{
    struct wr_state_common *common = wr_memory_new(&backend->alloc, sizeof *common);
    if (common == NULL) {
        return WEIR_NOMEM;
    }
    common->backend = backend;
    common->ops = &backend->ops;
    common->upsert = backend->ops.upsert;
    common->find = backend->ops.find;
    common->is_fixed = weir_type_is_fixed(descriptor->type);
    common->fixed_size = (uint32_t)weir_type_fixed_size(descriptor->type);
    init_buffers(common, &backend->alloc);
    *out_common = common; /* whatever follows: destroyed by the caller */
    WR_TRY(weir_state_descriptor_copy(&backend->alloc, descriptor, &common->descriptor));
    weir_bytes defaults = weir_state_item_defaults(common->descriptor);
    common->defaults =
        (const uint8_t *)defaults.data + (common->descriptor->has_timestamps ? WR_ITEM_HEAD : 0);
    WR_TRY(take_functions(common, descriptor));
    if (descriptor->ttl != NULL) {
        take_ttl(common, descriptor->ttl);
    }
    common->kind = descriptor->kind;
    common->is_direct = descriptor->namespace_type == NULL && !common->has_ttl;
    common->is_plain = common->is_direct && common->kind == WEIR_STATE_VALUE;
    common->is_in_place = common->is_plain && common->is_fixed;
    return WEIR_OK;
}

weir_status
wr_state_create(struct wr_backend_common *backend, const weir_state_descriptor *given,
                weir_state **out_state, weir_error *err)
{
    weir_state_descriptor descriptor;
    copy_sized(&descriptor, sizeof descriptor, given, given->size);
    descriptor.size = sizeof descriptor;
    WR_TRY(check_descriptor(&descriptor, err));
    descriptor.has_timestamps = descriptor.ttl != NULL;
    struct wr_state_common *known = find_known(backend, descriptor.name);
    if (known != NULL) {
        WR_TRY(compare(backend, known->descriptor, &descriptor, err));
        if (known->has_ttl != descriptor.has_timestamps) {
            return wr_fail(err, WEIR_VERSION,
                           "operator '%s', state '%s': asked for with and without a time to live",
                           backend->operator_name, descriptor.name);
        }
        *out_state = known->state;
        return WEIR_OK;
    }
    weir_state_descriptor had;
    const weir_backend_ops *ops = &backend->ops;
    if (ops->restored != NULL && ops->restored(backend->backend, descriptor.name, &had)) {
        WR_TRY(compare(backend, &had, &descriptor, err));
    }
    struct wr_state_common *common = NULL;
    weir_status status = make_common(backend, &descriptor, &common);
    if (status != WEIR_OK) {
        wr_state_destroy(common);
        return wr_fail(err, status, "operator '%s', state '%s': no memory to make it",
                       backend->operator_name, descriptor.name);
    }
    status = ops->create_state(backend->backend, common->descriptor, &common->state, err);
    if (status != WEIR_OK) {
        wr_state_destroy(common);
        return status;
    }
    common->state->common = common;
    common->next = backend->states;
    backend->states = common;
    *out_state = common->state;
    return WEIR_OK;
}

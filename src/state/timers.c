/* SPDX-License-Identifier: Apache-2.0 */
/* timers: a timer service: two states of the backend, and what is due next of each.
 *
 *   state    (key, timestamp, namespace) -> nothing       the truth: in snapshots, restored
 *   queue    the same in memory, the earliest first       timer_queue; of which timer_domain tells
 *
 * Memory comes first, then the state, then what cannot fail: a refusal changes nothing.
 */
#include "state/timers.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "state/key_hash.h"
#include "state/timer_domain.h"

#include <stdio.h>

enum {
    NAME_MOST = 256,
    TIMESTAMP_BYTES = 8
};

struct wr_timers {
    weir_alloc alloc;
    struct wr_timer_domain domains[2]; /* by weir_time_domain - 1 */
    struct wr_buffer key;              /* as the state has it */
    struct wr_buffer popped;           /* | key, rounded up to 8 | namespace | */
};

static struct wr_timer_domain *
domain_of(struct wr_timers *timers, weir_time_domain domain)
{
    return &timers->domains[domain == WEIR_EVENT_TIME ? 0 : 1];
}

/* --- names --- */

/* | key | timestamp | namespace | [size] |, lent from timers->key. */
static weir_status
compose(struct wr_timers *timers, const struct wr_state_common *common,
        const struct wr_timer_name *name, weir_key *out_key)
{
    uint8_t timestamp[TIMESTAMP_BYTES];
    wr_put_u64(timestamp, (uint64_t)name->timestamp);
    WR_TRY(wr_scratch_put(&timers->key, name->key.data, name->key.size));
    wr_buffer_put(&timers->key, timestamp, sizeof timestamp);
    wr_namespace_put(common, name->namespace_, &timers->key);
    WR_TRY(wr_buffer_status(&timers->key));
    *out_key = (weir_key){ .data = timers->key.data,
                           .size = (uint32_t)timers->key.size,
                           .key_group = name->key_group,
                           .hash = wr_key_hash(timers->key.data, timers->key.size,
                                               common->backend->hash_seed) };
    return WEIR_OK;
}

/* --- life --- */

weir_status
wr_timers_create(weir_backend *backend, const char *service, const weir_type *namespace_type,
                 struct wr_timers **out_timers, weir_error *err)
{
    static const char *const prefixes[2] = { "_timer_state/event_", "_timer_state/processing_" };
    struct wr_timers *timers = wr_memory_new(&backend->common->alloc, sizeof *timers);
    if (timers == NULL) {
        return wr_fail(err, WEIR_NOMEM, "timer service '%s': no memory", service);
    }
    timers->alloc = backend->common->alloc;
    wr_buffer_init(&timers->key, &timers->alloc);
    wr_buffer_init(&timers->popped, &timers->alloc);
    wr_timer_domain_init(&timers->domains[0], &timers->alloc);
    wr_timer_domain_init(&timers->domains[1], &timers->alloc);
    for (int i = 0; i < 2; i++) {
        char name[NAME_MOST];
        int size = snprintf(name, sizeof name, "%s%s", prefixes[i], service);
        weir_status status =
            size < 0 || (size_t)size >= sizeof name
                ? wr_fail(err, WEIR_INVALID, "a timer service's name is too long: '%s'", service)
                : wr_timer_domain_open(&timers->domains[i], backend, name, namespace_type, err);
        if (status != WEIR_OK) {
            wr_timers_destroy(timers);
            return status;
        }
    }
    *out_timers = timers;
    return WEIR_OK;
}

void
wr_timers_destroy(struct wr_timers *timers)
{
    if (timers == NULL) {
        return;
    }
    weir_alloc alloc = timers->alloc;
    for (int i = 0; i < 2; i++) {
        wr_timer_domain_fini(&timers->domains[i]);
    }
    wr_buffer_fini(&timers->key);
    wr_buffer_fini(&timers->popped);
    wr_memory_free(&alloc, timers, sizeof *timers);
}

weir_state *
wr_timers_state(const struct wr_timers *timers, weir_time_domain domain)
{
    return timers->domains[domain == WEIR_EVENT_TIME ? 0 : 1].state;
}

/* --- timers --- */

/* A timer by what the runtime has in hand, and its key in the state. */
static weir_status
name_timer(struct wr_timers *timers, const struct wr_timer_domain *domain, const weir_key *key,
           struct wr_timer_name *name, weir_key *out_key)
{
    const struct wr_state_common *common = domain->state->common;
    if (key == NULL || key->key_group < common->backend->key_group_first ||
        key->key_group > common->backend->key_group_last) {
        return WEIR_INVALID;
    }
    WR_TRY(wr_namespace_check(common, name->namespace_));
    name->key = weir_bytes_of(key->data, key->size);
    name->key_group = key->key_group;
    WR_TRY(compose(timers, common, name, out_key));
    name->hash = (uint32_t)(out_key->hash >> 32);
    return WEIR_OK;
}

/* Whether the state has it. */
static weir_status
is_set(const struct wr_timer_domain *domain, const struct wr_timer_name *name, const weir_key *key,
       bool *out_is_set)
{
    if (domain->groups == NULL) {
        *out_is_set = wr_timer_queue_find(&domain->queue, name) != 0;
        return WEIR_OK;
    }
    weir_bytes item;
    weir_status status = domain->state->common->ops->find(domain->state, key, &item);
    *out_is_set = status == WEIR_OK;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status
wr_timers_register(struct wr_timers *timers, weir_time_domain time, const weir_key *key,
                   weir_bytes namespace_, int64_t timestamp)
{
    struct wr_timer_domain *domain = domain_of(timers, time);
    struct wr_timer_name name = { .timestamp = timestamp, .namespace_ = namespace_ };
    weir_key state_key;
    bool is_there = false;
    WR_TRY(name_timer(timers, domain, key, &name, &state_key));
    WR_TRY(is_set(domain, &name, &state_key, &is_there));
    if (is_there) {
        return WEIR_OK;
    }
    const weir_backend_ops *ops = domain->state->common->ops;
    if (!wr_timer_domain_keeps(domain, &name)) {
        return ops->put(domain->state, &state_key, weir_bytes_of(NULL, 0));
    }
    uint32_t number = 0;
    WR_TRY(wr_timer_queue_prepare(&domain->queue, &name, &number));
    weir_status status = ops->put(domain->state, &state_key, weir_bytes_of(NULL, 0));
    if (status != WEIR_OK) {
        wr_timer_queue_forget(&domain->queue, number);
        return status;
    }
    wr_timer_domain_enter(domain, number, &name);
    return WEIR_OK;
}

weir_status
wr_timers_delete(struct wr_timers *timers, weir_time_domain time, const weir_key *key,
                 weir_bytes namespace_, int64_t timestamp)
{
    struct wr_timer_domain *domain = domain_of(timers, time);
    struct wr_timer_name name = { .timestamp = timestamp, .namespace_ = namespace_ };
    weir_key state_key;
    WR_TRY(name_timer(timers, domain, key, &name, &state_key));
    uint32_t number = wr_timer_queue_find(&domain->queue, &name);
    if (number == 0 && domain->groups == NULL) {
        return WEIR_OK;
    }
    WR_TRY(domain->state->common->ops->remove(domain->state, &state_key));
    if (number != 0) {
        wr_timer_domain_take_out(domain, number);
    }
    return WEIR_OK;
}

weir_status
wr_timers_next_due(struct wr_timers *timers, weir_time_domain time, int64_t *out_timestamp)
{
    struct wr_timer_domain *domain = domain_of(timers, time);
    if (domain->hungry_count != 0) {
        WR_TRY(wr_timer_domain_feed(domain));
    }
    uint32_t number;
    const struct wr_timer_record *record = wr_timer_queue_at(&domain->queue, 0, &number);
    if (record == NULL) {
        return WEIR_NOT_FOUND;
    }
    *out_timestamp = record->timestamp;
    return WEIR_OK;
}

/* The timer, in bytes that stay until the next call. */
static weir_status
keep_popped(struct wr_timers *timers, const struct wr_timer_record *record, uint64_t hash_seed,
            struct wr_timer *out_timer)
{
    size_t namespace_at = weir_round8(record->key_size);
    struct wr_buffer *popped = &timers->popped;
    wr_buffer_clear(popped);
    uint8_t *room = wr_buffer_extend(popped, namespace_at + record->namespace_size);
    if (room == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(room, record->bytes, record->key_size);
    memcpy(room + namespace_at, record->bytes + record->key_size, record->namespace_size);
    *out_timer = (struct wr_timer){
        .timestamp = record->timestamp,
        .key = { .data = room,
                 .size = record->key_size,
                 .key_group = record->key_group,
                 .hash = wr_key_hash(room, record->key_size, hash_seed) },
        .namespace_ = weir_bytes_of(room + namespace_at, record->namespace_size),
    };
    return WEIR_OK;
}

weir_status
wr_timers_pop_due(struct wr_timers *timers, weir_time_domain time, int64_t up_to,
                  struct wr_timer *out_timer)
{
    struct wr_timer_domain *domain = domain_of(timers, time);
    if (domain->hungry_count != 0) {
        WR_TRY(wr_timer_domain_feed(domain));
    }
    uint32_t number;
    const struct wr_timer_record *record = wr_timer_queue_at(&domain->queue, 0, &number);
    if (record == NULL || record->timestamp > up_to) {
        return WEIR_NOT_FOUND;
    }
    const struct wr_state_common *common = domain->state->common;
    struct wr_timer timer;
    WR_TRY(keep_popped(timers, record, common->backend->hash_seed, &timer));
    struct wr_timer_name name = { .timestamp = timer.timestamp,
                                  .key = weir_bytes_of(timer.key.data, timer.key.size),
                                  .namespace_ = timer.namespace_,
                                  .key_group = timer.key.key_group };
    weir_key state_key;
    WR_TRY(compose(timers, common, &name, &state_key));
    WR_TRY(common->ops->remove(domain->state, &state_key));
    wr_timer_domain_take_out(domain, number);
    *out_timer = timer;
    return WEIR_OK;
}

uint64_t
wr_timers_count(const struct wr_timers *timers, weir_time_domain time)
{
    const struct wr_timer_domain *domain = &timers->domains[time == WEIR_EVENT_TIME ? 0 : 1];
    return domain->groups != NULL ? weir_state_entry_count(domain->state) : domain->queue.count;
}

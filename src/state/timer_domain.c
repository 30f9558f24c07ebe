/* SPDX-License-Identifier: Apache-2.0 */
/* timer_domain: which timers are in memory.
 *
 * All of them, unless the engine keeps timers in order itself (its table has `first`): then only
 * the earliest of each key group, from CACHED to 2 CACHED.
 *
 *   group   | complete_to: every timer up to there is in memory | later ones: in the state alone |
 *
 * What is set later than complete_to goes to the state alone. Is none left in memory, the next
 * CACHED are read (hungry); are there too many, the later ones are let go (shed).
 */
#include "state/timer_domain.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "state/key_hash.h"

enum {
    CACHED = 128 /* Flink's, per key group */
};

struct wr_timer_group {
    int64_t complete_to;
    uint32_t count; /* in memory */
    uint32_t limit; /* where it sheds */
    bool is_hungry;
};

void
wr_timer_domain_init(struct wr_timer_domain *domain, const weir_alloc *alloc)
{
    *domain = (struct wr_timer_domain){ .groups = NULL };
    wr_timer_queue_init(&domain->queue, alloc);
}

void
wr_timer_domain_fini(struct wr_timer_domain *domain)
{
    if (domain->groups != NULL) {
        wr_memory_free(&domain->queue.alloc, domain->groups,
                       domain->group_count * sizeof *domain->groups);
    }
    wr_timer_queue_fini(&domain->queue);
}

/* From a key of the state. */
static weir_status
name_of(const struct wr_state_common *common, const weir_key *key, struct wr_timer_name *out_name)
{
    weir_key_parts parts;
    WR_TRY(weir_key_split(common->backend->key_type, common->descriptor,
                          weir_bytes_of(key->data, key->size), &parts));
    *out_name = (struct wr_timer_name){
        .timestamp = parts.timestamp,
        .key = parts.key,
        .namespace_ = parts.namespace_,
        .key_group = key->key_group,
        .hash = (uint32_t)(wr_key_hash(key->data, key->size, common->backend->hash_seed) >> 32)
    };
    return WEIR_OK;
}

static struct wr_timer_group *
group_of(const struct wr_timer_domain *domain, uint32_t key_group)
{
    return domain->groups != NULL ? &domain->groups[key_group - domain->group_first] : NULL;
}

bool
wr_timer_domain_keeps(const struct wr_timer_domain *domain, const struct wr_timer_name *name)
{
    const struct wr_timer_group *group = group_of(domain, name->key_group);
    return group == NULL || name->timestamp <= group->complete_to;
}

static void
make_hungry(struct wr_timer_domain *domain, struct wr_timer_group *group)
{
    if (!group->is_hungry && group->count == 0 && group->complete_to != INT64_MAX) {
        group->is_hungry = true;
        domain->hungry_count++;
    }
}

void
wr_timer_domain_take_out(struct wr_timer_domain *domain, uint32_t number)
{
    const struct wr_timer_record *record = wr_timer_store_at(&domain->queue.store, number);
    struct wr_timer_group *group = group_of(domain, record->key_group);
    wr_timer_queue_remove(&domain->queue, number);
    if (group != NULL) {
        group->count--;
        make_hungry(domain, group);
    }
}

static void
sort(int64_t *numbers, size_t count)
{
    for (size_t gap = count / 2; gap != 0; gap /= 2) {
        for (size_t i = gap; i < count; i++) {
            int64_t moved = numbers[i];
            size_t j = i;
            for (; j >= gap && numbers[j - gap] > moved; j -= gap) {
                numbers[j] = numbers[j - gap];
            }
            numbers[j] = moved;
        }
    }
}

/* The timestamp up to which a group that has too many in memory keeps them: of that one all. */
static int64_t
choose_last(const struct wr_timer_domain *domain, uint32_t key_group)
{
    int64_t earliest[2 * CACHED];
    size_t seen = 0;
    uint32_t number;
    const struct wr_timer_record *record;
    for (uint32_t i = 0; (record = wr_timer_queue_at(&domain->queue, i, &number)) != NULL; i++) {
        if (record->key_group == key_group && seen < 2 * CACHED) {
            earliest[seen++] = record->timestamp;
        }
    }
    sort(earliest, seen);
    wr_assert(seen >= CACHED);
    return earliest[CACHED - 1];
}

/* Some of a group that are later than `last`; removing moves others, so they are found first. */
static size_t
find_later(const struct wr_timer_domain *domain, uint32_t key_group, int64_t last,
           uint32_t numbers[2 * CACHED])
{
    size_t found = 0;
    uint32_t number;
    const struct wr_timer_record *record;
    for (uint32_t i = 0;
         found < 2 * CACHED && (record = wr_timer_queue_at(&domain->queue, i, &number)) != NULL;
         i++) {
        if (record->key_group == key_group && record->timestamp > last) {
            numbers[found++] = number;
        }
    }
    return found;
}

static void
shed(struct wr_timer_domain *domain, uint32_t key_group)
{
    struct wr_timer_group *group = group_of(domain, key_group);
    if (group == NULL || group->count < group->limit) {
        return;
    }
    int64_t last = choose_last(domain, key_group);
    uint32_t numbers[2 * CACHED];
    size_t found;
    while ((found = find_later(domain, key_group, last, numbers)) != 0) {
        group->count -= (uint32_t)found;
        for (size_t i = 0; i < found; i++) {
            wr_timer_queue_remove(&domain->queue, numbers[i]);
        }
    }
    group->complete_to = last < group->complete_to ? last : group->complete_to;
    group->limit = 2 * (group->count > CACHED ? group->count : CACHED);
}

void
wr_timer_domain_enter(struct wr_timer_domain *domain, uint32_t number,
                      const struct wr_timer_name *name)
{
    struct wr_timer_group *group = group_of(domain, name->key_group);
    wr_timer_queue_enter(&domain->queue, number, name->hash);
    if (group != NULL) {
        group->count++;
        shed(domain, name->key_group);
    }
}

struct reading {
    struct wr_timer_domain *domain;
    int64_t last;
    size_t count;
};

static weir_status
read_one(void *argument, const weir_key *key)
{
    struct reading *reading = argument;
    struct wr_timer_domain *domain = reading->domain;
    struct wr_timer_name name;
    WR_TRY(name_of(domain->state->common, key, &name));
    reading->last = name.timestamp;
    reading->count++;
    if (wr_timer_queue_find(&domain->queue, &name) != 0) {
        return WEIR_OK; /* from a try before, that was refused memory */
    }
    uint32_t number;
    WR_TRY(wr_timer_queue_prepare(&domain->queue, &name, &number));
    wr_timer_domain_enter(domain, number, &name);
    return WEIR_OK;
}

weir_status
wr_timer_domain_feed(struct wr_timer_domain *domain)
{
    for (uint32_t i = 0; domain->hungry_count != 0 && i < domain->group_count; i++) {
        struct wr_timer_group *group = &domain->groups[i];
        if (!group->is_hungry) {
            continue;
        }
        struct reading reading = { .domain = domain };
        WR_TRY(domain->state->common->ops->first(domain->state, domain->group_first + i, CACHED,
                                                 read_one, &reading));
        /* of the last one's timestamp there may be more */
        bool is_all = reading.count < CACHED || reading.last == INT64_MIN;
        group->complete_to = is_all ? INT64_MAX : reading.last - 1;
        group->limit = 2 * CACHED;
        group->is_hungry = false;
        domain->hungry_count--;
    }
    return WEIR_OK;
}

static weir_status
take_restored(void *argument, const weir_key *key, weir_bytes item)
{
    (void)item;
    struct reading reading = { .domain = argument };
    return read_one(&reading, key);
}

static weir_status
open_groups(struct wr_timer_domain *domain)
{
    const struct wr_backend_common *backend = domain->state->common->backend;
    domain->group_first = backend->key_group_first;
    domain->group_count = backend->key_group_last - backend->key_group_first + 1;
    domain->groups =
        wr_memory_new(&domain->queue.alloc, domain->group_count * sizeof *domain->groups);
    if (domain->groups == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < domain->group_count; i++) {
        domain->groups[i].complete_to = INT64_MIN;
        domain->groups[i].limit = 2 * CACHED;
        make_hungry(domain, &domain->groups[i]);
    }
    return WEIR_OK;
}

weir_status
wr_timer_domain_open(struct wr_timer_domain *domain, weir_backend *backend, const char *name,
                     const weir_type *namespace_type, weir_error *err)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_TIMERS,
                                         .name = name,
                                         .type = weir_type_of_kind(WEIR_BOOL),
                                         .namespace_type = namespace_type };
    WR_TRY(weir_backend_create_state(backend, &descriptor, &domain->state, err));
    const weir_backend_ops *ops = domain->state->common->ops;
    weir_status status = ops->first != NULL ? open_groups(domain)
                                            : ops->iterate(domain->state, take_restored, domain);
    return status == WEIR_OK
               ? WEIR_OK
               : wr_fail(err, status, "state '%s': its timers cannot be taken over", name);
}

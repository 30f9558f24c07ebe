/* SPDX-License-Identifier: Apache-2.0 */
/* router: the keys of a whole batch at once, and from each its key group and channel; or one
 * channel after the other.
 */
#include "runtime/router.h"

#include "base/fail.h"
#include "base/memory.h"

void
wr_router_init(struct wr_router *router, const weir_alloc *alloc)
{
    *router = (struct wr_router){ .alloc = *alloc };
    wr_buffer_init(&router->scratch, alloc);
}

static void
free_key_room(struct wr_router *router)
{
    const weir_alloc *alloc = &router->alloc;
    size_t count = router->key_capacity;
    wr_memory_free(alloc, router->records, count * sizeof *router->records);
    wr_memory_free(alloc, router->extracted, count * sizeof *router->extracted);
    router->records = NULL;
    router->extracted = NULL;
    router->key_capacity = 0;
}

void
wr_router_fini(struct wr_router *router)
{
    free_key_room(router);
    wr_buffer_fini(&router->scratch);
}

void
wr_targets_fini(const struct wr_router *router, struct wr_targets *targets)
{
    wr_memory_free(&router->alloc, targets->channels,
                   targets->capacity * sizeof *targets->channels);
    targets->channels = NULL;
    targets->capacity = 0;
}

static weir_status
make_targets(struct wr_router *router, const struct weir_batch *batch, struct wr_targets *targets)
{
    if (batch->count <= targets->capacity) {
        return WEIR_OK;
    }
    uint32_t *channels =
        wr_memory_resize(&router->alloc, targets->channels, targets->capacity * sizeof *channels,
                         batch->count_max * sizeof *channels);
    if (channels == NULL) {
        return WEIR_NOMEM;
    }
    targets->channels = channels;
    targets->capacity = batch->count_max;
    return WEIR_OK;
}

static weir_status
make_key_room(struct wr_router *router, const struct weir_batch *batch)
{
    if (batch->count <= router->key_capacity) {
        return WEIR_OK;
    }
    const weir_alloc *alloc = &router->alloc;
    size_t capacity = batch->count_max;
    free_key_room(router);
    router->key_capacity = capacity;
    router->records = wr_memory_resize(alloc, NULL, 0, capacity * sizeof *router->records);
    router->extracted = wr_memory_resize(alloc, NULL, 0, capacity * sizeof *router->extracted);
    if (router->records != NULL && router->extracted != NULL) {
        return WEIR_OK;
    }
    free_key_room(router);
    return WEIR_NOMEM;
}

static weir_status
aim_by_key(struct wr_router *router, const struct wr_task_output *plan,
           const struct weir_batch *batch, struct wr_targets *targets)
{
    WR_TRY(make_key_room(router, batch));
    for (size_t i = 0; i < batch->count; i++) {
        router->records[i] = batch->data + batch->offsets[i];
    }
    WR_TRY(wr_key_plan_extract_batch(plan->key_plan, router->records, batch->count,
                                     &router->scratch, router->extracted));
    for (size_t i = 0; i < batch->count; i++) {
        uint32_t key_group = wr_key_group_of(router->extracted[i].java_hash, plan->max_parallelism);
        targets->channels[i] =
            wr_key_group_subtask(key_group, plan->channel_count, plan->max_parallelism);
    }
    return WEIR_OK;
}

weir_status
wr_router_aim(struct wr_router *router, const struct wr_task_output *plan,
              const struct weir_batch *batch, struct wr_targets *targets)
{
    WR_TRY(make_targets(router, batch, targets));
    if (plan->edge == WR_EDGE_KEYED) {
        return aim_by_key(router, plan, batch, targets);
    }
    for (size_t i = 0; i < batch->count; i++) {
        targets->channels[i] = targets->next;
        targets->next = targets->next + 1 == plan->channel_count ? 0 : targets->next + 1;
    }
    return WEIR_OK;
}

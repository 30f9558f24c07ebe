/* SPDX-License-Identifier: Apache-2.0 */
/* state/timer_domain.h: the timers of one time domain: their state, and what of them is in memory.
 * For timers.c. Thread: task.
 */
#ifndef WR_STATE_TIMER_DOMAIN_H
#define WR_STATE_TIMER_DOMAIN_H

#include "state/common.h"
#include "state/timer_queue.h"

struct wr_timer_group;

struct wr_timer_domain {
    weir_state *state;
    struct wr_timer_queue queue;
    struct wr_timer_group *groups; /* NULL: all timers are in memory */
    uint32_t group_first;
    uint32_t group_count;
    uint32_t hungry_count; /* groups of which something is to be read first */
};

void wr_timer_domain_init(struct wr_timer_domain *domain, const weir_alloc *alloc);
/* Makes the state, and takes over what was restored. */
weir_status wr_timer_domain_open(struct wr_timer_domain *domain, weir_backend *backend,
                                 const char *name, const weir_type *namespace_type,
                                 weir_error *err);
void wr_timer_domain_fini(struct wr_timer_domain *domain);

/* Whether a timer belongs into memory; and that it is there now, or no more. */
bool wr_timer_domain_keeps(const struct wr_timer_domain *domain, const struct wr_timer_name *name);
void wr_timer_domain_enter(struct wr_timer_domain *domain, uint32_t number,
                           const struct wr_timer_name *name);
void wr_timer_domain_take_out(struct wr_timer_domain *domain, uint32_t number);
/* Reads what is missing in memory to know the earliest. */
weir_status wr_timer_domain_feed(struct wr_timer_domain *domain);

#endif /* WR_STATE_TIMER_DOMAIN_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* meter: numbers that one thread writes and any other reads.
 *
 *   times   sequence lock:  turns = 2n --odd--> spent, since, activity --even--> turns = 2n + 2
 *           who reads between the two reads again
 *   states  a list that only grows, at its end: a new one is whole before it is linked
 *
 * The clock is the caller's: a task knows the time of each step anyway, so that turning from one
 * activity to another costs no look at the clock, and going on with the same costs one comparison.
 */
#include "runtime/meter.h"

#include "base/memory.h"

#include <string.h>

void
wr_meter_init(struct wr_meter *meter, const weir_alloc *alloc)
{
    *meter = (struct wr_meter){ .alloc = *alloc };
    meter->input_watermark_ms = INT64_MIN;
    meter->output_watermark_ms = INT64_MIN;
}

void
wr_meter_fini(struct wr_meter *meter)
{
    struct wr_metered_state *state = meter->states;
    while (state != NULL) {
        struct wr_metered_state *next = state->next;
        wr_memory_free(&meter->alloc, state, state->size);
        state = next;
    }
    meter->states = NULL;
}

/* --- times --- */

static uint64_t
since(uint64_t then_ns, uint64_t now_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

void
wr_meter_change(struct wr_meter *meter, enum wr_activity activity, uint64_t now_ns)
{
    uint32_t turns = atomic_load_explicit(&meter->turns, memory_order_relaxed);
    uint32_t before = atomic_load_explicit(&meter->activity, memory_order_relaxed);
    uint64_t spent_ns = atomic_load_explicit(&meter->spent_ns[before], memory_order_relaxed);
    uint64_t since_ns = atomic_load_explicit(&meter->since_ns, memory_order_relaxed);
    atomic_store_explicit(&meter->turns, turns + 1, memory_order_relaxed);
    /* each pairs with the acquires in wr_meter_times: who sees one of them sees the odd number */
    atomic_store_explicit(&meter->spent_ns[before], spent_ns + since(since_ns, now_ns),
                          memory_order_release);
    atomic_store_explicit(&meter->since_ns, now_ns, memory_order_release);
    atomic_store_explicit(&meter->activity, activity, memory_order_release);
    /* pairs with the first acquire in wr_meter_times: all three are written */
    atomic_store_explicit(&meter->turns, turns + 2, memory_order_release);
}

void
wr_meter_times(const struct wr_meter *meter, uint64_t now_ns, uint64_t out_ns[])
{
    uint32_t turns = 0;
    uint32_t turns_behind = 0;
    do {
        /* pairs with the last release in wr_meter_change */
        turns = atomic_load_explicit(&meter->turns, memory_order_acquire);
        for (uint32_t i = 0; i < WR_ACTIVITY_COUNT; i++) {
            out_ns[i] = atomic_load_explicit(&meter->spent_ns[i], memory_order_acquire);
        }
        uint64_t since_ns = atomic_load_explicit(&meter->since_ns, memory_order_acquire);
        uint32_t activity = atomic_load_explicit(&meter->activity, memory_order_acquire);
        if (activity != WR_ACTIVITY_NONE) {
            out_ns[activity] += since(since_ns, now_ns);
        }
        turns_behind = atomic_load_explicit(&meter->turns, memory_order_relaxed);
    } while (turns % 2 != 0 || turns != turns_behind);
}

/* --- states --- */

static struct wr_metered_state *
list_state(struct wr_meter *meter, struct wr_metered_state *_Atomic *link,
           const struct wr_meter_key *key)
{
    size_t size = sizeof(struct wr_metered_state) + strlen(key->name) + 1;
    struct wr_metered_state *state = wr_memory_new(&meter->alloc, size);
    if (state != NULL) {
        state->source = key->source;
        state->operator_ = key->operator_;
        state->kind = key->kind;
        state->backend = key->backend;
        state->size = size;
        memcpy(state->name, key->name, strlen(key->name) + 1);
        /* pairs with the acquires in wr_meter_next_state: it is whole */
        atomic_store_explicit(link, state, memory_order_release);
    }
    return state;
}

void
wr_meter_state(struct wr_meter *meter, const struct wr_meter_key *key, const weir_state_size *size)
{
    struct wr_metered_state *_Atomic *link = &meter->states;
    struct wr_metered_state *state = atomic_load_explicit(link, memory_order_relaxed);
    while (state != NULL && state->source != key->source) {
        link = &state->next;
        state = atomic_load_explicit(link, memory_order_relaxed);
    }
    if (state == NULL) {
        state = list_state(meter, link, key);
    }
    if (state != NULL) {
        atomic_store_explicit(&state->entries, size->entries, memory_order_relaxed);
        atomic_store_explicit(&state->bytes, size->bytes, memory_order_relaxed);
        atomic_store_explicit(&state->disk_bytes, size->disk_bytes, memory_order_relaxed);
        atomic_store_explicit(&state->is_exact, size->is_exact, memory_order_relaxed);
    }
}

const struct wr_metered_state *
wr_meter_next_state(const struct wr_meter *meter, const struct wr_metered_state *after)
{
    /* both pair with the release in list_state */
    return after == NULL ? atomic_load_explicit(&meter->states, memory_order_acquire)
                         : atomic_load_explicit(&after->next, memory_order_acquire);
}

void
wr_metered_state_size(const struct wr_metered_state *state, weir_state_size *out_size)
{
    *out_size = (weir_state_size){
        .entries = atomic_load_explicit(&state->entries, memory_order_relaxed),
        .bytes = atomic_load_explicit(&state->bytes, memory_order_relaxed),
        .disk_bytes = atomic_load_explicit(&state->disk_bytes, memory_order_relaxed),
        .is_exact = atomic_load_explicit(&state->is_exact, memory_order_relaxed)
    };
}

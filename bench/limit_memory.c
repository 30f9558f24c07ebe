/* SPDX-License-Identifier: Apache-2.0 */
/* limit_memory: what the memory gives to random accesses: whole lines, and a flat table.
 *
 * Envelope: a line from memory takes some 470 ns; with 24 under way one arrives every 20-28 ns:
 * expect 35-45 M/s over 10 M keys or more on huge pages.
 */
#include "limit.h"

#include "harness.h"

#include <string.h>

enum {
    AHEAD = 24, /* accesses under way */
    BATCH = 4096,
    LINE_WORDS = 8
};

struct slot {
    uint64_t key; /* plus one; 0: free */
    uint64_t value;
};

struct limit_table {
    struct slot *slots;
    uint64_t count;
    uint64_t key_count;
};

static uint64_t
home_of(const struct limit_table *table, uint64_t key)
{
    __extension__ unsigned __int128 wide = (unsigned __int128)bench_mix(key) * table->count;
    return (uint64_t)(wide >> 64);
}

static inline void
add(struct limit_table *table, uint64_t home, uint64_t key, uint64_t more)
{
    for (;; home = home + 1 == table->count ? 0 : home + 1) {
        struct slot *slot = &table->slots[home];
        if (slot->key == key + 1) {
            slot->value += more;
            return;
        }
        if (slot->key == 0) {
            *slot = (struct slot){ key + 1, more };
            return;
        }
    }
}

struct limit_table *
limit_table_create(uint64_t key_count)
{
    struct limit_table *table = bench_memory(sizeof *table);
    table->count = (uint64_t)((double)key_count / 0.55);
    table->key_count = key_count;
    table->slots = bench_memory(table->count * sizeof *table->slots);
    for (uint64_t key = 0; key < key_count; key++) {
        add(table, home_of(table, key), key, 0);
    }
    return table;
}

void
limit_table_update(struct limit_table *table, const int64_t *keys, size_t count)
{
    uint64_t homes[AHEAD];
    for (size_t i = 0; i < AHEAD && i < count; i++) {
        homes[i] = home_of(table, (uint64_t)keys[i]);
        __builtin_prefetch(&table->slots[homes[i]], 1);
    }
    for (size_t i = 0, at = 0; i < count; i++) {
        uint64_t home = homes[at];
        if (i + AHEAD < count) {
            homes[at] = home_of(table, (uint64_t)keys[i + AHEAD]);
            __builtin_prefetch(&table->slots[homes[at]], 1);
        }
        add(table, home, (uint64_t)keys[i], 1);
        at = at + 1 == AHEAD ? 0 : at + 1;
    }
}

uint64_t
limit_table_sum(const struct limit_table *table)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < table->count; i++) {
        sum += table->slots[i].value;
    }
    return sum;
}

double
limit_table_run(struct limit_table *table, uint64_t count, uint64_t seed)
{
    int64_t keys[BATCH];
    double elapsed = 0;
    uint64_t done = 0;
    for (; done < count; done += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++) {
            keys[i] = (int64_t)(bench_mix(seed + done + i) % table->key_count);
        }
        double start = bench_now();
        limit_table_update(table, keys, BATCH);
        elapsed += bench_now() - start;
    }
    return (double)done / elapsed;
}

double
limit_lines_run(uint64_t *region, size_t size, uint64_t count, uint64_t seed)
{
    uint64_t line_count = size / (LINE_WORDS * sizeof *region);
    uint64_t ring[AHEAD] = { 0 };
    double start = bench_now();
    for (uint64_t i = 0; i < count + AHEAD; i++) {
        __extension__ unsigned __int128 wide = (unsigned __int128)bench_mix(seed + i) * line_count;
        uint64_t place = (uint64_t)(wide >> 64) * LINE_WORDS;
        if (i >= AHEAD) {
            region[ring[i % AHEAD]]++;
        }
        __builtin_prefetch(&region[place], 1);
        ring[i % AHEAD] = place;
    }
    return (double)count / (bench_now() - start);
}

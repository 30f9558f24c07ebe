/* SPDX-License-Identifier: Apache-2.0 */
/* samples: a ring of figures, sorted when somebody looks. */
#include "job/samples.h"

#include "base/sort.h"

#include <string.h>

enum {
    SAMPLES_FIRST = 64
};

/* --- the last ones --- */

static void
make_room(struct wr_samples *samples, const weir_alloc *alloc)
{
    size_t room = samples->room == 0 ? SAMPLES_FIRST : 2 * samples->room;
    room = room < WR_SAMPLES_MAX ? room : WR_SAMPLES_MAX;
    uint64_t *values = wr_memory_resize(alloc, samples->values, samples->room * sizeof *values,
                                        room * sizeof *values);
    if (values != NULL) {
        samples->values = values;
        samples->room = room;
        samples->next = samples->count;
    }
}

void
wr_samples_add(struct wr_samples *samples, const weir_alloc *alloc, uint64_t value)
{
    if (samples->count == samples->room && samples->room < WR_SAMPLES_MAX) {
        make_room(samples, alloc);
    }
    if (samples->room == 0) {
        return;
    }
    samples->next = samples->next == samples->room ? 0 : samples->next;
    samples->values[samples->next++] = value;
    samples->count += samples->count < samples->room;
}

void
wr_samples_fini(struct wr_samples *samples, const weir_alloc *alloc)
{
    wr_memory_free(alloc, samples->values, samples->room * sizeof *samples->values);
    *samples = (struct wr_samples){ 0 };
}

static int
compare_values(const void *left, const void *right, void *argument)
{
    (void)argument;
    uint64_t one = *(const uint64_t *)left;
    uint64_t other = *(const uint64_t *)right;
    return (one > other) - (one < other);
}

/* Between the two values that the rank lies between, as Flink's percentiles. */
static double
quantile(const uint64_t *sorted, size_t count, double part)
{
    double rank = part * (double)(count + 1);
    if (rank < 1) {
        return (double)sorted[0];
    }
    if (rank >= (double)count) {
        return (double)sorted[count - 1];
    }
    size_t below = (size_t)rank;
    double low = (double)sorted[below - 1];
    return low + (rank - (double)below) * ((double)sorted[below] - low);
}

weir_status
wr_samples_view(const struct wr_samples *samples, struct wr_arena *arena,
                weir_distribution_view *out)
{
    if (samples->count == 0) {
        return WEIR_OK;
    }
    uint64_t *sorted = wr_arena_new(arena, samples->count * sizeof *sorted);
    if (sorted == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(sorted, samples->values, samples->count * sizeof *sorted);
    wr_sort(sorted, samples->count, sizeof *sorted, compare_values, NULL);
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++) {
        sum += (double)sorted[i];
    }
    *out = (weir_distribution_view){ .minimum = sorted[0],
                                     .maximum = sorted[samples->count - 1],
                                     .average = (uint64_t)(sum / (double)samples->count),
                                     .p50 = quantile(sorted, samples->count, 0.5),
                                     .p90 = quantile(sorted, samples->count, 0.9),
                                     .p95 = quantile(sorted, samples->count, 0.95),
                                     .p99 = quantile(sorted, samples->count, 0.99),
                                     .p999 = quantile(sorted, samples->count, 0.999) };
    return WEIR_OK;
}

/* --- all of them --- */

uint64_t
weir_histogram_bound_ms(uint32_t index)
{
    static const uint64_t bounds[WEIR_HISTOGRAM_BOUNDS] = { 1,     2,     5,     10,    20,   50,
                                                            100,   200,   500,   1000,  2000, 5000,
                                                            10000, 20000, 50000, 100000 };
    return index < WEIR_HISTOGRAM_BOUNDS ? bounds[index] : UINT64_MAX;
}

void
wr_histogram_add(weir_histogram_view *histogram, uint64_t ms)
{
    histogram->count++;
    histogram->sum_ms += ms;
    for (uint32_t i = 0; i < WEIR_HISTOGRAM_BOUNDS; i++) {
        histogram->up_to[i] += ms <= weir_histogram_bound_ms(i);
    }
}

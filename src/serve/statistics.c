/* SPDX-License-Identifier: Apache-2.0 */
/* statistics: many figures in few. Percentiles stand between the two values that the rank lies
 * between, as Flink's do. */
#include "serve/statistics.h"

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a;
    uint64_t other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

/* Of sorted values, one at least. */
static double
percentile(const uint64_t *sorted, size_t count, double part)
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

static double
sum_of(const uint64_t *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
    }
    return sum;
}

static json_int_t
whole(double value)
{
    return (json_int_t)value;
}

json_t *
wr_statistics_json(uint64_t *values, size_t count)
{
    static const uint64_t nothing = 0;
    const uint64_t *sorted = count != 0 ? values : &nothing;
    size_t last = count != 0 ? count - 1 : 0;
    qsort(values, count, sizeof *values, compare);
    double sum = sum_of(sorted, last + 1);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "min", whole((double)sorted[0]), "max",
                     whole((double)sorted[last]), "avg", whole(sum / (double)(last + 1)), "sum",
                     whole(sum), "median", whole(percentile(sorted, last + 1, 0.5)), "p25",
                     whole(percentile(sorted, last + 1, 0.25)), "p75",
                     whole(percentile(sorted, last + 1, 0.75)), "p95",
                     whole(percentile(sorted, last + 1, 0.95)));
}

static json_t *
real_or_nan(double value, bool is_nan)
{
    return is_nan ? json_string("NaN") : json_real(value);
}

json_t *
wr_summary_json(const weir_distribution_view *distribution, bool is_empty)
{
    return json_pack(
        "{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "min", (json_int_t)distribution->minimum, "max",
        (json_int_t)distribution->maximum, "avg", (json_int_t)distribution->average, "p50",
        real_or_nan(distribution->p50, is_empty), "p90", real_or_nan(distribution->p90, is_empty),
        "p95", real_or_nan(distribution->p95, is_empty), "p99",
        real_or_nan(distribution->p99, is_empty), "p999",
        real_or_nan(distribution->p999, is_empty));
}

json_t *
wr_summary_of(uint64_t *values, size_t count)
{
    weir_distribution_view distribution = { 0 };
    if (count != 0) {
        qsort(values, count, sizeof *values, compare);
        distribution = (weir_distribution_view){
            .minimum = values[0],
            .maximum = values[count - 1],
            .average = (uint64_t)(sum_of(values, count) / (double)count),
            .p50 = percentile(values, count, 0.5),
            .p90 = percentile(values, count, 0.9),
            .p95 = percentile(values, count, 0.95),
            .p99 = percentile(values, count, 0.99),
            .p999 = percentile(values, count, 0.999),
        };
    }
    return wr_summary_json(&distribution, count == 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* limit_null: how long the system keeps a thread from running that asks for nothing: the noise
 * below which no stall can be measured. */
#include "limit.h"

#include "harness.h"

size_t
limit_null_run(double duration_s, double slice_s, double *gaps_us, size_t gaps_most)
{
    size_t count = 0;
    double start = bench_now();
    double last = start;
    while (count < gaps_most && last - start < duration_s) {
        double slice_end = last + slice_s;
        double longest = 0;
        while (last < slice_end) {
            double now = bench_now();
            longest = now - last > longest ? now - last : longest;
            last = now;
        }
        gaps_us[count++] = longest * 1e6;
    }
    return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* key_group: the bounds that Flink's formulas rest on. Within them no product of the header
 * overflows 32 bits: 2^15 key groups times 2^15 subtasks. */
#include "types/key_group.h"

#include "base/fail.h"

#include <inttypes.h>

weir_status
wr_parallelism_check(uint64_t parallelism, uint64_t max_parallelism, weir_error *err)
{
    if (max_parallelism == 0 || max_parallelism > WR_MAX_PARALLELISM_LIMIT) {
        return wr_fail(err, WEIR_INVALID, "max parallelism is %" PRIu64 ", it must be from 1 to %d",
                       max_parallelism, WR_MAX_PARALLELISM_LIMIT);
    }
    if (parallelism == 0 || parallelism > max_parallelism) {
        return wr_fail(err, WEIR_INVALID,
                       "parallelism is %" PRIu64
                       ", it must be from 1 to the max parallelism, %" PRIu64,
                       parallelism, max_parallelism);
    }
    return WEIR_OK;
}

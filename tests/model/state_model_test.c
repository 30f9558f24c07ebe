/* SPDX-License-Identifier: Apache-2.0 */
/* The model over many seeds; what it did is counted, and the counts are demanded. */
#include "model/state_model.h"
#include "support/test.h"

enum {
    SEEDS = 300,
    OPERATIONS = 10000
};

TEST(three_million_operations_agree_with_the_oracle)
{
    struct state_model_counts counts = { 0 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        state_model_run(seed * UINT64_C(0x9e3779b97f4a7c15), OPERATIONS, &counts);
    }
    print_message("operations %llu, snapshots %llu, aborted %llu, refused %llu\n",
                  (unsigned long long)counts.operations, (unsigned long long)counts.snapshots,
                  (unsigned long long)counts.aborted, (unsigned long long)counts.refused);
    assert_true(counts.operations >= 3000000);
    assert_true(counts.snapshots >= 4000);
    assert_true(counts.aborted >= 2000);
    assert_true(counts.refused >= 5000);
}

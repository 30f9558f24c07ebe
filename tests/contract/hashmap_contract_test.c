/* SPDX-License-Identifier: Apache-2.0 */
/* The backend contract over the engine "hashmap". */
#include "contract/backend_contract.h"
#include "support/test.h"

TEST(hashmap_reads_what_was_written)
{
    contract_reads_what_was_written(weir_backend_factory_hashmap());
}

TEST(hashmap_keeps_states_and_keys_apart)
{
    contract_states_and_keys_are_apart(weir_backend_factory_hashmap());
}

TEST(hashmap_makes_the_types_defaults)
{
    contract_defaults_are_the_types(weir_backend_factory_hashmap());
}

TEST(hashmap_answers_bad_calls)
{
    contract_bad_calls_are_answered(weir_backend_factory_hashmap());
}

TEST(hashmap_batches_agree_with_single_calls)
{
    contract_batches_agree_with_single_calls(weir_backend_factory_hashmap());
}

TEST(hashmap_iterate_stops_at_the_first_failure)
{
    contract_iterate_stops_at_the_first_failure(weir_backend_factory_hashmap());
}

TEST(hashmap_brings_every_type_through_a_snapshot)
{
    contract_every_type_survives_a_snapshot(weir_backend_factory_hashmap());
}

TEST(hashmap_snapshots_its_moment)
{
    contract_a_snapshot_is_of_its_moment(weir_backend_factory_hashmap());
}

TEST(hashmap_is_not_changed_by_an_aborted_snapshot)
{
    contract_an_aborted_snapshot_changes_nothing(weir_backend_factory_hashmap());
}

TEST(hashmap_restores_at_any_parallelism)
{
    contract_any_parallelism_restores(weir_backend_factory_hashmap());
}

TEST(hashmap_closes_with_open_snapshots)
{
    contract_close_ends_open_snapshots(weir_backend_factory_hashmap());
}

TEST(hashmap_refuses_a_damaged_block)
{
    contract_a_damaged_block_is_refused(weir_backend_factory_hashmap());
}

TEST(hashmap_leaks_no_memory)
{
    contract_no_memory_leaks(weir_backend_factory_hashmap());
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/contract/backend_contract.h: what every state backend must do, through include/weir alone.
 */
#ifndef WEIR_TESTS_BACKEND_CONTRACT_H
#define WEIR_TESTS_BACKEND_CONTRACT_H

#include "weir/backend.h"

void contract_reads_what_was_written(const weir_backend_factory *factory);
void contract_states_and_keys_are_apart(const weir_backend_factory *factory);
void contract_defaults_are_the_types(const weir_backend_factory *factory);
void contract_bad_calls_are_answered(const weir_backend_factory *factory);
void contract_batches_agree_with_single_calls(const weir_backend_factory *factory);
void contract_iterate_stops_at_the_first_failure(const weir_backend_factory *factory);
void contract_every_type_survives_a_snapshot(const weir_backend_factory *factory);
void contract_a_snapshot_is_of_its_moment(const weir_backend_factory *factory);
void contract_an_aborted_snapshot_changes_nothing(const weir_backend_factory *factory);
void contract_any_parallelism_restores(const weir_backend_factory *factory);
void contract_close_ends_open_snapshots(const weir_backend_factory *factory);
void contract_a_damaged_block_is_refused(const weir_backend_factory *factory);
void contract_no_memory_leaks(const weir_backend_factory *factory);

#endif /* WEIR_TESTS_BACKEND_CONTRACT_H */

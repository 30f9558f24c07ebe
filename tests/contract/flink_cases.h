/* SPDX-License-Identifier: Apache-2.0 */
/* tests/contract/flink_cases.h: the table of Flink's cases, and which of ours covers each.
 *
 *   Class.case | our case | why there is none
 */
#ifndef WEIR_TESTS_FLINK_CASES_H
#define WEIR_TESTS_FLINK_CASES_H

#include <stdbool.h>

/* Whether the suite has a case of this name. */
bool contract_has_case(const char *name);
/* Reads the table: every row names a case of ours that there is, or a reason. Prints the counts;
 * returns the program's exit code. */
int flink_cases_check(const char *path);

#endif /* WEIR_TESTS_FLINK_CASES_H */

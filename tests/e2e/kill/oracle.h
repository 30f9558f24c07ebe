/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.h: judges the committed output of a directory, again and again, while the job runs.
 *
 * Not linked to weir: it has its own copy of what the jobs compute. A verdict is true, or false
 * with words; the first false one stays.
 */
#ifndef KILL_ORACLE_H
#define KILL_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

struct oracle;

/* sequence_sum: lines "index key sum" of the events 0 .. count-1. */
struct oracle *oracle_of_events(const char *output, uint64_t count, uint64_t seed, uint64_t keys);
/* wordcount: lines "(WORD,n)" of the files in the input directory. NULL: it cannot be read. */
struct oracle *oracle_of_words(const char *output, const char *input);
/* At least once, of events: lines may be there twice and sums be too great, but none is missing. */
void oracle_allow_duplicates(struct oracle *oracle);
void oracle_destroy(struct oracle *oracle);

/* Takes in what is new, and misses what is gone. */
bool oracle_look(struct oracle *oracle);
/* Reads every file that was ever seen again: size and checksum are as they were. */
bool oracle_review(struct oracle *oracle);
/* Everything is there, once. */
bool oracle_is_complete(struct oracle *oracle);

const char *oracle_words(const struct oracle *oracle);
uint64_t oracle_lines(const struct oracle *oracle);
uint64_t oracle_files(const struct oracle *oracle);
/* Committed files whose names end so: those of one attempt. */
uint64_t oracle_files_ending(const struct oracle *oracle, const char *end);
/* The attempt of the file seen last, 32 hex digits, lent; "" if there is none. */
const char *oracle_last_attempt(const struct oracle *oracle);

#endif /* KILL_ORACLE_H */

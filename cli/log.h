/* SPDX-License-Identifier: Apache-2.0 */
/* log.h: what is said on stderr while a job runs: its records, and the command line's own words, in
 * the format that weir.log.format asks for. Lines of several threads never mix.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include "weir/job.h"
#include "weir/options.h"

/* From here on in that format; before it, and in verbs that run no job, as text for people. Thread:
 * host, before any other is started. */
void cli_log_begin(const weir_options *options, bool is_quiet);
/* False: programs read it, and nothing but whole lines of the format may stand there. */
bool cli_log_is_for_people(void);
/* A line would not wait for who reads stderr. */
bool cli_log_has_room(void);
/* A job's log_record: quiet keeps back what is less than a warning. Thread: any. */
void cli_log_record(void *log_argument, const weir_log_record *record);
/* The command line's own words; `job` (NULL: none) for as long as it lives, whose level of module
 * "cli" is heeded, errors excepted. */
void cli_log_attach(weir_job *job);
void cli_log_say(char level, const char *text);

#endif /* CLI_LOG_H */

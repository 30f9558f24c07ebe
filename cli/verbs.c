/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: all of them, in the order in which people meet them. */
#include "cli.h"

const struct cli_verb *const cli_verbs[] = {
    &cli_verb_run,        &cli_verb_list,     &cli_verb_savepoint,
    &cli_verb_checkpoint, &cli_verb_stop,     &cli_verb_cancel,
    &cli_verb_top,        &cli_verb_info,     &cli_verb_config,
    &cli_verb_doctor,     &cli_verb_demo,     &cli_verb_completion,
    &cli_verb_version,    &cli_verb_complete, NULL,
};

const struct cli_exit_text cli_exit_texts[] = {
    { CLI_OK, "ok" },
    { CLI_FAILED, "failed" },
    { CLI_USAGE, "usage or configuration invalid" },
    { CLI_NOT_FOUND, "not found or not reachable" },
    { CLI_INCOMPATIBLE, "state incompatible with the job" },
    { CLI_CORRUPT, "corruption detected" },
    { CLI_TIMEOUT, "timeout" },
    { 0, NULL },
};

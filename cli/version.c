/* SPDX-License-Identifier: Apache-2.0 */
/* version: prints it. */
#include "cli.h"

static int
run_version(int argc, char **argv)
{
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_version, argc, argv);
    if (cli_parse_next(&parse) != CLI_PARSE_END) {
        return parse.code;
    }
    printf("weir %s\n", CLI_VERSION);
    return CLI_OK;
}

static const char *const examples[] = { "weir version", NULL };

const struct cli_verb cli_verb_version = {
    .name = "version",
    .summary = "print the version",
    .run = run_version,
    .usage = "[options]",
    .examples = examples,
};

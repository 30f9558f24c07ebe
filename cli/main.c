/* SPDX-License-Identifier: Apache-2.0 */
/* main: finds the verb. */
#include "cli.h"

#include <signal.h>
#include <string.h>

static int
unknown_verb(const char *name)
{
    const char *nearest = cli_nearest_verb(name);
    if (nearest != NULL) {
        cli_say('e', "no verb '%s': did you mean '%s'? See weir --help", name, nearest);
    } else {
        cli_say('e', "no verb '%s': see weir --help", name);
    }
    return CLI_USAGE;
}

/* weir help [VERB], weir --help */
static int
help(const char *name)
{
    if (name == NULL) {
        cli_help_print_overview(stdout);
        return CLI_OK;
    }
    const struct cli_verb *verb = cli_verb_find(name);
    if (verb == NULL) {
        return unknown_verb(name);
    }
    cli_help_print(verb, stdout);
    return CLI_OK;
}

static int
run_verb(int argc, char **argv)
{
    const char *name = argv[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return help(argc > 1 ? argv[1] : NULL);
    }
    if (strcmp(name, "--version") == 0) {
        return cli_verb_version.run(1, argv);
    }
    const struct cli_verb *verb = cli_verb_find(name);
    return verb != NULL ? verb->run(argc, argv) : unknown_verb(name);
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        cli_help_print_overview(stderr);
        return CLI_USAGE;
    }
    int code = run_verb(argc - 1, argv + 1);
    if (fflush(stdout) != 0 && code == CLI_OK) {
        cli_say('e', "stdout could not be written");
        code = CLI_FAILED;
    }
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* main: finds the verb. */
#include "cli.h"

#include <signal.h>
#include <string.h>

const struct cli_verb cli_verbs[] = {
    { "run", "run a job", cli_run },
    { "info", "show a job's plan", cli_info },
    { "config", "show every option's value and where it came from", cli_config },
    { "demo", "see state survive kill -9", cli_demo },
    { "version", "print the version", cli_version },
    { NULL, NULL, NULL },
};

static void
print_help(FILE *out)
{
    fputs("Examples:\n"
          "  weir demo\n"
          "  weir run wordcount.so --input words.txt\n"
          "  weir run -D execution.checkpointing.interval=1s \\\n"
          "           -D execution.checkpointing.dir=checkpoints job.so\n"
          "  weir run -s latest:checkpoints job.so\n"
          "\n"
          "Usage: weir VERB [options] [arguments]\n"
          "\n",
          out);
    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
        fprintf(out, "  %-10s %s\n", verb->name, verb->summary);
    }
    fputs("\n"
          "weir VERB --help tells more of a verb.\n"
          "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 state incompatible,\n"
          "5 corrupt, 6 timeout.\n",
          out);
}

int
cli_version(int argc, char **argv)
{
    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        fputs("Usage: weir version\n", help ? stdout : stderr);
        return help ? CLI_OK : CLI_USAGE;
    }
    printf("weir %s\n", CLI_VERSION);
    return CLI_OK;
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0) {
        return cli_version(1, argv + 1);
    }
    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0) {
            int code = verb->run(argc - 1, argv + 1);
            if (fflush(stdout) != 0 && code == CLI_OK) {
                cli_say('e', "stdout could not be written");
                code = CLI_FAILED;
            }
            return code;
        }
    }
    const char *nearest = cli_nearest_verb(name);
    if (nearest != NULL) {
        cli_say('e', "no verb '%s': did you mean '%s'? See weir --help", name, nearest);
    } else {
        cli_say('e', "no verb '%s': see weir --help", name);
    }
    return CLI_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* option: the options of a verb, its own and those that it shares with others. */
#include "option.h"

#include "cli.h"

#include <string.h>

struct shared_option {
    unsigned bit; /* 0: every verb has it */
    struct cli_option option;
};

static const struct shared_option shared_options[] = {
    { CLI_SHARED_CONFIGURATION,
      { .id = 'D',
        .letter = "D",
        .argument = "KEY=VALUE",
        .repeats = true,
        .completes = CLI_COMPLETES_ASSIGNMENT,
        .text = "Sets an option, over file and environment. Keys are Flink's; weir.yaml(5) and "
                "weir config list them.",
        .group = "Configuration" } },
    { CLI_SHARED_CONFIGURATION,
      { .id = CLI_ID_CONFIG,
        .name = "config",
        .argument = "FILE",
        .completes = CLI_COMPLETES_FILE,
        .text = "Reads options from a weir.yaml, or from a config.yaml or flink-conf.yaml of "
                "Flink's. Without it: the file that WEIR_CONFIG names." } },
    { CLI_SHARED_OUTPUT,
      { .id = 'o',
        .letter = "o",
        .name = "output",
        .argument = "FORMAT",
        .choices = "table|json|ndjson|csv",
        .text = "How data is shown. Without it a table on a terminal.",
        .group = "Output" } },
    { CLI_SHARED_QUIET,
      { .id = 'q',
        .letter = "q",
        .name = "quiet",
        .text = "Says warnings and errors only.",
        .group = "Output" } },
    { CLI_SHARED_VERBOSE,
      { .id = 'v', .letter = "v", .name = "verbose", .text = "Says more.", .group = "Output" } },
    { 0,
      { .id = CLI_ID_COLOR,
        .name = "color",
        .aliases = "colour",
        .argument = "WHEN",
        .choices = "auto|always|never",
        .text = "Colour of what is said. auto: on a terminal, unless NO_COLOR is set or TERM is "
                "dumb; CLICOLOR_FORCE has it always.",
        .group = "Output" } },
    { 0, { .id = CLI_ID_HELP, .letter = "h", .name = "help", .text = "Shows this text." } },
};

const struct cli_option *
cli_option_at(const struct cli_verb *verb, size_t index)
{
    size_t at = 0;
    for (const struct cli_option *option = verb->options; option != NULL && option->id != 0;
         option++) {
        if (at++ == index) {
            return option;
        }
    }
    for (size_t i = 0; i < sizeof shared_options / sizeof shared_options[0]; i++) {
        unsigned bit = shared_options[i].bit;
        if ((bit == 0 || (verb->shared & bit) != 0) && at++ == index) {
            return &shared_options[i].option;
        }
    }
    return NULL;
}

bool
cli_next_word(const char **at, size_t *out_size)
{
    if (*at == NULL) {
        return false;
    }
    *at += *out_size;
    if (**at == '|') {
        (*at)++;
    }
    *out_size = strcspn(*at, "|");
    return *out_size != 0;
}

const struct cli_verb *
cli_verb_find(const char *name)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        if (strcmp(cli_verbs[i]->name, name) == 0) {
            return cli_verbs[i];
        }
    }
    return NULL;
}

void
cli_option_spell(const struct cli_option *option, char *out, size_t room)
{
    size_t size = (size_t)snprintf(out, room, "%s%s%s%s%s", option->letter != NULL ? "-" : "",
                                   option->letter != NULL ? option->letter : "",
                                   option->letter != NULL && option->name != NULL ? ", " : "",
                                   option->name != NULL ? "--" : "",
                                   option->name != NULL ? option->name : "");
    if (option->argument != NULL && size < room) {
        snprintf(out + size, room - size, option->argument_is_optional ? " [%s]" : " %s",
                 option->argument);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gen_cli: writes docs/reference/cli.md from the tables that the command line itself uses.
 * tools/check_docs compares it with what is committed. */
#include "option.h"

#include <string.h>

/* Text in a table's cell: '|' separates cells there. */
static void
print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputs("\\|", stdout);
        } else if (*text == '<') {
            fputs("&lt;", stdout);
        } else {
            putchar(*text == '\n' ? ' ' : *text);
        }
    }
}

static void
print_options(const struct cli_verb *verb)
{
    const struct cli_option *option;
    fputs("| option | what it does |\n|---|---|\n", stdout);
    for (size_t i = 0; (option = cli_option_at(verb, i)) != NULL; i++) {
        char spelled[128];
        char text[2048];
        cli_option_spell(option, spelled, sizeof spelled);
        cli_option_tell(option, text, sizeof text);
        printf("| `%s` | ", spelled);
        print_cell(text);
        fputs(" |\n", stdout);
    }
}

static void
print_exits(const struct cli_exit_text *exits)
{
    for (; exits->text != NULL; exits++) {
        printf("%d %s%s", exits->code, exits->text, exits[1].text != NULL ? ", " : ".\n");
    }
}

static void
print_verb(const struct cli_verb *verb)
{
    printf("\n## weir %s\n\n`weir %s%s%s`: %s.\n\n", verb->name, verb->name,
           verb->usage[0] != '\0' ? " " : "", verb->usage, verb->summary);
    if (verb->about != NULL) {
        printf("%s\n\n", verb->about);
    }
    if (verb->examples != NULL) {
        fputs("```\n", stdout);
        for (size_t i = 0; verb->examples[i] != NULL; i++) {
            printf("%s\n", verb->examples[i]);
        }
        fputs("```\n\n", stdout);
    }
    print_options(verb);
    if (verb->exits != NULL) {
        fputs("\nExit codes: ", stdout);
        print_exits(verb->exits);
    }
}

int
main(void)
{
    fputs("# Command line\n\n"
          "Generated from the tables of the verbs in `cli/` by `make docs`; do not edit. Long "
          "options may have\n"
          "one dash or two; behind `--` nothing is an option. Data goes to stdout, all else to "
          "stderr. The same\n"
          "is in the man pages, `weir-run`(1) and so on.\n\n"
          "Exit codes, where a verb says nothing else: ",
          stdout);
    print_exits(cli_exit_texts);
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        if (!cli_verbs[i]->is_hidden) {
            print_verb(cli_verbs[i]);
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* help: what --help prints, at most 80 columns wide: examples first, then all that a verb's table
 * holds. */
#include "option.h"

#include "cli.h"
#include "wrap.h"

#include <string.h>

enum {
    TEXT_COLUMN_MOST = 34,
    SPELLED_SIZE = 128
};

static void
print_examples(const char *const *examples, FILE *out)
{
    fputs("Examples:\n", out);
    for (size_t i = 0; examples[i] != NULL; i++) {
        fputs("  ", out);
        cli_wrap_command(out, examples[i], 2);
    }
    fputc('\n', out);
}

/* "  -s, --fromSavepoint SNAPSHOT", names under names whether there is a letter or not. */
static size_t
spell(const struct cli_option *option, char *out, size_t room)
{
    char plain[SPELLED_SIZE];
    cli_option_spell(option, plain, sizeof plain);
    return (size_t)snprintf(out, room, option->letter != NULL ? "  %s" : "      %s", plain);
}

static size_t
text_column(const struct cli_verb *verb)
{
    size_t column = 0;
    const struct cli_option *option;
    for (size_t i = 0; (option = cli_option_at(verb, i)) != NULL; i++) {
        char spelled[SPELLED_SIZE];
        size_t size = spell(option, spelled, sizeof spelled) + 2;
        column = size > column && size <= TEXT_COLUMN_MOST ? size : column;
    }
    return column;
}

static void
print_option(const struct cli_option *option, size_t column, FILE *out)
{
    char spelled[SPELLED_SIZE];
    char text[2048];
    size_t size = spell(option, spelled, sizeof spelled);
    fputs(spelled, out);
    if (size + 2 > column) {
        fputc('\n', out);
        size = 0;
    }
    fprintf(out, "%*s", (int)(column - size), "");
    cli_option_tell(option, text, sizeof text);
    cli_wrap(out, text, column, column);
}

void
cli_option_tell(const struct cli_option *option, char *out, size_t room)
{
    size_t used = (size_t)snprintf(out, room, "%s", option->text);
    const char *choice = option->choices;
    bool is_first = true;
    for (size_t size = 0; used < room && cli_next_word(&choice, &size); is_first = false) {
        used += (size_t)snprintf(out + used, room - used, "%s%.*s", is_first ? " One of: " : ", ",
                                 (int)size, choice);
    }
    if (!is_first && used < room) {
        used += (size_t)snprintf(out + used, room - used, ".");
    }
    if (option->deprecated != NULL && used < room) {
        snprintf(out + used, room - used, " Deprecated: %s.", option->deprecated);
    }
}

static void
print_options(const struct cli_verb *verb, FILE *out)
{
    size_t column = text_column(verb);
    const struct cli_option *option;
    const char *group = "Options";
    const char *printed = NULL;
    for (size_t i = 0; (option = cli_option_at(verb, i)) != NULL; i++) {
        group = option->group != NULL ? option->group : group;
        if (printed == NULL || strcmp(printed, group) != 0) {
            fprintf(out, "\n%s:\n", group);
            printed = group;
        }
        print_option(option, column, out);
    }
}

static void
print_exits(const struct cli_exit_text *exits, FILE *out)
{
    char text[1024] = "Exit codes: ";
    for (size_t used = strlen(text); exits->text != NULL && used < sizeof text; exits++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%d %s%s", exits->code,
                                 exits->text, exits[1].text != NULL ? ", " : ".");
    }
    cli_wrap(out, text, 0, 2);
}

void
cli_help_print(const struct cli_verb *verb, FILE *out)
{
    char usage[512];
    if (verb->examples != NULL) {
        print_examples(verb->examples, out);
    }
    snprintf(usage, sizeof usage, "Usage: weir %s%s%s", verb->name,
             verb->usage[0] != '\0' ? " " : "", verb->usage);
    cli_wrap(out, usage, 0, 7);
    if (verb->about != NULL) {
        fputc('\n', out);
        cli_wrap(out, verb->about, 0, 0);
    }
    print_options(verb, out);
    fputc('\n', out);
    print_exits(verb->exits != NULL ? verb->exits : cli_exit_texts, out);
}

void
cli_help_print_overview(FILE *out)
{
    static const char checkpoints[] = "weir run -D execution.checkpointing.interval=1s "
                                      "-D execution.checkpointing.dir=checkpoints wordcount.so "
                                      "--input words.txt --output counts";
    static const char *const examples[] = {
        "weir demo",
        "weir run wordcount.so --input words.txt",
        checkpoints,
        "weir run -s latest:checkpoints wordcount.so --input words.txt --output counts",
        NULL,
    };
    print_examples(examples, out);
    fputs("Usage: weir VERB [options] [arguments]\n\n", out);
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        if (!cli_verbs[i]->is_hidden) {
            fprintf(out, "  %-12s", cli_verbs[i]->name);
            cli_wrap(out, cli_verbs[i]->summary, 14, 14);
        }
    }
    fputs("\nweir VERB --help tells more of a verb.\n", out);
    print_exits(cli_exit_texts, out);
}

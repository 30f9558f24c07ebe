/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over the tables of all verbs: what stands in them stands in help, man page and
 * completion, and is taken by the parser. */
#include "support/test.h"

#include "cli.h"
#include "hear.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Calls `look` for each option of each verb that people see. */
static void
for_each_option(void (*look)(const struct cli_verb *verb, const struct cli_option *option))
{
    const struct cli_option *option;
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        for (size_t j = 0; (option = cli_option_at(cli_verbs[i], j)) != NULL; j++) {
            look(cli_verbs[i], option);
        }
    }
}

static char *
help_of(const struct cli_verb *verb)
{
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    cli_help_print(verb, file);
    assert_int_equal(fclose(file), 0);
    return out;
}

static char *
read_all(FILE *file)
{
    char *text = calloc(1, 1 << 20);
    assert_non_null(file);
    assert_non_null(text);
    text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
    return text;
}

/* --- the tables themselves --- */

static void
check_text(const char *text)
{
    assert_true(strlen(text) > 3);
    assert_null(strstr(text, "  "));
    assert_int_equal(text[strlen(text) - 1], '.');
    for (const char *at = text; *at != '\0'; at++) {
        assert_true((*at >= ' ' && *at < 0x7f) || *at == '\n');
    }
}

static void
check_option(const struct cli_verb *verb, const struct cli_option *option)
{
    check_text(option->text);
    assert_true(option->name != NULL || option->letter != NULL);
    assert_true(option->argument != NULL || !option->argument_is_optional);
    assert_true(option->argument != NULL || option->choices == NULL);
    size_t names = 0;
    const struct cli_option *other;
    for (size_t i = 0; (other = cli_option_at(verb, i)) != NULL; i++) {
        assert_true(i < CLI_OPTIONS_MAX);
        names += 3;
        assert_true(other == option || other->id != option->id);
        assert_true(other == option || other->name == NULL || option->name == NULL ||
                    strcmp(other->name, option->name) != 0);
        assert_true(other == option || other->letter == NULL || option->letter == NULL ||
                    strcmp(other->letter, option->letter) != 0);
    }
    assert_true(names <= CLI_NAMES_MAX);
}

TEST(tables_of_verbs_are_well_formed)
{
    for_each_option(check_option);
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        const struct cli_verb *verb = cli_verbs[i];
        assert_ptr_equal(cli_verb_find(verb->name), verb);
        assert_non_null(verb->run);
        assert_true(verb->is_hidden || verb->examples != NULL);
        assert_true(strlen(verb->summary) < 64);
        assert_int_not_equal(verb->summary[strlen(verb->summary) - 1], '.');
        if (verb->about != NULL) {
            check_text(verb->about);
        }
    }
}

/* --- the parser --- */

static void
check_spelling(const struct cli_verb *verb, const struct cli_option *option, const char *dashes,
               const char *name, size_t size)
{
    static struct hear hear;
    char word[128];
    char argument[64] = "x";
    char *argv[] = { (char *)(uintptr_t)verb->name, word, argument, NULL };
    snprintf(word, sizeof word, "%s%.*s", dashes, (int)size, name);
    if (option->choices != NULL) {
        snprintf(argument, sizeof argument, "%.*s", (int)strcspn(option->choices, "|"),
                 option->choices);
    }
    if (option->id == CLI_ID_HELP || option->id == CLI_ID_COLOR) {
        return; /* the parser's own, tested in parse_test.c */
    }
    struct cli_parse parse;
    hear_begin(&hear); /* a deprecated one is warned of */
    cli_parse_begin(&parse, verb, option->argument != NULL ? 3 : 2, argv);
    int id = cli_parse_next(&parse);
    hear_end(&hear);
    if (id != option->id) {
        print_error("weir %s %s: %d, not %d: %s\n", verb->name, word, id, option->id, hear.err);
    }
    assert_int_equal(id, option->id);
    if (option->argument != NULL) {
        assert_string_equal(parse.argument, argument);
    }
}

static void
check_spellings(const struct cli_verb *verb, const struct cli_option *option)
{
    if (option->letter != NULL) {
        check_spelling(verb, option, "-", option->letter, strlen(option->letter));
    }
    if (option->name != NULL) {
        check_spelling(verb, option, "--", option->name, strlen(option->name));
        check_spelling(verb, option, "-", option->name, strlen(option->name));
    }
    const char *alias = option->aliases;
    for (size_t size = 0; cli_next_word(&alias, &size);) {
        check_spelling(verb, option, "--", alias, size);
    }
}

TEST(every_option_is_taken_in_every_spelling)
{
    for_each_option(check_spellings);
}

/* Split at blanks and quotes: examples need no more of the shell. */
static int
split(char *line, char **argv, int most)
{
    int argc = 0;
    for (char *word = strtok(line, " "); word != NULL && argc < most; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return argc;
}

TEST(every_example_is_one_that_its_verb_takes)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        const struct cli_verb *verb = cli_verbs[i];
        for (size_t j = 0; verb->examples != NULL && verb->examples[j] != NULL; j++) {
            char line[512];
            char *argv[64] = { NULL };
            struct cli_parse parse;
            int id;
            snprintf(line, sizeof line, "%s", verb->examples[j]);
            int argc = split(line, argv, 64);
            assert_true(argc >= 2);
            assert_string_equal(argv[0], "weir");
            assert_string_equal(argv[1], verb->name);
            cli_parse_begin(&parse, verb, argc - 1, argv + 1);
            while ((id = cli_parse_next(&parse)) > 0) {
            }
            assert_int_equal(id, CLI_PARSE_END);
        }
    }
}

/* --- help --- */

static void
check_width(const char *text)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (strcspn(line, "\n") > 80) {
            print_error("wider than 80 columns: %.*s\n", (int)strcspn(line, "\n"), line);
        }
        assert_true(strcspn(line, "\n") <= 80);
    }
}

static void
check_help(const struct cli_verb *verb, const struct cli_option *option)
{
    char spelled[128];
    char *help = help_of(verb);
    cli_option_spell(option, spelled, sizeof spelled);
    assert_true(hear_has(help, spelled));
    const char *choice = option->choices;
    for (size_t size = 0; cli_next_word(&choice, &size);) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)size, choice);
        assert_true(hear_has(help, word));
    }
    free(help);
}

TEST(every_option_is_in_its_verbs_help)
{
    for_each_option(check_help);
}

TEST(help_is_at_most_80_columns_wide)
{
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    cli_help_print_overview(file);
    assert_int_equal(fclose(file), 0);
    check_width(out);
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        char *help = help_of(cli_verbs[i]);
        check_width(help);
        free(help);
        assert_true(cli_verbs[i]->is_hidden || hear_has(out, cli_verbs[i]->summary));
    }
    free(out);
}

/* --- man pages --- */

static void
check_man(const struct cli_verb *verb, const struct cli_option *option)
{
    char path[512];
    if (verb->is_hidden) {
        return;
    }
    snprintf(path, sizeof path, "%s/share/man/man1/weir-%s.1", WEIR_BINARY_DIR, verb->name);
    FILE *file = fopen(path, "re");
    char *page = read_all(file);
    char name[128] = "";
    size_t used = 0;
    if (option->letter != NULL) {
        snprintf(name, sizeof name, "Fl \\&%s", option->letter);
        assert_true(hear_has(page, name));
    }
    if (option->name != NULL) {
        used = (size_t)snprintf(name, sizeof name, "Fl \\&\\-\\&");
        for (const char *at = option->name; *at != '\0' && used + 3 < sizeof name; at++) {
            used +=
                (size_t)snprintf(name + used, sizeof name - used, *at == '-' ? "\\-" : "%c", *at);
        }
        assert_true(hear_has(page, name));
    }
    free(page);
    fclose(file);
}

TEST(every_option_is_in_its_verbs_man_page)
{
    for_each_option(check_man);
}

TEST(every_key_is_in_the_man_page_of_the_config_file)
{
    FILE *file = fopen(WEIR_BINARY_DIR "/share/man/man5/weir.yaml.5", "re");
    char *page = read_all(file);
    for (size_t i = 0; i < weir_option_count(); i++) {
        char item[512] = ".It Ic \\&";
        size_t used = strlen(item);
        for (const char *at = weir_option_at(i)->key; *at != '\0' && used + 3 < sizeof item; at++) {
            used +=
                (size_t)snprintf(item + used, sizeof item - used, *at == '-' ? "\\-" : "%c", *at);
        }
        snprintf(item + used, sizeof item - used, "\n");
        assert_int_equal(strstr(page, item) != NULL, weir_option_at(i)->supported);
    }
    free(page);
    fclose(file);
}

/* --- completion --- */

/* What `weir complete` offers behind the words; to be freed. */
static char *
offered(const char *verb, const char *typed)
{
    char command[1024];
    snprintf(command, sizeof command, WEIR_BINARY_DIR "/weir complete 2 weir %s '%s'", verb, typed);
    FILE *pipe = popen(command, "r");
    char *lines = read_all(pipe);
    assert_int_equal(pclose(pipe), 0);
    return lines;
}

static void
check_completion(const struct cli_verb *verb, const struct cli_option *option)
{
    if (verb->is_hidden || option->deprecated != NULL) {
        return;
    }
    char line[128];
    char *lines = offered(verb->name, option->name != NULL ? "--" : "-");
    snprintf(line, sizeof line, "\n%s%s\t", option->name != NULL ? "--" : "-",
             option->name != NULL ? option->name : option->letter);
    assert_true(hear_has(lines, line));
    free(lines);
    if (option->choices != NULL && option->name != NULL) {
        char typed[128];
        snprintf(typed, sizeof typed, "--%s=", option->name);
        lines = offered(verb->name, typed);
        const char *choice = option->choices;
        for (size_t size = 0; cli_next_word(&choice, &size);) {
            snprintf(line, sizeof line, "\n%s%.*s\t", typed, (int)size, choice);
            assert_true(hear_has(lines, line));
        }
        free(lines);
    }
}

TEST(every_option_and_choice_is_completed)
{
    for_each_option(check_completion);
}

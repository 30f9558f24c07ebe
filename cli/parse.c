/* SPDX-License-Identifier: Apache-2.0 */
/* parse: hands out a verb's options one by one, read by getopt_long_only, and tells what is wrong
 * with them in words of our own.
 *
 * getopt knows an option by one number: a letter by itself, a name by NAMES_FROM and its option's
 * place in the table.
 */
#include "option.h"

#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

enum {
    NAMES_FROM = 1000,
    NAME_SIZE = 64,
    LEAST_BEGINNING = 3, /* letters of a name's beginning that stand for it */
    LETTERS_SIZE = 2 + 3 * CLI_OPTIONS_MAX
};

/* The table as getopt wants it. */
struct table {
    char letters[LETTERS_SIZE];
    struct option names[CLI_NAMES_MAX + 1];
    char texts[CLI_NAMES_MAX][NAME_SIZE];
    size_t name_count;
};

static void
add_name(struct table *table, const struct cli_option *option, size_t index, const char *name,
         size_t size)
{
    if (table->name_count == CLI_NAMES_MAX || size == 0 || size >= NAME_SIZE) {
        return; /* a test walks over all tables and finds each name */
    }
    char *text = table->texts[table->name_count];
    memcpy(text, name, size);
    text[size] = '\0';
    int has_argument = option->argument == NULL       ? no_argument
                       : option->argument_is_optional ? optional_argument
                                                      : required_argument;
    table->names[table->name_count++] =
        (struct option){ text, has_argument, NULL, NAMES_FROM + (int)index };
}

static void
add_letter(struct table *table, const struct cli_option *option)
{
    char text[4] = { option->letter[0], option->argument != NULL ? ':' : '\0',
                     option->argument_is_optional ? ':' : '\0', '\0' };
    strncat(table->letters, text, sizeof table->letters - strlen(table->letters) - 1);
}

static void
build_table(const struct cli_verb *verb, struct table *table)
{
    memset(table, 0, sizeof *table);
    snprintf(table->letters, sizeof table->letters, verb->stops_at_words ? "+:" : ":");
    const struct cli_option *option;
    for (size_t i = 0; i < CLI_OPTIONS_MAX && (option = cli_option_at(verb, i)) != NULL; i++) {
        if (option->letter != NULL && option->letter[1] == '\0') {
            add_letter(table, option);
        } else if (option->letter != NULL) {
            add_name(table, option, i, option->letter, strlen(option->letter));
        }
        if (option->name != NULL) {
            add_name(table, option, i, option->name, strlen(option->name));
        }
        const char *alias = option->aliases;
        for (size_t size = 0; cli_next_word(&alias, &size);) {
            add_name(table, option, i, alias, size);
        }
    }
}

/* The option of getopt's number, and its place. */
static const struct cli_option *
option_of(const struct cli_verb *verb, int number, size_t *out_index)
{
    if (number >= NAMES_FROM) {
        *out_index = (size_t)(number - NAMES_FROM);
        return cli_option_at(verb, *out_index);
    }
    const struct cli_option *option;
    for (size_t i = 0; (option = cli_option_at(verb, i)) != NULL; i++) {
        if (option->letter != NULL && option->letter[1] == '\0' && option->letter[0] == number) {
            *out_index = i;
            return option;
        }
    }
    return NULL;
}

int
cli_parse_refuse(const struct cli_parse *parse, const char *format, ...)
{
    char words[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    bool is_question = words[0] != '\0' && words[strlen(words) - 1] == '?';
    cli_say('e', is_question ? "%s See weir %s --help" : "%s: see weir %s --help", words,
            parse->verb->name);
    return CLI_USAGE;
}

static int
leave(struct cli_parse *parse, int code)
{
    parse->code = code;
    return CLI_PARSE_LEAVE;
}

/* --- what is wrong --- */

static const char *
nearest_name(const struct table *table, const char *name)
{
    size_t size = strlen(name);
    size_t least = size <= 3 ? 2 : size <= 8 ? 3 : 4; /* nearer than that */
    const char *nearest = NULL;
    for (size_t i = 0; i < table->name_count; i++) {
        size_t far = cli_distance(name, table->names[i].name);
        if (far < least) {
            least = far;
            nearest = table->names[i].name;
        }
    }
    return nearest;
}

/* The name in a word of argv: "--name=argument". Answers how many dashes stand before it. */
static size_t
read_name(const char *word, char out[NAME_SIZE])
{
    size_t dashes = strspn(word, "-");
    snprintf(out, NAME_SIZE, "%.*s", (int)strcspn(word + dashes, "="), word + dashes);
    return dashes;
}

/* Why the verb does not have what Flink's has; NULL: it is not known of. */
static const char *
why_foreign(const struct cli_verb *verb, const char *name)
{
    for (const struct cli_foreign *foreign = verb->foreign;
         foreign != NULL && foreign->names != NULL; foreign++) {
        const char *at = foreign->names;
        for (size_t size = 0; cli_next_word(&at, &size);) {
            if (strlen(name) == size && strncmp(at, name, size) == 0) {
                return foreign->why;
            }
        }
    }
    return NULL;
}

/* `word` as it stands in argv, dashes and argument too. */
static int
refuse_unknown(struct cli_parse *parse, const struct table *table, const char *word)
{
    char name[NAME_SIZE];
    size_t dashes = read_name(word, name);
    const char *why = why_foreign(parse->verb, name);
    if (why != NULL) {
        return leave(parse,
                     cli_parse_refuse(parse, "weir %s has no '%.*s' of Flink's: %s",
                                      parse->verb->name, (int)(dashes + strlen(name)), word, why));
    }
    size_t same = 0;
    for (size_t i = 0; i < table->name_count; i++) {
        same += strncmp(table->names[i].name, name, strlen(name)) == 0;
    }
    const char *nearest = nearest_name(table, name);
    int size = (int)(dashes + strlen(name));
    if (same > 1) {
        return leave(parse, cli_parse_refuse(parse, "'%.*s' may mean several options", size, word));
    }
    if (nearest != NULL) {
        return leave(parse, cli_parse_refuse(parse, "unknown option '%.*s': did you mean '--%s'?",
                                             size, word, nearest));
    }
    return leave(parse, cli_parse_refuse(parse, "unknown option '%.*s'", size, word));
}

static const char *
spelled(const struct cli_option *option, char *out, size_t room)
{
    struct cli_option bare = *option;
    bare.argument = NULL;
    cli_option_spell(&bare, out, room);
    return out;
}

/* What getopt answered '?' or ':' to. */
static int
refuse(struct cli_parse *parse, const struct table *table, int answer)
{
    size_t index = 0;
    char name[NAME_SIZE * 2];
    const struct cli_option *option = option_of(parse->verb, optopt, &index);
    if (option != NULL && answer == ':') {
        return leave(parse, cli_parse_refuse(parse, "%s wants %s",
                                             spelled(option, name, sizeof name), option->argument));
    }
    if (option != NULL && optopt >= NAMES_FROM) {
        return leave(parse, cli_parse_refuse(parse, "%s takes nothing behind '='",
                                             spelled(option, name, sizeof name)));
    }
    if (optopt != 0 && optopt < NAMES_FROM) {
        return leave(parse, cli_parse_refuse(parse, "unknown option '-%c'", optopt));
    }
    return refuse_unknown(parse, table, parse->argv[optind - 1]);
}

/* --- what is given --- */

/* False: `given` is none of the choices. */
static bool
find_choice(const char *choices, const char *given, size_t *out_choice)
{
    size_t index = 0;
    for (size_t size = 0; cli_next_word(&choices, &size); index++) {
        if (strlen(given) == size && strncasecmp(choices, given, size) == 0) {
            *out_choice = index;
            return true;
        }
    }
    return false;
}

static int
refuse_choice(struct cli_parse *parse, const char *name, const char *choices, const char *given)
{
    char list[512] = "";
    for (size_t size = 0; cli_next_word(&choices, &size);) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%.*s", used != 0 ? ", " : "", (int)size,
                 choices);
    }
    return leave(parse, cli_parse_refuse(parse, "%s is one of %s, not '%s'", name, list, given));
}

/* The parser's own part of an option; then it is the verb's. */
static int
take(struct cli_parse *parse, const struct cli_option *option, size_t index)
{
    char name[NAME_SIZE * 2];
    bool is_again = (parse->seen & (UINT64_C(1) << index)) != 0;
    parse->seen |= UINT64_C(1) << index;
    if (is_again && option->argument != NULL && !option->repeats) {
        return leave(parse, cli_parse_refuse(parse, "%s is given twice",
                                             spelled(option, name, sizeof name)));
    }
    if (option->choices != NULL && parse->argument != NULL &&
        !find_choice(option->choices, parse->argument, &parse->choice)) {
        return refuse_choice(parse, spelled(option, name, sizeof name), option->choices,
                             parse->argument);
    }
    if (option->deprecated != NULL && !is_again) {
        cli_say('w', "%s is deprecated: %s", spelled(option, name, sizeof name),
                option->deprecated);
    }
    if (option->id == CLI_ID_HELP) {
        cli_help_print(parse->verb, stdout);
        return leave(parse, CLI_OK);
    }
    if (option->id == CLI_ID_COLOR) {
        cli_set_color((enum cli_color)parse->choice);
        return cli_parse_next(parse);
    }
    return option->id;
}

static int
end(struct cli_parse *parse)
{
    const struct cli_verb *verb = parse->verb;
    parse->words_at = optind;
    parse->words = parse->argv + optind;
    parse->word_count = parse->argc - optind;
    if (parse->word_count < verb->least_words) {
        return leave(parse, cli_parse_refuse(parse, "%s is missing",
                                             verb->word_name != NULL ? verb->word_name : "a word"));
    }
    if (verb->most_words != CLI_ANY_WORDS && parse->word_count > verb->most_words) {
        return leave(parse,
                     cli_parse_refuse(parse, "'%s' is too much", parse->words[verb->most_words]));
    }
    for (int i = 0; verb->word_choices != NULL && i < parse->word_count; i++) {
        if (!find_choice(verb->word_choices, parse->words[i], &parse->choice)) {
            return refuse_choice(parse, verb->word_name, verb->word_choices, parse->words[i]);
        }
    }
    return CLI_PARSE_END;
}

void
cli_parse_begin(struct cli_parse *parse, const struct cli_verb *verb, int argc, char **argv)
{
    memset(parse, 0, sizeof *parse);
    parse->verb = verb;
    parse->argc = argc;
    parse->argv = argv;
    optind = 0; /* getopt forgets what it read before */
    opterr = 0;
}

/* What getopt takes and we do not: one letter or two that stand for a name (-t is no --take-over),
 * and an option of Flink's taken for a letter with its argument (-sae for -s ae). */
static bool
is_too_bold(const struct cli_parse *parse, const struct table *table, int answer,
            const char **out_word)
{
    bool is_behind = optarg != NULL && optarg == parse->argv[optind - 1];
    char name[NAME_SIZE];
    *out_word = parse->argv[optind - (is_behind ? 2 : 1)];
    read_name(*out_word, name);
    if (answer < NAMES_FROM) {
        return optarg != NULL && !is_behind && why_foreign(parse->verb, name) != NULL;
    }
    for (size_t i = 0; i < table->name_count; i++) {
        if (strcmp(table->names[i].name, name) == 0) {
            return false;
        }
    }
    return strlen(name) < LEAST_BEGINNING;
}

int
cli_parse_next(struct cli_parse *parse)
{
    struct table table;
    build_table(parse->verb, &table);
    int answer = getopt_long_only(parse->argc, parse->argv, table.letters, table.names, NULL);
    if (answer == -1) {
        return end(parse);
    }
    if (answer == '?' || answer == ':') {
        return refuse(parse, &table, answer);
    }
    const char *word = NULL;
    if (is_too_bold(parse, &table, answer, &word)) {
        return refuse_unknown(parse, &table, word);
    }
    size_t index = 0;
    const struct cli_option *option = option_of(parse->verb, answer, &index);
    parse->argument = optarg;
    if (option->argument_is_optional && optarg == NULL && optind < parse->argc &&
        parse->argv[optind][0] != '-') {
        parse->argument = parse->argv[optind++];
    }
    return take(parse, option, index);
}

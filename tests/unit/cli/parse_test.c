/* SPDX-License-Identifier: Apache-2.0 */
/* A verb's words, taken apart by its table. */
#include "support/test.h"

#include "cli.h"
#include "hear.h"

#include <string.h>

enum {
    WIDE = CLI_ID_FIRST,
    OLD,
    WHERE
};

static const struct cli_option options[] = {
    { .id = 'p', .letter = "p", .name = "parallelism", .argument = "N", .text = "Text." },
    { .id = 'n',
      .letter = "n",
      .name = "allowNonRestoredState",
      .aliases = "allow|let-go",
      .text = "Text." },
    { .id = WIDE,
      .letter = "cm",
      .name = "claimMode",
      .argument = "MODE",
      .choices = "no_claim|claim|legacy",
      .text = "Text." },
    { .id = OLD, .letter = "rm", .argument = "MODE", .deprecated = "use -cm", .text = "Text." },
    { .id = WHERE,
      .name = "savepointPath",
      .argument = "DIR",
      .argument_is_optional = true,
      .text = "Text." },
    { 0 },
};

static const struct cli_verb verb = {
    .name = "try",
    .usage = "",
    .options = options,
    .shared = CLI_SHARED_CONFIGURATION,
    .most_words = 2,
};

static struct cli_verb
stopping(void)
{
    struct cli_verb other = verb;
    other.stops_at_words = true;
    other.least_words = 1;
    other.most_words = CLI_ANY_WORDS;
    other.word_name = "JOB.so";
    return other;
}

/* What was given: "p=3 n | one two", or "leave CODE". */
struct given {
    char text[512];
    struct hear hear;
};

static void
add(struct given *given, const char *name, const char *argument)
{
    size_t used = strlen(given->text);
    snprintf(given->text + used, sizeof given->text - used, "%s%s%s%s", used != 0 ? " " : "", name,
             argument != NULL ? "=" : "", argument != NULL ? argument : "");
}

static void
parse(struct given *given, const struct cli_verb *of, const char *line)
{
    static char copy[512];
    char *argv[32] = { (char *)(uintptr_t) "try" };
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = strcmp(word, "EMPTY") == 0 ? (char *)(uintptr_t) "" : word;
    }
    memset(given->text, 0, sizeof given->text);
    hear_begin(&given->hear);
    struct cli_parse parse;
    cli_parse_begin(&parse, of, argc, argv);
    int id;
    while ((id = cli_parse_next(&parse)) > 0) {
        char name[16] = { (char)id };
        snprintf(name + (id < CLI_ID_FIRST), sizeof name - 1, "%s",
                 id == WIDE            ? "cm"
                 : id == OLD           ? "rm"
                 : id == WHERE         ? "where"
                 : id == CLI_ID_CONFIG ? "config"
                                       : "");
        add(given, name, parse.argument);
    }
    hear_end(&given->hear);
    if (id == CLI_PARSE_LEAVE) {
        char code[16];
        snprintf(code, sizeof code, "%d", parse.code);
        add(given, "leave", code);
        return;
    }
    assert_int_equal(parse.words_at, argc - parse.word_count);
    for (int i = 0; i < parse.word_count; i++) {
        add(given, i == 0 ? "|" : "", NULL);
        add(given, parse.words[i], NULL);
    }
}

static void
gives(const char *line, const char *expected)
{
    static struct given given;
    parse(&given, &verb, line);
    assert_string_equal(given.text, expected);
}

/* Refused with exit code 2, these words on stderr, and nothing on stdout. */
static void
refused(const struct cli_verb *of, const char *line, const char *words)
{
    static struct given given;
    parse(&given, of, line);
    size_t size = strlen(given.text);
    assert_true(size >= 7);
    assert_string_equal(given.text + size - 7, "leave=2");
    assert_true(hear_has(given.hear.err, words));
    assert_true(hear_has(given.hear.err, "ee weir try --help"));
    assert_string_equal(given.hear.out, "");
}

TEST(one_dash_two_dashes_and_equals_mean_the_same)
{
    gives("-p 3", "p=3");
    gives("-p3", "p=3");
    gives("-parallelism 3", "p=3");
    gives("--parallelism 3", "p=3");
    gives("-parallelism=3", "p=3");
    gives("--parallelism=3", "p=3");
    gives("-cm claim", "cm=claim");
    gives("--claimMode claim", "cm=claim");
    gives("-claimMode claim", "cm=claim");
    gives("-Dkey=value", "D=key=value");
    gives("-D key=value", "D=key=value");
    gives("--config=f -config f", "config=f leave=2");
}

TEST(aliases_and_beginnings_are_understood)
{
    gives("--allow", "n");
    gives("-let-go", "n");
    gives("--allowNon", "n");
    gives("-par 2", "p=2");
}

TEST(one_letter_or_two_stand_for_no_name)
{
    refused(&verb, "-s dir", "unknown option '-s'");
    refused(&verb, "--pa 3", "unknown option '--pa'");
    refused(&verb, "--pa=3", "unknown option '--pa'");
    refused(&verb, "one -sa dir two", "unknown option '-sa'");
    gives("one -sav dir two", "where=dir | one  two");
}

TEST(what_flink_has_and_the_verb_has_not_is_told_why)
{
    static const struct cli_foreign foreign[] = { { "m|jobmanager|pae", "it does not ask" },
                                                  { "class", "it has none" },
                                                  { NULL, NULL } };
    struct cli_verb other = verb;
    other.foreign = foreign;
    refused(&other, "-m host:1", "weir try has no '-m' of Flink's: it does not ask");
    refused(&other, "--jobmanager=host:1", "no '--jobmanager' of Flink's: it does not ask");
    refused(&other, "--class x", "it has none");
    refused(&other, "-pae", "weir try has no '-pae' of Flink's");
}

TEST(options_may_stand_behind_words)
{
    gives("one -p 3 two -n", "p=3 n | one  two");
}

TEST(two_dashes_end_the_options)
{
    gives("-n -- -p 3", "n | -p  3");
}

TEST(words_of_a_job_are_its_own)
{
    static struct given given;
    struct cli_verb other = stopping();
    parse(&given, &other, "-n job.so -p 3 --help");
    assert_string_equal(given.text, "n | job.so  -p  3  --help");
}

TEST(an_optional_argument_is_the_next_word_unless_it_is_an_option)
{
    gives("--savepointPath dir one", "where=dir | one");
    gives("--savepointPath=dir one", "where=dir | one");
    gives("--savepointPath -n", "where n");
    gives("one --savepointPath", "where | one");
    gives("one --savepointPath dir two", "where=dir | one  two");
    gives("--savepointPath -- one", "where | one");
}

TEST(choices_are_read_in_any_case)
{
    char *argv[] = { (char *)(uintptr_t) "try", (char *)(uintptr_t) "-cm",
                     (char *)(uintptr_t) "LEGACY" };
    struct cli_parse parse;
    cli_parse_begin(&parse, &verb, 3, argv);
    assert_int_equal(cli_parse_next(&parse), WIDE);
    assert_int_equal(parse.choice, 2);
    refused(&verb, "-cm mine", "-cm, --claimMode is one of no_claim, claim, legacy, not 'mine'");
    refused(&verb, "-cm claims", "not 'claims'");
    refused(&verb, "-cm EMPTY", "not ''");
}

TEST(an_unknown_option_is_told_the_nearest)
{
    refused(&verb, "--parallelsm 3",
            "unknown option '--parallelsm': did you mean '--parallelism'?");
    refused(&verb, "-claimmode claim", "did you mean '--claimMode'?");
    refused(&verb, "--xyzzy=3", "unknown option '--xyzzy'");
    refused(&verb, "-Z", "unknown option '-Z'");
    refused(&verb, "-nZ", "unknown option '-");
    refused(&verb, "--a", "'--a' may mean several options");
    refused(&verb, "one --xyzzy two", "unknown option '--xyzzy'");
}

TEST(an_option_without_its_argument_is_told)
{
    refused(&verb, "-p", "-p, --parallelism wants N");
    refused(&verb, "--parallelism", "-p, --parallelism wants N");
    refused(&verb, "--claimMode", "-cm, --claimMode wants MODE");
    refused(&verb, "--allow=3", "-n, --allowNonRestoredState takes nothing behind '='");
}

TEST(a_value_given_twice_is_a_mistake)
{
    refused(&verb, "-p 3 --parallelism 4", "-p, --parallelism is given twice");
    gives("-n -n", "n n");
    gives("-D a=1 -D b=2", "D=a=1 D=b=2");
}

TEST(words_too_many_or_too_few_are_told)
{
    struct cli_verb other = stopping();
    refused(&other, "-n", "JOB.so is missing");
    refused(&verb, "one two three", "'three' is too much");
    struct cli_verb shells = { .name = "try",
                               .usage = "",
                               .least_words = 1,
                               .most_words = 1,
                               .word_name = "the shell's name",
                               .word_choices = "bash|zsh" };
    refused(&shells, "sh", "the shell's name is one of bash, zsh, not 'sh'");
}

TEST(a_deprecated_option_is_warned_of_once)
{
    static struct given given;
    parse(&given, &verb, "-rm x");
    assert_string_equal(given.text, "rm=x");
    assert_true(hear_has(given.hear.err, "warning: -rm is deprecated: use -cm"));
}

TEST(help_goes_to_stdout_and_leaves_with_zero)
{
    static struct given given;
    const char *lines[] = { "-h", "--help", "-help", "-n -h", "--help --xyzzy" };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        parse(&given, &verb, lines[i]);
        assert_non_null(strstr(given.text, "leave=0"));
        assert_true(hear_has(given.hear.out, "Usage: weir try"));
        assert_string_equal(given.hear.err, "");
    }
}

TEST(color_is_taken_by_the_parser)
{
    gives("--color never -n", "n");
    assert_false(cli_has_color(stdout));
    gives("--color=always -n", "n");
    assert_true(cli_has_color(stdout));
    gives("--colour auto", "");
    refused(&verb, "--color maybe", "--color is one of auto, always, never, not 'maybe'");
}

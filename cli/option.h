/* SPDX-License-Identifier: Apache-2.0 */
/* option.h: a verb as one table. Parsing, --help, man page and completion come from it, so that
 * none of them can say something else. For everyone who writes a verb.
 *
 *   static const struct cli_option options[] = {
 *       { .id = 's', .letter = "s", .name = "fromSavepoint", .argument = "SNAPSHOT", .text = "..."
 * }, { .id = OPTION_FRESH, .name = "fresh", .text = "..." }, { 0 },
 *   };
 *   const struct cli_verb cli_verb_run = { .name = "run", .options = options, ... }; // and a row
 * in verbs.c
 *
 *   struct cli_parse parse;
 *   cli_parse_begin(&parse, &cli_verb_run, argc, argv);
 *   for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
 *       if (id == CLI_PARSE_LEAVE) {
 *           return parse.code; // help was printed, or a mistake was told
 *       }
 *       ... parse.argument
 *   }
 *   ... parse.words, parse.word_count
 *
 * -h, --help and --color are options of every verb and seen by none.
 * Thread: main.
 */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CLI_PARSE_END = 0,
    CLI_PARSE_LEAVE = -1,
    CLI_ID_FIRST = 256, /* ids of options without a letter; below: the letter itself */
    CLI_ID_HELP = 0x4000,
    CLI_ID_COLOR,
    CLI_ANY_WORDS = -1,
    CLI_OPTIONS_MAX = 64, /* of one verb, shared ones too */
    CLI_NAMES_MAX = 128   /* their names, aliases too */
};

/* What the shell offers for an argument, or for the words behind the options. */
enum cli_completes {
    CLI_COMPLETES_NOTHING,
    CLI_COMPLETES_FILE,
    CLI_COMPLETES_DIRECTORY,
    CLI_COMPLETES_ASSIGNMENT, /* KEY=VALUE, keys of the options' table */
    CLI_COMPLETES_KEY,
    CLI_COMPLETES_JOB, /* the id of a running job of this user */
    CLI_COMPLETES_VERB
};

/* All text static. */
struct cli_option {
    int id;             /* what cli_parse_next answers; 0 ends a table */
    const char *letter; /* without dash; Flink has some of two letters, "cm". NULL: none */
    const char *name;   /* without dashes, in Flink's spelling where Flink has it. NULL: none */
    /* Other spellings, '|' between them: understood, not shown. All names work with one dash too.
     */
    const char *aliases;
    const char *argument;      /* its name in help: "SNAPSHOT". NULL: takes none */
    const char *choices;       /* what it may be, '|' between them, in any case. NULL: anything */
    bool argument_is_optional; /* then the next word is the argument unless it begins with '-' */
    bool repeats;              /* may be given again; else a second one is a mistake */
    enum cli_completes completes;
    const char *text;       /* sentences; wrapped where shown; one blank between words */
    const char *deprecated; /* "use --claimMode": warned of when it is given. NULL: it is not */
    const char *group;      /* heading that begins with this option: "Restoring". NULL: as before */
};

/* Options that several verbs have, from one place. Bits of cli_verb.shared. */
enum {
    CLI_SHARED_CONFIGURATION = 1, /* ids 'D' and CLI_ID_CONFIG */
    CLI_SHARED_OUTPUT = 2,        /* id 'o', choices of enum cli_output (table.h) */
    CLI_SHARED_QUIET = 4,         /* id 'q' */
    CLI_SHARED_VERBOSE = 8,       /* id 'v' */
    CLI_ID_CONFIG = CLI_ID_COLOR + 1
};

struct cli_exit_text {
    int code;
    const char *text; /* NULL ends the list */
};

/* Options of Flink's that a verb does not have, and why, for who is used to them. */
struct cli_foreign {
    const char *names; /* without dashes, '|' between them. NULL ends the list */
    const char *why;
};

struct cli_verb {
    const char *name;
    const char *summary;               /* a few words, small letters, no full stop */
    int (*run)(int argc, char **argv); /* argv[0] is the verb; answers the exit code */
    const char *usage;                 /* behind "weir NAME": "[options] JOB.so [job arguments]" */
    const char *const *examples;       /* whole commands, each in one line; NULL ends */
    const char *about;                 /* paragraphs, "\n\n" between them; NULL: none */
    const struct cli_option *options;  /* NULL: only what all have */
    const struct cli_foreign *foreign; /* NULL: none */
    const struct cli_exit_text *exits; /* NULL: only the common ones */
    unsigned shared;                   /* CLI_SHARED_... */
    int least_words;                   /* words behind the options */
    int most_words;                    /* or CLI_ANY_WORDS */
    const char *word_name;             /* "JOB.so": said when it is missing */
    const char *word_choices;          /* what each word may be, '|' between them. NULL: anything */
    enum cli_completes words_complete;
    bool stops_at_words; /* what stands behind the first word is not ours, whatever it looks like */
    bool is_hidden;      /* not in the overview, no man page */
};

/* verbs.c: ends with NULL */
extern const struct cli_verb *const cli_verbs[];
extern const struct cli_exit_text cli_exit_texts[];
const struct cli_verb *cli_verb_find(const char *name);

/* The verb's own options, then the shared ones; NULL behind the last. */
const struct cli_option *cli_option_at(const struct cli_verb *verb, size_t index);
/* Walks words that '|' separates; false: no more. Begin with *at the text and *out_size 0. */
bool cli_next_word(const char **at, size_t *out_size);

struct cli_parse {
    const char *argument; /* of the option just answered, lent from argv; NULL: none */
    size_t choice;        /* which of its choices */
    char **words;         /* behind CLI_PARSE_END: the words behind the options, lent from argv */
    int word_count;
    int words_at; /* index of the first in argv */
    int code;     /* behind CLI_PARSE_LEAVE: the exit code */

    /* the parser's own */
    const struct cli_verb *verb;
    int argc;
    char **argv;
    uint64_t seen; /* bit per option: it was given */
};

/* The words of argv are put in another order: options first. */
void cli_parse_begin(struct cli_parse *parse, const struct cli_verb *verb, int argc, char **argv);
/* The id of the next option, CLI_PARSE_END or CLI_PARSE_LEAVE. */
int cli_parse_next(struct cli_parse *parse);
/* For what the table cannot say: tells it, with where help is; answers CLI_USAGE. */
int cli_parse_refuse(const struct cli_parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* help.c */
void cli_help_print(const struct cli_verb *verb, FILE *out);
void cli_help_print_overview(FILE *out);
/* How an option is written: "-s, --fromSavepoint SNAPSHOT". */
void cli_option_spell(const struct cli_option *option, char *out, size_t room);
/* Its text, with its choices, and what to use in place of a deprecated one. */
void cli_option_tell(const struct cli_option *option, char *out, size_t room);

#endif /* CLI_OPTION_H */

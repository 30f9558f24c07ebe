/* SPDX-License-Identifier: Apache-2.0 */
/* config: shows every option's value and where it came from, as `weir run` with the same file,
 * environment and -D would take it. A job's own code may set more. */
#include "cli.h"
#include "table.h"

#include <string.h>

enum {
    KEYS_MAX = 64,
    OPTION_SET = CLI_ID_FIRST
};

struct wishes {
    const char *config;
    const char *assignments[CLI_ASSIGNMENTS_MAX];
    size_t assignment_count;
    bool set_only;
    bool verbose;
    enum cli_output output;
};

/* Key, value, origin; with --verbose what it does. */
static const struct cli_column columns[] = {
    { .name = "key" }, { .name = "value" }, { .name = "origin" }, { .name = "text" }
};

static void
add_row(struct cli_table *table, const weir_options *options, const weir_option_info *info)
{
    const char *texts[] = { info->key, weir_options_text(options, info->key),
                            weir_options_origin(options, info->key), info->text };
    cli_table_row(table, texts);
}

static void
add_all(struct cli_table *table, const weir_options *options, bool set_only)
{
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = weir_option_at(i);
        if (info->supported && (!set_only || weir_options_is_set(options, info->key))) {
            add_row(table, options, info);
        }
    }
}

/* The rows of the keys. */
static int
find_keys(char **keys, int count, const weir_option_info **out_infos)
{
    if (count > KEYS_MAX) {
        cli_say('e', "%d keys at a time", KEYS_MAX);
        return CLI_USAGE;
    }
    for (int i = 0; i < count; i++) {
        out_infos[i] = weir_option_find(keys[i]);
        if (out_infos[i] == NULL) {
            const char *nearest = weir_option_nearest(keys[i]);
            cli_say('e', "unknown option '%s'%s%s%s", keys[i],
                    nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "'?" : "");
            return CLI_USAGE;
        }
        if (!out_infos[i]->supported) {
            cli_say('e', "%s is an option of Flink's; weir does not have it", out_infos[i]->key);
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

/* -1: go on. */
static int
take_options(struct cli_parse *parse, struct wishes *wishes)
{
    for (int id; (id = cli_parse_next(parse)) != CLI_PARSE_END;) {
        if (id == CLI_PARSE_LEAVE) {
            return parse->code;
        }
        if (id == CLI_ID_CONFIG) {
            wishes->config = parse->argument;
        } else if (id == OPTION_SET) {
            wishes->set_only = true;
        } else if (id == 'v') {
            wishes->verbose = true;
        } else if (id == 'o') {
            wishes->output = (enum cli_output)parse->choice;
        } else if (wishes->assignment_count == CLI_ASSIGNMENTS_MAX) {
            return cli_parse_refuse(parse, "more than %d -D", CLI_ASSIGNMENTS_MAX);
        } else {
            wishes->assignments[wishes->assignment_count++] = parse->argument;
        }
    }
    return -1;
}

static int
run_config(int argc, char **argv)
{
    struct wishes wishes = { .output = CLI_OUTPUT_DEFAULT };
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_config, argc, argv);
    int code = take_options(&parse, &wishes);
    if (code >= 0) {
        return code;
    }
    weir_options *options = NULL;
    code = cli_configure(wishes.config, &options);
    for (size_t i = 0; code == CLI_OK && i < wishes.assignment_count; i++) {
        code = cli_set(options, wishes.assignments[i]);
    }
    const weir_option_info *infos[KEYS_MAX];
    if (code == CLI_OK) {
        code = find_keys(parse.words, parse.word_count, infos);
    }
    if (code == CLI_OK) {
        struct cli_table table;
        size_t column_count = sizeof columns / sizeof columns[0] - (wishes.verbose ? 0 : 1);
        cli_table_begin(&table, stdout, wishes.output, columns, column_count);
        for (int i = 0; i < parse.word_count; i++) {
            add_row(&table, options, infos[i]);
        }
        if (parse.word_count == 0) {
            add_all(&table, options, wishes.set_only);
        }
        code = cli_table_end(&table);
    }
    weir_options_destroy(options);
    return code;
}

static const char *const examples[] = {
    "weir config --set",
    "weir config --config weir.yaml execution.checkpointing.interval",
    NULL,
};

static const struct cli_option options_known[] = {
    { .id = OPTION_SET, .name = "set", .text = "Only what is set somewhere." },
    { 0 },
};

const struct cli_verb cli_verb_config = {
    .name = "config",
    .summary = "show every option's value and where it came from",
    .run = run_config,
    .usage = "[options] [KEY...]",
    .examples = examples,
    .about = "Shows each option's value and where it came from: default, file:line:column, a "
             "WEIR_* variable, or -D. Old spellings of a key are understood. A job's own code may "
             "set more.",
    .options = options_known,
    .shared = CLI_SHARED_CONFIGURATION | CLI_SHARED_OUTPUT | CLI_SHARED_VERBOSE,
    .most_words = CLI_ANY_WORDS,
    .words_complete = CLI_COMPLETES_KEY,
};

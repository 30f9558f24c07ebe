/* SPDX-License-Identifier: Apache-2.0 */
/* config: shows every option's value and where it came from, as `weir run` with the same file,
 * environment and -D would take it. A job's own code may set more. */
#include "cli.h"

#include <getopt.h>
#include <string.h>

enum {
    KEYS_MAX = 64
};

struct wishes {
    const char *config;
    const char *assignments[CLI_ASSIGNMENTS_MAX];
    size_t assignment_count;
    bool set_only;
    bool json;
};

static void
print_help(FILE *out)
{
    fputs("Examples:\n"
          "  weir config --set\n"
          "  weir config --config weir.yaml execution.checkpointing.interval\n"
          "\n"
          "Usage: weir config [options] [KEY...]\n"
          "\n"
          "Shows each option's value and where it came from: default, file:line:column,\n"
          "a WEIR_* variable, or -D. Old spellings of a key are understood.\n"
          "\n"
          "      --set             only what is set somewhere\n"
          "  -D KEY=VALUE          set an option\n"
          "      --config FILE     read options from a file\n"
          "  -o, --output FORMAT   table or json\n"
          "  -h, --help            this text\n",
          out);
}

static void
print_row(const weir_options *options, const weir_option_info *info, bool json, bool first)
{
    const char *value = weir_options_text(options, info->key);
    const char *origin = weir_options_origin(options, info->key);
    if (!json) {
        printf("%-66s %-28s %s\n", info->key, value != NULL ? value : "-", origin);
        return;
    }
    fputs(first ? "{\"key\":" : ",\n{\"key\":", stdout);
    cli_print_json_text(stdout, info->key);
    fputs(",\"value\":", stdout);
    if (value != NULL) {
        cli_print_json_text(stdout, value);
    } else {
        fputs("null", stdout);
    }
    fputs(",\"origin\":", stdout);
    cli_print_json_text(stdout, origin);
    fputc('}', stdout);
}

static void
print_table(const weir_options *options, const struct wishes *wishes)
{
    bool first = true;
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = weir_option_at(i);
        if (info->supported && (!wishes->set_only || weir_options_is_set(options, info->key))) {
            print_row(options, info, wishes->json, first);
            first = false;
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
parse(int argc, char **argv, struct wishes *wishes)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "set", no_argument, NULL, 's' },
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    optind = 1;
    for (int option; (option = getopt_long_only(argc, argv, "D:o:h", known, NULL)) != -1;) {
        if (option == 'h') {
            print_help(stdout);
            return CLI_OK;
        }
        if (option == 'c') {
            wishes->config = optarg;
        } else if (option == 's') {
            wishes->set_only = true;
        } else if (option == 'D' && wishes->assignment_count < CLI_ASSIGNMENTS_MAX) {
            wishes->assignments[wishes->assignment_count++] = optarg;
        } else if (option == 'o' && (strcmp(optarg, "json") == 0 || strcmp(optarg, "table") == 0)) {
            wishes->json = optarg[0] == 'j';
        } else {
            cli_say('e', "see weir config --help");
            return CLI_USAGE;
        }
    }
    return -1;
}

int
cli_config(int argc, char **argv)
{
    struct wishes wishes = { 0 };
    int code = parse(argc, argv, &wishes);
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
        code = find_keys(argv + optind, argc - optind, infos);
    }
    if (code == CLI_OK) {
        fputs(wishes.json ? "[" : "", stdout);
        for (int i = 0; i < argc - optind; i++) {
            print_row(options, infos[i], wishes.json, i == 0);
        }
        if (optind == argc) {
            print_table(options, &wishes);
        }
        fputs(wishes.json ? "]\n" : "", stdout);
    }
    weir_options_destroy(options);
    return code;
}

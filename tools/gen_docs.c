/* SPDX-License-Identifier: Apache-2.0 */
/* gen_docs: writes docs/reference/options.md and errors.md from the tables the library itself uses.
 * tools/check_docs compares them with what is committed. */
#include "weir/options.h"
#include "weir/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Text in a table's cell: '|' separates cells there. */
static void
print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputs("\\|", stdout);
        } else {
            putchar(*text);
        }
    }
}

/* "a|b" as `a`, `b`. */
static void
print_words(const char *words)
{
    while (*words != '\0') {
        size_t size = strcspn(words, "|");
        printf("`%.*s`", (int)size, words);
        words += size;
        if (*words == '|') {
            fputs(", ", stdout);
            words++;
        }
    }
}

static const char *
type_name(weir_option_type type)
{
    switch (type) {
    case WEIR_OPTION_TEXT:
        return "text";
    case WEIR_OPTION_BOOL:
        return "true or false";
    case WEIR_OPTION_INT:
        return "integer";
    case WEIR_OPTION_FLOAT:
        return "number";
    case WEIR_OPTION_DURATION:
        return "duration";
    case WEIR_OPTION_BYTES:
        return "size";
    case WEIR_OPTION_CHOICE:
        return "one of";
    default:
        return "";
    }
}

static void
print_limits(const weir_option_info *option)
{
    const char *unit = "";
    switch (option->type) {
    case WEIR_OPTION_CHOICE:
        putchar(' ');
        print_words(option->choices);
        return;
    case WEIR_OPTION_DURATION:
        unit = " ms";
        break;
    case WEIR_OPTION_BYTES:
        unit = " bytes";
        break;
    case WEIR_OPTION_INT:
    case WEIR_OPTION_FLOAT:
        break;
    case WEIR_OPTION_TEXT:
    case WEIR_OPTION_BOOL:
    default:
        return;
    }
    if (option->maximum >= INT64_MAX - 1) {
        printf(", at least %" PRId64 "%s", option->minimum, unit);
    } else {
        printf(", %" PRId64 " to %" PRId64 "%s", option->minimum, option->maximum, unit);
    }
}

static void
print_supported(const weir_option_info *option)
{
    printf("| `%s` | %s", option->key, type_name(option->type));
    print_limits(option);
    fputs(" | ", stdout);
    if (option->default_text != NULL) {
        printf("`%s`", option->default_text);
    }
    fputs(" | ", stdout);
    print_cell(option->text);
    if (option->old_keys[0] != '\0') {
        fputs(" Also: ", stdout);
        print_words(option->old_keys);
        putchar('.');
    }
    fputs(" |\n", stdout);
}

static void
print_options(void)
{
    fputs("# Options\n\n"
          "Generated from `src/base/options_table.h` by `make docs`; do not edit. Keys are "
          "Flink's; weir's own\n"
          "begin with `weir.`. Set them with `-D key=value`, in the config file, or with "
          "`weir_options_set`.\n\n"
          "| key | value | default | what it does |\n|---|---|---|---|\n",
          stdout);
    for (size_t i = 0; i < weir_option_count(); i++) {
        if (weir_option_at(i)->supported) {
            print_supported(weir_option_at(i));
        }
    }
    fputs("\n## Known from Flink, not to be had\n\n"
          "Setting one of these is refused by name (WEIR_UNSUPPORTED).\n\n",
          stdout);
    for (size_t i = 0; i < weir_option_count(); i++) {
        if (!weir_option_at(i)->supported) {
            printf("- `%s`\n", weir_option_at(i)->key);
        }
    }
}

static void
print_errors(void)
{
    fputs("# Statuses\n\n"
          "Generated from `include/weir/status.h` by `make docs`; do not edit. Every call that can "
          "fail answers\n"
          "one of these; each says what the caller does next.\n\n"
          "| status | number | meaning | what next |\n|---|---|---|---|\n",
          stdout);
#define PRINT_STATUS(name, number, meaning, next) \
    printf("| `WEIR_%s` | %d | %s | %s |\n", #name, number, meaning, next);
    WEIR_STATUS_MAP(PRINT_STATUS)
#undef PRINT_STATUS
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "options") == 0) {
        print_options();
    } else if (argc == 2 && strcmp(argv[1], "errors") == 0) {
        print_errors();
    } else {
        fputs("usage: gen_docs options|errors\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

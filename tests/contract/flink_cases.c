/* SPDX-License-Identifier: Apache-2.0 */
/* flink_cases: holds the table against the suite. A row without a case of ours and without a
 * reason, one that names a case that is not there, and a double row are failures. What is tested by
 * a test of another suite is named by its file, which must be there. */
#include "contract/flink_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ROWS_MIN = 90, /* fewer: rows were lost */
    ROWS_MAX = 1024,
    LINE_MOST = 512
};

struct table {
    char names[ROWS_MAX][160];
    size_t rows;
    size_t covered;   /* by a case of this suite */
    size_t elsewhere; /* by a test in another file */
    size_t reasons;
    size_t bad;
};

static char *
trimmed(char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    size_t size = strlen(text);
    while (size != 0 && strchr(" \t\n", text[size - 1]) != NULL) {
        text[--size] = 0;
    }
    return text;
}

/* "tests/unit/state/operator_state_test.c:name_of_a_test" */
static bool
is_test_elsewhere(const char *place)
{
    char path[LINE_MOST + sizeof WEIR_SOURCE_DIR];
    const char *colon = strchr(place, ':');
    if (colon == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/%.*s", WEIR_SOURCE_DIR, (int)(colon - place), place);
    FILE *file = fopen(path, "r");
    char line[LINE_MOST];
    bool is_there = false;
    while (file != NULL && !is_there && fgets(line, sizeof line, file) != NULL) {
        char *open = strchr(line, '(');
        char *close = strchr(line, ')');
        if (strncmp(line, "TEST", 4) == 0 && open != NULL && close != NULL) {
            *close = 0;
            is_there = strcmp(open + 1, colon + 1) == 0;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_there;
}

static void
look_at_row(struct table *table, const char *flink, const char *ours, const char *reason,
            unsigned line)
{
    const char *wrong = NULL;
    for (size_t i = 0; i < table->rows; i++) {
        wrong = strcmp(table->names[i], flink) == 0 ? "stands twice" : wrong;
    }
    if (table->rows < ROWS_MAX) {
        snprintf(table->names[table->rows++], sizeof table->names[0], "%s", flink);
    }
    if (strchr(flink, '.') == NULL) {
        wrong = "is no Class.case";
    } else if (ours[0] == 0 && reason[0] == 0) {
        wrong = "has neither a case of ours nor a reason";
    } else if (strchr(ours, '/') != NULL) {
        wrong = is_test_elsewhere(ours) ? wrong : "names a test that is not there";
        table->elsewhere++;
    } else if (ours[0] != 0) {
        wrong = contract_has_case(ours) ? wrong : "names a case that is not there";
        table->covered++;
    } else {
        table->reasons++;
    }
    if (wrong != NULL) {
        fprintf(stderr, "line %u: %s %s\n", line, flink, wrong);
        table->bad++;
    }
}

int
flink_cases_check(const char *path)
{
    static struct table table;
    FILE *file = fopen(path, "r");
    char line[LINE_MOST];
    unsigned line_number = 0;
    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        return 2;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line_number++;
        if (line[0] == '#' || trimmed(line)[0] == 0) {
            continue;
        }
        char *first = strchr(line, '|');
        char *second = first != NULL ? strchr(first + 1, '|') : NULL;
        if (second == NULL) {
            fprintf(stderr, "line %u: not of three columns\n", line_number);
            table.bad++;
            continue;
        }
        *first = *second = 0;
        look_at_row(&table, trimmed(line), trimmed(first + 1), trimmed(second + 1), line_number);
    }
    fclose(file);
    printf(
        "Flink's cases %zu: in this suite %zu, in other tests %zu, with a reason %zu, wrong %zu\n",
        table.rows, table.covered, table.elsewhere, table.reasons, table.bad);
    return table.bad == 0 && table.rows >= ROWS_MIN ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of OpenMetrics, and what a name may do to them: nothing. */
#include "serve/metrics_text.h"

#include "support/test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
expect(struct wr_metrics_text *text, const char *wanted)
{
    assert_false(text->refused);
    assert_int_equal(text->size, strlen(wanted));
    assert_memory_equal(text->text, wanted, text->size);
    free(text->text);
    *text = (struct wr_metrics_text){ .text = NULL };
}

TEST(a_family_has_its_type_its_unit_and_its_help)
{
    struct wr_metrics_text text = { .text = NULL };
    wr_metrics_family(&text, "weir_x_seconds", "gauge", "seconds", "Say \"x\".");
    expect(&text, "# TYPE weir_x_seconds gauge\n# UNIT weir_x_seconds seconds\n"
                  "# HELP weir_x_seconds Say \\\"x\\\".\n");
    wr_metrics_family(&text, "weir_x", "counter", "", "x");
    expect(&text, "# TYPE weir_x counter\n# HELP weir_x x\n");
    wr_metrics_end(&text);
    expect(&text, "# EOF\n");
}

TEST(labels_are_escaped_and_never_end_their_line)
{
    static const char *const values[][2] = {
        { "plain", "plain" },
        { "", "" },
        { "a\"b", "a\\\"b" },
        { "a\\b", "a\\\\b" },
        { "a\nb 1\n# EOF\n", "a\\nb 1\\n# EOF\\n" },
        { "\\n", "\\\\n" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "bad\xff\xc3)", "bad?\?)" },
        { "a}", "a}" },
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct wr_metrics_text text = { .text = NULL };
        struct wr_labels none = { .count = 0 };
        struct wr_labels labels = wr_labels_with(&none, "job", values[i][0]);
        labels = wr_labels_with(&labels, "subtask", "0");
        char wanted[256];
        snprintf(wanted, sizeof wanted, "weir_x_total{job=\"%s\",subtask=\"0\"} 7\n", values[i][1]);
        wr_metrics_count(&text, "weir_x", "_total", &labels, 7);
        expect(&text, wanted);
    }
}

TEST(values_are_written_as_the_format_wants_them)
{
    struct wr_metrics_text text = { .text = NULL };
    struct wr_labels none = { .count = 0 };
    wr_metrics_count(&text, "x", "", &none, UINT64_MAX);
    wr_metrics_value(&text, "x", "", &none, 1795291287.744);
    wr_metrics_value(&text, "x", "", &none, 0.001);
    wr_metrics_value(&text, "x", "", &none, (double)INFINITY);
    wr_metrics_value(&text, "x", "", &none, -(double)INFINITY);
    expect(&text, "x 18446744073709551615\nx 1795291287.744\nx 0.001\nx +Inf\nx -Inf\n");
}

TEST(labels_beyond_the_limit_are_left_out)
{
    struct wr_labels labels = { .count = 0 };
    for (int i = 0; i < WR_LABELS_MAX + 1; i++) {
        labels = wr_labels_with(&labels, "x", "y");
    }
    assert_int_equal(labels.count, WR_LABELS_MAX);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* serve/metrics_text.h: text in the OpenMetrics 1.0 exposition format.
 *
 *   family, its samples, family, its samples ... end
 *
 * Who writes sees to the order: all samples of a family behind it, those of one label set together.
 * Thread: server.
 */
#ifndef WR_SERVE_METRICS_TEXT_H
#define WR_SERVE_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WR_METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum {
    WR_LABELS_MAX = 8
};

struct wr_metrics_text {
    char *text; /* malloc'ed; the owner frees it */
    size_t size;
    size_t room;
    bool refused; /* there was no memory: what follows is dropped */
};

struct wr_label {
    const char *name;
    const char *value; /* any bytes: what is not UTF-8 becomes '?' */
};

/* Those of one sample. Names and values lent as long as it is used. */
struct wr_labels {
    struct wr_label all[WR_LABELS_MAX];
    size_t count;
};

struct wr_labels wr_labels_with(const struct wr_labels *labels, const char *name,
                                const char *value);

/* unit "": none; else the name ends in it. */
void wr_metrics_family(struct wr_metrics_text *text, const char *name, const char *type,
                       const char *unit, const char *help);
/* `suffix` follows the family's name: "_total", "_info", "". */
void wr_metrics_count(struct wr_metrics_text *text, const char *name, const char *suffix,
                      const struct wr_labels *labels, uint64_t value);
void wr_metrics_value(struct wr_metrics_text *text, const char *name, const char *suffix,
                      const struct wr_labels *labels, double value);
void wr_metrics_end(struct wr_metrics_text *text);

#endif /* WR_SERVE_METRICS_TEXT_H */

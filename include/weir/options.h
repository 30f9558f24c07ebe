/* SPDX-License-Identifier: Apache-2.0 */
/* weir/options.h: configuration, Flink's keys in their old and new spellings. For embedders and the
 * CLI.
 *
 * One table (src/base/options_table.h) holds every key: parsing, `weir config`, the man page and
 * docs/reference/options.md come from it. A value set later wins over one set earlier at the same
 * level; a higher level always wins over a lower one.
 * Thread: an options object belongs to one thread until the job is created, then it is read-only.
 */
#ifndef WEIR_OPTIONS_H
#define WEIR_OPTIONS_H

#include "weir/alloc.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_options weir_options;

/* Who set a value; later ones win. */
typedef enum weir_options_level {
    WEIR_LEVEL_DEFAULT = 0,
    WEIR_LEVEL_FILE = 1,        /* cluster configuration: the config file */
    WEIR_LEVEL_ENVIRONMENT = 2, /* WEIR_* variables */
    WEIR_LEVEL_JOB = 3,         /* the job's code */
    WEIR_LEVEL_COMMAND = 4      /* -D and other options of the command line */
} weir_options_level;

weir_status weir_options_create(const weir_alloc *alloc, weir_options **out_options);
void weir_options_destroy(weir_options *options);
weir_status weir_options_copy(const weir_options *options, weir_options **out_options);

/* Sets a key, in any spelling, from text: "10 min", "64 mb", "true". `origin` (copied, may be NULL)
 * is said in errors and by `weir config`, for example "weir.yaml:3:5" or "-D". An empty value
 * unsets. WEIR_INVALID: unknown key (with the nearest known one) or a value that does not parse or
 * is out of limits. WEIR_UNSUPPORTED: a key of Flink's that weir knows of but does not have. */
weir_status weir_options_set(weir_options *options, const char *key, const char *value,
                             weir_options_level level, const char *origin, weir_error *err);

/* Values as parsed, or the default. The key must be one of the table, in its current spelling, and
 * of that type. Text is lent until the next set; NULL where neither set nor defaulted. */
const char *weir_options_text(const weir_options *options, const char *key);
bool weir_options_bool(const weir_options *options, const char *key);
int64_t weir_options_int(const weir_options *options, const char *key);
double weir_options_float(const weir_options *options, const char *key);
uint64_t weir_options_duration_ms(const weir_options *options, const char *key);
uint64_t weir_options_bytes(const weir_options *options, const char *key);
bool weir_options_is_set(const weir_options *options,
                         const char *key); /* at any level but DEFAULT */
const char *weir_options_origin(const weir_options *options,
                                const char *key); /* "default" if unset */

typedef enum weir_option_type {
    WEIR_OPTION_TEXT,
    WEIR_OPTION_BOOL,
    WEIR_OPTION_INT,
    WEIR_OPTION_FLOAT,
    WEIR_OPTION_DURATION,
    WEIR_OPTION_BYTES,
    WEIR_OPTION_CHOICE
} weir_option_type;

/* One row of the table; all text static. */
typedef struct weir_option_info {
    const char *key;
    weir_option_type type;
    const char *default_text; /* NULL: none */
    const char *choices;      /* CHOICE: separated by '|' */
    const char *old_keys;     /* separated by '|', or "" */
    const char *text;         /* what it does, one or two sentences */
    bool supported;           /* false: known from Flink, not to be had */
    int64_t minimum;          /* INT, FLOAT; DURATION in ms; BYTES. Both limits may be reached */
    int64_t maximum;
} weir_option_info;

size_t weir_option_count(void);
const weir_option_info *weir_option_at(size_t index); /* in the table's order */
/* Looks a key up in any spelling; NULL: unknown. */
const weir_option_info *weir_option_find(const char *key);
/* The nearest known key by edit distance, for "did you mean"; NULL: none is near. */
const char *weir_option_nearest(const char *key);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_OPTIONS_H */

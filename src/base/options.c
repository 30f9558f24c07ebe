/* SPDX-License-Identifier: Apache-2.0 */
/* options: who set what. One entry for each (key, level) that was set; a look-up takes the entry of
 * the highest level. An unset ("key=") is an entry too, so that the command line can take back what
 * the file says; it then reads as the default.
 *
 * Invariants:
 *   (1) At most one entry a key and level; its text has been parsed and is within the row's limits.
 *   (2) A set that fails changes nothing: all is allocated before the first entry is touched.
 */
#include "weir/options.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/option_value.h"

#include <string.h>

struct entry {
    const weir_option_info *info;
    weir_options_level level;
    char *text;   /* owned; NULL: unset. A choice stands in its canonical form */
    char *origin; /* owned */
    struct wr_option_value value;
};

struct weir_options {
    weir_alloc alloc;
    struct entry *entries;
    size_t count;
    size_t capacity;
};

enum {
    FIRST_ENTRIES = 16
};

weir_status
weir_options_create(const weir_alloc *alloc, weir_options **out_options)
{
    if (out_options == NULL) {
        return WEIR_INVALID;
    }
    weir_alloc from = alloc != NULL ? *alloc : wr_memory_system();
    weir_options *options = wr_memory_new(&from, sizeof *options);
    if (options == NULL) {
        return WEIR_NOMEM;
    }
    options->alloc = from;
    *out_options = options;
    return WEIR_OK;
}

static void
free_text(const weir_alloc *alloc, char *text)
{
    if (text != NULL) {
        wr_memory_free(alloc, text, strlen(text) + 1);
    }
}

static void
entry_fini(const weir_alloc *alloc, struct entry *entry)
{
    free_text(alloc, entry->text);
    free_text(alloc, entry->origin);
}

void
weir_options_destroy(weir_options *options)
{
    if (options == NULL) {
        return;
    }
    weir_alloc alloc = options->alloc;
    for (size_t i = 0; i < options->count; i++) {
        entry_fini(&alloc, &options->entries[i]);
    }
    wr_memory_free(&alloc, options->entries, options->capacity * sizeof *options->entries);
    wr_memory_free(&alloc, options, sizeof *options);
}

/* Room for one more entry. */
static weir_status
reserve(weir_options *options)
{
    if (options->count < options->capacity) {
        return WEIR_OK;
    }
    size_t capacity = options->capacity != 0 ? options->capacity * 2 : FIRST_ENTRIES;
    struct entry *entries =
        wr_memory_resize(&options->alloc, options->entries, options->capacity * sizeof *entries,
                         capacity * sizeof *entries);
    if (entries == NULL) {
        return WEIR_NOMEM;
    }
    options->entries = entries;
    options->capacity = capacity;
    return WEIR_OK;
}

/* Puts an entry in, over the one of the same key and level; its texts are copied. */
static weir_status
put_entry(weir_options *options, struct entry entry, const char *text, const char *origin)
{
    WR_TRY(reserve(options));
    entry.origin = wr_memory_copy_text(&options->alloc, origin);
    entry.text = text != NULL ? wr_memory_copy_text(&options->alloc, text) : NULL;
    if (entry.origin == NULL || (text != NULL && entry.text == NULL)) {
        entry_fini(&options->alloc, &entry);
        return WEIR_NOMEM;
    }
    for (size_t i = 0; i < options->count; i++) {
        struct entry *there = &options->entries[i];
        if (there->info == entry.info && there->level == entry.level) {
            entry_fini(&options->alloc, there);
            *there = entry;
            return WEIR_OK;
        }
    }
    options->entries[options->count++] = entry;
    return WEIR_OK;
}

weir_status
weir_options_copy(const weir_options *options, weir_options **out_options)
{
    if (options == NULL || out_options == NULL) {
        return WEIR_INVALID;
    }
    weir_options *copy = NULL;
    WR_TRY(weir_options_create(&options->alloc, &copy));
    for (size_t i = 0; i < options->count; i++) {
        const struct entry *entry = &options->entries[i];
        weir_status status = put_entry(copy, *entry, entry->text, entry->origin);
        if (status != WEIR_OK) {
            weir_options_destroy(copy);
            return status;
        }
    }
    *out_options = copy;
    return WEIR_OK;
}

static weir_status
fail_unknown_key(weir_error *err, const char *where, const char *key)
{
    const char *colon = where[0] != '\0' ? ": " : "";
    const char *nearest = weir_option_nearest(key);
    if (nearest != NULL) {
        return wr_fail(err, WEIR_INVALID, "%s%sunknown key '%s'; did you mean '%s'?", where, colon,
                       key, nearest);
    }
    return wr_fail(err, WEIR_INVALID,
                   "%s%sunknown key '%s'; docs/reference/options.md lists them all", where, colon,
                   key);
}

enum {
    WORD_SIZE = 128
};

/* The text as it is kept: a choice as the table spells it (in `word`), all else as given. */
static const char *
canonical(const weir_option_info *info, const struct wr_option_value *value, const char *text,
          char word[WORD_SIZE])
{
    if (info->type == WEIR_OPTION_BOOL) {
        return value->number != 0 ? "true" : "false";
    }
    if (info->type != WEIR_OPTION_CHOICE) {
        return text;
    }
    size_t size = 0;
    const char *choice = wr_option_part(info->choices, (size_t)value->number, &size);
    wr_assert(choice != NULL && size < WORD_SIZE);
    memcpy(word, choice, size);
    word[size] = '\0';
    return word;
}

/* One row's value; `key` is the spelling that was used. */
static weir_status
set_row(weir_options *options, struct entry entry, const char *key, const char *value,
        const char *origin, weir_error *err)
{
    const char *where = origin != NULL ? origin : "";
    const char *colon = where[0] != '\0' ? ": " : "";
    if (!entry.info->supported) {
        return wr_fail(err, WEIR_UNSUPPORTED,
                       "%s%skey '%s' is known from Flink, but weir does not have it; remove it",
                       where, colon, key);
    }
    const char *text = NULL;
    char word[WORD_SIZE];
    if (value[0] != '\0') {
        char why[WR_OPTION_WHY_SIZE];
        weir_status status = wr_option_parse(entry.info, value, &entry.value, why);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "%s%s'%s' is no value for '%s': %s", where, colon, value,
                           key, why);
        }
        text = canonical(entry.info, &entry.value, value, word);
    }
    weir_status status = put_entry(options, entry, text, origin != NULL ? origin : "code");
    if (status != WEIR_OK) {
        return wr_fail(err, status, "%s%sno memory for the value of '%s'", where, colon, key);
    }
    return WEIR_OK;
}

weir_status
weir_options_set(weir_options *options, const char *key, const char *value,
                 weir_options_level level, const char *origin, weir_error *err)
{
    if (options == NULL || key == NULL || value == NULL || level <= WEIR_LEVEL_DEFAULT ||
        level > WEIR_LEVEL_COMMAND) {
        return wr_fail(err, WEIR_INVALID, "weir_options_set: options, key, value or level missing");
    }
    struct entry entry = { .info = weir_option_find(key), .level = level };
    if (entry.info == NULL) {
        return fail_unknown_key(err, origin != NULL ? origin : "", key);
    }
    while (entry.info != NULL) { /* an old key may have become several */
        WR_TRY(set_row(options, entry, key, value, origin, err));
        entry.info = wr_option_sharing(entry.info, key);
    }
    return WEIR_OK;
}

/* The entry that counts for a row: the highest level's, if that is not an unset. */
static const struct entry *
find_entry(const weir_options *options, const weir_option_info *info)
{
    const struct entry *best = NULL;
    for (size_t i = 0; i < options->count; i++) {
        const struct entry *entry = &options->entries[i];
        if (entry->info == info && (best == NULL || entry->level > best->level)) {
            best = entry;
        }
    }
    return best != NULL && best->text != NULL ? best : NULL;
}

/* The value of a key that must be of a type; zeros where it is neither set nor defaulted. */
static struct wr_option_value
get(const weir_options *options, const char *key, weir_option_type type)
{
    struct wr_option_value value = { 0 };
    const weir_option_info *info = weir_option_find(key);
    wr_slow_assert(info != NULL && info->type == type);
    if (options == NULL || info == NULL || info->type != type) {
        return value;
    }
    const struct entry *entry = find_entry(options, info);
    if (entry != NULL) {
        return entry->value;
    }
    char why[WR_OPTION_WHY_SIZE];
    if (info->default_text != NULL) {
        weir_status status = wr_option_parse(info, info->default_text, &value, why);
        wr_assert(status == WEIR_OK);
    }
    return value;
}

const char *
weir_options_text(const weir_options *options, const char *key)
{
    const weir_option_info *info = weir_option_find(key);
    wr_slow_assert(info != NULL);
    if (options == NULL || info == NULL) {
        return NULL;
    }
    const struct entry *entry = find_entry(options, info);
    return entry != NULL ? entry->text : info->default_text;
}

bool
weir_options_bool(const weir_options *options, const char *key)
{
    return get(options, key, WEIR_OPTION_BOOL).number != 0;
}

int64_t
weir_options_int(const weir_options *options, const char *key)
{
    return get(options, key, WEIR_OPTION_INT).number;
}

double
weir_options_float(const weir_options *options, const char *key)
{
    return get(options, key, WEIR_OPTION_FLOAT).real;
}

uint64_t
weir_options_duration_ms(const weir_options *options, const char *key)
{
    return (uint64_t)get(options, key, WEIR_OPTION_DURATION).number;
}

uint64_t
weir_options_bytes(const weir_options *options, const char *key)
{
    return (uint64_t)get(options, key, WEIR_OPTION_BYTES).number;
}

bool
weir_options_is_set(const weir_options *options, const char *key)
{
    const weir_option_info *info = weir_option_find(key);
    return options != NULL && info != NULL && find_entry(options, info) != NULL;
}

const char *
weir_options_origin(const weir_options *options, const char *key)
{
    const weir_option_info *info = weir_option_find(key);
    const struct entry *entry = options != NULL && info != NULL ? find_entry(options, info) : NULL;
    return entry != NULL ? entry->origin : "default";
}

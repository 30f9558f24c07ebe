/* SPDX-License-Identifier: Apache-2.0 */
/* option_keys: finds rows of the options table by key, in any spelling, and the nearest one to a
 * key that is none. A row whose key ends in ".*" stands for a family of Flink's that weir has
 * nothing of; it answers for every key below it, after all rows that are named in full.
 */
#include "base/option_value.h"
#include "base/options_table.h"

#include <string.h>

enum {
    KEY_MAX = 127,
    FAMILY_MARK = 1 /* the '*' */
};

size_t
weir_option_count(void)
{
    return sizeof options_table / sizeof options_table[0];
}

const weir_option_info *
weir_option_at(size_t index)
{
    return index < weir_option_count() ? &options_table[index] : NULL;
}

static bool
is_family(const weir_option_info *info)
{
    return info->key[strlen(info->key) - 1] == '*';
}

static bool
is_old_key(const weir_option_info *info, const char *key)
{
    size_t size = 0;
    const char *part;
    for (size_t i = 0; (part = wr_option_part(info->old_keys, i, &size)) != NULL; i++) {
        if (size == strlen(key) && memcmp(part, key, size) == 0) {
            return true;
        }
    }
    return false;
}

const weir_option_info *
weir_option_find(const char *key)
{
    if (key == NULL) {
        return NULL;
    }
    const weir_option_info *family = NULL;
    const weir_option_info *old = NULL;
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = &options_table[i];
        if (strcmp(info->key, key) == 0) {
            return info;
        }
        if (old == NULL && is_old_key(info, key)) {
            old = info;
        }
        if (family == NULL && is_family(info) &&
            strncmp(info->key, key, strlen(info->key) - FAMILY_MARK) == 0) {
            family = info;
        }
    }
    return old != NULL ? old : family;
}

const weir_option_info *
wr_option_sharing(const weir_option_info *info, const char *key)
{
    if (strcmp(info->key, key) == 0) {
        return NULL;
    }
    const weir_option_info *end = options_table + weir_option_count();
    do {
        info++;
    } while (info < end && !is_old_key(info, key));
    return info < end ? info : NULL;
}

/* Levenshtein's distance, row by row; more than `limit` is told as limit + 1, and so is every way
 * that leaves the diagonal by more. */
static size_t
distance(const char *one, size_t one_size, const char *two, size_t two_size, size_t limit)
{
    size_t gap = one_size > two_size ? one_size - two_size : two_size - one_size;
    if (gap > limit || two_size > KEY_MAX) {
        return limit + 1;
    }
    size_t row[KEY_MAX + 1] = { 0 };
    for (size_t j = 0; j <= two_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= one_size; i++) {
        size_t from = i > limit ? i - limit : 1;
        size_t to = i + limit < two_size ? i + limit : two_size;
        size_t diagonal = row[from - 1];
        row[from - 1] = from == 1 ? i : limit + 1;
        size_t nearest = row[from - 1];
        for (size_t j = from; j <= to; j++) {
            size_t changed = diagonal + (one[i - 1] != two[j - 1]);
            size_t least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = changed < least + 1 ? changed : least + 1;
            nearest = row[j] < nearest ? row[j] : nearest;
        }
        if (nearest > limit) {
            return limit + 1;
        }
    }
    return row[two_size] <= limit ? row[two_size] : limit + 1;
}

/* The least distance from any spelling of the row. */
static size_t
row_distance(const weir_option_info *info, const char *key, size_t key_size, size_t limit)
{
    size_t best = distance(key, key_size, info->key, strlen(info->key), limit);
    size_t size = 0;
    const char *part;
    for (size_t i = 0; (part = wr_option_part(info->old_keys, i, &size)) != NULL; i++) {
        size_t found = distance(key, key_size, part, size, limit);
        best = found < best ? found : best;
    }
    return best;
}

const char *
weir_option_nearest(const char *key)
{
    size_t key_size = key != NULL ? strlen(key) : 0;
    if (key_size == 0 || key_size > KEY_MAX) {
        return NULL;
    }
    size_t limit = key_size / 4 > 2 ? key_size / 4 : 2;
    const weir_option_info *nearest = NULL;
    size_t best = limit + 1;
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = &options_table[i];
        if (is_family(info)) {
            continue;
        }
        size_t found = row_distance(info, key, key_size, best <= limit ? best : limit);
        /* of two equally near the one that weir has is meant */
        if (found < best || (found == best && found <= limit && nearest != NULL &&
                             info->supported && !nearest->supported)) {
            best = found;
            nearest = info;
        }
    }
    return nearest != NULL ? nearest->key : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* nearest: Levenshtein's distance between names, on the stack. Names are cut at COMPARED_MAX bytes:
 * that is enough to find a typing mistake, and bounds the work for whatever stands in a snapshot.
 */
#include "checkpoint/nearest.h"

#include <string.h>

enum {
    COMPARED_MAX = 64
};

static uint32_t
least(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

static uint32_t
distance(const char *one, const char *other)
{
    size_t one_size = strnlen(one, COMPARED_MAX);
    size_t other_size = strnlen(other, COMPARED_MAX);
    uint32_t row[COMPARED_MAX + 1];
    for (size_t j = 0; j <= other_size; j++) {
        row[j] = (uint32_t)j;
    }
    for (size_t i = 1; i <= one_size; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= other_size; j++) {
            uint32_t replaced = diagonal + (one[i - 1] != other[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[other_size];
}

/* A uid is compared only where both have one: two empty ones are no likeness. */
static uint32_t
operator_distance(const struct wr_assignment_operator *operator_, const char *name, const char *uid)
{
    uint32_t by_name = distance(operator_->name, name);
    if (operator_->uid[0] == '\0' || uid[0] == '\0') {
        return by_name;
    }
    return least(by_name, distance(operator_->uid, uid));
}

size_t
wr_nearest_operators(const struct wr_assignment_operator *operators, size_t operator_count,
                     const char *name, const char *uid, size_t out_index[WR_NEAREST_MAX])
{
    uint32_t distances[WR_NEAREST_MAX] = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < operator_count; i++) {
        uint32_t found = operator_distance(&operators[i], name, uid);
        size_t at = count < WR_NEAREST_MAX ? count++ : WR_NEAREST_MAX;
        for (; at > 0 && distances[at - 1] > found; at--) {
            if (at < WR_NEAREST_MAX) {
                distances[at] = distances[at - 1];
                out_index[at] = out_index[at - 1];
            }
        }
        if (at < WR_NEAREST_MAX) {
            distances[at] = found;
            out_index[at] = i;
        }
    }
    return count;
}

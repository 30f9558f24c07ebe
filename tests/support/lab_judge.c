/* SPDX-License-Identifier: Apache-2.0 */
/* lab_judge: the oracle of the simulated runs: what is committed, looked at file by file.
 *
 *   (1) A committed file, once seen, never changes and never goes. (After a power cut it may be
 *       gone until the job has committed it again, the same.)
 *   (2) Its lines go on where the lines before them ended: lab_judge_sequence, lab_judge_words,
 *       lab_judge_windows.
 *
 * A look costs nothing while no file was moved, and only the new files otherwise: so it can follow
 * every step.
 */
#include "support/lab_judge.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the oracle's life --- */

struct lab_oracle *
lab_oracle_of(struct lab *lab)
{
    if (lab->oracle == NULL) {
        struct lab_oracle *oracle = calloc(1, sizeof *oracle);
        lab->oracle = oracle;
        if (lab->job == LAB_SEQUENCE_SUM || lab->job == LAB_RELAY) {
            oracle->there = calloc(lab->events + 1, 1);
            oracle->last = calloc(lab->keys + 1, sizeof *oracle->last);
        } else if (lab->job == LAB_WINDOWS) {
            lab_expect_windows(lab, oracle);
        } else {
            lab_expect_words(lab, oracle);
        }
    }
    return lab->oracle;
}

void
lab_oracle_free(struct lab *lab)
{
    if (lab->oracle != NULL) {
        free(lab->oracle->lines);
        free(lab->oracle->there);
        free(lab->oracle->last);
        free(lab->oracle->words);
        free(lab->oracle->windows);
        free(lab->oracle);
        lab->oracle = NULL;
    }
}

void
lab_forgive(struct lab *lab)
{
    for (size_t i = 0; i < lab->seen_count; i++) {
        lab->seen[i].is_there = false;
    }
    lab->judged_moves = UINT64_MAX;
}

/* --- lines --- */

/* A number and what ends it; false: there is none. */
static bool
take_number(const char **at, const char *end, char ends_with, int64_t *out)
{
    bool negative = *at < end && **at == '-';
    const char *first = *at += negative;
    int64_t number = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        number = number * 10 + (**at - '0');
        ++*at;
    }
    bool good = *at > first && *at < end && **at == ends_with;
    *at += good;
    *out = negative ? -number : number;
    return good;
}

/* Reads one line, its end included. */
static bool
parse_line(const struct lab *lab, const char *at, const char *end, struct lab_line *out)
{
    memset(out, 0, sizeof *out);
    if (lab->job == LAB_SEQUENCE_SUM || lab->job == LAB_RELAY) {
        return take_number(&at, end, ' ', &out->index) && take_number(&at, end, ' ', &out->key) &&
               take_number(&at, end, '\n', &out->number) && at == end;
    }
    if (lab->job == LAB_WINDOWS) {
        return take_number(&at, end, ' ', &out->key) && take_number(&at, end, ' ', &out->index) &&
               take_number(&at, end, ' ', &out->count) &&
               take_number(&at, end, '\n', &out->number) && at == end;
    }
    const char *comma = memrchr(at, ',', (size_t)(end - at));
    if (*at != '(' || comma == NULL || (size_t)(comma - at) > sizeof out->word) {
        return false;
    }
    memcpy(out->word, at + 1, (size_t)(comma - at) - 1);
    at = comma + 1;
    return take_number(&at, end, ')', &out->number) && at + 1 == end;
}

static bool
parse_file(struct lab *lab, const char *name, const uint8_t *data, size_t size)
{
    struct lab_oracle *oracle = lab_oracle_of(lab);
    const char *at = (const char *)data;
    const char *end = at + size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (oracle->line_count == oracle->line_room) {
            oracle->line_room = oracle->line_room != 0 ? oracle->line_room * 2 : 256;
            oracle->lines = realloc(oracle->lines, oracle->line_room * sizeof *oracle->lines);
        }
        if (line_end == NULL ||
            !parse_line(lab, at, line_end + 1, &oracle->lines[oracle->line_count])) {
            snprintf(lab->words, sizeof lab->words, "committed file %s has a bad line at byte %td",
                     name, at - (const char *)data);
            return false;
        }
        oracle->line_count++;
        at = line_end + 1;
    }
    return true;
}

/* --- files --- */

/* part-<uid>-<checkpoint>-<subtask>-<attempt> */
static uint64_t
checkpoint_of(const char *name)
{
    const char *dash = name + strlen(name);
    for (int i = 0; i < 3; i++) {
        dash = memrchr(name, '-', (size_t)(dash - name));
        if (dash == NULL) {
            return 0;
        }
    }
    return strtoull(dash + 1, NULL, 10);
}

static struct lab_seen *
find_by_name(struct lab *lab, const char *name)
{
    for (size_t i = 0; i < lab->seen_count; i++) {
        if (strcmp(lab->seen[i].name, name) == 0) {
            return &lab->seen[i];
        }
    }
    return NULL;
}

/* A file that stands at no known place: it is new, or has come back after a power cut, or has
 * changed. */
static bool
look_closer(struct lab *lab, const char *name, const struct os_sim_place *place)
{
    size_t size = 0;
    const uint8_t *data = os_sim_place_get(lab->sim, place, &size);
    uint64_t hash = wr_hash64(data, size, 1);
    struct lab_seen *seen = find_by_name(lab, name);
    if (seen != NULL) {
        if (seen->hash != hash || seen->size != size) {
            snprintf(lab->words, sizeof lab->words, "committed file %s has changed", name);
            return false;
        }
        seen->place = *place;
        seen->is_there = true;
        return true;
    }
    if (lab->seen_count == lab->seen_room) {
        lab->seen_room = lab->seen_room != 0 ? lab->seen_room * 2 : 16;
        lab->seen = realloc(lab->seen, lab->seen_room * sizeof *lab->seen);
    }
    seen = &lab->seen[lab->seen_count++];
    snprintf(seen->name, sizeof seen->name, "%s", name);
    seen->hash = hash;
    seen->size = size;
    seen->place = *place;
    seen->is_there = true;
    seen->checkpoint_id = checkpoint_of(name);
    return parse_file(lab, name, data, size);
}

/* Every file in the output directory is known, or becomes so. */
static bool
look_at_output(struct lab *lab)
{
    struct os_sim_place directory = os_sim_place_of(lab->sim, LAB_OUTPUT);
    struct os_sim_place place;
    const char *name;
    size_t at_seen = 0; /* names mostly come in the order they were seen */
    for (size_t i = 0; (name = os_sim_name_at(lab->sim, &directory, i, &place)) != NULL; i++) {
        size_t size;
        if (name[0] == '.' || os_sim_place_get(lab->sim, &place, &size) == NULL) {
            continue;
        }
        size_t at = at_seen;
        while (at < lab->seen_count && memcmp(&lab->seen[at].place, &place, sizeof place) != 0) {
            at++;
        }
        if (at < lab->seen_count && lab->seen[at].is_there) {
            at_seen = at + 1;
        } else if (!look_closer(lab, name, &place)) {
            return false;
        }
    }
    return true;
}

static bool
is_all_there(struct lab *lab, bool complete)
{
    for (size_t i = 0; i < lab->seen_count; i++) {
        const struct lab_seen *seen = &lab->seen[i];
        if (seen->is_there ? !os_sim_place_holds(lab->sim, &seen->place) : complete) {
            snprintf(lab->words, sizeof lab->words, "committed file %s is gone, or has changed",
                     seen->name);
            return false;
        }
    }
    return true;
}

static bool
judge_lines(struct lab *lab, bool complete)
{
    struct lab_oracle *oracle = lab_oracle_of(lab);
    bool good = true;
    if (lab->job == LAB_SEQUENCE_SUM || lab->job == LAB_RELAY) {
        good = lab_judge_sequence(lab, oracle) && (!complete || lab_complete_sequence(lab, oracle));
    } else if (lab->job == LAB_WINDOWS) {
        good = lab_judge_windows(lab, oracle) && (!complete || lab_complete_windows(lab, oracle));
    } else {
        good = lab_judge_words(lab, oracle) && (!complete || lab_complete_words(lab, oracle));
    }
    return good;
}

bool
lab_judge(struct lab *lab, bool complete)
{
    if (lab->words[0] != '\0') {
        return false;
    }
    if (os_sim_power_is_off(lab->sim)) {
        return true; /* nobody can look now */
    }
    uint64_t moves = os_sim_move_count(lab->sim) + 1;
    if (moves == lab->judged_moves && !complete) {
        return true;
    }
    lab->judged_moves = moves;
    lab->is_settled = lab->is_settled || complete;
    return look_at_output(lab) && is_all_there(lab, complete) && judge_lines(lab, complete);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* crash: the states in which a power cut may leave the disk.
 *
 * For each prefix of the log, in order: the prefix whole; then, for each of its changes that no
 * sync in it covers (a victim), that change lost, cut, zeroed, garbage, or seen under both names;
 * then random fates for all victims at once. A state is a small value; only materialize replays the
 * log.
 *
 * A lost change with the last number of a prefix is the prefix before it, hence left out but in the
 * first prefix. Different states may be the same image: os_sim_image_hash tells.
 */
#include "base/hash.h"
#include "support/common_os_sim_inner.h"

#include <stdlib.h>
#include <string.h>

enum {
    CUT_COUNT = 3
};

struct os_sim_crash {
    const struct os_sim *sim;
    struct os_sim_crash_options options;
    size_t prefix;
    enum os_sim_crash_kind kind; /* 0: before the first state */
    size_t victim;
    unsigned variant; /* of SHORT: which cut; of RANDOM: which round */
    struct sim_image
        stem; /* the base and the log's first stem_count, none of them a victim any more */
    size_t stem_count;
    char words[800];
};

size_t
os_sim_crash_prefix(const struct os_sim_crash *crash)
{
    return crash->prefix;
}

enum os_sim_crash_kind
os_sim_crash_kind(const struct os_sim_crash *crash)
{
    return crash->kind;
}

static bool
is_victim(const struct os_sim_crash *crash, size_t number)
{
    const struct sim_record *record = &crash->sim->log[number];
    return record->kind != SIM_RECORD_SYNC && record->durable_at > crash->prefix;
}

/* How much of the write arrived with this cut; 0: it has no such cut. Cuts lie between two sectors.
 */
static size_t
cut_size(const struct sim_record *record, unsigned variant)
{
    uint64_t first = (record->offset / SIM_SECTOR + 1) * SIM_SECTOR;
    uint64_t last =
        record->size == 0 ? 0 : (record->offset + record->size - 1) / SIM_SECTOR * SIM_SECTOR;
    uint64_t sectors = first > last ? 0 : (last - first) / SIM_SECTOR + 1;
    if (variant == 0 && sectors >= 1) {
        return (size_t)(first - record->offset);
    }
    if (variant == 1 && sectors >= 3) {
        return (size_t)(first + sectors / 2 * SIM_SECTOR - record->offset);
    }
    return variant == 2 && sectors >= 2 ? (size_t)(last - record->offset) : 0;
}

/* Whether the state that the fields name is one, and one that was asked for. */
static bool
is_state(const struct os_sim_crash *crash)
{
    if ((crash->options.kinds & crash->kind) == 0) {
        return false;
    }
    if (crash->kind == OS_SIM_CRASH_PREFIX) {
        return true;
    }
    if (crash->kind == OS_SIM_CRASH_RANDOM) {
        for (size_t i = 0; i < crash->prefix; i++) {
            if (is_victim(crash, i)) {
                return true;
            }
        }
        return false;
    }
    const struct sim_record *record = &crash->sim->log[crash->victim];
    bool is_write = record->kind == SIM_RECORD_WRITE;
    switch (crash->kind) {
    case OS_SIM_CRASH_DROP:
        return crash->victim + 1 < crash->prefix || crash->prefix == crash->options.from ||
               (crash->options.kinds & OS_SIM_CRASH_PREFIX) == 0;
    case OS_SIM_CRASH_SHORT:
        return is_write && cut_size(record, crash->variant) > 0;
    case OS_SIM_CRASH_ZEROS:
    case OS_SIM_CRASH_GARBAGE:
        return is_write;
    case OS_SIM_CRASH_BOTH_NAMES: {
        const struct sim_inode *inode = sim_image_at(&crash->sim->image, record->inode);
        bool directory = inode != NULL && inode->kind == WR_OS_DIRECTORY;
        return record->kind == SIM_RECORD_RENAME && record->directory != record->directory_to &&
               !directory;
    }
    case OS_SIM_CRASH_PREFIX:
    case OS_SIM_CRASH_RANDOM:
    case OS_SIM_CRASH_SINGLE:
    case OS_SIM_CRASH_ALL:
    default:
        return false;
    }
}

static void
stem_grow(struct os_sim_crash *crash)
{
    static const struct sim_fate keep = { .kind = SIM_KEEP };
    size_t before = crash->stem_count;
    while (crash->stem_count < crash->prefix && !is_victim(crash, crash->stem_count)) {
        sim_image_apply(&crash->stem, &crash->sim->log[crash->stem_count++], &keep);
    }
    if (crash->stem_count > before) {
        sim_image_collect(&crash->stem);
    }
}

static void
to_victim(struct os_sim_crash *crash, size_t victim)
{
    while (victim < crash->prefix && !is_victim(crash, victim)) {
        victim++;
    }
    crash->victim = victim;
    crash->variant = 0;
    crash->kind = victim < crash->prefix ? OS_SIM_CRASH_DROP : OS_SIM_CRASH_RANDOM;
}

static bool
to_prefix(struct os_sim_crash *crash, size_t prefix)
{
    if (prefix > crash->options.to) {
        return false;
    }
    crash->prefix = prefix;
    crash->victim = 0;
    crash->variant = 0;
    crash->kind = OS_SIM_CRASH_PREFIX;
    stem_grow(crash);
    return true;
}

/* One step in the order of the essay; many steps are no state. False: past the last. */
static bool
step(struct os_sim_crash *crash)
{
    switch (crash->kind) {
    case OS_SIM_CRASH_PREFIX:
        to_victim(crash, 0);
        return true;
    case OS_SIM_CRASH_DROP:
        crash->kind = OS_SIM_CRASH_SHORT;
        return true;
    case OS_SIM_CRASH_SHORT:
        if (++crash->variant == CUT_COUNT) {
            crash->variant = 0;
            crash->kind = OS_SIM_CRASH_ZEROS;
        }
        return true;
    case OS_SIM_CRASH_ZEROS:
        crash->kind = OS_SIM_CRASH_GARBAGE;
        return true;
    case OS_SIM_CRASH_GARBAGE:
        crash->kind = OS_SIM_CRASH_BOTH_NAMES;
        return true;
    case OS_SIM_CRASH_BOTH_NAMES:
        to_victim(crash, crash->victim + 1);
        return true;
    case OS_SIM_CRASH_RANDOM:
        if (++crash->variant < crash->options.random_per_prefix) {
            return true;
        }
        return to_prefix(crash, crash->prefix + 1);
    case OS_SIM_CRASH_SINGLE:
    case OS_SIM_CRASH_ALL:
    default: /* 0: before the first */
        return to_prefix(crash, crash->options.from);
    }
}

struct os_sim_crash *
os_sim_crash_begin(const struct os_sim *sim, const struct os_sim_crash_options *options)
{
    struct os_sim_crash *crash = sim_new(sizeof *crash);
    crash->sim = sim;
    sim_image_copy(&crash->stem, &sim->base);
    if (options != NULL) {
        crash->options = *options;
    }
    struct os_sim_crash_options *o = &crash->options;
    o->to = o->to == 0 || o->to > sim->log_count ? sim->log_count : o->to;
    o->kinds = o->kinds == 0 ? (unsigned)OS_SIM_CRASH_SINGLE : o->kinds;
    o->random_per_prefix = o->random_per_prefix == 0 ? 1 : o->random_per_prefix;
    return crash;
}

bool
os_sim_crash_next(struct os_sim_crash *crash)
{
    while (step(crash)) {
        if (is_state(crash)) {
            return true;
        }
    }
    return false;
}

const char *
os_sim_crash_words(struct os_sim_crash *crash)
{
    char *out = crash->words;
    size_t size = sizeof crash->words;
    char record[700] = "";
    if (crash->victim < crash->prefix) {
        sim_record_words(&crash->sim->log[crash->victim], record, sizeof record);
    }
    switch (crash->kind) {
    case OS_SIM_CRASH_PREFIX:
        snprintf(out, size, "prefix %zu", crash->prefix);
        break;
    case OS_SIM_CRASH_DROP:
        snprintf(out, size, "prefix %zu without %zu (%s)", crash->prefix, crash->victim, record);
        break;
    case OS_SIM_CRASH_SHORT:
        snprintf(out, size, "prefix %zu with %zu (%s) cut after %zu bytes", crash->prefix,
                 crash->victim, record, cut_size(&crash->sim->log[crash->victim], crash->variant));
        break;
    case OS_SIM_CRASH_ZEROS:
    case OS_SIM_CRASH_GARBAGE:
        snprintf(out, size, "prefix %zu with %zu (%s) as %s", crash->prefix, crash->victim, record,
                 crash->kind == OS_SIM_CRASH_ZEROS ? "zeros" : "garbage");
        break;
    case OS_SIM_CRASH_BOTH_NAMES:
        snprintf(out, size, "prefix %zu with both names of %zu (%s)", crash->prefix, crash->victim,
                 record);
        break;
    case OS_SIM_CRASH_RANDOM:
        snprintf(out, size, "prefix %zu, random subset %u of seed %llu", crash->prefix,
                 crash->variant, (unsigned long long)crash->options.seed);
        break;
    case OS_SIM_CRASH_SINGLE:
    case OS_SIM_CRASH_ALL:
    default:
        snprintf(out, size, "no state");
        break;
    }
    return out;
}

static uint64_t
state_seed(const struct os_sim_crash *crash, size_t number)
{
    uint64_t seed = wr_hash64_word(crash->options.seed, crash->sim->config.seed);
    seed = wr_hash64_word(crash->prefix, seed);
    seed = wr_hash64_word((uint64_t)crash->kind << 32 | crash->variant, seed);
    return wr_hash64_word(number, seed);
}

static struct sim_fate
record_fate(const struct os_sim_crash *crash, size_t number)
{
    struct sim_fate fate = { .kind = SIM_KEEP, .seed = state_seed(crash, number) };
    if (crash->kind == OS_SIM_CRASH_RANDOM && is_victim(crash, number)) {
        bool is_write = crash->sim->log[number].kind == SIM_RECORD_WRITE;
        uint64_t choice = fate.seed % (is_write ? 3 : 2);
        fate.kind = choice == 0 ? SIM_KEEP : (choice == 1 ? SIM_DROP : SIM_MIXED);
    } else if (crash->kind == OS_SIM_CRASH_RANDOM || number != crash->victim) {
        return fate;
    } else if (crash->kind == OS_SIM_CRASH_DROP) {
        fate.kind = SIM_DROP;
    } else if (crash->kind == OS_SIM_CRASH_SHORT) {
        fate.kind = SIM_SHORT;
        fate.size = cut_size(&crash->sim->log[number], crash->variant);
    } else if (crash->kind == OS_SIM_CRASH_ZEROS) {
        fate.kind = SIM_ZEROS;
    } else if (crash->kind == OS_SIM_CRASH_GARBAGE) {
        fate.kind = SIM_GARBAGE;
    }
    return fate;
}

struct os_sim *
os_sim_crash_materialize(const struct os_sim_crash *crash)
{
    const struct os_sim *sim = crash->sim;
    struct sim_image image;
    sim_image_copy(&image, &crash->stem);
    for (size_t i = crash->stem_count; i < crash->prefix; i++) {
        struct sim_fate fate = record_fate(crash, i);
        sim_image_apply(&image, &sim->log[i], &fate);
    }
    if (crash->kind == OS_SIM_CRASH_BOTH_NAMES) {
        const struct sim_record *record = &sim->log[crash->victim];
        sim_image_add_copy(&image, record->inode, record->directory, record->name_from);
    }
    sim_image_collect(&image);
    return sim_successor(sim, &image, state_seed(crash, crash->victim));
}

void
os_sim_crash_end(struct os_sim_crash *crash)
{
    sim_image_fini(&crash->stem);
    free(crash);
}

size_t
os_sim_crash_state_count(const struct os_sim *sim, const struct os_sim_crash_options *options)
{
    struct os_sim_crash *crash = os_sim_crash_begin(sim, options);
    size_t count = 0;
    while (os_sim_crash_next(crash)) {
        count++;
    }
    os_sim_crash_end(crash);
    return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gauges: RocksDB's properties, of all column families together. Flink's names are the options'
 * last part; those that are properties of the whole database are taken once. */
#include "state/rocks/gauges.h"

#include "state/rocks/rocks.h"

#define GAUGE(name, is_whole)                                                                   \
    {                                                                                           \
        "state.backend.rocksdb.metrics." name, "rocksdb." name, "state.rocksdb." name, is_whole \
    }

static const struct gauge {
    const char *option;
    const char *property;
    const char *name;
    bool is_whole; /* of the database, not of a family */
} gauges[] = {
    GAUGE("num-immutable-mem-table", false),
    GAUGE("mem-table-flush-pending", false),
    GAUGE("compaction-pending", false),
    GAUGE("background-errors", true),
    GAUGE("cur-size-active-mem-table", false),
    GAUGE("cur-size-all-mem-tables", false),
    GAUGE("size-all-mem-tables", false),
    GAUGE("num-entries-active-mem-table", false),
    GAUGE("num-entries-imm-mem-tables", false),
    GAUGE("num-deletes-active-mem-table", false),
    GAUGE("num-deletes-imm-mem-tables", false),
    GAUGE("estimate-num-keys", false),
    GAUGE("estimate-table-readers-mem", false),
    GAUGE("num-snapshots", true),
    GAUGE("num-live-versions", false),
    GAUGE("estimate-live-data-size", false),
    GAUGE("total-sst-files-size", false),
    GAUGE("live-sst-files-size", false),
    GAUGE("estimate-pending-compaction-bytes", false),
    GAUGE("num-running-compactions", true),
    GAUGE("num-running-flushes", true),
    GAUGE("actual-delayed-write-rate", true),
    GAUGE("is-write-stopped", true),
    GAUGE("block-cache-capacity", true),
    GAUGE("block-cache-usage", true),
    GAUGE("block-cache-pinned-usage", true),
};

size_t
wr_rocks_gauge_count(void)
{
    return sizeof gauges / sizeof gauges[0];
}

const char *
wr_rocks_gauge_option(size_t index)
{
    return gauges[index].option;
}

static uint64_t
value_of(const struct wr_rocks *rocks, const struct gauge *gauge)
{
    uint64_t sum = 0;
    if (rocks->db == NULL) {
        return 0;
    }
    if (gauge->is_whole) {
        return rocksdb_property_int_cf(rocks->db, rocks->default_family, gauge->property, &sum) == 0
                   ? sum
                   : 0;
    }
    for (const struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        uint64_t value = 0;
        if (state->family != NULL &&
            rocksdb_property_int_cf(rocks->db, state->family, gauge->property, &value) == 0) {
            sum += value;
        }
    }
    return sum;
}

size_t
wr_rocks_gauges(const weir_backend *self, const char **out_names, uint64_t *out_values, size_t room)
{
    const struct wr_rocks *rocks = (const struct wr_rocks *)self;
    size_t count = 0;
    for (size_t i = 0; i < wr_rocks_gauge_count() && count < room; i++) {
        if ((rocks->settings.gauges >> i & 1) != 0) {
            out_names[count] = gauges[i].name;
            out_values[count] = value_of(rocks, &gauges[i]);
            count++;
        }
    }
    return count;
}

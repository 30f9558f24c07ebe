/* SPDX-License-Identifier: Apache-2.0 */
/* filter: looks at the time before each value, element or map value that a compaction comes by.
 *
 *     VALUE, REDUCING, AGGREGATING   i64 | value
 *     MAP                            flag | i64 | value, or nothing of a null
 *     LIST                           i64 | element , i64 | element ...
 *
 * A row that cannot be read is kept as it is: who reads it next will say what is wrong with it.
 */
#include "state/rocks/filter.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "state/rocks/row.h"
#include "weir/serializer.h"

/* One compaction's. */
struct filter {
    struct wr_rocks_filter_rule *rule;
    int64_t now_ms;
    uint64_t entries_left; /* until the clock is looked at again */
    struct wr_buffer list;
};

static const char *
name(void *state)
{
    (void)state;
    return "weir.ttl";
}

static bool
is_expired(struct filter *filter, const uint8_t *at, uint64_t ttl_ms)
{
    if (filter->entries_left == 0) {
        struct wr_rocks_filter_rule *rule = filter->rule;
        filter->now_ms = atomic_load_explicit(rule->now_ms, memory_order_relaxed);
        filter->entries_left = atomic_load_explicit(&rule->entries_between, memory_order_relaxed);
    }
    filter->entries_left -= filter->entries_left > 0 ? 1 : 0;
    int64_t written_ms = (int64_t)wr_rocks_get_u64(at);
    int64_t end_ms;
    if (__builtin_add_overflow(written_ms, (int64_t)ttl_ms, &end_ms)) {
        return false;
    }
    return end_ms <= filter->now_ms;
}

/* Copies the elements that live. True: the list is another than before. */
static bool
filter_list(struct filter *filter, const uint8_t *at, size_t size, uint64_t ttl_ms)
{
    wr_buffer_clear(&filter->list);
    bool is_shorter = false;
    for (size_t i = 0; i < size;) {
        size_t taken = 0;
        if (size - i < WR_ROCKS_TIME_SIZE ||
            weir_type_serialized_next(
                filter->rule->type,
                weir_bytes_of(at + i + WR_ROCKS_TIME_SIZE, size - i - WR_ROCKS_TIME_SIZE), &taken,
                NULL) != WEIR_OK) {
            return false;
        }
        taken += WR_ROCKS_TIME_SIZE;
        if (is_expired(filter, at + i, ttl_ms)) {
            is_shorter = true;
        } else {
            if (filter->list.size != 0) {
                wr_buffer_put_u8(&filter->list, WR_ROCKS_SEPARATOR);
            }
            wr_buffer_put(&filter->list, at + i, taken);
        }
        i += taken + 1;
    }
    return is_shorter && wr_buffer_status(&filter->list) == WEIR_OK;
}

static unsigned char
/* NOLINTNEXTLINE(readability-function-size): as many parameters as the library gives */
filter_row(void *state, int level, const char *key, size_t key_size, const char *value,
           size_t value_size, char **out_value, size_t *out_size, unsigned char *out_changed)
{
    (void)level;
    (void)key;
    (void)key_size;
    struct filter *filter = state;
    if (filter == NULL) {
        return 0;
    }
    /* Pairs with wr_rocks_create_state: the rows have had timestamps since before. */
    uint64_t ttl_ms = atomic_load_explicit(&filter->rule->ttl_ms, memory_order_acquire);
    const uint8_t *at = (const uint8_t *)value;
    if (ttl_ms == 0) {
        return 0;
    }
    if (filter->rule->kind == WEIR_STATE_LIST) {
        if (!filter_list(filter, at, value_size, ttl_ms)) {
            return 0;
        }
        *out_value = (char *)filter->list.data;
        *out_size = filter->list.size;
        *out_changed = filter->list.size != 0;
        return filter->list.size == 0;
    }
    size_t flag = filter->rule->kind == WEIR_STATE_MAP ? 1 : 0;
    if (value_size < flag + WR_ROCKS_TIME_SIZE) {
        return 0;
    }
    return is_expired(filter, at + flag, ttl_ms);
}

static void
destroy_filter(void *state)
{
    struct filter *filter = state;
    if (filter != NULL) {
        weir_alloc alloc = wr_memory_system();
        wr_buffer_fini(&filter->list);
        wr_memory_free(&alloc, filter, sizeof *filter);
    }
}

/* Without memory for its state the filter keeps everything this time. */
static rocksdb_compactionfilter_t *
create_filter(void *state, rocksdb_compactionfiltercontext_t *context)
{
    (void)context;
    weir_alloc alloc = wr_memory_system();
    struct filter *filter = wr_memory_new(&alloc, sizeof *filter);
    if (filter != NULL) {
        filter->rule = state;
        wr_buffer_init(&filter->list, &alloc);
    }
    return rocksdb_compactionfilter_create(filter, destroy_filter, filter_row, name);
}

static void
keep_rule(void *state)
{
    (void)state; /* the state's own */
}

rocksdb_compactionfilterfactory_t *
wr_rocks_filter_factory(struct wr_rocks_filter_rule *rule)
{
    return rocksdb_compactionfilterfactory_create(rule, keep_rule, create_filter, name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* merge: joins operands by commas, with what RocksDB's own "stringappendtest" gives, whose name it
 * bears: a database that Flink wrote opens here, and ours there.
 *
 * Its memory is the process's, as all of the library's is: a refusal in a compaction would end the
 * database. */
#include "state/rocks/merge.h"

#include "base/memory.h"
#include "state/rocks/row.h"

#include <string.h>

static const char *
name(void *state)
{
    (void)state;
    return "StringAppendTESTOperator";
}

static void
keep_big(void *state)
{
    (void)state; /* the state's own */
}

static char *
join(struct wr_rocks_big *big, weir_bytes row, weir_bytes first, const char *const *operands,
     const size_t *sizes, int count, size_t *out_size)
{
    bool has_first = first.data != NULL;
    size_t size = first.size;
    for (int i = 0; i < count; i++) {
        size += sizes[i] + (i > 0 || has_first ? 1 : 0);
    }
    weir_alloc alloc = wr_memory_system();
    char *joined = wr_memory_resize(&alloc, NULL, 0, size + 1);
    if (joined == NULL) {
        return NULL;
    }
    size_t at = first.size;
    if (first.size != 0) {
        memcpy(joined, first.data, first.size);
    }
    for (int i = 0; i < count; i++) {
        if (i > 0 || has_first) {
            joined[at++] = WR_ROCKS_SEPARATOR;
        }
        memcpy(joined + at, operands[i], sizes[i]);
        at += sizes[i];
    }
    wr_rocks_big_seen(big, row, size);
    *out_size = size;
    return joined;
}

static char *
/* NOLINTNEXTLINE(readability-function-size): as many parameters as the library gives */
full_merge(void *state, const char *key, size_t key_size, const char *value, size_t value_size,
           const char *const *operands, const size_t *sizes, int count, unsigned char *out_success,
           size_t *out_size)
{
    char *joined = join(state, weir_bytes_of(key, key_size), weir_bytes_of(value, value_size),
                        operands, sizes, count, out_size);
    *out_success = joined != NULL;
    return joined;
}

static char *
partial_merge(void *state, const char *key, size_t key_size, const char *const *operands,
              const size_t *sizes, int count, unsigned char *out_success, size_t *out_size)
{
    char *joined = join(state, weir_bytes_of(key, key_size), weir_bytes_of(NULL, 0), operands,
                        sizes, count, out_size);
    *out_success = joined != NULL;
    return joined;
}

static void
delete_value(void *state, const char *value, size_t value_size)
{
    (void)state;
    weir_alloc alloc = wr_memory_system();
    char *joined;
    memcpy(&joined, &value, sizeof joined); /* ours: join made it */
    wr_memory_free(&alloc, joined, value_size + 1);
}

rocksdb_mergeoperator_t *
wr_rocks_merge_operator(struct wr_rocks_big *big)
{
    return rocksdb_mergeoperator_create(big, keep_big, full_merge, partial_merge, delete_value,
                                        name);
}

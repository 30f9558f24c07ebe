/* SPDX-License-Identifier: Apache-2.0 */
/* big: a short list of rows under a lock. There are few lists of 256 MiB, so it is searched from
 * the front. Its memory is the process's: RocksDB's threads add to it, where nobody can be told of
 * a refusal; a row that finds no memory is not counted. */
#include "state/rocks/big.h"

#include "base/memory.h"

#include <string.h>

struct wr_rocks_big_row {
    struct wr_rocks_big_row *next;
    uint64_t bytes; /* of the list */
    size_t size;    /* of the row's key */
    uint8_t key[];
};

void
wr_rocks_big_init(struct wr_rocks_big *big, uint64_t count_from)
{
    pthread_mutex_init(&big->lock, NULL);
    big->count_from = count_from;
    atomic_init(&big->count, 0);
    big->rows = NULL;
}

static void
unlink_row(struct wr_rocks_big *big, struct wr_rocks_big_row **at)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_rocks_big_row *row = *at;
    *at = row->next;
    wr_memory_free(&alloc, row, sizeof *row + row->size);
    atomic_fetch_sub_explicit(&big->count, 1, memory_order_relaxed);
}

void
wr_rocks_big_fini(struct wr_rocks_big *big)
{
    while (big->rows != NULL) {
        unlink_row(big, &big->rows);
    }
    pthread_mutex_destroy(&big->lock);
}

static struct wr_rocks_big_row **
find_locked(struct wr_rocks_big *big, weir_bytes row)
{
    struct wr_rocks_big_row **at = &big->rows;
    while (*at != NULL &&
           ((*at)->size != row.size || memcmp((*at)->key, row.data, row.size) != 0)) {
        at = &(*at)->next;
    }
    return at;
}

static void
enter_locked(struct wr_rocks_big *big, weir_bytes row, uint64_t size)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_rocks_big_row *entered = wr_memory_new(&alloc, sizeof *entered + row.size);
    if (entered == NULL) {
        return;
    }
    entered->next = big->rows;
    entered->bytes = size;
    entered->size = row.size;
    memcpy(entered->key, row.data, row.size);
    big->rows = entered;
    atomic_fetch_add_explicit(&big->count, 1, memory_order_relaxed);
}

void
wr_rocks_big_seen(struct wr_rocks_big *big, weir_bytes row, uint64_t size)
{
    if (size < big->count_from) {
        return;
    }
    pthread_mutex_lock(&big->lock);
    struct wr_rocks_big_row **at = find_locked(big, row);
    if (*at == NULL) {
        enter_locked(big, row, size);
    } else if ((*at)->bytes < size) {
        (*at)->bytes = size;
    }
    pthread_mutex_unlock(&big->lock);
}

static bool
is_empty(struct wr_rocks_big *big)
{
    /* Nothing else is read by it: a row entered at this moment is found at the next add. */
    return atomic_load_explicit(&big->count, memory_order_relaxed) == 0;
}

uint64_t
wr_rocks_big_size(struct wr_rocks_big *big, weir_bytes row)
{
    if (is_empty(big)) {
        return 0;
    }
    pthread_mutex_lock(&big->lock);
    struct wr_rocks_big_row **at = find_locked(big, row);
    uint64_t size = *at != NULL ? (*at)->bytes : 0;
    pthread_mutex_unlock(&big->lock);
    return size;
}

void
wr_rocks_big_add(struct wr_rocks_big *big, weir_bytes row, uint64_t size)
{
    if (is_empty(big)) {
        return;
    }
    pthread_mutex_lock(&big->lock);
    struct wr_rocks_big_row **at = find_locked(big, row);
    if (*at != NULL) {
        (*at)->bytes += size;
    }
    pthread_mutex_unlock(&big->lock);
}

void
wr_rocks_big_forget(struct wr_rocks_big *big, weir_bytes row)
{
    if (is_empty(big)) {
        return;
    }
    pthread_mutex_lock(&big->lock);
    struct wr_rocks_big_row **at = find_locked(big, row);
    if (*at != NULL) {
        unlink_row(big, at);
    }
    pthread_mutex_unlock(&big->lock);
}

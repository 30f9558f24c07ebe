/* SPDX-License-Identifier: Apache-2.0 */
/* peers/lmdb: see lmdb.h. Keys are integers of the machine's own order (MDB_INTEGERKEY); an update
 * is a get and a put by one cursor, which finds its page once. */
#include "peers/lmdb.h"

#include "harness.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOAD_BATCH = 100000
};

struct peer_lmdb {
    char directory[4096];
    MDB_env *env;
    MDB_dbi table;
    MDB_txn *transaction;
    MDB_cursor *cursor;
};

static void
expect(const char *what, int result)
{
    if (result != MDB_SUCCESS) {
        bench_die("LMDB: %s: %s", what, mdb_strerror(result));
    }
}

struct peer_lmdb *
peer_lmdb_open(const char *directory, uint64_t map_bytes)
{
    struct peer_lmdb *lmdb = calloc(1, sizeof *lmdb);
    if (lmdb == NULL) {
        bench_die("no memory");
    }
    strncpy(lmdb->directory, directory, sizeof lmdb->directory - 1);
    bench_remove_tree(directory);
    bench_make_directory(directory);
    expect("create", mdb_env_create(&lmdb->env));
    expect("map size", mdb_env_set_mapsize(lmdb->env, map_bytes));
    expect("open", mdb_env_open(lmdb->env, directory,
                                MDB_NOSYNC | MDB_WRITEMAP | MDB_MAPASYNC | MDB_NORDAHEAD, 0666));
    expect("begin", mdb_txn_begin(lmdb->env, NULL, 0, &lmdb->transaction));
    expect("table",
           mdb_dbi_open(lmdb->transaction, NULL, MDB_CREATE | MDB_INTEGERKEY, &lmdb->table));
    expect("commit", mdb_txn_commit(lmdb->transaction));
    return lmdb;
}

void
peer_lmdb_close(struct peer_lmdb *lmdb)
{
    mdb_env_close(lmdb->env);
    bench_remove_tree(lmdb->directory);
    free(lmdb);
}

void
peer_lmdb_begin(struct peer_lmdb *lmdb)
{
    expect("begin", mdb_txn_begin(lmdb->env, NULL, 0, &lmdb->transaction));
    expect("cursor", mdb_cursor_open(lmdb->transaction, lmdb->table, &lmdb->cursor));
}

void
peer_lmdb_commit(struct peer_lmdb *lmdb)
{
    mdb_cursor_close(lmdb->cursor);
    expect("commit", mdb_txn_commit(lmdb->transaction));
}

void
peer_lmdb_load(struct peer_lmdb *lmdb, uint64_t count)
{
    uint64_t zero = 0;
    for (uint64_t at = 0; at < count; at += LOAD_BATCH) {
        peer_lmdb_begin(lmdb);
        for (uint64_t i = at; i < at + LOAD_BATCH && i < count; i++) {
            MDB_val key = { sizeof i, &i };
            MDB_val value = { sizeof zero, &zero };
            expect("load", mdb_cursor_put(lmdb->cursor, &key, &value, MDB_APPEND));
        }
        peer_lmdb_commit(lmdb);
    }
}

void
peer_lmdb_add(struct peer_lmdb *lmdb, uint64_t number, uint64_t more)
{
    MDB_val key = { sizeof number, &number };
    MDB_val value;
    expect("get", mdb_cursor_get(lmdb->cursor, &key, &value, MDB_SET_KEY));
    uint64_t sum;
    memcpy(&sum, value.mv_data, sizeof sum);
    sum += more;
    value = (MDB_val){ sizeof sum, &sum };
    expect("put", mdb_cursor_put(lmdb->cursor, &key, &value, MDB_CURRENT));
}

uint64_t
peer_lmdb_sum(struct peer_lmdb *lmdb)
{
    uint64_t sum = 0;
    MDB_val key;
    MDB_val value;
    peer_lmdb_begin(lmdb);
    while (mdb_cursor_get(lmdb->cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
        uint64_t one;
        memcpy(&one, value.mv_data, sizeof one);
        sum += one;
    }
    peer_lmdb_commit(lmdb);
    return sum;
}

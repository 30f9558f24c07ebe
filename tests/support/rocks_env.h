/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/rocks_env.h: an environment of RocksDB's in which the n-th operation on a file
 * fails: what the library does about its own files is outside the engine's table of calls. Thread:
 * any. */
#ifndef WEIR_TESTS_ROCKS_ENV_H
#define WEIR_TESTS_ROCKS_ENV_H

#include <rocksdb/c.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Databases opened with these options use it. It lives as long as the process. */
void rocks_env_use(rocksdb_options_t *options);
/* Fails the operation of this number, counted from now; 0: none. */
void rocks_env_fail_at(uint64_t number);
uint64_t rocks_env_count(void); /* operations since then */

#ifdef __cplusplus
}
#endif
#endif /* WEIR_TESTS_ROCKS_ENV_H */

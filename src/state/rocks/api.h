/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/api.h: the calls of librocksdb and of the system that can fail, behind one table, so
 * that a test fails each of them in turn. What cannot fail is called by its own name. Thread: task.
 */
#ifndef WR_STATE_ROCKS_API_H
#define WR_STATE_ROCKS_API_H

#include <rocksdb/c.h>

#include <stdbool.h>
#include <stddef.h>

/* What a file of a folder is told to. 0: go on; else an errno that ends the walk. */
typedef int wr_rocks_each_file(void *argument, const char *name, unsigned long long bytes);

struct wr_rocks_api {
    /* Of rocksdb/c.h, with the same arguments. */
    rocksdb_t *(*open)(const rocksdb_options_t *options, const char *path, int count,
                       const char *const *names, const rocksdb_options_t *const *family_options,
                       rocksdb_column_family_handle_t **families, char **words);
    rocksdb_t *(*open_read_only)(const rocksdb_options_t *options, const char *path, int count,
                                 const char *const *names,
                                 const rocksdb_options_t *const *family_options,
                                 rocksdb_column_family_handle_t **families,
                                 unsigned char fail_if_wal, char **words);
    rocksdb_column_family_handle_t *(*create_family)(rocksdb_t *db,
                                                     const rocksdb_options_t *options,
                                                     const char *name, char **words);
    void (*options_from_text)(const rocksdb_options_t *base, const char *text,
                              rocksdb_options_t *options, char **words);
    void (*set_options)(rocksdb_t *db, rocksdb_column_family_handle_t *family, int count,
                        const char *const *keys, const char *const *values, char **words);
    void (*write)(rocksdb_t *db, const rocksdb_writeoptions_t *options, rocksdb_writebatch_t *batch,
                  char **words);
    rocksdb_pinnableslice_t *(*get)(rocksdb_t *db, const rocksdb_readoptions_t *options,
                                    rocksdb_column_family_handle_t *family, const char *key,
                                    size_t key_size, char **words);
    void (*multi_get)(rocksdb_t *db, const rocksdb_readoptions_t *options,
                      rocksdb_column_family_handle_t *family, size_t count, const char *const *keys,
                      const size_t *key_sizes, rocksdb_pinnableslice_t **values, char **words,
                      const bool is_sorted);
    void (*iterator_error)(const rocksdb_iterator_t *iterator, char **words);
    rocksdb_checkpoint_t *(*checkpoint_new)(rocksdb_t *db, char **words);
    void (*checkpoint_make)(rocksdb_checkpoint_t *checkpoint, const char *path,
                            uint64_t log_size_for_flush, char **words);

    /* The system's: 0, or errno. */
    int (*make_directory)(const char *path); /* there already: fine */
    int (*link_file)(const char *from, const char *to);
    int (*copy_file)(const char *from, const char *to);
    int (*read_text)(const char *path, char *out, size_t room); /* NUL-terminated */
    int (*each_file)(const char *path, wr_rocks_each_file *each, void *argument);
};

const struct wr_rocks_api *wr_rocks_api_real(void);

/* Removes a folder and all in it, as far as it can. */
void wr_rocks_remove_tree(const char *path);

#endif /* WR_STATE_ROCKS_API_H */

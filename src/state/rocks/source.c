/* SPDX-License-Identifier: Apache-2.0 */
/* source: opened read-only, each family with the options of the state of ours that takes its rows
 * (lists need their merge operator to be read). */
#include "state/rocks/source.h"

#include "base/memory.h"

weir_status
wr_rocks_source_init(struct wr_rocks_source *source, struct wr_rocks *rocks, size_t count,
                     weir_error *err)
{
    *source = (struct wr_rocks_source){ .rocks = rocks, .count = count };
    source->memory_size = (2 * count + 1) * sizeof(void *);
    uint8_t *memory = wr_memory_new(&rocks->alloc, source->memory_size);
    if (memory == NULL) {
        return wr_fail(err, WEIR_NOMEM, "rocksdb: operator '%s': no memory to read rows",
                       rocks->operator_name);
    }
    source->families = (void *)memory;
    source->states = (void *)(memory + (count + 1) * sizeof(void *));
    return WEIR_OK;
}

weir_status
wr_rocks_source_open(struct wr_rocks_source *source, const char *folder, weir_error *err)
{
    struct wr_rocks *rocks = source->rocks;
    size_t count = source->count + 1;
    size_t size = 2 * count * sizeof(void *);
    uint8_t *memory = wr_memory_new(&rocks->alloc, size);
    if (memory == NULL) {
        return wr_fail(err, WEIR_NOMEM, "rocksdb: operator '%s': no memory to read rows",
                       rocks->operator_name);
    }
    const char **names = (void *)memory;
    const rocksdb_options_t **options = (void *)(memory + size / 2);
    names[0] = "default";
    options[0] = rocks->options;
    for (size_t i = 0; i < source->count; i++) {
        names[i + 1] = source->states[i]->descriptor.name;
        options[i + 1] = source->states[i]->options;
    }
    char *words = NULL;
    rocksdb_t *db = rocks->api->open_read_only(rocks->options, folder, (int)count, names, options,
                                               source->families, 0, &words);
    weir_status status =
        wr_rocks_judge(rocks, NULL, words, "opening the database of another subtask", err);
    source->db = status == WEIR_OK ? db : NULL;
    wr_memory_free(&rocks->alloc, memory, size);
    return status;
}

void
wr_rocks_source_close(struct wr_rocks_source *source)
{
    if (source->db != NULL) {
        for (size_t i = 0; i <= source->count; i++) {
            rocksdb_column_family_handle_destroy(source->families[i]);
        }
        rocksdb_close(source->db);
    }
    wr_memory_free(&source->rocks->alloc, source->families, source->memory_size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* file_list: a growing list of a subtask's files. */
#include "snapshot/file_list.h"

#include "base/fail.h"
#include "base/memory.h"

#include <string.h>

void
wr_file_list_init(struct wr_file_list *list, const weir_alloc *alloc)
{
    *list = (struct wr_file_list){ .alloc = *alloc };
}

void
wr_file_list_fini(struct wr_file_list *list)
{
    weir_alloc alloc = list->alloc;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->entries[i].is_inlined) {
            wr_buffer_fini(&list->entries[i].bytes);
        }
    }
    wr_memory_free(&alloc, list->entries, list->capacity * sizeof *list->entries);
    wr_file_list_init(list, &alloc);
}

weir_status
wr_file_list_add(struct wr_file_list *list, const struct wr_file_entry *entry)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity != 0 ? 2 * list->capacity : 1;
        struct wr_file_entry *entries =
            wr_memory_resize(&list->alloc, list->entries, list->capacity * sizeof *entries,
                             capacity * sizeof *entries);
        if (entries == NULL) {
            return WEIR_NOMEM;
        }
        list->entries = entries;
        list->capacity = capacity;
    }
    list->entries[list->count++] = *entry;
    return WEIR_OK;
}

weir_status
wr_file_list_add_shared(struct wr_file_list *list, const struct wr_file_list *from, unsigned role)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct wr_file_entry *entry = &from->entries[i];
        if (entry->is_shared && (role == 0 || (unsigned)entry->role == role)) {
            WR_TRY(wr_file_list_add(list, entry));
        }
    }
    return WEIR_OK;
}

const struct wr_file_entry *
wr_file_list_find(const struct wr_file_list *list, const char *name, uint64_t size)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct wr_file_entry *entry = &list->entries[i];
        if (entry->role == WR_FILE_ENGINE && entry->is_shared && entry->size == size &&
            strcmp(entry->name, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

uint64_t
wr_file_list_inlined_bytes(const struct wr_file_list *list)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        bytes += list->entries[i].is_inlined ? list->entries[i].size : 0;
    }
    return bytes;
}

uint64_t
wr_file_list_blocks_bytes(const struct wr_file_list *list, bool has_changes)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct wr_file_entry *entry = &list->entries[i];
        bool is_wanted = entry->role == WR_FILE_BLOCKS && entry->has_changes == has_changes;
        bytes += entry->is_shared && is_wanted ? entry->size : 0;
    }
    return bytes;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sorted_array: a state backend of your own, small and whole.
 *
 *   cc -shared -fPIC -o sorted_array.so sorted_array.c $(pkg-config --cflags weir)
 *   weir run -D state.backend.type=$PWD/sorted_array.so JOB.so
 *
 * A state is an array of (key group, key) -> item in ascending order. Only what weir/engine.h
 * requires is there: weir makes lists, maps and timers of it. A snapshot is handed to the writer
 * whole when it begins: the simplest right thing, but it takes as long as there is state.
 */
#include <weir/engine_support.h>

struct entry {
    weir_key key; /* its bytes stand behind the item's */
    weir_bytes item;
};

struct table {
    weir_state base;
    weir_state_descriptor *descriptor;
    struct entry *entries;
    size_t count;
    size_t room;
    struct table *next;
};

struct backend {
    weir_backend base;
    weir_backend_parameters parameters;
    struct table *tables;
    uint64_t used_bytes;
};

static void *
resize(weir_backend *backend, void *ptr, size_t old_size, size_t new_size)
{
    struct backend *self = (struct backend *)backend;
    const weir_alloc *alloc = &self->parameters.state_alloc;
    void *made = alloc->resize(alloc->ctx, ptr, old_size, new_size);
    self->used_bytes += made != NULL || new_size == 0 ? new_size - old_size : 0;
    return made;
}

static void
free_entry(struct table *table, struct entry *entry)
{
    size_t size = weir_round8(entry->item.size) + entry->key.size;
    resize(table->base.backend, (void *)entry->item.data, size, 0);
}

static int
compare(const weir_key *one, const weir_key *other)
{
    return one->key_group != other->key_group ? (one->key_group < other->key_group ? -1 : 1)
           : one->size != other->size         ? (one->size < other->size ? -1 : 1)
                                              : memcmp(one->data, other->data, one->size);
}

/* *out_index: where the key stands, or would. WEIR_INVALID: it is another subtask's. */
static weir_status
locate(const struct table *table, const weir_key *key, size_t *out_index)
{
    const weir_backend_parameters *mine = &((struct backend *)table->base.backend)->parameters;
    if (key->key_group < mine->key_group_first || key->key_group > mine->key_group_last) {
        return WEIR_INVALID;
    }
    size_t low = 0;
    for (size_t high = table->count; low < high;) {
        *out_index = low + (high - low) / 2;
        int order = compare(&table->entries[*out_index].key, key);
        if (order == 0) {
            return WEIR_OK;
        }
        low = order < 0 ? *out_index + 1 : low;
        high = order < 0 ? high : *out_index;
    }
    *out_index = low;
    return WEIR_NOT_FOUND;
}

static weir_status
find(weir_state *state, const weir_key *key, weir_bytes *out_item)
{
    struct table *table = (struct table *)state;
    size_t index = 0;
    weir_status status = locate(table, key, &index);
    *out_item = status == WEIR_OK ? table->entries[index].item : weir_bytes_of(NULL, 0);
    return status;
}

static weir_status
put(weir_state *state, const weir_key *key, weir_bytes item)
{
    struct table *table = (struct table *)state;
    size_t index = 0;
    weir_status found = locate(table, key, &index);
    if (found == WEIR_INVALID) {
        return found;
    }
    if (table->count == table->room) {
        size_t size = table->room * sizeof(struct entry);
        void *more = resize(state->backend, table->entries, size, size + 64 * sizeof(struct entry));
        if (more == NULL) {
            return WEIR_NOMEM;
        }
        table->entries = more;
        table->room += 64;
    }
    size_t key_at = weir_round8(item.size);
    char *bytes = resize(state->backend, NULL, 0, key_at + key->size);
    if (bytes == NULL) {
        return WEIR_NOMEM;
    }
    struct entry *entry = &table->entries[index];
    memcpy(bytes, item.size != 0 ? item.data : "", item.size);
    memcpy(bytes + key_at, key->data, key->size);
    if (found == WEIR_OK) {
        free_entry(table, entry);
    } else {
        memmove(entry + 1, entry, (table->count++ - index) * sizeof *entry);
    }
    *entry = (struct entry){ *key, weir_bytes_of(bytes, item.size) };
    entry->key.data = bytes + key_at;
    return WEIR_OK;
}

static weir_status
upsert(weir_state *state, const weir_key *key, void **out_item, bool *out_created)
{
    weir_bytes item;
    *out_created = find(state, key, &item) == WEIR_NOT_FOUND;
    weir_bytes defaults = weir_state_item_defaults(((struct table *)state)->descriptor);
    weir_status status = *out_created ? put(state, key, defaults) : WEIR_OK;
    status = status == WEIR_OK ? find(state, key, &item) : status;
    *out_item = (void *)item.data;
    return status;
}

static weir_status
upsert_many(weir_state *state, const weir_key *keys, size_t count, void **out_items)
{
    weir_status status = WEIR_OK;
    bool created;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        status = upsert(state, &keys[i], &out_items[i], &created);
    }
    return status;
}

static weir_status
remove_key(weir_state *state, const weir_key *key)
{
    struct table *table = (struct table *)state;
    size_t index = 0;
    weir_status status = locate(table, key, &index);
    if (status == WEIR_OK) {
        struct entry *entry = &table->entries[index];
        free_entry(table, entry);
        memmove(entry, entry + 1, (--table->count - index) * sizeof *entry);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status
iterate(weir_state *state,
        weir_status (*each)(void *argument, const weir_key *key, weir_bytes item), void *argument)
{
    const struct table *table = (const struct table *)state;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < table->count && status == WEIR_OK; i++) {
        status = each(argument, &table->entries[i].key, table->entries[i].item);
    }
    return status;
}

static uint64_t
entry_count(const weir_state *state)
{
    return ((const struct table *)state)->count;
}

/* The state of this name: the one that there is, of a restore, or a new one. */
static weir_status
create_state(weir_backend *backend, const weir_state_descriptor *descriptor, weir_state **out_state,
             weir_error *err)
{
    struct backend *self = (struct backend *)backend;
    for (struct table *table = self->tables; table != NULL; table = table->next) {
        if (strcmp(table->descriptor->name, descriptor->name) == 0) {
            *out_state = &table->base;
            return weir_state_adapt(&table->base, table->descriptor, descriptor, err);
        }
    }
    struct table made = { .base.backend = backend, .next = self->tables };
    struct table *table = resize(backend, NULL, 0, sizeof *table);
    if (table == NULL || weir_state_descriptor_copy(&self->parameters.state_alloc, descriptor,
                                                    &made.descriptor) != WEIR_OK) {
        resize(backend, table, table != NULL ? sizeof *table : 0, 0);
        return weir_error_say(err, WEIR_NOMEM, "state '%s': no memory", descriptor->name);
    }
    made.base.type = made.descriptor->type;
    *table = made;
    *out_state = &table->base;
    self->tables = table;
    return WEIR_OK;
}

static weir_status
snapshot_begin(weir_backend *backend, const weir_snapshot_parameters *parameters,
               weir_snapshot **out_snapshot, weir_error *err)
{
    struct table *table = ((struct backend *)backend)->tables;
    weir_status status = WEIR_OK;
    for (; table != NULL && status == WEIR_OK; table = table->next) {
        status = weir_state_write_records(&table->base, table->descriptor, parameters->writer, err);
    }
    *out_snapshot = (weir_snapshot *)backend; /* nothing is left to be kept of it */
    return status;
}

static weir_status
snapshot_turn(weir_backend *backend, weir_snapshot *snapshot, size_t budget_bytes, bool *out_done,
              weir_error *err)
{
    (void)backend, (void)snapshot, (void)budget_bytes, (void)err;
    *out_done = true; /* since it began */
    return WEIR_OK;
}

static void
snapshot_end(weir_backend *backend, weir_snapshot *snapshot, bool completed)
{
    (void)backend, (void)snapshot, (void)completed;
}

static weir_status
restore(weir_backend *backend, weir_block_reader *reader, weir_error *err)
{
    return weir_backend_read_records(backend, &((struct backend *)backend)->parameters, reader,
                                     err);
}

static uint64_t
used_bytes(const weir_backend *backend)
{
    return ((const struct backend *)backend)->used_bytes;
}

static void
close_backend(weir_backend *backend)
{
    struct backend *self = (struct backend *)backend;
    weir_alloc alloc = self->parameters.state_alloc;
    for (struct table *table = self->tables, *next; table != NULL; table = next) {
        next = table->next;
        while (table->count != 0) {
            free_entry(table, &table->entries[--table->count]);
        }
        resize(backend, table->entries, table->room * sizeof *table->entries, 0);
        weir_state_descriptor_destroy(table->descriptor);
        resize(backend, table, sizeof *table, 0);
    }
    alloc.resize(alloc.ctx, self, sizeof *self, 0);
}

static const weir_backend_ops ops = {
    .size = sizeof ops,
    .name = "sorted_array",
    .create_state = create_state,
    .find = find,
    .upsert = upsert,
    .upsert_many = upsert_many,
    .put = put,
    .remove = remove_key,
    .iterate = iterate,
    .entry_count = entry_count,
    .snapshot_begin = snapshot_begin,
    .snapshot_turn = snapshot_turn,
    .snapshot_end = snapshot_end,
    .restore = restore,
    .used_bytes = used_bytes,
    .close = close_backend,
};

static weir_status
open_backend(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    const weir_alloc *alloc = &parameters->state_alloc;
    struct backend *self = alloc->resize(alloc->ctx, NULL, 0, sizeof *self);
    if (self == NULL) {
        return weir_error_say(err, WEIR_NOMEM, "sorted_array: no memory to open it");
    }
    *self = (struct backend){ .base.ops = &ops, .parameters = *parameters };
    *out_backend = &self->base;
    return WEIR_OK;
}

static const weir_backend_factory factory = { sizeof factory, "sorted_array", open_backend };
WEIR_BACKEND(factory)

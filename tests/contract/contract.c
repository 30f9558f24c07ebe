/* SPDX-License-Identifier: Apache-2.0 */
/* contract: the words that cases share. */
#include "contract/contract.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RING = 256,
    BLOCK_MOST = 4096,
    SLOTS = 8192
};

const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

const weir_type *
text_type(void)
{
    return weir_type_of_kind(WEIR_STRING);
}

static void *
ring_next(void)
{
    static uint64_t ring[RING][BLOCK_MOST / 8];
    static size_t at;
    at = (at + 1) % RING;
    memset(ring[at], 0, sizeof ring[at]);
    return ring[at];
}

weir_bytes
number(int64_t value)
{
    int64_t *block = ring_next();
    *block = value;
    return weir_bytes_of(block, sizeof value);
}

weir_bytes
text(const char *content)
{
    size_t size = strlen(content);
    assert_true(size < BLOCK_MOST - 8);
    char *block = ring_next();
    weir_string head = { 8, (uint32_t)size };
    memcpy(block, &head, sizeof head);
    memcpy(block + 8, content, size + 1); /* its NUL is one of the zeros behind */
    return weir_bytes_of(block, 8 + weir_round8(size));
}

const char *
text_of(weir_bytes block)
{
    static char content[BLOCK_MOST];
    weir_string head;
    if (block.data == NULL) {
        return "-";
    }
    memcpy(&head, block.data, sizeof head);
    assert_true(head.size < sizeof content && head.offset + head.size <= block.size);
    memcpy(content, (const char *)block.data + head.offset, head.size);
    content[head.size] = 0;
    return content;
}

int64_t
number_of(weir_bytes block)
{
    int64_t value;
    assert_int_equal(block.size, sizeof value);
    memcpy(&value, block.data, sizeof value);
    return value;
}

/* --- states --- */

weir_state_descriptor
describe(weir_state_kind kind, const char *name, const weir_type *type)
{
    return (weir_state_descriptor){
        .size = sizeof(weir_state_descriptor), .kind = kind, .name = name, .type = type
    };
}

weir_state *
make(struct contract *c, const weir_state_descriptor *descriptor)
{
    weir_state *state = NULL;
    OK(weir_backend_create_state(c->task.backend, descriptor, &state, &c->rig.error));
    return state;
}

weir_state *
make_value(struct contract *c, const char *name, const weir_type *type)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_VALUE, name, type);
    return make(c, &descriptor);
}

weir_state *
make_list(struct contract *c, const char *name, const weir_type *type)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_LIST, name, type);
    return make(c, &descriptor);
}

weir_state *
make_map(struct contract *c, const char *name, const weir_type *type)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_MAP, name, type);
    descriptor.map_key_type = i64_type();
    return make(c, &descriptor);
}

static weir_status
add_in_place(void *argument, void *accumulated, const void *value)
{
    (void)argument;
    *(int64_t *)accumulated += *(const int64_t *)value;
    return WEIR_OK;
}

const weir_reduce_function sum_function = { .size = sizeof sum_function,
                                            .reduce_in_place = add_in_place };

struct average {
    int64_t sum;
    int64_t count;
};

static weir_status
average_add(void *argument, void *accumulator, weir_bytes value)
{
    (void)argument;
    struct average *average = accumulator;
    average->sum += *(const int64_t *)value.data;
    average->count++;
    return WEIR_OK;
}

static weir_status
average_merge(void *argument, void *accumulator, const void *other)
{
    (void)argument;
    struct average *average = accumulator;
    const struct average *from = other;
    average->sum += from->sum;
    average->count += from->count;
    return WEIR_OK;
}

static weir_status
average_result(void *argument, weir_bytes accumulator, weir_value_builder *out)
{
    (void)argument;
    const struct average *average = accumulator.data;
    int64_t *result = weir_value_builder_reserve(out, sizeof *result);
    if (result == NULL) {
        return WEIR_NOMEM;
    }
    *result = average->count == 0 ? 0 : average->sum * 10 / average->count;
    return WEIR_OK;
}

const weir_aggregate_function average_function = { .size = sizeof average_function,
                                                   .add_in_place = average_add,
                                                   .merge_in_place = average_merge,
                                                   .result = average_result };

const weir_type *
average_type(void)
{
    static weir_type *type;
    if (type == NULL) {
        weir_field fields[] = { WEIR_FIELD(struct average, sum, I64),
                                WEIR_FIELD(struct average, count, I64) };
        weir_alloc alloc = wr_memory_system();
        assert_ok(weir_type_create_struct(&alloc, "average", sizeof(struct average), fields, 2,
                                          &type, NULL),
                  NULL);
    }
    return type;
}

__attribute__((destructor)) static void
destroy_average_type(void)
{
    const union {
        const weir_type *lent;
        weir_type *own;
    } type = { .lent = average_type() };
    weir_type_destroy(type.own);
}

weir_state *
make_sum(struct contract *c, const char *name, const weir_type *namespace_type)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_REDUCING, name, i64_type());
    descriptor.reduce = &sum_function;
    descriptor.namespace_type = namespace_type;
    return make(c, &descriptor);
}

weir_state *
make_average(struct contract *c, const char *name, const weir_type *namespace_type)
{
    weir_aggregate_function function = average_function;
    function.input_type = function.result_type = i64_type();
    weir_state_descriptor descriptor = describe(WEIR_STATE_AGGREGATING, name, average_type());
    descriptor.aggregate = &function;
    descriptor.namespace_type = namespace_type;
    return make(c, &descriptor);
}

/* Keys are lent while bound: each number has a place of its own. */
void
bind(struct contract *c, weir_state *state, int64_t key)
{
    static int64_t numbers[SLOTS];
    static weir_key keys[SLOTS];
    size_t slot = (size_t)key % SLOTS;
    numbers[slot] = key;
    keys[slot] = weir_key_make(i64_type(), weir_bytes_of(&numbers[slot], 8), c->rig.max_parallelism,
                               c->rig.seed);
    weir_state_bind(state, &keys[slot]);
}

void
in_namespace(struct contract *c, weir_state *state, int64_t namespace_)
{
    OK(weir_state_set_namespace(state, weir_bytes_of(&namespace_, sizeof namespace_)));
}

/* --- short forms --- */

void
put(struct contract *c, weir_state *state, int64_t key, int64_t value)
{
    bind(c, state, key);
    OK(weir_value_put(state, number(value)));
}

int64_t
get(struct contract *c, weir_state *state, int64_t key, int64_t missing)
{
    weir_bytes value;
    bind(c, state, key);
    weir_status status = weir_value_get(state, &value);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    OK(status);
    return number_of(value);
}

void
clear(struct contract *c, weir_state *state, int64_t key)
{
    bind(c, state, key);
    OK(weir_value_clear(state));
}

void
list_add(struct contract *c, weir_state *state, int64_t key, int64_t value)
{
    bind(c, state, key);
    OK(weir_list_add(state, number(value)));
}

void
map_put(struct contract *c, weir_state *state, int64_t key, int64_t map_key, int64_t value)
{
    bind(c, state, key);
    OK(weir_map_put(state, number(map_key), number(value)));
}

int64_t
map_get(struct contract *c, weir_state *state, int64_t key, int64_t map_key, int64_t missing)
{
    weir_bytes value;
    bind(c, state, key);
    weir_status status = weir_map_get(state, number(map_key), &value);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    OK(status);
    return number_of(value);
}

static char written[65536];

static void
write_block(const weir_state *state, size_t *at, weir_bytes block)
{
    if (weir_type_kind(state->type) == WEIR_STRING) {
        *at += (size_t)snprintf(written + *at, sizeof written - *at, "%s", text_of(block));
    } else {
        *at += (size_t)snprintf(written + *at, sizeof written - *at, "%lld",
                                (long long)number_of(block));
    }
    assert_true(*at < sizeof written);
}

const char *
list_of(struct contract *c, weir_state *state)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    weir_status status;
    size_t at = 0;
    written[0] = 0;
    while ((status = weir_list_next(state, &cursor, &element)) == WEIR_OK) {
        if (at != 0) {
            written[at++] = ',';
        }
        write_block(state, &at, element);
    }
    assert_int_equal(status, WEIR_NOT_FOUND);
    (void)c;
    return written;
}

struct map_entry {
    int64_t key;
    bool is_null;
    int64_t value;
};

static int
by_key(const void *one, const void *other)
{
    int64_t a = ((const struct map_entry *)one)->key;
    int64_t b = ((const struct map_entry *)other)->key;
    return (a > b) - (a < b);
}

const char *
map_of(struct contract *c, weir_state *state)
{
    static struct map_entry entries[4096];
    size_t count = 0;
    weir_cursor cursor = { { 0 } };
    weir_bytes key;
    weir_bytes value;
    weir_status status;
    while ((status = weir_map_next(state, &cursor, &key, &value)) == WEIR_OK) {
        assert_true(count < sizeof entries / sizeof entries[0]);
        struct map_entry *entry = &entries[count++];
        *entry = (struct map_entry){ number_of(key), value.data == NULL, 0 };
        entry->value = entry->is_null ? 0 : number_of(value);
    }
    assert_int_equal(status, WEIR_NOT_FOUND);
    (void)c;
    qsort(entries, count, sizeof entries[0], by_key);
    written[0] = 0;
    for (size_t i = 0, at = 0; i < count; i++) {
        at += (size_t)snprintf(written + at, sizeof written - at, "%s%lld=", i == 0 ? "" : ",",
                               (long long)entries[i].key);
        at += entries[i].is_null ? (size_t)snprintf(written + at, sizeof written - at, "null")
                                 : (size_t)snprintf(written + at, sizeof written - at, "%lld",
                                                    (long long)entries[i].value);
        assert_true(at < sizeof written);
    }
    return written;
}

void
expect_entries(struct contract *c, const weir_state *state, uint64_t count)
{
    if (!c->rig.engine->keeps_files) {
        assert_int_equal(weir_state_entry_count(state), count);
    }
}

/* --- snapshots --- */

struct engine_set *
snapshot(struct contract *c)
{
    struct engine_set *set = NULL;
    OK(engine_snapshot_take(&c->rig, &c->task, &set));
    return set;
}

void
restart(struct contract *c, const struct engine_set *set)
{
    engine_task_close(&c->rig, &c->task);
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    OK(engine_task_restore(&c->rig, &c->task, set));
}

void
fail_over(struct contract *c)
{
    struct engine_set *set = snapshot(c);
    restart(c, set);
    engine_set_release(&c->rig, set);
}

void
set_time(struct contract *c, int64_t now_ms)
{
    weir_backend_set_time(c->task.backend, now_ms);
}

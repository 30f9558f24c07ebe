/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is refused: every request of every verb fails once, and the state is what it was.
 *
 * Engines that ask for memory by the allocators of their parameters are tested so; what a library
 * below an engine does with refusals is its own.
 */
#include "contract/contract.h"

#include "support/common_alloc_fault.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "state/timers.h"

#include <stdio.h>
#include <string.h>

enum {
    KEYS = 12
};

struct bench {
    struct contract *c;
    struct alloc_fault fault;
    weir_state *values;
    weir_state *texts;
    weir_state *lists;
    weir_state *maps;
    weir_state *notes; /* maps of texts */
    weir_state *sums;
    weir_state *averages;
    struct wr_timers *timers;
    weir_status (*verb)(struct bench *bench);
    bool has_snapshot;
    int64_t more; /* keys that are there besides: so that each next allocation is once at hand */
    struct engine_snapshot open;
};

/* --- what is there, as text --- */

static void
describe_key(struct bench *bench, int64_t key, struct wr_buffer *out)
{
    struct contract *c = bench->c;
    weir_bytes value;
    wr_buffer_print(out, "%lld: %lld;", (long long)key, (long long)get(c, bench->values, key, -1));
    bind(c, bench->texts, key);
    if (weir_value_get(bench->texts, &value) == WEIR_OK) {
        wr_buffer_print(out, " '%s'", value.size < 4096 ? text_of(value) : "a giant");
    }
    bind(c, bench->lists, key);
    wr_buffer_print(out, " [%s]", list_of(c, bench->lists));
    bind(c, bench->maps, key);
    wr_buffer_print(out, " {%s}", map_of(c, bench->maps));
    bind(c, bench->notes, key);
    if (weir_map_get(bench->notes, number(key), &value) == WEIR_OK) {
        wr_buffer_print(out, " '%s'", value.size < 4096 ? text_of(value) : "a giant");
    }
    for (int64_t window = 0; window < 3; window++) {
        in_namespace(c, bench->sums, window);
        bind(c, bench->sums, key);
        if (weir_reducing_get(bench->sums, &value) == WEIR_OK) {
            wr_buffer_print(out, " %lld=%lld", (long long)window, (long long)number_of(value));
        }
    }
    bind(c, bench->averages, key);
    if (weir_aggregating_get(bench->averages, &value) == WEIR_OK) {
        wr_buffer_print(out, " ~%lld", (long long)number_of(value));
    }
    wr_buffer_print(out, "\n");
}

static void
describe_all(struct bench *bench, struct wr_buffer *out)
{
    weir_alloc alloc = wr_memory_system();
    wr_buffer_init(out, &alloc);
    for (int64_t key = 0; key < 2 * KEYS; key++) {
        describe_key(bench, key, out);
    }
    wr_buffer_print(out, "timers %llu",
                    (unsigned long long)wr_timers_count(bench->timers, WEIR_EVENT_TIME));
    wr_buffer_put_u8(out, 0);
    assert_false(out->refused);
}

/* --- verbs --- */

static weir_key
key_of(struct bench *bench, int64_t key)
{
    return weir_key_make(i64_type(), number(key), bench->c->rig.max_parallelism,
                         bench->c->rig.seed);
}

static weir_status
put_new(struct bench *bench)
{
    bind(bench->c, bench->values, KEYS);
    return weir_value_put(bench->values, number(77));
}

static weir_status
upsert_new(struct bench *bench)
{
    void *value = NULL;
    bind(bench->c, bench->values, KEYS + 1);
    return weir_value_upsert(bench->values, &value, NULL);
}

static weir_status
put_longer_text(struct bench *bench)
{
    bind(bench->c, bench->texts, 1);
    return weir_value_put(bench->texts, text("this text is longer than the one that was there, and "
                                             "it does not fit into the place of that one"));
}

/* More than is left anywhere. */
static weir_bytes
giant_text(void)
{
    static uint64_t block[1 << 15];
    weir_string head = { 8, sizeof block - 8 };
    memcpy(block, &head, sizeof head);
    memset(block + 1, 'x', sizeof block - 8);
    return weir_bytes_of(block, sizeof block);
}

static weir_status
put_giant_text(struct bench *bench)
{
    bind(bench->c, bench->texts, KEYS + 1);
    return weir_value_put(bench->texts, giant_text());
}

static weir_status
add_to_list(struct bench *bench)
{
    bind(bench->c, bench->lists, 5);
    return weir_list_add(bench->lists, number(1));
}

static weir_status
add_many_to_list(struct bench *bench)
{
    weir_bytes elements[90];
    for (int64_t i = 0; i < 90; i++) {
        elements[i] = number(i);
    }
    bind(bench->c, bench->lists, 3);
    return weir_list_add_all(bench->lists, elements, 90);
}

static weir_status
update_list(struct bench *bench)
{
    weir_bytes elements[40];
    for (int64_t i = 0; i < 40; i++) {
        elements[i] = number(-i);
    }
    bind(bench->c, bench->lists, 4);
    return weir_list_update(bench->lists, elements, 40);
}

static weir_status
clear_list(struct bench *bench)
{
    bind(bench->c, bench->lists, 6);
    return weir_list_clear(bench->lists);
}

static weir_status
put_into_map(struct bench *bench)
{
    bind(bench->c, bench->maps, KEYS - 1);
    return weir_map_put(bench->maps, number(1000), number(1));
}

static weir_status
put_giant_into_map(struct bench *bench)
{
    bind(bench->c, bench->notes, 3);
    return weir_map_put(bench->notes, number(3), giant_text());
}

static weir_status
upsert_into_map(struct bench *bench)
{
    void *value = NULL;
    bind(bench->c, bench->maps, KEYS + 2);
    return weir_map_upsert(bench->maps, number(4), &value, NULL);
}

static weir_status
remove_from_map(struct bench *bench)
{
    bind(bench->c, bench->maps, 7);
    return weir_map_remove(bench->maps, number(0));
}

static weir_status
clear_map(struct bench *bench)
{
    bind(bench->c, bench->maps, 8);
    return weir_map_clear(bench->maps);
}

static weir_status
add_to_sum(struct bench *bench)
{
    in_namespace(bench->c, bench->sums, 2);
    bind(bench->c, bench->sums, KEYS + 3);
    return weir_reducing_add(bench->sums, number(4));
}

static weir_status
add_to_average(struct bench *bench)
{
    bind(bench->c, bench->averages, KEYS + 3);
    return weir_aggregating_add(bench->averages, number(4));
}

static weir_status
merge_sums(struct bench *bench)
{
    int64_t windows[] = { 2, 0, 1 };
    weir_bytes sources[] = { weir_bytes_of(&windows[1], 8), weir_bytes_of(&windows[2], 8) };
    bind(bench->c, bench->sums, 2);
    return weir_state_merge_namespaces(bench->sums, weir_bytes_of(&windows[0], 8), sources, 2);
}

static weir_status
register_timer(struct bench *bench)
{
    weir_key key = key_of(bench, 9);
    return wr_timers_register(bench->timers, WEIR_EVENT_TIME, &key, weir_bytes_of(NULL, 0), 5);
}

static weir_status
delete_timer(struct bench *bench)
{
    weir_key key = key_of(bench, 3);
    return wr_timers_delete(bench->timers, WEIR_EVENT_TIME, &key, weir_bytes_of(NULL, 0), 103);
}

static weir_status
pop_timer(struct bench *bench)
{
    struct wr_timer timer;
    return wr_timers_pop_due(bench->timers, WEIR_EVENT_TIME, 1000, &timer);
}

static weir_status
create_another(struct bench *bench)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_LIST, "another", average_type());
    weir_state *state = NULL;
    return weir_backend_create_state(bench->c->task.backend, &descriptor, &state,
                                     &bench->c->rig.error);
}

static weir_status
take_a_snapshot(struct bench *bench)
{
    struct engine_set *set = NULL;
    weir_status status = engine_snapshot_take(&bench->c->rig, &bench->c->task, &set);
    engine_set_release(&bench->c->rig, set);
    return status;
}

/* --- the runs --- */

static void
fill(struct bench *bench)
{
    struct contract *c = bench->c;
    bench->values = make_value(c, "values", i64_type());
    bench->texts = make_value(c, "texts", text_type());
    bench->lists = make_list(c, "lists", i64_type());
    bench->maps = make_map(c, "maps", i64_type());
    bench->notes = make_map(c, "notes", text_type());
    bench->sums = make_sum(c, "sums", i64_type());
    bench->averages = make_average(c, "averages", NULL);
    OK(wr_timers_create(c->task.backend, "t", NULL, &bench->timers, &c->rig.error));
    for (int64_t key = 0; key < KEYS; key++) {
        put(c, bench->values, key, key);
        bind(c, bench->texts, key);
        OK(weir_value_put(bench->texts, text("some text")));
        for (int64_t i = 0; i <= key * 2; i++) {
            list_add(c, bench->lists, key, i);
            map_put(c, bench->maps, key, i, i);
        }
        bind(c, bench->notes, key);
        OK(weir_map_put(bench->notes, number(key), text("a note")));
        for (int64_t window = 0; window < 2; window++) {
            in_namespace(c, bench->sums, window);
            bind(c, bench->sums, key);
            OK(weir_reducing_add(bench->sums, number(key + window)));
        }
        bind(c, bench->averages, key);
        OK(weir_aggregating_add(bench->averages, number(key)));
        weir_key made = key_of(bench, key);
        OK(wr_timers_register(bench->timers, WEIR_EVENT_TIME, &made, weir_bytes_of(NULL, 0),
                              100 + key));
    }
}

static void
fill_more(struct bench *bench)
{
    struct contract *c = bench->c;
    for (int64_t key = 100; key < 100 + bench->more; key++) {
        put(c, bench->values, key, key);
        bind(c, bench->texts, key);
        OK(weir_value_put(bench->texts,
                          text("a text that takes up some of the room that is left")));
        list_add(c, bench->lists, key, key);
        map_put(c, bench->maps, key, key, key);
        in_namespace(c, bench->sums, 0);
        bind(c, bench->sums, key);
        OK(weir_reducing_add(bench->sums, number(key)));
        bind(c, bench->averages, key);
        OK(weir_aggregating_add(bench->averages, number(key)));
    }
}

/* The n-th request is refused once: true if there was one. */
static bool
run_verb(struct bench *bench, uint64_t n)
{
    struct contract *c = bench->c;
    struct wr_buffer before;
    struct wr_buffer after;
    engine_task_close(&c->rig, &c->task);
    alloc_fault_init(&bench->fault, 0, false);
    c->rig.alloc = c->rig.copies = alloc_fault_alloc(&bench->fault);
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    fill(bench);
    fill_more(bench);
    if (bench->has_snapshot) {
        OK(engine_snapshot_begin(&c->rig, &c->task, &bench->open));
    }
    describe_all(bench, &before);
    bench->fault.requests = 0;
    bench->fault.fail_at = n;
    weir_status status = bench->verb(bench);
    bench->fault.fail_at = 0;
    bool was_refused = bench->fault.refused != 0;
    describe_all(bench, &after);
    if (status != WEIR_OK) {
        assert_int_equal(status, WEIR_NOMEM);
        assert_true(was_refused);
        assert_string_equal((char *)before.data, (char *)after.data);
        OK(bench->verb(bench)); /* and it can be done again */
    }
    if (bench->has_snapshot) {
        engine_snapshot_abort(&c->rig, &bench->open);
    }
    wr_buffer_fini(&before);
    wr_buffer_fini(&after);
    wr_timers_destroy(bench->timers);
    engine_task_close(&c->rig, &c->task);
    assert_int_equal(alloc_fault_leaks(&bench->fault, stdout), 0);
    alloc_fault_fini(&bench->fault);
    c->rig.alloc = c->rig.copies = wr_memory_system();
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    return was_refused;
}

static void
refuse_each(struct contract *c, weir_status (*const *verbs)(struct bench *), size_t count)
{
    static struct bench bench;
    if (!c->rig.engine->counts_memory) {
        return;
    }
    uint64_t refusals = 0;
    enum {
        MORE = 40
    };
    for (size_t i = 0; i < 2 * count * MORE; i++) {
        bench = (struct bench){ .c = c,
                                .verb = verbs[i / 2 % count],
                                .has_snapshot = i % 2 == 1,
                                .more = (int64_t)(i / (2 * count)) * 3 };
        for (uint64_t n = 1; run_verb(&bench, n); n++) {
            refusals++;
        }
    }
    assert_true(refusals != 0);
}

CASE(refused_memory_leaves_values_as_they_were)
{
    static weir_status (*const verbs[])(struct bench *) = { put_new, upsert_new, put_longer_text,
                                                            put_giant_text };
    refuse_each(c, verbs, sizeof verbs / sizeof verbs[0]);
}

CASE(refused_memory_leaves_lists_as_they_were)
{
    static weir_status (*const verbs[])(struct bench *) = { add_to_list, add_many_to_list,
                                                            update_list, clear_list };
    refuse_each(c, verbs, sizeof verbs / sizeof verbs[0]);
}

CASE(refused_memory_leaves_maps_as_they_were)
{
    static weir_status (*const verbs[])(struct bench *) = { put_into_map, upsert_into_map,
                                                            put_giant_into_map, remove_from_map,
                                                            clear_map };
    refuse_each(c, verbs, sizeof verbs / sizeof verbs[0]);
}

CASE(refused_memory_leaves_folded_state_as_it_was)
{
    static weir_status (*const verbs[])(struct bench *) = { add_to_sum, add_to_average,
                                                            merge_sums };
    refuse_each(c, verbs, sizeof verbs / sizeof verbs[0]);
}

CASE(refused_memory_leaves_timers_as_they_were)
{
    static weir_status (*const verbs[])(struct bench *) = { register_timer, delete_timer,
                                                            pop_timer };
    refuse_each(c, verbs, sizeof verbs / sizeof verbs[0]);
}

CASE(refused_memory_fails_states_and_snapshots_cleanly)
{
    static weir_status (*const verbs[])(struct bench *) = { create_another, take_a_snapshot };
    refuse_each(c, verbs, sizeof verbs / sizeof verbs[0]);
}

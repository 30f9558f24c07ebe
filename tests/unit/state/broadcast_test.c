/* SPDX-License-Identifier: Apache-2.0 */
/* broadcast state: a map by ascending key, its snapshot, and what is refused. */
#include "state/operator_state.h"
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

static weir_state_descriptor
rules_of(weir_kind key_kind, weir_kind kind)
{
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = WEIR_STATE_BROADCAST,
                                    .name = "rules",
                                    .type = weir_type_of_kind(kind),
                                    .map_key_type = weir_type_of_kind(key_kind) };
}

static weir_bytes
text(const char *words)
{
    return weir_bytes_of_text(words);
}

static weir_broadcast *
open_rules(const weir_alloc *alloc, struct wr_operator_state **out_state)
{
    weir_state_descriptor descriptor = rules_of(WEIR_STRING, WEIR_I64);
    weir_broadcast *rules = NULL;
    weir_error error;
    assert_ok(wr_operator_state_create(alloc, "match", out_state), NULL);
    assert_ok(wr_operator_state_broadcast(*out_state, &descriptor, &rules, &error), &error);
    wr_operator_state_set_writable(*out_state, true);
    return rules;
}

static void
put_number(weir_broadcast *rules, const char *key, int64_t number)
{
    assert_ok(weir_broadcast_put(rules, text(key), weir_bytes_of(&number, sizeof number)), NULL);
}

TEST(broadcast_state_is_a_map_by_ascending_key)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_operator_state *all = NULL;
    weir_broadcast *rules = open_rules(&alloc, &all);
    weir_broadcast *again = NULL;
    weir_state_descriptor descriptor = rules_of(WEIR_STRING, WEIR_I64);
    assert_ok(wr_operator_state_broadcast(all, &descriptor, &again, NULL), NULL);
    assert_ptr_equal(rules, again);
    char words[16];
    for (int64_t round = 0; round < 50; round++) { /* what is replaced does not pile up */
        for (int64_t i = 0; i < 300; i++) {
            snprintf(words, sizeof words, "%03d", (int)(i * 7 % 300));
            put_number(rules, words, i + round);
        }
    }
    put_number(rules, "", -1);
    assert_ok(weir_broadcast_put(rules, text("null"), weir_bytes_of(NULL, 0)), NULL);
    assert_int_equal(weir_broadcast_count(rules), 302);
    weir_bytes key;
    weir_bytes value;
    weir_cursor cursor = { .word = { 0 } };
    for (int64_t i = -1; i < 300; i++) {
        assert_ok(weir_broadcast_next(rules, &cursor, &key, &value), NULL);
        snprintf(words, sizeof words, "%03d", (int)i);
        assert_int_equal(key.size, i < 0 ? 0 : 3);
        assert_memory_equal(key.data, words, key.size);
        assert_int_equal((uintptr_t)value.data % 8, 0);
        if (i >= 0) {
            assert_int_equal(*(const int64_t *)value.data * 7 % 300, (i + 7 * 49) % 300);
        }
        if (i % 2 == 0) { /* the one given last may go, or be put anew */
            assert_ok(weir_broadcast_remove(rules, key), NULL);
        } else {
            assert_ok(weir_broadcast_put(rules, key, value), NULL); /* lent from the map itself */
        }
    }
    assert_ok(weir_broadcast_next(rules, &cursor, &key, &value), NULL);
    assert_null(value.data);
    assert_int_equal(weir_broadcast_next(rules, &cursor, &key, &value), WEIR_NOT_FOUND);
    assert_int_equal(weir_broadcast_count(rules), 152);
    assert_int_equal(weir_broadcast_get(rules, text("002"), &value), WEIR_NOT_FOUND);
    assert_ok(weir_broadcast_get(rules, text("003"), &value), NULL);
    assert_ok(weir_broadcast_remove(rules, text("002")), NULL);
    weir_broadcast_clear(rules);
    assert_int_equal(weir_broadcast_count(rules), 0);
    assert_int_equal(weir_broadcast_get(rules, text("003"), &value), WEIR_NOT_FOUND);
    wr_operator_state_destroy(all);
}

TEST(broadcast_state_is_written_on_its_own_side_only)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_operator_state *all = NULL;
    weir_broadcast *rules = open_rules(&alloc, &all);
    int64_t one = 1;
    weir_bytes number = weir_bytes_of(&one, sizeof one);
    put_number(rules, "a", 1);
    weir_error error;
    assert_ok(wr_operator_state_failure(all, &error), &error);
    wr_operator_state_set_writable(all, false);
    assert_int_equal(weir_broadcast_put(rules, text("b"), number), WEIR_INVALID);
    assert_int_equal(weir_broadcast_remove(rules, text("a")), WEIR_INVALID);
    weir_broadcast_clear(rules);
    assert_int_equal(weir_broadcast_count(rules), 1);
    assert_int_equal(wr_operator_state_failure(all, &error), WEIR_INVALID); /* remembered */
    assert_non_null(strstr(error.message, "broadcast state 'rules'"));
    wr_operator_state_set_writable(all, true);
    assert_int_equal(weir_broadcast_put(rules, text("\xff"), number), WEIR_INVALID);
    assert_int_equal(weir_broadcast_put(rules, text("b"), weir_bytes_of(&one, 7)), WEIR_INVALID);
    assert_int_equal(weir_broadcast_put(rules, text("b"), weir_bytes_of(NULL, 7)), WEIR_INVALID);
    assert_int_equal(weir_broadcast_put(NULL, text("b"), number), WEIR_INVALID);
    weir_state_descriptor other = rules_of(WEIR_I64, WEIR_I64);
    weir_broadcast *wrong = NULL;
    weir_operator_list *list = NULL;
    assert_int_equal(wr_operator_state_broadcast(all, &other, &wrong, &error), WEIR_VERSION);
    other = rules_of(WEIR_STRING, WEIR_F64);
    assert_int_equal(wr_operator_state_broadcast(all, &other, &wrong, &error), WEIR_VERSION);
    other.map_key_type = NULL;
    assert_int_equal(wr_operator_state_broadcast(all, &other, &wrong, &error), WEIR_INVALID);
    other.kind = WEIR_STATE_LIST;
    other.list_mode = WEIR_LIST_UNION;
    assert_int_equal(wr_operator_state_list(all, &other, &list, &error), WEIR_VERSION);
    assert_non_null(strstr(error.message, "restored BROADCAST, asked for UNION"));
    assert_int_equal(wr_operator_state_broadcast(all, &other, &wrong, &error), WEIR_INVALID);
    wr_operator_state_destroy(all);
}

struct restoring {
    struct wr_operator_state *state;
    weir_state_descriptor descriptor;
};

static weir_status
restore_entry(void *argument, weir_bytes key, weir_bytes value)
{
    const struct restoring *restoring = argument;
    weir_error error;
    assert_ok(wr_operator_state_restore_entry(restoring->state, &restoring->descriptor, key, value,
                                              &error),
              &error);
    return WEIR_OK;
}

TEST(broadcast_state_comes_through_a_snapshot_as_it_was)
{
    struct rig rig;
    rig_init(&rig);
    struct wr_operator_state *all = NULL;
    weir_broadcast *rules = open_rules(&rig.alloc, &all);
    char words[40];
    for (int64_t i = 0; i < 2000; i++) {
        snprintf(words, sizeof words, "rule %d", (int)i);
        put_number(rules, words, i);
    }
    assert_ok(weir_broadcast_put(rules, text("null"), weir_bytes_of(NULL, 0)), NULL);
    struct wr_operator_snapshot *copy = NULL;
    assert_ok(wr_operator_state_copy(all, &copy, &rig.error), &rig.error);
    weir_broadcast_clear(rules); /* the copy owns all it needs */
    wr_operator_state_destroy(all);
    weir_state_descriptor described;
    uint64_t count = 0;
    assert_int_equal(wr_operator_snapshot_count(copy), 1);
    wr_operator_snapshot_describe(copy, 0, &described, &count);
    assert_int_equal(described.kind, WEIR_STATE_BROADCAST);
    assert_int_equal(count, 2001);
    struct rig_file file;
    rig_file_begin(&rig, &file, 1, 4096);
    bool done = false;
    while (!done) {
        assert_ok(wr_operator_snapshot_turn(copy, file.writer, 1000, &done, &rig.error),
                  &rig.error);
        rig_io(&rig);
    }
    rig_file_finish(&rig, &file);
    wr_operator_snapshot_destroy(copy);
    weir_block_reader *reader = rig_file_read(&rig, &file, 1, 0);
    struct restoring restoring = { .descriptor = rules_of(WEIR_STRING, WEIR_I64) };
    assert_ok(wr_operator_state_create(&rig.alloc, "match", &restoring.state), NULL);
    assert_ok(wr_state_file_map(reader, "rules", restore_entry, &restoring, &rig.error),
              &rig.error);
    wr_state_file_close(reader);
    assert_ok(
        wr_operator_state_broadcast(restoring.state, &restoring.descriptor, &rules, &rig.error),
        &rig.error);
    assert_int_equal(weir_broadcast_count(rules), 2001);
    weir_bytes value;
    for (int64_t i = 0; i < 2000; i++) {
        snprintf(words, sizeof words, "rule %d", (int)i);
        assert_ok(weir_broadcast_get(rules, text(words), &value), NULL);
        assert_int_equal(*(const int64_t *)value.data, i);
    }
    assert_ok(weir_broadcast_get(rules, text("null"), &value), NULL);
    assert_null(value.data);
    assert_int_equal(wr_operator_state_restore_entry(restoring.state, &restoring.descriptor,
                                                     text("x"), text("short"), &rig.error),
                     WEIR_CORRUPT);
    wr_operator_state_destroy(restoring.state);
    rig_fini(&rig);
}

static bool
with_refusal(uint64_t n)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_operator_state *state = NULL;
    weir_broadcast *rules = open_rules(&alloc, &state);
    fault.fail_at = fault.requests + n;
    char words[16];
    for (int64_t i = 0; i < 200; i++) {
        snprintf(words, sizeof words, "%d", (int)(i % 120));
        weir_bytes value = weir_bytes_of(&i, sizeof i);
        weir_status status = weir_broadcast_put(rules, text(words), value);
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_NOMEM);
            assert_int_equal(weir_broadcast_count(rules), i < 120 ? i : 120);
            assert_ok(weir_broadcast_put(rules, text(words), value), NULL);
        }
        assert_ok(weir_broadcast_get(rules, text(words), &value), NULL);
        assert_int_equal(*(const int64_t *)value.data, i);
    }
    struct wr_operator_snapshot *copy = NULL;
    weir_status status = wr_operator_state_copy(state, &copy, NULL);
    assert_true(status == WEIR_OK || status == WEIR_NOMEM);
    wr_operator_snapshot_destroy(copy);
    bool was_refused = fault.refused != 0;
    wr_operator_state_destroy(state);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    return was_refused;
}

TEST(a_refused_allocation_leaves_broadcast_state_as_it_was)
{
    uint64_t n = 1;
    while (with_refusal(n)) {
        n++;
    }
    assert_true(n > 10);
}

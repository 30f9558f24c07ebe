/* SPDX-License-Identifier: Apache-2.0 */
/* memory: state of five times the budget, written and read at random: the process grows by no more
 * than the budget and a tenth, and no read fails because the cache is full. With 512 MiB where
 * WEIR_TEST_LONG is set; with less in make test, where what the library and its threads take
 * whatever the budget counts by itself.
 */
#include "unit/rocks/rocks_rig.h"

#include "base/rng.h"
#include "os/os.h"

#include <stdlib.h>

enum {
    VALUE_BYTES = 1000,
    TIMES = 5,
    READS = 20000,
    LIBRARY_BYTES = 12 << 20 /* in make test: threads, open tables, the allocator's own */
};

#ifdef __SANITIZE_ADDRESS__
static const bool is_sanitized = true; /* what is resident is the sanitizer's, then */
#else
static const bool is_sanitized = false;
#endif

static struct engine_rig rig;

/* The value of a key: of nothing that could be compressed to less. */
static size_t
value_of(int64_t number, uint8_t *block)
{
    char text[VALUE_BYTES + 1];
    struct wr_rng rng;
    wr_rng_init(&rng, (uint64_t)number);
    for (size_t i = 0; i < VALUE_BYTES; i++) {
        text[i] = (char)(33 + wr_rng_below(&rng, 90));
    }
    text[VALUE_BYTES] = '\0';
    return rocks_text(block, text);
}

static void
check_memory(uint64_t budget, uint64_t most)
{
    uint8_t block[VALUE_BYTES + 64];
    struct engine_task task;
    struct rocks_key key;
    struct wr_os *os = wr_os_posix();
    char words[40];
    rocks_begin(&rig, &rocks_full);
    snprintf(words, sizeof words, "%llu", (unsigned long long)budget);
    assert_int_equal(weir_options_create(NULL, &rig.options), WEIR_OK);
    assert_ok(weir_options_set(rig.options, "state.backend.rocksdb.memory.fixed-per-slot", words,
                               WEIR_LEVEL_COMMAND, "test", &rig.error),
              &rig.error);
    const uint64_t before = os->ops->resident_bytes(os);
    uint64_t highest = before;
    rocks_open(&rig, &task);
    weir_state *texts = rocks_state(&rig, &task, WEIR_STATE_VALUE, "texts", WEIR_STRING);
    const int64_t keys = (int64_t)(budget * TIMES / VALUE_BYTES);
    for (int64_t i = 0; i < keys; i++) {
        size_t size = value_of(i, block);
        rocks_bind(&rig, texts, &key, i);
        assert_ok(weir_value_put(texts, weir_bytes_of(block, size)), NULL);
        if (i % 1024 == 0) {
            uint64_t now = os->ops->resident_bytes(os);
            highest = now > highest ? now : highest;
        }
    }
    struct wr_rng rng;
    wr_rng_init(&rng, 5);
    for (int i = 0; i < READS; i++) {
        int64_t number = (int64_t)wr_rng_below(&rng, (uint64_t)keys);
        size_t size = value_of(number, block);
        weir_bytes found;
        rocks_bind(&rig, texts, &key, number);
        assert_ok(weir_value_get(texts, &found), NULL);
        assert_int_equal(found.size, size);
        assert_memory_equal(found.data, block, size);
        if (i % 256 == 0) {
            uint64_t now = os->ops->resident_bytes(os);
            highest = now > highest ? now : highest;
        }
    }
    printf("budget %llu MiB: grew by %llu MiB\n", (unsigned long long)budget >> 20,
           (unsigned long long)(highest - before) >> 20);
    assert_in_range(highest - before, budget / 8, most); /* less: it was not filled */
    engine_task_close(&rig, &task);
    weir_options_destroy(rig.options);
    rig.options = NULL;
    engine_rig_fini(&rig);
}

TEST(state_of_five_times_the_budget_stays_within_it)
{
    if (is_sanitized) {
        skip();
    }
    bool is_long = getenv("WEIR_TEST_LONG") != NULL;
    uint64_t budget = (uint64_t)(is_long ? 512 : 32) << 20;
    check_memory(budget, budget + budget / 10 + (is_long ? 0 : LIBRARY_BYTES));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* threads_test: mailbox and parker between real threads. */
#include "support/test.h"

#include "base/mailbox.h"
#include "os/thread.h"

#include <stdlib.h>

enum {
    SENDERS = 4,
    LETTERS = 50000
};

struct numbered {
    struct wr_letter letter;
    int sender;
    int number;
};

struct sender {
    struct wr_mailbox *mailbox;
    struct wr_parker *parker;
    struct numbered *letters;
};

static void
send_all(void *argument)
{
    const struct sender *sender = argument;
    for (int i = 0; i < LETTERS; i++) {
        wr_mailbox_push(sender->mailbox, &sender->letters[i].letter);
        wr_parker_wake(sender->parker);
    }
}

/* Were one wake lost, the receiver would sleep for ever and the test run into its timeout: nothing
 * else ends its sleep. */
TEST(mailbox_and_parker_lose_nothing_between_four_senders_and_one_receiver)
{
    struct wr_os *os = wr_os_posix();
    struct wr_mailbox mailbox;
    struct wr_parker parker;
    struct sender senders[SENDERS];
    struct wr_os_thread *threads[SENDERS];
    int next[SENDERS] = { 0 };
    wr_mailbox_init(&mailbox);
    wr_parker_init(&parker, os);
    for (int i = 0; i < SENDERS; i++) {
        struct numbered *letters = calloc(LETTERS, sizeof *letters);
        assert_non_null(letters);
        for (int j = 0; j < LETTERS; j++) {
            letters[j].sender = i;
            letters[j].number = j;
        }
        senders[i] = (struct sender){ &mailbox, &parker, letters };
        assert_int_equal(os->ops->thread_start(os, "sender", send_all, &senders[i], &threads[i]),
                         0);
    }
    for (int received = 0; received < SENDERS * LETTERS;) {
        uint32_t ticket = wr_parker_prepare(&parker);
        const struct wr_letter *letter = wr_mailbox_pop(&mailbox);
        if (letter == NULL) {
            wr_parker_sleep(&parker, ticket, UINT64_MAX);
            continue;
        }
        wr_parker_cancel(&parker);
        for (; letter != NULL; letter = wr_mailbox_pop(&mailbox)) {
            const struct numbered *numbered = (const struct numbered *)letter;
            assert_int_equal(numbered->number, next[numbered->sender]);
            next[numbered->sender]++;
            received++;
        }
    }
    assert_true(wr_mailbox_is_empty(&mailbox));
    for (int i = 0; i < SENDERS; i++) {
        os->ops->thread_join(os, threads[i]);
        free(senders[i].letters);
    }
}

/* A ball between two threads: each sleeps until the other has moved it on. */
enum {
    ROUNDS = 20000
};

struct player {
    _Atomic int *ball;
    int odd;
    struct wr_parker *mine;
    struct wr_parker *other;
};

static void
play(void *argument)
{
    const struct player *player = argument;
    for (;;) {
        uint32_t ticket = wr_parker_prepare(player->mine);
        int at = atomic_load_explicit(player->ball, memory_order_relaxed);
        if (at % 2 != player->odd && at < ROUNDS) {
            wr_parker_sleep(player->mine, ticket, UINT64_MAX);
            continue;
        }
        wr_parker_cancel(player->mine);
        if (at >= ROUNDS) {
            wr_parker_wake(player->other);
            return;
        }
        atomic_store_explicit(player->ball, at + 1, memory_order_relaxed);
        wr_parker_wake(player->other);
    }
}

TEST(parker_loses_no_wake_in_a_ping_pong)
{
    struct wr_os *os = wr_os_posix();
    _Atomic int ball = 0;
    struct wr_parker one;
    struct wr_parker two;
    wr_parker_init(&one, os);
    wr_parker_init(&two, os);
    struct player even = { &ball, 0, &one, &two };
    struct player odd = { &ball, 1, &two, &one };
    struct wr_os_thread *thread = NULL;
    assert_int_equal(os->ops->thread_start(os, "odd", play, &odd, &thread), 0);
    play(&even);
    os->ops->thread_join(os, thread);
    assert_int_equal(ball, ROUNDS);
}

TEST(parker_wakes_by_timeout_and_by_a_wake_before_sleep)
{
    struct wr_os *os = wr_os_posix();
    struct wr_parker parker;
    wr_parker_init(&parker, os);
    uint32_t ticket = wr_parker_prepare(&parker);
    uint64_t before = os->ops->monotonic_ns(os);
    wr_parker_sleep(&parker, ticket, 3000000);
    assert_true(os->ops->monotonic_ns(os) - before >= 2000000);
    ticket = wr_parker_prepare(&parker);
    wr_parker_wake(&parker);
    wr_parker_sleep(&parker, ticket, UINT64_MAX);
    wr_parker_wake(&parker); /* nobody sleeps: nothing happens */
    assert_int_equal(parker.word, 1);
}

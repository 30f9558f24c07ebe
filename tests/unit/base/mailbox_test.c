/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox_test: order, with one thread. Several threads: tests/unit/os/mailbox_threads_test.c. */
#include "support/test.h"

#include "base/mailbox.h"

TEST(mailbox_gives_letters_in_the_order_of_pushes)
{
    struct wr_mailbox mailbox;
    struct wr_letter letters[6];
    wr_mailbox_init(&mailbox);
    assert_true(wr_mailbox_is_empty(&mailbox));
    assert_null(wr_mailbox_pop(&mailbox));
    wr_mailbox_push(&mailbox, &letters[0]);
    wr_mailbox_push(&mailbox, &letters[1]);
    wr_mailbox_push(&mailbox, &letters[2]);
    assert_false(wr_mailbox_is_empty(&mailbox));
    assert_ptr_equal(wr_mailbox_pop(&mailbox), &letters[0]);
    wr_mailbox_push(&mailbox, &letters[3]); /* behind those taken over already */
    assert_ptr_equal(wr_mailbox_pop(&mailbox), &letters[1]);
    assert_ptr_equal(wr_mailbox_pop(&mailbox), &letters[2]);
    assert_false(wr_mailbox_is_empty(&mailbox));
    wr_mailbox_push(&mailbox, &letters[4]);
    assert_ptr_equal(wr_mailbox_pop(&mailbox), &letters[3]);
    assert_ptr_equal(wr_mailbox_pop(&mailbox), &letters[4]);
    assert_null(wr_mailbox_pop(&mailbox));
    assert_true(wr_mailbox_is_empty(&mailbox));
    wr_mailbox_push(&mailbox, &letters[5]);
    assert_ptr_equal(wr_mailbox_pop(&mailbox), &letters[5]);
}

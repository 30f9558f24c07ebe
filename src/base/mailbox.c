/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox: letters from any thread to one.
 *
 *   push:  pushed --> [newest] -> ... -> [oldest] -> NULL      compare-and-swap at the head
 *   pop:   takes the whole pushed list in one exchange, turns it round, and serves from `ordered`
 *
 * Invariants:
 *   (1) Everything in `ordered` was pushed before everything in `pushed`: the receiver takes the
 *       pushed list only when `ordered` is empty. So each sender's letters arrive in the order in
 *       which it pushed them.
 *   (2) Letters leave `pushed` all at once only; no single letter is ever unlinked there, hence no
 *       ABA.
 */
#include "base/mailbox.h"

#include <stddef.h>

void
wr_mailbox_init(struct wr_mailbox *mailbox)
{
    atomic_init(&mailbox->pushed, NULL);
    mailbox->ordered = NULL;
}

void
wr_mailbox_push(struct wr_mailbox *mailbox, struct wr_letter *letter)
{
    struct wr_letter *head = atomic_load_explicit(&mailbox->pushed, memory_order_relaxed);
    do {
        letter->next = head;
        /* release: pairs with the acquire in wr_mailbox_pop; the letter's content and its next
         * become visible with it. */
    } while (!atomic_compare_exchange_weak_explicit(&mailbox->pushed, &head, letter,
                                                    memory_order_release, memory_order_relaxed));
}

struct wr_letter *
wr_mailbox_pop(struct wr_mailbox *mailbox)
{
    if (mailbox->ordered == NULL) {
        if (atomic_load_explicit(&mailbox->pushed, memory_order_relaxed) == NULL) {
            return NULL; /* a plain load keeps the line shared while there is nothing */
        }
        /* acquire: pairs with the release in wr_mailbox_push. Each push is a read-modify-write, so
         * the release of every earlier one in the list is seen through the newest. */
        struct wr_letter *letter =
            atomic_exchange_explicit(&mailbox->pushed, NULL, memory_order_acquire);
        while (letter != NULL) {
            struct wr_letter *older = letter->next;
            letter->next = mailbox->ordered;
            mailbox->ordered = letter;
            letter = older;
        }
    }
    struct wr_letter *first = mailbox->ordered;
    mailbox->ordered = first->next;
    first->next = NULL;
    return first;
}

bool
wr_mailbox_is_empty(const struct wr_mailbox *mailbox)
{
    return mailbox->ordered == NULL &&
           atomic_load_explicit(&mailbox->pushed, memory_order_relaxed) == NULL;
}

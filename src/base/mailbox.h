/* SPDX-License-Identifier: Apache-2.0 */
/* base/mailbox.h: letters from any thread to one. Lock-free, intrusive, first in first out per
 * sender.
 *
 * A letter is embedded first in the message and belongs to the receiver from push on.
 */
#ifndef WR_BASE_MAILBOX_H
#define WR_BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

struct wr_letter {
    struct wr_letter *next;
};

struct wr_mailbox {
    _Atomic(struct wr_letter *) pushed; /* newest first; any thread pushes */
    struct wr_letter *ordered;          /* oldest first; the receiver's alone */
};

void wr_mailbox_init(struct wr_mailbox *mailbox);
void wr_mailbox_push(struct wr_mailbox *mailbox, struct wr_letter *letter); /* Thread: any */
struct wr_letter *wr_mailbox_pop(struct wr_mailbox *mailbox); /* NULL: empty. Thread: receiver */
bool wr_mailbox_is_empty(const struct wr_mailbox *mailbox);   /* Thread: receiver */

#endif /* WR_BASE_MAILBOX_H */

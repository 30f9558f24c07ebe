/* SPDX-License-Identifier: Apache-2.0 */
/* executor: a mailbox of work and the parker of the thread that does it. */
#include "os/executor.h"

void
wr_executor_init(struct wr_executor *executor, struct wr_os *os)
{
    wr_mailbox_init(&executor->queue);
    wr_parker_init(&executor->parker, os);
}

void
wr_executor_push(struct wr_executor *executor, struct wr_work *work)
{
    wr_mailbox_push(&executor->queue, &work->letter);
    wr_parker_wake(&executor->parker);
}

bool
wr_executor_step(struct wr_executor *executor)
{
    struct wr_letter *letter = wr_mailbox_pop(&executor->queue);
    if (letter == NULL) {
        return false;
    }
    struct wr_work *work = (struct wr_work *)letter;
    work->run(work);
    return true;
}

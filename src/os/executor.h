/* SPDX-License-Identifier: Apache-2.0 */
/* os/executor.h: work for one thread, in order. The io thread is one: snapshot writes, fsyncs,
 * commits and drops. In the one-thread run wr_executor_step is called in turn with all else.
 */
#ifndef WR_OS_EXECUTOR_H
#define WR_OS_EXECUTOR_H

#include "base/mailbox.h"
#include "os/thread.h"

#include <stdbool.h>

/* A piece of work; embedded first. `run` is called once, then the memory is the runner's or its
 * reply's again. */
struct wr_work {
    struct wr_letter letter;
    void (*run)(struct wr_work *work);
};

struct wr_executor {
    struct wr_mailbox queue;
    struct wr_parker parker;
};

void wr_executor_init(struct wr_executor *executor, struct wr_os *os);
void wr_executor_push(struct wr_executor *executor, struct wr_work *work); /* Thread: any */
bool wr_executor_step(
    struct wr_executor *executor); /* runs one; false: nothing to do. Thread: io */

#endif /* WR_OS_EXECUTOR_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* base/role.h: the kinds of threads, each named once, with what it owns.
 *
 *   task         steps the subtasks of one worker; sole owner of their state, channels' ends and
 *                functions
 *   coordinator  owns the job's and the checkpoint coordinator's state; decides, never does I/O
 *   io           writes and fsyncs snapshots, completes and drops checkpoints
 *   host         the embedder's thread that creates, starts, waits for and destroys the job
 *
 * WR_ON(role) on a declaration makes clang warn about a call from another role's code; gcc sees
 * nothing. A step function of a role enters it first; in the one-thread run one thread enters each
 * in turn.
 */
#ifndef WR_BASE_ROLE_H
#define WR_BASE_ROLE_H

#if defined(__clang__)
#define WR_ROLE_ATTR(x) __attribute__((x))
#else
#define WR_ROLE_ATTR(x)
#endif

struct WR_ROLE_ATTR(capability("role")) wr_role {
    int unused;
};

extern struct wr_role wr_role_task, wr_role_coordinator, wr_role_io;

#define WR_ON(role) WR_ROLE_ATTR(requires_capability(wr_role_##role))

void wr_role_enter_task(void) WR_ROLE_ATTR(assert_capability(wr_role_task));
void wr_role_enter_coordinator(void) WR_ROLE_ATTR(assert_capability(wr_role_coordinator));
void wr_role_enter_io(void) WR_ROLE_ATTR(assert_capability(wr_role_io));

#endif /* WR_BASE_ROLE_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* role: the roles as objects that clang's thread-safety analysis can name. Nothing happens at run
 * time: entering a role is a promise of the caller's, and the analysis believes it from there on.
 */
#include "base/role.h"

struct wr_role wr_role_task, wr_role_coordinator, wr_role_io;

void
wr_role_enter_task(void)
{
}

void
wr_role_enter_coordinator(void)
{
}

void
wr_role_enter_io(void)
{
}

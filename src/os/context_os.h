/* SPDX-License-Identifier: Apache-2.0 */
/* os/context_os.h: how our connectors reach the os table, so that faulty and simulated runs reach
 * them. Defined by runtime/context.c. */
#ifndef WR_OS_CONTEXT_OS_H
#define WR_OS_CONTEXT_OS_H

#include "os/os.h"

struct weir_context;
struct wr_os *wr_context_os(struct weir_context *context);

#endif /* WR_OS_CONTEXT_OS_H */

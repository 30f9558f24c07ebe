/* SPDX-License-Identifier: Apache-2.0 */
/* os/module.h: weir's own modules (libweir-NAME.so), loaded when they are asked for.
 *
 * They are looked for beside what holds this code, in its parent, in ../lib of it, in weir/ below
 * these, then on the loader's path. Thread: any.
 */
#ifndef WR_OS_MODULE_H
#define WR_OS_MODULE_H

#include "os/os.h"
#include "weir/status.h"

/* `object` is then the caller's, to unload. WEIR_NOT_FOUND: nowhere; the words end with what the
 * loader says. WEIR_INVALID: it is there but does not load. */
weir_status wr_module_load(struct wr_os *os, const char *name, void **out_object, weir_error *err);

#endif /* WR_OS_MODULE_H */

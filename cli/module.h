/* SPDX-License-Identifier: Apache-2.0 */
/* module.h: a module of weir's that the command line loads itself. Thread: main. */
#ifndef CLI_MODULE_H
#define CLI_MODULE_H

#include <stdbool.h>

/* Loads "libweir-NAME.so" from beside libweir, from its folder weir/ where modules are installed,
 * else from where the loader looks. NULL: dlerror() says why; *out_is_there (may be NULL): it is
 * there all the same. It stays loaded. */
void *cli_module_open(const char *file_name, bool *out_is_there);

#endif /* CLI_MODULE_H */

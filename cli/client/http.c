/* SPDX-License-Identifier: Apache-2.0 */
/* http: finds the module libweir-http.so. */
#include "http.h"

#include "cli.h"
#include "module.h"

#include <dlfcn.h>
#include <stddef.h>

#define MODULE "libweir-http.so"

const struct cli_http_table *
cli_http(void)
{
    static const struct cli_http_table *found;
    if (found != NULL) {
        return found;
    }
    void *object = cli_module_open(MODULE, NULL);
    if (object == NULL) {
        cli_say('e',
                "asking a running job needs the module " MODULE ": %s. Install it, or build weir "
                "where libcurl is",
                dlerror());
        return NULL;
    }
    const struct cli_http_table *table = dlsym(object, "weir_http_module");
    if (table == NULL || table->magic != CLI_HTTP_MAGIC || table->version != CLI_HTTP_VERSION) {
        cli_say('e', MODULE " is not this weir's: install the one of version " CLI_VERSION);
        return NULL;
    }
    found = table;
    return found;
}

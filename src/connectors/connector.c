/* SPDX-License-Identifier: Apache-2.0 */
/* connector: options and failures, the same way for all connectors. */
#include "connectors/connector.h"

enum {
    OPTIONS_SIZE_MAX = 4096
};

bool
wr_connector_take_options(weir_environment *environment, const char *what, const void *options,
                          void *out_options, size_t out_size)
{
    uint32_t size = 0;
    if (options != NULL) {
        memcpy(&size, options, sizeof size);
    }
    if (size < sizeof size || size > OPTIONS_SIZE_MAX) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "%s: its options have no size: set .size = sizeof(options)",
                                    what);
        return false;
    }
    memset(out_options, 0, out_size);
    memcpy(out_options, options, size < out_size ? size : out_size);
    return true;
}

weir_status
wr_connector_fail(weir_context *context, weir_status status, const weir_error *error)
{
    const char *words = error->status != WEIR_OK ? error->message : weir_status_meaning(status);
    return weir_context_fail(context, status, "%s", words);
}

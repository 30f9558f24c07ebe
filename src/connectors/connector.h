/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/connector.h: what every connector needs: its options as they were compiled, and
 * failures of the rooms below passed on to the task. */
#ifndef WR_CONNECTORS_CONNECTOR_H
#define WR_CONNECTORS_CONNECTOR_H

#include "weir/function.h"
#include "weir/stream.h"

/* Copies a user's options struct, which begins with its size, over zeros: fields that an older
 * header did not have stay zero. False, and the environment failed: none was given, or its size was
 * not set. */
bool wr_connector_take_options(weir_environment *environment, const char *what, const void *options,
                               void *out_options, size_t out_size);

/* Fails the task with the error's words; returns `status`. */
weir_status wr_connector_fail(weir_context *context, weir_status status, const weir_error *error);

#endif /* WR_CONNECTORS_CONNECTOR_H */

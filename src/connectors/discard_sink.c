/* SPDX-License-Identifier: Apache-2.0 */
/* discard_sink: drops records. The runtime counts what a sink takes, so there is nothing to do. */
#include "weir/connectors.h"

static weir_status
discard_batch(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)context;
    (void)self;
    (void)batch;
    (void)out;
    return WEIR_OK;
}

static const weir_function discard_function = {
    .size = sizeof(weir_function),
    .name = "discard",
    .process_batch = discard_batch,
};

weir_stream *
weir_discard_sink(weir_stream *stream)
{
    return weir_stream_sink(stream, "discard", &discard_function, NULL, 0);
}

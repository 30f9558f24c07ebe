/* SPDX-License-Identifier: Apache-2.0 */
/* print_sink: one line a record to standard output, as Flink's print. At-least-once: after a
 * restore, lines since the checkpoint come again.
 *
 * Nothing is kept between two batches: a batch is formatted into one buffer, which goes out in one
 * write (every 64 KiB of a large batch), so lines are there when the batch is done.
 *
 * Several subtasks write to the same place. A pipe keeps writes up to PIPE_BUF whole, so with more
 * than one subtask the text goes out in pieces of whole lines up to that size; a longer line goes
 * alone.
 */
#include "connectors/connector.h"
#include "connectors/text.h"
#include "os/context_os.h"
#include "os/file.h"
#include "weir/connectors.h"

enum {
    FLUSH_SIZE = 64 * 1024,
    PIECE_SIZE = 4096 /* PIPE_BUF on Linux */
};

struct print {
    struct wr_os *os;
    const weir_type *type;
    bool is_shared; /* stdout, with other subtasks */
    char prefix[16];
    size_t prefix_size;
    struct wr_buffer text;
};

static weir_status
print_open(weir_context *context, void *self)
{
    struct print *print = self;
    print->os = wr_context_os(context);
    print->type = weir_context_input_type(context);
    print->is_shared = weir_context_parallelism(context) > 1;
    wr_buffer_init(&print->text, weir_context_alloc(context));
    if (print->is_shared) {
        wr_buffer_print(&print->text, "%u> ", weir_context_subtask(context) + 1);
        if (wr_buffer_status(&print->text) != WEIR_OK) {
            return weir_context_fail(context, WEIR_NOMEM, "no memory to print");
        }
        print->prefix_size = print->text.size;
        memcpy(print->prefix, print->text.data, print->prefix_size);
        wr_buffer_clear(&print->text);
    }
    return WEIR_OK;
}

static void
print_close(weir_context *context, void *self)
{
    (void)context;
    struct print *print = self;
    if (print->os != NULL) {
        wr_buffer_fini(&print->text);
    }
}

/* Whole lines from the front, as many as go out in one write. */
static size_t
piece_size(const struct print *print, const uint8_t *text, size_t size)
{
    if (!print->is_shared || size <= PIECE_SIZE) {
        return size;
    }
    const uint8_t *end = memrchr(text, '\n', PIECE_SIZE);
    if (end == NULL) {
        end = memchr(text, '\n', size);
    }
    return end != NULL ? (size_t)(end - text) + 1 : size;
}

static weir_status
flush(struct print *print, weir_context *context)
{
    weir_error error = { .status = WEIR_OK };
    weir_status status = wr_buffer_status(&print->text);
    if (status != WEIR_OK) {
        return weir_context_fail(context, status, "no memory to print a record");
    }
    for (size_t at = 0; at < print->text.size && status == WEIR_OK;) {
        size_t size = piece_size(print, print->text.data + at, print->text.size - at);
        status = wr_file_write(print->os, WR_OS_STDOUT, "standard output", print->text.data + at,
                               size, &error);
        at += size;
    }
    wr_buffer_clear(&print->text);
    return status == WEIR_OK ? WEIR_OK : wr_connector_fail(context, status, &error);
}

static weir_status
print_batch(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)out;
    struct print *print = self;
    size_t count = weir_batch_count(batch);
    for (size_t i = 0; i < count; i++) {
        if (print->is_shared) {
            wr_buffer_put(&print->text, print->prefix, print->prefix_size);
        }
        wr_text_append(&print->text, print->type, weir_batch_record(batch, i), WEIR_FORMAT_TUPLE);
        wr_buffer_put_u8(&print->text, '\n');
        if (print->text.size >= FLUSH_SIZE || print->text.refused) {
            weir_status status = flush(print, context);
            if (status != WEIR_OK) {
                return status;
            }
        }
    }
    return flush(print, context);
}

static const weir_function print_function = {
    .size = sizeof(weir_function),
    .name = "print",
    .instance_size = sizeof(struct print),
    .open = print_open,
    .process_batch = print_batch,
    .close = print_close,
};

weir_stream *
weir_print_sink(weir_stream *stream)
{
    return weir_stream_sink(stream, "print", &print_function, NULL, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* weir/connectors.h: the sources and sinks that come with weir. For those who write jobs.
 *
 *   source     guarantee
 *   file       exactly-once: replayed from the byte offset in the checkpoint
 *   generator  exactly-once: replayed from the index in the checkpoint
 *   socket     at-most-once for what was in flight; said when it opens
 *   sink
 *   print      at-least-once
 *   file       exactly-once: two-phase commit by rename
 *   discard    counts and drops
 */
#ifndef WEIR_CONNECTORS_H
#define WEIR_CONNECTORS_H

#include "weir/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_file_source_options {
    uint32_t size;    /* of this struct as compiled */
    const char *path; /* a file, a directory (its plain files, by name; hidden ones are left out),
                         or a list of both separated by ',' */
    double lines_per_second; /* of all subtasks together; 0: no limit */
    bool follow;             /* wait at the end for more, and never end */
} weir_file_source_options;
/* Lines, without their '\n' (and a '\r' before it), as strings. */
weir_stream *weir_file_source(weir_environment *environment,
                              const weir_file_source_options *options);

typedef struct weir_socket_source_options {
    uint32_t size;
    const char *host;
    const char *port;
    int32_t
        reconnect_attempts; /* after the peer closes or refuses; -1: for ever, 0: end of input */
    uint64_t reconnect_delay_ms;
} weir_socket_source_options;
weir_stream *weir_socket_source(weir_environment *environment,
                                const weir_socket_source_options *options);

typedef struct weir_generator_source_options {
    uint32_t size;
    /* Emits the record of an index: a pure function of it. */
    weir_status (*generate)(weir_context *context, uint64_t index, weir_collector *out);
    uint64_t count;            /* indexes 0 .. count-1; UINT64_MAX: for ever */
    double records_per_second; /* of all subtasks together; 0: no limit */
    const void *argument;      /* copied; weir_context_argument gives it to generate */
    size_t argument_size;
} weir_generator_source_options;
weir_stream *weir_generator_source(weir_environment *environment, const char *name,
                                   const weir_generator_source_options *options,
                                   const weir_type *type);

/* Flink's print: one line a record, "(word,1)", "N> " before it when parallelism is above 1. */
weir_stream *weir_print_sink(weir_stream *stream);

/* Counts records and drops them. */
weir_stream *weir_discard_sink(weir_stream *stream);

typedef enum weir_file_format {
    WEIR_FORMAT_TUPLE = 0, /* (word,1) */
    WEIR_FORMAT_SPACES = 1 /* word 1 */
} weir_file_format;

typedef struct weir_file_sink_options {
    uint32_t size;
    const char *directory;
    weir_file_format format;
} weir_file_sink_options;
/* Files part-<uid>-<checkpoint>-<subtask>-<attempt>, each there whole once its checkpoint is
 * complete. */
weir_stream *weir_file_sink(weir_stream *stream, const weir_file_sink_options *options);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_CONNECTORS_H */

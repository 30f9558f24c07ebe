/* SPDX-License-Identifier: Apache-2.0 */
/* weir/stream.h: a job as a graph of streams. For those who write jobs.
 *
 * Building never fails on the spot: the first mistake is kept in the environment, every later call
 * on a NULL stream answers NULL, and the job is refused with the first one's words. Everything is
 * owned by the environment; names, uids and arguments are copied. Thread: host.
 */
#ifndef WEIR_STREAM_H
#define WEIR_STREAM_H

#include "weir/function.h"
#include "weir/options.h"
#include "weir/status.h"
#include "weir/type.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_environment weir_environment;
typedef struct weir_stream weir_stream;

/* Options are copied; the job's code sets more at WEIR_LEVEL_JOB through weir_environment_set. */
weir_status weir_environment_create(const weir_alloc *alloc, const weir_options *options,
                                    weir_environment **out_environment);
void weir_environment_destroy(weir_environment *environment);
void weir_environment_name_job(weir_environment *environment, const char *name);
void weir_environment_set(weir_environment *environment, const char *key, const char *value);
/* The type of a C struct, kept by the environment. NULL after a mistake. */
const weir_type *weir_environment_struct(weir_environment *environment, const char *name,
                                         size_t size, const weir_field *fields, size_t field_count);
/* For the job's own argument errors; the words are what the user sees. Returns `status`. */
weir_status weir_environment_fail(weir_environment *environment, weir_status status,
                                  const char *format, ...) __attribute__((format(printf, 3, 4)));
weir_status weir_environment_status(const weir_environment *environment, weir_error *err);
/* Ends a job's main with its usage: WEIR_INVALID, or WEIR_CANCELLED where --help or -h is among the
 * arguments: then the words are the answer, printed on stdout with exit 0. */
weir_status weir_environment_usage(weir_environment *environment, int argc, char **argv,
                                   const char *usage);

/* `argument` (argument_size bytes, may be NULL and 0) is copied once for the whole job. */
weir_stream *weir_environment_source(weir_environment *environment, const char *name,
                                     const weir_function *function, const void *argument,
                                     size_t argument_size, const weir_type *type);

/* map, flat_map and process functions: `process` emits records of `type`. On a keyed stream the
 * function may use keyed state. */
weir_stream *weir_stream_process(weir_stream *stream, const char *name,
                                 const weir_function *function, const void *argument,
                                 size_t argument_size, const weir_type *type);
/* As process; map emits exactly one record a record, flat_map any number. */
weir_stream *weir_stream_map(weir_stream *stream, const char *name, const weir_function *function,
                             const void *argument, size_t argument_size, const weir_type *type);
weir_stream *weir_stream_flat_map(weir_stream *stream, const char *name,
                                  const weir_function *function, const void *argument,
                                  size_t argument_size, const weir_type *type);
weir_stream *weir_stream_filter(weir_stream *stream, const char *name,
                                const weir_function *function, const void *argument,
                                size_t argument_size);
/* Partitions by a field, or several separated by commas: "word", "user,day". */
weir_stream *weir_stream_key_by(weir_stream *stream, const char *fields);
/* On a keyed stream: emits the running result for every record; its state is `_op_state`. */
weir_stream *weir_stream_reduce(weir_stream *stream, const char *name,
                                const weir_function *function, const void *argument,
                                size_t argument_size);
/* On a keyed stream: the running sum of an integer or float field; other fields are those of the
 * key's first record. Integers wrap, as in Flink. */
weir_stream *weir_stream_sum(weir_stream *stream, const char *field);
weir_stream *weir_stream_union(weir_stream *one, weir_stream *other);
weir_stream *weir_stream_rebalance(weir_stream *stream);
weir_stream *weir_stream_broadcast(weir_stream *stream);
weir_stream *weir_stream_sink(weir_stream *stream, const char *name, const weir_function *function,
                              const void *argument, size_t argument_size);

/* Two streams into one function: `process` gets the records of the first, `process_other` those of
 * the second. The first keyed, the second broadcast: the keyed broadcast function. Both keyed, by
 * keys of one type: state and timers of the key are shared by both. Neither keyed: no keyed state.
 */
weir_stream *weir_stream_connect(weir_stream *stream, weir_stream *other, const char *name,
                                 const weir_function *function, const void *argument,
                                 size_t argument_size, const weir_type *type);

/* How timestamps and watermarks are made of records. Fields are only added at the end. */
typedef struct weir_watermark_strategy {
    uint32_t size; /* of this struct as compiled */
    /* The record's timestamp, in ms. NULL: it keeps the one it has. */
    int64_t (*timestamp)(const void *argument, const void *record);
    const void *argument; /* copied */
    size_t argument_size;
    /* Watermarks: the greatest timestamp seen, less this, less 1, at
     * pipeline.auto-watermark-interval. 0: timestamps never fall. */
    uint64_t out_of_orderness_ms;
    /* Or after a record, where not NULL: the watermark it means, WEIR_NO_WATERMARK for none. */
    int64_t (*watermark)(const void *argument, const void *record, int64_t timestamp);
    uint64_t idleness_ms; /* without records for so long the stream is idle; 0: never */
} weir_watermark_strategy;
weir_stream *weir_stream_assign_timestamps(weir_stream *stream, const char *name,
                                           const weir_watermark_strategy *strategy);

/* Of the operator that made the stream; they answer the stream. */
weir_stream *weir_stream_uid(weir_stream *stream, const char *uid);
weir_stream *weir_stream_name(weir_stream *stream, const char *name);
weir_stream *weir_stream_parallelism(weir_stream *stream, uint32_t parallelism);
weir_stream *weir_stream_max_parallelism(weir_stream *stream, uint32_t max_parallelism);
weir_stream *weir_stream_start_new_chain(weir_stream *stream);
/* The function keeps state: without a uid the job is refused. Set by our own stateful operators;
 * functions with initialize_state count as stateful without it, keyed ones as well. */
weir_stream *weir_stream_stateful(weir_stream *stream);

weir_environment *weir_stream_environment(weir_stream *stream);
const weir_type *weir_stream_type(const weir_stream *stream); /* NULL for a sink's, or NULL */
/* The fields that weir_stream_key_by has named; NULL and count 0: the stream is not keyed. Of
 * records that are no structs it is field 0. Lent for the environment's life. */
const size_t *weir_stream_key_fields(const weir_stream *stream, size_t *out_count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_STREAM_H */

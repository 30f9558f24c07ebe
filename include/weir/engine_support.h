/* SPDX-License-Identifier: Apache-2.0 */
/* weir/engine_support.h: what every engine needs and none should write again. For those who write
 * one.
 *
 * What an engine is stands in engine.h; examples/backend is a small one. Thread: task.
 */
#ifndef WEIR_ENGINE_SUPPORT_H
#define WEIR_ENGINE_SUPPORT_H

#include "weir/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Puts a failure into words and returns `status`: what, where, what to do. err may be NULL. */
weir_status weir_error_say(weir_error *err, weir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- what a state is made of, kept by its engine --- */

/* A copy with name and types of its own, without ttl and functions: what a snapshot keeps. */
weir_status weir_state_descriptor_copy(const weir_alloc *alloc,
                                       const weir_state_descriptor *descriptor,
                                       weir_state_descriptor **out_copy);
void weir_state_descriptor_destroy(weir_state_descriptor *copy); /* NULL: nothing */

/* Of a copy: the item that upsert makes, which is the type's defaults (strings empty) behind a
 * timestamp of 0 where the state has them. Lent for the copy's life. */
weir_bytes weir_state_item_defaults(const weir_state_descriptor *copy);

/* For create_state, when the state is there (`copy` says as what): WEIR_VERSION with both in words
 * unless `wanted` has the same kind and types. Where only has_timestamps differs every item gains
 * (now_ms) or loses its timestamp, by iterate and put, and the copy says so; of an engine that
 * keeps a key's whole content in the form of snapshot.h. When that fails the backend is of no more
 * use. */
weir_status weir_state_adapt(weir_state *state, weir_state_descriptor *copy,
                             const weir_state_descriptor *wanted, weir_error *err);

/* --- a whole state as RECORDS, of an engine that keeps a key's content in that form --- */

/* Enters the state and writes all that iterate gives, a block for each run of one key group:
 * iterate goes by key groups. */
weir_status weir_state_write_records(weir_state *state, const weir_state_descriptor *descriptor,
                                     weir_block_writer *writer, weir_error *err);

/* For restore: makes the file's keyed states by create_state and puts every record. WEIR_CORRUPT
 * says where a record is wrong, WEIR_VERSION that another engine's blocks are in the file. */
weir_status weir_backend_read_records(weir_backend *backend,
                                      const weir_backend_parameters *parameters,
                                      weir_block_reader *reader, weir_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_ENGINE_SUPPORT_H */

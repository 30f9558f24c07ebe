/* SPDX-License-Identifier: Apache-2.0 */
/* weir/function.h: what a user's function is: sources, operators and sinks. For those who write
 * jobs.
 *
 * One ops table for all roles. Each subtask has an instance of its own: `instance_size` zeroed
 * bytes, lent to every call as `self`. The order of a life:
 *
 *   initialize_state -> open -> poll / process ... (snapshot_state between batches) -> finish ->
 * close
 *
 * finish is called when all input has ended, not when the job is stopped or cancelled.
 * A function that fails returns weir_context_fail(...), or any status but WEIR_OK: the job fails
 * with it. Thread: task; two calls for one instance never overlap.
 */
#ifndef WEIR_FUNCTION_H
#define WEIR_FUNCTION_H

#include "weir/bytes.h"
#include "weir/state.h"
#include "weir/status.h"
#include "weir/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_context weir_context;
typedef struct weir_collector weir_collector;
typedef struct weir_batch weir_batch;

typedef enum weir_poll {
    WEIR_POLL_MORE = 1, /* there may be more at once */
    WEIR_POLL_IDLE = 2, /* nothing for now; poll again at the time set, or in a millisecond */
    WEIR_POLL_END = 3   /* there will never be more */
} weir_poll;

typedef struct weir_function {
    uint32_t size; /* of this table as compiled */
    const char *name;
    size_t instance_size;

    /* life; every entry is optional */
    weir_status (*initialize_state)(weir_context *context, void *self);
    weir_status (*open)(weir_context *context, void *self);
    weir_status (*snapshot_state)(weir_context *context, void *self, uint64_t checkpoint_id);
    weir_status (*notify_checkpoint_complete)(weir_context *context, void *self,
                                              uint64_t checkpoint_id);
    weir_status (*notify_checkpoint_aborted)(weir_context *context, void *self,
                                             uint64_t checkpoint_id);
    weir_status (*finish)(weir_context *context, void *self, weir_collector *out);
    void (*close)(weir_context *context, void *self); /* also after a failure */

    /* work: that of its role */

    /* source: emits at most about max_records, never waits */
    weir_status (*poll)(weir_context *context, void *self, weir_collector *out, size_t max_records,
                        weir_poll *out_poll);
    /* map, flat_map, process; sink (out is NULL). The record is lent for the call. */
    weir_status (*process)(weir_context *context, void *self, const void *record,
                           weir_collector *out);
    /* optional: a whole batch, instead of process. States have no current key meanwhile; a keyed
     * function takes weir_context_keys to weir_state_upsert_many. If it has process too, it may
     * decline a batch of which it has emitted nothing, by any status but WEIR_OK: process gets its
     * records then. */
    weir_status (*process_batch)(weir_context *context, void *self, const weir_batch *batch,
                                 weir_collector *out);
    /* filter: keep the record? */
    weir_status (*filter)(weir_context *context, void *self, const void *record, bool *out_keep);
    /* reduce: *out_result is one of the two, or a block in weir_context_scratch */
    weir_status (*reduce)(weir_context *context, void *self, const void *accumulated,
                          const void *record, const void **out_result);
} weir_function;

/* --- emitting --- */

/* Appends a record of `size` bytes (fixed part and variable parts) and lends its block, to be
 * filled before the next emit or return. Never waits. NULL: refused (memory, weir.task.emit-limit,
 * record over 16 MiB); the task fails with words whatever the function returns. */
void *weir_collector_emit(weir_collector *out, size_t size);
/* The same by copy of a whole block. */
weir_status weir_collector_emit_copy(weir_collector *out, const void *block, size_t size);
/* Appends copies of all records of a batch, in order, and lends the block of each in out_blocks (as
 * many as the batch has records), to be changed before the next emit or return. */
weir_status weir_collector_emit_batch(weir_collector *out, const weir_batch *batch,
                                      void **out_blocks);

/* --- batches --- */

size_t weir_batch_count(const weir_batch *batch);
const void *weir_batch_record(const weir_batch *batch, size_t index);
size_t weir_batch_record_size(const weir_batch *batch, size_t index);

/* --- what a function may ask of its context --- */

const char *weir_context_job_name(const weir_context *context);
const char *weir_context_job_id(const weir_context *context);  /* 32 hex digits */
const char *weir_context_attempt(const weir_context *context); /* 32 hex digits, of this run */
const char *weir_context_operator_name(const weir_context *context);
const char *weir_context_uid(const weir_context *context);  /* "" where it has none */
uint32_t weir_context_subtask(const weir_context *context); /* 0-based */
uint32_t weir_context_parallelism(const weir_context *context);
uint32_t weir_context_max_parallelism(const weir_context *context);
const void *weir_context_argument(
    const weir_context *context); /* the copy made for the job; shared */
const weir_type *weir_context_input_type(const weir_context *context);  /* NULL: a source */
const weir_type *weir_context_output_type(const weir_context *context); /* NULL: a sink */
/* The key's fields in the input type, of a keyed function; count 0 otherwise. */
const size_t *weir_context_key_fields(const weir_context *context, size_t *out_count);
const weir_alloc *weir_context_alloc(const weir_context *context);
const weir_options *weir_context_options(const weir_context *context);
/* True if this operator was in the snapshot that the job was restored from, and that snapshot's id.
 */
bool weir_context_restored(const weir_context *context, uint64_t *out_checkpoint_id);
bool weir_context_allow_rewind(const weir_context *context);
bool weir_context_take_over(const weir_context *context);
/* Checkpoints run at an interval; false: sinks commit at end of input and at the first stop only.
 */
bool weir_context_checkpointing(const weir_context *context);
uint64_t weir_context_now_ms(const weir_context *context);       /* wall clock */
uint64_t weir_context_monotonic_ns(const weir_context *context); /* for rates */
/* The source that answers IDLE next wants to be polled at this monotonic time. */
void weir_context_wake_at(weir_context *context, uint64_t monotonic_ns);
size_t weir_context_record_size(const weir_context *context); /* of the record being processed */
/* In process_batch of a keyed function that has keyed state: the keys of the batch's records, in
 * order; lent for the call. NULL otherwise. */
const weir_key *weir_context_keys(const weir_context *context);
/* Memory for the call: lent until the function returns. NULL when refused. */
void *weir_context_scratch(weir_context *context, size_t size);
/* Says something once to the job's log: level is 'i', 'w'. */
void weir_context_log(weir_context *context, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes the task fail with these words; returns `status` to be returned. The first failure stays.
 */
weir_status weir_context_fail(weir_context *context, weir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- state; in initialize_state or open --- */

/* Keyed value state of this name. Keyed functions only (WEIR_INVALID). */
weir_status weir_context_value_state(weir_context *context, const char *name, const weir_type *type,
                                     weir_state **out_state);
/* Operator list state of this name; holds what was restored of it. */
weir_status weir_context_list_state(weir_context *context, const char *name, const weir_type *type,
                                    weir_list_mode mode, weir_list **out_list);

/* --- for functions that wrap another --- */

/* From now on weir_context_argument answers this to this instance: the wrapper, in
 * initialize_state, takes its own argument and leaves the wrapped function's. Lent for the
 * instance's life. */
void weir_context_set_argument(weir_context *context, const void *argument);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_FUNCTION_H */

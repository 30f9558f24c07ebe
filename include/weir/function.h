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

typedef enum weir_time_domain {
    WEIR_EVENT_TIME = 1,     /* of the records; watermarks tell how far it is */
    WEIR_PROCESSING_TIME = 2 /* the wall clock */
} weir_time_domain;

/* Of a record without one; before the first watermark; and at the end of time. Milliseconds. */
#define WEIR_NO_TIMESTAMP  INT64_MIN
#define WEIR_NO_WATERMARK  INT64_MIN
#define WEIR_MAX_WATERMARK INT64_MAX

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

    /* of two connected streams: a record of the other one. Where that is a broadcast one no key is
     * set, broadcast states may be written, and keyed ones reached by weir_context_for_each_key;
     * where the other is keyed, its key is set. */
    weir_status (*process_other)(weir_context *context, void *self, const void *record,
                                 weir_collector *out);
    /* keyed: a timer is due; its key is set, it is removed already. Never while another call runs.
     */
    weir_status (*on_timer)(weir_context *context, void *self, int64_t timestamp,
                            weir_time_domain domain, weir_collector *out);
    /* the operator's watermark has advanced; after the timers that it makes due, before it goes on
     */
    weir_status (*on_watermark)(weir_context *context, void *self, int64_t watermark,
                                weir_collector *out);
    /* It makes timestamps and watermarks: it may call weir_collector_set_timestamp, emit_watermark
     * and mark_idle, and downstream records have timestamps. Of another than a source: watermarks
     * from before it go no further, but the last. */
    bool event_time;
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

/* The next records emitted carry this timestamp, until the call returns; else that of the record
 * (or event-time timer) being processed, and of batches each that of the record it was copied from
 * by weir_collector_emit_batch. Where nothing before has event time and the function does not say
 * `event_time` the task fails. */
void weir_collector_set_timestamp(weir_collector *out, int64_t timestamp);
/* Functions with `event_time`: none of the records to come is at or before this. What is not beyond
 * the last one does nothing. */
weir_status weir_collector_emit_watermark(weir_collector *out, int64_t watermark);
/* Functions with `event_time`: nothing will come for a while; downstream does not wait for this
 * one's watermarks until its next record. */
weir_status weir_collector_mark_idle(weir_collector *out);

/* --- batches --- */

size_t weir_batch_count(const weir_batch *batch);
const void *weir_batch_record(const weir_batch *batch, size_t index);
size_t weir_batch_record_size(const weir_batch *batch, size_t index);
int64_t weir_batch_timestamp(const weir_batch *batch, size_t index); /* WEIR_NO_TIMESTAMP: none */

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
/* The source that answers IDLE next wants to be polled at this monotonic time. Any other function
 * without a key that has on_timer: it is called at about this time, once, with the wall clock as
 * timestamp; not kept in snapshots. */
void weir_context_wake_at(weir_context *context, uint64_t monotonic_ns);
size_t weir_context_record_size(const weir_context *context); /* of the record being processed */
/* In process_batch of a keyed function that has keyed state: the keys of the batch's records, in
 * order; lent for the call. NULL otherwise. */
const weir_key *weir_context_keys(const weir_context *context);
/* Memory for the call: lent until the function returns. NULL when refused. */
void *weir_context_scratch(weir_context *context, size_t size);
/* Says something to the job's log (weir/log.h, module "operator"): level is 'e', 'w', 'i', 'd'. */
void weir_context_log(weir_context *context, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes the task fail with these words; returns `status` to be returned. The first failure stays.
 */
weir_status weir_context_fail(weir_context *context, weir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- time; of keyed functions: timers --- */

/* Of the record or timer being processed. */
int64_t weir_context_timestamp(const weir_context *context);
int64_t weir_context_watermark(const weir_context *context); /* the operator's */
/* The key being processed, as weir_key has it: its bytes; lent for the call. Size 0 and data NULL:
 * none. */
weir_bytes weir_context_current_key(const weir_context *context);

/* Timers of the current key, in the service "user-timers" (void namespace). Registering one that is
 * there, or deleting one that is not, changes nothing. An event-time timer at or before the
 * watermark fires at its next advance. */
weir_status weir_context_register_timer(weir_context *context, weir_time_domain domain,
                                        int64_t timestamp);
weir_status weir_context_delete_timer(weir_context *context, weir_time_domain domain,
                                      int64_t timestamp);

/* --- state; in initialize_state or open. Asking again for a name gives the same state; under
 * another kind or type it is WEIR_VERSION --- */

/* Keyed state of any kind, as the descriptor says. Keyed functions only (WEIR_INVALID). */
weir_status weir_context_keyed_state(weir_context *context, const weir_state_descriptor *descriptor,
                                     weir_state **out_state);
/* The same for the plain cases. */
weir_status weir_context_value_state(weir_context *context, const char *name, const weir_type *type,
                                     weir_state **out_state);
weir_status weir_context_keyed_list_state(weir_context *context, const char *name,
                                          const weir_type *type, weir_state **out_state);
weir_status weir_context_map_state(weir_context *context, const char *name,
                                   const weir_type *key_type, const weir_type *type,
                                   weir_state **out_state);
/* Operator list state of this name; holds what was restored of it. */
weir_status weir_context_list_state(weir_context *context, const char *name, const weir_type *type,
                                    weir_list_mode mode, weir_operator_list **out_list);
/* Broadcast state of this name; holds what was restored of it. */
weir_status weir_context_broadcast_state(weir_context *context, const char *name,
                                         const weir_type *key_type, const weir_type *type,
                                         weir_broadcast **out_broadcast);
/* Calls `each` for every key that has something in the state, that key set (in process_other's
 * broadcast side, and in functions that take no key otherwise). It may change keyed states. */
weir_status weir_context_for_each_key(weir_context *context, weir_state *state,
                                      weir_status (*each)(weir_context *context, void *argument,
                                                          weir_bytes key),
                                      void *argument);

/* --- for those who look at the job --- */

/* Of a sink: how many of its transactions are written and not committed. */
void weir_context_show_pending(weir_context *context, uint64_t transaction_count);

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

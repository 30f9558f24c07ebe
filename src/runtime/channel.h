/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/channel.h: a ring of batches from one producer subtask to one consumer subtask.
 *
 *   producer --full ring--> consumer
 *   producer <--empty ring-- consumer
 *
 * Batches are made at first use, at most `batches_max` of records. Events (barriers, end, time)
 * have slots of their own: they never wait for a free batch, only for the consumer to read earlier
 * events; and time takes none of the slots that are kept for the others. Single producer, single
 * consumer; head and tail on lines of their own. Thread: each side one task.
 */
#ifndef WR_RUNTIME_CHANNEL_H
#define WR_RUNTIME_CHANNEL_H

#include "os/thread.h"
#include "runtime/batch.h"

struct wr_channel;

struct wr_channel_parameters {
    weir_alloc alloc; /* network memory, counted; refuses past taskmanager.network.memory.size */
    uint32_t batches_max;              /* weir.network.batches-per-channel, >= 1 */
    uint32_t batch_count;              /* records a batch holds, weir.network.batch-size */
    bool timed;                        /* the records have timestamps */
    struct wr_parker *producer_parker; /* of the worker that steps the producer; woken on return */
    struct wr_parker *consumer_parker; /* woken on publish */
};

weir_status wr_channel_create(const struct wr_channel_parameters *parameters,
                              struct wr_channel **out_channel);
void wr_channel_destroy(struct wr_channel *channel); /* both sides at rest; NULL ok */

/* producer's side */
struct weir_batch *wr_channel_take_empty(
    struct wr_channel *channel); /* NULL: none free: backpressure */
bool wr_channel_publish(struct wr_channel *channel,
                        struct weir_batch *batch); /* false: ring full */
/* After take_empty gave NULL: not even the first batch could be made; there is nothing to wait for.
 */
bool wr_channel_is_starved(const struct wr_channel *channel);
/* An event behind all that was published. False: the consumer has not read those before it yet. */
bool wr_channel_publish_event(struct wr_channel *channel, enum wr_batch_kind kind,
                              uint64_t checkpoint_id, enum wr_checkpoint_kind checkpoint_kind);
bool wr_channel_has_event_room(struct wr_channel *channel);
/* The same for watermarks and status. */
bool wr_channel_publish_time(struct wr_channel *channel, struct wr_time time);
bool wr_channel_has_time_room(struct wr_channel *channel);
/* consumer's side */
struct weir_batch *wr_channel_receive(struct wr_channel *channel); /* NULL: nothing there */
void wr_channel_give_back(struct wr_channel *channel, struct weir_batch *batch);

#endif /* WR_RUNTIME_CHANNEL_H */

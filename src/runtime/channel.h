/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/channel.h: a ring of batches from one producer subtask to one consumer subtask.
 *
 *   producer --full ring--> consumer
 *   producer <--empty ring-- consumer
 *
 * Batches are made at first use, at most `batches_max` of records. Events (barriers, end, time)
 * have slots of their own: they never wait for a free batch, only for the consumer to read earlier
 * events; and time takes none of the slots that are kept for the others. What has to go out ahead
 * of a barrier that must not wait goes as one more entry, a list of batches made for it.
 *
 * The consumer may look at what it has not received, and take a barrier out from behind it: so a
 * barrier overtakes records. Single producer, single consumer; head and tail on lines of their own.
 * Thread: each side one task.
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
/* An event behind all that was published; a barrier is announced too. False: the consumer has not
 * read those before it yet. */
bool wr_channel_publish_event(struct wr_channel *channel, enum wr_batch_kind kind,
                              uint64_t checkpoint_id, enum wr_checkpoint_kind checkpoint_kind);
bool wr_channel_has_event_room(struct wr_channel *channel);
/* The same for watermarks and status. */
bool wr_channel_publish_time(struct wr_channel *channel, struct wr_time time);
bool wr_channel_has_time_room(struct wr_channel *channel);
/* A batch beyond the limit of the channel, of about this many bytes, or (bytes 0) an event's. The
 * producer's until it is published in a list; NULL: refused. */
struct weir_batch *wr_channel_make_overflow(struct wr_channel *channel, size_t bytes);
/* A list, by next, whose first is an overflow batch, as one entry: taken. False: as many as there
 * may be are on their way. */
bool wr_channel_publish_list(struct wr_channel *channel, struct weir_batch *first);
bool wr_channel_has_list_room(struct wr_channel *channel);

/* consumer's side */
struct weir_batch *wr_channel_receive(struct wr_channel *channel); /* NULL: nothing there */
void wr_channel_give_back(struct wr_channel *channel, struct weir_batch *batch);
/* The newest barrier published, though much may stand before it; 0: none. */
uint64_t wr_channel_announced(const struct wr_channel *channel);

/* A place among what is on its way: good until something behind it is received. */
struct wr_channel_place {
    uint32_t slot;
    const struct weir_batch *inner; /* the next one of a list; NULL: at the slot */
};
/* Before what is received next. */
struct wr_channel_place wr_channel_begin(const struct wr_channel *channel);
/* What stands there, and the place moves behind it; NULL: nothing yet. Lent until it is given back.
 */
const struct weir_batch *wr_channel_look(struct wr_channel *channel,
                                         struct wr_channel_place *place);
/* As wr_channel_receive, but not what stands at the place, which has come to the end of what was
 * there, or behind it; NULL: nothing before it. */
struct weir_batch *wr_channel_receive_before(struct wr_channel *channel,
                                             const struct wr_channel_place *place);
/* Takes the event that was just looked at out from between the others, back to the producer. Other
 * places of this channel are void. */
void wr_channel_pluck(struct wr_channel *channel, const struct wr_channel_place *behind);

#endif /* WR_RUNTIME_CHANNEL_H */

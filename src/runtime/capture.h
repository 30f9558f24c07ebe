/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/capture.h: what still stands before a barrier that was overtaken, read from the rings
 * while it goes on its way. For the gate; and for the snapshot, whose log it fills.
 *
 *   open -> want (channels whose barrier is to come) ... -> record (a log) -> look ... -> CLOSED
 *                                                                        stop: any time
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_CAPTURE_H
#define WR_RUNTIME_CAPTURE_H

#include "runtime/channel.h"
#include "runtime/in_flight.h"

struct wr_capture;

enum wr_capture_state {
    WR_CAPTURE_NONE,   /* none is under way */
    WR_CAPTURE_OPEN,   /* barriers are to come */
    WR_CAPTURE_CLOSED, /* all is in the log */
    WR_CAPTURE_LOST,   /* a channel's barrier will never come: the checkpoint was given up */
    WR_CAPTURE_REFUSED /* no memory for a copy */
};

/* The channels are lent for its life. */
weir_status wr_capture_create(const weir_alloc *alloc, uint32_t count,
                              struct wr_capture **out_capture);
void wr_capture_destroy(struct wr_capture *capture); /* NULL ok */

/* The barrier of this checkpoint goes past all that is there now. */
void wr_capture_open(struct wr_capture *capture, uint64_t checkpoint_id);
/* On this channel it is still to come. */
void wr_capture_want(struct wr_capture *capture, uint32_t index, struct wr_channel *channel,
                     uint8_t side);
/* Fills the log from here on: lent until CLOSED or stopped. Before the next batch is received.
 * False: this checkpoint's barrier has overtaken nothing. */
bool wr_capture_record(struct wr_capture *capture, uint64_t checkpoint_id,
                       struct wr_in_flight_log *log);
/* Reads on in all channels. CLOSED, LOST and REFUSED are answered once: the log is let go of. */
enum wr_capture_state wr_capture_look(struct wr_capture *capture, uint64_t checkpoint_id);
/* The next batch of this channel, as wr_channel_receive gives it; where its barrier is still to
 * come only what is in the log by then. */
struct weir_batch *wr_capture_receive(struct wr_capture *capture, uint32_t index,
                                      struct wr_channel *channel);
/* The checkpoint was given up, or its snapshot: the log is let go of. */
void wr_capture_stop(struct wr_capture *capture, uint64_t checkpoint_id);

#endif /* WR_RUNTIME_CAPTURE_H */

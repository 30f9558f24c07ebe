/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/file_place.h: the output directory of a file sink: its names, its lock, its fences.
 *
 *   <dir>/part-<uid>-<checkpoint>-<subtask>-<attempt>  committed, never changed again
 *   <dir>/.<attempt>/<uid>-<subtask>-<number>          pending, of the attempt that runs
 *   <dir>/.fenced-<attempt>/...                        pending, of one that must not commit
 *   <dir>/.weir.lock                                   "<pid> <attempt>", locked while it runs
 *
 * Thread: task.
 */
#ifndef WR_CONNECTORS_FILE_PLACE_H
#define WR_CONNECTORS_FILE_PLACE_H

#include "base/buffer.h"
#include "os/file.h"
#include "weir/function.h"

enum {
    WR_ATTEMPT_DIGITS = 32, /* hex digits */
    WR_SINK_NAME_SIZE = 192,
    WR_SINK_UID_SIZE = 112
};

struct wr_file_place {
    struct wr_os *os;
    weir_alloc alloc;
    const char *directory; /* lent: the job's life */
    const char *attempt;   /* lent: the job's life */
    uint32_t subtask;
    char uid[WR_SINK_UID_SIZE]; /* as it stands in names */
    int lock;                   /* subtask 0 */
    bool is_locked;
    struct wr_buffer fenced; /* subtask 0: older attempts' digits, to be removed */
};

void wr_file_place_init(struct wr_file_place *place, weir_context *context, const char *directory);
void wr_file_place_fini(struct wr_file_place *place); /* zeroed: nothing. Gives the lock back */

/* Subtask 0, before a record flows: makes the directory, locks it, fences older attempts.
 * WEIR_BUSY: another process holds it (and there is no take_over). */
weir_status wr_file_place_enter(struct wr_file_place *place, bool take_over, weir_error *err);
/* After enter. WEIR_INVALID: parts of this uid were committed by checkpoints after `restored_id`
 * (0: start from empty state). */
weir_status wr_file_place_check_rewind(struct wr_file_place *place, uint64_t restored_id,
                                       weir_error *err);
/* Subtask 0, once every subtask has recovered: removes what the older attempts left. */
weir_status wr_file_place_clean(struct wr_file_place *place, weir_error *err);

/* A file left this attempt's directory by a rename that may not be durable: nobody removes the
 * directory then, or a power cut could bring the file back to nowhere. Tries its best. */
void wr_file_place_keep(struct wr_file_place *place);

/* At the end, with nothing pending: removes the attempt's own directory unless another subtask has
 * files there. */
void wr_file_place_leave(struct wr_file_place *place);

/* In front of ENOENT below the attempt's own directory: says who took over. Returns WEIR_CANCELLED,
 * or WEIR_IO if nobody did. */
weir_status wr_file_place_fenced(struct wr_file_place *place, weir_error *err);

/* "<dir>/<name>" into out (WR_PATH_MAX bytes). */
weir_status wr_file_place_path(const struct wr_file_place *place, const char *name, char *out,
                               weir_error *err);
/* The attempt's own hidden directory, durable. */
weir_status wr_file_place_sync_hidden(struct wr_file_place *place, weir_error *err);

#endif /* WR_CONNECTORS_FILE_PLACE_H */

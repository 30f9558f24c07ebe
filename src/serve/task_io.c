/* SPDX-License-Identifier: Apache-2.0 */
/* task_io: what subtasks have read, written and waited for. */
#include "serve/task_io.h"

#include "serve/statistics.h"

#include <stdlib.h>

enum {
    READ_BYTES = 0,
    WRITE_BYTES,
    READ_RECORDS,
    WRITE_RECORDS,
    BACKPRESSURED,
    IDLE,
    BUSY
};

static const char *const names[WR_TASK_IO_COUNT] = { "read-bytes",
                                                     "write-bytes",
                                                     "read-records",
                                                     "write-records",
                                                     "accumulated-backpressured-time",
                                                     "accumulated-idle-time",
                                                     "accumulated-busy-time" };

struct wr_task_io
wr_task_io_of(const weir_subtask_view *subtask)
{
    return (struct wr_task_io){ { [READ_BYTES] = subtask->bytes_in,
                                  [WRITE_BYTES] = subtask->bytes_out,
                                  [READ_RECORDS] = subtask->records_in,
                                  [WRITE_RECORDS] = subtask->records_out,
                                  [BACKPRESSURED] = subtask->backpressured_ms,
                                  [IDLE] = subtask->idle_ms,
                                  [BUSY] = subtask->busy_ms } };
}

void
wr_task_io_add(struct wr_task_io *sum, const weir_subtask_view *subtask)
{
    struct wr_task_io more = wr_task_io_of(subtask);
    for (int i = 0; i < WR_TASK_IO_COUNT; i++) {
        sum->of[i] += more.of[i];
    }
}

json_t *
wr_task_io_json(const struct wr_task_io *io)
{
    const uint64_t *of = io->of;
    return json_pack("{s:I,s:b,s:I,s:b,s:I,s:b,s:I,s:b,s:I,s:I,s:f}", names[READ_BYTES],
                     (json_int_t)of[READ_BYTES], "read-bytes-complete", 1, names[WRITE_BYTES],
                     (json_int_t)of[WRITE_BYTES], "write-bytes-complete", 1, names[READ_RECORDS],
                     (json_int_t)of[READ_RECORDS], "read-records-complete", 1, names[WRITE_RECORDS],
                     (json_int_t)of[WRITE_RECORDS], "write-records-complete", 1,
                     names[BACKPRESSURED], (json_int_t)of[BACKPRESSURED], names[IDLE],
                     (json_int_t)of[IDLE], names[BUSY], (double)of[BUSY]);
}

json_t *
wr_task_io_statistics(const weir_vertex_view *vertex)
{
    uint64_t *values = malloc((size_t)vertex->parallelism * sizeof *values);
    json_t *all = values != NULL ? json_object() : NULL;
    for (int i = 0; i < WR_TASK_IO_COUNT && all != NULL; i++) {
        for (uint32_t at = 0; at < vertex->parallelism; at++) {
            values[at] = wr_task_io_of(&vertex->subtasks[at]).of[i];
        }
        if (json_object_set_new(all, names[i], wr_statistics_json(values, vertex->parallelism)) !=
            0) {
            json_decref(all);
            all = NULL;
        }
    }
    free(values);
    return all;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* serve/asynchronous.h: the two halves of an operation that takes its time, as Flink's clients know
 * them: it is triggered and gets an id, by which it is asked for. Thread: server.
 *
 *   wr_asynchronous_begin -> weir_job_trigger_... -> wr_asynchronous_end
 *   wr_asynchronous_find  -> wr_asynchronous_answer
 */
#ifndef WR_SERVE_ASYNCHRONOUS_H
#define WR_SERVE_ASYNCHRONOUS_H

#include "serve/answer.h"
#include "serve/server.h"

/* `wanted` is the client's own id; NULL: one is drawn. True: the id is new, and the operation is to
 * be triggered. False: the answer is filled: 202 with the id where that one was triggered before,
 * else why not. */
bool wr_asynchronous_begin(weir_server *server, enum wr_operation_kind kind, const char *wanted,
                           char out_id[WR_TRIGGER_ID_SIZE + 1], struct wr_answer *answer);
/* Fills the answer: 202 with the id, or what the job said against it (status, err). */
void wr_asynchronous_end(weir_server *server, enum wr_operation_kind kind, const char *id,
                         uint64_t request, weir_status status, const weir_error *err,
                         struct wr_answer *answer);

/* NULL: the answer is filled: 400 for what is no id, 404 with these words. Lent until the next
 * begin or find. */
struct wr_operation *wr_asynchronous_find(weir_server *server, enum wr_operation_kind kind,
                                          const char *id, struct wr_answer *answer,
                                          const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* 200 {"status","operation"}; takes the operation's JSON, NULL: it is under way. */
void wr_asynchronous_answer(weir_server *server, struct wr_operation *operation, json_t *outcome,
                            struct wr_answer *answer);

#endif /* WR_SERVE_ASYNCHRONOUS_H */

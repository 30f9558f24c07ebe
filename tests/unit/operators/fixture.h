/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h: one task around the function under test, in one thread on a simulated system. For the
 * tests of operators and connectors, which link no job: weir_environment_source and its like are
 * fakes here that keep what they are given.
 *
 *   source under test -> capture
 *   feed -> operator under test -> capture
 *   feed -> sink under test
 *
 * One test file of a binary includes fixture_body.h, which defines all this.
 */
#ifndef WEIR_TESTS_OPERATORS_FIXTURE_H
#define WEIR_TESTS_OPERATORS_FIXTURE_H

#include "base/memory.h"
#include "runtime/task.h"
#include "support/common_os_sim.h"
#include "support/test.h"
#include "weir/connectors.h"

/* What weir_environment_source, weir_stream_process and weir_stream_sink were given last. */
struct made {
    weir_function function;
    char name[300];
    _Alignas(16) uint8_t argument[8192];
    size_t argument_size;
    const weir_type *type;
    uint32_t parallelism; /* 0: not set */
    bool stateful;
};

struct weir_stream {
    weir_environment *environment;
    const weir_type *type;
    bool is_unkeyed; /* else keyed by field 0 */
};

struct weir_environment {
    weir_error error;
    struct made made;
    struct weir_stream stream;
};

enum {
    LIFE_RECORDS_MAX = 4096,
    LIFE_LOG_SIZE = 8192
};

/* Records to be fed, or captured: each a block of its own. */
struct records {
    void *blocks[LIFE_RECORDS_MAX];
    size_t sizes[LIFE_RECORDS_MAX];
    size_t count;
    size_t taken;
    bool has_ended; /* of a feed: END once all is taken */
};

void records_add(struct records *records, const void *block, size_t size);
void records_add_text(struct records *records, const char *text); /* a block of type string */
/* The index-th block as the text of a string block. */
const char *records_text(const struct records *records, size_t index);
void records_free(struct records *records);

/* One attempt of a task. */
struct life {
    struct os_sim *sim;
    struct wr_os *os;
    char attempt[33];
    const char *uid;
    uint32_t subtask;
    uint32_t parallelism;
    bool take_over;
    bool allow_rewind;
    bool no_checkpointing;
    const char *max_line;       /* NULL: default */
    uint64_t pause_ns;          /* by which life_run moves the clock first */
    const weir_type *feed_type; /* NULL: the function under test is a source */
    size_t key_fields[4];
    size_t key_field_count;
    const struct made *made;

    struct records feed;
    struct records captured;
    char log[LIFE_LOG_SIZE];
    bool initialized, drained, failed, ended;
    weir_error failure;
    struct wr_task_report *acknowledged; /* of the last checkpoint */
    uint64_t notified;

    weir_alloc alloc;
    weir_options *options;
    struct wr_key_plan *key_plan;
    struct wr_executor io;
    struct wr_parker parker;
    struct wr_parker reports_parker;
    struct wr_mailbox reports;
    struct wr_log says;
    struct wr_task_environment environment;
    struct wr_task_operator operators[3];
    uint32_t operator_count;
    uint32_t tested; /* index of the function under test */
    struct wr_restore_file files[3];
    struct wr_restore_list lists[3][4];
    struct wr_task *task;
};

/* Zero the life, fill in what differs (attempt is made from `number`), then start. `from`: restore
 * what it acknowledged last, its checkpoint being `checkpoint_id`; NULL: empty. */
void life_init(struct life *life, struct os_sim *sim, struct wr_os *os, unsigned number,
               const struct made *made);
void life_start(struct life *life, const struct life *from);
void life_run(struct life *life); /* a moment later, until there is nothing more to do */
/* Barrier, until acknowledged (or failed). */
void life_snapshot(struct life *life, uint64_t checkpoint_id);
void life_complete(struct life *life, uint64_t checkpoint_id);
void life_abort(struct life *life, uint64_t checkpoint_id);
void life_finish(struct life *life);
/* Cancels, closes, frees. */
void life_fini(struct life *life);

void made_init(weir_environment *environment);

#endif /* WEIR_TESTS_OPERATORS_FIXTURE_H */

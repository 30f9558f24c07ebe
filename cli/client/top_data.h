/* SPDX-License-Identifier: Apache-2.0 */
/* top_data.h: what `weir top` shows of one job, read from its server's answers. Of a server that is
 * not weir's, states and memory are not there. Texts are printable.
 * Thread: main.
 */
#ifndef CLI_CLIENT_TOP_DATA_H
#define CLI_CLIENT_TOP_DATA_H

#include "connection.h"
#include "find.h"

enum {
    CLI_TOP_ROWS_MAX = 256, /* of each table; what is beyond is not shown */
    CLI_TOP_TEXT = 128
};

struct cli_top_vertex {
    char id[64];
    char name[CLI_TOP_TEXT];
    char state[16];
    int64_t parallelism;
    bool is_source, is_sink;
    int64_t records_in, records_out;
    int64_t busy_ms, backpressured_ms; /* of all subtasks, since they run */
};

struct cli_top_state {
    char operator_name[CLI_TOP_TEXT];
    char name[CLI_TOP_TEXT];
    char kind[32];
    int64_t entries, bytes; /* bytes in memory and on disk */
    bool is_exact;
};

struct cli_top_pool {
    char name[32];
    int64_t used_bytes, peak_bytes, budget_bytes; /* budget 0: none */
};

struct cli_top_checkpoints {
    int64_t completed, failed, in_progress, restored;
    bool has_last;
    int64_t last_id, last_bytes, last_duration_ms, last_ack_ms;
    char last_path[CLI_PATH_SIZE];
    bool is_under_way; /* the newest: */
    bool is_savepoint;
    int64_t id, acknowledged, subtasks;
    char failure[CLI_TOP_TEXT]; /* of the newest failed one; "": none */
};

struct cli_top_data {
    uint64_t read_ms; /* of our own clock, for rates */
    char id[CLI_JOB_ID_SIZE];
    char name[CLI_NAME_SIZE];
    char state[32];
    int64_t now_ms; /* of the server's */
    int64_t duration_ms;
    struct cli_top_vertex vertices[CLI_TOP_ROWS_MAX];
    size_t vertex_count;
    struct cli_top_checkpoints checkpoints;
    struct cli_top_state states[CLI_TOP_ROWS_MAX]; /* largest first */
    size_t state_count;
    struct cli_top_pool pools[CLI_TOP_ROWS_MAX];
    size_t pool_count;
};

/* Answers an exit code; words of a failure in out_words. */
int cli_top_read(struct cli_connection *connection, const char *job_id,
                 struct cli_top_data *out_data, char out_words[CLI_WORDS_SIZE]);

/* What a vertex did between two looks; before NULL: -1, it is not known. */
struct cli_top_rates {
    double in, out;             /* records a second */
    double busy, backpressured; /* of all its time: 0 to 1 */
};
struct cli_top_rates cli_top_rates(const struct cli_top_data *before,
                                   const struct cli_top_data *now, size_t vertex);
/* Of the whole job: what sources gave and sinks took; the most of any vertex's two shares. */
struct cli_top_rates cli_top_job_rates(const struct cli_top_data *before,
                                       const struct cli_top_data *now);

/* NULL: no memory. */
json_t *cli_top_json(const struct cli_top_data *before, const struct cli_top_data *now);

#endif /* CLI_CLIENT_TOP_DATA_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* What a client is told while a job restores: one step after another, in one thread. */
#include "serve/events.h"
#include "serve/health.h"
#include "serve/server.h"

#include "rig_restoring.h"
#include "support/test.h"

#include <string.h>

static void
read_stream(struct wr_answer *answer, weir_server *server, char *out, size_t room)
{
    size_t size = 0;
    for (long more; (more = answer->stream.read(answer->stream.state, server, out + size,
                                                room - size - 1)) > 0;) {
        size += (size_t)more;
    }
    out[size] = '\0';
}

TEST(progress_of_a_restore_is_streamed_without_ids_until_it_is_done)
{
    char text[16384];
    struct rig_restoring *restoring = rig_restoring_begin();
    weir_server server = { .job = rig_restoring_job(restoring) };
    struct wr_raw_request raw = { .method = "GET", .path = "/weir/v1/events" };
    struct wr_request request = { .raw = &raw };
    struct wr_answer answer = { .dialect = WR_DIALECT_WEIR };
    wr_events_stream(&server, &request, &answer);
    read_stream(&answer, &server, text, sizeof text);
    assert_non_null(strstr(text, "event: restore-progress\ndata: {\"checkpoint-id\":"));
    assert_non_null(strstr(text, "\"read-bytes\":0,\"total-bytes\":"));
    assert_null(strstr(text, "id: "));
    read_stream(&answer, &server, text, sizeof text);
    assert_string_equal(text, ""); /* nothing new */
    rig_restoring_step(restoring);
    read_stream(&answer, &server, text, sizeof text);
    assert_non_null(strstr(text, "event: restore-progress\n"));
    assert_null(strstr(text, "\"read-bytes\":0,"));
    rig_restoring_run(restoring);
    read_stream(&answer, &server, text, sizeof text);
    assert_non_null(strstr(text, "event: restored\n"));
    assert_null(strstr(text, "restore-progress"));
    wr_answer_free(&answer);
    rig_restoring_end(restoring);
}

TEST(a_job_that_restores_is_not_ready)
{
    struct rig_restoring *restoring = rig_restoring_begin();
    weir_server server = { .job = rig_restoring_job(restoring) };
    struct wr_raw_request raw = { .method = "GET", .path = "/readyz" };
    struct wr_request request = { .raw = &raw };
    struct wr_answer answer = { .dialect = WR_DIALECT_WEIR };
    wr_health_ready(&server, &request, &answer);
    assert_int_equal(answer.code, 503);
    assert_non_null(strstr(answer.text, "\"reason\":\"it is restoring its state\""));
    wr_answer_free(&answer);
    rig_restoring_end(restoring);
}

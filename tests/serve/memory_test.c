/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of answers when memory lacks: every allocation of JSON refused in turn, for every path that
 * is read. The answer is then whole or 500, and nothing is left behind. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t live_count;
static size_t request_count;
static size_t refused_request; /* from 1; 0: none */

static void *
count_and_refuse(size_t size)
{
    if (++request_count == refused_request) {
        return NULL;
    }
    live_count++;
    return malloc(size);
}

static void
count_free(void *memory)
{
    live_count -= memory != NULL;
    free(memory);
}

/* The code of one answer, made with what is left of memory. */
static unsigned
ask(struct rig *rig, const char *path, size_t refuse)
{
    struct wr_raw_request raw = { .method = "GET", .path = path, .is_local = true };
    struct wr_answer answer = { 0 };
    json_set_alloc_funcs(count_and_refuse, count_free);
    request_count = 0;
    refused_request = refuse;
    size_t live = live_count;
    wr_router_answer(rig->server, &raw, &answer);
    refused_request = 0;
    unsigned code = answer.code;
    bool has_text = answer.text != NULL;
    live_count -= has_text; /* the body is the answer's, and freed by it */
    wr_answer_free(&answer);
    json_set_alloc_funcs(malloc, free);
    if (live_count != live) {
        fail_msg("%s: %zu blocks are left when request %zu is refused", path, live_count - live,
                 refuse);
    }
    if (code == 200 && !has_text) {
        fail_msg("%s: 200 without a body when request %zu is refused", path, refuse);
    }
    return code;
}

static void
refuse_each(struct rig *rig, const char *path, unsigned expected)
{
    assert_int_equal(expected, ask(rig, path, 0));
    size_t needed = request_count;
    unsigned refused = 0;
    assert_true(needed != 0);
    for (size_t i = 1; i <= needed; i++) {
        unsigned code = ask(rig, path, i);
        if (code != expected && code != 500) {
            fail_msg("%s: %u when request %zu is refused", path, code, i);
        }
        refused += code == 500;
    }
    if (refused == 0) {
        fail_msg("%s: no refusal was noticed", path);
    }
}

TEST(what_is_read_is_whole_or_500_when_memory_lacks)
{
    static const char *const of_job[] = { "",
                                          "/status",
                                          "/config",
                                          "/exceptions",
                                          "/plan",
                                          "/metrics",
                                          "/execution-result",
                                          "/accumulators",
                                          "/checkpoints",
                                          "/checkpoints/config",
                                          "/checkpoints/details/1" };
    static const char *const of_vertex[] = {
        "", "/metrics", "/backpressure", "/watermarks", "/subtasktimes", "/accumulators"
    };
    static const char *const others[] = { "/config", "/overview", "/jobmanager/config", "/jobs",
                                          "/jobs/overview" };
    struct rig rig;
    char path[512];
    rig_init(&rig);
    rig_start(&rig);
    rig_checkpoint(&rig);
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_FAILED);
    const weir_job_view *view = rig_view(&rig);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        refuse_each(&rig, others[i], 200);
    }
    for (size_t i = 0; i < sizeof of_job / sizeof of_job[0]; i++) {
        snprintf(path, sizeof path, "/jobs/%s%s", view->id, of_job[i]);
        refuse_each(&rig, path, 200);
    }
    for (size_t i = 0; i < sizeof of_vertex / sizeof of_vertex[0]; i++) {
        snprintf(path, sizeof path, "/jobs/%s/vertices/%s%s", view->id, view->vertices[1].id,
                 of_vertex[i]);
        refuse_each(&rig, path, 200);
    }
    snprintf(path, sizeof path, "/jobs/%s/checkpoints/details/1/subtasks/%s", view->id,
             view->vertices[1].id);
    refuse_each(&rig, path, 200);
    refuse_each(&rig, "/jobs/00000000000000000000000000000000", 404);
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* body_fuzz: any bytes as the body of each request that writes. Taken or refused in its dialect;
 * what is taken has an id.
 *
 *   input   u8 which route | body
 */
#include "fuzz/rest_scene.h"

#include <string.h>

static bool
is_write(const struct wr_route *route)
{
    return strcmp(route->method, "GET") != 0;
}

/* The n-th of the routes that write, over and over. */
static const struct wr_route *
choose(unsigned n)
{
    for (;;) {
        for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
            if (is_write(route) && n-- == 0) {
                return route;
            }
        }
    }
}

/* The pattern, with the job's id in place of each ":name". */
static void
make_path(const char *pattern, char out[400])
{
    char *at = out;
    while (*pattern != '\0') {
        if (*pattern == ':') {
            at = stpcpy(at, rest_scene_job_id());
            pattern += strcspn(pattern, "/");
        } else {
            *at++ = *pattern++;
        }
    }
    *at = '\0';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[400];
    if (size == 0) {
        return 0;
    }
    weir_server *server = rest_scene_server();
    const struct wr_route *route = choose(data[0] % 32);
    make_path(route->pattern, path);
    struct wr_raw_request raw = { .method = route->method,
                                  .path = path,
                                  .content_type = "application/json",
                                  .body = data + 1,
                                  .body_size = size - 1,
                                  .is_local = true };
    struct wr_answer answer = { .dialect = WR_DIALECT_FLINK };
    wr_router_answer(server, &raw, &answer);
    rest_scene_expect(&answer);
    fuzz_expect(answer.code != 404 && answer.code != 405 && answer.code != 415);
    wr_answer_free(&answer);
    rest_scene_settle();
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* router: from the bytes of a path to the one who answers.
 *
 *   path --split, decode--> segments --held against each pattern--> route --access--> handler
 *
 * A segment is decoded once, after the path was split: an encoded slash never makes a new segment,
 * and what stands for a ":name" is of [A-Za-z0-9._-], 1 to 128 bytes, and not "." or "..": it names
 * something, it is never a path.
 */
#include "serve/router.h"

#include "serve/access.h"
#include "serve/percent.h"

#include <stdio.h>
#include <string.h>

enum {
    SEGMENTS_MAX = 12,
    SEGMENT_MAX = 128
};

struct wr_segments {
    char text[SEGMENTS_MAX][SEGMENT_MAX + 1];
    size_t count;
};

/* --- the path --- */

/* False: no path of ours. */
static bool
split(const char *path, struct wr_segments *segments)
{
    segments->count = 0;
    if (path[0] != '/') {
        return false;
    }
    while (*path == '/') {
        const char *from = path + 1;
        path = from + strcspn(from, "/");
        if (segments->count == SEGMENTS_MAX) {
            return false;
        }
        if (!wr_percent_decode(from, (size_t)(path - from), segments->text[segments->count++],
                               SEGMENT_MAX + 1)) {
            return false;
        }
    }
    /* one slash at the end is no segment */
    if (segments->count > 1 && segments->text[segments->count - 1][0] == '\0') {
        segments->count--;
    }
    return true;
}

static bool
is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    return text[0] != '\0' && text[strspn(text, letters)] == '\0' && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

static bool
fits(const char *pattern, const struct wr_segments *segments, size_t from,
     const char *out_parameters[WR_PARAMETERS_MAX])
{
    size_t parameters = 0;
    size_t at = from;
    for (; *pattern == '/'; at++) {
        const char *word = pattern + 1;
        size_t size = strcspn(word, "/");
        pattern = word + size;
        if (at == segments->count) {
            return false;
        }
        const char *segment = segments->text[at];
        if (word[0] != ':') {
            if (strlen(segment) != size || memcmp(segment, word, size) != 0) {
                return false;
            }
        } else if (is_name(segment)) {
            out_parameters[parameters++] = segment;
        } else {
            return false;
        }
    }
    return at == segments->count;
}

/* --- the route --- */

/* One method more of a 405, once. */
static void
allow(struct wr_answer *answer, const char *method)
{
    const char *found = strstr(answer->allow, method);
    size_t size = strlen(answer->allow);
    if (found == NULL && size + strlen(method) + 2 < sizeof answer->allow) {
        snprintf(answer->allow + size, sizeof answer->allow - size, "%s%s", size > 0 ? ", " : "",
                 method);
    }
}

/* NULL: none, and answer->allow has the methods that the path has. */
static const struct wr_route *
find(const struct wr_segments *segments, const char *method, struct wr_request *request,
     struct wr_answer *answer)
{
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        bool below = route->dialect == WR_DIALECT_FLINK && segments->count > 1 &&
                     strcmp(segments->text[0], "v1") == 0;
        if (!fits(route->pattern, segments, below ? 1 : 0, request->parameters)) {
            continue;
        }
        answer->dialect = route->dialect;
        if (strcmp(route->method, method) == 0 ||
            (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0)) {
            answer->allow[0] = '\0';
            return route;
        }
        allow(answer, route->method);
        if (strcmp(route->method, "GET") == 0) {
            allow(answer, "HEAD");
        }
    }
    return NULL;
}

static enum wr_dialect
dialect_of(const struct wr_segments *segments)
{
    return segments->count > 0 && strcmp(segments->text[0], "weir") == 0 ? WR_DIALECT_WEIR
                                                                         : WR_DIALECT_FLINK;
}

/* --- the body --- */

/* False: the answer says why. */
static bool
read_body(const struct wr_route *route, const struct wr_raw_request *raw, json_t **out_body,
          struct wr_answer *answer)
{
    *out_body = NULL;
    if (raw->body_size == 0) {
        if (route->needs_body) {
            wr_answer_fail(answer, 400, "%s %s needs a JSON object as its body", route->method,
                           route->pattern);
            return false;
        }
        return true;
    }
    json_error_t error;
    json_t *body = json_loadb(raw->body, raw->body_size, JSON_REJECT_DUPLICATES, &error);
    if (body == NULL) {
        wr_answer_fail(answer, 400, "The body is not JSON: line %d, column %d: %s", error.line,
                       error.column, error.text);
        return false;
    }
    if (!json_is_object(body)) {
        json_decref(body);
        wr_answer_fail(answer, 400, "The body is JSON, but not an object");
        return false;
    }
    *out_body = body;
    return true;
}

/* --- answering --- */

void
wr_router_answer(weir_server *server, const struct wr_raw_request *raw, struct wr_answer *answer)
{
    struct wr_segments segments;
    struct wr_request request = { .raw = raw };
    answer->dialect = WR_DIALECT_FLINK;
    const struct wr_route *route = NULL;
    if (split(raw->path, &segments)) {
        answer->dialect = dialect_of(&segments);
        route = find(&segments, raw->method, &request, answer);
    }
    if (!wr_access_check(server, route, raw, &request.role, answer)) {
        answer->allow[0] = '\0';
        return;
    }
    if (route == NULL && answer->allow[0] != '\0') {
        wr_answer_fail(answer, 405, "Not with %s: %s", raw->method, answer->allow);
        return;
    }
    if (route == NULL) {
        wr_answer_fail(answer, 404, "Not found: %s", raw->path);
        return;
    }
    json_t *body = NULL;
    if (read_body(route, raw, &body, answer)) {
        request.body = body;
        route->handle(server, &request, answer);
    }
    json_decref(body);
    wr_access_record(server, route, raw, answer->code);
}

const char *
wr_request_query(const struct wr_request *request, const char *name)
{
    for (size_t i = 0; i < request->raw->query_count; i++) {
        if (strcmp(request->raw->queries[i].name, name) == 0) {
            return request->raw->queries[i].value;
        }
    }
    return NULL;
}

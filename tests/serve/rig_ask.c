/* SPDX-License-Identifier: Apache-2.0 */
/* rig_ask: requests without sockets, and a look into answers. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_ROOM = 1024
};

struct rig_answer *
rig_ask(struct rig *rig, const struct wr_raw_request *raw)
{
    struct rig_answer *answer = calloc(1, sizeof *answer);
    assert_non_null(answer);
    wr_router_answer(rig->server, raw, &answer->raw);
    answer->next = rig->answers;
    rig->answers = answer;
    answer->code = answer->raw.code;
    answer->text = answer->raw.text != NULL ? answer->raw.text : "";
    if (answer->raw.content_type != NULL && strstr(answer->raw.content_type, "json") != NULL) {
        json_error_t error;
        answer->json = json_loadb(answer->text, answer->raw.size, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(answer->json);
    }
    return answer;
}

/* Cuts the query off the path, and it into its parts; all in place. */
static size_t
split_query(char *path, struct wr_query queries[WR_QUERY_MAX])
{
    size_t count = 0;
    char *at = strchr(path, '?');
    while (at != NULL) {
        *at++ = '\0';
        assert_true(count < WR_QUERY_MAX);
        char *next = strchr(at, '&');
        char *value = strchr(at, '=');
        if (value != NULL && (next == NULL || value < next)) {
            *value++ = '\0';
        } else {
            value = NULL;
        }
        queries[count++] = (struct wr_query){ at, value != NULL ? value : "" };
        at = next;
    }
    return count;
}

struct rig_answer *
rig_get(struct rig *rig, const char *format, ...)
{
    char path[PATH_ROOM];
    struct wr_query queries[WR_QUERY_MAX];
    va_list arguments;
    va_start(arguments, format);
    assert_in_range(vsnprintf(path, sizeof path, format, arguments), 1, sizeof path - 1);
    va_end(arguments);
    size_t count = split_query(path, queries);
    struct wr_raw_request raw = {
        .method = "GET", .path = path, .queries = queries, .query_count = count, .is_local = true
    };
    return rig_ask(rig, &raw);
}

struct rig_answer *
rig_post(struct rig *rig, const char *path, const char *body)
{
    struct wr_raw_request raw = { .method = "POST",
                                  .path = path,
                                  .content_type = "application/json; charset=UTF-8",
                                  .body = body,
                                  .body_size = body != NULL ? strlen(body) : 0,
                                  .is_local = true };
    return rig_ask(rig, &raw);
}

const char *
rig_path(struct rig *rig, const char *rest)
{
    static char path[PATH_ROOM];
    const weir_job_view *view = rig_view(rig);
    snprintf(path, sizeof path, "/jobs/%s%s", view->id, rest);
    weir_job_view_free(view);
    return path;
}

const json_t *
rig_at(const json_t *json, const char *path)
{
    const char *at = path;
    while (*at != '\0' && json != NULL) {
        char name[128];
        size_t size = strcspn(at, ".");
        assert_true(size < sizeof name);
        memcpy(name, at, size);
        name[size] = '\0';
        json = json_is_array(json) ? json_array_get(json, strtoul(name, NULL, 10))
                                   : json_object_get(json, name);
        at += size + (at[size] == '.');
    }
    if (json == NULL) {
        fail_msg("nothing at '%s'", path);
    }
    return json;
}

const char *
rig_text_at(const json_t *json, const char *path)
{
    const json_t *value = rig_at(json, path);
    assert_true(json_is_string(value));
    return json_string_value(value);
}

json_int_t
rig_number_at(const json_t *json, const char *path)
{
    const json_t *value = rig_at(json, path);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* log_levels: the levels of the job's log, as long as the process lives. */
#include "serve/log_levels.h"

#include <string.h>

void
wr_log_levels_show(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    json_t *levels = json_object();
    for (size_t i = 0; weir_log_module(i) != NULL; i++) {
        weir_log_level level = weir_job_log_level(server->job, weir_log_module(i));
        if (json_object_set_new(levels, weir_log_module(i),
                                json_string(weir_log_level_name(level))) != 0) {
            json_decref(levels);
            levels = NULL;
            break;
        }
    }
    wr_answer_json(answer, 200, levels);
}

static bool
is_module(const char *name)
{
    size_t i = 0;
    while (weir_log_module(i) != NULL && strcmp(weir_log_module(i), name) != 0) {
        i++;
    }
    return weir_log_module(i) != NULL;
}

/* False: the answer says what is wrong with it. */
static bool
check(const char *module, const json_t *value, weir_log_level *out_level, struct wr_answer *answer)
{
    if (!is_module(module)) {
        wr_answer_fail(answer, 400, "'%.64s' is no module: GET /weir/v1/log-levels lists them",
                       module);
        return false;
    }
    if (weir_log_level_from(json_string_value(value), out_level) != WEIR_OK) {
        wr_answer_fail(answer, 400,
                       "%s: the level is \"OFF\", \"ERROR\", \"WARN\", \"INFO\" or "
                       "\"DEBUG\"",
                       module);
        return false;
    }
    return true;
}

void
wr_log_levels_set(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const char *module;
    const json_t *value;
    weir_log_level level = WEIR_LOG_OFF;
    /* jansson walks objects that it may change; this one stays as it is */
    json_t *body = json_copy((json_t *)(uintptr_t)request->body);
    if (body == NULL) {
        wr_answer_fail(answer, 500, "no memory");
        return;
    }
    bool is_good = true;
    void *at;
    for (at = json_object_iter(body); at != NULL && is_good; at = json_object_iter_next(body, at)) {
        is_good = check(json_object_iter_key(at), json_object_iter_value(at), &level, answer);
    }
    for (at = json_object_iter(body); at != NULL && is_good; at = json_object_iter_next(body, at)) {
        module = json_object_iter_key(at);
        value = json_object_iter_value(at);
        (void)!weir_log_level_from(json_string_value(value), &level);
        (void)!weir_job_set_log_level(server->job, module, level);
        wr_server_log(server, 'i', "the log level of %s is %s now", module,
                      weir_log_level_name(level));
    }
    json_decref(body);
    if (is_good) {
        wr_log_levels_show(server, request, answer);
    }
}

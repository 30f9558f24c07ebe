/* SPDX-License-Identifier: Apache-2.0 */
/* job_config: what the job runs with.
 *
 * Values are shown of keys that the option table knows, for no others can be set; and texts only
 * where they are known to hold no secret.
 */
#include "serve/job_config.h"

#include "serve/look.h"

#include <stdio.h>
#include <string.h>

/* --- the job's --- */

/* In Flink's words. A strategy is never the program's own here: it is set by options. */
static const char *
restart_strategy(void)
{
    return "Cluster level default restart strategy";
}

void
wr_job_config(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    wr_answer_json(answer, 200,
                   json_pack("{s:s,s:o,s:{s:s,s:s,s:I,s:b,s:{}}}", "jid", view->id, "name",
                             wr_json_text(view->name), "execution-config", "execution-mode",
                             "PIPELINED", "restart-strategy", restart_strategy(), "job-parallelism",
                             (json_int_t)weir_options_int(server->options, "parallelism.default"),
                             "object-reuse-mode", 0, "user-config"));
    weir_job_view_free(view);
}

/* --- options --- */

/* A text may be a secret, so each that is shown is named here; a new one is hidden until it is. */
static bool
is_shown(const weir_option_info *info)
{
    static const char *const texts[] = { "pipeline.name",
                                         "execution.checkpointing.dir",
                                         "execution.checkpointing.savepoint-dir",
                                         "execution.checkpointing.local-backup.dirs",
                                         "execution.state-recovery.path",
                                         "state.backend.type",
                                         "state.backend.rocksdb.localdir",
                                         "state.backend.rocksdb.compression.per.level",
                                         "rest.bind-port",
                                         "rest.address",
                                         "rest.bind-address",
                                         "weir.rest.tls.certificate",
                                         "weir.rest.allowed-hosts",
                                         "weir.rest.savepoint-roots",
                                         "weir.log.levels" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(info->key, texts[i]) == 0) {
            return true;
        }
    }
    return info->type != WEIR_OPTION_TEXT;
}

/* Numbers as they are parsed; durations in milliseconds, sizes in bytes, as Flink reads them. */
static json_t *
value_json(const weir_options *options, const weir_option_info *info)
{
    char text[64];
    switch (info->type) {
    case WEIR_OPTION_BOOL:
        return json_string(weir_options_bool(options, info->key) ? "true" : "false");
    case WEIR_OPTION_INT:
        snprintf(text, sizeof text, "%lld", (long long)weir_options_int(options, info->key));
        break;
    case WEIR_OPTION_FLOAT:
        snprintf(text, sizeof text, "%g", weir_options_float(options, info->key));
        break;
    case WEIR_OPTION_DURATION:
        snprintf(text, sizeof text, "%llu ms",
                 (unsigned long long)weir_options_duration_ms(options, info->key));
        break;
    case WEIR_OPTION_BYTES:
        snprintf(text, sizeof text, "%llu bytes",
                 (unsigned long long)weir_options_bytes(options, info->key));
        break;
    case WEIR_OPTION_TEXT:
    case WEIR_OPTION_CHOICE:
    default:
        return wr_json_text(weir_options_text(options, info->key));
    }
    return json_string(text);
}

void
wr_cluster_config(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    json_t *all = json_array();
    for (size_t i = 0; i < weir_option_count() && all != NULL; i++) {
        const weir_option_info *info = weir_option_at(i);
        if (!info->supported || !weir_options_is_set(server->options, info->key)) {
            continue;
        }
        json_t *value = is_shown(info) ? value_json(server->options, info) : json_string("******");
        if (json_array_append_new(all, json_pack("{s:s,s:o}", "key", info->key, "value", value)) !=
            0) {
            json_decref(all);
            all = NULL;
        }
    }
    wr_answer_json(answer, 200, all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_config: how the job makes checkpoints, from its options. Engines and storages have
 * Flink's names where they are Flink's. */
#include "serve/checkpoint_config.h"

#include "serve/look.h"

#include <string.h>

static const char *
mode(const weir_options *options)
{
    const char *text = weir_options_text(options, "execution.checkpointing.mode");
    return strcmp(text, "AT_LEAST_ONCE") == 0 ? "at_least_once" : "exactly_once";
}

/* Flink's LONG.MAX_VALUE where there is none. */
static json_int_t
interval(const weir_options *options)
{
    return weir_options_is_set(options, "execution.checkpointing.interval")
               ? (json_int_t)weir_options_duration_ms(options, "execution.checkpointing.interval")
               : INT64_MAX;
}

static json_int_t
duration(const weir_options *options, const char *key)
{
    return (json_int_t)weir_options_duration_ms(options, key);
}

static const char *
backend(const weir_options *options)
{
    const char *type = weir_options_text(options, "state.backend.type");
    static const char *const rocks[] = { "rocksdb", "RocksDBStateBackendFactory",
                                         "EmbeddedRocksDBStateBackendFactory" };
    for (size_t i = 0; i < sizeof rocks / sizeof rocks[0]; i++) {
        const char *at = strrchr(type, '.');
        if (strcmp(at != NULL && strchr(type, '/') == NULL ? at + 1 : type, rocks[i]) == 0) {
            return "EmbeddedRocksDBStateBackend";
        }
    }
    return strchr(type, '/') != NULL ? type : "HashMapStateBackend";
}

static const char *
storage(const weir_options *options)
{
    const char *type = weir_options_text(options, "execution.checkpointing.storage");
    bool is_in_files = type != NULL
                           ? strcmp(type, "jobmanager") != 0 && strstr(type, "JobManager") == NULL
                           : weir_options_text(options, "execution.checkpointing.dir") != NULL;
    return is_in_files ? "FileSystemCheckpointStorage" : "JobManagerCheckpointStorage";
}

static json_t *
externalization(const weir_options *options)
{
    const char *retention =
        weir_options_text(options, "execution.checkpointing.externalized-checkpoint-retention");
    return json_pack(
        "{s:b,s:b}", "enabled", (int)(strcmp(retention, "NO_EXTERNALIZED_CHECKPOINTS") != 0),
        "delete_on_cancellation", (int)(strcmp(retention, "RETAIN_ON_CANCELLATION") != 0));
}

static json_t *
config_json(const weir_options *options)
{
    return json_pack(
        "{s:s,s:I,s:I,s:I,s:I,s:o,s:o,s:s,s:b,s:I,s:I,s:b,s:b,s:i,s:s}", "mode", mode(options),
        "interval", interval(options), "timeout",
        duration(options, "execution.checkpointing.timeout"), "min_pause",
        duration(options, "execution.checkpointing.min-pause"), "max_concurrent",
        (json_int_t)weir_options_int(options, "execution.checkpointing.max-concurrent-checkpoints"),
        "externalization", externalization(options), "state_backend",
        wr_json_text(backend(options)), "checkpoint_storage", storage(options),
        "unaligned_checkpoints",
        (int)weir_options_bool(options, "execution.checkpointing.unaligned.enabled"),
        "tolerable_failed_checkpoints",
        (json_int_t)weir_options_int(options,
                                     "execution.checkpointing.tolerable-failed-checkpoints"),
        "aligned_checkpoint_timeout",
        duration(options, "execution.checkpointing.aligned-checkpoint-timeout"),
        "checkpoints_after_tasks_finish",
        (int)weir_options_bool(options, "execution.checkpointing.checkpoints-after-tasks-finish"),
        /* a changelog is not there: Flink's defaults of one that is off */
        "state_changelog_enabled", 0, "changelog_periodic_materialization_interval", 600000,
        "changelog_storage", "memory");
}

void
wr_checkpoint_config(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200, config_json(server->options));
        weir_job_view_free(view);
    }
}

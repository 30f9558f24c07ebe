/* SPDX-License-Identifier: Apache-2.0 */
/* routes: every path that is answered, with the least role that may ask. Flink's as its clients
 * know them, also below /v1; weir's own below /weir/v1.
 */
#include "serve/backpressure.h"
#include "serve/cancellation.h"
#include "serve/checkpoint_config.h"
#include "serve/checkpoints.h"
#include "serve/disposal.h"
#include "serve/events.h"
#include "serve/exceptions.h"
#include "serve/health.h"
#include "serve/job_config.h"
#include "serve/job_metrics.h"
#include "serve/jobs.h"
#include "serve/log_levels.h"
#include "serve/metrics.h"
#include "serve/overview.h"
#include "serve/plan.h"
#include "serve/router.h"
#include "serve/states.h"
#include "serve/triggers.h"
#include "serve/vertex_metrics.h"
#include "serve/vertices.h"

#define FLINK(method, pattern, handle, role)                             \
    {                                                                    \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_FLINK, false \
    }
#define FLINK_BODY(method, pattern, handle, role)                       \
    {                                                                   \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_FLINK, true \
    }
#define WEIR(method, pattern, handle, role)                             \
    {                                                                   \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_WEIR, false \
    }
#define WEIR_BODY(method, pattern, handle, role)                       \
    {                                                                  \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_WEIR, true \
    }

const struct wr_route wr_routes[] = {
    FLINK("GET", "/config", wr_dashboard_config, OBSERVE),
    FLINK("GET", "/overview", wr_overview, OBSERVE),
    FLINK("GET", "/jobmanager/config", wr_cluster_config, OBSERVE),
    FLINK("GET", "/jobs", wr_jobs_ids, OBSERVE),
    FLINK("GET", "/jobs/overview", wr_jobs_overview, OBSERVE),
    FLINK("GET", "/jobs/:jobid", wr_job_details, OBSERVE),
    FLINK("GET", "/jobs/:jobid/status", wr_job_status, OBSERVE),
    FLINK("GET", "/jobs/:jobid/config", wr_job_config, OBSERVE),
    FLINK("GET", "/jobs/:jobid/exceptions", wr_exceptions, OBSERVE),
    FLINK("GET", "/jobs/:jobid/plan", wr_plan, OBSERVE),
    FLINK("GET", "/jobs/:jobid/metrics", wr_job_metrics, OBSERVE),
    FLINK("GET", "/jobs/:jobid/execution-result", wr_job_execution_result, OBSERVE),
    FLINK("GET", "/jobs/:jobid/accumulators", wr_job_accumulators, OBSERVE),
    FLINK("GET", "/jobs/:jobid/vertices/:vertexid", wr_vertex, OBSERVE),
    FLINK("GET", "/jobs/:jobid/vertices/:vertexid/metrics", wr_vertex_metrics, OBSERVE),
    FLINK("GET", "/jobs/:jobid/vertices/:vertexid/backpressure", wr_vertex_backpressure, OBSERVE),
    FLINK("GET", "/jobs/:jobid/vertices/:vertexid/watermarks", wr_vertex_watermarks, OBSERVE),
    FLINK("GET", "/jobs/:jobid/vertices/:vertexid/subtasktimes", wr_vertex_times, OBSERVE),
    FLINK("GET", "/jobs/:jobid/vertices/:vertexid/accumulators", wr_vertex_accumulators, OBSERVE),
    FLINK("GET", "/jobs/:jobid/checkpoints", wr_checkpoints, OBSERVE),
    FLINK("GET", "/jobs/:jobid/checkpoints/config", wr_checkpoint_config, OBSERVE),
    FLINK("GET", "/jobs/:jobid/checkpoints/details/:checkpointid", wr_checkpoint_details, OBSERVE),
    FLINK("GET", "/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid",
          wr_checkpoint_subtasks, OBSERVE),

    /* behind /checkpoints/config, which is no trigger id */
    FLINK("POST", "/jobs/:jobid/checkpoints", wr_checkpoint_trigger, OPERATE),
    FLINK("GET", "/jobs/:jobid/checkpoints/:triggerid", wr_checkpoint_status, OBSERVE),
    FLINK("POST", "/jobs/:jobid/savepoints", wr_savepoint_trigger, OPERATE),
    FLINK("GET", "/jobs/:jobid/savepoints/:triggerid", wr_savepoint_status, OBSERVE),
    FLINK("POST", "/jobs/:jobid/stop", wr_stop_trigger, OPERATE),
    FLINK("PATCH", "/jobs/:jobid", wr_job_cancellation, OPERATE),
    FLINK("GET", "/jobs/:jobid/yarn-cancel", wr_job_yarn_cancellation, OPERATE),
    FLINK("POST", "/savepoint-disposal", wr_disposal_trigger, OPERATE),
    FLINK("GET", "/savepoint-disposal/:triggerid", wr_disposal_status, OBSERVE),

    /* not below /v1: these are no paths of Flink's */
    WEIR("GET", "/healthz", wr_health_live, NONE),
    WEIR("GET", "/readyz", wr_health_ready, NONE),
    WEIR("GET", "/metrics", wr_metrics_show, OBSERVE),
    WEIR("GET", "/weir/v1/events", wr_events_stream, OBSERVE),
    WEIR("GET", "/weir/v1/states", wr_states_show, OBSERVE),
    WEIR("GET", "/weir/v1/memory", wr_memory_show, OBSERVE),
    WEIR("GET", "/weir/v1/log-levels", wr_log_levels_show, OBSERVE),
    WEIR_BODY("PUT", "/weir/v1/log-levels", wr_log_levels_set, OPERATE),

    { NULL, NULL, NULL, WR_ROLE_NONE, WR_DIALECT_FLINK, false },
};

/* SPDX-License-Identifier: Apache-2.0 */
/* state/factory.h: from the name that state.backend.type gives to an engine. For job.
 *
 * Thread: host.
 */
#ifndef WR_STATE_FACTORY_H
#define WR_STATE_FACTORY_H

#include "os/os.h"
#include "weir/backend.h"

/* What a name of Flink's means. */
struct wr_engine_name {
    const char *name;
    const char *engine;  /* ours */
    const char *storage; /* that a legacy name brings and that wins (SB11); NULL: none */
};
/* NULL: no name of Flink's or ours. */
const struct wr_engine_name *wr_engine_name_find(const char *name);

/* weir_backend_factory_find on this system. */
weir_status wr_backend_factory_find(struct wr_os *os, const char *name,
                                    const weir_backend_factory **out_factory, weir_error *err);

#endif /* WR_STATE_FACTORY_H */

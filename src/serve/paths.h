/* SPDX-License-Identifier: Apache-2.0 */
/* serve/paths.h: which paths a client may name. Thread: server. */
#ifndef WR_SERVE_PATHS_H
#define WR_SERVE_PATHS_H

#include "weir/options.h"

#include <jansson.h>

enum {
    WR_CLIENT_PATH_MAX = 900 /* what is made below still fits weir_request_report.path */
};

enum wr_client_path {
    WR_CLIENT_TARGET = 1,  /* a directory in which a savepoint is to be made; a root may be one */
    WR_CLIENT_SNAPSHOT = 2 /* a savepoint or checkpoint: beneath a root, never one itself */
};

/* Takes "/a/b", "file:/a/b" or "file:///a/b"; answers it absolute, without "." and double slashes.
 * A '%' is a letter like others, as in Flink's paths. WEIR_INVALID: relative, with "..", a host or
 * control letters; outside of execution.checkpointing.savepoint-dir, execution.checkpointing.dir
 * and weir.rest.savepoint-roots; or led there by a symbolic link below one of these. What is not
 * there yet may be named. */
weir_status wr_client_path(const weir_options *options, enum wr_client_path kind, const char *asked,
                           char out[WR_CLIENT_PATH_MAX + 1], weir_error *err);

/* Where a snapshot is, as a client elsewhere can name it: absolute, also where the job was told a
 * directory relative to its own. path NULL: null. NULL: no memory. */
json_t *wr_path_json(const char *path);

#endif /* WR_SERVE_PATHS_H */

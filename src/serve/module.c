/* SPDX-License-Identifier: Apache-2.0 */
/* module: what libweir-serve.so shows. */
#include "serve/server.h"

__attribute__((visibility("default"))) const weir_serve_table weir_serve_module = {
    .size = sizeof(weir_serve_table),
    .magic = WEIR_SERVE_MAGIC,
    .version = WEIR_SERVE_ABI,
    .start = wr_server_start,
    .url = wr_server_url,
    .stop = wr_server_stop,
};

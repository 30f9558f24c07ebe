/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the REST server's module, loaded when a server is asked for. Nothing of it is called
 * before its ABI was looked at; it stays loaded, as engines do.
 */
#include "weir/serve.h"

#include "base/fail.h"
#include "base/memory.h"
#include "job/running.h"
#include "os/module.h"

#define MODULE "libweir-serve.so"

/* The module's own server begins behind this: what is needed to call it. */
struct weir_server {
    weir_alloc alloc;
    const weir_serve_table *table;
    weir_server *inner;
};

static weir_status
load_table(struct wr_os *os, const weir_serve_table **out_table, weir_error *err)
{
    weir_error why = { 0 };
    void *object = NULL;
    weir_status status = wr_module_load(os, MODULE, &object, &why);
    if (status != WEIR_OK) {
        return wr_fail(err, status,
                       "a REST server needs its module: %s. Install weir's REST module, or build "
                       "weir where libmicrohttpd-dev and libjansson-dev are installed",
                       why.message);
    }
    const weir_serve_table *table = os->ops->symbol(os, object, "weir_serve_module");
    if (table == NULL || table->magic != WEIR_SERVE_MAGIC) {
        status =
            wr_fail(err, WEIR_INVALID, "%s is a shared object but not weir's REST module", MODULE);
    } else if (table->version != WEIR_SERVE_ABI || table->size < sizeof *table) {
        status = wr_fail(err, WEIR_VERSION,
                         "%s was built for server ABI %u, this weir has %u: install the one that "
                         "came with it",
                         MODULE, table->version, (unsigned)WEIR_SERVE_ABI);
    }
    if (status != WEIR_OK) {
        os->ops->unload(os, object);
        return status;
    }
    *out_table = table;
    return WEIR_OK;
}

weir_status
weir_server_start(weir_job *job, const weir_server_parameters *parameters, weir_server **out_server,
                  weir_error *err)
{
    if (job == NULL || out_server == NULL) {
        return wr_fail(err, WEIR_INVALID, "a server needs a job");
    }
    const weir_serve_table *table = NULL;
    WR_TRY(load_table(job->os, &table, err));
    weir_server *server = wr_memory_new(&job->alloc, sizeof *server);
    if (server == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a server");
    }
    *server = (weir_server){ .alloc = job->alloc, .table = table };
    weir_status status = table->start(job, parameters, &server->inner, err);
    if (status != WEIR_OK) {
        wr_memory_free(&job->alloc, server, sizeof *server);
        return status;
    }
    *out_server = server;
    return WEIR_OK;
}

const char *
weir_server_url(const weir_server *server)
{
    return server->table->url(server->inner);
}

void
weir_server_stop(weir_server *server)
{
    if (server != NULL) {
        weir_alloc alloc = server->alloc;
        server->table->stop(server->inner);
        wr_memory_free(&alloc, server, sizeof *server);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* factory: finds an engine by name.
 *
 *   hashmap, and its old names      built in
 *   rocksdb, and its old names      libweir-rocksdb.so: beside what holds this code, or in ../lib
 *                                   of it, then on the loader's path
 *   anything with a slash, or .so   that shared object
 *
 * A foreign object is believed nothing before its ABI was looked at, and what it then gives is
 * checked for the entries that every factory has. Loaded engines stay: their code may be called as
 * long as the process lives.
 */
#include "state/factory.h"

#include "base/fail.h"
#include "os/file.h"
#include "os/module.h"

#include <string.h>

#define ROCKS_MODULE "libweir-rocksdb.so"

static const struct wr_engine_name names[] = {
    { "hashmap", "hashmap", NULL },
    { "rocksdb", "rocksdb", NULL },
    { "jobmanager", "hashmap", "jobmanager" },
    { "filesystem", "hashmap", "filesystem" },
    { "org.apache.flink.runtime.state.hashmap.HashMapStateBackendFactory", "hashmap", NULL },
    { "org.apache.flink.runtime.state.memory.MemoryStateBackendFactory", "hashmap", "jobmanager" },
    { "org.apache.flink.runtime.state.filesystem.FsStateBackendFactory", "hashmap", "filesystem" },
    { "org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackendFactory", "rocksdb",
      NULL },
    { "org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory", "rocksdb", NULL },
    { "org.apache.flink.contrib.streaming.state.RocksDBStateBackendFactory", "rocksdb",
      "filesystem" },
};

const struct wr_engine_name *
wr_engine_name_find(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

/* --- a shared object --- */

static weir_status
check_object(struct wr_os *os, void *object, const char *path,
             const weir_backend_factory **out_factory, weir_error *err)
{
    const weir_backend_abi_info *abi = os->ops->symbol(os, object, "weir_backend_abi");
    if (abi == NULL || abi->magic != WEIR_BACKEND_MAGIC) {
        return wr_fail(err, WEIR_INVALID,
                       "%s is a shared object but not a state backend: it has no "
                       "WEIR_BACKEND(factory)",
                       path);
    }
    if (abi->version != WEIR_BACKEND_ABI) {
        return wr_fail(
            err, WEIR_VERSION,
            "%s was built for backend ABI %u, this weir has %u: build it again with this "
            "weir's headers",
            path, abi->version, (unsigned)WEIR_BACKEND_ABI);
    }
    const weir_backend_factory *(*give)(void) = NULL;
    void *symbol = os->ops->symbol(os, object, "weir_state_backend");
    if (symbol == NULL) {
        return wr_fail(err, WEIR_INVALID, "%s has no weir_state_backend: use WEIR_BACKEND(factory)",
                       path);
    }
    memcpy(&give, &symbol, sizeof symbol); /* POSIX: a function fits an object pointer */
    const weir_backend_factory *factory = give();
    if (factory == NULL || factory->size == 0 || factory->name == NULL || factory->open == NULL) {
        return wr_fail(err, WEIR_INVALID, "%s gives a factory without size, name or open", path);
    }
    *out_factory = factory;
    return WEIR_OK;
}

static weir_status
load_object(struct wr_os *os, const char *path, const weir_backend_factory **out_factory,
            weir_error *err)
{
    char words[512] = "";
    void *object = NULL;
    if (os->ops->load(os, path, &object, words, sizeof words) != 0) {
        return wr_fail(err, WEIR_INVALID, "%s does not load as a shared object: %s", path, words);
    }
    weir_status status = check_object(os, object, path, out_factory, err);
    if (status != WEIR_OK) {
        os->ops->unload(os, object);
    }
    return status;
}

/* --- a module of ours --- */

static weir_status
load_ours(struct wr_os *os, const char *engine, const char *module,
          const weir_backend_factory **out_factory, weir_error *err)
{
    weir_error why = { 0 };
    void *object = NULL;
    weir_status status = wr_module_load(os, module, &object, &why);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, status,
                       "state.backend.type: %s needs its module: %s. Install weir's RocksDB "
                       "module, or build weir where librocksdb-dev is installed",
                       engine, why.message);
    }
    if (status != WEIR_OK) {
        return wr_fail(err, status, "%s", why.message);
    }
    status = check_object(os, object, module, out_factory, err);
    if (status != WEIR_OK) {
        os->ops->unload(os, object);
    }
    return status;
}

weir_status
wr_backend_factory_find(struct wr_os *os, const char *name,
                        const weir_backend_factory **out_factory, weir_error *err)
{
    const struct wr_engine_name *known = wr_engine_name_find(name);
    if (known != NULL && strcmp(known->engine, "hashmap") == 0) {
        *out_factory = weir_backend_factory_hashmap();
        return WEIR_OK;
    }
    if (known != NULL) {
        return load_ours(os, known->engine, ROCKS_MODULE, out_factory, err);
    }
    size_t size = strlen(name);
    bool is_object = strchr(name, '/') != NULL || (size > 3 && strcmp(name + size - 3, ".so") == 0);
    if (!is_object) {
        return wr_fail(err, WEIR_INVALID,
                       "state.backend.type: there is no engine '%s': hashmap, rocksdb, jobmanager, "
                       "filesystem, a factory class of Flink's, or the path of a shared object",
                       name);
    }
    struct wr_os_stat found;
    weir_status status = wr_path_stat(os, name, &found, err);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, status, "state.backend.type: there is no file %s", name);
    }
    WR_TRY(status);
    return load_object(os, name, out_factory, err);
}

weir_status
weir_backend_factory_find(const char *name, const weir_backend_factory **out_factory,
                          weir_error *err)
{
    if (name == NULL || out_factory == NULL) {
        return wr_fail(err, WEIR_INVALID, "a backend's factory is found by a name");
    }
    return wr_backend_factory_find(wr_os_posix(), name, out_factory, err);
}

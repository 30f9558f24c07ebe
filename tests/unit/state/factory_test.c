/* SPDX-License-Identifier: Apache-2.0 */
/* An engine is found by its names, and a foreign object is believed nothing before its ABI. */
#include "state/factory.h"

#include "support/common_os_sim.h"
#include "support/test.h"

#include <string.h>

static weir_status
open_nothing(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    (void)parameters;
    (void)out_backend;
    (void)err;
    return WEIR_UNSUPPORTED;
}

static const weir_backend_factory foreign = { sizeof foreign, "foreign", open_nothing };
static const weir_backend_factory nameless = { sizeof nameless, NULL, open_nothing };
static const weir_backend_abi_info right = { WEIR_BACKEND_MAGIC, WEIR_BACKEND_ABI };
static const weir_backend_abi_info newer = { WEIR_BACKEND_MAGIC, WEIR_BACKEND_ABI + 1 };
static const weir_backend_abi_info other = { 0x12345678, WEIR_BACKEND_ABI };

static const weir_backend_factory *
give_foreign(void)
{
    return &foreign;
}

static const weir_backend_factory *
give_nameless(void)
{
    return &nameless;
}

static void *
object_of(const void *symbol)
{
    void *pointer = NULL;
    memcpy(&pointer, &symbol, sizeof pointer);
    return pointer;
}

typedef const weir_backend_factory *give(void);

/* Finds the engine in an object with these symbols; `how` or abi NULL: it lacks that one. */
static weir_status
find(const char *name, const weir_backend_abi_info *abi, give *how,
     const weir_backend_factory **out_factory, weir_error *err)
{
    struct os_sim *sim = os_sim_create(NULL);
    struct os_sim_symbol symbols[2];
    size_t count = 0;
    if (abi != NULL) {
        symbols[count++] = (struct os_sim_symbol){ "weir_backend_abi", object_of(abi) };
    }
    if (how != NULL) {
        void *function = NULL;
        memcpy(&function, &how, sizeof function);
        symbols[count++] = (struct os_sim_symbol){ "weir_state_backend", function };
    }
    os_sim_directory_put(sim, "/lib");
    os_sim_file_put(sim, "/lib/engine.so", "ELF", 3);
    os_sim_library(sim, "/lib/engine.so", symbols, count);
    os_sim_library(sim, "libweir-rocksdb.so", symbols, count); /* on the loader's path */
    weir_status status = wr_backend_factory_find(os_sim_os(sim), name, out_factory, err);
    os_sim_destroy(sim);
    return status;
}

TEST(every_name_of_the_built_in_engine_finds_it)
{
    static const char *const names[] = {
        "hashmap",
        "jobmanager",
        "filesystem",
        "org.apache.flink.runtime.state.hashmap.HashMapStateBackendFactory",
        "org.apache.flink.runtime.state.memory.MemoryStateBackendFactory",
        "org.apache.flink.runtime.state.filesystem.FsStateBackendFactory",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const weir_backend_factory *factory = NULL;
        weir_error err;
        assert_ok(find(names[i], NULL, NULL, &factory, &err), &err);
        assert_ptr_equal(factory, weir_backend_factory_hashmap());
    }
    assert_string_equal(wr_engine_name_find("jobmanager")->storage, "jobmanager");
    assert_string_equal(wr_engine_name_find("filesystem")->storage, "filesystem");
    assert_null(wr_engine_name_find("hashmap")->storage);
    assert_null(wr_engine_name_find("/lib/engine.so"));
}

TEST(rocksdb_is_a_module_that_is_loaded_or_named)
{
    static const char *const names[] = {
        "rocksdb",
        "org.apache.flink.contrib.streaming.state.RocksDBStateBackendFactory",
        "org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackendFactory",
        "org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const weir_backend_factory *factory = NULL;
        weir_error err;
        assert_ok(find(names[i], &right, give_foreign, &factory, &err), &err);
        assert_ptr_equal(factory, &foreign);
        assert_int_equal(find(names[i], &newer, give_foreign, &factory, &err), WEIR_VERSION);
        struct os_sim *sim = os_sim_create(NULL);
        assert_int_equal(wr_backend_factory_find(os_sim_os(sim), names[i], &factory, &err),
                         WEIR_NOT_FOUND);
        assert_non_null(strstr(err.message, "libweir-rocksdb.so"));
        assert_non_null(strstr(err.message, "librocksdb-dev"));
        os_sim_destroy(sim);
    }
}

TEST(a_shared_object_is_an_engine_if_its_abi_and_factory_are_right)
{
    const weir_backend_factory *factory = NULL;
    weir_error err;
    const char *path = "/lib/engine.so";
    assert_ok(find(path, &right, give_foreign, &factory, &err), &err);
    assert_ptr_equal(factory, &foreign);
    assert_int_equal(find(path, &newer, give_foreign, &factory, &err), WEIR_VERSION);
    assert_non_null(strstr(err.message, "backend ABI 2"));
    assert_int_equal(find(path, &other, give_foreign, &factory, &err), WEIR_INVALID);
    assert_int_equal(find(path, NULL, give_foreign, &factory, &err), WEIR_INVALID);
    assert_non_null(strstr(err.message, "WEIR_BACKEND"));
    assert_int_equal(find(path, &right, NULL, &factory, &err), WEIR_INVALID);
    assert_int_equal(find(path, &right, give_nameless, &factory, &err), WEIR_INVALID);
    assert_int_equal(find("/lib/other.so", &right, give_foreign, &factory, &err), WEIR_NOT_FOUND);
    assert_int_equal(find("forst", &right, give_foreign, &factory, &err), WEIR_INVALID);
    assert_non_null(strstr(err.message, "no engine 'forst'"));
    assert_int_equal(weir_backend_factory_find(NULL, &factory, &err), WEIR_INVALID);
}

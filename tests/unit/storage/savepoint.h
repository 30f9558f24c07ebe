/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/storage/savepoint.h: takes savepoints of store.h's job.
 */
#ifndef WEIR_TESTS_UNIT_STORAGE_SAVEPOINT_H
#define WEIR_TESTS_UNIT_STORAGE_SAVEPOINT_H

#include "storage/savepoint_storage.h"
#include "store.h"

#define TARGET "/d/savepoints"

static inline weir_status
savepoint_create(struct scene *scene, const char *directory, struct wr_savepoint **out_savepoint)
{
    struct wr_savepoint_parameters parameters = { .os = scene->os,
                                                  .alloc = scene->alloc,
                                                  .directory = directory,
                                                  .job_id = JOB_A,
                                                  .attempt = FIRST };
    return wr_savepoint_create(&parameters, out_savepoint, &scene->err);
}

/* begin, two data files, complete. */
static inline weir_status
savepoint_make(struct scene *scene, struct wr_savepoint *savepoint, enum wr_checkpoint_kind kind,
               uint64_t id)
{
    struct store_set set;
    store_set_init(&set, scene, id, JOB_A, FIRST);
    set.manifest.kind = kind;
    weir_status status = wr_savepoint_begin(savepoint, &scene->err);
    for (uint32_t i = 0; i < STORE_SUBTASKS && status == WEIR_OK; i++) {
        char path[WR_PATH_MAX];
        status =
            wr_path_join(path, wr_savepoint_building(savepoint), set.files[i].path, &scene->err);
        if (status == WEIR_OK) {
            status = store_write_at(scene, path, id, &set.subtasks[i], FIRST);
        }
    }
    if (status == WEIR_OK) {
        status = wr_savepoint_complete(savepoint, &set.manifest, &scene->err);
    }
    store_set_fini(&set);
    return status;
}

/* All of it; what failed is abandoned. out_path (WR_PATH_MAX) is written on OK. */
static inline weir_status
savepoint_take(struct scene *scene, uint64_t id, char *out_path)
{
    struct wr_savepoint *savepoint = NULL;
    WR_TRY(savepoint_create(scene, TARGET, &savepoint));
    weir_status status = savepoint_make(scene, savepoint, WR_SAVEPOINT, id);
    if (status == WEIR_OK) {
        memcpy(out_path, wr_savepoint_path(savepoint), strlen(wr_savepoint_path(savepoint)) + 1);
    } else {
        weir_error abandoned;
        (void)!wr_savepoint_abandon(savepoint, &abandoned);
    }
    wr_savepoint_destroy(savepoint);
    return status;
}

/* One that ends the job of the storage. out_path is where it is to stand, whatever becomes of it.
 */
static inline weir_status
savepoint_end_job(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t id,
                  char *out_path)
{
    struct wr_savepoint_parameters parameters = { .os = scene->os,
                                                  .alloc = scene->alloc,
                                                  .directory = TARGET,
                                                  .job_id = JOB_A,
                                                  .attempt = FIRST,
                                                  .storage = storage };
    struct wr_savepoint *savepoint = NULL;
    out_path[0] = '\0';
    WR_TRY(wr_savepoint_create(&parameters, &savepoint, &scene->err));
    weir_status status = savepoint_make(scene, savepoint, WR_SAVEPOINT_STOP, id);
    memcpy(out_path, wr_savepoint_path(savepoint), strlen(wr_savepoint_path(savepoint)) + 1);
    if (status != WEIR_OK) {
        weir_error abandoned;
        (void)!wr_savepoint_abandon(savepoint, &abandoned);
    }
    wr_savepoint_destroy(savepoint);
    return status;
}

/* Which checkpoint the snapshot in this directory is; whole, or the test fails. */
static inline uint64_t
savepoint_read(struct scene *scene, const char *path)
{
    uint64_t id = 0;
    assert_ok(store_read(scene, path, &id, &scene->err), &scene->err);
    return id;
}

#endif /* WEIR_TESTS_UNIT_STORAGE_SAVEPOINT_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/job/shell_rig.h: a rig on the real system, with threads and a directory of its own.
 */
#ifndef WEIR_TESTS_SHELL_RIG_H
#define WEIR_TESTS_SHELL_RIG_H

#include "job_rig.h"

#include "os/file.h"

#include <stdlib.h>

struct place {
    char path[64];
    char latest[80];
};

static void
place_init(struct place *place, struct rig *rig)
{
    rig_init(rig);
    snprintf(place->path, sizeof place->path, "/tmp/weir-job-test-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    snprintf(place->latest, sizeof place->latest, "latest:%s", place->path);
    rig->os = wr_os_posix();
    rig_set(rig, "execution.checkpointing.dir", place->path);
}

static void
place_fini(struct place *place, struct rig *rig)
{
    rig_forget_job(rig);
    assert_ok(wr_directory_remove_all(wr_os_posix(), place->path, &rig->error), &rig->error);
    rig_fini(rig);
}

static void
start(struct rig *rig)
{
    rig_forget_job(rig);
    rig_build(rig);
    assert_ok(wr_job_create_on(rig->os, rig->environment, &rig->parameters, &rig->job, &rig->error),
              &rig->error);
    assert_non_null(rig->job);
    assert_ok(weir_job_start(rig->job, &rig->error), &rig->error);
}

static weir_job_state
wait_for_end(struct rig *rig)
{
    for (int i = 0; !weir_job_wait(rig->job, 1000); i++) {
        assert_true(i < 100);
    }
    (void)!weir_job_failure(rig->job, &rig->error);
    return rig_look(rig).state;
}

#endif /* WEIR_TESTS_SHELL_RIG_H */

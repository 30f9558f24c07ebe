/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/rest_scene.h: a server of a job that was made and never started: it answers, takes
 * triggers, and does nothing to any file. */
#ifndef WEIR_TESTS_FUZZ_REST_SCENE_H
#define WEIR_TESTS_FUZZ_REST_SCENE_H

#include "fuzz/fuzz.h"

#include "serve/router.h"

/* A new one every thousand calls. */
weir_server *rest_scene_server(void);
/* Behind each: what was triggered stays in the job's list, so that job goes. */
void rest_scene_settle(void);
const char *rest_scene_job_id(void);

/* Whatever was asked: a code of HTTP, a body that is what it says, and no failure of ours. */
void rest_scene_expect(const struct wr_answer *answer);

#endif /* WEIR_TESTS_FUZZ_REST_SCENE_H */

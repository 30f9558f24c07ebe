/* SPDX-License-Identifier: Apache-2.0 */
/* rescale: stopped by SIGTERM in the middle at one parallelism, resumed to the end at another. */
#include "campaign.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
    PATIENCE_S = 60,
    WIDE = 100,
    WIDE_BATCH = 7
};

/* Where each of so many sends to each, batches are small, or they would hold the whole input. */
static void
draw_at(struct place *place, struct life *life, unsigned parallelism)
{
    life_draw(place, life);
    life->parallelism = parallelism;
    if (parallelism >= WIDE) {
        life->batch_size = WIDE_BATCH;
        life->batches = 1;
    }
}

static int
run_half(struct place *place, unsigned parallelism)
{
    /* many subtasks take their time to begin: the first output must not be the last */
    uint64_t seconds = parallelism >= WIDE ? 8 : 2;
    struct life life = { .rate = place->events / seconds, .blow = { .call = CALL_COUNT } };
    int status = 0;
    int watched = 0;
    draw_at(place, &life, parallelism);
    life.interval_ms = 30;
    pid_t process = life_start(place, &life);
    double until = seconds_now() + PATIENCE_S;
    while (watched == 0 && oracle_lines(place->oracle) < place->events / 8 &&
           seconds_now() < until) {
        watched = life_watch(place, process, seconds_now() + 0.02, &status);
    }
    if (watched == 0) {
        kill(process, SIGTERM);
        watched = life_watch_end(place, process, &status);
    }
    if (watched != 1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        kill(process, SIGKILL);
        fprintf(stderr, "watched %d, status %#x\n", watched, (unsigned)status);
        return campaign_bad(place, "SIGTERM does not end the job well");
    }
    if (!place_log_has(place, "STOPPED")) {
        return campaign_bad(place, "the job was not stopped in the middle");
    }
    return RUN_GOOD;
}

int
campaign_rescale(struct place *place, unsigned from, unsigned to)
{
    int code = run_half(place, from);
    if (code != RUN_GOOD) {
        return code;
    }
    struct life life = { .rate = 0, .blow = { .call = CALL_COUNT } };
    int status = 0;
    draw_at(place, &life, to);
    pid_t process = life_start(place, &life);
    if (life_watch_end(place, process, &status) != 1 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        kill(process, SIGKILL);
        return campaign_bad(place, "the resumed job does not end well");
    }
    if (!place_log_has(place, "restored from checkpoint")) {
        return campaign_bad(place, "the resumed job does not say what it was restored from");
    }
    return oracle_is_complete(place->oracle) ? RUN_GOOD
                                             : campaign_bad(place, "the output is not complete");
}

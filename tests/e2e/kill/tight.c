/* SPDX-License-Identifier: Apache-2.0 */
/* tight: whole lives where everything waits for everything: one small batch a channel, checkpoints
 * all the time, aligned and not. A deadlock shows as output that stands still. */
#include "campaign.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static int
run_one(struct place *place)
{
    static const unsigned batch_sizes[] = { 1, 2, 7 };
    struct life life = { .rate = 0, .blow = { .call = CALL_COUNT } };
    life_draw(place, &life);
    life.parallelism = (unsigned)draw(place, 2, 5);
    life.batches = 1;
    life.batch_size = batch_sizes[draw(place, 0, 2)];
    life.interval_ms = (unsigned)draw(place, 10, 15); /* 10: the least there is */
    int status = 0;
    pid_t process = life_start(place, &life);
    if (process <= 0) {
        return RUN_INVALID;
    }
    if (life_watch_end(place, process, &status) != 1) {
        kill(process, SIGKILL);
        waitpid(process, &status, 0);
        return campaign_bad(place, "the job stands still");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return campaign_bad(place, "the job does not end well");
    }
    return oracle_is_complete(place->oracle) ? RUN_GOOD
                                             : campaign_bad(place, "the output is not complete");
}

int
campaign_tight(struct place *place)
{
    int code = run_one(place);
    if (code == RUN_GOOD && place_log_has(place, " 0 checkpoints")) {
        fprintf(stderr, "no checkpoint was completed\n");
        return RUN_INVALID;
    }
    return code;
}

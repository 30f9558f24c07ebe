/* SPDX-License-Identifier: Apache-2.0 */
/* supervised: one `weir run --supervise`; its child is killed, the parent starts the next one.
 *
 * A kill counts when output was committed since the last one. The parent must stay until the end
 * of the input, and then answer as the child did.
 */
#include "campaign.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
    PATIENCE_S = 60
};

/* Looks for a while. RUN_BAD: the parent has ended, or the oracle objects. */
static int
look_for(struct place *place, pid_t parent, double seconds)
{
    int status = 0;
    int watched = life_watch(place, parent, seconds_now() + seconds, &status);
    if (watched == 0) {
        return RUN_GOOD;
    }
    if (watched > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        fprintf(stderr, "INVALID: the input ended before the kills did\n");
        return RUN_INVALID;
    }
    return campaign_bad(place, watched < 0 ? "the oracle objects" : "the parent has ended");
}

/* Until there is a child with new output; then kills it. */
static int
kill_child(struct place *place, pid_t parent, pid_t *last)
{
    uint64_t lines = oracle_lines(place->oracle);
    double until = seconds_now() + PATIENCE_S;
    int code = look_for(place, parent, (double)draw(place, 10, 300) / 1000);
    while (code == RUN_GOOD && seconds_now() < until) {
        pid_t child = place_holder(place);
        if (child > 1 && child != *last && child != parent && oracle_lines(place->oracle) > lines &&
            kill(child, SIGKILL) == 0) {
            *last = child;
            return RUN_GOOD;
        }
        code = look_for(place, parent, 0.01);
    }
    return code != RUN_GOOD ? code : campaign_bad(place, "no child commits any more");
}

int
campaign_supervised(struct place *place, unsigned kills, unsigned *out_kills)
{
    struct life life = { .blow = { .call = CALL_COUNT } };
    pid_t last = -1;
    int status = 0;
    int code = RUN_GOOD;
    life_draw(place, &life);
    life.rate = 20000;
    pid_t parent = life_start(place, &life);
    for (unsigned i = 0; code == RUN_GOOD && i < kills; i++) {
        code = kill_child(place, parent, &last);
        if (code == RUN_GOOD && !oracle_review(place->oracle)) {
            code = campaign_bad(place, "the oracle objects after a kill");
        }
    }
    if (code == RUN_GOOD && (life_watch_end(place, parent, &status) != 1 || !WIFEXITED(status) ||
                             WEXITSTATUS(status) != 0)) {
        code = campaign_bad(place, "the supervised job does not end well");
    }
    if (code == RUN_GOOD && !oracle_is_complete(place->oracle)) {
        code = campaign_bad(place, "the output is not complete");
    }
    if (code != RUN_GOOD) {
        kill(parent, SIGKILL); /* the child goes with it */
        waitpid(parent, &status, 0);
        return code;
    }
    *out_kills += kills;
    printf("sequence_sum: %u kills of a supervised job, %llu lines in %llu files\n", kills,
           (unsigned long long)oracle_lines(place->oracle),
           (unsigned long long)oracle_files(place->oracle));
    return RUN_GOOD;
}

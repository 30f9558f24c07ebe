/* SPDX-License-Identifier: Apache-2.0 */
/* zombies: a process that was only stopped wakes up after a successor has taken its job over.
 *
 *   first --SIGSTOP at a call--> stopped      second --take-over--> commits      first --SIGCONT-->
 * must end
 *
 * What must hold: the second commits; the first commits nothing any more, drops nothing, and ends
 * with words and an exit code that is not 0; the second goes on undisturbed.
 */
#include "campaign.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
    PATIENCE_S = 60,
    RATE = 8000,
    ATTEMPT = 33
};

static void
end_both(pid_t first, pid_t second)
{
    const pid_t processes[] = { first, second };
    for (int i = 0; i < 2; i++) {
        if (processes[i] > 0) {
            int status;
            kill(processes[i], SIGKILL);
            kill(processes[i], SIGCONT);
            waitpid(processes[i], &status, 0);
        }
    }
}

/* Until another attempt than `not` has committed `count` files. False: it ended, or was too slow.
 */
static bool
until_commits(struct place *place, pid_t process, const char *not_attempt, uint64_t count)
{
    double until = seconds_now() + PATIENCE_S;
    while (seconds_now() < until) {
        int status;
        if (life_watch(place, process, seconds_now() + 0.02, &status) != 0) {
            return false;
        }
        const char *last = oracle_last_attempt(place->oracle);
        if (last[0] != '\0' && strcmp(last, not_attempt) != 0 &&
            oracle_files_ending(place->oracle, last) >= count) {
            return true;
        }
    }
    return false;
}

/* The first process, stopped at its blow. */
static pid_t
start_and_stop(struct place *place, struct life *life, char attempt[ATTEMPT])
{
    char before[ATTEMPT];
    snprintf(before, sizeof before, "%s", oracle_last_attempt(place->oracle));
    pid_t first = life_start(place, life);
    int status = 0;
    int watched = life_watch(place, first, seconds_now() + PATIENCE_S, &status);
    if (watched != 1 || !WIFSTOPPED(status)) {
        (void)campaign_bad(place, "the first process was not stopped");
        end_both(watched == 1 && !WIFSTOPPED(status) ? -1 : first, -1);
        return -1;
    }
    snprintf(attempt, ATTEMPT, "%s", oracle_last_attempt(place->oracle));
    if (strcmp(attempt, before) == 0) {
        (void)campaign_bad(place, "the first process was stopped before it had committed at all");
        end_both(first, -1);
        return -1;
    }
    return first;
}

static int
wake(struct place *place, pid_t *first, const char *attempt)
{
    int status = 0;
    uint64_t files = oracle_files_ending(place->oracle, attempt);
    char first_log[2 * LIFE_PATH];
    char log[2 * LIFE_PATH];
    snprintf(first_log, sizeof first_log, "%s/log-first", place->work);
    snprintf(log, sizeof log, "%s/log", place->work);
    kill(*first, SIGCONT);
    int watched = life_watch(place, *first, seconds_now() + PATIENCE_S, &status);
    rename(first_log, log); /* what is shown and searched from here on */
    if (watched != 1) {
        return campaign_bad(place, watched < 0 ? "the oracle objects to the revived process"
                                               : "the revived process does not end");
    }
    *first = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) {
        return campaign_bad(place, "the revived process does not end with a failure");
    }
    if (!place_log_has(place, "taken over")) {
        return campaign_bad(place, "the revived process does not say that it was taken over");
    }
    if (!oracle_look(place->oracle) || oracle_files_ending(place->oracle, attempt) != files) {
        return campaign_bad(place, "the revived process has committed");
    }
    return RUN_GOOD;
}

/* What those before have left in the shared directories, which a start may remove. */
static unsigned
count_shared(const struct place *place)
{
    char pattern[2 * LIFE_PATH];
    glob_t found;
    unsigned count = 0;
    snprintf(pattern, sizeof pattern, "%s/checkpoints/*/shared/*", place->work);
    if (glob(pattern, 0, NULL, &found) == 0) {
        count = (unsigned)found.gl_pathc;
        globfree(&found);
    }
    return count;
}

static int
one_zombie(struct place *place, enum call call, const char *when)
{
    struct life life = { .rate = RATE };
    struct life next = { .rate = RATE, .take_over = true, .blow = { .call = CALL_COUNT } };
    char attempt[ATTEMPT];
    life_draw(place, &life);
    life_draw(place, &next);
    life.interval_ms = next.interval_ms = (unsigned)draw(place, 20, 60);
    life.retained = 1;
    life.inline_max = 0; /* or a state file would never be written */
    /* Behind the first two completions, so that it has committed and drops. */
    bool each_task =
        strncmp(call_text(call), "pending", 7) == 0 || strncmp(call_text(call), "commit", 6) == 0;
    bool each_file = strncmp(call_text(call), "data.", 5) == 0;
    unsigned several = each_file ? 6 : each_task ? 2 : 1;
    bool is_of_start = strncmp(call_text(call), "unneeded", 8) == 0;
    unsigned behind = is_of_start ? count_shared(place) : 0;
    life.blow = (struct blow){
        .call = call, .n = behind + 3 * several * life.parallelism + 1, .when = when, .stop = true
    };
    pid_t first = start_and_stop(place, &life, attempt);
    if (first < 0) {
        return RUN_BAD;
    }
    char log[2 * LIFE_PATH];
    char first_log[2 * LIFE_PATH];
    snprintf(log, sizeof log, "%s/log", place->work);
    snprintf(first_log, sizeof first_log, "%s/log-first", place->work);
    rename(log, first_log);
    pid_t second = life_start(place, &next);
    int code = RUN_GOOD;
    if (!until_commits(place, second, attempt, 2ULL * next.parallelism)) {
        code = campaign_bad(place, "the successor does not commit");
    } else {
        code = wake(place, &first, attempt);
    }
    if (code == RUN_GOOD &&
        !until_commits(place, second, attempt,
                       oracle_files_ending(place->oracle, oracle_last_attempt(place->oracle)) +
                           2)) {
        code = campaign_bad(place, "the successor does not go on after the first has ended");
    }
    end_both(first, second);
    if (code == RUN_GOOD && !oracle_review(place->oracle)) {
        code = campaign_bad(place, "the oracle objects");
    }
    return code;
}

int
campaign_zombies(struct place *place)
{
    unsigned count = 0;
    for (int i = 0; i < CALL_COUNT; i++) {
        enum call call = (enum call)i;
        enum call_stage stage = call_stage_of(call);
        bool is_met = stage != STAGE_SHARE || place->incremental;
        if (stage == STAGE_FINISH || stage == STAGE_START || !is_met) {
            continue;
        }
        static const char *const whens[] = { "before", "after" };
        for (int j = 0; j < 2; j++) {
            int code = one_zombie(place, call, whens[j]);
            if (code != RUN_GOOD) {
                fprintf(stderr, "stopped %s %s\n", whens[j], call_text(call));
                return code;
            }
            count++;
        }
    }
    int code = campaign_finish(place);
    printf("%u processes stopped, taken over and woken\n", count);
    return code;
}

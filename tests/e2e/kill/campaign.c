/* SPDX-License-Identifier: Apache-2.0 */
/* campaign: kill -9, half of the times at a place drawn from calls.h, the rest at any time.
 *
 *   life --blow or clock--> dead --[oracle reviews]--> next life, other interval, parallelism,
 * batches
 *
 * Invariants of a valid run:
 *   (1) A kill counts only if output was committed since the last one that counted.
 *   (2) At least four in ten of the kills that count are placed, and as many are random.
 *   (3) No call below the two directories is unknown to calls.h: new steps get their places of
 * death.
 */
#include "campaign.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
    POINTS_MAX = 3 * CALL_COUNT,
    PATIENCE_S = 10,
    MISSES_MAX = 4,
    LINE = 4096
};

struct point {
    enum call call;
    const char *when;
    unsigned hits;
    unsigned misses;
};

struct campaign {
    struct place *place;
    struct point points[POINTS_MAX];
    size_t point_count;
    unsigned placed;
    unsigned random;
    unsigned idle;  /* kills without traffic */
    uint64_t lines; /* at the last kill that counted */
    unsigned seen[CALL_COUNT];
};

int
campaign_bad(const struct place *place, const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    if (oracle_words(place->oracle)[0] != '\0') {
        fprintf(stderr, "oracle: %s\n", oracle_words(place->oracle));
    }
    place_show_log(place);
    return RUN_BAD;
}

static int
invalid(const struct place *place, const char *what)
{
    fprintf(stderr, "INVALID: %s\n", what);
    place_show_log(place);
    return RUN_INVALID;
}

/* --- points --- */

static void
add_points(struct campaign *campaign, enum call call)
{
    bool is_write = strstr(call_text(call), ".write") != NULL;
    static const char *const whens[] = { "before", "after", "middle" };
    for (int i = 0; i < (is_write ? 3 : 2); i++) {
        campaign->points[campaign->point_count++] =
            (struct point){ .call = call, .when = whens[i] };
    }
}

static void
make_points(struct campaign *campaign)
{
    for (int i = 0; i < CALL_COUNT; i++) {
        enum call_stage stage = call_stage_of((enum call)i);
        bool is_met = stage != STAGE_SHARE || campaign->place->incremental;
        if (stage != STAGE_FINISH && stage != STAGE_START && is_met) {
            add_points(campaign, (enum call)i);
        }
    }
    for (size_t i = campaign->point_count - 1; i > 0; i--) {
        size_t other = (size_t)draw(campaign->place, 0, i);
        struct point kept = campaign->points[i];
        campaign->points[i] = campaign->points[other];
        campaign->points[other] = kept;
    }
}

/* The one that was hit least. */
static struct point *
next_point(struct campaign *campaign)
{
    struct point *least = &campaign->points[0];
    for (size_t i = 1; i < campaign->point_count; i++) {
        if (campaign->points[i].hits < least->hits) {
            least = &campaign->points[i];
        }
    }
    return least;
}

/* Reads and empties the trace. False: there was a call that calls.h does not know. */
static bool
read_trace(struct campaign *campaign, bool *out_hit)
{
    char path[2 * LIFE_PATH];
    char line[LINE];
    bool good = true;
    *out_hit = false;
    snprintf(path, sizeof path, "%s/trace", campaign->place->work);
    FILE *file = fopen(path, "r+e");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; strncmp(line, "seen ", 5) == 0 && i < CALL_COUNT; i++) {
            campaign->seen[i] += strcmp(line + 5, call_text((enum call)i)) == 0;
        }
        *out_hit = *out_hit || strncmp(line, "hit ", 4) == 0;
        if (strncmp(line, "unknown ", 8) == 0) {
            fprintf(stderr, "a call that tests/e2e/kill/calls.h does not list: %s\n", line + 8);
            good = false;
        }
    }
    if (file != NULL) {
        fclose(file);
        remove(path);
    }
    return good;
}

/* --- one kill --- */

static bool
was_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Waits for the blow, or deals it at its time. */
static int
until_dead(struct campaign *campaign, pid_t process, double until)
{
    int status = 0;
    int watched = life_watch(campaign->place, process, until, &status);
    if (watched == 0) {
        kill(process, SIGKILL);
        watched = life_watch(campaign->place, process, seconds_now() + PATIENCE_S, &status);
    }
    if (watched != 1) {
        kill(process, SIGKILL);
        waitpid(process, &status, 0);
        return campaign_bad(campaign->place,
                            watched < 0 ? "the oracle objects" : "a killed process does not end");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return invalid(campaign->place, "the input ended before the kills did");
    }
    return was_killed(status) ? RUN_GOOD : campaign_bad(campaign->place, "the job ended by itself");
}

static void
count_kill(struct campaign *campaign, struct point *point, bool hit)
{
    uint64_t lines = oracle_lines(campaign->place->oracle);
    if (hit) {
        point->hits++;
    }
    if (lines == campaign->lines) {
        campaign->idle++;
        return;
    }
    campaign->lines = lines;
    campaign->placed += hit;
    campaign->random += !hit;
}

static int
kill_once(struct campaign *campaign, bool placed)
{
    struct place *place = campaign->place;
    struct life life = { .blow = { .call = CALL_COUNT } };
    static const uint64_t rates[] = { 3000, 10000, 30000 };
    life_draw(place, &life);
    life.rate = rates[draw(place, 0, 2)] / (place->is_words ? 4 : 1);
    struct point *point = placed ? next_point(campaign) : NULL;
    double seconds = (double)draw(place, 20, 900) / 1000;
    if (placed) {
        life.interval_ms = life.interval_ms > 150 ? life.interval_ms / 2 : life.interval_ms;
        life.blow = (struct blow){ .call = point->call,
                                   .n = (unsigned)draw(place, 1, 2 * life.parallelism + 2),
                                   .when = point->when };
        life.inline_max = 0; /* or a state file would never be written */
        seconds = PATIENCE_S;
    }
    pid_t process = life_start(place, &life);
    if (process < 0) {
        return invalid(place, "no process can be started");
    }
    int code = until_dead(campaign, process, seconds_now() + seconds);
    bool hit = false;
    if (!read_trace(campaign, &hit) && code == RUN_GOOD) {
        code = campaign_bad(place, "an unknown call");
    }
    if (code != RUN_GOOD) {
        return code;
    }
    if (!oracle_look(place->oracle) || !oracle_review(place->oracle)) {
        return campaign_bad(place, "the oracle objects after a kill");
    }
    if (placed && !hit) {
        fprintf(stderr, "not reached: %s, number %u, within %d s\n", call_text(point->call),
                life.blow.n, PATIENCE_S);
        if (++point->misses == MISSES_MAX && point->hits == 0) {
            return invalid(place, "a call of tests/e2e/kill/calls.h does not happen any more");
        }
    }
    count_kill(campaign, point, hit);
    return RUN_GOOD;
}

/* --- the end of the input --- */

/* Kills around the mark that the job has ended. `last`: one of the calls behind which it is there.
 */
static int
kill_at_finish(struct campaign *campaign)
{
    struct place *place = campaign->place;
    static const struct point points[] = {
        { .call = CALL_FINISHED_WRITE, .when = "before" },
        { .call = CALL_FINISHED_WRITE, .when = "middle" },
        { .call = CALL_FINISHED_WRITE, .when = "after" },
        { .call = CALL_FINISHED_SYNC, .when = "before" },
        { .call = CALL_FINISHED_SYNC, .when = "after" },
        { .call = CALL_FINISHED_RENAME, .when = "before" },
        { .call = CALL_FINISHED_RENAME, .when = "after" },
        { .call = CALL_FINISHED_PARENT_SYNC, .when = "before" },
        { .call = CALL_FINISHED_PARENT_SYNC, .when = "after" },
        { .call = CALL_FINISHED_HIDDEN_SYNC, .when = "before" },
        { .call = CALL_FINISHED_HIDDEN_SYNC, .when = "after" },
    };
    size_t last = (size_t)draw(place, 6, sizeof points / sizeof points[0] - 1);
    for (size_t i = 0; i <= last; i = i == 5 ? last : i + 1) {
        struct life life = { .rate = 0 };
        life_draw(place, &life);
        life.blow = (struct blow){ .call = points[i].call, .n = 1, .when = points[i].when };
        pid_t process = life_start(place, &life);
        int status = 0;
        bool hit = false;
        int watched = life_watch_end(place, process, &status);
        if (watched != 1 || !read_trace(campaign, &hit) || !hit || !was_killed(status)) {
            kill(process, SIGKILL);
            fprintf(stderr, "%s %s was not reached\n", call_text(points[i].call), points[i].when);
            return campaign_bad(place, "no kill at the end of the input");
        }
        if (!oracle_review(place->oracle)) {
            return campaign_bad(place, "the oracle objects after a kill at the end");
        }
        if (i == last) {
            break;
        }
    }
    return RUN_GOOD;
}

int
campaign_finish(struct place *place)
{
    struct life life = { .rate = 0, .blow = { .call = CALL_COUNT } };
    life_draw(place, &life);
    pid_t process = life_start(place, &life);
    int status = 0;
    int watched = process > 0 ? life_watch_end(place, process, &status) : -1;
    if (watched != 1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        if (watched != 1 && process > 0) {
            kill(process, SIGKILL);
            waitpid(process, &status, 0);
        }
        return campaign_bad(place, "the last run does not end well");
    }
    return oracle_is_complete(place->oracle) ? RUN_GOOD
                                             : campaign_bad(place, "the output is not complete");
}

/* --- the whole --- */

static int
check_points(const struct campaign *campaign, unsigned kills, bool all)
{
    unsigned missing = 0;
    for (size_t i = 0; i < campaign->point_count; i++) {
        const struct point *point = &campaign->points[i];
        if (point->hits == 0 && all) {
            fprintf(stderr, "never killed %s %s\n", point->when, call_text(point->call));
            missing++;
        }
    }
    if (missing != 0) {
        return invalid(campaign->place, "a call of completion, commit or drop was never hit");
    }
    if (campaign->placed * 10 < kills * 4 || campaign->random * 10 < kills * 4) {
        return invalid(campaign->place, "too few placed or too few random kills");
    }
    return RUN_GOOD;
}

static bool
is_enough(struct campaign *campaign, unsigned kills, bool all)
{
    return campaign->placed + campaign->random >= kills && campaign->placed * 10 >= kills * 4 &&
           campaign->random * 10 >= kills * 4 && (!all || next_point(campaign)->hits > 0);
}

int
campaign_kill(struct place *place, unsigned kills, bool all, unsigned *out_kills)
{
    struct campaign campaign = { .place = place };
    make_points(&campaign);
    unsigned tries = 0;
    int code = RUN_GOOD;
    while (code == RUN_GOOD && !is_enough(&campaign, kills, all)) {
        if (++tries > 4 * kills + 40) {
            code = invalid(place, "too many kills without traffic between them");
            break;
        }
        code = kill_once(&campaign, campaign.placed <= campaign.random);
    }
    unsigned counted = campaign.placed + campaign.random;
    if (code == RUN_GOOD) {
        *out_kills += counted;
        code = kill_at_finish(&campaign);
    }
    if (code == RUN_GOOD) {
        code = campaign_finish(place);
    }
    if (code == RUN_GOOD && !place_log_has(place, "FINISHED")) {
        code = campaign_bad(place, "latest: of a job that has ended does not say FINISHED");
    }
    if (code == RUN_GOOD) {
        code = check_points(&campaign, kills, all);
    }
    size_t hit = 0;
    for (size_t i = 0; i < campaign.point_count; i++) {
        hit += campaign.points[i].hits > 0;
    }
    printf("%s: %u kills (%u placed, %u random, %u more without traffic), points hit %zu/%zu, "
           "%llu lines in %llu files\n",
           place->is_words ? "wordcount" : "sequence_sum", counted, campaign.placed,
           campaign.random, campaign.idle, hit, campaign.point_count,
           (unsigned long long)oracle_lines(place->oracle),
           (unsigned long long)oracle_files(place->oracle));
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* savepoint-driver: a program that embeds weir drives one real job, on real threads and files,
 * through all verbs of checkpoints and savepoints by hand.
 *
 *   savepoint-driver DIRECTORY CASE
 *
 * The job numbers events, sums them per key and commits a line an event: "index key sum". A case
 * runs it in lives, each from what the last one left, and at the end the lines must be those of one
 * undisturbed run. DIRECTORY is made anew. Exit code 0: right.
 */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the verbs, with the outcome that a case expects --- */

static void
savepoint(struct life *life, weir_savepoint_parameters wish, char out_path[1024])
{
    uint64_t request = 0;
    weir_error error;
    wish.size = sizeof wish;
    expect_ok(weir_job_trigger_savepoint(life->job, &wish, &request, &error), &error);
    weir_request_report report = { .size = sizeof report };
    expect(weir_job_request_wait(life->job, request, 60000, &report) == WEIR_OK,
           "the request is known");
    if (report.state != WEIR_REQUEST_COMPLETED) {
        say("the savepoint did not complete: %s", report.error.message);
        exit(1);
    }
    snprintf(out_path, 1024, "%s", report.path);
    expect(exists(out_path, "_metadata"), "a complete savepoint has its _metadata");
}

static bool
is_gone(const char *path)
{
    struct stat found;
    return lstat(path, &found) != 0;
}

/* A first life that ends with a savepoint, which stops it. */
static void
stop_with_savepoint(char out_path[1024])
{
    struct life life;
    begin_life(&life, &(struct plan){ .rate = 20000 });
    run_until(&life, 3000);
    savepoint(&life, (weir_savepoint_parameters){ .directory = place("savepoints"), .stop = true },
              out_path);
    expect(end_life(&life) == WEIR_JOB_FINISHED, "a job that was stopped so is FINISHED");
}

static void
go_on(const char *path, weir_claim_mode mode)
{
    struct life life;
    begin_life(&life, &(struct plan){ .restore = path, .claim = mode });
    expect(end_life(&life) == WEIR_JOB_FINISHED, "the next life reaches the end");
    expect(lines_are_right(true), "every line is there once");
}

/* --- cases --- */

static void
triggered_beside_checkpoints(void)
{
    struct life life;
    char path[1024];
    begin_life(&life, &(struct plan){ .rate = 20000 });
    run_until(&life, 2000);
    savepoint(&life, (weir_savepoint_parameters){ .directory = place("savepoints") }, path);
    expect(look(&life).state == WEIR_JOB_RUNNING, "the job runs on");
    uint64_t request = 0;
    weir_error error;
    expect_ok(weir_job_trigger_checkpoint(life.job, WEIR_CHECKPOINT_FULL, &request, &error),
              &error);
    weir_request_report report = { .size = sizeof report };
    expect(weir_job_request_wait(life.job, request, 60000, &report) == WEIR_OK &&
               report.state == WEIR_REQUEST_COMPLETED && strstr(report.path, "/chk-") != NULL,
           "a checkpoint by hand says where it is");
    expect(end_life(&life) == WEIR_JOB_FINISHED, "the input ends");
    expect(lines_are_right(true), "every line is there once");
    expect(exists(path, "_metadata"), "the savepoint outlives the job");
}

static void
stopped_and_gone_on(void)
{
    char path[1024];
    stop_with_savepoint(path);
    expect(lines_are_right(false), "what was committed is a beginning");
    go_on(path, WEIR_NO_CLAIM);
    expect(exists(path, "_metadata"), "what is not claimed stays");
}

static void
drained_and_over(void)
{
    struct life life;
    char path[1024];
    begin_life(&life, &(struct plan){ .rate = 20000 });
    run_until(&life, 3000);
    savepoint(&life,
              (weir_savepoint_parameters){
                  .directory = place("savepoints"), .stop = true, .drain = true },
              path);
    expect(end_life(&life) == WEIR_JOB_FINISHED, "a drained job is FINISHED");
    expect(lines_are_right(false), "all that was taken is committed, each once");
    expect(committed_lines() == look_last()->records_in, "and nothing is missing");
}

static void
cancelled_and_gone_on(void)
{
    struct life life;
    char path[1024];
    begin_life(&life, &(struct plan){ .rate = 20000 });
    run_until(&life, 3000);
    savepoint(&life,
              (weir_savepoint_parameters){ .directory = place("savepoints"), .cancel = true },
              path);
    expect(end_life(&life) == WEIR_JOB_CANCELED, "the job is cancelled behind its savepoint");
    go_on(path, WEIR_NO_CLAIM);
}

/* The directory is renamed, the job's own files are removed: its _metadata is all that is named. */
static void
moved_and_gone_on(void)
{
    char path[1024];
    char moved[1000];
    char metadata[1100];
    stop_with_savepoint(path);
    snprintf(moved, sizeof moved, "%s", place("elsewhere"));
    expect(rename(path, moved) == 0, "a savepoint's directory can be renamed");
    remove_tree(place("savepoints"));
    remove_tree(place("state"));
    snprintf(metadata, sizeof metadata, "%s/_metadata", moved);
    go_on(metadata, WEIR_NO_CLAIM);
}

static void
claimed_and_gone(void)
{
    char path[1024];
    stop_with_savepoint(path);
    go_on(path, WEIR_CLAIM);
    expect(is_gone(path), "a claimed savepoint goes with the first checkpoint behind it");
}

static void
legacy_and_kept(void)
{
    char path[1024];
    stop_with_savepoint(path);
    go_on(path, WEIR_CLAIM_LEGACY);
    expect(exists(path, "_metadata"), "LEGACY never removes it");
    expect(was_said("LEGACY is deprecated"), "and is warned of");
}

static void
disposed(void)
{
    char path[1024];
    weir_error error;
    stop_with_savepoint(path);
    expect_ok(weir_savepoint_dispose(path, &error), &error);
    expect(is_gone(path), "a disposed savepoint is gone");
    expect(weir_savepoint_dispose(path, &error) == WEIR_NOT_FOUND, "twice is NOT_FOUND");
    expect(weir_savepoint_dispose(place("out"), &error) != WEIR_OK, "output is no savepoint");
    expect(lines_are_right(false), "nothing else was touched");
}

/* The job that takes over no longer has an operator that the savepoint knows. */
static void
non_restored_state_is_refused_unless_allowed(void)
{
    struct life life;
    char path[1024];
    weir_error error;
    begin_life(&life, &(struct plan){ .rate = 20000, .with_extra = true });
    run_until(&life, 3000);
    savepoint(&life, (weir_savepoint_parameters){ .directory = place("savepoints"), .stop = true },
              path);
    expect(end_life(&life) == WEIR_JOB_FINISHED, "stopped");
    expect(try_life(&life, &(struct plan){ .restore = path }, &error) == WEIR_VERSION,
           "state that would be lost is refused");
    expect(strstr(error.message, "Cannot map checkpoint/savepoint state for operator") != NULL,
           "by Flink's words");
    begin_life(&life, &(struct plan){ .restore = path, .allow_non_restored = true });
    expect(end_life(&life) == WEIR_JOB_FINISHED, "allowed, it starts");
    expect(lines_are_right(true), "every line is there once");
}

static void
refused_and_running_on(void)
{
    struct life life;
    uint64_t request = 0;
    weir_error error;
    begin_life(&life, &(struct plan){ .rate = 20000 });
    run_until(&life, 1000);
    weir_savepoint_parameters wish = { .size = sizeof wish };
    expect(weir_job_trigger_savepoint(life.job, &wish, &request, &error) == WEIR_INVALID &&
               strstr(error.message, "No savepoint location given and no default location "
                                     "configured.") != NULL,
           "no directory, by Flink's words");
    wish.directory = "/proc/no/such/place";
    expect_ok(weir_job_trigger_savepoint(life.job, &wish, &request, &error), &error);
    weir_request_report report = { .size = sizeof report };
    expect(weir_job_request_wait(life.job, request, 60000, &report) == WEIR_OK &&
               report.state == WEIR_REQUEST_FAILED &&
               strncmp(report.error.message, "IO_EXCEPTION", 12) == 0,
           "a place that cannot be written fails the request");
    expect(end_life(&life) == WEIR_JOB_FINISHED, "and the job runs on to its end");
    expect(lines_are_right(true), "every line is there once");
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    { "triggered_beside_checkpoints", triggered_beside_checkpoints },
    { "stopped_and_gone_on", stopped_and_gone_on },
    { "drained_and_over", drained_and_over },
    { "cancelled_and_gone_on", cancelled_and_gone_on },
    { "moved_and_gone_on", moved_and_gone_on },
    { "claimed_and_gone", claimed_and_gone },
    { "legacy_and_kept", legacy_and_kept },
    { "disposed", disposed },
    { "non_restored_state_is_refused_unless_allowed",
      non_restored_state_is_refused_unless_allowed },
    { "refused_and_running_on", refused_and_running_on },
};

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(argv[2], cases[i].name) == 0) {
            use_place(argv[1]);
            cases[i].run();
            remove_tree(argv[1]);
            return 0;
        }
    }
    say("usage: savepoint-driver DIRECTORY CASE");
    return 2;
}

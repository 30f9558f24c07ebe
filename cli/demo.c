/* SPDX-License-Identifier: Apache-2.0 */
/* demo: the word count over text of this machine, killed three times, and its counts set beside
 * others.
 *
 * The job runs in a worker process of its own, `weir run` as a user would call it, so that SIGKILL
 * is the real one. It follows its input, so it ends by SIGTERM, with its last checkpoint left for
 * the user.
 */
#include "cli.h"
#include "demo_text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KILLS = 3,
    PACE_SECONDS = 9,
    PATIENCE_SECONDS = 45
};

struct demo {
    char directory[4000];
    char text[4100];
    char output[4100];
    char checkpoints[4100];
    char job[4100];
    char self[4000];
    uint64_t lines;
    struct demo_count expected;
};

static double
seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
sleep_seconds(double seconds)
{
    struct timespec time = { .tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

static double
draw(double least, double most)
{
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) {
        bits = (uint32_t)time(NULL);
    }
    return least + (most - least) * (double)bits / 4294967296.0;
}

/* --- setting up --- */

static bool
find_job(struct demo *demo)
{
    ssize_t size = readlink("/proc/self/exe", demo->self, sizeof demo->self - 1);
    if (size <= 0) {
        return false;
    }
    demo->self[size] = '\0';
    char *slash = strrchr(demo->self, '/');
    int base = (int)(slash - demo->self);
    static const char *const places[] = { "examples", CLI_EXAMPLES };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(demo->job, sizeof demo->job, "%.*s/%s/wordcount.so", base, demo->self, places[i]);
        if (access(demo->job, R_OK) == 0) {
            return true;
        }
    }
    return false;
}

static int
set_up(struct demo *demo)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(demo->directory, sizeof demo->directory, "%.3900s/weir-demo-XXXXXX",
             temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    if (!find_job(demo)) {
        cli_say('e', "the example job wordcount.so was not found beside this program");
        return CLI_NOT_FOUND;
    }
    if (mkdtemp(demo->directory) == NULL) {
        cli_say('e', "%s: %s", demo->directory, strerror(errno));
        return CLI_FAILED;
    }
    snprintf(demo->text, sizeof demo->text, "%s/text", demo->directory);
    snprintf(demo->output, sizeof demo->output, "%s/counts", demo->directory);
    snprintf(demo->checkpoints, sizeof demo->checkpoints, "%s/checkpoints", demo->directory);
    if (mkdir(demo->text, 0777) != 0 || !demo_text_gather(demo->text, &demo->lines) ||
        !demo_text_count(demo->text, &demo->expected)) {
        cli_say('e', "no text was found on this machine, or %s cannot be written", demo->directory);
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* --- the worker --- */

static bool
has_checkpoint(const struct demo *demo)
{
    char pattern[4200];
    snprintf(pattern, sizeof pattern, "%s/*/chk-*/_metadata", demo->checkpoints);
    glob_t found;
    bool there = glob(pattern, 0, NULL, &found) == 0;
    globfree(&found);
    return there;
}

static pid_t
start_worker(const struct demo *demo)
{
    char rate[64];
    char directory[4200];
    char latest[4200];
    snprintf(rate, sizeof rate, "%.1f", (double)demo->lines / PACE_SECONDS);
    snprintf(directory, sizeof directory, "execution.checkpointing.dir=%s", demo->checkpoints);
    snprintf(latest, sizeof latest, "latest:%s", demo->checkpoints);
    const char *arguments[32];
    int count = 0;
    static const char *const head[] = {
        "weir", "run", "-q", "-p", "2", "-D", "execution.checkpointing.interval=200ms", "-D"
    };
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        arguments[count++] = head[i];
    }
    arguments[count++] = directory;
    if (has_checkpoint(demo)) {
        arguments[count++] = "-s";
        arguments[count++] = latest;
    }
    const char *tail[] = { demo->job, "--input", demo->text, "--output", demo->output,
                           "--rate",  rate,      "--follow", NULL };
    for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++) {
        arguments[count++] = tail[i];
    }
    fflush(NULL);
    pid_t worker = fork();
    if (worker == 0) {
        char *copy[32];
        memcpy(copy, arguments, sizeof copy);
        execv(demo->self, copy);
        _exit(127);
    }
    return worker;
}

/* True when the worker ended by itself, which it must not. */
static bool
has_ended(pid_t worker, int *out_status)
{
    return waitpid(worker, out_status, WNOHANG) == worker;
}

static uint64_t
committed_total(const struct demo *demo)
{
    struct demo_count count;
    uint64_t total = demo_output_count(demo->output, &count) ? count.total : 0;
    demo_count_free(&count);
    return total;
}

static void
show_progress(const struct demo *demo, const char *what)
{
    printf("  %5.1f %% of the words committed   %s\n",
           100.0 * (double)committed_total(demo) / (double)demo->expected.total, what);
    fflush(stdout);
}

/* Runs and kills; then waits until all is counted. Answers the last worker, or -1. */
static pid_t
run_and_kill(const struct demo *demo, double until)
{
    pid_t worker = start_worker(demo);
    int kills = 0;
    double kill_at = seconds_now() + draw(1.0, 2.5);
    while (worker > 0) {
        sleep_seconds(0.1);
        int status;
        if (has_ended(worker, &status)) {
            cli_say('e', "the worker ended by itself (status %d)", status);
            return -1;
        }
        double now = seconds_now();
        if (now > until) {
            cli_say('e', "the words were not all counted within %d seconds", PATIENCE_SECONDS);
            kill(worker, SIGKILL);
            waitpid(worker, &status, 0);
            return -1;
        }
        if (kills < KILLS && now >= kill_at) {
            kill(worker, SIGKILL);
            waitpid(worker, &status, 0);
            kills++;
            char words[128];
            snprintf(words, sizeof words, "kill -9 %d, number %d of %d; resuming", (int)worker,
                     kills, KILLS);
            show_progress(demo, words);
            worker = start_worker(demo);
            kill_at = seconds_now() + draw(1.0, 2.5);
        } else if (kills == KILLS && committed_total(demo) >= demo->expected.total) {
            return worker;
        }
    }
    cli_say('e', "the worker could not be started: %s", strerror(errno));
    return -1;
}

/* --- the verdict --- */

static int
by_count(const void *one, const void *other)
{
    const struct demo_word *a = *(const struct demo_word *const *)one;
    const struct demo_word *b = *(const struct demo_word *const *)other;
    return (a->count < b->count) - (a->count > b->count);
}

static const struct demo_word *
find_word(const struct demo_count *count, const char *word)
{
    size_t low = 0;
    size_t high = count->word_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(count->words[middle].word, word) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count->word_count && strcmp(count->words[low].word, word) == 0 ? &count->words[low]
                                                                                : NULL;
}

static void
print_top(const struct demo_count *expected, const struct demo_count *counted)
{
    const struct demo_word **order = malloc(expected->word_count * sizeof(struct demo_word *));
    if (order == NULL) {
        return;
    }
    for (size_t i = 0; i < expected->word_count; i++) {
        order[i] = &expected->words[i];
    }
    qsort(order, expected->word_count, sizeof order[0], by_count);
    printf("\n  %-16s %14s %14s\n", "word", "independent", "weir");
    for (size_t i = 0; i < 8 && i < expected->word_count; i++) {
        const struct demo_word *ours = find_word(counted, order[i]->word);
        printf("  %-16s %14llu %14llu\n", order[i]->word, (unsigned long long)order[i]->count,
               (unsigned long long)(ours != NULL ? ours->count : 0));
    }
    printf("  %-16s %14llu %14llu\n", "all words", (unsigned long long)expected->total,
           (unsigned long long)counted->total);
    free(order);
}

/* How many words differ, in count or in the number of committed lines. */
static size_t
count_differences(const struct demo_count *expected, const struct demo_count *counted)
{
    size_t differences = expected->word_count > counted->word_count
                             ? expected->word_count - counted->word_count
                             : counted->word_count - expected->word_count;
    for (size_t i = 0; i < expected->word_count; i++) {
        const struct demo_word *ours = find_word(counted, expected->words[i].word);
        differences += ours == NULL || ours->count != expected->words[i].count ||
                       ours->lines != expected->words[i].count;
    }
    return differences;
}

static int
judge(const struct demo *demo)
{
    struct demo_count counted;
    if (!demo_output_count(demo->output, &counted)) {
        return CLI_FAILED;
    }
    print_top(&demo->expected, &counted);
    size_t differences = count_differences(&demo->expected, &counted);
    if (differences == 0) {
        printf("\nEqual: %zu words, each counted exactly once, after %d times kill -9.\n",
               counted.word_count, KILLS);
    } else {
        printf("\nNOT equal: %zu words differ.\n", differences);
    }
    demo_count_free(&counted);
    return differences == 0 ? CLI_OK : CLI_FAILED;
}

static void
print_next(const struct demo *demo)
{
    char pattern[4200];
    snprintf(pattern, sizeof pattern, "%s/*/chk-*", demo->checkpoints);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0) {
        printf("\nThe last checkpoint is at %s\n", found.gl_pathv[found.gl_pathc - 1]);
    }
    globfree(&found);
    printf("\nTry next:\n"
           "  echo 'one more line' >> %s/part-0.txt\n"
           "  %s run -s latest:%s \\\n"
           "       %s --input %s --output %s\n"
           "  %s info %s --input %s\n",
           demo->text, demo->self, demo->checkpoints, demo->job, demo->text, demo->output,
           demo->self, demo->job, demo->text);
}

static int
stop_worker(pid_t worker)
{
    int status = 0;
    kill(worker, SIGTERM);
    waitpid(worker, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        cli_say('e', "the worker did not stop cleanly (status %d)", status);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int
run_demo(int argc, char **argv)
{
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_demo, argc, argv);
    if (cli_parse_next(&parse) != CLI_PARSE_END) {
        return parse.code;
    }
    struct demo *demo = calloc(1, sizeof *demo);
    if (demo == NULL) {
        return CLI_FAILED;
    }
    int code = set_up(demo);
    if (code == CLI_OK) {
        printf("Counting %llu words of %llu lines, checkpoint each 200 ms, in %s\n",
               (unsigned long long)demo->expected.total, (unsigned long long)demo->lines,
               demo->directory);
        pid_t worker = run_and_kill(demo, seconds_now() + PATIENCE_SECONDS);
        code = worker > 0 ? stop_worker(worker) : CLI_FAILED;
    }
    if (code == CLI_OK) {
        show_progress(demo, "stopped by SIGTERM, last checkpoint kept");
        code = judge(demo);
        print_next(demo);
    }
    demo_count_free(&demo->expected);
    free(demo);
    return code;
}

static const char *const examples[] = { "weir demo", NULL };

const struct cli_verb cli_verb_demo = {
    .name = "demo",
    .summary = "see state survive kill -9",
    .run = run_demo,
    .usage = "[options]",
    .examples = examples,
    .about = "Counts the words of text found on this machine for some ten seconds, with a "
             "checkpoint each 200 ms, kills its own worker process three times, resumes it, and "
             "sets the counts beside an independent count. Works below TMPDIR.",
};

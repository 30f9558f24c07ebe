/* SPDX-License-Identifier: Apache-2.0 */
/* life: a real `weir run`, in a process of its own, under the eyes of the oracle. */
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    INPUT_FILES = 7,
    NETWORK_MB = 64,        /* as weir has it by default */
    NETWORK_WIDE_MB = 4096, /* 128 x 128 channels, of which few pages are ever touched */
    WIDE = 100,
    LOOK_NS = 5000000,
    LOG_END = 4000,
    STILL_S = 60,
    ARGUMENTS = 80,
    TEXT = 2 * LIFE_PATH
};

#define CALL_TEXT(name, text, stage)  text,
#define CALL_STAGE(name, text, stage) STAGE_##stage,
static const char *const call_texts[] = { KILL_CALLS(CALL_TEXT) };
static const enum call_stage call_stages[] = { KILL_CALLS(CALL_STAGE) };

const char *
call_text(enum call call)
{
    return call_texts[call];
}

enum call_stage
call_stage_of(enum call call)
{
    return call_stages[call];
}

double
seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- the place --- */

uint64_t
draw(struct place *place, uint64_t least, uint64_t most)
{
    uint64_t r = place->random += UINT64_C(0x9e3779b97f4a7c15);
    r = (r ^ (r >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    r = (r ^ (r >> 27)) * UINT64_C(0x94d049bb133111eb);
    return least + (r ^ (r >> 31)) % (most - least + 1);
}

/* Lines with what a splitter may stumble over: several spaces, none, lower case, commas, UTF-8. */
static void
write_line(struct place *place, FILE *file)
{
    static const char *const odd[] = { "it's", "(a,1)", "Straße", "x,y", "naïve", "--" };
    uint64_t words = draw(place, 0, 8);
    for (uint64_t i = 0; i < words; i++) {
        uint64_t kind = draw(place, 0, 19);
        if (kind == 0) {
            fputs("  ", file);
        } else if (kind == 1) {
            fputs(odd[draw(place, 0, sizeof odd / sizeof odd[0] - 1)], file);
        } else {
            fprintf(file, "%c%lu", (int)draw(place, 'a', 'e') - (kind == 2 ? 32 : 0),
                    (unsigned long)draw(place, 0, place->keys));
        }
        fputs(i + 1 < words ? " " : "", file);
    }
    fputc('\n', file);
}

static bool
write_input(struct place *place, const char *directory)
{
    bool good = mkdir(directory, 0777) == 0;
    for (int i = 0; i < INPUT_FILES && good; i++) {
        char path[TEXT];
        snprintf(path, sizeof path, "%s/text-%d", directory, i);
        FILE *file = fopen(path, "we");
        good = file != NULL;
        for (uint64_t line = 0; good && line < place->events / INPUT_FILES; line++) {
            write_line(place, file);
        }
        good = good && fclose(file) == 0;
    }
    return good;
}

bool
place_open(struct place *place)
{
    char output[TEXT];
    char input[TEXT];
    const char *temporary = getenv("TMPDIR");
    char pattern[LIFE_PATH];
    snprintf(pattern, sizeof pattern, "%.900s/weir-kill-XXXXXX",
             temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    if (mkdtemp(pattern) == NULL) {
        perror(pattern);
        return false;
    }
    char *real = realpath(pattern, NULL);
    snprintf(place->work, sizeof place->work, "%s", real != NULL ? real : pattern);
    free(real);
    snprintf(output, sizeof output, "%s/output", place->work);
    snprintf(input, sizeof input, "%s/input", place->work);
    if (place->is_words) {
        place->oracle = write_input(place, input) ? oracle_of_words(output, input) : NULL;
    } else {
        place->oracle = oracle_of_events(output, place->events, place->seed, place->keys);
    }
    return place->oracle != NULL;
}

void
place_close(struct place *place, bool good)
{
    oracle_destroy(place->oracle);
    place->oracle = NULL;
    if (!good) {
        fprintf(stderr, "what is left: %s\n", place->work);
        return;
    }
    pid_t remover = fork();
    if (remover == 0) {
        execlp("rm", "rm", "-rf", "--", place->work, (char *)NULL);
        _exit(127);
    }
    waitpid(remover, NULL, 0);
}

bool
place_has_checkpoint(const struct place *place)
{
    char pattern[TEXT];
    glob_t found;
    bool there = false;
    static const char *const names[] = { "chk-*/_metadata", "_finished" };
    for (size_t i = 0; i < 2 && !there; i++) {
        snprintf(pattern, sizeof pattern, "%s/checkpoints/*/%s", place->work, names[i]);
        there = glob(pattern, 0, NULL, &found) == 0;
        globfree(&found);
    }
    return there;
}

pid_t
place_holder(const struct place *place)
{
    char path[TEXT];
    long pid = -1;
    char line[128];
    snprintf(path, sizeof path, "%s/checkpoints/.%s.lock", place->work,
             place->is_words ? "wordcount" : "sequence_sum");
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "pid ", 4) == 0) {
            pid = strtol(line + 4, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return (pid_t)pid;
}

static size_t
read_log(const struct place *place, char *out, size_t room)
{
    char path[TEXT];
    snprintf(path, sizeof path, "%s/log", place->work);
    FILE *file = fopen(path, "re");
    size_t size = 0;
    if (file != NULL) {
        if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > (long)room - 1) {
            fseek(file, -(long)(room - 1), SEEK_END);
        } else {
            rewind(file);
        }
        size = fread(out, 1, room - 1, file);
        fclose(file);
    }
    out[size] = '\0';
    return size;
}

void
place_show_log(const struct place *place)
{
    char text[LOG_END];
    read_log(place, text, sizeof text);
    fprintf(stderr, "--- its last words:\n%s---\n", text);
}

bool
place_log_has(const struct place *place, const char *words)
{
    char text[LOG_END];
    read_log(place, text, sizeof text);
    return strstr(text, words) != NULL;
}

/* --- starting --- */

void
life_draw(struct place *place, struct life *life)
{
    static const unsigned parallelism[] = { 1, 2, 3, 5 };
    static const unsigned batch_sizes[] = { 1, 7, 64, 1024 };
    static const unsigned workers[] = { 0, 1, 3, 5 };
    life->parallelism = parallelism[draw(place, 0, 3)];
    life->interval_ms = (unsigned)draw(place, 20, 300);
    life->batch_size = batch_sizes[draw(place, 0, 3)];
    life->batches = (unsigned)draw(place, 1, 4);
    life->retained = (unsigned)draw(place, 1, 3);
    life->workers = workers[draw(place, 0, 3)];
    life->inline_max = draw(place, 0, 2) == 0 ? 20480 : 0;
    life->aligned_ms = draw(place, 0, 1) == 0 ? 0 : (unsigned)draw(place, 1, 40);
}

/* The words of the command, in one block of text. */
struct command {
    char *words[ARGUMENTS];
    size_t count;
    char text[16 * TEXT];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void
add(struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *to = command->text + command->used;
    int size = vsnprintf(to, sizeof command->text - command->used, format, arguments);
    va_end(arguments);
    if (size < 0 || command->used + (size_t)size + 1 >= sizeof command->text ||
        command->count + 1 >= ARGUMENTS) {
        abort();
    }
    command->words[command->count++] = to;
    command->words[command->count] = NULL;
    command->used += (size_t)size + 1;
}

static void
add_options(struct command *command, const struct place *place, const struct life *life)
{
    const struct {
        const char *key;
        unsigned long value;
        const char *unit;
    } options[] = {
        { "execution.checkpointing.interval", life->interval_ms, "ms" },
        { "execution.checkpointing.num-retained", life->retained, "" },
        { "execution.buffer-timeout", life->batch_size % 5, "ms" },
        { "weir.network.batch-size", life->batch_size, "" },
        { "weir.network.batches-per-channel", life->batches, "" },
        { "weir.workers", life->workers, "" },
        { "execution.checkpointing.data-inline-threshold", life->inline_max, "" },
        { "taskmanager.network.memory.size",
          life->parallelism >= WIDE ? NETWORK_WIDE_MB : NETWORK_MB, "mb" },
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        add(command, "-D");
        add(command, "%s=%lu%s", options[i].key, options[i].value, options[i].unit);
    }
    add(command, "-D"); /* its files are no part of what is killed */
    add(command, "weir.rest.socket=false");
    add(command, "-D");
    add(command, "execution.checkpointing.dir=%s/checkpoints", place->work);
    add(command, "-D");
    add(command, "weir.log.levels=checkpoint=WARN"); /* its words are read, and there are many */
    add(command, "-D");
    add(command, "state.backend.type=%s", place->engine);
    add(command, "-D");
    add(command, "execution.checkpointing.incremental=%s", place->incremental ? "true" : "false");
    add(command, "-D");
    add(command, "state.backend.rocksdb.localdir=%s/engine", place->work);
    if (place->at_least_once) {
        add(command, "-D");
        add(command, "execution.checkpointing.mode=AT_LEAST_ONCE");
    }
    if (place->unaligned) {
        add(command, "-D");
        add(command, "execution.checkpointing.unaligned.enabled=true");
        add(command, "-D");
        add(command, "execution.checkpointing.aligned-checkpoint-timeout=%ums", life->aligned_ms);
    }
    if (place->supervised) {
        add(command, "--supervise");
        add(command, "-D");
        add(command, "restart-strategy.type=fixed-delay");
        add(command, "-D");
        add(command, "restart-strategy.fixed-delay.attempts=100000");
        add(command, "-D");
        add(command, "restart-strategy.fixed-delay.delay=10ms");
    }
}

static void
make_command(struct command *command, const struct place *place, const struct life *life)
{
    memset(command, 0, sizeof *command);
    add(command, "%s/weir", place->build);
    add(command, "run");
    add(command, "-p");
    add(command, "%u", life->parallelism);
    add_options(command, place, life);
    if (place_has_checkpoint(place)) {
        add(command, "-s");
        add(command, "latest:%s/checkpoints", place->work);
    }
    if (life->take_over) {
        add(command, "--take-over");
    }
    add(command, "%s/examples/%s.so", place->build, place->is_words ? "wordcount" : "sequence_sum");
    if (place->is_words) {
        add(command, "--input");
        add(command, "%s/input", place->work);
    } else {
        add(command, "--events");
        add(command, "%llu", (unsigned long long)place->events);
        add(command, "--seed");
        add(command, "%llu", (unsigned long long)place->seed);
        add(command, "--keys");
        add(command, "%llu", (unsigned long long)place->keys);
    }
    add(command, "--rate");
    add(command, "%llu", (unsigned long long)life->rate);
    add(command, "--output");
    add(command, "%s/output", place->work);
}

static void
set_path(const char *name, const struct place *place, const char *path)
{
    char text[TEXT];
    snprintf(text, sizeof text, "%s/%s", place->work, path);
    setenv(name, text, 1);
}

/* In the child. */
static void
become(const struct place *place, const struct life *life, struct command *command)
{
    char path[TEXT];
    char number[32];
    snprintf(path, sizeof path, "%s/log", place->work);
    int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    set_path("KILL_CHECKPOINTS", place, "checkpoints");
    set_path("KILL_OUTPUT", place, "output");
    set_path("KILL_TRACE", place, "trace");
    if (life->blow.call != CALL_COUNT) {
        snprintf(number, sizeof number, "%u", life->blow.n);
        setenv("KILL_CALL", call_text(life->blow.call), 1);
        setenv("KILL_N", number, 1);
        setenv("KILL_WHEN", life->blow.when, 1);
        setenv("KILL_SIGNAL", life->blow.stop ? "STOP" : "KILL", 1);
    }
    snprintf(path, sizeof path, "%s/tests/e2e/libkill-preload.so", place->build);
    setenv("LD_PRELOAD", path, 1);
    execv(command->words[0], command->words);
    perror(command->words[0]);
    _exit(127);
}

pid_t
life_start(const struct place *place, const struct life *life)
{
    static struct command command;
    make_command(&command, place, life);
    if (getenv("KILL_VERBOSE") != NULL) {
        for (size_t i = 0; i < command.count; i++) {
            fprintf(stderr, "%s%s", command.words[i], i + 1 < command.count ? " " : "\n");
        }
    }
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        become(place, life, &command);
    }
    return process;
}

int
life_watch(struct place *place, pid_t process, double until, int *out_status)
{
    for (;;) {
        struct timespec pause = { .tv_nsec = LOOK_NS };
        pid_t changed = waitpid(process, out_status, WNOHANG | WUNTRACED);
        if (!oracle_look(place->oracle)) {
            return -1;
        }
        if (changed == process) {
            return 1;
        }
        if (seconds_now() >= until) {
            return 0;
        }
        nanosleep(&pause, NULL);
    }
}

int
life_watch_end(struct place *place, pid_t process, int *out_status)
{
    uint64_t lines = UINT64_MAX;
    int watched = 0;
    while (watched == 0 && lines != oracle_lines(place->oracle)) {
        lines = oracle_lines(place->oracle);
        watched = life_watch(place, process, seconds_now() + STILL_S, out_status);
    }
    return watched;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* preload: dies, or stops, at one call of the process it is loaded into.
 *
 *   KILL_CHECKPOINTS, KILL_OUTPUT   the two directories, absolute
 *   KILL_CALL, KILL_N               the n-th call of this name in calls.h
 *   KILL_WHEN                       before, after, or middle: of a write, with half of it done
 *   KILL_SIGNAL                     KILL (default) or STOP
 *   KILL_TRACE                      "hit NAME WHEN" when it strikes; "seen NAME" once a name;
 *                                   "unknown CALL PATH" for what calls.h does not list
 *
 * Not linked to weir, and nothing of weir knows it: a call is told by the path it works on. Where
 * one path is synced at several steps, the step is told by what the same thread did before: the
 * steps of a completion and of a commit each run through on one thread.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum when {
    WHEN_BEFORE,
    WHEN_MIDDLE,
    WHEN_AFTER
};

#define CALL_TEXT(name, text, stage) text,
static const char *const call_texts[] = { KILL_CALLS(CALL_TEXT) };
static const char *const when_texts[] = { "before", "middle", "after" };

/* What the environment says; written by the constructor alone. */
static struct {
    char checkpoints[PATH_MAX];
    char output[PATH_MAX];
    enum call call;
    unsigned long n;
    enum when when;
    int signal;
    int trace;
    bool active;
} plan = { .call = CALL_COUNT, .trace = -1 };

static atomic_ulong counts[CALL_COUNT];
static _Thread_local enum call last_call = CALL_FOREIGN;

/* --- setting up --- */

static void
copy_variable(const char *name, char *out)
{
    const char *text = getenv(name);
    snprintf(out, PATH_MAX, "%s", text != NULL ? text : "");
}

__attribute__((constructor)) static void
set_up(void)
{
    copy_variable("KILL_CHECKPOINTS", plan.checkpoints);
    copy_variable("KILL_OUTPUT", plan.output);
    const char *call = getenv("KILL_CALL");
    const char *n = getenv("KILL_N");
    const char *when = getenv("KILL_WHEN");
    const char *signal_name = getenv("KILL_SIGNAL");
    const char *trace = getenv("KILL_TRACE");
    for (int i = 0; call != NULL && i < CALL_COUNT; i++) {
        if (strcmp(call, call_texts[i]) == 0) {
            plan.call = (enum call)i;
        }
    }
    plan.n = n != NULL ? strtoul(n, NULL, 10) : 1;
    for (int i = 0; when != NULL && i <= WHEN_AFTER; i++) {
        if (strcmp(when, when_texts[i]) == 0) {
            plan.when = (enum when)i;
        }
    }
    plan.signal = signal_name != NULL && strcmp(signal_name, "STOP") == 0 ? SIGSTOP : SIGKILL;
    if (trace != NULL) {
        plan.trace = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    }
    plan.active = plan.checkpoints[0] != '\0';
}

__attribute__((format(printf, 1, 2))) static void
trace(const char *format, ...)
{
    char text[PATH_MAX + 64];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (plan.trace >= 0 && size > 0) {
        size_t length = (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
        (void)syscall(SYS_write, plan.trace, text, length);
    }
}

/* --- which call --- */

/* What follows `root` in path; NULL: it is elsewhere. "" for the root itself. */
static const char *
below(const char *path, const char *root)
{
    size_t size = strlen(root);
    if (size == 0 || strncmp(path, root, size) != 0) {
        return NULL;
    }
    return path[size] == '\0' ? path + size : path[size] == '/' ? path + size + 1 : NULL;
}

static bool
is_hex_level(const char *name)
{
    return strspn(name, "0123456789abcdef") == 32 && (name[32] == '\0' || name[32] == '/');
}

static bool
ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* "<job>/.<attempt>/rest": the rest, "" for the attempt's directory itself; NULL: something else.
 */
static const char *
below_attempt(const char *name)
{
    if (is_hex_level(name) && name[32] == '/') {
        name += 33;
    }
    if (name[0] != '.' || !is_hex_level(name + 1)) {
        return NULL;
    }
    return name[33] == '/' ? name + 34 : name + 33;
}

static bool
is_lock(const char *name)
{
    return strchr(name, '/') == NULL && name[0] == '.' && strstr(name, ".lock") != NULL;
}

/* The same directory is synced for several reasons: `steps` are pairs of what was before and what
 * it is. */
static enum call
after_what(const enum call *steps, size_t count, enum call otherwise)
{
    for (size_t i = 0; i < count; i += 2) {
        if (last_call == steps[i]) {
            return steps[i + 1];
        }
    }
    return otherwise;
}

/* A state file, or an engine's own: "chk-7/0123456789abcdef-0..." */
static bool
is_data(const char *rest)
{
    const char *slash = strchr(rest, '/');
    return strncmp(rest, "chk-", 4) == 0 && slash != NULL && slash[1] != '_' &&
           strchr(slash + 1, '/') == NULL;
}

static enum call
sync_of_checkpoints(const char *name)
{
    static const enum call job_steps[] = { CALL_CHECKPOINT_RENAME, CALL_PARENT_SYNC,
                                           CALL_DROP_RENAME,       CALL_DROP_PARENT_SYNC,
                                           CALL_FINISHED_RENAME,   CALL_FINISHED_PARENT_SYNC };
    static const enum call hidden_steps[] = {
        CALL_PARENT_SYNC,      CALL_HIDDEN_SYNC,          CALL_DROP_PARENT_SYNC,
        CALL_DROP_HIDDEN_SYNC, CALL_FINISHED_PARENT_SYNC, CALL_FINISHED_HIDDEN_SYNC
    };
    if (name[0] == '\0') {
        return CALL_START_SYNC;
    }
    if (is_hex_level(name) && name[32] == '\0') {
        return after_what(job_steps, 6, CALL_START_SYNC);
    }
    if (is_lock(name)) {
        return CALL_LOCK_SYNC;
    }
    if (is_hex_level(name) && strcmp(name + 32, "/shared") == 0) {
        return CALL_SHARE_DIRECTORY_SYNC;
    }
    if (is_hex_level(name) && strncmp(name + 32, "/.fenced-", 9) == 0) {
        return CALL_FENCE_SYNC;
    }
    const char *rest = below_attempt(name);
    if (rest == NULL) {
        return CALL_UNKNOWN;
    }
    if (rest[0] == '\0') {
        return after_what(hidden_steps, 6, CALL_START_SYNC);
    }
    if (strncmp(rest, "chk-", 4) == 0 && strchr(rest, '/') == NULL) {
        return CALL_METADATA_DIRECTORY_SYNC;
    }
    return ends_with(rest, "/_metadata.tmp")    ? CALL_METADATA_SYNC
           : strcmp(rest, "_finished.tmp") == 0 ? CALL_FINISHED_SYNC
           : is_data(rest)                      ? CALL_DATA_SYNC
                                                : CALL_UNKNOWN;
}

static enum call
sync_of_output(const char *name)
{
    if (name[0] == '\0') {
        return last_call == CALL_COMMIT_RENAME ? CALL_COMMIT_DIRECTORY_SYNC : CALL_START_SYNC;
    }
    if (is_lock(name)) {
        return CALL_LOCK_SYNC;
    }
    if (strncmp(name, ".fenced-", 8) == 0) {
        return CALL_COMMIT_SOURCE_SYNC;
    }
    const char *rest = below_attempt(name);
    if (rest == NULL) {
        return CALL_UNKNOWN;
    }
    if (rest[0] != '\0') {
        return CALL_PENDING_SYNC;
    }
    return last_call == CALL_PENDING_SYNC ? CALL_PENDING_DIRECTORY_SYNC : CALL_COMMIT_SOURCE_SYNC;
}

static enum call
write_of(const char *checkpoint_name, const char *output_name)
{
    const char *name = checkpoint_name != NULL ? checkpoint_name : output_name;
    const char *rest = below_attempt(name);
    if (is_lock(name)) {
        return CALL_LOCK_WRITE;
    }
    if (rest == NULL || rest[0] == '\0') {
        return CALL_UNKNOWN;
    }
    if (output_name != NULL) {
        return CALL_PENDING_WRITE;
    }
    return ends_with(rest, "/_metadata.tmp")    ? CALL_METADATA_WRITE
           : strcmp(rest, "_finished.tmp") == 0 ? CALL_FINISHED_WRITE
           : is_data(rest)                      ? CALL_DATA_WRITE
                                                : CALL_UNKNOWN;
}

static const char *
last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum call
rename_of(const char *to)
{
    const char *checkpoint_name = below(to, plan.checkpoints);
    const char *output_name = below(to, plan.output);
    const char *name = last_name(to);
    if (checkpoint_name == NULL && output_name == NULL) {
        return CALL_FOREIGN;
    }
    if (strncmp(name, ".fenced-", 8) == 0) {
        return CALL_FENCE_RENAME;
    }
    if (strstr(name, ".lock") != NULL) {
        return CALL_LOCK_RENAME;
    }
    if (output_name != NULL) {
        return strncmp(name, "part-", 5) == 0 ? CALL_COMMIT_RENAME : CALL_UNKNOWN;
    }
    if (strcmp(name, "unneeded") == 0) {
        return CALL_UNNEEDED_RENAME;
    }
    const char *rest = below_attempt(checkpoint_name);
    if (strstr(checkpoint_name, "/shared/") != NULL || (rest != NULL && is_data(rest))) {
        return CALL_SHARE_RENAME;
    }
    return strcmp(name, "_metadata") == 0      ? CALL_METADATA_RENAME
           : strcmp(name, "_finished") == 0    ? CALL_FINISHED_RENAME
           : strncmp(name, "dropped-", 8) == 0 ? CALL_DROP_RENAME
           : strncmp(name, "chk-", 4) == 0     ? CALL_CHECKPOINT_RENAME
                                               : CALL_UNKNOWN;
}

static enum call
removal_of(const char *path)
{
    const char *checkpoint_name = below(path, plan.checkpoints);
    const char *output_name = below(path, plan.output);
    if (checkpoint_name == NULL && output_name == NULL) {
        return CALL_FOREIGN;
    }
    if (strstr(path, "/.fenced-") != NULL) {
        return CALL_FENCE_REMOVE;
    }
    const char *rest = below_attempt(checkpoint_name != NULL ? checkpoint_name : output_name);
    if (strcmp(last_name(path), "_finished") == 0) {
        return CALL_FINISHED_REMOVE;
    }
    if (rest == NULL && strstr(path, "/shared/") != NULL) {
        return CALL_FENCE_REMOVE; /* what a fenced attempt had shared for nothing */
    }
    if (rest == NULL) {
        return strstr(last_name(path), ".lock") != NULL ? CALL_LOCK_RENAME : CALL_UNKNOWN;
    }
    if (strcmp(rest, "unneeded") == 0) {
        return CALL_UNNEEDED_UNLINK;
    }
    if (strncmp(rest, "dropped-", 8) == 0) {
        return CALL_DROP_UNLINK;
    }
    /* What a checkpoint that was still being built had, and the attempt's own directory at its end.
     */
    return CALL_HIDDEN_REMOVE;
}

static enum call
creation_of(const char *path)
{
    const char *name = below(path, plan.checkpoints);
    if (name == NULL) {
        return below(path, plan.output) != NULL ? CALL_START_MKDIR : CALL_FOREIGN;
    }
    const char *rest = below_attempt(name);
    return rest != NULL && strncmp(rest, "chk-", 4) == 0 ? CALL_BEGIN_MKDIR : CALL_START_MKDIR;
}

/* The path of an open file; false: none that concerns us. */
static bool
path_of(int file, char out[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, out, PATH_MAX - 1);
    if (size <= 0) {
        return false;
    }
    out[size] = '\0';
    return true;
}

/* --- striking --- */

/* One call that is under way. */
struct strike {
    enum call call;
    bool now;
};

static void
strike_at(const struct strike *strike, enum when when)
{
    if (strike->now && plan.when == when) {
        trace("hit %s %s\n", call_texts[strike->call], when_texts[when]);
        kill(getpid(), plan.signal);
    }
}

static struct strike
begin(enum call call, const char *what, const char *path)
{
    struct strike strike = { .call = call };
    if (!plan.active || call == CALL_FOREIGN) {
        return strike;
    }
    if (call == CALL_UNKNOWN) {
        trace("unknown %s %s\n", what, path);
        return strike;
    }
    unsigned long count = atomic_fetch_add(&counts[call], 1) + 1;
    if (count == 1) {
        trace("seen %s\n", call_texts[call]);
    }
    strike.now = call == plan.call && count == plan.n;
    strike_at(&strike, WHEN_BEFORE);
    return strike;
}

static long
end(const struct strike *strike, long result)
{
    int failure = errno;
    if (strike->call < CALL_COUNT) {
        last_call = strike->call;
    }
    strike_at(strike, WHEN_AFTER);
    errno = failure;
    return result;
}

static struct strike
begin_on_file(int file, bool is_sync)
{
    char path[PATH_MAX];
    enum call call = CALL_FOREIGN;
    if (plan.active && path_of(file, path)) {
        const char *checkpoint_name = below(path, plan.checkpoints);
        const char *output_name = below(path, plan.output);
        if (checkpoint_name != NULL || output_name != NULL) {
            call = !is_sync                  ? write_of(checkpoint_name, output_name)
                   : checkpoint_name != NULL ? sync_of_checkpoints(checkpoint_name)
                                             : sync_of_output(output_name);
        }
    }
    return begin(call, is_sync ? "sync" : "write", path);
}

/* --- the calls ---
 *
 * Each has a name of its own here, and the library's for the linker. */

int on_rename(const char *from, const char *to) __asm__("rename");
int on_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                 unsigned flags) __asm__("renameat2");
int on_fsync(int file) __asm__("fsync");
int on_fdatasync(int file) __asm__("fdatasync");
ssize_t on_write(int file, const void *data, size_t size) __asm__("write");
ssize_t on_pwrite(int file, const void *data, size_t size, off_t offset) __asm__("pwrite");
int on_unlink(const char *path) __asm__("unlink");
int on_rmdir(const char *path) __asm__("rmdir");
int on_mkdir(const char *path, mode_t mode) __asm__("mkdir");

int
on_rename(const char *from, const char *to)
{
    struct strike strike = begin(rename_of(to), "rename", to);
    return (int)end(&strike, syscall(SYS_rename, from, to));
}

int
on_renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
    struct strike strike = begin(rename_of(to), "rename", to);
    return (int)end(&strike, syscall(SYS_renameat2, from_directory, from, to_directory, to, flags));
}

int
on_fsync(int file)
{
    struct strike strike = begin_on_file(file, true);
    return (int)end(&strike, syscall(SYS_fsync, file));
}

int
on_fdatasync(int file)
{
    struct strike strike = begin_on_file(file, true);
    return (int)end(&strike, syscall(SYS_fdatasync, file));
}

/* A direct write is cut at a block. */
static size_t
half_of(size_t size)
{
    return size >= 8192 ? size / 2 / 4096 * 4096 : size / 2;
}

ssize_t
on_write(int file, const void *data, size_t size)
{
    struct strike strike = begin_on_file(file, false);
    if (strike.now && plan.when == WHEN_MIDDLE) {
        (void)syscall(SYS_write, file, data, half_of(size));
        strike_at(&strike, WHEN_MIDDLE);
    }
    return end(&strike, syscall(SYS_write, file, data, size));
}

ssize_t
on_pwrite(int file, const void *data, size_t size, off_t offset)
{
    struct strike strike = begin_on_file(file, false);
    if (strike.now && plan.when == WHEN_MIDDLE) {
        (void)syscall(SYS_pwrite64, file, data, half_of(size), offset);
        strike_at(&strike, WHEN_MIDDLE);
    }
    return end(&strike, syscall(SYS_pwrite64, file, data, size, offset));
}

int
on_unlink(const char *path)
{
    struct strike strike = begin(removal_of(path), "unlink", path);
    return (int)end(&strike, syscall(SYS_unlink, path));
}

int
on_rmdir(const char *path)
{
    struct strike strike = begin(removal_of(path), "rmdir", path);
    return (int)end(&strike, syscall(SYS_rmdir, path));
}

int
on_mkdir(const char *path, mode_t mode)
{
    struct strike strike = begin(creation_of(path), "mkdir", path);
    return (int)end(&strike, syscall(SYS_mkdir, path, mode));
}

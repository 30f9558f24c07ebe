/* SPDX-License-Identifier: Apache-2.0 */
/* registry: reads the runtime directory.
 *
 * A file whose lock is free belongs to a process that is no more. It is looked at by a shared lock,
 * so that two readers do not take each other for the owner, and removed only while its name still
 * stands for the file that was looked at. What stands in a file is checked like any foreign bytes.
 */
#include "registry.h"

#include "cli.h"
#include "connection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 64 * 1024
};

/* --- the directory --- */

static void
find_directory(char out[CLI_PATH_SIZE])
{
    const char *own = getenv("WEIR_RUNTIME_DIR");
    const char *session = getenv("XDG_RUNTIME_DIR");
    if (own != NULL && own[0] != '\0') {
        snprintf(out, CLI_PATH_SIZE, "%s", own);
    } else if (session != NULL && session[0] == '/') {
        snprintf(out, CLI_PATH_SIZE, "%s/weir", session);
    } else {
        snprintf(out, CLI_PATH_SIZE, "/tmp/weir-%u", (unsigned)geteuid());
    }
}

/* A descriptor, -1: there is none, -2: it is not to be believed, which was said. */
static int
open_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (directory < 0 && errno == ENOENT) {
        return -1;
    }
    if (directory < 0) {
        cli_say('e', "running jobs cannot be looked up in %s: %s", path, strerror(errno));
        return -2;
    }
    if (fstat(directory, &status) != 0 || status.st_uid != geteuid() ||
        (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        cli_say('e',
                "%s is not this user's alone, so what stands in it is not believed: remove it, or "
                "set WEIR_RUNTIME_DIR",
                path);
        close(directory);
        return -2;
    }
    return directory;
}

/* --- one file --- */

static char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

static bool
is_job_id(const char *text)
{
    return text != NULL && strlen(text) == CLI_JOB_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == CLI_JOB_ID_SIZE - 1;
}

static void
free_job(struct cli_registered *job)
{
    free(job->name);
    free(job->socket);
    free(job->url);
    free(job->token_file);
}

static bool
parse(const char *text, size_t size, struct cli_registered *out)
{
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(object, "job-id"));
    memset(out, 0, sizeof *out);
    if (!is_job_id(id)) {
        json_decref(object);
        return false;
    }
    memcpy(out->job_id, id, CLI_JOB_ID_SIZE);
    out->pid = (pid_t)json_integer_value(json_object_get(object, "pid"));
    out->start_ms = json_integer_value(json_object_get(object, "start-time"));
    const char *name = json_string_value(json_object_get(object, "name"));
    out->name = strdup(name != NULL ? name : "");
    if (out->name != NULL) {
        cli_make_printable(out->name);
    }
    out->socket = text_of(object, "socket");
    out->url = text_of(object, "url");
    out->token_file = text_of(object, "token-file");
    json_decref(object);
    bool is_whole = out->name != NULL && (out->socket != NULL || out->url != NULL);
    if (!is_whole) {
        free_job(out);
    }
    return is_whole;
}

/* Behind a process that is no more: its file and its socket. */
static void
remove_stale(int directory, const char *name, int file)
{
    struct stat now;
    struct stat seen;
    const char *pid = strchr(name, '.');
    if (fstat(file, &seen) != 0 || fstatat(directory, name, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
        now.st_ino != seen.st_ino || now.st_dev != seen.st_dev || pid == NULL) {
        return;
    }
    char other[NAME_MAX + 1];
    long number = strtol(pid + 1, NULL, 10);
    snprintf(other, sizeof other, "%ld.sock", number);
    (void)unlinkat(directory, other, 0);
    (void)unlinkat(directory, name, 0);
}

/* false: it is nobody's, or says nothing that can be used. */
static bool
read_file(int directory, const char *name, struct cli_registered *out)
{
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (file < 0) {
        return false;
    }
    bool found = false;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid()) {
        if (flock(file, LOCK_SH | LOCK_NB) == 0) {
            remove_stale(directory, name, file);
        } else {
            static char text[FILE_MAX];
            ssize_t size = pread(file, text, sizeof text, 0);
            found = size > 0 && parse(text, (size_t)size, out);
        }
    }
    close(file);
    return found;
}

/* "<32 hex digits>.<pid>.json" */
static bool
is_registration(const char *name)
{
    size_t hex = strspn(name, "0123456789abcdef");
    if (hex != CLI_JOB_ID_SIZE - 1 || name[hex] != '.') {
        return false;
    }
    size_t digits = strspn(name + hex + 1, "0123456789");
    return digits > 0 && digits < 11 && strcmp(name + hex + 1 + digits, ".json") == 0;
}

static int
by_start(const void *one, const void *other)
{
    const struct cli_registered *left = one;
    const struct cli_registered *right = other;
    if (left->start_ms != right->start_ms) {
        return left->start_ms < right->start_ms ? -1 : 1;
    }
    return strcmp(left->job_id, right->job_id);
}

static int
read_all(struct cli_registry *registry, int directory, DIR *entries)
{
    struct dirent *entry = NULL;
    while ((entry = readdir(entries)) != NULL) {
        struct cli_registered job;
        if (!is_registration(entry->d_name) || !read_file(directory, entry->d_name, &job)) {
            continue;
        }
        if (registry->count == CLI_REGISTERED_MAX) {
            cli_say('w', "more than %d running jobs in %s: the rest is left out",
                    CLI_REGISTERED_MAX, registry->directory);
            free_job(&job);
            break;
        }
        struct cli_registered *grown =
            realloc(registry->jobs, (registry->count + 1) * sizeof *grown);
        if (grown == NULL) {
            cli_say('e', "no memory for the list of running jobs");
            free_job(&job);
            return CLI_FAILED;
        }
        registry->jobs = grown;
        grown[registry->count++] = job;
    }
    if (registry->count != 0) {
        qsort(registry->jobs, registry->count, sizeof *registry->jobs, by_start);
    }
    return CLI_OK;
}

int
cli_registry_read(struct cli_registry *out_registry)
{
    memset(out_registry, 0, sizeof *out_registry);
    find_directory(out_registry->directory);
    int directory = open_directory(out_registry->directory);
    if (directory < 0) {
        return directory == -1 ? CLI_OK : CLI_FAILED;
    }
    int walked = dup(directory);
    DIR *entries = walked >= 0 ? fdopendir(walked) : NULL;
    int code = CLI_FAILED;
    if (entries != NULL) {
        code = read_all(out_registry, directory, entries);
        closedir(entries);
    } else {
        cli_say('e', "running jobs cannot be looked up in %s: %s", out_registry->directory,
                strerror(errno));
    }
    close(directory);
    if (code != CLI_OK) {
        cli_registry_free(out_registry);
    }
    return code;
}

bool
cli_registry_holds(const struct cli_registry *registry, const struct cli_registered *job)
{
    char path[CLI_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s.%ld.json", registry->directory, job->job_id, (long)job->pid);
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool is_held = flock(file, LOCK_SH | LOCK_NB) != 0;
    close(file);
    return is_held;
}

void
cli_registry_free(struct cli_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        free_job(&registry->jobs[i]);
    }
    free(registry->jobs);
    registry->jobs = NULL;
    registry->count = 0;
}

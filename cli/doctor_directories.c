/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_directories: does in each directory that the configuration names what checkpoints will do
 * there, in a hidden directory that is removed again: write with O_DIRECT, sync, rename without
 * replacing, link, lock.
 */
#include "cli.h"
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LEAST_FREE ((uint64_t)1 << 30) /* less is warned of */

enum {
    PATH_SIZE = 4096,
    BLOCK = 4096
};

/* One directory being probed. */
struct probe {
    const char *key; /* of the option */
    const char *path;
    char there[PATH_SIZE]; /* itself, or the nearest above it that exists */
    char place[PATH_SIZE]; /* the hidden directory in it */
    bool is_direct;
};

/* "what failed", NULL: nothing did. errno says why. */
static const char *
write_block(struct probe *probe, const char *path)
{
    void *block = NULL;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_DIRECT, 0600);
    probe->is_direct = file >= 0;
    if (file < 0 && errno == EINVAL) {
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    }
    if (file < 0) {
        return "making a file";
    }
    const char *failed = NULL;
    if (posix_memalign(&block, BLOCK, BLOCK) != 0) {
        failed = "allocating a block";
    } else {
        memset(block, 0, BLOCK);
        failed = write(file, block, BLOCK) != BLOCK    ? "writing"
                 : fsync(file) != 0                    ? "syncing a file"
                 : flock(file, LOCK_EX | LOCK_NB) != 0 ? "locking a file"
                                                       : NULL;
    }
    int failure = errno;
    free(block);
    close(file);
    errno = failure;
    return failed;
}

static const char *
sync_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = directory >= 0 && fsync(directory) == 0;
    int failure = errno;
    if (directory >= 0) {
        close(directory);
    }
    errno = failure;
    return is_synced ? NULL : "syncing a directory";
}

/* What completing a checkpoint does. */
static const char *
exercise(struct probe *probe)
{
    char file[PATH_SIZE + 8];
    char link_name[PATH_SIZE + 8];
    char from[PATH_SIZE + 8];
    char to[PATH_SIZE + 8];
    snprintf(file, sizeof file, "%s/file", probe->place);
    snprintf(link_name, sizeof link_name, "%s/link", probe->place);
    snprintf(from, sizeof from, "%s/from", probe->place);
    snprintf(to, sizeof to, "%s/to", probe->place);
    const char *failed = write_block(probe, file);
    if (failed == NULL && link(file, link_name) != 0) {
        failed = "making a hard link";
    }
    if (failed == NULL && mkdir(from, 0700) != 0) {
        failed = "making a directory";
    }
    if (failed == NULL && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        failed = "renaming without replacing";
    }
    if (failed == NULL) {
        failed = sync_directory(probe->place);
    }
    int failure = errno;
    unlink(file);
    unlink(link_name);
    rmdir(from);
    rmdir(to);
    errno = failure;
    return failed;
}

static bool
is_volatile(const char *path)
{
    struct statfs status;
    return statfs(path, &status) == 0 && ((unsigned long)status.f_type == TMPFS_MAGIC ||
                                          (unsigned long)status.f_type == RAMFS_MAGIC);
}

static void
tell_space(struct cli_doctor *doctor, const struct probe *probe)
{
    struct statvfs space;
    char words[32] = "?";
    uint64_t free_bytes = LEAST_FREE;
    if (statvfs(probe->there, &space) == 0) {
        free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
        cli_print_bytes(words, sizeof words, free_bytes);
    }
    const char *made = strcmp(probe->there, probe->path) == 0 ? "" : " (will be made)";
    if (free_bytes < LEAST_FREE) {
        cli_doctor_add(doctor, probe->key, CLI_FINDING_WARNING,
                       "free some, or choose a larger file system: a checkpoint that does not fit "
                       "fails",
                       "%s%s: only %s are free", probe->path, made, words);
    } else if (is_volatile(probe->there)) {
        cli_doctor_add(doctor, probe->key, CLI_FINDING_WARNING,
                       "choose a directory on a disk: what is in memory is gone after a reboot",
                       "%s%s: in memory, %s free", probe->path, made, words);
    } else {
        cli_doctor_add(doctor, probe->key, CLI_FINDING_OK, NULL, "%s%s: %s free%s", probe->path,
                       made, words,
                       probe->is_direct ? "" : "; no O_DIRECT here, writes are buffered");
    }
}

/* The path itself, or the nearest directory above it that is there. */
static void
find_existing(struct probe *probe)
{
    struct stat status;
    snprintf(probe->there, sizeof probe->there, "%s", probe->path);
    while (stat(probe->there, &status) != 0 && errno == ENOENT) {
        char *slash = strrchr(probe->there, '/');
        if (slash == NULL) {
            snprintf(probe->there, sizeof probe->there, ".");
        } else {
            slash[slash == probe->there ? 1 : 0] = '\0';
        }
    }
}

static void
look_into(struct cli_doctor *doctor, const char *key, const char *path)
{
    struct probe probe = { .key = key, .path = path };
    find_existing(&probe);
    snprintf(probe.place, sizeof probe.place, "%.*s/.weir-doctor-XXXXXX", PATH_SIZE - 32,
             probe.there);
    if (mkdtemp(probe.place) == NULL) {
        cli_doctor_add(doctor, key, CLI_FINDING_ERROR,
                       "make it, or give this user the right to write there", "%s: %s: %s", path,
                       probe.there, strerror(errno));
        return;
    }
    const char *failed = exercise(&probe);
    int failure = errno;
    rmdir(probe.place);
    if (failed != NULL) {
        cli_doctor_add(doctor, key, CLI_FINDING_ERROR,
                       "choose a file system that can (ext4, xfs, btrfs): without it no checkpoint "
                       "is complete",
                       "%s: %s fails: %s", path, failed, strerror(failure));
        return;
    }
    tell_space(doctor, &probe);
}

/* A value may name several, and each may be a URL. */
static void
look_into_all(struct cli_doctor *doctor, const char *key)
{
    const char *value = weir_options_text(doctor->options, key);
    while (value != NULL && *value != '\0') {
        char path[PATH_SIZE];
        size_t size = strcspn(value, ",;");
        snprintf(path, sizeof path, "%.*s", (int)size, value);
        value += size + (value[size] != '\0' ? 1 : 0);
        const char *plain = strncmp(path, "file://", 7) == 0 ? path + 7
                            : strncmp(path, "file:", 5) == 0 ? path + 5
                                                             : path;
        if (strstr(plain, "://") != NULL) {
            cli_doctor_add(doctor, key, CLI_FINDING_ERROR, "name a directory, or file://DIR",
                           "%s: weir writes to file systems only", path);
        } else if (*plain != '\0') {
            look_into(doctor, key, plain);
        }
    }
}

void
cli_doctor_directories(struct cli_doctor *doctor)
{
    static const char *const keys[] = { "execution.checkpointing.dir",
                                        "execution.checkpointing.savepoint-dir",
                                        "execution.checkpointing.local-backup.dirs",
                                        "state.backend.rocksdb.localdir" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        look_into_all(doctor, keys[i]);
    }
    if (weir_options_text(doctor->options, keys[0]) == NULL) {
        cli_doctor_add(doctor, keys[0], CLI_FINDING_WARNING,
                       "set it, and execution.checkpointing.interval, in the config file or by -D",
                       "not set: no checkpoint survives the process");
    }
}
